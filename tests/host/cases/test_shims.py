# test_shims - what cases use of MicroPython's modules means the same on CPython.
# SPDX-License-Identifier: MIT

import io
import select
import time

from micropython import RingIO, const

_READ = const(1)
_WRITE = const(4)


def raises(error, function, *args):
    try:
        function(*args)
    except error:
        return
    assert False, "no " + error.__name__


def test_ring_short_count_when_full():
    ring = RingIO(10)
    assert ring.write(b"0123456") == 7
    assert ring.write(b"789abc") == 3
    assert ring.write(b"x") == 0
    assert ring.any() == 10
    assert ring.read() == b"0123456789"
    assert ring.any() == 0


def test_ring_wraps_around():
    ring = RingIO(5)
    for i in range(20):
        word = bytes([i, i + 1, i + 2])
        assert ring.write(word) == 3
        assert ring.any() == 3
        assert ring.read(3) == word


def test_ring_empty_reads():
    ring = RingIO(4)
    buf = bytearray(b"....")
    assert ring.read() == b""
    assert ring.read(2) == b""
    assert ring.readline() == b""
    assert ring.readinto(buf) == 0
    assert buf == b"...."


def test_ring_read_counts():
    ring = RingIO(8)
    ring.write(b"abcdef")
    assert ring.read(0) == b""
    assert ring.read(2) == b"ab"
    assert ring.read(-1) == b"cdef"
    ring.write(b"abcdef")
    assert ring.read(100) == b"abcdef"


def test_ring_readinto():
    ring = RingIO(8)
    ring.write(b"abcdef")
    buf = bytearray(b"....")
    assert ring.readinto(buf, 2) == 2
    assert buf == b"ab.."
    assert ring.readinto(buf) == 4
    assert buf == b"cdef"
    ring.write(b"xy")
    assert ring.readinto(buf) == 2
    assert buf == b"xyef"


def test_ring_readline():
    ring = RingIO(20)
    ring.write(b"one\r\ntwo\nthree")
    assert ring.readline() == b"one\r\n"
    assert ring.readline(2) == b"tw"
    assert ring.readline() == b"o\n"
    assert ring.readline() == b"three"


def test_ring_write_spans():
    ring = RingIO(20)
    assert ring.write(b"abcdef", 2) == 2
    assert ring.write(b"abcdef", 1, 3) == 3
    assert ring.write(b"abcdef", 4, 9) == 2
    assert ring.write(b"abcdef", 9, 2) == 0
    assert ring.write(memoryview(b"xyz")[1:]) == 2
    assert ring.read() == b"abbcdefyz"


def test_ring_on_a_buffer_holds_one_less():
    buf = bytearray(6)
    ring = RingIO(buf)
    assert ring.write(b"abcdefg") == 5
    assert ring.read() == b"abcde"


def test_ring_refuses_what_is_no_size():
    raises(TypeError, RingIO, b"abc")
    raises(TypeError, RingIO, "abc")
    raises(TypeError, RingIO, None)


def test_ring_close_changes_nothing():
    ring = RingIO(4)
    ring.write(b"ab")
    ring.close()
    assert ring.read() == b"ab"


def test_bytesio_signatures():
    b = io.BytesIO(16)
    assert b.getvalue() == b""
    assert b.write(b"abcdef") == 6
    assert b.write(b"abcdef", 2) == 2
    assert b.write(b"abcdef", 1, 3) == 3
    b.seek(0)
    buf = bytearray(b"....")
    assert b.readinto(buf, 3) == 3
    assert buf == b"abc."
    assert b.readinto(buf) == 4
    assert b.read() == b"bbcd"
    b.seek(0)
    b.write(b"X")
    assert b.getvalue() == b"Xbcdefabbcd"
    assert io.BytesIO(b"xy").read() == b"xy"


def test_ticks():
    start = time.ticks_ms()
    time.sleep_ms(5)
    took = time.ticks_diff(time.ticks_ms(), start)
    assert 4 <= took < 30000, took
    early = time.ticks_add(0, -10)
    assert early > 0
    assert time.ticks_diff(5, early) == 15
    assert time.ticks_diff(early, 5) == -15
    start = time.ticks_us()
    time.sleep_us(1000)
    assert 900 <= time.ticks_diff(time.ticks_us(), start) < 30000000


class Stream(io.IOBase):
    def __init__(self):
        self.ready = 0
        self.asked = 0

    def ioctl(self, op, arg):
        if op == 3:
            self.asked += 1
            return self.ready & arg
        return -1

    def close(self):
        pass


def test_poll_asks_a_python_stream():
    stream = Stream()
    poll = select.poll()
    poll.register(stream, _READ)
    assert poll.poll(0) == []
    stream.ready = _READ | _WRITE
    found = poll.poll(1000)
    assert len(found) == 1
    assert found[0][0] is stream and found[0][1] == _READ
    poll.modify(stream, _WRITE)
    assert [(s is stream, bits) for s, bits in poll.ipoll(0)] == [(True, _WRITE)]
    poll.unregister(stream)
    assert poll.poll(0) == []


def test_poll_times_out():
    stream = Stream()
    poll = select.poll()
    poll.register(stream, _READ)
    for _ in range(10):  # a busy PC may have no time for more than one look
        start = time.ticks_ms()
        for _ in poll.ipoll(20):
            assert False, "nothing is ready"
        assert 15 <= time.ticks_diff(time.ticks_ms(), start) < 30000
        if stream.asked >= 2:
            return
        stream.asked = 0
    assert False, "asked only once, ten times"


def test_a_stream_is_not_closed_by_itself():
    import gc

    count = []

    class Counting(Stream):
        def close(self):
            count.append(1)

    Counting()
    gc.collect()
    assert not count
