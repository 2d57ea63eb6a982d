# qlearn.talk - one conversation with a modem: commands, answers, what comes in between, and undo.
# SPDX-License-Identifier: MIT

import re

_FINAL = re.compile(rb"\r\n(OK|ERROR|SEND OK|SEND FAIL|NO CARRIER|\+CM[ES] ERROR: ?[^\r\n]*)\r\n")
_DATA = re.compile(rb"\r\nCONNECT[^\r\n]*\r\n")
_PROMPT = re.compile(rb"(?:\r\n|\A)>")
# What a modem says on its own. An answer may begin like one of these: `own` decides.
_URC = re.compile(
    r"\+QSSLURC:|\+QIURC:|\+QSSLOPEN:|\+QIOPEN:|\+QIND:|\+QUSIM:|\+CTZ[VE]:|\+QNTP:|\+CG?REG:"
    r"|\+CPIN:|\+CFUN:|RDY$|(NORMAL )?POWER(ED)? DOWN|\+CMTI?:|\+CDSI?:|\+CUSD:|RING$|\+CRING:"
    r"|\+CEREG:"
)


_ALONE = re.compile(rb"\r\n(?:%s)[^\r\n]*\r\n" % _URC.pattern.replace("$", r"(?=\r)").encode())
_NEVER_MS = 3000


def without_urcs(data):
    # Bytes of an answer without what the modem says on its own in between.
    return _ALONE.sub(b"", data)


class Silence(Exception):
    # The modem does not answer any more.
    pass


class Answer:
    # raw: all bytes up to the final result.   lines: information.   final: "OK", "" in time-out,
    # ">" or "CONNECT..." where data are expected.   ms: from the CR to the final result.
    def __init__(self, raw, lines, final, ms):
        self.raw = raw
        self.lines = lines
        self.final = final
        self.ms = ms

    @property
    def ok(self):
        return self.final == "OK"

    @property
    def error(self):
        return self.final == "ERROR" or self.final.startswith("+CM")

    @property
    def code(self):
        # Number of a +CME ERROR, None for others.
        found = re.fullmatch(r"\+CM[ES] ERROR: ?(\d+)", self.final)
        return int(found[1]) if found else None

    @property
    def echoed(self):
        # Whether AT was echoed; something else may have come before it.
        return bool(re.search(rb"(\A|\n)AT\r", self.raw))

    @property
    def told(self):
        # For a person: the result, or what came in its place.
        return self.final or (repr(self.lines[-1]) if self.lines else "nothing")

    def field(self, start):
        # The rest of the line that begins so, None if there is none.
        for line in self.lines:
            if line.startswith(start):
                return line[len(start) :].strip()
        return None


