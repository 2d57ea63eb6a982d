# qssl.socket - a TLS socket in buffer access mode: a stream that reads ahead and merges writes.
# SPDX-License-Identifier: MIT
#
# The socket is a source of work for the link and, when it has the wire, the job itself:
# AT+QSSLOPEN, AT+QSSLSEND, AT+QSSLRECV or AT+QSSLCLOSE (manual 2.2.2 to 2.2.5). Callers only look
# at its state, so nothing here waits except in the loops marked "blocking". Received bytes become
# visible when their whole reply, to the last line end, has arrived as it must.

import io
from time import ticks_add, ticks_diff, ticks_ms

from micropython import RingIO, const

from . import link as _l
from .ascii import number, put
from .dialect import CLOSE_S, RECV_MAX, SEND_MAX
from .errors import error

# Stream ioctls and poll bits: MicroPython's py/stream.h.
_POLL = const(3)
_CLOSE = const(4)
_RD = const(1)
_WR = const(4)
_ERR = const(8)
_HUP = const(16)

# Life of the connection.
_OPENING = const(0)
_OPEN = const(1)
_CLOSING = const(2)
_CLOSED = const(3)

# What the socket does with the wire when it has it.
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
_LINGER_MS = const(50)  # how long written bytes wait for more, if nothing else sends them
_ROOM = const(512)  # free bytes worth a read, unless a reader waits for more than there is
_HEAD = const(48)  # the first bytes of a payload: the line starts while the rest is copied
_PAUSE_MIN_MS = const(40)  # after SEND FAIL
_PAUSE_MAX_MS = const(1000)
_EACH = const(-1)  # a deadline of its own for each wait


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


