# qreplay.asking - the questions of a transcript to the simulated modem.
# SPDX-License-Identifier: MIT

import re

import rig as _rig
from qreplay import forms
from ugsim.fakenet import EchoPeer, FakeNet

_LIMIT_MS = 160000  # the longest of the manual's times
_AFTER_MS = 300
_SIZE = re.compile(r'AT\+QSSLSEND=\d+,(\d+)$|AT\+QFUPL="[^"]*",(\d+)', re.I)
_TAKEN = re.compile(r"\+QFUPL: (\d+),")

# What every family of the AT+QSSL commands has in common; of a model that ugsim does not know only
# this is checked.
COMMON = ("AT", "AT+CSQ", "AT+CREG", "AT+CGREG", "AT+CPIN", "AT+QFUPL", "AT+QFLDS", "AT+QSSLRECV")

SAME, FORM, RESULT, UNKNOWN, FAMILY = "same", "form", "result", "unknown", "family"


class Asking:
    def __init__(self, model=None, switches=None):
        self.rig = _rig.Rig(FakeNet(EchoPeer()), model=model, switches=switches)
        self.model = self.rig.model
        self._said = []
        self._final = None
        self._prompt = False
        self.model.on_event = self._event
        self.ask("ATE0")

    def _event(self, kind, text, data=b""):
        if kind in ("info", "final") and text.startswith("CONNECT"):
            self._prompt = True
            self._said.append(text)
        elif kind == "final":
            self._final = text
        elif kind == "prompt":
            self._prompt = True
            self._said.append(">")
        elif kind == "info":
            self._said.append(text)

    def ask(self, text, taken=None):
        # (information lines, final result; None: none came). taken: bytes that are typed, if it is
        # fewer than the command has.
        self._said = []
        self._final = None
        self._prompt = False
        self.rig.push(text.encode("utf-8", "replace") + b"\r")
        spent = 0
        typed = False
        while self._final is None and spent < _LIMIT_MS:
            self.rig.sleep(10)
            spent += 10
            if self._prompt and not typed:
                typed = True
                match = _SIZE.match(text)
                size = int(match[1] or match[2]) if match else 0
                size = size if taken is None else min(size, taken)
                self.rig.push(bytes(min(size, 65536)) if size else b"x\x1a")
        self.rig.sleep(_AFTER_MS)
        self.rig.rx.take(1 << 20)
        return self._said, self._final

    def known(self, text):
        name = re.match(r"AT([&]?[A-Z]|\+\w+)?", text.upper())[1]
        return name is None or self.model.runner.knows(name)


def compare(transcript):
    # Yields (exchange, verdict, what the simulation said as one text).
    # Raises ControlError for switches that ugsim does not have.
    asking = Asking(None if transcript.alien else transcript.model, transcript.switches)
    for x in transcript.exchanges:
        if not asking.known(x.text):
            yield x, (FAMILY if transcript.alien else UNKNOWN), "it does not know the command"
            continue
        taken = [_TAKEN.match(line) for line in x.lines]
        taken = [int(match[1]) for match in taken if match]
        lines, final = asking.ask(x.text, taken[0] if taken else None)
        recorded = [">" if line.startswith(">") else line for line in x.lines]
        if ">" not in recorded:  # not everybody keeps it
            lines = [line for line in lines if line != ">"]
        said = " / ".join([*lines, final or "nothing"])
        test = x.text.endswith("=?")
        mine, theirs = forms.list_of(lines, test), forms.list_of(recorded, test)
        one, other = forms.final_of(x.final), forms.final_of(final or "")
        if not x.final:
            verdict = SAME if forms.alike(theirs, mine[: len(theirs)]) else FORM
        elif one != other:
            verdict = RESULT
        else:
            verdict = SAME if forms.alike(theirs, mine) else FORM
        if verdict != SAME and transcript.alien and x.name() not in COMMON:
            verdict = FAMILY
        yield x, verdict, said
