# qssl.modes.inband - tells payload from the modem's own words in data mode (manual 1.3, items 3
# and 4).
# SPDX-License-Identifier: MIT
#
# What the modem itself says in data mode looks like payload, and payload may look like what the
# modem says. So everything is payload, except:
#   CR LF NO CARRIER CR LF  if the modem then is in command mode
#   both, in this order     as the next one, of LTE modems
#   CR LF OK CR LF          if it comes when +++ has had its time, no other one follows, and an AT
#                           is answered
# Behind them lines may come, such as URCs that were put off: the first begins with CR LF. What may
# be such words is held back until that is known. Nothing here waits or allocates.

from time import ticks_diff, ticks_ms

from micropython import const

_ENDLESS = const(1 << 29)
_HOLD = const(512)
_PIECE = const(16)  # bytes that tell whether what is held goes on as words

_LF = const(10)

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
        self.since = None  # ticks: from when on an OK may be the answer to +++
        self.proof = False  # AT is out ...
        self._asked = 0  # ... and what was held then is no answer to it

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

    def asks(self, n):
        # AT goes out, for the n-th time.
        self._asked = self._held
        self.proof = n

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
            self._asked = max(self._asked - n, 0)
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
        # Whether buf[i:hi] is, as far as it has come, a word of the modem and lines behind it.
        self.full = self._last = 0
        if not self.proof:
            self._both = False
        late = self.since is not None and ticks_diff(ticks_ms(), self.since) >= 0
        if _like(buf, i, hi, _END):
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
        if n <= hi - i and (self.proof or buf[hi - 1] == _LF):
            self.full = n
        n += i
        if not _like(buf, n, hi, b"\r\n") or buf.find(_END, n, hi) >= 0:
            return False  # the modem says it once
        if not self.proof:
            # In data mode the modem's own OK is the last word.
            return not late or buf.find(_OK, max(n, self.old), hi) < 0
        at = max(n, self._asked)
        n = buf.find(_OK, at, hi)
        bad = buf.find(_ERROR, at, n if n >= 0 else hi)
        if bad >= 0:
            self._fin = bad - i
            self._last = bad - i + 9
        elif n >= 0:
            self._fin = n - i
            self._last = n - i + 6
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
