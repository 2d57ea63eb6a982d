# qssl.wire.receiving - a connection receives: AT+QSSLRECV, the payload, and whether it is whole.
# SPDX-License-Identifier: MIT
#
# Received bytes become visible when their whole reply, to the last line end, has arrived as it
# must.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from . import link as _l
from .ascii import number
from .connection import ASKED, CLOSING, DRY, LOOK_MS, OPEN, P_RECV, SURE_MS
from .dialect import RECV_MAX
from .sending import Sending

_LONG = const(b"\r\n\r\nOK\r\n")  # between payload and the next line: two forms are known,
_SHORT = const(b"\r\nOK\r\n")  # the firmware's own is learned by its first answer

_RECV_MS = const(6000)
_AGAIN_MS = const(100)  # what was refused is asked again
_REFUSALS = const(4)  # ERRORs in a row that are an answer, and half as many answers of nothing
_LATER = const(8)  # from here on no line puts the end off any more
_LATE_MS = const(1000)  # after an OK whose data have not come
ROOM = const(512)  # free bytes worth a read, unless a reader waits for more than there is
_HEADER = const(b"\r\n+QSSLRECV: 1500\r\n")  # of a full reply
_GAPS = const(("middle", "memory"))


class Receiving(Sending):
    def readable(self, now):
        if self._eof or self._shut == DRY or self._state != OPEN:
            return False
        if not self._more:
            if ticks_diff(now, self._look) < 0:
                return False
            if not self._refused:
                self._ask = True
                self._look = ticks_add(now, LOOK_MS)
            if self._push is not None:
                return False
            self._more = True
        free = RECV_MAX - self._rx.any()
        return free >= ROOM or (free and self._need > self._ready)

    def _told_data(self, n):
        # A URC: n bytes of payload follow (direct push mode), -1: they wait in the modem.
        if self._push is not None:
            self._push.begin(self, n)
        elif n < 0 or self._link.lte:
            self._more = self._news = True  # an LTE modem may say how much waits in it
            if self._refused < _LATER:
                self._shut = self._shut > 0  # no longer DRY
        else:
            self._link.parser.expect(n, None, None)
            self.fail("missed")

    def _begin_recv(self, link):
        k = link.next_n
        if not link.early:
            # How this firmware ends a payload shows safest on one byte.
            k = self._command(1 if link.tail is None else RECV_MAX - self._rx.any())
        self.token = _HEADER
        self._more = True
        self._news = False
        self._got = -1
        self.takes = _l.OK | _l.ERROR
        self.limit_ms = _RECV_MS
        link.type(link.next, k)

    def _line_recv(self, buf, lo, hi):
        if not buf.startswith(b"+QSSLRECV:", lo):
            return buf.startswith(b"AT+QSSLRECV=", lo)  # an echo that nobody expects
        link = self._link
        n = number(buf, lo + 10, hi)
        if self._got >= 0 or not 0 <= n <= self._slot[ASKED]:
            link.broken(_l.GARBLED)  # not what was asked for: bytes were lost
            return True
        self._got = n
        link.extend(_RECV_MS)
        if n:
            sink = self._rx if self._state < CLOSING else None  # nobody will make room
            link.parser.expect(n, sink, link.tail)
        else:
            self._more = self._news
            self._look = ticks_add(ticks_ms(), LOOK_MS)
        return True

    def foreign(self, buf, lo, hi):
        # A line that nobody knows. It is no loss, unless it looks like the header of the data, or
        # stands where rests of the data would stand: directly behind them.
        if self._phase != P_RECV:
            return
        parser = self._link.parser
        if (
            (parser.blanks != 1 or not parser.exact)
            if self._got > 0
            else buf.find(b"+QSSL", lo, hi) >= 0
            or buf.find(b"RECV:", lo, hi) >= 0 > buf.find(b",", lo, hi)
        ):
            self._link.broken(_l.GARBLED)
        else:
            self._held = True

    def _unsure_recv(self, result):
        if self._got < 0 and not self._shut and self._push is None:
            return SURE_MS if result == _l.ERROR else _LATE_MS
        return 0

    def _done_recv(self, result):
        link = self._link
        if result == _l.OK:
            tail = link.tail
            if self._got == 0 or (self._got > 0 and self._whole()):
                # The byte by which the form was just learned waits for a reply that confirms it.
                if tail is not None or not self._got:
                    if not link.echo:
                        self._held = False
                    if self._held:
                        self._ask = True  # so that a next command comes
                    else:
                        self._show()
                if self._got or not self._shut:
                    self._refused = 0
                    return
                # Nothing, and the server has closed. What came with the end may still be on its
                # way through the modem: once more.
                self._refused += _REFUSALS // 2 - 1
                result = _l.ERROR
            else:
                link.broken(_l.GARBLED)
                result = _l.GARBLED
        if result != _l.ERROR:
            reason = "garbled"
            if result == _l.TIMEOUT:
                reason = link.why("unanswered" if self._got < 0 else "cut")
            self.fail("misheard" if result == _l.MISHEARD else reason)
        elif self._push is not None and not self._shut:
            self._more = False  # it pushes what it has
        else:
            self._refused += 1
            if self._refused >= _REFUSALS or self._push is not None:
                if self._shut:
                    self._show()  # nothing more comes to confirm the last reply
                    # It may be the network that has closed, with the PDP context: asked first.
                    self._shut = DRY
                    link.doubt |= _l.DOUBTED
                else:
                    self.fail("gone")
            else:
                self._more = self._news and not self._got
                self._look = ticks_add(ticks_ms(), _AGAIN_MS)
                if not self._shut:
                    link.doubt |= _l.DOUBTED
                    self._ask = True

    def _whole(self):
        # Payload and OK were separated by just what this firmware puts there.
        link = self._link
        parser = link.parser
        blanks = parser.blanks
        if parser.need or not parser.exact:
            return False
        if link.tail is None and 1 <= blanks <= 2:
            link.tail = _LONG if blanks == 2 else _SHORT
        return blanks == (2 if link.tail == _LONG else 1)

    def _show(self):
        # What was received is whole. Behind a gap in what was given out nothing is shown.
        if self.why not in _GAPS:
            self._ready = self._rx.any()
