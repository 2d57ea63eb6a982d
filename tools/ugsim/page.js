
// page.js - the picture of a trace. SPDX-License-Identifier: MIT
// All text of the trace becomes text nodes. Only what is in sight has nodes, or is drawn.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const D = JSON.parse($("trace").textContent);
  const N = D.text.length;
  const X = D.exchanges; // [first, last, name, result, bytes up, bytes down]
  const LANES = ["program", "driver", "modem", "server"];
  const LEFT = 64; // px: names of the lanes
  const AXIS = 20;
  const ROW = 20;
  const OK = 0, FAILED = 1;
  const COLORS = {
    commands: "#0b5394", answers: "#9e9e9e", URCs: "#8e24aa", payload: "#1e88e5",
    server: "#00838f", modem: "#5d4037", faults: "#d32f2f", program: "#546e7a",
  };
  const RESULTS = ["#7fb07f", "#e57373", "#bdbdbd"];
  const lane = D.kind.map((k) => D.kinds[k][1]);
  const group = D.kind.map((k) => D.kinds[k][2]);
  const kind = (i) => D.kinds[D.kind[i]][0];
  const T = new Float64Array(N); // s
  for (let i = 0, t = 0; i < N; i++) T[i] = (t += D.times[i]) / 1e6;
  const reasons = new Map(D.pauses);
  const stats = { drawn: 0, frames: 0 };

  const el = (tag, text, name) => {
    const e = document.createElement(tag);
    if (text !== undefined) e.textContent = text;
    if (name) e.className = name;
    return e;
  };
  const plural = (n, what) => n.toLocaleString("en") + " " + what + (n === 1 ? "" : "s");
  const bytes = (n) => n < 10000 ? n + " B" : (n / 1000).toFixed(1) + " kB";
  const seconds = (s) => {
    if (s < 0.001) return (s * 1e6).toFixed(0) + " \u00b5s";
    if (s < 1) return (s * 1000).toFixed(s < 0.0099 ? 2 : 1) + " ms";
    if (s < 120) return s.toFixed(s < 10 ? 2 : 1) + " s";
    return s < 7200 ? (s / 60).toFixed(1) + " min" : (s / 3600).toFixed(1) + " h";
  };
  const clock = (t) => {
    const date = new Date((D.unix + t) * 1000);
    return D.unix === null || isNaN(date) ? "" : date.toISOString();
  };
  // Control and other invisible characters as they would be typed in a string.
  const printable = (text) => text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/gu,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
  const shown = (i) => printable(D.text[i]);

  // Time to x. What is longer than `fold` takes a fixed width.
  const U = new Float64Array(N);
  let folds = [];
  let fold = 1;
  function setFold(limit) {
    fold = limit;
    folds = [];
    let u = 0;
    for (let i = 0; i < N; i++) {
      const gap = i ? T[i] - T[i - 1] : 0;
      if (limit && gap > limit) {
        folds.push({ i, from: u, gap });
        u += limit / 2;
      } else u += gap;
      U[i] = u;
    }
  }
  function first(array, value, length) { // index of the first that is >= value
    let low = 0, high = length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((typeof array === "function" ? array(middle) : array[middle]) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const lanes = $("lanes"), whole = $("whole");
  let width = 1, height = 1, from = 0, scale = 100; // scale: px per folded s
  let baud = D.baud || 115200;
  let chosen = -1; // event
  let wanted = -1; // name of exchanges, of the filter
  const xOf = (u) => LEFT + (u - from) * scale;
  const span = () => Math.max(U[N - 1], 1e-3);
  const laneTop = (n) => AXIS + n * (height - AXIS) / 4;

  function fit() { scale = (width - LEFT - 20) / span(); from = 0; later(); }
  function begin() { // so much that one sees something
    fit();
    const s = 300 < N ? Math.max(U[300], 1e-3) : span();
    scale = (width - LEFT - 20) / s;
  }
  function zoom(factor, x) {
    const u = from + (x - LEFT) / scale;
    const least = (width - LEFT - 20) / span();
    scale = Math.min(Math.max(scale * factor, Math.min(least, scale)), 2e7);
    from = u - (x - LEFT) / scale;
    clamp();
  }
  function clamp() {
    const room = (width - LEFT) / scale;
    from = Math.max(-room * 0.02, Math.min(from, Math.max(0, span() - room * 0.9)));
    later();
  }
  function show(i) { // brings an event into sight
    const x = xOf(U[i]);
    if (x < LEFT + 20 || x > width - 40) from = U[i] - (width - LEFT) / scale / 3;
    clamp();
  }

  let due = false;
  function later() { if (!due) { due = true; requestAnimationFrame(draw); } }

  function size(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const w = canvas.clientWidth, h = canvas.clientHeight;
    if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
    if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, w, h);
    c.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    return [c, w, h];
  }

  function draw() {
    due = false;
    let c;
    [c, width, height] = size(lanes);
    stats.drawn = 0;
    stats.frames++;
    const until = from + (width - LEFT) / scale;
    const low = Math.max(0, first(U, from, N) - 1);
    const high = Math.min(N, first(U, until, N) + 1);
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, width - LEFT, height);
    c.clip();
    drawFolds(c, until);
    drawAxis(c, low, high);
    drawExchanges(c, low, high);
    drawEvents(c, low, high);
    c.restore();
    for (let n = 0; n < 4; n++) {
      c.fillStyle = "#222";
      c.fillText(LANES[n], 8, laneTop(n) + (height - AXIS) / 8 + 4);
      c.fillStyle = "#ddd";
      c.fillRect(0, laneTop(n), width, 1);
    }
    drawWhole(until);
  }

  function drawFolds(c, until) {
    let k = Math.max(0, first((j) => folds[j].from, from, folds.length) - 1);
    let last = -100;
    for (; k < folds.length && folds[k].from < until; k++) {
      const x = xOf(folds[k].from), w = fold / 2 * scale;
      if (x + w - last < 2) continue;
      last = x + w;
      stats.drawn++;
      c.fillStyle = "#f0ece0";
      c.fillRect(x, AXIS, Math.max(1, w), height - AXIS);
      if (w > 34) {
        c.fillStyle = "#7a6a3a";
        c.fillText(seconds(folds[k].gap), x + 4, height - 6);
        const why = reasons.get(folds[k].i);
        if (why && w > 90) c.fillText(printable(why), x + 4, laneTop(1) + 12, w - 8);
      }
    }
  }

  function drawAxis(c, low, high) {
    // A time where there is room for it, at an event: between folds the scale is one to one.
    c.fillStyle = "#666";
    let last = -1e9;
    for (let i = low; i < high;) {
      const x = xOf(U[i]);
      if (x >= LEFT) {
        c.fillText(T[i].toFixed(3), x + 2, 13);
        c.fillRect(x, 4, 1, AXIS - 4);
        stats.drawn++;
        last = x;
      }
      i = Math.max(i + 1, first(U, from + (Math.max(last, LEFT - 90) + 90 - LEFT) / scale, N));
    }
  }

  function drawExchanges(c, low, high) {
    const top = laneTop(1) + 18, tall = (height - AXIS) / 4 - 20;
    const wire = 10 / baud;
    let k = Math.max(0, first((j) => X[j][0], low, X.length) - 1);
    let last = -1;
    for (; k < X.length && X[k][0] < high; k++) {
      const [one, end, name, result, up, down] = X[k];
      const x = xOf(U[one]), w = Math.max(1.5, xOf(U[end]) - x);
      if (x + w < LEFT || (wanted >= 0 && name !== wanted)) continue;
      if (x + w - last < 1 && result === OK) continue;
      last = x + w;
      stats.drawn++;
      c.fillStyle = RESULTS[result];
      c.fillRect(x, top, w, tall);
      // Of it the time that its bytes take on the wire: up from the left, down from the right.
      c.fillStyle = "#0b5394";
      c.fillRect(x, top + tall - 7, Math.min(w, up * wire * scale), 3);
      const d = Math.min(w, down * wire * scale);
      c.fillStyle = "#2e7d32";
      c.fillRect(x + w - d, top + tall - 3, d, 3);
      if (D.of[chosen] === k) {
        c.strokeStyle = "#000";
        c.strokeRect(x - 0.5, top - 0.5, w + 1, tall + 1);
      }
      if (w > 44) {
        c.save();
        c.beginPath();
        c.rect(Math.max(x, LEFT), top, w, tall);
        c.clip();
        c.fillStyle = "#102a10";
        c.fillText(shown(one).slice(0, 90), Math.max(x, LEFT) + 3, top + 13);
        c.restore();
      }
    }
  }

  function drawEvents(c, low, high) {
    const last = {};
    let free = -1; // x where the next label has room
    const label = (i, x, y) => {
      if (x < free) return;
      const text = shown(i).slice(0, 40);
      c.fillText(text, x + 4, y - 8);
      free = x + 12 + c.measureText(text).width;
    };
    for (let i = low; i < high; i++) {
      const g = group[i];
      if (g === "commands" || hidden.has(g)) continue;
      const x = xOf(U[i]);
      const key = g + lane[i];
      const strong = g === "faults" || i === chosen;
      if (x - last[key] < (strong ? 1 : 2)) continue;
      last[key] = x;
      stats.drawn++;
      const y = laneTop(lane[i]) + (height - AXIS) / 8;
      c.fillStyle = COLORS[g];
      const what = kind(i);
      if (g === "faults") {
        c.fillRect(x, AXIS, 1, height - AXIS);
        label(i, x, y);
      } else if (what === "power" || what === "start") {
        c.fillRect(x, AXIS, 2, height - AXIS);
        label(i, x, y);
      } else if (what === "up" || what === "down") {
        const n = (D.payload[i] || [1])[0];
        const tall = Math.min(22, 4 + 5 * Math.log10(1 + n));
        c.fillRect(x - 1, what === "up" ? y : y - tall, 3, tall);
      } else if (g === "answers") {
        c.fillRect(x, y + 6, 1.5, 10);
      } else {
        c.beginPath();
        c.moveTo(x - 4, y - 4);
        c.lineTo(x + 4, y - 4);
        c.lineTo(x, y + 4);
        c.fill();
      }
      if (i === chosen) {
        c.strokeStyle = "#000";
        c.strokeRect(x - 6, y - 10, 12, 26);
      }
    }
  }

  let density = null;
  function drawWhole(until) {
    const [c, w, h] = size(whole);
    if (!density || density.length !== w) {
      density = new Float64Array(w);
      const bad = new Set();
      for (let i = 0; i < N; i++) {
        const x = Math.min(w - 1, Math.floor(U[i] / span() * (w - 1)));
        density[x]++;
        if (group[i] === "faults") bad.add(x);
      }
      density.bad = bad;
    }
    for (let x = 0; x < w; x++) {
      if (!density[x]) continue;
      const tall = Math.min(h - 4, 3 + 3 * Math.log2(1 + density[x]));
      c.fillStyle = density.bad.has(x) ? "#d32f2f" : "#90a4ae";
      c.fillRect(x, h - tall, 1, tall);
    }
    c.strokeStyle = "#000";
    const a = Math.max(0, from / span() * w), b = Math.min(w, until / span() * w);
    c.strokeRect(a + 0.5, 0.5, Math.max(3, b - a) - 1, h - 1);
  }

  // The list: rows in sight, as nodes that are used again.
  const hidden = new Set();
  let rows = [];
  let hits = new Uint8Array(0), found = [], needle = "";
  const list = $("list"), space = $("space"), pool = [];
  function filter() {
    const only = $("only").checked && needle;
    rows = [];
    for (let i = 0; i < N; i++) {
      if (hidden.has(group[i]) || (only && !hits[i])) continue;
      if (wanted >= 0 && (D.of[i] < 0 || X[D.of[i]][2] !== wanted)) continue;
      rows.push(i);
    }
    space.style.height = rows.length * ROW + "px";
    $("found").textContent = needle ? plural(found.length, "line") : "";
    fill();
    later();
  }
  function fill() {
    const start = Math.max(0, Math.floor(list.scrollTop / ROW) - 3);
    const count = Math.min(rows.length - start, Math.ceil(list.clientHeight / ROW) + 6);
    while (pool.length < count) {
      const row = el("div", undefined, "row");
      row.append(el("span"), el("span"), el("span"));
      pool.push(row);
      space.append(row);
    }
    pool.forEach((row, k) => {
      row.hidden = k >= count;
      if (row.hidden) return;
      const i = rows[start + k];
      const bad = D.of[i] >= 0 && kind(i) === "final" && X[D.of[i]][3] === FAILED;
      row.style.top = (start + k) * ROW + "px";
      row.className = "row" + (i === chosen ? " chosen" : "") + (needle && hits[i] ? " hit" : "");
      row.dataset.event = i;
      row.children[0].textContent = T[i].toFixed(3);
      row.children[1].textContent = kind(i);
      row.children[2].textContent = shown(i).slice(0, 300);
      row.children[2].className = bad ? "bad" : group[i];
    });
  }
  function scrollTo(i) {
    const k = first(rows, i, rows.length);
    if (rows[k] !== i) return;
    const y = k * ROW;
    if (y < list.scrollTop || y + ROW > list.scrollTop + list.clientHeight) {
      list.scrollTop = y - list.clientHeight / 3;
    }
  }
  function choose(i) {
    if (i < 0 || i >= N) return;
    chosen = i;
    show(i);
    scrollTo(i);
    fill();
    details(i);
    tab("details");
  }
  function search() {
    needle = $("search").value.trim().toLowerCase();
    hits = new Uint8Array(N);
    found = [];
    if (needle) {
      for (let i = 0; i < N; i++) {
        if (D.text[i].toLowerCase().includes(needle)) { hits[i] = 1; found.push(i); }
      }
    }
    filter();
  }
  function jump(step) {
    const there = rows.length === N ? found : found.filter((i) => rows[first(rows, i, rows.length)] === i);
    if (!there.length) return;
    let k = first(there, chosen, there.length);
    if (step > 0) k = there[k] === chosen ? k + 1 : k;
    else k -= 1;
    k = (k + there.length) % there.length;
    choose(there[k]);
    $("found").textContent = k + 1 + " of " + plural(there.length, "line");
  }

  // Details: payload is shown when it is asked for.
  function details(i) {
    const box = $("details");
    box.replaceChildren();
    const k = D.of[i];
    if (k < 0) {
      box.append(el("h2", shown(i)));
      box.append(el("div", kind(i) + " at " + T[i].toFixed(6) + " s  " + clock(T[i])));
      payload(box, i);
      pause(box, i);
      return;
    }
    const [one, end, name, result, up, down] = X[k];
    box.append(el("h2", shown(one)));
    const how = ["done", "failed", "no result"][result];
    box.append(el("div", how + " after " + seconds(T[end] - T[one]) + ", at " + T[one].toFixed(6) +
      " s  " + clock(T[one]), result === FAILED ? "bad" : ""));
    const time = (n) => bytes(n) + ", " + seconds(n * 10 / baud);
    box.append(el("div", "on the wire at " + baud + " baud: to the modem " + time(up) +
      "; to the driver " + time(down)));
    const lines = el("div");
    lines.style.margin = "8px 0";
    box.append(lines);
    const most = 200;
    for (let j = one; j <= end && j < one + most; j++) {
      const mark = j === i ? "\u25b6" : " ";
      const row = el("div", mark + ("+" + seconds(T[j] - T[one])).padEnd(11) + shown(j), "line");
      if (D.of[j] !== k) row.classList.add(group[j]);
      lines.append(row);
      payload(lines, j);
    }
    if (end - one >= most) lines.append(el("div", "and " + plural(end - one + 1 - most, "line")));
    // Right after it: what went out because of it.
    for (let j = end + 1; j < N && j <= end + 20 && D.of[j] < 0; j++) {
      if (group[j] !== "payload") continue;
      lines.append(el("div", " +" + seconds(T[j] - T[one]).padEnd(10) + shown(j), "line payload"));
      payload(lines, j);
    }
    pause(box, one);
  }
  function pause(box, i) {
    if (i && reasons.has(i)) {
      box.append(el("div", "Before it " + seconds(T[i] - T[i - 1]) + " of waiting for: " +
        printable(reasons.get(i))));
    }
  }
  function payload(box, i) {
    const entry = D.payload[i];
    if (!entry) return;
    const [n, code, preview] = entry;
    const raw = atob(code);
    const row = el("div", plural(n, "byte") + " of payload ");
    box.append(row);
    if (!raw && !preview) { row.append("(not recorded)"); return; }
    const text = raw ? decode(raw) : preview;
    const views = raw ? { text, hex: dump(raw) } : { text };
    const pre = el("pre");
    pre.hidden = true;
    for (const name of Object.keys(views)) {
      const button = el("button", name);
      button.onclick = () => {
        const same = !pre.hidden && pre.dataset.view === name;
        pre.hidden = same;
        pre.dataset.view = name;
        pre.textContent = same ? "" : views[name] +
          (raw && raw.length < n ? "\n... " + plural(n - raw.length, "byte") + " not recorded" : "");
      };
      row.append(button, " ");
    }
    box.append(pre);
  }
  function decode(raw) {
    const data = Uint8Array.from(raw, (c) => c.charCodeAt(0));
    return new TextDecoder().decode(data).replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g,
      (c) => c === "\r" ? "" : "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0"));
  }
  function dump(raw) {
    const lines = [];
    for (let at = 0; at < raw.length; at += 16) {
      const part = raw.slice(at, at + 16);
      const hex = Array.from(part, (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
      lines.push(at.toString(16).padStart(4, "0") + "  " + hex.padEnd(49) +
        part.replace(/[^ -~]/g, "."));
    }
    return lines.join("\n");
  }

  // Tables
  function table(box, heads, data, click) {
    const t = el("table"), head = el("tr");
    heads.forEach((h) => head.append(el("th", h)));
    t.append(head);
    data.forEach((cells, k) => {
      const row = el("tr");
      cells.forEach((cell) => row.append(el("td", cell)));
      row.onclick = () => click(k, row);
      t.append(row);
    });
    box.append(t);
  }
  table($("exchanges"), ["exchange", "count", "failed", "to modem", "from it", "median", "longest"],
    D.table.map(([name, count, failed, none, up, down, median, longest]) => [printable(name),
      count.toLocaleString("en"), (failed || "") + (none ? " (" + none + " without result)" : ""),
      bytes(up), bytes(down), seconds(median), seconds(longest)]),
    (k, row) => want(wanted === D.names.indexOf(D.table[k][0]) ? -1 : D.names.indexOf(D.table[k][0]), row));
  const MOST = 500;
  const pauses = D.pauses.map(([i, why]) => [i, why, T[i] - T[i - 1]])
    .sort((a, b) => b[2] - a[2]);
  table($("pauses"), ["at", "for", "waited for"],
    pauses.slice(0, MOST).map(([i, why, gap]) => [T[i - 1].toFixed(3), seconds(gap), printable(why)]),
    (k) => choose(pauses[k][0]));
  if (pauses.length > MOST) {
    $("pauses").append(el("p", "These are the longest of " + plural(pauses.length, "pause") + "."));
  }
  function want(name, row) {
    wanted = name;
    document.querySelectorAll("#exchanges tr").forEach((r) => r.classList.remove("chosen"));
    if (row && name >= 0) row.classList.add("chosen");
    chip.hidden = name < 0;
    chip.textContent = name < 0 ? "" : "only " + printable(D.names[name]) + " \u2715";
    filter();
  }
  function tab(name) {
    for (const b of document.querySelectorAll("nav button")) {
      b.classList.toggle("chosen", b.dataset.tab === name);
      $(b.dataset.tab).hidden = b.dataset.tab !== name;
    }
  }

  // What can be clicked
  function hit(x, y) {
    if (x < LEFT || y < AXIS) return -1;
    const n = Math.min(3, Math.floor((y - AXIS) / ((height - AXIS) / 4)));
    const u = (px) => from + (px - LEFT) / scale;
    let best = -1, far = 7;
    for (let i = first(U, u(x - 7), N), end = Math.min(N, i + 5000); i < end && xOf(U[i]) < x + 7; i++) {
      if (lane[i] !== n || hidden.has(group[i]) || group[i] === "commands") continue;
      const d = Math.abs(xOf(U[i]) - x);
      if (d < far) { far = d; best = i; }
    }
    if (best >= 0 || n !== 1) return best;
    for (let k = first((j) => X[j][0], first(U, u(x + 3), N), X.length) - 1, m = 0; k >= 0 && m < 50; k--, m++) {
      if (wanted >= 0 && X[k][2] !== wanted) continue;
      if (xOf(U[X[k][1]]) >= x - 3) return X[k][0];
      break;
    }
    return -1;
  }
  let drag = null;
  lanes.onpointerdown = (e) => {
    drag = { x: e.offsetX, from, moved: false };
    lanes.setPointerCapture(e.pointerId);
  };
  lanes.onpointermove = (e) => {
    if (drag) {
      if (Math.abs(e.offsetX - drag.x) > 3) drag.moved = true;
      if (drag.moved) { from = drag.from - (e.offsetX - drag.x) / scale; clamp(); }
      return;
    }
    const i = hit(e.offsetX, e.offsetY);
    lanes.title = i < 0 ? "" : T[i].toFixed(3) + "  " + shown(i).slice(0, 200);
  };
  lanes.onpointerup = (e) => {
    if (drag && !drag.moved) choose(hit(e.offsetX, e.offsetY));
    drag = null;
  };
  lanes.onpointercancel = () => { drag = null; };
  lanes.addEventListener("wheel", (e) => {
    e.preventDefault();
    if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
      from += (e.deltaX || e.deltaY) / scale;
      clamp();
    } else zoom(Math.exp(-e.deltaY / 300), e.offsetX);
  }, { passive: false });
  lanes.onkeydown = (e) => {
    const step = (width - LEFT) / scale / 5;
    if (e.key === "ArrowLeft") from -= step;
    else if (e.key === "ArrowRight") from += step;
    else if (e.key === "+") zoom(1.5, width / 2);
    else if (e.key === "-") zoom(1 / 1.5, width / 2);
    else if (e.key === "0") fit();
    else return;
    e.preventDefault();
    clamp();
  };
  whole.onpointerdown = whole.onpointermove = (e) => {
    if (e.type === "pointermove" && !e.buttons) return;
    from = e.offsetX / whole.clientWidth * span() - (width - LEFT) / scale / 2;
    clamp();
  };
  list.onscroll = fill;
  list.onclick = (e) => {
    const row = e.target.closest(".row");
    if (row) choose(+row.dataset.event);
  };
  list.onkeydown = (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const k = first(rows, chosen, rows.length) + step;
    if (rows[k] !== undefined) choose(rows[k]);
  };
  $("in").onclick = () => zoom(2, width / 2);
  $("out").onclick = () => zoom(0.5, width / 2);
  $("fit").onclick = fit;
  $("fold").onchange = () => {
    const i = Math.min(N - 1, first(U, from, N));
    setFold(+$("fold").value);
    density = null;
    from = U[i];
    clamp();
  };
  $("baud").onchange = () => { baud = +$("baud").value; later(); if (chosen >= 0) details(chosen); };
  let timer = 0;
  $("search").oninput = () => { clearTimeout(timer); timer = setTimeout(search, 120); };
  $("search").onkeydown = (e) => {
    if (e.key !== "Enter") return;
    clearTimeout(timer);
    search();
    jump(e.shiftKey ? -1 : 1);
  };
  $("next").onclick = () => jump(1);
  $("back").onclick = () => jump(-1);
  $("only").onchange = filter;
  document.querySelectorAll("nav button").forEach((b) => { b.onclick = () => tab(b.dataset.tab); });
  const there = new Set(group);
  for (const name of D.groups) {
    if (!there.has(name)) continue;
    const box = el("input"), label = el("label");
    box.type = "checkbox";
    box.checked = true;
    box.value = name;
    box.onchange = () => { box.checked ? hidden.delete(name) : hidden.add(name); filter(); };
    label.append(box, " ", el("span", name, name));
    $("filter").append(label);
  }
  const chip = el("button", "", "chosen");
  chip.hidden = true;
  chip.onclick = () => want(-1);
  $("filter").append(chip);

  $("facts").textContent = [D.by, plural(N, "line"), plural(X.length, "exchange"),
    seconds(T[N - 1] - T[0]), clock(T[0])].filter(Boolean).map(printable).join("  \u00b7  ");
  if (D.notes.length) {
    $("notes").hidden = false;
    $("notes").textContent = D.notes.join(" ");
  }
  if (![...$("baud").options].some((o) => +o.value === baud)) $("baud").add(new Option(baud, baud));
  $("baud").value = baud;
  setFold(1);
  size(lanes);
  width = lanes.clientWidth;
  begin();
  tab("exchanges");
  filter();
  new ResizeObserver(() => { later(); fill(); }).observe(document.body);
  // For tests: where an exchange is on the canvas, and what the last frame took.
  window.ugsimTrace = {
    stats,
    at: (k) => [xOf((U[X[k][0]] + U[X[k][1]]) / 2), laneTop(1) + (height - AXIS) / 8],
    rows: () => rows.length,
    range: () => [from, scale],
  };
})();
