# qssl.wire.parser - the byte machine between UART and link: echo, lines, prompt, counted payload.
# SPDX-License-Identifier: MIT
#
# Pure: knows neither time nor I/O. The owner has on_line(buf, lo, hi), on_prompt(), on_tail(),
# on_echo(), on_mirror() and on_text(). They only record; they may arm the prompt or announce a
# counted payload. Nothing here allocates.

from micropython import RingIO, const

LINE_MAX = const(256)  # bytes of one line; a longer one is skipped to its end and counted
_LF = const(b"\n")
_CR = const(13)
_BLANK = const(32)
_PROMPT = const(62)


class Parser:
    def __init__(self, owner):
        self.owner = owner
        self.part = RingIO(LINE_MAX)  # the start of a line whose end has not come yet
        self._whole = bytearray(LINE_MAX)
        self.skip = False
        self.overlong = 0  # lines skipped
        self.prompt = False  # armed: a '>' at column 0 is the prompt, once
        # The command line whose echo is to come, a bytes-like of which echo_n bytes count: with
        # ATE1 the modem repeats a command as it understood it. None: none is to come any more.
        self.echo = None
        self.echo_n = 0
        self.echo_at = 0  # bytes of it that have come ...
        self.run = 0  # ... and where in it the present line began: a URC may cut an echo in two
        # Armed: 2 behind the prompt, 1 behind its blank; 2 more if payload is known to come back.
        self.mirror = 0
        self.need = 0  # bytes of counted payload still to come ...
        self.sink = None  # ... and where they go: anything with write(buf, off, n) -> taken
        self.tail = None  # the bytes that usually follow the payload, recognised as one token
        # What separated the last line from what was before it. A reply with payload is only
        # whole if exactly the right line ends follow: one lost byte shows here.
        self.blanks = 0
        self.exact = True
        # So many empty lines must stand before a line that is the modem's own: 2 behind the head
        # of a message, 1 behind a line of its text, which may read like anything. Else 0.
        self.text = 0

    def reset(self):
        # Forgets a started line, an echo, the prompt and an outstanding payload.
        while self.part.any():
            self.part.readinto(self._whole)
        self.skip = False
        self.echo = None
        self.mirror = 0
        self.prompt = False
        self.need = 0
        self.tail = None
        self.text &= 2

    def expect(self, need, sink, tail):
        # From the next byte on: need bytes of payload into sink (None: nobody wants them), never
        # looked at.
        self.need = need
        self.sink = sink
        self.tail = tail
        self.blanks = 0
        self.exact = True

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
                        self.blanks = n // 2 - 2  # as if it had come as lines: of 8 bytes, or 6
                        self.owner.on_tail()
                        self.blanks = 0
                    self.tail = None
            elif self.part.any() or self.skip:
                lo = self._text(buf, lo, hi)
            elif (
                self.echo is not None
                and self.text < 2 + self.blanks
                and (n := self._hear(buf, lo, hi)) > lo
            ):
                lo = n
            elif self.prompt and buf[lo] == _PROMPT and self.text <= self.blanks:
                lo += 1
                self.prompt = False
                self.owner.on_prompt()
            elif self.mirror:
                lo = self._mirrored(buf, lo)
            else:
                lo = self._text(buf, lo, hi)
        return lo

    def echoed(self, buf, lo, hi):
        # Whether a line ends with the echo that is to come, and has more before it.
        i = self.echo_n - 1
        at = hi - i
        while i and at >= lo and buf[at + i - 1] == self.echo[i - 1]:
            i -= 1
        return not i

    def started(self):
        # Whether a line has begun and not ended yet.
        return self.skip or self.part.any() > 0

    def _text(self, buf, lo, hi):
        # A line, or the piece of it that is there.
        n = buf.find(_LF, lo, hi)
        if n < 0:
            self._keep(buf, lo, hi)
            return hi
        self._line(buf, lo, n)
        return n + 1

    def _hear(self, buf, lo, hi):
        # Compares with the echo that is to come, from the start of a line on; returns how far. A
        # CR in the middle may be a URC's: the echo goes on behind it. After any other byte it was
        # a line.
        echo = self.echo
        n = self.echo_n
        at = self.echo_at
        if not at and hi - lo >= n and type(echo) is bytes and buf.startswith(echo, lo):
            at = n
            lo += n
        else:
            if at == self.run and at and buf[lo] == echo[0] != echo[at]:
                at = self.run = 0  # it begins anew
            while lo < hi and at < n and buf[lo] == echo[at]:
                at += 1
                lo += 1
        self.echo_at = at
        if at == n:
            self.echo = None
            if self.text:
                self.text = 0
                if self.exact:
                    self.blanks = 0  # of the text
            self.owner.on_echo()
        elif lo < hi:
            if buf[lo] == _CR:
                self.run = at
            elif at > self.run:
                self.part.write(echo, self.run, at - self.run)
                self.echo_at = self.run
        return lo

    def _mirrored(self, buf, lo):
        # What comes behind the prompt: its blank, then a line end; else payload comes back.
        if buf[lo] == _BLANK and not self.mirror & 1:
            self.mirror -= 1
            return lo + 1
        sure = self.mirror > 2
        self.mirror = 0
        if sure or buf[lo] != _CR:
            self.owner.on_mirror(buf[lo], sure)
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
        # Holds a piece of a line until the rest has come, unless it is longer than allowed.
        if self.skip:
            return
        if self.part.any() + hi - lo > LINE_MAX:
            while self.part.any():
                self.part.readinto(self._whole)
            self.skip = True
            self.overlong += self.text <= self.blanks
        elif hi > lo:
            self.part.write(buf, lo, hi - lo)

    def _line(self, buf, lo, hi):
        # A line whose end has come; of one that was too long, the last piece. Trims the line end,
        # and what noise or a prompt left before the text.
        if self.part.any():
            self._keep(buf, lo, hi)
            if not self.skip:
                lo = 0
                hi = self.part.any()
                buf = self._whole
                self.part.readinto(buf)
        skip = self.skip
        self.skip = False
        end = hi - 1  # of the text: what follows is CR
        while hi > lo and buf[hi - 1] <= 32:
            hi -= 1
        while lo < hi and buf[lo] <= 32:
            lo += 1
        if skip or lo < hi:
            if self.blanks < self.text:
                self.text = self.owner.on_text(buf, lo, max(lo, end))
            else:
                self.text = 0
                if skip:
                    return
                self.owner.on_line(buf, lo, hi)
            self.blanks = 0
            self.exact = True
        else:
            self.blanks += 1
            if end != lo:
                self.exact = False
