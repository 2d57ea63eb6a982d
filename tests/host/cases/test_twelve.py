# test_twelve - twelve sockets at once on six SSL contexts: byte-exact, fair, ids reused at once.
# SPDX-License-Identifier: MIT

from driver_kit import CA, pattern, raised, up, works
from ugsim.fakenet import EchoPeer, FakeNet, Peer, SinkPeer, StallingPeer

TIMEOUT_S = 300
BAUD = 921600
SIZE = 65536
SUITES = ("AES256-SHA256", "AES256-SHA", "AES128-SHA")


class Both(Peer):
    # Sends `size` bytes of its pattern and compares what it gets with another one.
    def __init__(self, number, size):
        self.number = number
        self.out = pattern(size, number)
        self.want = pattern(size, number + 100)
        self.sent = self.got = 0
        self.wrong = False

    def on_room(self, conn):
        while self.sent < len(self.out) and conn.waiting() < 8192:
            n = min(4096, len(self.out) - self.sent)
            conn.push(self.out[self.sent : self.sent + n])
            self.sent += n

    def on_open(self, conn):
        self.on_room(conn)

    def on_data(self, conn, data):
        n = len(data)
        if data != self.want[self.got : self.got + n]:
            self.wrong = True
        self.got += n


class Side:
    # The program's end of one connection, never blocking.
    def __init__(self, sock, peer):
        self.sock, self.peer = sock, peer
        sock.setblocking(False)
        self.sent = self.got = 0
        self.buf = bytearray(1500)
        self.view = memoryview(peer.want)
        self.finished = None  # virtual ms

    def step(self, now):
        # Moves what can move. True if something did.
        moved = 0
        if self.sent < len(self.view):
            n = self.sock.write(self.view[self.sent : self.sent + 2000])
            if n:
                self.sent += n
                moved += n
                if self.sent == len(self.view):
                    self.sock.flush()
        n = self.sock.recv_into(self.buf)
        if n:
            at = self.got
            assert self.buf[:n] == self.peer.out[at : at + n], (self.sock.id, at, n)
            self.got += n
            moved += n
        if self.finished is None and self.done():
            self.finished = now
        return moved

    def done(self):
        size = len(self.view)
        return self.got == size and self.peer.got == size

    def moved(self):
        return self.got + self.peer.got


def connect_all(modem, net, count, size=SIZE):
    # `count` sockets on the six contexts in turn, each with a peer of its own.
    ctxs = [modem.tls(n, ca=CA, check_time=False, suite=SUITES[n % 3]) for n in range(6)]
    sides = []
    for i in range(count):
        host = "peer%d.example" % i
        peer = net.add(host, Both(i, size))
        sides.append(Side(modem.connect(host, 8000 + i, ctxs[i % 6]), peer))
    return sides


def run(rig, modem, sides, limit_ms, until=None):
    # The program's loop, as one with many non-blocking sockets has it.
    end = rig.now + limit_ms
    while rig.now < end and not all(side.finished is not None for side in sides):
        if until is not None and until():
            return
        moved = 0
        for side in sides:
            moved += side.step(rig.now) or 0
        modem.pump()
        if not moved:
            modem.link.wait(None)


def check(sides):
    for side in sides:
        assert side.done() and not side.peer.wrong, (
            side.sock.id,
            side.got,
            side.peer.got,
            side.peer.wrong,
        )


def fair(moved, share=0.7):
    mean = sum(moved) / len(moved)
    assert min(moved) >= share * mean, (min(moved), mean, moved)
    return min(moved) / mean


