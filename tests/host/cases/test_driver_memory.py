# test_driver_memory - in the steady state the driver allocates nothing.
# SPDX-License-Identifier: MIT

import gc

import driver_kit  # before qssl: it brings the virtual time
from driver_canned import Canned, Clock, Context, allocated
from qssl import Modem

ONLY = "micropython"
WHY = "heap_lock() and mem_alloc() tell nothing on CPython"
INSIDE = ("test_quarantine",)

DATA = driver_kit.pattern(1500)
BUF = bytearray(1500)
URC = b'\r\n+QSSLURC: "recv",%d\r\n'
FIRST, SECOND = URC % 0, URC % 1
CLOCK = Clock()


class Bed:
    # Two open sockets on a canned UART. Everything was used once, so all buffers exist.
    def __init__(self, chunk=4096):
        self.uart = Canned(DATA, chunk)
        self.modem = Modem(self.uart, idle=self.idle)
        self.modem.up = True
        self.modem.link.echo = 1  # commands are checked
        self.uart.echo = True
        self.socks = []
        for i in range(2):
            sock = self.modem.open("server.example", 443, Context(self.modem))
            for _ in range(100):
                self.modem.pump()
            self.uart.reply(b"\r\n+QSSLOPEN: %d,0\r\n" % i)
            for _ in range(100):
                self.modem.pump()
            assert sock.state() == 1
            sock.settimeout(10)
            self.socks.append(sock)
        for sock in self.socks:
            for _ in range(3):
                self.announce(sock, 100)
                sock.readinto(BUF, 100)
                sock.write(DATA, 0, 100)
                sock.flush()

    def idle(self):
        pass

    def announce(self, sock, n):
        # The modem has n bytes for it, and says so.
        self.uart.give = n
        self.uart.reply(URC % sock.id)


def test_the_measure_measures():
    # A test that can't fail would be none.
    def allocates():
        return bytearray(100)

    try:
        allocated(allocates)
    except MemoryError:
        pass
    else:
        raise AssertionError("an allocation went unseen")

    def canned():
        uart.any()
        uart.write(DATA, 0, 10)
        uart.readinto(BUF, 10)

    uart = Canned(DATA)
    uart._payload = 1000
    assert allocated(canned) == 0


def send(sock, n):
    sock.write(DATA, 0, n)
    sock.flush()


def announced(bed, sock, urc, n):
    bed.uart.give = n
    bed.uart.reply(urc)


def receive(bed, sock, urc, n, buf):
    announced(bed, sock, urc, n)
    at = 0
    while at < n:
        at += sock.readinto(buf, n - at)


def receive_some(bed, sock, urc, n, buf):
    announced(bed, sock, urc, n)
    at = 0
    while at < n:
        at += sock.recv_into(buf, n - at)


SIZES = (1, 2, 63, 64, 65, 100, 255, 256, 257, 511, 512, 1000, 1459, 1460)


def test_sending():
    def sends(n):
        bed = Bed()
        used = allocated(lambda: send(bed.socks[0], n))
        assert bed.uart.sent >= 3 * n
        return used

    for n in SIZES:
        assert sends(n) == 0, n


def test_sending_in_small_writes():
    bed = Bed()
    sock = bed.socks[0]
    piece = DATA[:10]

    def pieces():
        for _ in range(30):
            sock.write(piece)
        sock.flush()

    assert allocated(pieces) == 0


def receives(n, cid, function, chunk=4096):
    bed = Bed(chunk)
    urc = URC % cid
    used = allocated(lambda: function(bed, bed.socks[cid], urc, n, BUF))
    assert BUF[:n] == DATA[:n]
    return used


def test_receiving():
    for n in SIZES + (1499, 1500):
        assert receives(n, 0, receive) == 0, n
        assert receives(n, 1, receive_some) == 0, n


def test_receiving_in_small_pieces():
    for chunk in (1, 7, 64):
        assert receives(300, 0, receive, chunk) == 0, chunk


def test_counters_of_what_has_run_for_long():
    # On ports of 32 bits 2 ** 30 is no small integer any more.
    for count in ((1 << 29) - 600, (1 << 29) - 1):
        bed = Bed()
        stats = bed.modem.stats
        stats.rx = stats.tx = count

        def both(bed=bed):
            send(bed.socks[0], 200)
            receive(bed, bed.socks[0], FIRST, 200, BUF)

        assert allocated(both) == 0, count
        assert stats.rx < 4000 and stats.tx < 4000, (stats.rx, stats.tx)


def test_two_sockets_with_urcs():
    bed = Bed()
    urcs = (FIRST, SECOND, None, b"\r\n+CREG: 1\r\n", b"\r\n+CUSD: 2\r\n")

    def both():
        # A function with more than a few variables of another one would allocate by itself.
        one, two = bed.socks
        for n in (1, 700, 1500):
            for urc in urcs:
                bed.uart.urc = urc
                receive(bed, one, FIRST, n, BUF)
                one.write(DATA, 0, 100)
                receive(bed, two, SECOND, n, BUF)
                two.write(DATA, 0, 1460)
                one.flush()
                two.flush()
        bed.uart.urc = None

    assert allocated(both) == 0


