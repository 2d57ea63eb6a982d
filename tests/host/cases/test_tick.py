# test_tick - modem.tick() from a timer, at every line of the driver: nothing breaks by it.
# SPDX-License-Identifier: MIT
#
# MicroPython runs soft callbacks between any two bytecodes. Here a tracer stands for the timer: it
# ticks before each line of the driver that is outside of the pump.

import sys

from driver_kit import HOST, Recorder, connected, pattern, reads, tls, up
from ugsim.fakenet import EchoPeer, FakeNet

ONLY = "cpython"
WHY = "MicroPython has no sys.settrace"
TIMEOUT_S = 240


class Timer:
    # Ticks at every step-th line.
    def __init__(self, rig, modem, step=1):
        self._rig = rig
        self._modem = modem
        self._step = step
        self._n = 0
        self.ticks = 0

    def __enter__(self):
        sys.settrace(self._call)

    def __exit__(self, *exc):
        sys.settrace(None)

    def _call(self, frame, event, arg):
        return self._line if "/qssl/" in frame.f_code.co_filename else None

    def _line(self, frame, event, arg):
        self._n += 1
        if event == "line" and self._n % self._step == 0:
            self.ticks += 1
            self._modem.tick()
            if self._n % 50 == 0:
                self._rig.sleep(1)
        return self._line


def test_echo():
    for step in (1, 2, 3, 7):
        rig, modem, sock = connected(baud=921600, write_max=64)
        timer = Timer(rig, modem, step)
        with timer:
            for i in range(30):
                data = pattern(1 + i * 61, i)
                for at in range(0, len(data), 500):
                    sock.write(data, at, 500)
                assert reads(sock, len(data)) == data, (step, i)
        assert timer.ticks > 1000, timer.ticks
        sock.close()


def test_every_way_to_read():
    rig, modem, sock = connected(baud=921600)
    lines = b"".join([b"line %d\n" % i for i in range(300)])
    buf = bytearray(100)
    with Timer(rig, modem):
        for _ in range(4):
            sock.write(lines)
            sock.flush()
            assert sock.readline() + sock.readline() == b"line 0\nline 1\n"
            assert sock.read(7) == b"line 2\n"
            assert sock.readinto(buf, 14) == 14 and buf[:14] == b"line 3\nline 4\n"
            n = sock.recv_into(buf, 7)
            rest = sock.read(7 - n) + reads(sock, len(lines) - 42)
            assert bytes(buf[:n]) + rest == lines[35:]


def test_open_and_close():
    net = FakeNet(EchoPeer(), latency_ms=5)
    rig, modem = up(net)
    with Timer(rig, modem):
        for i in range(10):
            ctx = tls(modem, i % 2)
            sock = modem.connect(HOST, 1, ctx)
            sock.settimeout(30)
            sock.write(b"hello")
            assert sock.read(5) == b"hello"
            sock.close()
    assert modem.sockets == [None, None]


def test_two_sockets_and_commands():
    net = FakeNet(EchoPeer())
    rig, modem = up(net)
    a = modem.connect(HOST, 1, tls(modem))
    b = modem.connect(HOST, 2, tls(modem))
    for s in (a, b):
        s.settimeout(30)
    with Timer(rig, modem):
        for i in range(20):
            a.write(pattern(300, i))
            b.write(pattern(700, i))
            assert modem.signal() is not None
            assert reads(b, 700) == pattern(700, i)
            assert reads(a, 300) == pattern(300, i)


def test_what_was_written_goes_out_while_the_program_sleeps():
    peer = Recorder()
    rig, modem, sock = connected(peer)
    sock.write(b"a measurement")
    for _ in range(4):  # time.sleep(), with a timer of 50 ms
        rig.sleep(50)
        modem.tick(None)
    assert peer.received == b"a measurement"


def sent_whole(guarded, by):
    # Whether bytes arrive as they were written while the prompt comes at any line of write(). by:
    # ms that it takes; what is found depends on which lines those are.
    peer = Recorder()
    rig, modem, sock = connected(peer)
    rig.model.command("fault delay what=prompt by=%d n=0" % by)
    if not guarded:
        sock._link = Unguarded(modem.link)
    sock.setblocking(False)
    expected = b""
    with Timer(rig, modem):
        for i in range(2000):
            piece = pattern(97, i)
            expected += piece[: sock.write(piece) or 0]
            sock.flush()
    for _ in range(100):
        rig.sleep(10)
        modem.tick()
    return bytes(peer.received) == expected


class Unguarded:
    # The link as if nobody set busy while a socket copies.
    def __init__(self, link):
        self.__dict__["link"] = link

    def __getattr__(self, name):
        return getattr(self.link, name)

    def __setattr__(self, name, value):
        if name != "busy":
            setattr(self.link, name, value)


def test_a_copy_is_not_interrupted():
    times = 1, 2, 7, 11
    for by in times:
        assert sent_whole(True, by)
    # The tracer finds what it is there for.
    assert not all(sent_whole(False, by) for by in times)
