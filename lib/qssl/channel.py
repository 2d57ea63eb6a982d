# qssl.channel - a TLS connection as work for the link: what it says to the modem, and hears.
# SPDX-License-Identifier: MIT
#
# A source of work, and when it has the wire the job itself: AT+QSSLOPEN, AT+QSSLSEND,
# AT+QSSLRECV or AT+QSSLCLOSE (manual 2.2.2 to 2.2.5). Nothing here waits: qssl.socket, the stream
# on top, looks at its state. Received bytes become visible when their whole reply, to the last
# line end, has arrived as it must.

import io
from time import ticks_add, ticks_diff, ticks_ms

from micropython import RingIO, const

from . import link as _l
from .ascii import number, put
from .dialect import CLOSE_S, RECV_MAX, SEND_MAX

# Life of the connection.
_OPENING = const(0)
_OPEN = const(1)
_CLOSING = const(2)
_CLOSED = const(3)

# What it does with the wire when it has it.
_P_OPEN = const(0)
_P_RECV = const(1)
_P_SEND = const(2)
_P_CLOSE = const(3)

_LONG = const(b"\r\n\r\nOK\r\n")  # between payload and the next line: two forms are known,
_SHORT = const(b"\r\nOK\r\n")  # the firmware's own is learned by its first answer

_RECV_MS = const(6000)
_PROMPT_MS = const(8000)
_SENT_MS = const(20000)
_CLOSE_MS = const(12000)  # the modem's own limit is 10 s
_LOOK_MS = const(10000)  # an unannounced look for data: the URC may have been lost
_ROOM = const(512)  # free bytes worth a read, unless a reader waits for more than there is
_HEAD = const(48)  # the first bytes of a payload: the line starts while the rest is copied
_PAUSE_MIN_MS = const(40)  # after SEND FAIL
_PAUSE_MAX_MS = const(1000)


class Slot:
    # What a connection needs of memory: made once, used by one socket after the other.
    def __init__(self, cid):
        self.rx = RingIO(RECV_MAX)
        self.tx = io.BytesIO(SEND_MAX)
        self.recv = Line(b"AT+QSSLRECV=%d," % cid)
        self.send = Line(b"AT+QSSLSEND=%d," % cid)


class Line:
    # A command line of which only the last number changes.
    def __init__(self, text):
        self.buf = bytearray(text + b"1500\r")
        self._at = len(text)
        self.n = -1
        self.len = 0

    def set(self, n):
        if n != self.n:
            self.n = n
            i = put(self.buf, self._at, n)
            self.buf[i] = 13
            self.len = i + 1


