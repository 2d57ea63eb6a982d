# qssl.modes.inband - tells payload from the modem's own words in data mode (manual 1.3, items 3
# and 4).
# SPDX-License-Identifier: MIT
#
# What the modem itself says in data mode looks like payload, and payload may look like what the
# modem says. So everything is payload, except:
#   CR LF NO CARRIER CR LF  if nothing but URCs follows, and the modem then is in command mode; or
#                           ERROR, which is what it says to payload that was typed meanwhile
#   both, in this order     as the next one, of LTE modems
#   CR LF OK CR LF          if it comes when +++ has had its time, nothing but URCs follows, and an
#                           AT is answered
# What may be such words is held back until that is known. Nothing here waits or allocates.

from time import ticks_diff, ticks_ms

from micropython import const

_ENDLESS = const(1 << 29)
_HOLD = const(512)
_PIECE = const(16)  # bytes that tell whether what is held goes on as words

_END = const(b"\r\nNO CARRIER\r\n")
_OK = const(b"\r\nOK\r\n")
_ERROR = const(b"\r\nERROR\r\n")


class Words:
    # The parser's sink in data mode: payload goes into the ring of pipe, words are held.
    def __init__(self, pipe):
        self._pipe = pipe
        self._parser = pipe._link.parser
        self._hold = bytearray(_HOLD)
        self.start()

    def start(self):
        # Data mode begins, or has ended in disorder.
        self._held = 0  # bytes in hold, of which ...
        self._go = 0  # ... the first are payload that the ring has no room for
        self.full = 0  # bytes of the word at the start of the others, if it is whole
        self._last = self._fin = 0  # end and start of the answer to the proof
        self._both = False  # NO CARRIER came together with the OK of +++
        self.old = 0  # bytes held when +++ went out: theirs it can't be
        self.asked = 0  # the same when AT went out
        self.since = None  # ticks: from when on an OK may be the answer to +++
        self.proof = False  # AT is out

    def listen(self):
        self._parser.expect(_ENDLESS, self, None)

    def write(self, buf, off, k):
        # Takes bytes; fewer when the ring is full.
        self._parser.need = _ENDLESS
        pipe = self._pipe
        hold = self._hold
        i = off
        end = off + k
        while i < end:
            if self._held:
                if not self.drain():
                    break
                n = min(_PIECE, end - i, _HOLD - self._held)
            else:
                p = self._scan(buf, i, end)
                if p > i:
                    i += p - i if pipe._unwanted() else pipe._rx.write(buf, i, p - i)
                    if i < p:
                        break
                n = end - p
            at = self._held
            for j in range(n):
                hold[at + j] = buf[i + j]
            i += n
            self._held += n
            if self.since is not None and ticks_diff(ticks_ms(), self.since) < 0:
                self.old = self._held  # too early for an answer
            if self._held:
                self._go = self._scan(hold, 0, self._held)
                if not self._go and self._held == _HOLD:
                    self._go = self._scan(hold, 1, _HOLD)
                self.drain()
                if self._last:
                    pipe._leave()
                    break
        pipe._ready = pipe._rx.any()
        return i - off

    def any(self):
        # True while something is held that may be words.
        return self._held > self._go

    def held(self):
        return self._held

    def release(self):
        # What is held is payload.
        self._go = self._held
        self.drain()

    def drain(self):
        # Moves on what is held and known to be payload. True: all of it.
        go = self._go
        if go:
            pipe = self._pipe
            n = go if pipe._unwanted() else pipe._rx.write(self._hold, 0, go)
            self._go = go - n
            self._held -= n
            self.old = max(self.old - n, 0)
            self.asked = max(self.asked - n, 0)
            for i in range(self._held):
                self._hold[i] = self._hold[i + n]
            pipe._ready = pipe._rx.any()
        return not self._go

    def leave(self):
        # Command mode: what is held are words. URCs go where they belong. True: the connection
        # has ended.
        parser = self._parser
        parser.reset()
        hold = self._hold
        at = self._go
        held = self._held
        self._held = at
        ended = hold[at + 2] == _END[2] and not self._both
        self._both = False
        if not self._last:
            self._last = self._fin = held - at
        fin = at + self._fin
        last = at + self._last
        self._last = 0
        parser.feed(hold, at + self.full, fin)
        parser.feed(hold, last, held)
        return ended

    def _scan(self, buf, lo, hi):
        # Where in buf[lo:hi] words may begin; hi: nowhere.
        while True:
            lo = buf.find(b"\r", lo, hi)
            if lo < 0:
                return hi
            if self._own(buf, lo, hi):
                return lo
            lo += 1

    def _own(self, buf, i, hi):
        # Whether buf[i:hi] is, as far as it has come, a word of the modem and URCs behind it.
        self.full = self._last = 0
        if not self.proof:
            self._both = False
        late = self.since is not None and ticks_diff(ticks_ms(), self.since) >= 0
        end = _like(buf, i, hi, _END)
        if end:
            n = 14
            if (
                late
                and self._pipe._link.lte
                and i >= self.old
                and hi - i > 14
                and _like(buf, i + 14, hi, _OK)
            ):
                self._both = self._both or not self.proof
                if self._both:
                    n = 20
        elif late and _like(buf, i, hi, _OK):
            n = 6
        else:
            return False
        if n <= hi - i:
            self.full = n
        n += i
        while n < hi:
            if self.proof and n >= self.asked:
                for word in (_OK, _ERROR):
                    if _like(buf, n, hi, word):
                        if hi - n >= len(word):
                            self._fin = n - i
                            self._last = n - i + len(word)
                        return True
            if not (_like(buf, n, hi, b"\r\n+") or (end and _like(buf, n, hi, _ERROR))):
                return False
            n = buf.find(b"\n", n + 2, hi) + 1
            if not n:
                return True
        return True


def _like(buf, i, hi, word):
    # Whether buf[i:hi] begins with word or is the beginning of it.
    for c in word:
        if i >= hi:
            return True
        if buf[i] != c:
            return False
        i += 1
    return True