def test_polling():
    bed = Bed()
    sock = bed.socks[0]
    modem = bed.modem
    urc = URC % 0
    view = memoryview(BUF)

    def polls():
        for _ in range(20):
            sock.ioctl(3, 5)
            modem.pump()
        sock.setblocking(False)
        assert sock.recv_into(view) is None
        assert sock.readinto(view) is None
        announced(bed, sock, urc, 500)
        while not sock.ioctl(3, 1):
            pass
        assert sock.recv_into(view, 200) == 200
        assert sock.readinto(view, 300) == 300
        assert sock.ioctl(3, 1) == 0
        sock.write(DATA, 0, 50)
        while sock.ioctl(3, 1) or bed.uart.rx.any():
            pass
        sock.settimeout(10)

    assert allocated(polls) == 0


def test_waiting():
    # 300 ms in the idle loop until data comes.
    bed = Bed()
    sock = bed.socks[0]
    urc = URC % 0
    calls = [0]

    def idle():
        calls[0] += 1
        if calls[0] == 300:
            announced(bed, sock, urc, 20)

    def waits():
        calls[0] = 0
        sock.readinto(BUF, 20)

    bed.modem.link.idle = idle
    assert allocated(waits) == 0
    assert calls[0] >= 300


def test_looking_without_a_urc():
    # The slow look: every 10 s a QSSLRECV that finds nothing.
    bed = Bed()
    modem = bed.modem

    def hour():
        for _ in range(400):
            CLOCK.pass_ms(1000)
            modem.pump()
            modem.pump()

    recvs = bed.uart.recvs
    assert allocated(hour) == 0
    assert bed.uart.recvs - recvs > 100


def test_garbage():
    # Unknown, over-long and damaged lines, final result codes that nobody waits for.
    bed = Bed()
    modem = bed.modem
    junk = (
        b"\r\nwhat is this\r\n",
        b"\r\n" + b"x" * 250,
        b"y" * 250,
        b"z\r\n",
        b"\0\0\0",
        b"\r\nOK\r\n",
        b"\r\n+CME ERROR: 100\r\n",
        b'\r\n+QSSLURC: "recv",99\r\n',
        b"\r\n+QSSLURC: \r\n",
        b"\r\n> ",
        b"\r\n",
    )

    def feeds():
        for data in junk:
            bed.uart.reply(data)
            modem.pump()

    assert allocated(feeds) == 0


def sent_again(kind):
    # What the modem does not take twice goes out a third time.
    bed = Bed()
    sock = bed.socks[0]
    uart = bed.uart

    def tries():
        setattr(uart, kind, 2)
        send(sock, 40)

    sends = uart.sends
    assert allocated(tries) == 0
    assert uart.sends - sends == 9


def test_send_fail():
    sent_again("fails")


def test_refused_before_the_prompt():
    sent_again("refuses")


def test_quarantine():
    # A modem that falls silent in the middle of an exchange and comes back: the driver's way to
    # find that out allocates nothing either (the error itself does).
    bed = Bed()
    modem = bed.modem

    def heals():
        modem.link.distrust()
        for _ in range(1000):
            CLOCK.pass_ms(1)
            modem.pump()
        assert not modem.link.sick

    assert allocated(heals) == 0


def test_a_thousand_rounds_leave_the_heap_as_it_was():
    bed = Bed()
    one, two = bed.socks
    first, second = URC % 0, URC % 1
    receive(bed, one, first, 1500, BUF)
    send(two, 1000)
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(1000):
        receive(bed, one, first, 1500, BUF)
        send(two, 1000)
        receive(bed, two, second, 10, BUF)
        send(one, 10)
    assert gc.mem_alloc() - before == 0, gc.mem_alloc() - before


def test_with_a_trace():
    for keep in (0, 20):
        bed = Bed()
        trace = bed.modem.trace(600, keep)

        def both(bed=bed):
            one, two = bed.socks
            for n in (1, 700, 1500):
                receive(bed, one, FIRST, n, BUF)
                one.write(DATA, 0, 100)
                receive(bed, two, SECOND, n, BUF)
                two.write(DATA, 0, 1460)
                one.flush()
                two.flush()
            bed.uart.reply(b'\r\n+CREG: 1,"1A2B","00C3"\r\n\r\n+CUSD: 0,"12345678901 x"\r\n')
            bed.modem.pump()

        assert allocated(both) == 0, keep
        assert trace.dropped > 20
        kinds = list(trace.lines())
        assert len(kinds) > 8 and '"up"' in str(kinds), kinds
