# upy - gives CPython's modules what MicroPython's have and the driver uses.
# SPDX-License-Identifier: MIT
#
# install() is called once in a process that runs cases, before anything of the driver is imported.
# What it replaces takes everything that the original takes, so the standard library works on.

import gc
import io
import select
import time

_TICKS_PERIOD = 1 << 30  # as on 32-bit boards
_TICKS_HALF = _TICKS_PERIOD >> 1
_POLL_OP = 3  # MP_STREAM_POLL of py/stream.h


def install():
    time.ticks_ms = lambda: time.monotonic_ns() // 1000000 % _TICKS_PERIOD
    time.ticks_us = lambda: time.monotonic_ns() // 1000 % _TICKS_PERIOD
    time.ticks_cpu = time.ticks_us
    time.ticks_add = ticks_add
    time.ticks_diff = ticks_diff
    time.sleep_ms = lambda ms: time.sleep(max(ms, 0) / 1000)
    time.sleep_us = lambda us: time.sleep(max(us, 0) / 1000000)
    gc.mem_alloc = lambda: 0
    gc.mem_free = lambda: 1 << 20
    gc.threshold = lambda *a: -1
    io.BytesIO = BytesIO
    io.IOBase = IOBase
    select.poll = Poll


def ticks_add(ticks, delta):
    if not -_TICKS_HALF < delta < _TICKS_HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) % _TICKS_PERIOD


def ticks_diff(end, start):
    return (end - start + _TICKS_HALF) % _TICKS_PERIOD - _TICKS_HALF


class BytesIO(io.BytesIO):
    # BytesIO(alloc_size), write(buf, n), write(buf, off, n), readinto(buf, n)
    def __init__(self, initial_bytes=b""):
        super().__init__(b"" if isinstance(initial_bytes, int) else initial_bytes)

    def write(self, buf, *span):
        return super().write(cut(buf, *span) if span else buf)

    def readinto(self, buf, n=None):
        return super().readinto(buf if n is None else memoryview(buf)[:n])


def cut(buf, *span):
    # The part of buf that MicroPython's write(buf, n) or write(buf, off, n) writes.
    view = memoryview(buf)
    if len(span) == 1:
        return view[: span[0]]
    off, n = span
    return view[min(off, len(view)) :][:n]


class _IOBaseType(type):
    _real = io.IOBase

    def __instancecheck__(cls, obj):
        return type.__instancecheck__(cls, obj) or isinstance(obj, _IOBaseType._real)

    def __subclasscheck__(cls, sub):
        return type.__subclasscheck__(cls, sub) or issubclass(sub, _IOBaseType._real)


class IOBase(metaclass=_IOBaseType):
    # As on MicroPython: no method of its own, and no close() by the garbage collector.
    pass


class Poll:
    # select.poll() for file descriptors and for streams written in Python (ioctl), and ipoll().
    _real = select.poll
    _slice_ms = 1  # how often a stream is asked

    def __init__(self):
        self._fds = self._real()
        self._objects = {}  # id: [object, mask]; those with an ioctl
        self._files = {}  # descriptor: object, as registered

    def register(self, obj, mask=select.POLLIN | select.POLLPRI | select.POLLOUT):
        if hasattr(obj, "ioctl"):
            self._objects[id(obj)] = [obj, mask]
        else:
            self._fds.register(obj, mask)
            self._files[obj if isinstance(obj, int) else obj.fileno()] = obj

    def modify(self, obj, mask):
        if hasattr(obj, "ioctl"):
            if id(obj) not in self._objects:
                raise OSError(2, "not registered")
            self._objects[id(obj)][1] = mask
        else:
            self._fds.modify(obj, mask)

    def unregister(self, obj):
        if hasattr(obj, "ioctl"):
            del self._objects[id(obj)]
        else:
            self._fds.unregister(obj)
            self._files.pop(obj if isinstance(obj, int) else obj.fileno(), None)

    def poll(self, timeout=None):
        if not self._objects:
            return self._fds.poll(timeout)
        if timeout is not None and timeout < 0:
            timeout = None
        start = time.ticks_ms()
        while True:
            found = []
            for obj, mask in list(self._objects.values()):
                # POLLERR and POLLHUP are reported whether asked for or not
                bits = obj.ioctl(_POLL_OP, mask)
                if bits > 0:
                    found.append((obj, bits))
            if self._files:
                found += [(self._files[fd], bits) for fd, bits in self._fds.poll(0)]
            if found or (
                timeout is not None and time.ticks_diff(time.ticks_ms(), start) >= timeout
            ):
                return found
            time.sleep_ms(self._slice_ms)

    def ipoll(self, timeout=-1, flags=0):
        once = flags & 1
        for obj, bits in self.poll(None if timeout < 0 else timeout):
            if once and hasattr(obj, "ioctl"):
                self.modify(obj, 0)
            yield obj, bits
