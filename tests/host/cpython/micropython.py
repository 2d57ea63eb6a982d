# micropython - what the driver uses of MicroPython's module of this name, for CPython.
# SPDX-License-Identifier: MIT

_RING_MAX = 65535  # ringbuf_t keeps its size in 16 bits


def const(value):
    return value


def native(function):
    return function


def viper(function):
    return function


def opt_level(level=None):
    return 0


def heap_lock():
    # Can't be had here: what allocates is tested on MicroPython.
    return 1


def heap_unlock():
    return 0


def heap_locked():
    return 0


def alloc_emergency_exception_buf(size):
    pass


def mem_info(verbose=False):
    pass


def mem_total():
    return 0


mem_current = mem_peak = mem_total


def schedule(function, arg):
    # MicroPython runs it soon, between two bytecodes; here at once.
    function(arg)


def kbd_intr(char):
    pass


class RingIO:
    # RingIO(n) holds n bytes; RingIO(buffer) one less than the buffer's length. Full: short count.
    # Empty: 0 or b"", never None. As in py/objringio.c.
    def __init__(self, size):
        try:
            view = memoryview(size)
        except TypeError:
            view = None
        if view is not None:
            if view.readonly:
                raise TypeError("can't convert %s to int" % type(size).__name__)
            self._room = len(view) - 1
        else:
            if not isinstance(size, int):
                raise TypeError("can't convert %s to int" % type(size).__name__)
            self._room = size
        if not 1 <= self._room < _RING_MAX:
            raise ValueError("invalid size")
        self._data = bytearray()
        self.any = self._data.__len__  # what is asked most often

    def read(self, n=-1):
        n = len(self._data) if n is None or n < 0 else n
        data = bytes(self._data[:n])
        del self._data[:n]
        return data

    def readinto(self, buf, n=None):
        view = memoryview(buf)
        n = min(len(view) if n is None else n, len(view), len(self._data))
        view[:n] = self._data[:n]
        del self._data[:n]
        return n

    def readline(self, n=-1):
        end = self._data.find(b"\n") + 1 or len(self._data)
        return self.read(end if n < 0 else min(n, end))

    def write(self, buf, *span):
        view = memoryview(buf)
        if len(span) == 1:
            view = view[: span[0]]
        elif span:
            view = view[min(span[0], len(view)) :][: span[1]]
        n = min(len(view), self._room - len(self._data))
        self._data += view[:n]
        return n

    def close(self):
        pass
