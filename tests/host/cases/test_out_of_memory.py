# test_out_of_memory - no memory is left in a call: MemoryError, and the next try works.
# SPDX-License-Identifier: MIT
#
# The heap is locked while the driver runs, from the k-th time on that it asks its UART, until the
# call has ended; while the simulated modem works it is not. So each piece of the driver between
# two such places finds no memory once.

import gc
import os

import driver_kit  # before qssl: it brings the virtual time
import micropython
import rig as _rig
from qssl.errors import Error
from ugsim.fakenet import FakeNet

ONLY = "micropython"
WHY = "heap_lock() is MicroPython's"
INSIDE = (
    "test_what_was_read_into_a_line_is_not_lost_in_silence",
    "test_an_answer_that_finds_no_memory",
    "test_a_command_that_finds_no_memory_is_typed_later",
)

# Places of a call that are tried, evenly spread; OOM_RUNS=0: all.
RUNS = int(getattr(os, "getenv", lambda name, other: other)("OOM_RUNS", "12"))
DATA = driver_kit.pattern(700)
TEXT = b"line one\nline two\nline three\n" * 30


class Tight:
    # No memory from the k-th place on, until end().
    def __init__(self):
        self.left = 0  # places until then; 0: never
        self.places = 0
        self.locked = False

    def begin(self, k):
        self.left = k
        self.places = 0

    def end(self):
        self.left = 0
        self.leave()

    def leave(self):
        # The driver's turn is over for now.
        if self.locked:
            self.locked = False
            micropython.heap_unlock()

    def enter(self):
        self.places += 1
        if self.left and self.places >= self.left:
            self.locked = True
            micropython.heap_lock()


tight = Tight()


class Uart:
    # The rig's. None of these methods allocates before the heap is free.
    def __init__(self, rig):
        self._rig = rig
        self._uart = rig.uart

    def any(self):
        tight.leave()
        n = self._uart.any()
        tight.enter()
        return n

    def readinto(self, buf, n):
        tight.leave()
        n = self._uart.readinto(buf, n)
        tight.enter()
        return n

    def write(self, buf, off, n):
        tight.leave()
        n = self._uart.write(buf, off, n)
        tight.enter()
        return n

    def ipoll(self, ms):
        tight.leave()
        _rig.RigPoll.ipoll(self, ms)
        tight.enter()
        return ()


class Bed:
    def __init__(self, peer=None):
        self.net = FakeNet(peer or driver_kit.EchoPeer())
        self.rig, self.modem = driver_kit.bare(self.net, sockets=1)
        self.uart = self.modem.link.uart = self.modem.link._poll = Uart(self.rig)
        self.sock = self.ctx = None

    def up(self):
        self.modem.start(apn="internet")
        self.ctx = driver_kit.tls(self.modem)
        return self

    def open(self):
        self.up().connect()
        return self

    def connect(self):
        self.sock = self.modem.connect(driver_kit.HOST, 443, self.ctx)
        self.sock.settimeout(30)

    def works(self):
        # From where it is to an echo, within some seconds.
        before = self.rig.now
        self.net.add(driver_kit.HOST, driver_kit.EchoPeer())
        if not self.modem.up:
            self.modem.start(apn="internet")
        self.ctx = self.ctx or driver_kit.tls(self.modem)
        if self.sock:
            try:
                self.sock.close()
            except Error as e:
                assert e.errno == 12, e
        driver_kit.works(self.modem)
        assert self.rig.now - before < 25000, self.rig.now - before


