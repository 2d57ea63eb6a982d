# qtap.compare - an exchange with the real modem and one with the simulated: where they differ.
# SPDX-License-Identifier: MIT

import re

from qreplay import forms
from qtap import mask
from ugsim.exchanges import name_of

SAME, FORM, RESULT, UNKNOWN, WORLD = "same", "form", "result", "unknown", "world"

_PLACES = "+COPS"  # what it lists is of the place
# Of these the values follow from what was asked: the two have to write the same.
_EXACT = ("+QFUPL", "+QFDWL", "+QFREAD")
_SET = ("+CMEE", "+QISDE", "+IFC", "+CSCS", "+QSSLCFG", "+CFUN", "+QIGETERROR")


class Difference:
    def __init__(self, kind, what, real, sim, at):
        self.kind = kind
        self.what = what
        self.real = real
        self.sim = sim
        self.at = at
        self.count = 0

    def line(self):
        return "the simulation: %s" % self.sim


class Comparison:
    # What it knows: what was set while the tap was there, so that its value has to be the same.
    def __init__(self):
        self.set = set()  # (name, argument)
        self.failing = ""  # the command that failed last in both

    def over(self, x, said):
        # This exchange has ended, and the simulation's.
        if x.final == "OK" and re.match(r"AT\+\w+=[^?]", x.text):
            self.set.add(self._key(x, x.name))
        if has_failed(x.final) and said is not None:
            self.failing = x.name

    def _key(self, x, name):
        words = re.findall(r'"([^"]*)"', x.text)
        numbers = numbers_of(x.text)
        return (name, words[0].lower(), numbers[0]) if name == "+QSSLCFG" and words else (name,)

    def _exact(self, x):
        name = x.name
        if name in _EXACT:
            return True
        if name == "+QIGETERROR":
            return self.failing == "+QSSLOPEN"
        return name in _SET and self._key(x, name) in self.set

    def compare(self, x, said):
        exact = self._exact(x)
        mine = self._tokens(x, exact)
        theirs = self._tokens(said, exact) if said is not None else []
        if mine == theirs:
            return SAME, None
        kind = FORM
        finals = [x.final, said.final if said is not None else ""]
        if _kind(finals[0]) != _kind(finals[1]):
            kind = RESULT
        real, sim = said_of(x), said_of(said)
        if real == sim or [t[:2] for t in mine] == [t[:2] for t in theirs]:
            real, sim = _raw(x), _raw(said)
        what = name_of(x.text) if x.text[:2].upper() == "AT" else "a line without AT"
        return kind, Difference(kind, what, real, sim, x.at)

    def _tokens(self, x, exact):
        found = []
        for item in x.items:
            if item.kind == "echo":
                token = ("echo", item.text)
            elif item.kind == "ack" or item.kind == "prompt":
                found.append((item.kind, item.text))
                continue
            elif item.kind == "info":
                if x.name == _PLACES:
                    continue
                token = ("info", self._form(x, item.text, exact), item.lead)
            elif item.kind == "down":
                token = ("down",)
            elif item.kind == "final":
                token = ("final", self._final(x, item.text), item.lead)
            else:
                continue
            if not found or found[-1] != token:
                found.append(token)
        return found

    def _form(self, x, line, exact):
        if x.test or exact:
            if x.name == "+QIGETERROR":
                return forms.of(line) + " " + str(numbers_of(line)[:1])
            return line
        found = re.match(r"(\+Q(?:SSL|I)STATE: ?)(.*)$", line)
        if found and x.name == "+QSSLSTATE":
            fields = found[2].split(",")
            for i in (2, 4, 5):  # address, own port, state
                if i < len(fields):
                    fields[i] = "N" if fields[i].strip().isdigit() else "T"
            return found[1] + ",".join(fields)
        return timed(line)

    def _final(self, x, text):
        if text.startswith("+CME ERROR"):
            if ("+CMEE",) not in self.set and not x.name.startswith("+QF"):
                return "ERROR"
            number = re.fullmatch(r"\+CME ERROR: (\d+)", text)
            if number and x.name.startswith("+QF"):
                return text
            return "+CME ERROR: N" if number else "+CME ERROR: T"
        return text


def timed(line):
    # The form of a line; of a time each digit counts.
    found = re.search(r'"[\d/,:+-]*:\d\d[\d,:+-]*"', line)
    return forms.of(line) + (
        re.sub(r"[+-](?=\d)", "+", re.sub(r"\d", "9", found[0])) if found else ""
    )


def has_failed(final):
    return final.startswith(("ERROR", "+CM", "SEND FAIL", "NO CARRIER"))


def _kind(final):
    return "ERROR" if final.startswith("+CM") else final


def numbers_of(text):
    # The numbers among a line's parameters.
    rest = re.split(r"[=:]", text, maxsplit=1)[-1]
    return [int(n) for n in re.findall(r"(?:(?<=,)|^) *(\d{1,9}) *(?=,|$)", rest)]


def said_of(x):
    if x is None:
        return "nothing"
    words = []
    for i in x.items:
        if i.kind in ("prompt", "ack", "final"):
            words.append(i.text)
        elif i.kind == "info":
            words.append(_shown(x, i.text))
    if not x.final:
        words.append("nothing")
    return " / ".join(words)


def _shown(x, text):
    # An information line of an exchange, without what is nobody's business.
    if not text.startswith("+") and mask.line(x.text, True)[1]:
        return "***"
    if not text.startswith("+") and "CPIN" in text:
        return "***"
    return mask.line(text)[0]


def _raw(x):
    # The same with the line ends that differ.
    words = []
    for i in x.items:
        if i.kind in ("info", "final", "prompt"):
            text = _shown(x, i.text) if i.kind == "info" else i.text
            words.append("\\r\\n" * i.lead + text)
        elif i.kind == "down":
            words.append("\\r\\n(data)")
        elif i.kind == "echo":
            words.append("(echo %s)" % (i.text or "of the command"))
    return " ".join(words)


def plain(text):
    # What makes two differences one: values are left out.
    return re.sub(r"\d+", "N", re.sub(r'"[^"]*"', '"T"', text))
