# ugsim.picture - a trace as one page that any browser opens from disk.
# SPDX-License-Identifier: MIT
#
# The page needs no network, and a policy in it lets it have none. All that is in a trace is text
# of others: it stands in the page as JSON in which no tag can end or begin, and page.js makes text
# nodes of it, never HTML.

import base64
import contextlib
import hashlib
import html
import json
import os
import re
from pathlib import Path

from ugsim.exchanges import Analysis, pushed
from ugsim.trace import TraceError, event

MAX_EVENTS = 400000
MAX_PAYLOAD = 64 << 20
_HERE = Path(__file__).parent
_TEXT = 4096  # characters of a line that are shown

# kind: (lane, group of the filter)
PROGRAM, DRIVER, MODEM, SERVER = range(4)
_KINDS = {
    "program": (PROGRAM, "program"),
    "at": (DRIVER, "commands"),
    "state": (DRIVER, "program"),
    "error": (DRIVER, "faults"),
    "gap": (DRIVER, "faults"),
    "info": (MODEM, "answers"),
    "prompt": (MODEM, "answers"),
    "final": (MODEM, "answers"),
    "urc": (MODEM, "URCs"),
    "elsewhere": (MODEM, "URCs"),
    "fault": (MODEM, "faults"),
    "differs": (MODEM, "faults"),
    "control": (MODEM, "faults"),
    "up": (SERVER, "payload"),
    "down": (SERVER, "payload"),
    "tls": (SERVER, "server"),
    "socket": (SERVER, "server"),
    "server": (SERVER, "server"),
}
_OTHER = (MODEM, "modem")
_GROUPS = ("commands", "answers", "URCs", "payload", "server", "modem", "faults", "program")
# "127.0.0.1:443: 12 bytes 'how it begins'": the beginning is payload, which the page hides.
_PAYLOAD = re.compile(r"(.*?: (\d+) bytes)( .*)?$", re.S)


def write(path, events, name, cut=lambda: ""):
    # events: of ugsim.trace. cut: called after the last one; what is missing, as a sentence.
    if os.path.exists(path) and os.path.exists(name) and os.path.samefile(path, name):
        raise TraceError("%s is the trace itself: name another file for the page." % path)
    page = build(events, name, cut)
    try:
        with open(path + ".part", "w", encoding="ascii") as file:
            file.write(page)
        os.replace(path + ".part", path)
    except OSError as error:
        raise TraceError("can't write %s: %s." % (path, error.strerror)) from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path + ".part")


def merged(events, others):
    # The events of a trace and others with a Unix time each, [(t, kind, text)], in one order.
    events = list(events)
    start = next((e.t - e.at for e in events if e.t is not None), 0.0)
    added = [event(max(0.0, t - start), kind, text, t=t) for t, kind, text in others]
    return sorted(events + added, key=lambda e: (e.at, e.kind != "start"))


def build(events, name, cut=lambda: ""):
    # The page as text.
    kept = []
    payload = 0
    for e in events:
        if len(kept) >= MAX_EVENTS or payload > MAX_PAYLOAD:
            limit = "{:,} lines".format(MAX_EVENTS)
            if payload > MAX_PAYLOAD:
                limit = "%d MiB of payload" % (MAX_PAYLOAD >> 20)
            raise TraceError(
                "%s has more than a page can show, %s; they end at %.0f s: name a part with "
                "--from and --to." % (name, limit, kept[-1].at)
            )
        payload += len(e.data)
        kept.append(e)
    if not kept or all(e.kind == "start" for e in kept):
        raise TraceError("%s has nothing to show there." % name)
    notes = [cut()] if cut() else []
    if any(e.kind == "down" or e.kind == "up" for e in kept):
        if not any(e.data for e in kept):
            notes.append("This trace has of its payload no more than how it begins.")
    return _page(json.dumps(_data(kept, notes), separators=(",", ":")), os.path.basename(name))


def _data(events, notes):
    # What page.js draws. Times in microseconds.
    found = Analysis(events)
    kinds = {}
    times, kind_of, texts, payload = [], [], [], {}
    last = 0
    for i, e in enumerate(events):
        now = max(last, round(e.at * 1e6))  # a clock that was set back
        times.append(now - last)
        last = now
        kind_of.append(kinds.setdefault(e.kind, len(kinds)))
        text = e.text
        n, preview = e.n, ""
        if e.kind in ("up", "down"):
            match = _PAYLOAD.match(text)
            if match:
                text = match[1]
                n = int(match[2]) if n is None else n
                preview = "" if e.data else (match[3] or "").strip()
        elif e.kind == "urc" and n is None:
            n = pushed(text) or None
        texts.append(text if len(text) <= _TEXT else text[:_TEXT] + " ...")
        if n is not None:
            payload[i] = [n, base64.b64encode(e.data).decode(), preview]
    names = {}
    exchanges = [
        [x.first, x.last, names.setdefault(x.name, len(names)), x.result, x.up, x.down]
        for x in found.exchanges
    ]
    start = next((e for e in events if e.kind == "start"), None)
    baud = start.more.get("baud", 0) if start else 0
    unix = next((e.t - e.at for e in events if e.t is not None), None)
    return {
        "notes": notes,
        "by": start.text if start else "",
        "unix": unix,
        "baud": baud if isinstance(baud, int) and 0 <= baud < 1e8 else 0,
        "kinds": [[name, *_KINDS.get(name, _OTHER)] for name in kinds],
        "groups": _GROUPS,
        "times": times,
        "kind": kind_of,
        "text": texts,
        "payload": payload,
        "names": list(names),
        "exchanges": exchanges,
        "of": found.of,
        "pauses": found.pauses,
        "table": found.table(events),
    }


def _page(data, name):
    for c in "<>&":
        data = data.replace(c, "\\u%04x" % ord(c))
    script = (_HERE / "page.js").read_text(encoding="ascii")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {
        "POLICY": "default-src 'none'; script-src 'sha256-%s'; style-src 'unsafe-inline'" % digest,
        "TITLE": html.escape(name).encode("ascii", "xmlcharrefreplace").decode(),
        "STYLE": (_HERE / "page.css").read_text(encoding="ascii"),
        "DATA": data,
        "SCRIPT": script,
    }
    page = (_HERE / "page.html").read_text(encoding="ascii")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], page)
