# ugsim.exchanges - what the events of a trace come to: exchanges, and what was waited for.
# SPDX-License-Identifier: MIT

import re
import statistics

from ugsim.stats import command_names

OK, FAILED, OPEN = 0, 1, 2  # how an exchange ended; OPEN: no result
_BAD = ("ERROR", "SEND FAIL", "NO CARRIER", "+CME ERROR", "+CMS ERROR")
_NAMES = 200  # kinds of exchanges told apart; a trace of junk may have any number
PAUSE_S = 0.05  # shorter ones are not noted

_SEND = re.compile(r'AT\+Q(?:SSL|I)SEND=(\d+),(\d+)$|AT\+QFUPL="[^"]*",(\d+)', re.I)
_RECV = re.compile(r"\+Q(?:SSL|I)RECV: (\d+)$|\+QIRD: (\d+)$|CONNECT (\d+)$|\+QFDWL: (\d+),")
_PUSH = re.compile(r'\+Q(?:SSL|I)URC: "recv",\d+,(\d+)$')
_OPEN = re.compile(r"AT\+QSSLOPEN=\d+,\d+,(\d+),", re.I)
_OPENED = re.compile(r"\+QSSLOPEN: (\d+),")
_ABOUT = re.compile(r'\+QSSLURC: "(?:recv|closed)",(\d+)')


class Exchange:
    # first, last: indexes of events, of the command and of what came last for it. up, down: bytes
    # on the wire, as far as the lines tell: command, payload, echo, answer.
    __slots__ = ("down", "first", "last", "name", "prompt", "result", "text", "up")

    def __init__(self, first, text, echo):
        self.first = self.last = first
        self.text = text
        self.name = name_of(text)
        self.result = OPEN
        self.up = len(text) + 1
        self.down = self.up if echo else 0
        self.prompt = False


def name_of(text):
    # AT+QSSLSEND=0,12 -> AT+QSSLSEND=
    names = command_names(text)
    name = names[0] if names[0] == "AT" else "AT" + names[0]
    if len(names) > 1:
        return name[:40] + "..."
    rest = text[len(name) :].strip()
    if rest.startswith("=?"):
        return name[:40] + "=?"
    return name[:40] + (rest[:1] if rest[:1] in ("=", "?") else "")


class Analysis:
    # of: for each event the index of its exchange, or -1. pauses: (index of the event that ended
    # it, what was waited for).
    def __init__(self, events):
        self.exchanges = []
        self.of = []
        self.pauses = []
        self._open = None
        self._echo = True
        self._opening = {}  # connection: when AT+QSSLOPEN was typed
        self._opened = []  # [(s until +QSSLOPEN, whether it failed)]
        self._asked = set()  # connections whose server has been sent something
        self._off = False
        self._names = set()
        before = None
        for i, e in enumerate(events):
            if before is not None and e.at - before >= PAUSE_S:
                self.pauses.append((i, self._reason(e)))
            before = e.at
            self.of.append(self._event(i, e))

    def _event(self, i, e):
        kind, text = e.kind, e.text
        if kind == "at":
            return self._command(i, text, e.at)
        if kind in ("info", "prompt", "final"):
            return self._answer(i, kind, text)
        if kind == "urc":
            self._urc(text, e.at)
        elif kind == "power":
            self._off = text == "off"
            self._open = None
            self._opening.clear()
        return -1

    def _command(self, i, text, at):
        x = self._open = Exchange(i, text, self._echo)
        if x.name not in self._names:
            if len(self._names) < _NAMES:
                self._names.add(x.name)
            else:
                x.name = "others"
        upper = text.upper()
        if upper.startswith("ATE") and upper[3:4] in ("", "0", "1"):
            self._echo = upper[3:4] == "1"
        match = _OPEN.match(text)
        if match:
            self._opening[match[1]] = at
        self.exchanges.append(x)
        return len(self.exchanges) - 1

    def _answer(self, i, kind, text):
        x = self._open
        if x is None:
            return -1
        x.last = i
        x.down += len(text) + 4
        if kind == "prompt" or text.startswith("CONNECT"):
            match = _SEND.match(x.text)
            if match and not x.prompt:
                x.prompt = True
                x.up += int(match[2] or match[3])
        if kind == "info":
            match = _RECV.match(text)
            if match:
                x.down += int(next(g for g in match.groups() if g))
                if match[1] == "0":
                    self._asked.discard(_number(x.text))
        elif kind == "final" and not (text.startswith("CONNECT") and x.name.startswith("AT+QF")):
            x.result = FAILED if text.startswith(_BAD) else OK
            self._open = None
            if x.result == FAILED:
                self._opening.pop(_number(x.text, 2), None)
            elif text == "SEND OK":
                self._asked.add(_number(x.text))
            elif x.name == "AT+QSSLCLOSE=":
                self._asked.discard(_number(x.text))
                self._opening.pop(_number(x.text), None)
        return len(self.exchanges) - 1

    def _urc(self, text, at):
        match = _OPENED.match(text)
        if match and match[1] in self._opening:
            self._opened.append((at - self._opening.pop(match[1]), not text.endswith(",0")))
        match = _ABOUT.match(text)
        if match:
            self._asked.discard(match[1])

    def _reason(self, e):
        # What was waited for in the pause that ends with the event e.
        x = self._open
        if self._off:
            return "the modem is off"
        if x is not None:
            if x.prompt:
                return "the result of %s, its data typed" % _short(x.text)
            if _SEND.match(x.text):
                return "the prompt of %s" % _short(x.text)
            return "the result of %s" % _short(x.text)
        if self._opening:
            return "+QSSLOPEN of connection %s" % ", ".join(sorted(self._opening))
        if self._asked:
            return "the server, on connection %s" % ", ".join(sorted(self._asked))
        if e.kind == "at":
            return "nothing of the modem: the program, or a time of the driver, for %s" % (
                _short(e.text)
            )
        return "nothing of the modem"

    def table(self, events):
        # [(name, count, failed, without result, bytes up, bytes down, median s, longest s)], the
        # most time first.
        found = {}
        for x in self.exchanges:
            found.setdefault(x.name, []).append(x)
        rows = []
        for name, exchanges in found.items():
            times = [events[x.last].at - events[x.first].at for x in exchanges]
            rows.append(
                (
                    name,
                    len(exchanges),
                    sum(x.result == FAILED for x in exchanges),
                    sum(x.result == OPEN for x in exchanges),
                    sum(x.up for x in exchanges),
                    sum(x.down for x in exchanges),
                    statistics.median(times),
                    max(times),
                    sum(times),
                )
            )
        if self._opened:
            times = [s for s, failed in self._opened]
            bad = sum(failed for s, failed in self._opened)
            spent = (statistics.median(times), max(times), sum(times))
            rows.append(("until +QSSLOPEN", len(times), bad, 0, 0, 0, *spent))
        rows.sort(key=lambda row: (-row[-1], row[0]))
        return [row[:-1] for row in rows]


def pushed(text):
    # Bytes of payload that follow this URC.
    match = _PUSH.match(text)
    return int(match[1]) if match else 0


def _number(text, which=0):
    # A number among a command's parameters, as text.
    numbers = text.partition("=")[2].split(",")
    return numbers[which] if which < len(numbers) else ""


def _short(text):
    return text if len(text) <= 60 else text[:57] + "..."