class Socket(io.IOBase):
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
        if not self.why:
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

    # --- access modes ---------------------------------------------------------------------------

    def switch(self, push: bool) -> None:
        # To direct push mode or back to buffer mode (AT+QISWTMD). Blocks, 5 s at most.
        from .push import switch

        switch(self, push)

    def transparent(self):
        # To transparent mode: returns the Pipe that goes on with the connection. Blocks.
        from .stream import take_over

        return take_over(self)

    # --- the stream ----------------------------------------------------------------------------

    def settimeout(self, seconds: float | None) -> None:
        # None: wait for ever. 0: never. The limit of each call below; OSError ETIMEDOUT after it.
        self._timeout = None if seconds is None else int(seconds * 1000)

    def setblocking(self, flag: bool) -> None:
        self._timeout = None if flag else 0

    def _due(self):
        return None if self._timeout is None else ticks_add(ticks_ms(), self._timeout)

    def _check(self):
        # Raises what is wrong with the connection.
        self._link.mine(self)
        if self.why or self._state >= _CLOSING:
            self._told = True
            raise error(self.why or "closed", max(self.code, 0))

    def _await(self, n, due=_EACH):
        # Blocking: until n bytes are ready, or fewer and no more are coming, or it is time.
        # Returns how many may be taken; 0 at EOF; -1: none now, and the socket does not block.
        # What was received goes before an error. due: of a call that waits more than once.
        link = self._link
        if self._state >= _CLOSING:
            self._check()  # the ring may be another socket's by now
        self._want = self._n
        link.pump()
        self._short = False
        if self._ready < n and self._timeout != 0:
            outer = self._need  # of a read in the middle of which a callback reads
            self._need = n
            if due == _EACH:
                due = self._due()
            while self._ready < self._need and not (self._eof or self._dead()):
                if (link.pipe is not None and link.pipe is not self) or not link.wait(due):
                    break
                link.pump()
            self._short = self._need < n  # what is pushed fills the ring: it can't show n bytes
            self._need = outer
        if self._ready:
            return min(self._ready, n)
        if self._eof and self._state < _CLOSING:
            return 0
        self._check()
        if self._timeout != 0:
            raise error(link.why("late"))
        return -1

    def _take(self, buf, n):
        link = self._link
        link.busy = True
        try:
            self._rx.readinto(buf, n)
            self._ready -= n
        finally:
            link.busy = False
        link.pump()  # the next read is on its way while the program works on this one
        return n

    def recv_into(self, buf: bytearray | memoryview, n: int = 0) -> int | None:
        # At least one byte, at most n (or len(buf)); 0 at EOF; None if none is there and the
        # socket does not block. Allocates nothing.
        k = self._await(1)
        if k > 0:
            return self._take(buf, min(self._ready, n or len(buf)))
        return None if k else 0

    def readinto(self, buf: bytearray | memoryview, n: int = -1) -> int | None:
        # Fills buf, or its first n bytes, as the built-in sockets do: fewer at EOF or after the
        # time-out, 0 at EOF, None if none is there and the socket does not block. Allocates
        # nothing up to 1500 bytes.
        if not 0 <= n <= len(buf):
            n = len(buf)
        at = 0
        due = self._due()
        while at < n:
            want = min(n - at, RECV_MAX)
            try:
                k = self._await(want, due)
            except OSError:
                if at:
                    break
                raise
            if k <= 0:
                return at or (None if k else 0)
            at += self._take(memoryview(buf)[at:] if at else buf, k)
            if k < want and not self._short:
                break
        return at

    def read(self, n: int = -1) -> bytes | None:
        # Exactly n bytes, fewer only at EOF; without n, all until EOF. A time-out in the middle
        # fails the socket, as the bytes read so far are lost. Not blocking: what is there, or
        # None.
        if n < 0:
            return self._read_all()
        buf = bytearray(n)
        k = self.readinto(buf) if n else 0
        if k is None:
            return None
        if k < n and self._timeout != 0 and not self._eof:
            self.fail("middle")
            self._check()
        return bytes(buf if k == n else memoryview(buf)[:k])

    def _read_all(self):
        data = b""
        due = self._due()
        while True:
            part = self._recv(RECV_MAX, due)
            if not part:
                return data if data or part is not None else None
            data += part
            self._overdue(due)

    def _overdue(self, due):
        # Fails a read that goes on and on, when its time is up.
        if self._timeout and ticks_diff(due, ticks_ms()) <= 0:
            self.fail("middle")
            self._check()

    def recv(self, n: int) -> bytes | None:
        # At least one byte, at most n; b"" at EOF; None if none is there and it does not block.
        return self._recv(n, _EACH)

    def _recv(self, n, due):
        k = self._await(1, due)
        if k <= 0:
            return None if k else b""
        link = self._link
        link.busy = True
        data = self._rx.read(min(self._ready, n))
        self._ready -= len(data)
        link.busy = False
        link.pump()
        return data

    def readline(self, limit: int = -1) -> bytes | None:
        # Up to and with the next LF, or limit bytes, or EOF. Not blocking: what there is of the
        # line, or None. A time-out in the middle fails the socket.
        line = b""
        due = self._due()
        while limit < 0 or len(line) < limit:
            try:
                k = self._await(1, due)
            except OSError:
                if line:
                    self.fail("middle")
                    self._check()
                raise
            if k <= 0:
                return line or (None if k else b"")
            k = self._ready if limit < 0 else min(self._ready, limit - len(line))
            self._link.busy = True
            part = self._rx.readline(k)
            self._ready -= len(part)
            self._link.busy = False
            line += part
            if part.endswith(b"\n"):
                break
            self._overdue(due)
        self._link.pump()
        return line

    def write(
        self,
        buf: bytes | bytearray | memoryview | str,
        off: int | None = None,
        n: int | None = None,
    ) -> int | None:
        # write(buf), write(buf, n) or write(buf, off, n): the bytes are copied and go out merged,
        # see flush(). All of them, unless the socket does not block: then how many fitted, or
        # None. A time-out after some of them fails the socket. Allocates nothing (but for a str).
        if isinstance(buf, str):
            buf = buf.encode()
        if n is None:
            n = -1 if off is None else off
            off = 0
        left = len(buf) - off
        if n < 0 or n > left:
            n = left  # as in py/stream.c: umqtt.simple2 calls write(buf, -1)
        left = n
        self._check()
        link = self._link
        link.pump()  # what has waited too long goes first, alone
        if self._shut:
            self.fail("reset")  # nobody would get it
        self._check()
        due = self._due()
        if self._n <= self._want:
            self._stale = ticks_add(ticks_ms(), _LINGER_MS)
        while left:
            k = min(SEND_MAX - self._n, left)
            if k:
                link.busy = True
                try:
                    self._tx.seek(self._n)
                    self._tx.write(buf, off, k)
                    self._n += k
                finally:
                    link.busy = False
                off += k
                left -= k
            if self._n == SEND_MAX:
                self._want = SEND_MAX
                link.pump()
                if self._n < SEND_MAX or not left:
                    continue
                if self._timeout == 0:
                    break
                if not link.wait(due):
                    if left == n:
                        raise error(link.why("full"))
                    self.fail("half")
                self._check()
        return n - left or (None if n else 0)

    def send(self, buf: bytes | bytearray | memoryview | str) -> int | None:
        return self.write(buf)

    def sendall(self, buf: bytes | bytearray | memoryview | str) -> None:
        if self.write(buf) != len(buf):
            raise error("nonblocking")

    def flush(self) -> None:
        # Sends what was written; blocks until the modem has taken it (SEND OK), which is not yet
        # its delivery. A socket that does not block only starts it. Without flush(), the bytes go
        # out with the next read or poll, when 1460 are there, or by the pump after 50 ms.
        self._check()
        self._want = self._n
        self._link.pump()
        if self._timeout != 0:
            due = self._due()
            while self._want:
                if not self._link.wait(due):
                    raise error(self._link.why("unflushed"))
                self._link.pump()
            self._check()

    def ioctl(self, op: int, arg: int) -> int:
        # What select.poll and asyncio ask. Never raises, never allocates.
        if op == _POLL:
            if arg & _RD:
                self._want = self._n
            self._link.pump()
            if self.why or self._state >= _CLOSING:
                return arg & (_RD | _WR) | (_HUP if self._state >= _CLOSING else _ERR)
            flags = 0
            if self._ready or self._eof:
                flags = _RD
            if self._state and (self._n < SEND_MAX or self._shut):
                flags |= _WR  # also where a write fails at once: it does not block
            flags &= arg
            return flags | _HUP if self._eof else flags
        if op == _CLOSE:
            try:
                self.close()
            except OSError:
                return -5  # EIO
            return 0
        return -1

    def close(self, timeout_s: int = CLOSE_S) -> None:
        # Sends what was written, then closes (manual 2.2.5). Waits for that within the time-out,
        # 12 s at most; a socket that does not block closes in the background. Raises what went
        # wrong with the connection if the program was not told yet. Closing twice is no error.
        # timeout_s, 0 to 65535: how long the modem may take for it then, and the AT port with it;
        # 0: at once, what was not sent yet is dropped.
        if not 0 <= timeout_s <= 65535:
            raise error("close time")
        if self._state >= _CLOSING:
            if self._n and self.why and not self._told:
                self._check()  # a restart has closed it, with bytes that were not sent
            return
        self._link.mine(self)
        self._close_s = timeout_s
        limit = min(self._timeout or _CLOSE_MS, _CLOSE_MS)
        if not timeout_s:
            self._n = self._fly
        self._want = 0 if self.why else self._n
        self._look = ticks_add(ticks_ms(), limit)
        self._state = _CLOSING
        if self._line is not None:
            self._release()
        self._link.pump()
        if self._timeout != 0:
            due = ticks_add(self._look, max(timeout_s - CLOSE_S, 0) * 1000 + 2000)
            while self._state != _CLOSED and self._link.wait(due):
                self._link.pump()
            if self._want:
                self.fail("unknown" if self._link.job is self else "unsent")
            if self.why and not self._told:
                self._told = True
                raise error(self.why, max(self.code, 0))
