# qssl.socket - a TLS socket: a stream that reads ahead and merges writes.
# SPDX-License-Identifier: MIT
#
# What a program calls. Only the loops marked "blocking" wait; the work is done by wire.channel,
# whenever somebody pumps.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .errors import error

# One after the other: each loads the one before it, and one within the other takes much stack.
from .wire import connection, lifecycle, receiving  # noqa: F401
from .wire.channel import Channel
from .wire.connection import CLOSED, CLOSING, OPEN, P_SEND
from .wire.dialect import CLOSE_S, RECV_MAX, SEND_MAX
from .wire.sending import LINGER_MS

# Stream ioctls and poll bits: MicroPython's py/stream.h.
_POLL = const(3)
_CLOSE = const(4)
_RD = const(1)
_WR = const(4)
_ERR = const(8)
_HUP = const(16)

_CLOSE_MS = const(12000)  # the modem's own limit is 10 s
_PROOF_MS = const(10)  # after SEND OK: a byte too much would have been echoed ...
_BEGUN_MS = const(300)  # ... unless what has come is the begin of a URC
_LONGEST_S = const(536870)  # ticks_add() takes no more
_EACH = const(-1)  # a deadline of its own for each wait


def _plain(buf):
    # What holds the bytes of buf.
    t = type(buf)
    if t is bytes or t is bytearray or t is memoryview:
        return buf
    from .arrays import plain

    return plain(buf)