def test_twelve_sockets_move_64_kib_each_both_ways_and_each_gets_its_turn():
    net = FakeNet()
    rig, modem = up(net, sockets=12, baud=BAUD)
    sides = connect_all(modem, net, 12)
    assert sorted([s.ctx for s in modem.state()]) == [n // 2 for n in range(12)]
    start = rig.now
    quarter = []
    ways = []
    half = []

    def look():
        # What each has moved when the first one is a quarter, and half, through.
        most = max([side.moved() for side in sides])
        if not quarter and most >= SIZE // 2:
            quarter.extend([side.moved() for side in sides])
            ways.extend([side.got for side in sides] + [side.peer.got for side in sides])
        if not half and most >= SIZE:
            half.extend([side.moved() for side in sides])

    run(rig, modem, sides, 600000, look)
    check(sides)
    spent = rig.now - start
    rates = [2 * SIZE / (side.finished - start) for side in sides]
    print(
        "12 x 64 KiB both ways: %d ms, slowest/mean rate %.2f, at 1/4 %.2f, at 1/2 %.2f"
        % (spent, fair(rates), fair(quarter), fair(half))
    )
    fair(ways)  # receiving and sending take turns too
    # Nothing was sent twice or lost on the way: the line carried little else.
    assert modem.stats.timeouts == modem.stats.garbled == modem.stats.dropped == 0
    for side in sides:
        side.sock.settimeout(20)
        side.sock.close()
    assert modem.state() == []
    works(modem)


def test_a_slow_and_a_dead_peer_do_not_starve_the_rest():
    net = FakeNet()
    rig, modem = up(net, sockets=12, baud=BAUD, switches={"tx_size": 4000})
    size = 16384
    sides = connect_all(modem, net, 10, size)
    ctx = modem.tls(5, ca=CA, check_time=False, suite=SUITES[2])
    slow_peer = net.add("slow.example", SinkPeer(keep=False, rate=2))  # bytes a poll
    dead_peer = net.add("dead.example", SinkPeer(keep=False, rate=0))
    slow = modem.connect("slow.example", 1, ctx)
    dead = modem.connect("dead.example", 2, ctx)
    junk = bytes(1460)
    for sock in (slow, dead):
        sock.setblocking(False)
    start = rig.now

    def feed():
        # Both are always full: their SEND FAIL must not hold up the others.
        slow.write(junk)
        dead.write(junk)

    run(rig, modem, sides, 600000, feed)
    check(sides)
    with_them = rig.now - start
    rates = [2 * size / (side.finished - start) for side in sides]
    share = fair(rates)
    assert dead_peer.count == 0 and slow_peer.count > 0
    assert slow.why is None and dead.why is None  # full is no failure

    net = FakeNet()
    rig, modem = up(net, sockets=12, baud=BAUD)
    sides = connect_all(modem, net, 10, size)
    start = rig.now
    run(rig, modem, sides, 600000)
    check(sides)
    alone = rig.now - start
    print(
        "10 with a slow and a dead one: slowest/mean %.2f, %d ms; alone %d ms"
        % (share, with_them, alone)
    )
    assert with_them < alone * 1.5


def test_a_peer_that_never_answers_the_handshake_holds_up_nobody():
    net = FakeNet()
    net.add("stalls.example", StallingPeer("handshake"))
    rig, modem = up(net, sockets=12)
    sides = connect_all(modem, net, 11, 4000)
    ctx = modem.tls(3, ca=CA, check_time=False, suite=SUITES[0])
    stuck = modem.open("stalls.example", 443, ctx)
    start = rig.now
    run(rig, modem, sides, 100000)
    check(sides)
    assert rig.now - start < 30000 and stuck.state() == 0
    for _ in range(70):
        rig.sleep(1000)
        modem.pump()
    assert stuck.state() < 0  # its negotiatetime is over
    raised(stuck.close)


def test_several_sockets_on_one_context():
    net = FakeNet()
    rig, modem = up(net, sockets=12)
    ctx = modem.tls(4, ca=CA, check_time=False)
    sides = []
    for i in range(12):
        peer = net.add("peer%d.example" % i, Both(i, 3000))
        sides.append(Side(modem.connect("peer%d.example" % i, 443, ctx), peer))
    assert [s.ctx for s in modem.state()] == [4] * 12
    run(rig, modem, sides, 60000)
    check(sides)
    error = raised(modem.connect, "one.more", 443, ctx)
    assert error.phase == "open" and "in use" in error.hint
    # Closing some leaves the context to the others.
    for side in sides[:6]:
        side.sock.settimeout(10)
        side.sock.close()
    for side in sides[6:]:
        side.sock.settimeout(10)
    again = modem.connect("peer0.example", 443, ctx)
    assert again.id == 0
    works(modem)


def test_ids_are_reused_at_once_while_others_work():
    # A socket is closed and opened again all the time; its id's late URCs reach nobody.
    net = FakeNet()
    net.add("echo.example", EchoPeer())
    rig, modem = up(net, sockets=12)
    sides = connect_all(modem, net, 11, 20000)
    ctx = modem.tls(0, ca=CA, check_time=False, suite=SUITES[0])
    rounds = 0
    while not all(side.finished is not None for side in sides) or rounds < 15:
        for side in sides:
            side.step(rig.now)
        sock = modem.connect("echo.example", 443, ctx)
        assert sock.id == 11
        sock.settimeout(20)
        data = pattern(100 + rounds, rounds)
        sock.write(data)
        assert sock.read(len(data)) == data
        sock.write(b"late")  # its echo finds the id closed or in other hands
        sock.flush()
        sock.close(rounds % 2)
        rounds += 1
        assert rounds < 2000
    check(sides)


def test_sockets_on_three_pdp_contexts():
    net = FakeNet()
    rig, modem = up(net, sockets=12)
    modem.activate(2, "two")
    modem.activate(3, "three")
    ctx = modem.tls(0, ca=CA, check_time=False)
    sides = []
    for i in range(12):
        peer = net.add("peer%d.example" % i, Both(i, 5000))
        sock = modem.connect("peer%d.example" % i, 443, ctx, pdp=i % 3 + 1)
        sides.append(Side(sock, peer))
    run(rig, modem, sides, 200, lambda: max([s.got for s in sides]) > 1500)
    rig.model.command("pdp drop 2")
    rig.sleep(10)
    modem.pump()
    rest = [side for side in sides if side.sock.pdp != 2]
    run(rig, modem, rest, 60000)
    check(rest)
    for side in sides:
        if side.sock.pdp == 2:
            raised(side.sock.write, b"x")