class Talk:
    # port: write(bytes), read(ms) -> bytes (b"" when none came in time), now() in ms.
    # log: [(ms, ">" or "<", bytes)], of which mark() and since() cut the evidence.
    def __init__(self, port):
        self.port = port
        self.log = []
        self.urcs = []  # (ms, text)
        self.sent = self.received = 0
        self.came = b""  # bytes that nobody has taken yet
        self._undo = []
        self._own = ""

    def mark(self):
        return len(self.log)

    def since(self, mark):
        return self.log[mark:]

    # Bytes

    def write(self, data):
        self.log.append((self.port.now(), ">", data))
        self.sent += len(data)
        self.port.write(data)

    def read(self, ms):
        # What comes within ms at most, as soon as something does. It is kept for take().
        data = self.port.read(ms)
        if data:
            self.received += len(data)
            last = self.log[-1] if self.log else None
            now = self.port.now()
            if last and last[1] == "<" and now - last[0] < 20:
                self.log[-1] = (last[0], "<", last[2] + data)
            else:
                self.log.append((now, "<", data))
            self.came += data
        return data

    def take(self, n=None):
        n = len(self.came) if n is None else n
        data, self.came = self.came[:n], self.came[n:]
        return data

    def until(self, condition, ms):
        # Reads until condition(bytes so far) is true; that value, or None after ms.
        end = self.port.now() + ms
        while True:
            value = condition(self.came)
            if value:
                return value
            left = end - self.port.now()
            if left <= 0:
                return None
            self.read(left)

    def settle(self, ms=300):
        # Until nothing has come for ms; what came goes to the URCs and is returned. A modem that
        # is never silent so long is not waited for.
        end = self.port.now() + 4 * ms + _NEVER_MS
        while self.port.now() < end and self.read(ms):
            pass
        data = self.take()
        self.keep(data)
        return data

    def rest(self, ms):
        # So long nothing is asked.
        end = self.port.now() + ms
        while self.port.now() < end:
            self.read(end - self.port.now())

    def hear(self, ms):
        # So long nothing is asked, and whole lines that come are kept.
        end = self.port.now() + ms
        while self.port.now() < end:
            self.read(end - self.port.now())
            self._whole()

    def _whole(self):
        cut = self.came.rfind(b"\r\n") + 2
        if cut > 2:
            self.keep(self.take(cut))

    def keep(self, data):
        for line in data.split(b"\r\n"):
            text = line.decode("latin-1")
            if _URC.match(text):
                self.urcs.append((self.port.now(), text))

    # Commands

    def ask(self, text, ms=5000, data=False):
        # One command, its answer. data: ">" and CONNECT end it, too.
        self.keep(self.take())
        self._own = re.split(r"[=?]", text[2:])[0]
        begin = self.port.now()
        self.write(text.encode("latin-1") + b"\r")
        return self.answer(text, ms, data, begin)

    def answer(self, text="", ms=5000, data=False, begin=None):
        begin = self.port.now() if begin is None else begin
        self._own = re.split(r"[=?]", text[2:])[0] if text else ""
        end = self.until(lambda came: self._end(came, data), ms)
        spent = self.port.now() - begin
        if end is None:
            raw = self.take()
            lines, _ = self._lines(raw, text)
            return Answer(raw, lines, "", spent)
        raw = self.take(end[0])
        lines, final = self._lines(raw, text)
        if end[1]:
            final = end[1]
        return Answer(raw, lines, final, spent)

    def _end(self, came, data):
        # (where it ends, "" or what waits for data) of the first end in the bytes.
        found = _FINAL.search(came)
        best = (found.end(), "") if found else None
        if data:
            for pattern in (_DATA, _PROMPT):
                found = pattern.search(came)
                if found and (best is None or found.end() < best[0]):
                    best = (found.end(), found[0].strip(b"\r\n").decode("latin-1"))
        return best

    def _lines(self, raw, text):
        lines = []
        final = ""
        parts = [part.decode("latin-1") for part in raw.replace(b"\r\n", b"\n").split(b"\n")]
        for part in parts:
            part = part.rstrip("\r")
            if not part or part == text:
                continue
            if _FINAL.fullmatch(b"\r\n" + part.encode("latin-1") + b"\r\n"):
                final = part
            elif _URC.match(part) and not part.startswith(self._own + ":"):
                self.urcs.append((self.port.now(), part))
            else:
                lines.append(part)
        return lines, final

    def urc(self, start, ms, since=0):
        # The first URC that begins so and came since (index of self.urcs), or within ms; None.
        end = self.port.now() + ms
        while True:
            self._whole()
            for _, text in self.urcs[since:]:
                if text.startswith(start):
                    return text
            left = end - self.port.now()
            if left <= 0:
                return None
            self.read(left)

    def seen(self):
        # An index for urc(since=).
        return len(self.urcs)

    def alive(self):
        # A plain AT that is answered by OK, within three tries. Raises Silence.
        for _ in range(3):
            if self.ask("AT", 1500).ok:
                return True
            self.settle(300)
        raise Silence

    def recover(self):
        # From whatever was interrupted back to commands: an open prompt, data mode, an upload, a
        # command that runs. True if AT is answered again.
        for step in range(20):
            if step == 1:
                self.write(b"\x1b")
                self.settle(500)
            elif step == 2:
                self.rest(1200)
                self.write(b"+++")
                self.settle(1500)
            elif step == 3:
                self.write(b"\x1b" * 2100 + b"\x1a\r")
                self.settle(1000)
            if self.ask("AT", 1500 if step < 4 else 10000).ok:
                self.settle(300)
                return True
        return False

    # What is put back

    def undo(self, text):
        # This command is given in the end; of a tuple the first that is taken. Returns what
        # forgets it.
        self._undo.append(text)
        return text

    def done(self, text):
        if text in self._undo:
            self._undo.remove(text)

    def forget(self, but):
        # A restart has put back all but what begins like one of these.
        self._undo = [text for text in self._undo if str(text).startswith(but)]

    def restore(self):
        # Puts everything back, the last first. Returns what could not be put back.
        failed = []
        while self._undo:
            text = self._undo.pop()
            commands = text if isinstance(text, tuple) else (text,)
            answers = [self.ask(command, 15000) for command in commands[:1]]
            for command in commands[1:]:
                if not answers[-1].ok:
                    answers.append(self.ask(command, 15000))
            # An error: no such file or socket any more.
            gone = commands[0].startswith(("AT+QFDEL", "AT+QSSLCLOSE")) and answers[-1].error
            if not answers[-1].ok and not gone:
                failed.append(commands[0])
        return failed
