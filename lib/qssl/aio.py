# qssl.aio - the modem and its sockets for asyncio programs.
# SPDX-License-Identifier: MIT
"""
    await aio.start(modem, apn="internet")
    reader, writer = await aio.open_connection(modem, "broker.example", 8883, ctx)
    writer.write(b"hello\n")
    await writer.drain()
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()

Nothing here waits for the modem except by await. All of it may be cancelled at any await.
"""

import io
import select
from asyncio import core
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .errors import error
from .socket import Socket, _plain
from .wire.dialect import OPEN_MS

_POLL = const(3)  # stream ioctl and poll bit: MicroPython's py/stream.h
_RD = const(1)
_CLOSED = const(3)  # of Socket's states
_BUSY_MS = const(10)  # how often time-outs are looked after while an exchange is running ...
_IDLE_MS = const(50)  # ... and else
_ENOUGH = const(64)  # bytes in the UART's ring for which the loop comes back at once
_WATCH_MS = const(200)  # who waits on a socket shows within this
_SHUT_MS = const(2000)  # a socket that was not used for so long may be given to others, if its
_SPARE_MS = const(10000)  # server has closed, and if not
_GONE_MS = const(1000)  # who waits for a connection calls or polls more often than that,
_GONE = const(20)  # and than in so many looks
_CLOSE_MS = const(15000)  # AT+QSSLCLOSE takes 12 s at most


class _Hub(io.IOBase):
    # One for a modem. asyncio's poller asks it (ioctl) whenever the loop has nothing else to do:
    # that runs the pump. `yield from hub` lets a task wait until the modem has said something or a
    # few ms have passed; its caller then looks whether that was what it waits for. No garbage.
    #
    # Of asyncio's insides it takes the poller and its map, the run queue and cur_task.

    def __init__(self, modem):
        self._modem = modem
        modem.link.turns = 1  # the loop waits for no more than one chunk
        self._seen = 0  # bytes received at the last look
        self._io = None  # the poller that knows this
        self._waiting = None  # tasks
        self._armed = False
        self._end = StopIteration()
        self.starting = False  # a task calls the start() of a shim

    def __iter__(self):
        if self._io is not core._io_queue:
            # The first task, or a new event loop.
            self._io = core._io_queue
            self._waiting = core.TaskQueue()
            self._modem.at.setter = -1  # a task of another loop does not go on
            self.starting = False
            # As if a task waited for it to be writable: so the poller never forgets it.
            self._io.map[id(self)] = [None, self, self]
            self._io.poller.register(self, select.POLLIN)
            core.create_task(self._beat())
        self._armed = True
        return self

    __await__ = __iter__

    def __next__(self):
        if self._armed:
            self._armed = False
            self._waiting.push(core.cur_task)
            core.cur_task.data = self._waiting
            return None
        self._end.__traceback__ = None
        raise self._end

    def ioctl(self, op, arg):
        # Never raises: that would end the event loop.
        if op != _POLL:
            return -1
        link = self._modem.link
        try:
            link.pump()
            if link.stats.rx == self._seen:
                return 0
            self._seen = link.stats.rx
            more = link.uart.any() >= _ENOUGH
        except OSError:
            more = False  # the UART has gone: those who wait will see it themselves
        return _RD if self._wake() or more else 0

    def _wake(self):
        waiting = self._waiting
        if waiting.peek() is None:
            return False
        while waiting.peek():
            core._task_queue.push(waiting.pop())
        return True

    def spare(self, begun):
        # Asked by a task that has waited for a place since `begun`, when all sockets are in use:
        # whether one may come free. The socket that no task waits on, because that one was
        # cancelled, or has failed and closed nothing, loses its place: at once, if its last call
        # was in vain; after 2 s, if its server has closed; else when it was not used for 10 s. The
        # longest unused goes first.
        now = ticks_ms()
        if ticks_diff(now, begun) < _WATCH_MS:
            return True
        found = None
        longest = -1
        some = False
        for sock in self._modem.sockets:
            seen = getattr(sock, "seen", None)
            if seen is not None and sock._timeout == 0 and ticks_diff(seen, begun) < 0:
                some = True
                unused = ticks_diff(now, seen)
                most = 0 if sock.bare else _SHUT_MS if sock._shut else _SPARE_MS
                if unused > longest and unused >= most:
                    found = sock
                    longest = unused
        if found is not None:
            found.fail("taken")
            found.abandon()
        return some

    # async
    def _beat(self):
        # Time-outs, and what the program wants to be told.
        link = self._modem.link
        mine = self._io
        while self._io is mine:
            yield from core.sleep_ms(_BUSY_MS if link.job or link.sick else _IDLE_MS)
            self.ioctl(_POLL, _RD)
            self._wake()
            if link.events is not None:
                try:
                    link.events.deliver()
                except Exception as e:
                    core.Loop.call_exception_handler(
                        {"message": "on_event", "exception": e, "future": core.cur_task}
                    )


