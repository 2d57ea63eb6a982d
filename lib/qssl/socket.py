# qssl.socket - a TLS socket in buffer access mode: a stream that reads ahead and merges writes.
# SPDX-License-Identifier: MIT
#
# The socket is a source of work for the link and, when it has the wire, the job itself: AT+QSSLOPEN,
# AT+QSSLSEND, AT+QSSLRECV or AT+QSSLCLOSE (manual 2.2.2 to 2.2.5). Callers only look at its state,
# so nothing here waits except in the loops marked "blocking". Received bytes become visible when
# their whole reply, to the last line end, has arrived as it must.

import errno
import io
from io import BytesIO
from time import ticks_add, ticks_diff, ticks_ms

from micropython import RingIO, const

from . import link as _l
from .ascii import number, put
from .dialect import CLOSE_S, RECV_MAX, SEND_MAX
from .errors import DeliveryUnknown, Error

_POLL, _CLOSE = const(3), const(4)  # stream ioctls and poll bits: MicroPython's py/stream.h
_RD, _WR, _ERR, _HUP = const(1), const(4), const(8), const(16)

# Life of the connection.
_OPENING, _OPEN, _CLOSING, _CLOSED = const(0), const(1), const(2), const(3)
# What the socket does with the wire when it has it.
_P_OPEN, _P_RECV, _P_SEND, _P_CLOSE = const(0), const(1), const(2), const(3)

_LONG = b"\r\n\r\nOK\r\n"  # between payload and the next line: two forms are known,
_SHORT = b"\r\nOK\r\n"  # the firmware's own is learned by its first answer

_RECV_MS = const(6000)
_PROMPT_MS = const(8000)
_SENT_MS = const(20000)
_LOOK_MS = const(10000)  # an unannounced look for data: the URC may have been lost
_ROOM = const(512)  # free bytes worth a read, unless a reader waits for more than there is
_HEAD = const(48)  # the first bytes of a payload: the line starts while the rest is copied
_PAUSE_MIN_MS, _PAUSE_MAX_MS = const(40), const(1000)  # after SEND FAIL


class Slot:
    # What a connection needs of memory: made once, used by one socket after the other.
    def __init__(self):
        self.rx = RingIO(RECV_MAX)
        self.tx = BytesIO(SEND_MAX)