class Socket(Channel):
    # --- access modes ---------------------------------------------------------------------------
    """A TLS connection as MicroPython's own sockets are; made by Modem.connect().

    It reads ahead and sends in the background, whenever any call of the driver runs.

    Raises: nothing.
    Blocks: no.
    Allocates: its buffers, which are used again.
    Since: 0.1.
    """

    def switch(self, push: bool) -> None:
        """To direct push mode or back to buffer mode (AT+QISWTMD). Blocks, 5 s at most.

        Returns: None.
        Raises: qssl.Error if the modem refuses it.
        Blocks: 5 s at most.
        Allocates: little.
        Since: 0.1.
        """
        from .modes.push import switch

        switch(self, push)

    def transparent(self):
        """Goes over to transparent mode; this socket is of no more use then.

        Returns: qssl.modes.stream.Pipe, which goes on with the connection.
        Raises: qssl.Error if the modem refuses it.
        Blocks: 20 s at most.
        Allocates: as a new connection.
        Since: 0.1.
        """
        from .modes.stream import take_over

        return take_over(self)

    # --- the stream ----------------------------------------------------------------------------

    def settimeout(self, seconds: float | None) -> None:
        """The limit of each call below, in seconds. None: wait for ever. 0: never wait. More than
        six days are six days.

        Returns: None.
        Raises: qssl.Refused for less than 0.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        if seconds is not None:
            if seconds < 0:
                raise error("seconds")
            # Rounded up: less than 1 ms is not 0.
            seconds = -int(min(seconds, _LONGEST_S) * -1000 // 1)
        self._timeout = seconds

    def setblocking(self, flag: bool) -> None:
        """setblocking(True) is settimeout(None), setblocking(False) is settimeout(0).

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        self._timeout = None if flag else 0

    def _due(self):
        return None if self._timeout is None else ticks_add(ticks_ms(), self._timeout)

    def _check(self):
        # Raises what is wrong with the connection.
        self._link.mine(self)
        if self.why or self._state >= CLOSING:
            self._told = True
            raise error(self.why or "closed", max(self.code, 0))

    def _await(self, n, due=_EACH, goes=0):
        # Blocking: until n bytes are ready, or fewer and no more are coming, or it is time.
        # Returns how many may be taken; 0 at EOF; -1: none now, and the socket does not block.
        # What was received goes before an error. due: of a call that waits more than once. goes:
        # bytes that the caller takes then, if there are so many.
        link = self._link
        if self._state >= CLOSING:
            self._check()  # the ring may be another socket's by now
        self._want = self._n
        link.pump()
        self._short = False
        if self._ready < n and self._timeout != 0:
            need = self._need  # of a read in the middle of which a callback reads
            outer = self._goes
            self._need = n
            self._goes = goes
            if due == _EACH:
                due = self._due()
            try:
                while self._ready < self._need and not (self._eof or self._dead()):
                    if link.pipe is not None and link.pipe is not self:
                        break
                    if not link.wait(due, self):
                        break
                self._short = self._need < n  # what is pushed fills the ring: it shows no n bytes
            finally:
                self._need = need
                self._goes = outer
        if self._ready:
            return min(self._ready, n)
        if self._eof and self._state < CLOSING:
            return 0
        if self._timeout == 0 and not self._dead():
            link.mine(self)
            return -1
        self._check()
        raise error(link.why("late"))

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
        """Receives at least one byte, at most n (or len(buf)).

        Returns: the number of bytes; 0 at EOF; None if none is there and the socket does not
            block.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until a byte is there.
        Allocates: nothing.
        Since: 0.1.
        """
        if not 0 < n <= len(buf):
            n = len(buf)
        k = self._await(1, _EACH, n)
        if k > 0:
            return self._take(buf, min(self._ready, n))
        return None if k else 0

    def readinto(self, buf: bytearray | memoryview, n: int = -1) -> int | None:
        """Fills buf, or its first n bytes, as the built-in sockets do: fewer at EOF or after the
        time-out.

        Returns: the number of bytes; 0 at EOF; None if none is there and the socket does not
            block.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until all are there.
        Allocates: nothing up to 1500 bytes.
        Since: 0.1.
        """
        if type(buf) is not bytearray and type(buf) is not memoryview:
            from .arrays import into

            return into(self.readinto, buf, n)
        if not 0 <= n <= len(buf):
            n = len(buf)
        at = 0
        due = self._due()
        while at < n:
            want = min(n - at, RECV_MAX)
            try:
                k = self._await(want, due, want)
            except OSError:
                if at:
                    self._told = False  # the next call tells it
                    break
                raise
            except BaseException:
                if at:
                    self._spilt("middle")
                raise
            if k <= 0:
                return at or (None if k else 0)
            try:
                at += self._take(memoryview(buf)[at:] if at else buf, k)
            except MemoryError:
                raise self._spilt()
            if k < want and not self._short:
                break
        return at

    def read(self, n: int = -1) -> bytes | None:
        """Exactly n bytes, fewer only at EOF; without n, all until EOF. A time-out in the middle
        fails the socket, as the bytes read so far are lost. Not blocking: what is there, or
        None.

        Returns: bytes; fewer than n only at EOF; None if none is there and the socket does not
            block.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until all are there.
        Allocates: what it returns.
        Since: 0.1.
        """
        if n is None or n < 0:
            return self._read_all()
        buf = bytearray(n)
        k = self.readinto(buf) if n else 0
        if k is None:
            return None
        if k < n and self._timeout != 0 and not self._eof:
            self.fail("middle")
            self._check()
        try:
            return bytes(buf if k == n else memoryview(buf)[:k])
        except MemoryError:
            raise self._spilt()

    def _spilt(self, why="memory"):
        # What had been taken from the ring is lost: no memory was left for it, or another error
        # ends the call in the middle. Gives what to raise for the first.
        self.fail(why)
        self._ready = 0
        return MemoryError()

    def _read_all(self):
        data = part = b""
        due = self._due()
        try:
            while True:
                part = self._recv(RECV_MAX, due)
                if not part:
                    return data if data or part is not None else None
                data += part
                self._overdue(due)
        except MemoryError:
            if part:
                raise self._spilt()
            raise
        except BaseException as e:
            if data:
                self._spilt("middle")
                if isinstance(e, OSError):
                    self._check()
            raise

    def _overdue(self, due):
        # Fails a read that goes on and on, when its time is up.
        if self._timeout and ticks_diff(due, ticks_ms()) <= 0:
            self.fail("middle")
            self._check()

    def recv(self, n: int) -> bytes | None:
        """Receives at least one byte, at most n.

        Returns: bytes; b"" at EOF; None if none is there and the socket does not block.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until a byte is there.
        Allocates: what it returns.
        Since: 0.1.
        """
        return self._recv(n if n > 0 else RECV_MAX, _EACH) if n else b""

    def _recv(self, n, due):
        k = self._await(1, due, n)
        if k <= 0:
            return None if k else b""
        link = self._link
        have = self._rx.any()
        link.busy = True
        try:
            data = self._rx.read(min(self._ready, n))
            self._ready -= len(data)
        except MemoryError:
            if self._rx.any() != have:
                raise self._spilt()
            raise
        finally:
            link.busy = False
        link.pump()
        return data

    def readline(self, limit: int = -1) -> bytes | None:
        """Up to and with the next LF, or limit bytes, or EOF. Not blocking: what there is of the
        line, or None. A time-out in the middle fails the socket.

        Returns: bytes with the LF; what is left at EOF; None if none is there and the socket does
            not block.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until the line is there.
        Allocates: what it returns.
        Since: 0.1.
        """
        line = b""
        due = self._due()
        while limit < 0 or len(line) < limit:
            try:
                k = self._await(1, due)
            except BaseException as e:
                if line:
                    self._spilt("middle")
                    if isinstance(e, OSError):
                        self._check()
                raise
            if k <= 0:
                return line or (None if k else b"")
            k = self._ready if limit < 0 else min(self._ready, limit - len(line))
            have = self._rx.any()
            self._link.busy = True
            try:
                part = self._rx.readline(k)
                self._ready -= len(part)
                line += part
            except MemoryError:
                if line or self._rx.any() != have:
                    raise self._spilt()
                raise
            finally:
                self._link.busy = False
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
        """write(buf), write(buf, n) or write(buf, off, n): the bytes are copied and go out merged,
        see flush(). All of them, unless the socket does not block: then how many fitted, or
        None. A time-out after some of them fails the socket. Allocates nothing (but for a str).

        Returns: the number of bytes taken; None if none fitted and the socket does not block.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until all is copied.
        Allocates: nothing, but for a str.
        Since: 0.1.
        """
        if type(buf) is not bytes:
            buf = _plain(buf)
        left = len(buf)
        if n is None:
            n = -1 if off is None else off
            off = 0
        else:
            left = left - off if 0 <= off <= left else 0
        if n < 0 or n > left:
            n = left  # as in py/stream.c: umqtt.simple2 calls write(buf, -1)
        left = n
        link = self._link
        link.pump()  # what has waited too long goes first, alone
        due = _EACH
        if self._claims:
            due = self._due()
            while self._claims and self._state == OPEN and not self.why and self._timeout != 0:
                if not link.wait(due):  # whether it has ended is just being asked
                    break
        if self._shut:
            self.fail("reset")  # nobody would get it
        if self.why or link.pipe is not None or self._state >= CLOSING:
            self._check()
        while left:
            k = min(SEND_MAX - self._n, left)
            if k:
                if self._n <= self._want:  # the first that lingers
                    self._stale = ticks_add(ticks_ms(), LINGER_MS)
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
                if due == _EACH:
                    due = self._due()
                self._src = buf
                self._off = off
                self._left = left
                try:
                    if not link.wait(due, self):
                        if left == n:
                            raise error(link.why("full"))
                        self.fail(link.why("half"))
                except BaseException:
                    if self._left < n:
                        self.fail("half")
                    raise
                finally:
                    off = self._off
                    left = self._left
                    self._src = None
                    self._left = 0
                self._check()
        return n - left or (None if n else 0)

    def send(self, buf: bytes | bytearray | memoryview | str) -> int | None:
        """The same as write(buf).

        Returns: as write().
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: as write().
        Allocates: as write().
        Since: 0.1.
        """
        return self.write(buf)

    def sendall(self, buf: bytes | bytearray | memoryview | str) -> None:
        """Writes all of buf, also where write() would take a part.

        Returns: None.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until all is copied.
        Allocates: as write().
        Since: 0.1.
        """
        if self.write(buf) != len(_plain(buf)):
            raise error("nonblocking")

    def flush(self) -> None:
        """Sends what was written; blocks until the modem has taken it (SEND OK), which is not yet
        its delivery. A socket that does not block only starts it. Without flush(), the bytes go
        out with the next read or poll, when 1460 are there, or by the pump after 50 ms.

        Returns: None.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out;
            qssl.DeliveryUnknown if no answer came.
        Blocks: until the modem has taken it.
        Allocates: nothing.
        Since: 0.1.
        """
        self._check()
        self._want = self._n
        self._link.pump()
        if self._timeout != 0:
            due = self._due()
            while self.pending():
                if not self._link.wait(due, self):
                    raise error(self._link.why("unflushed"))
            self._check()

    def pending(self) -> bool:
        """Whether bytes that flush() was to send are not surely with the modem yet.

        Returns: False also when the connection has failed: then the next call raises.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        if self._want > 0:
            return True
        # The modem has taken what was sent last, but might still say otherwise: what it does not
        # take for payload any more, it echoes.
        link = self._link
        if not link.echo or link.last is not self or self._ended != P_SEND:
            return False
        begun = link.parser.started() or link.parser.blanks
        quiet = _BEGUN_MS if begun else _PROOF_MS
        if (begun or self._looks) and ticks_diff(ticks_ms(), link.heard) < quiet:
            self._looks -= self._looks > 0
            return True
        if begun:
            self.fail("unproven")
        return False

    def ioctl(self, op: int, arg: int) -> int:
        # What select.poll and asyncio ask. Never raises, never allocates.
        if op == _POLL:
            if arg & _RD:
                self._want = self._n
            self._link.pump()
            if self._dead() or self._state >= CLOSING:
                return arg & (_RD | _WR) | (_HUP if self._state >= CLOSING else _ERR)
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
        """Sends what was written, then closes (manual 2.2.5). Waits for that within the time-out
        and 2 s, 14 s at most; a socket that does not block closes in the background. Raises what
        went wrong with the connection if the program was not told yet. Closing twice is no error.
        timeout_s, 0 to 65535: how long the modem may take for it then, and the AT port with it;
        0: at once, what was not sent yet is dropped.

        Returns: None.
        Raises: what went wrong with the connection, if the program was not told yet.
        Blocks: 14 s at most, more with a longer timeout_s.
        Allocates: nothing.
        Since: 0.1.
        """
        timeout_s = int(timeout_s)
        if not 0 <= timeout_s <= 65535:
            raise error("close time")
        if self._state >= CLOSING:
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
        self._state = CLOSING
        if self._line is not None:
            self._release()
        if self._link.parser.sink is self._rx:
            self._link.parser.sink = None  # what comes is not read any more
        self._link.pump()
        if self._timeout != 0:
            due = ticks_add(self._look, max(timeout_s - CLOSE_S, 0) * 1000 + 2000)
            while self._state != CLOSED and self._link.wait(due, self):
                pass
            if self._want:
                self.fail("unknown" if self._link.job is self else "unsent")
            if self.why and not self._told:
                self._told = True
                raise error(self.why, max(self.code, 0))