def tried(make, call, after=None):
    # call(bed) with no memory at one place after another. Gives how often it ran out.
    tight.begin(0)
    call(make())
    places = tight.places
    step = max(places // RUNS, 1) if RUNS else 1
    ends = 0
    for k in range(1, places + 1, step):
        bed = make()
        gc.collect()
        tight.begin(k)
        try:
            call(bed)
        except MemoryError:
            ends += 1
        finally:
            tight.end()
        if after:
            after(bed)
        bed.works()
    return ends


def test_start():
    assert tried(Bed, lambda bed: bed.modem.start(apn="internet"))


def test_tls():
    def make():
        bed = Bed()
        bed.modem.start(apn="internet")
        return bed

    def call(bed):
        bed.ctx = driver_kit.tls(bed.modem)

    # It asks neither UART nor clock: all of it finds no memory.
    bed = make()
    micropython.heap_lock()
    try:
        call(bed)
    except MemoryError:
        pass
    else:
        raise AssertionError("it needs no memory")
    finally:
        micropython.heap_unlock()
    bed.works()


def test_connect():
    assert tried(lambda: Bed().up(), Bed.connect)


class Keeps(driver_kit.Recorder):
    # What was said to it, in bytes; says TEXT.
    def __init__(self):
        super().__init__(TEXT)


def test_sending():
    def make():
        bed = Bed(Keeps())
        bed.peer = bed.net.default
        bed.taken = 0
        return bed.open()

    def call(bed):
        for i in range(0, 700, 100):
            bed.taken += bed.sock.write(DATA, i, 100)
            bed.sock.flush()

    def after(bed):
        # What was taken goes out, once and in order; what the peer has is no more than that.
        bed.sock.flush()
        got = bytes(bed.peer.received)
        assert bed.taken <= len(got) <= bed.taken + 100 and got == DATA[: len(got)], len(got)

    tried(make, call, after)


def reading(read):
    # read(bed) with too little memory: what it gave is the stream's begin, and if bytes are lost
    # the socket says so.
    def make():
        bed = Bed(Keeps())
        bed.got = []
        return bed.open()

    def call(bed):
        while sum([len(part) for part in bed.got]) < len(TEXT):
            part = read(bed)
            bed.got.append(part)

    def after(bed):
        got = b"".join(bed.got)
        try:
            while len(got) < len(TEXT):
                got += bed.sock.read(1)
        except Error as e:
            assert e.errno == 12 and "lost" in e.hint, e
        assert got == TEXT[: len(got)], (len(got), bed.got[-1])

    return tried(make, call, after)


def test_recv():
    assert reading(lambda bed: bed.sock.recv(50))


def test_read():
    assert reading(lambda bed: bed.sock.read(58))


def test_readline():
    assert reading(lambda bed: bed.sock.readline())


def test_what_was_read_into_a_line_is_not_lost_in_silence():
    # The ring is read, then there is no memory for the line that grows.
    bed = Bed(Keeps()).open()
    sock = bed.sock
    bed.modem.sleep_ms(1000)

    class Ring:
        def __init__(self, rx):
            self.rx = rx
            self.any = rx.any
            self.write = rx.write

        def readline(self, n):
            self.rx.readinto(bytearray(5))
            raise MemoryError

        def read(self, n):
            return self.readline(n)

    for read in (sock.readline, lambda: sock.recv(9)):
        sock._rx = Ring(sock._slot[0])
        sock.why = None
        sock._ready = sock._rx.any()
        try:
            read()
            raise AssertionError("no MemoryError")
        except MemoryError:
            pass
        e = driver_kit.raised(sock.recv, 10)
        assert e.errno == 12 and "lost" in e.hint, e


def test_close():
    def call(bed):
        bed.sock.write(DATA, 0, 100)
        bed.sock.close()

    assert tried(lambda: Bed().open(), call)


def test_an_answer_that_finds_no_memory():
    # The call that waits for it gets the MemoryError; others that pump don't.
    bed = Bed().up()
    at = bed.modem.at
    x = at.post(b"AT+CSQ", b"+CSQ:", 5000)
    tight.begin(1)
    while not x.result:
        bed.modem.pump()
    tight.end()
    try:
        bed.modem.link.drive(at.wait(x))
        raise AssertionError("no MemoryError")
    except MemoryError:
        pass
    assert bed.modem.signal() is not None
    assert bed.modem.stats.timeouts == 0
    bed.works()


def test_a_command_that_finds_no_memory_is_typed_later():
    bed = Bed().open()
    micropython.heap_lock()
    try:
        bed.sock.close()
        raise AssertionError("no MemoryError")
    except MemoryError:
        pass
    finally:
        micropython.heap_unlock()
    bed.sock.close()
    bed.works()
    assert bed.modem.stats.timeouts == 0