class Socket(io.IOBase):
    def __init__(self, modem, link, cid, slot, line):
        self._modem = modem
        self._link = link
        self._rx = slot.rx
        self._tx = slot.tx
        self.id = cid
        self._state = _OPENING
        self._phase = _P_OPEN
        self.takes = _l.OK | _l.ERROR
        self.limit_ms = 0
        self.strict = False
        self._timeout = None  # ms; None: for ever, 0: never wait
        self._line = line  # AT+QSSLOPEN=...
        self._begun = False  # it went out
        self.code = 0  # what +QSSLOPEN or AT+QIGETERROR said
        self._error = None  # why the connection is of no use: (class, errno, phase, hint)
        self._told = False  # ... and the program knows
        # receiving
        self._ready = 0  # bytes in rx whose reply was whole
        self._need = 0  # bytes that a waiting reader wants
        self._more = False  # the modem has, or may have, data
        self._shut = False  # the peer closed: no more will come than the modem already has
        self._eof = False
        self._got = 0
        self._look = 0
        # sending: n bytes in tx, of which the first fly are in flight and the first want must go
        self._n = self._fly = self._want = 0
        self._typed = 0
        self._pause = 0
        self._again = 0
        # command lines: only their last number changes
        self._recv = bytearray(b"AT+QSSLRECV=%d,1500\r" % cid)
        self._send = bytearray(b"AT+QSSLSEND=%d,1460\r" % cid)
        self._recv_at = self._recv.find(b",") + 1
        self._recv_n = self._send_n = -1
        self._recv_len = self._send_len = 0
        while self._rx.any():
            self._rx.read()
        link.sources.append(self)

    # --- source: which work is there -----------------------------------------------------------

    def job(self, now):
        state = self._state
        if state == _OPENING:
            if self._begun or self._error is not None:
                return None
            self._phase = _P_OPEN
            return self
        if self._want and self._error is None:
            if not self._pause or ticks_diff(now, self._again) >= 0:
                # Taking turns: after a send the data that has come meanwhile goes first.
                if self._phase != _P_SEND or not self._readable(now):
                    self._phase = _P_SEND
                    return self
            if state == _CLOSING:
                if ticks_diff(now, self._look) < 0:
                    return None
                self._fail(Error, errno.ETIMEDOUT, "close", "not all could be sent before closing")
        if state == _CLOSING:
            self._phase = _P_CLOSE
            self.limit_ms = (CLOSE_S + 2) * 1000
            return self
        if self._error is None and self._readable(now):
            self._phase = _P_RECV
            return self
        return None

    def _readable(self, now):
        if self._eof or self._state != _OPEN:
            return False
        if not self._more:
            if ticks_diff(now, self._look) < 0:
                return False
            self._more = True
        free = RECV_MAX - self._rx.any()
        return free >= _ROOM or (free and self._need > self._ready)

    def lost(self, result):
        if result == _l.RESTARTED:
            if self._state != _CLOSED:
                self._fail(Error, errno.ECONNRESET, "modem", "the modem restarted; start() again")
                self._release()
        elif result:
            self._fail(Error, errno.ETIMEDOUT, "modem", "the modem stopped answering")
        else:
            self._more = True  # a URC may have been lost in quarantine

    # --- job: the exchange ---------------------------------------------------------------------

    def begin(self, link):
        phase = self._phase
        if phase == _P_RECV:
            self._begin_recv(link)
        elif phase == _P_SEND:
            self._begin_send(link)
        else:
            self.takes = _l.OK | _l.ERROR
            self.strict = False
            if phase == _P_OPEN:
                self._begun = True
                line = self._line
            else:
                line = b"AT+QSSLCLOSE=%d,%d\r" % (self.id, CLOSE_S)
            link.type(line, len(line))

    def _begin_recv(self, link):
        n = RECV_MAX - self._rx.any()
        if link.tail is None:
            n = 1  # how this firmware ends a payload shows safest on one byte
        if n != self._recv_n:
            self._recv_n = n
            i = put(self._recv, self._recv_at, n)
            self._recv[i] = 13
            self._recv_len = i + 1
        self._got = -1
        self._more = True
        self.takes = _l.OK | _l.ERROR
        self.limit_ms = _RECV_MS
        self.strict = True
        link.type(self._recv, self._recv_len)

    def _begin_send(self, link):
        n = self._n
        if n != self._send_n:
            self._send_n = n
            i = put(self._send, self._recv_at, n)
            self._send[i] = 13
            self._send_len = i + 1
        self._fly = n
        self._typed = -1
        self.takes = _l.SEND_OK | _l.SEND_FAIL | _l.ERROR
        self.limit_ms = _PROMPT_MS
        self.strict = False
        link.parser.prompt = True
        link.type(self._send, self._send_len)

    def line(self, buf, lo, hi):
        if self._phase != _P_RECV or not buf.startswith(b"+QSSLRECV:", lo):
            return False
        n = number(buf, lo + 10, hi)
        if self._got >= 0 or n < 0 or n > self._recv_n:
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
        n = self._fly - self._typed
        top = len(buf) if self._typed else _HEAD
        if n > top:
            n = top
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
            if result == _l.TIMEOUT and not self._link.resync.dead:
                return  # once more, when the link is sound again
            self._release()
        elif result != _l.OK and self._state == _OPENING:
            self.code = -1 if result == _l.ERROR else 0
            self._fail(
                Error, errno.ETIMEDOUT if result == _l.TIMEOUT else errno.EIO, "open", "refused"
            )

    def _done_recv(self, result):
        got = self._got
        if result == _l.OK:
            if got == 0 or (got > 0 and self._whole()):
                self._ready = self._rx.any()
                if not got and self._shut:
                    self._eof = True
                return
            self._link.garbled()
            result = _l.GARBLED
        if result == _l.ERROR:
            self._more = False
            if self._shut:
                self._eof = True
            else:
                self._fail(Error, errno.ENOTCONN, "receive", "the modem has no such connection")
        elif result == _l.TIMEOUT:
            self._fail(Error, errno.ETIMEDOUT, "receive", "the modem's answer did not come whole")
        else:
            self._fail(
                Error, errno.EIO, "receive", "bytes were lost on the UART; RTS/CTS or larger rxbuf?"
            )

    def _whole(self):
        # Payload and OK were separated by just what this firmware puts there.
        link = self._link
        tail = link.tail
        blanks = link.parser.blanks
        if link.parser.need or not link.parser.exact:
            return False
        if tail is None:
            if 1 <= blanks <= 2:
                link.tail = _LONG if blanks == 2 else _SHORT
                return True
            return False
        return blanks == (2 if tail is _LONG else 1)

    def _done_send(self, result):
        if result == _l.SEND_OK and self._typed == self._fly and not self._link.typing():
            self._sent()
        elif result == _l.SEND_FAIL:
            # Full: the same bytes again, later (manual 2.2.3).
            self._fly = 0
            self._pause = min(max(self._pause * 2, _PAUSE_MIN_MS), _PAUSE_MAX_MS)
            self._again = ticks_add(ticks_ms(), self._pause)
        elif result == _l.ERROR:
            self._shut = self._more = True  # what it received before can still be read
            self._fail(Error, errno.ECONNRESET, "send", "the connection is closed")
        elif self._typed < 0 and result == _l.TIMEOUT:
            self._fail(Error, errno.ETIMEDOUT, "send", "no prompt from the modem; nothing was sent")
        else:
            self._fail(
                DeliveryUnknown, errno.ETIMEDOUT, "send", "no SEND OK: delivery unknown, reconnect"
            )

    def _sent(self):
        # Closes the gap that the bytes sent have left.
        tx = self._tx
        piece = self._link.piece
        fly = self._fly
        left = self._n - fly
        at = 0
        while at < left:
            tx.seek(fly + at)
            n = tx.readinto(piece, min(left - at, len(piece)))
            tx.seek(at)
            tx.write(piece, 0, n)
            at += n
        self._n = left
        self._want -= fly
        if self._want < 0:
            self._want = 0
        self._fly = 0
        self._pause = 0

    # --- what the modem reports (URCs) ---------------------------------------------------------

    def on_recv(self):
        self._more = True

    def on_closed(self):
        # Unread data stays: it is drained first, then comes EOF.
        self._shut = self._more = True

    def on_open(self, code):
        if self._state == _OPENING:
            self.code = code
            if code:
                self._fail(Error, errno.ECONNREFUSED, "open", "refused")
            else:
                self._state = _OPEN
                self._look = ticks_add(ticks_ms(), _LOOK_MS)

    def on_gone(self, hint):
        # The PDP context is gone and the connection with it.
        self._fail(Error, errno.ENOTCONN, "network", hint)

    def on_security(self, code):
        self._fail(Error, errno.EIO, "tls", "encrypt, decrypt or verify error", code)

    def _fail(self, kind, number, phase, hint, code=0):
        if self._error is None:
            self._error = (kind, number, phase, hint, code)
        self._want = self._fly = 0

    def _release(self):
        self._state = _CLOSED
        self._modem.release(self)

    # --- what Modem asks ------------------------------------------------------------------------

    def opening(self):
        return self._state == _OPENING and self._error is None

    def is_open(self):
        return self._state == _OPEN and self._error is None

    def closing(self):
        return self._state == _CLOSING

    def error(self):
        # Why the connection is of no use, as an exception; None if it is sound.
        e = self._error
        return None if e is None else e[0](e[1], e[2], e[3], e[4])

    def abandon(self):
        # The connection did not come about: its id is given back in the background.
        self._told = True
        if self._state < _CLOSING:
            self._state = _CLOSING
            self._want = 0
            if not self._begun:
                self._release()

    # --- the stream ----------------------------------------------------------------------------

    def settimeout(self, seconds):
        # None: wait for ever. 0: never. The limit of each call below; OSError ETIMEDOUT after it.
        self._timeout = None if seconds is None else int(seconds * 1000)

    def setblocking(self, flag):
        self._timeout = None if flag else 0

    def _due(self):
        return None if self._timeout is None else ticks_add(ticks_ms(), self._timeout)

    def _check(self):
        # Raises what is wrong with the connection.
        if self._state >= _CLOSING:
            raise Error(errno.EBADF, "socket", "the socket is closed")
        if self._error is not None:
            self._told = True
            raise self.error()

    def _await(self, n):
        # Blocking: until n bytes are ready, or fewer and no more are coming, or it is time.
        # Bytes that may be taken; -1: none now. What is there goes before an error.
        link = self._link
        self._want = self._n
        link.pump()
        if self._ready >= n:
            return n
        if self._timeout != 0:
            self._need = n
            due = self._due()
            while self._ready < n and not self._eof and self._error is None:
                if self._state >= _CLOSING or not link.wait(due):
                    break
                link.pump()
            self._need = 0
        if self._ready:
            return self._ready if self._ready < n else n
        if self._eof and self._state < _CLOSING:
            return 0
        self._check()
        return -1

    def _take(self, buf, n):
        self._rx.readinto(buf, n)
        self._ready -= n
        self._link.pump()  # the next read is on its way while the program works on this one
        return n

    def _late(self, phase):
        raise Error(errno.ETIMEDOUT, phase, "nothing came in time")

    def recv_into(self, buf, n=0):
        # At least one byte, at most n (or len(buf)); 0 at EOF; None if none is there and the
        # socket does not block. Allocates nothing.
        n = n or len(buf)
        k = self._await(1)
        if k < 0:
            return None if self._timeout == 0 else self._late("receive")
        if k:
            k = self._take(buf, min(self._ready, n))
        return k

    def readinto(self, buf, n=-1):
        # Fills buf, or its first n bytes, as the built-in sockets do: fewer at EOF or after the
        # time-out, 0 at EOF, None if none is there and the socket does not block. Allocates
        # nothing up to 1500 bytes.
        if n < 0 or n > len(buf):
            n = len(buf)
        if n > RECV_MAX:
            return self._readinto_long(memoryview(buf), n)
        if not n:
            return 0
        k = self._await(n)
        if k < 0:
            return None if self._timeout == 0 else self._late("receive")
        return self._take(buf, k) if k else 0

    def _readinto_long(self, view, n):
        at = 0
        while at < n:
            k = self._await(min(n - at, RECV_MAX))
            if k <= 0:
                if at or not k:
                    break
                return None if self._timeout == 0 else self._late("receive")
            at += self._take(view[at:], k)
            if self._timeout == 0:
                break
        return at

    def read(self, n=-1):
        # Exactly n bytes, fewer only at EOF; without n, all until EOF. A time-out in the middle
        # fails the socket, as the bytes read so far are lost. Not blocking: what is there, or None.
        if n < 0:
            return self._read_all()
        if not n:
            return b""
        buf = bytearray(n)
        k = self.readinto(buf)
        if k is None:
            return None
        if k < n:
            if self._timeout != 0 and not self._eof:
                if self._error is None:
                    self._fail(Error, errno.ETIMEDOUT, "receive", "time-out in the middle of a read")
                self._check()
            return bytes(memoryview(buf)[:k])
        return bytes(buf)

    def _read_all(self):
        parts = []
        while True:
            part = self.recv(RECV_MAX)
            if part is None:
                return b"".join(parts) if parts else None
            if not part:
                return b"".join(parts)
            parts.append(part)

    def recv(self, n):
        # At least one byte, at most n; b"" at EOF; None if none is there and it does not block.
        k = self._await(1)
        if k < 0:
            return None if self._timeout == 0 else self._late("receive")
        if not k:
            return b""
        k = min(self._ready, n)
        data = self._rx.read(k)
        self._ready -= k
        self._link.pump()
        return data

    def readline(self, limit=-1):
        # Up to and with the next LF, or limit bytes, or EOF. Not blocking: None if no byte is
        # there, else what there is of the line.
        parts = b""
        while limit < 0 or len(parts) < limit:
            k = self._await(1)
            if k <= 0:
                if parts or not k:
                    if k < 0 and self._timeout != 0:
                        self._fail(Error, errno.ETIMEDOUT, "receive", "time-out within a line")
                        self._check()
                    break
                return None if self._timeout == 0 else self._late("receive")
            k = self._ready
            if 0 <= limit < len(parts) + k:
                k = limit - len(parts)
            part = self._rx.readline(k)
            self._ready -= len(part)
            parts += part
            if part.endswith(b"\n"):
                break
        self._link.pump()
        return parts

    def write(self, buf, off=None, n=None):
        # write(buf), write(buf, n) or write(buf, off, n): the bytes are copied and go out merged,
        # see flush(). All of them, unless the socket does not block: then how many fitted, or
        # None. A time-out after some of them fails the socket. Allocates nothing (but for a str).
        if isinstance(buf, str):
            buf = buf.encode()
        if n is None:
            n = len(buf) if off is None else off
            off = 0
        if off + n > len(buf):
            n = len(buf) - off
        self._check()
        left = n
        due = None
        while True:
            k = SEND_MAX - self._n
            if k > left:
                k = left
            if k:
                self._tx.seek(self._n)
                self._tx.write(buf, off, k)
                self._n += k
                off += k
                left -= k
            if not left:
                break
            self._want = self._n
            self._link.pump()
            if self._n < SEND_MAX:
                continue
            if self._timeout == 0:
                break
            if due is None and self._timeout is not None:
                due = self._due()
            if not self._link.wait(due):
                if left < n:
                    self._fail(Error, errno.ETIMEDOUT, "send", "time-out in the middle of a write")
                    self._check()
                raise Error(errno.ETIMEDOUT, "send", "the modem's send buffer stays full")
            self._check()
        if self._n == SEND_MAX:
            self._want = self._n
        self._link.pump()
        return n - left if left < n or not n else None

    def send(self, buf):
        return self.write(buf)

    def sendall(self, buf):
        at = self.write(buf)
        if at is None or at < len(buf):
            raise Error(errno.EAGAIN, "send", "sendall needs a socket that blocks")

    def flush(self):
        # Sends what was written; blocks until the modem has taken it (SEND OK), which is not yet
        # its delivery. A socket that does not block only starts it.
        self._check()
        self._want = self._n
        self._link.pump()
        if self._timeout == 0:
            return
        due = self._due()
        while self._want:
            if not self._link.wait(due):
                raise Error(errno.ETIMEDOUT, "send", "not all could be sent in time; it goes on")
            self._link.pump()
        self._check()

    def ioctl(self, op, arg):
        # What select.poll and asyncio ask. Never raises, never allocates.
        if op == _POLL:
            if arg & _RD:
                self._want = self._n
            self._link.pump()
            if self._state >= _CLOSING:
                return _HUP | (arg & (_RD | _WR))
            flags = 0
            if self._ready or self._eof:
                flags = _RD
            if self._n < SEND_MAX and not self._shut:
                flags |= _WR
            if self._error is not None:
                return (arg & (_RD | _WR)) | _ERR
            if self._shut:
                flags |= _WR  # a write fails at once: it does not block
            flags &= arg
            return flags | _HUP if self._eof else flags
        if op == _CLOSE:
            try:
                self.close()
            except OSError:
                return -errno.EIO
            return 0
        return -1

    def close(self):
        # Sends what was written, then closes (manual 2.2.5). Waits for that within the time-out,
        # 12 s at most; a socket that does not block closes in the background. Raises what went
        # wrong with the connection if the program was not told yet. Closing twice is no error.
        if self._state >= _CLOSING:
            return
        now = ticks_ms()
        limit = CLOSE_S * 1000
        if self._timeout and self._timeout < limit:
            limit = self._timeout
        self._want = self._n if self._error is None else 0
        self._look = ticks_add(now, limit)
        self._state = _CLOSING
        if not self._begun:
            self._release()
        self._link.pump()
        if self._timeout != 0:
            due = ticks_add(now, limit + 2000)
            while self._state != _CLOSED and self._link.wait(due):
                self._link.pump()
            if self._error is not None and not self._told:
                raise self.error()
