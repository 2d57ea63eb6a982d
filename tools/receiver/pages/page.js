// page.js - what has changed appears by itself: the parts marked data-live, every few seconds.
// SPDX-License-Identifier: MIT
"use strict";

const EVERY_MS = 5000;
let fresh = Date.now(); // when the page was as the receiver has it

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(document.body.dataset.from || location.href, { redirect: "manual" });
  if (answer.type === "opaqueredirect") return stale("You are not logged in any more.");
  if (!answer.ok) return stale(`The receiver answers with an error (${answer.status}).`);
  const other = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = other.getElementById(part.id);
    if (now && now.innerHTML !== part.innerHTML && !used(part)) replace(part, now);
  }
  fresh = Date.now();
  stale("");
}

// Somebody is copying text out of it.
function used(part) {
  const chosen = getSelection();
  return !chosen.isCollapsed && chosen.containsNode(part, true);
}

// The element stays, and with it how far it is scrolled; what has the focus keeps it.
function replace(part, now) {
  const all = () => [...part.querySelectorAll("a, button, input")];
  const at = all().indexOf(document.activeElement);
  const same = at < 0 ? null : mark(document.activeElement);
  part.replaceChildren(...now.childNodes);
  if (at >= 0) {
    const found = all().find((e) => mark(e) === same) || all()[at];
    if (found) found.focus({ preventScroll: true });
  }
}

const mark = (e) => [e.tagName, e.getAttribute("href"), e.name, e.value].join(" ");

function stale(why) {
  const place = document.getElementById("stale");
  const at = new Date(fresh).toISOString().slice(11, 19);
  const text = why && `${why} What is shown is of ${at}: load the page again.`;
  place.hidden = !text;
  if (place.textContent !== text) place.textContent = text;
}

document.addEventListener("submit", (event) => {
  // What goes to many is asked for once more.
  const sure = event.submitter && event.submitter.dataset.sure;
  if (sure && !confirm(sure)) return event.preventDefault();
  // A double click sends once.
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, EVERY_MS);
});

if (document.querySelector("[data-live]")) {
  setInterval(() => refresh().catch(() => stale("The receiver can't be reached.")), EVERY_MS);
}