def _hub(modem):
    hub = getattr(modem.link, "hub", None)
    if hub is None:
        hub = modem.link.hub = _Hub(modem)
    return hub


# async
def drive(modem, steps, timeout_ms=None):
    """Runs a generator of the driver in a task, such as qssl.clock.get(modem) or ctx.applying().

    The event loop goes on meanwhile. To be awaited.

    Returns: its value.
    Raises: what it raises; qssl.Error with ETIMEDOUT after timeout_ms.
    Blocks: the task alone.
    Allocates: little.
    Since: 0.1.
    """
    hub = iter(_hub(modem))
    at = modem.at
    until = None if timeout_ms is None else ticks_add(ticks_ms(), timeout_ms)
    on = None
    try:
        while True:
            outer = at.until
            at.until = until  # the limit of the commands that it posts
            try:
                due = steps.send(on)
            finally:
                at.until = outer
            yield from hub
            on = due is None or ticks_diff(due, ticks_ms()) > 0
    except StopIteration as e:
        return e.value
    finally:
        steps.close()


# async
def start(modem, apn="", timeout_ms=180000, **settings):
    """Modem.start() as a coroutine, with the same arguments.

    Returns: None.
    Raises: as Modem.start().
    Blocks: the task alone.
    Allocates: as Modem.start().
    Since: 0.1.
    """
    from . import unload
    from .start.bringup import start

    steps = start(modem, apn, timeout_ms=timeout_ms, **settings)
    try:
        yield from drive(modem, steps, timeout_ms)
    finally:
        unload("start connect clock wire.command")


# async
def opening(sock, shim, host, port, ctx):
    # A task that opens a socket of qssl.compat: no call of its client may wait.
    modem = shim.modem
    hub = _hub(modem)
    again = shim.start is not None
    try:
        while True:
            yield from hub
            if not modem.up and shim.start is not None:
                yield from _starting(hub, shim.start)
            due = ticks_add(ticks_ms(), _CLOSE_MS)
            while (
                sock._link is not None
                and sock._state != _CLOSED
                and ticks_diff(due, ticks_ms()) > 0
            ):
                yield from hub  # of the first attempt
            try:
                steps = modem.connecting(host, port, ctx, sock._make)
                yield from drive(modem, _wanted(sock, steps), OPEN_MS)
                return
            except OSError:
                if modem.up or not again:
                    raise
                again = False  # only now it was seen that the modem has restarted
    except Exception as e:
        sock._failure = e
    finally:
        sock._task = None


def _wanted(sock, steps):
    # Generator: goes on with `steps` until the task that wants the connection has gone.
    on = None
    seen = sock.seen
    looks = 0
    try:
        while True:
            on = yield steps.send(on)
            looks += 1
            if sock.seen != seen or not sock.bare:
                seen = sock.seen
                looks = 0
            elif looks > _GONE and ticks_diff(ticks_ms(), seen) > _GONE_MS:
                raise error("taken")
    except StopIteration:
        pass
    finally:
        steps.close()


# async
def _starting(hub, start):
    # start(), by one task at a time; it may be a coroutine.
    if hub.starting:
        while hub.starting:
            yield from hub
        return
    hub.starting = True
    try:
        steps = start()
        if hasattr(steps, "send"):
            yield from steps
    finally:
        hub.starting = False


