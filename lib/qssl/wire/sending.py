# qssl.wire.sending - a connection sends: AT+QSSLSEND, the prompt, the payload, its result.
# SPDX-License-Identifier: MIT

from time import ticks_add, ticks_ms

from micropython import const

from . import link as _l
from .connection import P_SEND, SEND, SURE_MS
from .dialect import SEND_MAX
from .lifecycle import REFUSED, Lifecycle

_PROMPT_MS = const(8000)
_SENT_MS = const(20000)
_LOOKS = const(50)  # for what says otherwise than SEND OK: as long as SURE_MS
LINGER_MS = const(50)  # how long written bytes wait for more, if nothing else sends them
HEAD = const(80)  # the first bytes of a payload, twice: the line starts while the rest is copied
_PROMPT = const(b"\r\n> ")
_PAUSE_MIN_MS = const(40)  # after SEND FAIL
_PAUSE_MAX_MS = const(1000)  # the last one after ERROR


class Sending(Lifecycle):
    def _begin_send(self, link):
        self._fly = self._n
        self._typed = -1
        self._mirrored = False
        self.takes = _l.SEND_OK | _l.SEND_FAIL | _l.ERROR
        self.limit_ms = _PROMPT_MS
        link.parser.prompt = True
        self.token = _PROMPT
        k = self._command(self._n)
        link.type(link.next, k)

    def follow(self, link):
        # SEND OK came, and the next full command is out: its prompt is near.
        parser = link.parser
        parser.prompt = True
        parser.mirror = 0
        link.claim = link.stats.silent = 0
        link.last = self
        if link.echo:
            link.mirrors = self._mirrored
        self._mirrored = False
        self._ended = P_SEND
        self._sent()
        self._fly = SEND_MAX
        self._typed = -1
        self.token = _PROMPT
        link.next = link.piece
        self._tx.seek(0)
        link.next_n = self._tx.readinto(link.piece, HEAD)
        line = self._slot[SEND]
        link.type(line, len(line))

    def prompt(self):
        link = self._link
        self._typed = 0
        self.token = _l.SENT
        link.extend(_SENT_MS)
        link.type_data()
        if link.mirrors or link.echo:
            # With ATE0 some firmware echoes no payload any more.
            link.parser.mirror = 4 if link.mirrors and link.echo else 2

    def fill(self, buf):
        n = min(self._fly - self._typed, len(buf) if self._typed > HEAD else HEAD)
        if n:
            self._tx.seek(self._typed)
            self._tx.readinto(buf, n)
            self._typed += n
        return n

    def mirrored(self, c, sure):
        # The payload comes back, its first byte c: it is counted, and passed over.
        tx = self._tx
        tx.seek(0)
        if sure or tx.read(1)[0] == c:
            self._mirrored = True
            self._link.parser.expect(self._fly, None, None)
        elif self._typed == self._fly:
            self.fail("unproven")  # a byte too much, which was left over, is echoed at once

    def _text_send(self, buf, lo, hi):
        # Whether a line of a text from outside ends otherwise than the payload, if all of that is
        # typed.
        if self._typed != self._fly:
            return 1
        n = min(self._fly, hi - lo)
        piece = self._link.piece
        self._tx.seek(self._fly - n)
        self._tx.readinto(piece, n)
        while n and buf[hi - 1] == piece[n - 1]:
            n -= 1
            hi -= 1
        return n > 0

    def _unsure_send(self, result):
        if result == _l.SEND_OK:
            if self._link.echo and (self._typed != self._fly or self._link.out is not None):
                return -1  # not all was typed
        elif result == _l.ERROR and (self._typed < 0 or self._typed == self._fly):
            return SURE_MS
        return 0

    def owes(self):
        # How many bytes the modem may still wait for, all of those typed counted: some may have
        # been lost; -1: it may not have asked yet.
        if self._phase != P_SEND:
            return 0
        self.pad = 27
        if self._fly == 1 and self._typed > 0:
            self._tx.seek(0)
            self.pad = self._tx.read(1)[0]
        return self._fly if self._typed >= 0 else -1

    def _done_send(self, result):
        link = self._link
        if link.echo and (self._mirrored or self._typed == self._fly):
            # Noise like the payload's first byte is no echo of it: then something lacks behind it.
            whole = link.parser.blanks == 1 and link.parser.exact and self._fly > 1
            link.mirrors = self._mirrored and result == _l.SEND_OK and (link.mirrors or whole)
        early = self._typed != self._fly or link.out is not None
        if result <= _l.SEND_FAIL and early and (self._typed >= 0 or result != _l.ERROR):
            # No answer to what was typed: the modem may still wait for the rest.
            link.distrust(self.owes(), self.pad)
            self.fail("unknown")
        elif result == _l.SEND_OK:
            self._sent()
        elif result == _l.SEND_FAIL or (
            result == _l.ERROR and self._typed < 0 and self._pause < _PAUSE_MAX_MS
        ):
            # Full (manual 2.2.3), or refused before the prompt: the same bytes again, later; if it
            # was refused, only if it is connected still.
            if result == _l.ERROR:
                self._claims |= REFUSED
                self._ask = True
            self._fly = 0
            self._pause = min(max(self._pause * 2, _PAUSE_MIN_MS), _PAUSE_MAX_MS)
            self._again = ticks_add(ticks_ms(), self._pause)
        elif result == _l.ERROR:
            self._shut = self._more = True
            # Or the modem has waited in vain for a byte that was lost.
            self.fail("unknown" if link.lte & 4 and self._typed >= 0 else "reset")
        elif result == _l.MISHEARD:
            self.fail("misheard")
        else:
            self.fail("unasked" if self._typed < 0 and result == _l.TIMEOUT else "unknown")

    def _sent(self):
        # Closes the gap that the bytes sent have left.
        tx = self._tx
        fly = self._fly
        left = self._n - fly
        if left:
            self._close_gap(fly, left)
        self._fly = self._pause = 0
        self._looks = _LOOKS
        if self._link.early:
            # The next command is out: what it sends comes from the writer.
            n = SEND_MAX - left
            if n:
                tx.seek(left)
                tx.write(self._src, self._off, n)
                self._off += n
                self._left -= n
            self._n = self._want = SEND_MAX
        else:
            self._n = left
            self._want = max(self._want - fly, 0)
            self._stale = ticks_add(ticks_ms(), LINGER_MS)

    def _close_gap(self, lo, left):
        tx = self._tx
        piece = self._link.piece
        at = 0
        while at < left:
            tx.seek(lo + at)
            n = tx.readinto(piece, min(left - at, len(piece)))
            tx.seek(at)
            tx.write(piece, 0, n)
            at += n