class Channel(io.IOBase):
    strict = False
    takes = _l.OK | _l.ERROR
    limit_ms = _CLOSE_MS
    _close_s = CLOSE_S

    def __init__(self, modem, cid, slot, line):
        self._modem = modem
        self._link = modem.link
        self._slot = slot
        self._rx = slot.rx
        self._tx = slot.tx
        self._line = line  # AT+QSSLOPEN=..., None once it went out
        self.id = cid
        self._state = _OPENING
        self._phase = _P_OPEN
        self._timeout = None  # ms; None: for ever, 0: never wait
        self.code = 0  # what +QSSLOPEN said; -1: see AT+QIGETERROR
        self.why = None  # the connection is of no use: a reason of qssl.hints ...
        self._told = False  # ... and the program knows
        self._asked = False  # AT+QSSLCLOSE was refused
        # receiving
        self._ready = 0  # bytes in rx whose reply was whole
        self._need = 0  # bytes that a waiting reader wants ...
        self._short = False  # ... which is more than the ring can show at once
        self._more = False  # the modem has, or may have, data
        self._shut = False  # the peer closed: no more will come than the modem already has
        self._eof = False
        self._push = None  # direct push mode: the qssl.push.Push of the link
        self._got = 0  # bytes that the running reply announced; -1: not yet
        self._look = 0  # ticks: the next unannounced look; when closing, the end of patience
        # sending: n bytes in tx, of which the first fly are in flight and the first want must go
        self._n = self._fly = self._want = 0
        self._typed = 0  # bytes of fly that went to the UART; -1: no prompt yet
        self._pause = 0  # ms
        self._again = 0  # ticks: not before, after SEND FAIL
        self._stale = 0  # ticks: when the bytes beyond want have waited long enough
        while self._rx.any():
            self._rx.read()
        self._link.sources.append(self)

    # --- source: which work is there -----------------------------------------------------------

    def job(self, now):
        state = self._state
        if state == _OPENING:
            if self._line is None or self.why:
                return None
            self._phase = _P_OPEN
            return self
        if self.why:
            self._want = 0
        elif state == _OPEN and self._n > self._want and ticks_diff(now, self._stale) >= 0:
            self._want = self._n
        if self._want:
            if not self._pause or ticks_diff(now, self._again) >= 0:
                # Taking turns: after a send the data that has come meanwhile goes first.
                if self._phase != _P_SEND or not self.readable(now):
                    self._phase = _P_SEND
                    return self
            if state == _CLOSING:
                if ticks_diff(now, self._look) < 0:
                    return None
                self.fail("unsent")
        if state == _CLOSING:
            self._phase = _P_CLOSE
            return self
        if not self._dead() and self.readable(now):
            self._phase = _P_RECV
            return self
        return None

    def _dead(self):
        # No more can be received. Where only sending failed, what has come is still there.
        return self.why and self.why != "reset"

    def readable(self, now):
        if self._eof or self._state != _OPEN:
            return False
        if not self._more:
            if self._push is not None or ticks_diff(now, self._look) < 0:
                return False
            self._more = True
        free = RECV_MAX - self._rx.any()
        return free >= _ROOM or (free and self._need > self._ready)

    def lost(self, result):
        if result == _l.RESTARTED:
            self.fail("restarted")
            self._release()
        elif result:
            self.fail("silent")
        elif self._push is not None:
            self.fail("missed")
        else:
            self._more = True  # a URC may have been lost in quarantine

    # --- job: the exchange ---------------------------------------------------------------------

    def begin(self, link):
        phase = self._phase
        self.strict = phase == _P_RECV
        if phase == _P_RECV:
            n = RECV_MAX - self._rx.any()
            if link.tail is None:
                n = 1  # how this firmware ends a payload shows safest on one byte
            self._more = True
            self._got = -1
            self.takes = _l.OK | _l.ERROR
            self.limit_ms = _RECV_MS
            line = self._slot.recv
        elif phase == _P_SEND:
            n = self._fly = self._n
            self._typed = -1
            self.takes = _l.SEND_OK | _l.SEND_FAIL | _l.ERROR
            self.limit_ms = _PROMPT_MS
            link.parser.prompt = True
            line = self._slot.send
        else:
            self.takes = _l.OK | _l.ERROR
            self.limit_ms = _CLOSE_MS
            text = self._line
            if phase == _P_CLOSE:
                self.limit_ms = self._close_s * 1000 + 2000
                text = b"AT+QSSLCLOSE=%d,%d\r" % (self.id, self._close_s)
            self._line = None
            link.type(text, len(text))
            return
        line.set(n)
        link.type(line.buf, line.len)

    def line(self, buf, lo, hi):
        if self._phase != _P_RECV or not buf.startswith(b"+QSSLRECV:", lo):
            return self.strict and buf.startswith(b"AT+QSSLRECV=", lo)  # echo is on
        n = number(buf, lo + 10, hi)
        if self._got >= 0 or not 0 <= n <= self._slot.recv.n:
            self._got = -1
            return False  # not what was asked for: bytes were lost, and the link will say so
        self._got = n
        if n:
            self._link.parser.expect(n, self._rx, self._link.tail)
        else:
            self._more = False
            self._look = ticks_add(ticks_ms(), _LOOK_MS)
        return True

    def prompt(self):
        self._typed = 0
        self._link.extend(_SENT_MS)
        self._link.type_data()

    def fill(self, buf):
        n = min(self._fly - self._typed, len(buf) if self._typed else _HEAD)
        if n:
            self._tx.seek(self._typed)
            self._tx.readinto(buf, n)
            self._typed += n
        return n

    def owes(self):
        # How many bytes the modem may still wait for; -1: it may not have asked yet.
        if self._phase != _P_SEND:
            return 0
        return self._fly - self._typed if self._typed >= 0 else -1

    def done(self, result):
        phase = self._phase
        if result == _l.RESTARTED:
            return  # lost() comes next
        if phase == _P_RECV:
            self._done_recv(result)
        elif phase == _P_SEND:
            self._done_send(result)
        elif phase == _P_CLOSE:
            # After a time-out or ERROR (a byte of the command was lost, or the id is not open)
            # once more, when the link is sound again.
            if result == _l.OK or self._asked or self._link.resync.dead:
                self._release()
            self._asked = result == _l.ERROR
        elif result != _l.OK and self._state == _OPENING:
            self.code = -1
            self.fail("refused" if result == _l.ERROR else "silent")

    def _done_recv(self, result):
        if result == _l.OK:
            tail = self._link.tail
            if self._got == 0 or (self._got > 0 and self._whole()):
                # The byte by which the form was just learned waits for a reply that confirms it.
                if tail is not None or not self._got:
                    self._ready = self._rx.any()
                if not self._got and self._shut:
                    self._eof = True
                return
            self._link.garbled()
            result = _l.GARBLED
        if result != _l.ERROR:
            self.fail(self._link.why("cut") if result == _l.TIMEOUT else "garbled")
        elif self._shut:
            self._eof = True
        elif self._push is not None:
            self._more = False  # it pushes what it has
        else:
            self.fail("gone")

    def _whole(self):
        # Payload and OK were separated by just what this firmware puts there.
        link = self._link
        parser = link.parser
        if parser.matched:
            return True
        blanks = parser.blanks
        if parser.need or not parser.exact:
            return False
        if link.tail is None and 1 <= blanks <= 2:
            link.tail = _LONG if blanks == 2 else _SHORT
        return blanks == (2 if link.tail == _LONG else 1)

    def _done_send(self, result):
        if result & (_l.SEND_OK | _l.SEND_FAIL) and (
            self._typed != self._fly or self._link.typing()
        ):
            # No answer to what was typed: the modem may still wait for the rest.
            self._link.distrust(self.owes())
            self.fail("unknown")
        elif result == _l.SEND_OK:
            self._sent()
        elif result == _l.SEND_FAIL:
            # Full: the same bytes again, later (manual 2.2.3).
            self._fly = 0
            self._pause = min(max(self._pause * 2, _PAUSE_MIN_MS), _PAUSE_MAX_MS)
            self._again = ticks_add(ticks_ms(), self._pause)
        elif result == _l.ERROR:
            self._shut = self._more = True
            self.fail("reset")
        else:
            self.fail("unasked" if self._typed < 0 and result == _l.TIMEOUT else "unknown")

    def _sent(self):
        # Closes the gap that the bytes sent have left.
        tx = self._tx
        piece = self._link.piece
        fly = self._fly
        left = self._n = self._n - fly
        at = 0
        while at < left:
            tx.seek(fly + at)
            n = tx.readinto(piece, min(left - at, len(piece)))
            tx.seek(at)
            tx.write(piece, 0, n)
            at += n
        self._want = max(self._want - fly, 0)
        self._fly = self._pause = 0

    # --- what the modem reports (URCs) ---------------------------------------------------------

    def on_recv(self, n):
        # n: bytes of payload that follow (direct push mode), -1: they wait in the modem.
        if self._push is not None:
            self._push.begin(self, n)
        elif n < 0:
            self._more = True
        else:
            self._link.parser.expect(n, None, None)
            self.fail("missed")

    def on_closed(self):
        # Unread data stays: it is drained first, then comes EOF.
        self._shut = self._more = True

    def on_open(self, code):
        if self._state == _OPENING:
            self.code = code
            if code:
                self.fail("refused")
            else:
                self._state = _OPEN
                self._look = ticks_add(ticks_ms(), _LOOK_MS)

    def fail(self, reason):
        # From now on every call fails with this reason, once what was received whole is read.
        # After "reset" reading goes on: what ends that is the reason then.
        if not self._dead():
            self.why = reason
        self._want = 0  # what is being typed goes on: the modem waits for all of it

    def _release(self):
        if self._state != _CLOSED:
            self._state = _CLOSED
            self._modem.release(self)

    # --- what Modem asks ------------------------------------------------------------------------

    def spent(self):
        # Of no use any more, and the program knows: its id may be given to another one.
        return self._told if self._dead() else self._eof and not self._ready

    def state(self) -> int:
        # 0 opening, 1 open, 2 closing, 3 closed; -1 failed
        return -1 if self.why and self._state < _CLOSING else self._state

    def abandon(self):
        # The connection did not come about: its id is given back in the background.
        self._told = True
        self._want = 0
        if self._state < _CLOSING:
            self._state = _CLOSING
            if self._line is not None:
                self._release()
