# qssl.wire.channel - a TLS connection as work for the link: whose turn it is, what comes next.
# SPDX-License-Identifier: MIT
#
# A source of work, and when it has the wire the job itself: AT+QSSLOPEN, AT+QSSLSEND,
# AT+QSSLRECV, AT+QSSLCLOSE or AT+QSSLSTATE (manual 2.2.2 to 2.2.6). What each of them does is in
# lifecycle, sending and receiving. Nothing here waits: qssl.socket, the stream on top, looks at
# its state.

from time import ticks_diff

from micropython import const

from . import link as _l
from .connection import CLOSING, DRY, OPEN, OPENING, P_CLOSE, P_OPEN, P_RECV, P_SEND, P_STATE
from .dialect import RECV_MAX, SEND_MAX
from .lifecycle import REFUSED
from .receiving import ROOM, Receiving
from .sending import HEAD

_T_RECV = const(1)  # what a URC tells, see qssl.ask.events


class Channel(Receiving):
    # --- source: which work is there -----------------------------------------------------------

    def job(self, now):
        state = self._state
        if self._shut == DRY:
            self._eof = not self._dead()
            self._shut = True
        if state == OPENING:
            if self.why:
                return None
            if self._ask and self._link.listing & _l.BLIND:
                self._done_state(_l.ERROR)
                return None
            if self._line is not None:
                self._phase = P_OPEN
            elif self._ask or ticks_diff(now, self._look) >= 0:
                self._phase = P_STATE
            else:
                return None
            return self
        if self._ask and not self.why and (state == OPEN or self._claims & REFUSED):
            if not self._link.listing & _l.BLIND:
                self._phase = P_STATE
                return self
            self._doubts = 2
            self._done_state(_l.ERROR)
        if self.why:
            self._want = 0
        elif state == OPEN and self._n > self._want and ticks_diff(now, self._stale) >= 0:
            self._want = self._n
        if self._want:
            if not self._pause or ticks_diff(now, self._again) >= 0:
                # Taking turns: after a send the data that has come meanwhile goes first.
                if self._phase != P_SEND or not self.readable(now):
                    self._phase = P_SEND
                    return self
            if state == CLOSING:
                if ticks_diff(now, self._look) < 0:
                    return None
                self.fail("unsent")
        if state == CLOSING:
            # The last connection of an SSL context may take its settings along (manual 2.2.5):
            # what goes by them is typed before.
            for other in self._modem.sockets:
                if other and other._line and other.ctx.id == self.ctx.id and not other.why:
                    return None
            self._phase = P_CLOSE
            return self
        if not self._dead() and self.readable(now):
            self._phase = P_RECV
            return self
        return None

    def wants(self, now):
        # Whether it would have work now.
        phase = self._phase
        work = self._ask or self.job(now)
        self._phase = phase
        return work

    def ahead(self, now):
        # What this channel types next, to link.next, when the token ends what it does now: the
        # payload, or the same command again, unless there is other work. Gives its bytes.
        link = self._link
        phase = self._phase
        if phase == P_SEND and self._typed < 0:
            if link.lte & 4 and link.witness.late(now):
                return 0
            link.next = link.piece
            self._tx.seek(0)
            return self._tx.readinto(link.piece, min(self._fly, HEAD))
        if self._ask or self._held or self._push is not None or link.doubt:
            return 0
        if phase == P_RECV and self._got <= 0:
            return 0
        go = self.job(now) and self._phase == phase
        self._phase = phase
        if not go:
            return 0
        if phase == P_RECV:
            have = self._rx.any() + link.parser.need
            n = RECV_MAX - have + min(have, self._goes)
            if have < self._need or n < ROOM:
                return 0  # the reader does not wake
        else:
            n = SEND_MAX
            if self._n - self._fly + self._left < n:
                return 0  # it lingers
        for source in link.sources:
            if source is not self and source.wants(now):
                return 0
        return self._command(n)

    # --- job: the exchange ---------------------------------------------------------------------

    def begin(self, link):
        phase = self._phase
        if phase == P_RECV:
            return self._begin_recv(link)
        if phase == P_SEND:
            return self._begin_send(link)
        return self._begin_life(link, phase)

    def line(self, buf, lo, hi):
        if self._phase == P_STATE:
            return self._line_state(buf, lo, hi)
        if self._phase != P_RECV:
            return False
        return self._line_recv(buf, lo, hi)

    def text(self, buf, lo, hi):
        if self._phase == P_STATE:
            return self._text_state()
        if self._phase != P_SEND:
            return 1
        return self._text_send(buf, lo, hi)

    def unsure(self, result):
        if self._phase == P_RECV:
            return self._unsure_recv(result)
        if self._phase == P_SEND:
            return self._unsure_send(result)
        return 0

    def done(self, result):
        phase = self._phase
        link = self._link
        self.token = None
        if result == _l.RESTARTED:
            return  # lost() comes next
        if result < _l.TIMEOUT:
            link.last = self
            self._ended = phase
        if result == _l.MISHEARD and (phase == P_RECV or phase == P_SEND):
            # The id may be what was lost: then the prompt, or the data, was another connection's.
            at = link.odd
            if at < -1:
                # No whole line came: what did come of the echo shows how far it was the same.
                at = self.id if link.parser.echo_at > 13 + (self.id > 9) else -1
            self._modem.misheard(self.id, at)
        if phase == P_SEND:
            self._done_send(result)
        elif phase == P_RECV:
            self._done_recv(result)
        elif phase == P_STATE:
            self._done_state(result)
        elif phase == P_CLOSE:
            return self._done_close(result)
        else:
            return self._done_open(result)

    def followed(self, result):
        # Behind the last exchange came the next command, heard as it was typed; or a result that
        # nobody waited for.
        if self._held:
            if not result:
                self._held = False
                self._show()
                return
            if result != _l.MISHEARD:
                self._link.broken(_l.GARBLED)
            self.fail("garbled")
        elif result and self._ended == P_SEND:
            # SEND OK and SEND FAIL for the same bytes: which one was the modem's nobody knows.
            if result & (_l.SEND_OK if self._pause else _l.SEND_FAIL | _l.ERROR | _l.MISHEARD):
                self.fail("unproven")

    # --- what the modem reports (URCs) ---------------------------------------------------------

    def told(self, kind, n):
        # What a URC says: a kind of qssl.ask.events, and its number; -1: none.
        if kind == _T_RECV:
            return self._told_data(n)
        return self._claim(kind, n)
