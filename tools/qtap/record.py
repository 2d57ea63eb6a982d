# qtap.record - the recording, and what the screen shows: one as the other, payload counted.
# SPDX-License-Identifier: MIT

import base64
import json

from qshared.problem import Problem
from qtap import mask
from ugsim.trace import FORMAT

_HIDDEN = ("echo", "ack")


class Shown:
    # Items of the decoder as (kind, text, n, data) that anybody may see.
    def __init__(self, keep=0):
        self._keep = keep
        self._secret = False

    def __call__(self, item):
        kind, text = item.kind, item.text
        n, data = None, b""
        if kind in _HIDDEN:
            return None
        if kind == "at":
            if text[:2].upper() != "AT":
                return "state", "typed: %d bytes that are no command" % len(text), None, b""
            text, self._secret = mask.line(text, True)
        elif kind in ("up", "down"):
            n, data = item.n, bytes(item.data[: self._keep])
        elif kind == "info" or kind == "urc":
            if not text.startswith("+") and (self._secret or "CPIN" in text):
                text = "***" if kind == "info" else mask.line(text)[0]
            else:
                text = mask.line(text, text.startswith("AT"))[0]
        elif kind == "prompt":
            text = ">"
        return kind, text, n, data


class Recorder:
    # A file that `ugsim trace` reads. start: Unix time of 0 s. Problem if it can't be written at
    # all; what goes wrong later is in `lost`, as a sentence.
    def __init__(self, path, start, baud, who):
        self.path = path
        self.lost = ""
        self._start = start
        try:
            self._file = open(path, "x", encoding="utf-8")
        except FileExistsError:
            raise Problem("There is a file %s already: name another with --out." % path) from None
        except OSError as error:
            raise Problem("Can't write %s: %s." % (path, error.strerror)) from None
        more = {"format": FORMAT, "baud": baud}
        self.write(0.0, "start", "tap %s" % who, more)
        if self.lost:
            raise Problem(self.lost)

    def __call__(self, at, kind, text, n, data):
        more = {}
        if n is not None:
            more["n"] = n
        if data:
            more["data"] = base64.b64encode(data).decode()
        self.write(at, kind, text, more)

    def write(self, at, kind, text, more):
        if self.lost:
            return
        record = {"t": round(self._start + at, 6), "at": round(at, 6), "kind": kind, "text": text}
        record.update(more)
        try:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()
        except OSError as error:
            words = (self.path, at, error.strerror)
            self.lost = "The recording %s ends after %.1f s: %s." % words

    def close(self):
        try:
            self._file.close()
        except OSError as error:
            self.lost = self.lost or "The recording %s is not whole: %s." % (
                self.path,
                error.strerror,
            )
