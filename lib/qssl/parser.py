# qssl.parser - the byte machine between UART and link: lines, prompt, counted payload.
# SPDX-License-Identifier: MIT
#
# Pure: knows neither time nor I/O. The owner has on_line(buf, lo, hi), on_prompt(), on_tail().
# They only record; they may arm the prompt or announce a counted payload. Nothing here allocates.

from micropython import RingIO, const

LINE_MAX = const(256)  # bytes of one line; a longer one is skipped to its end and counted
_LF = const(b"\n")
_CR = const(13)
_PROMPT = const(62)


class Parser:
    def __init__(self, owner):
        self.owner = owner
        self._part = RingIO(LINE_MAX)  # the start of a line whose end has not come yet
        self._whole = bytearray(LINE_MAX)
        self._skip = False
        self.overlong = 0  # lines skipped
        self.prompt = False  # armed: a '>' at column 0 is the prompt, once
        self.need = 0  # bytes of counted payload still to come ...
        self.sink = None  # ... and where they go: anything with write(buf, off, n) -> taken
        self.tail = None  # the bytes that usually follow the payload, recognised as one token
        # What separated the last line from what was before it. A reply with payload is only
        # whole if exactly the right line ends follow: one lost byte shows here.
        self.blanks = 0
        self.exact = True
        self.matched = False  # the tail came as one token

    def reset(self):
        # Forgets a started line, the prompt and an outstanding payload.
        while self._part.any():
            self._part.readinto(self._whole)
        self._skip = False
        self.prompt = False
        self.need = 0
        self.tail = None

    def expect(self, need, sink, tail):
        # From the next byte on: need bytes of payload into sink (None: nobody wants them), never
        # looked at.
        self.need = need
        self.sink = sink
        self.tail = tail
        self.blanks = 0
        self.exact = True
        self.matched = False

    def feed(self, buf, lo, hi):
        # Runs buf[lo:hi] through the machine; returns how far it got: short of hi only when the
        # sink is full.
        while lo < hi:
            if self.need:
                n = self._payload(buf, lo, hi)
                if not n:
                    return lo
                lo += n
                if self.tail and not self.need:
                    n = len(self.tail)
                    if hi - lo >= n and buf.startswith(self.tail, lo):
                        lo += n
                        self.matched = True
                        self.owner.on_tail()
                    self.tail = None
            elif self.prompt and buf[lo] == _PROMPT and not self._part.any():
                lo += 1
                self.prompt = False
                self.owner.on_prompt()
            else:
                n = buf.find(_LF, lo, hi)
                if n < 0:
                    self._keep(buf, lo, hi)
                    return hi
                self._end(buf, lo, n)
                lo = n + 1
        return lo

    def _payload(self, buf, lo, hi):
        need = self.need
        n = min(need, hi - lo)
        if self.sink is not None:
            n = self.sink.write(buf, lo, n)
        if n and self.need == need:  # else the sink has changed its mind
            self.need = need - n
        return n

    def _keep(self, buf, lo, hi):
        # Holds a piece of a line until the rest has come. False: the line is longer than allowed.
        if self._skip:
            return False
        if self._part.any() + hi - lo > LINE_MAX:
            while self._part.any():
                self._part.readinto(self._whole)
            self._skip = True
            self.overlong += 1
            return False
        if hi > lo:
            self._part.write(buf, lo, hi - lo)
        return True

    def _end(self, buf, lo, hi):
        if self._skip:
            self._skip = False
        elif not self._part.any():
            self._line(buf, lo, hi)
        elif self._keep(buf, lo, hi):
            hi = self._part.any()
            self._part.readinto(self._whole)
            self._line(self._whole, 0, hi)
        else:
            self._skip = False

    def _line(self, buf, lo, hi):
        # Trims the line end and what noise or a prompt left before the text.
        n = hi - lo
        while hi > lo and buf[hi - 1] <= 32:
            hi -= 1
        while lo < hi and buf[lo] <= 32:
            lo += 1
        if lo < hi:
            self.owner.on_line(buf, lo, hi)
            self.blanks = 0
            self.exact = True
        else:
            self.blanks += 1
            if n != 1:
                self.exact = False
