# qreplay.transcript - what a modem and its host said, from a trace or from a terminal's text.
# SPDX-License-Identifier: MIT

import re

from ugsim.model.family import named
from ugsim.trace import Reader, TraceError

_FINAL = re.compile(
    r"(OK|ERROR|SEND OK|SEND FAIL|NO CARRIER|NO DIALTONE|BUSY|NO ANSWER|\+CM[ES] ERROR: .*)$"
)
_URC = re.compile(
    r"\+QSSLURC: |\+QIURC: |\+QSSLOPEN: \d+,\d+$|\+QIOPEN: \d+,\d+$|RDY$|APP RDY$|RING$|\+CFUN: 1$"
    r"|\+QIND: |\+QUSIM: |POWERED DOWN|NORMAL POWER DOWN|PSM POWER DOWN|\+CMTI?: |\+CUSD: "
    r"|\+C[GE]?REG: \d(,\"[^\"]*\",\"[^\"]*\"(,\d+)?)?$|\+CPIN: |\+QNTP: "
)
_TIME = re.compile(r"\[?\d\d:\d\d:\d\d[.,:]?\d*\]?\s+|\[\s*\d+\.\d+\]\s+")
_META = re.compile(r"#\s*(source|model|firmware|family|switches|note):\s*(.*)$")
_MOST = 1 << 20  # bytes of a text; a transcript is no trace of a day
_LINES = 20000


class Exchange:
    # final: "" if none came.
    def __init__(self, text):
        self.text = text
        self.lines = []
        self.data = []  # lines of payload that came
        self.final = ""

    def name(self):
        return self.text.upper().partition("=")[0].rstrip("?")


class Transcript:
    def __init__(self, path):
        self.path = path
        self.meta = {}
        self.exchanges = []
        self.urcs = []  # what came unasked
        self.note = ""  # what could not be read, as a sentence
        self._open = None
        with open(path, "rb") as file:
            head = file.read(_MOST + 1)
        if b'"kind"' in head and b'"at"' in head:
            self._trace(path)
        elif len(head) > _MOST:
            raise TraceError("%s is longer than a transcript may be, 1 MiB: cut it." % path)
        else:
            self._text(head)
        if not self.exchanges:
            raise TraceError("%s has no command in it: it is no transcript." % path)
        # model: as ugsim has it, None for one that it does not know. switches: of ugsim, what this
        # modem has settled.
        self.model = named(self.meta.get("model", "UG96"))
        self.switches = dict(
            word.split("=", 1) for word in self.meta.get("switches", "").split() if "=" in word
        )
        if self.meta.setdefault("family", "ugxx" if self.model in ("ug95", "ug96") else "lte"):
            self.alien = self.model is None or (
                self.meta["family"] != "ugxx" and self.model in ("ug95", "ug96")
            )

    def _trace(self, path):
        reader = Reader(path)
        for e in reader:
            if e.kind == "at":
                self._command(e.text)
            elif e.kind in ("info", "final", "prompt"):
                self._answer(e.text.strip())
            elif e.kind == "urc":
                self.urcs.append(e.text)
            if len(self.exchanges) > _LINES:
                self.note = "Only the first %d commands." % _LINES
                break
        if reader.cut:
            self.note = reader.cut

    def _text(self, data):
        if b"\0" in data:
            raise TraceError("%s is no text." % self.path)
        for line in data.decode("utf-8", "replace").splitlines():
            line = line.rstrip()
            if line.startswith("#"):
                match = _META.match(line)
                if match:
                    self.meta[match[1]] = match[2].strip()
                continue
            line = _TIME.sub("", line, 1).strip()
            if line.startswith("> AT") or line.startswith(">> AT"):
                self._command(line.lstrip("> "))
            elif line.startswith("< ") or line == "<":
                if line[1:].strip():
                    self._answer(line[1:].strip())
            elif line[:2].upper() == "AT" and not line[2:3].islower():
                self._command(line)
            elif line:
                self._answer(line)

    def _command(self, text):
        x = self._open
        if x is not None and x.text == text and not x.lines and not x.final:
            return  # its echo
        self._open = Exchange(text)
        self.exchanges.append(self._open)

    def _answer(self, text):
        x = self._open
        if x is not None and text == x.text and not x.lines and not x.final:
            return  # its echo, as a board's trace has it
        if x is None or x.final:
            self.urcs.append(text)
        elif _FINAL.match(text):
            x.final = text
        elif x.lines and x.lines[-1].startswith("+QSSLRECV: ") and x.lines[-1][-2:] != " 0":
            x.data.append(text)
        elif _URC.match(text) and not text.startswith(x.text[2:].rstrip("?") + ":"):
            self.urcs.append(text)
        else:
            x.lines.append(text)
