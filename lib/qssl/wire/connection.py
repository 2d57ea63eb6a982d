# qssl.wire.connection - what a connection is: its memory, its state, how it fails and ends.
# SPDX-License-Identifier: MIT
#
# Of the five files of a connection's work each builds on the one before: connection, lifecycle,
# sending, receiving, channel.

import io

from micropython import const

from .ascii import put
from .dialect import CLOSE_S, RECV_MAX, SEND_MAX

# Life of the connection.
OPENING = const(0)
OPEN = const(1)
CLOSING = const(2)
CLOSED = const(3)

# What it does with the wire when it has it.
P_OPEN = const(0)
P_RECV = const(1)
P_SEND = const(2)
P_CLOSE = const(3)
P_STATE = const(4)

DRY = const(2)  # of _shut: what there was is read

LOOK_MS = const(8000)  # an unannounced look for data and state: the URC may have been lost
SURE_MS = const(200)  # after ERROR: was it the answer?

_CR = const(13)

# Places in a slot.
_RX = const(0)
_TX = const(1)
_RECV = const(2)
SEND = const(3)
_OWN = const(4)
ASKED = const(5)  # how many bytes the last AT+QSSLRECV asked for
OWED = const(6)  # a +QSSLOPEN of a connection that was given up may still come


def slot(cid, rx, tx):
    # What a connection needs of memory: made once, used by one socket after the other. rx: RingIO,
    # received bytes; tx: BytesIO, written ones. Its commands for data are bytes, with the greatest
    # number: an echo of those is compared at C speed. What has another number is a bytearray.
    recv = b"AT+QSSLRECV=%d,%d\r" % (cid, RECV_MAX)
    return [rx, tx, recv, b"AT+QSSLSEND=%d,%d\r" % (cid, SEND_MAX), bytearray(recv), 0, False]


class Connection(io.IOBase):
    def __init__(self, modem, cid, slot, line):
        self._modem = modem
        self._link = modem.link
        self._slot = slot
        self._rx = slot[_RX]
        self._tx = slot[_TX]
        self._line = line  # AT+QSSLOPEN=..., None once it went out
        self.id = cid
        self._state = OPENING
        self._phase = P_OPEN
        self._ended = 0  # phase of the last exchange that had a result
        self.token = None
        self.pad = 27
        self._close_s = CLOSE_S
        self._timeout = None  # ms; None: for ever, 0: never wait
        self.code = 0  # what +QSSLOPEN said; ~n: refused by +CME ERROR: n, or ERROR (0)
        self.why = None  # the connection is of no use: a reason of qssl.hints ...
        self._told = False  # ... and the program knows
        self._asked = 0  # AT+QSSLCLOSE had no answer (1), or was refused (2)
        # receiving
        self._ready = 0  # bytes in rx whose reply was whole
        self._goes = 0  # bytes that a waiting reader takes at most once it wakes
        self._need = 0  # bytes that a waiting reader wants ...
        self._short = False  # ... which is more than the ring can show at once
        self._more = False  # the modem has, or may have, data
        self._shut = False  # the peer closed: no more will come than the modem already has
        self._eof = False
        self._push = None  # direct push mode: the qssl.modes.push.Push of the link
        self._got = 0  # bytes that the running reply announced; -1: not yet; or the state it tells
        self._look = 0  # ticks: the next unannounced look; when closing, the end of patience
        self._news = False  # "recv" came while the running exchange asked for data
        self._held = False  # a foreign line stood in the reply: shown when the next echo has come
        self._refused = 0  # ERRORs in a row to AT+QSSLRECV
        # the modem's own view
        self._ask = False  # AT+QSSLSTATE comes next
        self._claims = 0  # what URCs said that it is to confirm, a sum of lifecycle's _C_...
        self._mirrored = False  # the payload of the running exchange is echoed
        self._says = 0  # the error code of the last +QSSLOPEN
        self._doubts = 0  # answers in a row that said what nothing else says, or nothing
        # sending: n bytes in tx, of which the first fly are in flight and the first want must go
        self._n = self._fly = self._want = 0
        self._src = None  # what a waiting writer writes: left bytes from off on
        self._off = self._left = 0
        self._typed = 0  # bytes of fly that went to the UART; -1: no prompt yet
        self._pause = 0  # ms
        self._again = 0  # ticks: not before, after SEND FAIL
        self._looks = 0  # left, until what was sent is proven
        self._stale = 0  # ticks: when the bytes beyond want have waited long enough
        while self._rx.any():
            self._rx.read()
        self._link.sources.append(self)

    def _command(self, n):
        # Puts what asks for n bytes, or announces them, into link.next. Gives its length.
        if self._phase == P_RECV:
            self._slot[ASKED] = n
            line = self._slot[_RECV]
            full = n == RECV_MAX
        else:
            line = self._slot[SEND]
            full = n == SEND_MAX
        k = len(line)
        if not full:
            own = self._slot[_OWN]
            for i in range(k):
                own[i] = line[i]
            k = put(own, k - 5, n) + 1
            own[k - 1] = _CR
            line = own
        self._link.next = line
        return k

    def fail(self, reason):
        # From now on every call fails with this reason, once what was received whole is read.
        # After "reset" reading goes on: what ends that is the reason then.
        if not self._dead():
            self.why = reason
        self._want = 0  # what is being typed goes on: the modem waits for all of it

    def _dead(self):
        # No more can be received. Where only sending failed, what has come is still there.
        return self.why and self.why != "reset"

    def _release(self):
        if self._state != CLOSED:
            self._state = CLOSED
            self._modem.release(self)

    # --- what Modem asks -----------------------------------------------------------------------

    def spent(self):
        # Of no use any more, and the program knows: its id may be given to another one.
        return self._told if self._dead() else self._eof and not self._ready

    def state(self) -> int:
        """How far the connection is: 0 opening, 1 open, 2 closing, 3 closed; -1 failed.

        Returns: int.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        return -1 if self.why and self._state < CLOSING else self._state

    def abandon(self):
        # The connection did not come about: its id is given back in the background.
        self._slot[OWED] = self._state == OPENING and self._line is None and self.code == 0
        self._told = True
        self._want = 0
        if self._state < CLOSING:
            self._state = CLOSING
            if self._line is not None:
                self._release()