# async
def open_connection(modem, host, port, ctx, timeout_ms=OPEN_MS, **options):
    """Modem.connect() as a coroutine, with the same arguments.

    Returns: (reader, writer), which is the same Stream twice.
    Raises: as Modem.connect().
    Blocks: the task alone.
    Allocates: as Modem.connect().
    Since: 0.1.
    """
    options.setdefault("make", _Socket)
    sock = yield from drive(modem, modem.connecting(host, port, ctx, **options), timeout_ms)
    stream = Stream(modem, sock)
    return stream, stream


class _Socket(Socket):
    # Shows whether a task waits on it, see Hub.spare.
    seen = None  # ticks: the last call ...
    bare = False  # ... gave nothing
    over = False  # the end was told

    def _await(self, n, due=-1, goes=0):
        self.seen = ticks_ms()
        self.bare = True
        n = Socket._await(self, n, due, goes)
        self.bare = n < 0
        self.over = n == 0
        return n

    def spent(self):
        # Its task is told of the end before another one gets its place.
        return self._told if self._dead() else self.over

    def write(self, buf, off=None, n=None):
        self.seen = ticks_ms()
        n = Socket.write(self, buf, off, n)
        self.bare = n is None
        return n


class Stream:
    """A connection as asyncio's streams are, with one reader and one writer.

    sock: an open socket of Modem.connect(). A read that was cancelled has lost nothing: the next
    one gets it.

    Raises: nothing.
    Blocks: no.
    Allocates: little.
    Since: 0.1.
    """

    def __init__(self, modem, sock):
        sock.setblocking(False)
        sock.seen = ticks_ms()
        self.sock = sock
        self.turn = _hub(modem)  # `await stream.turn`: until there may be news; no garbage
        self._part = b""  # what a read has taken already
        self._out = b""  # what didn't fit the socket's buffer, from _at on
        self._at = 0
        self._owned = [False, False]  # a task reads, a task writes
        self._last = None  # True: a task sends what close() found unsent; its error

    def _own(self, side):
        if self._owned[side]:
            raise error("two tasks")
        self._owned[side] = True

    # async
    def _more(self, n, line=False):
        # The next bytes, at most n; b"" at EOF. Other tasks run first, even if bytes are there.
        yield from core.sleep_ms(0)
        while True:
            data = self.sock.readline(n) if line else self.sock.recv(n)
            if data is not None:
                return data
            yield from self.turn

    # async
    def _until(self, n, line):
        # Until n bytes or a line are in _part: how many they are; fewer at EOF.
        self._own(0)
        try:
            while True:
                end = self._part.find(b"\n") + 1 if line else n
                have = len(self._part)
                if 0 < end <= have:
                    return end
                more = yield from self._more(1500 if n < 0 else n - have, line)
                if not more:
                    return have
                self._part += more
        finally:
            self._owned[0] = False

    def _take(self, n):
        data = self._part[:n]
        self._part = self._part[n:]
        return data

    # async
    def read(self, n=-1):
        """What is there, at most n bytes, at least one. Without n: all until EOF. To be awaited.

        Returns: bytes; b"" at EOF.
        Raises: qssl.Error when the connection is lost.
        Blocks: the task alone.
        Allocates: what it returns.
        Since: 0.1.
        """
        if n < 0:
            return self._take((yield from self._until(-1, False)))
        if n and not self._part:
            self._own(0)
            try:
                return (yield from self._more(n))
            finally:
                self._owned[0] = False
        return self._take(n)

    # async
    def readinto(self, buf):
        """Fills buf as far as bytes are there, at least one. To be awaited.

        Returns: the number of bytes; 0 at EOF.
        Raises: qssl.Error when the connection is lost.
        Blocks: the task alone.
        Allocates: nothing.
        Since: 0.1.
        """
        self._own(0)
        try:
            if self._part:
                data = self._take(len(buf))
                buf[: len(data)] = data
                return len(data)
            yield from core.sleep_ms(0)
            while True:
                n = self.sock.readinto(buf)
                if n is not None:
                    return n
                yield from self.turn
        finally:
            self._owned[0] = False

    # async
    def readexactly(self, n):
        """N bytes. To be awaited.

        Returns: bytes.
        Raises: EOFError if the peer closed before that (read() still gives what came); qssl.Error
            when the connection is lost.
        Blocks: the task alone.
        Allocates: what it returns.
        Since: 0.1.
        """
        if n and (yield from self._until(n, False)) < n:
            raise EOFError
        return self._take(n)

    # async
    def readline(self):
        """The next line with its LF; at EOF what is left. To be awaited.

        Returns: bytes.
        Raises: qssl.Error when the connection is lost.
        Blocks: the task alone.
        Allocates: what it returns.
        Since: 0.1.
        """
        return self._take((yield from self._until(-1, True)))

    def write(self, buf: bytes | bytearray | memoryview) -> None:
        """Takes all of it (bytes-like or str). What the socket has no room for waits for drain().

        Returns: None.
        Raises: qssl.Error when the connection is lost.
        Blocks: no.
        Allocates: a copy of what the socket has no room for.
        Since: 0.1.
        """
        buf = _plain(buf)
        n = 0
        if not self._out:
            try:
                n = self.sock.write(buf) or 0
            except OSError:
                if not self._over():
                    raise
        if n < len(buf):
            self._out += bytes(memoryview(buf)[n:])

    def _over(self):
        # The peer has closed. What is written goes nowhere; what it sent before that can be read.
        return self.sock._shut and not self.sock._dead()

    # async
    def drain(self):
        """Waits until all is on its way or in the socket's buffer, and sending has begun. If the
        peer has closed, but its answer is there to be read, that is no error. To be awaited.

        Returns: None.
        Raises: qssl.Error when the connection is lost.
        Blocks: the task alone.
        Allocates: nothing.
        Since: 0.1.
        """
        sock = self.sock
        self._own(1)
        try:
            while self._at < len(self._out):
                n = sock.write(self._out, self._at, len(self._out) - self._at)
                if n:
                    self._at += n
                else:
                    yield from self.turn
            sock.flush()
        except OSError:
            while self._over() and not (sock._ready or sock._eof):
                yield from self.turn
            if not (self._over() and sock._ready):
                raise
            self._at = len(self._out)
        finally:
            self._owned[1] = False
            if self._at == len(self._out):
                self._out = b""
                self._at = 0

    # async
    def flush(self):
        """Waits until the modem has taken all of it (SEND OK). To be awaited.

        Returns: None.
        Raises: qssl.Error when the connection is lost, qssl.DeliveryUnknown if no answer came.
        Blocks: the task alone.
        Allocates: nothing.
        Since: 0.1.
        """
        yield from self.drain()
        while self.sock.pending():
            self.sock.seen = ticks_ms()
            yield from self.turn
        if not (self._over() and self.sock._ready):
            self.sock.flush()

    # async
    def awrite(self, buf):
        """write() and drain() in one, as old asyncio had it. To be awaited.

        Returns: None.
        Raises: as drain().
        Blocks: the task alone.
        Allocates: as write().
        Since: 0.1.
        """
        self.write(buf)
        yield from self.drain()

    def close(self) -> None:
        """Sends what was written and closes, in the background.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        if not self._out:
            self.sock.close()
        elif self._last is None:
            self._last = True
            core.create_task(self._leave())

    # async
    def _leave(self):
        # Its error waits for wait_closed().
        while self._owned[1]:
            yield from self.turn
        e = None
        try:
            yield from self.drain()
        except OSError as e1:
            e = e1
            self._out = b""
        self._last = e
        self.sock.close()

    # async
    def wait_closed(self):
        """Closes as close() does, and waits for it. To be awaited.

        Returns: None.
        Raises: what went wrong since the last call.
        Blocks: the task alone.
        Allocates: nothing.
        Since: 0.1.
        """
        sock = self.sock
        if self._last is not None:
            while self._last is True:
                yield from self.turn
            if self._last:
                e = self._last
                self._last = None
                raise e
        if self._out:
            try:
                yield from self.drain()
            except OSError:
                sock.close()
                raise
        sock.close()
        while sock.state() != _CLOSED:
            yield from self.turn
        if sock.why and not sock._told:
            sock._check()

    aclose = wait_closed
