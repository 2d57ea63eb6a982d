# qssl.wire.pump - moves all one step on: bytes from the UART to the parser, and to it.
# SPDX-License-Identifier: MIT

from time import sleep_ms, ticks_diff, ticks_ms

from micropython import const

from .exchange import CHUNK, GARBLED, ROUND, SEND_OK, SENT
from .turns import Turns

_ENOUGH = const(64)  # bytes of payload worth a read, unless no more are coming
_TURNS = const(16)  # chunks in one pump, so that a flood can't hold the caller
NAP_MS = const(10)  # longest sleep in which nothing comes, between two looks at the deadline ...
REST_MS = const(50)  # ... while an answer is to come: nothing else can be done until then
_DOZE_MS = const(50)  # longest sleep while counted bytes come
_LOOKS = const(200)  # for bytes that are due: 2 to 5 ms
_LAST = const(56)  # bytes of payload read together with what ends it ...
_FORE = const(80)  # ... and before those: so nothing is in work when the last byte comes
_REST = const(512)  # from here on it does not look at the deadline between two pieces ...
_DUE_MS = const(30)  # ... if they take no longer
_ASLEEP = const(2)  # of busy


class Pump(Turns):
    brim = 1 << 29  # bytes in the UART's ring at which some were lost, see modes.push
    turns = _TURNS

    def pump(self, who=False):
        # Moves everything one step on. Never blocks, never allocates, never raises. May be called
        # from anywhere, also from a timer's soft callback (inside itself it does nothing). who: as
        # in wait(), which lets it sleep until there is something to do.
        if self.busy:
            return
        self.busy = True
        try:
            if who is not False or self.jam or self.uart.any():
                self._receive(who)
            if self.out is not None:
                self._transmit()
            if self.sick:
                self.resync.step(ticks_ms())
            elif self.pipe is not None:
                self.pipe.step(ticks_ms())
            elif self.job is None:
                if not self.jam:
                    self._next()
            elif ticks_diff(self._due, ticks_ms()) <= 0 and self._seen <= 0:
                self.expire()  # what is there, was looked at
            self.busy = False
        finally:
            if self.busy is True:  # Ctrl-C: nobody knows how far the exchange was
                self.busy = False
                self.broken(GARBLED)
                self._tell(GARBLED)
            self.busy = False

    def _receive(self, who):
        parser = self.parser
        if self.jam:
            self._lo = parser.feed(self._chunk, self._lo, self.jam)
            if self._lo < self.jam:  # the sink is still full: flow control holds the modem
                if who is not False:
                    sleep_ms(1)
                return
            self.jam = 0
        uart = self.uart
        chunk = self._chunk
        turns = self.turns
        stats = self.stats
        brim = self.brim
        naps = who is not False
        nap = self._nap
        self.next_n = 0
        token = None
        while turns:
            n = uart.any()
            if n >= brim and not self.sick:
                stats.overruns += 1
                self.broken(GARBLED)
            if not (n or naps):
                break
            if token is None:
                token = self._plan(who)
            at = self._at
            whole = CHUNK + 1 if token is None else at + len(token)
            # Looked up before it sleeps: when the bytes are there, each name costs.
            ready = self.next_n
            echo = parser.echo if at and not parser.need else None
            if naps and n < self._want:
                self.busy = _ASLEEP
                n = self._sleep(nap if token is not None or nap < NAP_MS else NAP_MS)
                self.busy = True
                if not n:
                    break
            if n < whole and n < self._least and n != self._seen and (n < _ENOUGH or naps):
                # Small pieces cost more than they bring, unless no more are coming.
                self._seen = n
                break
            if n > at > 0:
                n = whole if n >= whole else at
            n = uart.readinto(chunk, n if n < CHUNK else CHUNK)
            if not n:
                return
            turns -= 1
            if n != whole or not chunk.startswith(token, at):
                token = None
            elif ready and (echo is None or chunk.startswith(echo)):
                # What follows goes out first, what has come is looked at while it does.
                self.early = uart.write(self.next, 0, ready) or 0
            self.heard = ticks_ms()
            stats.rx = stats.rx + n & ROUND
            self._seen = 0
            nap >>= 3  # then few ms, then none: the idle hook has its turn, and the deadline
            if token is not None and token == SENT and not at:
                parser.blanks = 1  # its line end, as if it had come as a line
                parser.exact = self._behind = True
                if not self.early:
                    self._finish(SEND_OK)
                parser.blanks = 0
            elif parser.prompt and self.early:
                if at:
                    parser.echo = None
                    self.on_echo()
                parser.blanks += 1
                parser.prompt = False
                self.on_prompt()
                parser.mirror -= parser.mirror > 0  # its blank came too
                return
            else:
                self._lo = parser.feed(chunk, 0, n)
                if self._lo < n:
                    self.jam = n
                    return
            if self.early:
                self._begin(who, self.heard)
                if not parser.prompt:
                    return  # the reader has to make room first
                token = who.token  # as _plan() would find it: nothing else can have come yet
                self._at = parser.echo_n if self.echo else 0
                self._least = self._at or len(token)
                self._want = self._at + len(token)
                continue
            token = None
            # What comes next is due at once: it does not wait for a look at the deadline.
            n = parser.need
            naps = naps and (
                n <= _REST and n <= (self.rate * _DUE_MS or n) if n else parser.prompt
            )
            if not naps:
                if parser.need and who is not False:
                    return
                self.next_n = 0
            elif not at:
                self.next_n = 0

    def _plan(self, who):
        # What comes next if all goes well: at bytes of payload or echo, and the token that this
        # returns; want: how many of them are best waited for.
        parser = self.parser
        job = self.job
        token = None
        at = parser.need
        want = 1
        least = 0
        if at:
            token = parser.tail
            if token is None:
                least = _ENOUGH  # who knows when it comes
            elif at > CHUNK + _FORE + _LAST:
                want = CHUNK
            elif at > _LAST + _FORE + _LAST:
                want = at - _LAST - _FORE
            elif at > _LAST + 16:
                want = at - _LAST
            else:
                want = at + len(token)
        elif (
            job is not None
            and self.out is None
            and not parser.text
            and parser.mirror < 3
            and parser.owner is self
            and not (parser.skip or parser.part.any())
        ):
            token = job.token
            if token is not None:
                want = len(token)
                if parser.echo is not None:
                    if parser.echo_at or type(parser.echo) is not bytes:
                        token = None
                    at = want = parser.echo_n - parser.echo_at
        self._at = at
        self._least = least or want
        self._want = want
        if token is not None and parser.prompt:
            self._want = at + len(token)  # mostly both come together
        if token is not None and job is who and not self.next_n and at <= _REST:
            self.next_n = job.ahead(ticks_ms())
        return token

    def _sleep(self, ms):
        # Until the bytes are there that are wanted, or no more come, ms at most for the first:
        # gives how many there are.
        uart = self.uart
        rate = self.rate
        want = self._want
        if self._poll is None:
            sleep_ms(1)
            return uart.any()
        n = uart.any()
        if not (n or (rate and want > _LAST and self._seen >= 0)):
            for n in self._poll.ipoll(ms):  # noqa: B007 (11 words: no frame from the heap)
                pass
            n = uart.any()
            if not n:
                return 0
        if rate and n < want:
            ms = (want - n) // rate
            if ms:
                sleep_ms(ms if ms < _DOZE_MS else _DOZE_MS)
                n = uart.any()
            if not n:
                self._seen = -1  # they don't come: the next time it sleeps until something does
        if 0 < want - n < 2 * rate:
            ms = _LOOKS
            while ms:
                n = uart.any()
                if n >= want:
                    return n
                ms -= 1
        return n
