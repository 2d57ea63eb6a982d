# test_driver_sockets - several sockets at once, and their ids.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import HOST, Log, Recorder, connected, pattern, raised, tls, up
from ugsim.fakenet import EchoPeer, FakeNet, SinkPeer, SourcePeer

INSIDE = ("test_ids_are_used_again_at_once",)

MIB = 1 << 20
BLOCKS = pattern(8191)  # a prime: no two pieces of 1460 or 1500 bytes are alike for long


def test_sockets_are_isolated():
    net = FakeNet()
    rig, modem = up(net, sockets=12)
    context = tls(modem)
    socks = []
    for _ in range(12):
        sock = modem.connect(HOST, 443, context)
        sock.settimeout(30)
        socks.append(sock)
    assert sorted([sock.id for sock in socks]) == list(range(12))
    for round in range(3):
        for i in range(12):
            socks[i].write(pattern(500, i + round))
        for i in (11, 3, 0, 5, 1, 2, 4, 6, 10, 7, 8, 9):
            assert socks[i].read(500) == pattern(500, i + round), i
    e = raised(modem.connect, HOST, 443, context)
    assert e.errno == errno.ENOBUFS and "sockets" in str(e), e
    socks[4].close()
    sock = modem.connect(HOST, 443, context)
    assert sock.id == 4
    sock.write(b"again")
    assert sock.read(5) == b"again"
    for other in socks:
        other.close()
    sock.close()
    driver_kit.works(modem)


def test_fair_turns():
    # Four sockets that always have data: none of them is served twice as often as another one.
    data = 40000
    net = FakeNet(SourcePeer(data, BLOCKS))
    rig, modem = up(net, sockets=4, baud=921600)
    context = tls(modem)
    socks = [modem.connect(HOST, 443, context) for _ in range(4)]
    for sock in socks:
        sock.setblocking(False)
    log = Log(rig)
    got = [0] * 4
    buf = bytearray(1500)
    for _ in range(1000):
        rig.sleep(1)
        for i in range(4):
            n = socks[i].recv_into(buf) or 0
            assert buf[:n] == net.default.byte_at(got[i], n), i
            got[i] += n
    counts = [log.count("AT+QSSLRECV=%d," % i) for i in range(4)]
    assert min(counts) > 8 and max(counts) - min(counts) <= 2, (counts, got)


def test_sending_and_receiving_take_turns():
    # A socket that always has both to do does both.
    class Both(SourcePeer):
        count = 0

        def on_data(self, conn, data):
            self.count += len(data)

    peer = Both(MIB, BLOCKS)
    rig, modem, sock = connected(peer, baud=921600)
    sock.setblocking(False)
    log = Log(rig)
    buf = bytearray(1500)
    for _ in range(1000):
        rig.sleep(1)
        sock.write(b"x" * 1460)
        sock.recv_into(buf)
    up_, down_ = log.count("AT+QSSLSEND"), log.count("AT+QSSLRECV")
    assert up_ > 10 and down_ > 10 and abs(up_ - down_) <= 2, (up_, down_)


def test_a_slow_socket_does_not_hold_the_others():
    net = FakeNet()
    net.add("stuck.example", SinkPeer(rate=0))
    rig, modem = up(net, switches={"tx_size": 1000})
    context = tls(modem)
    slow = modem.connect("stuck.example", 443, context)
    slow.setblocking(False)
    fast = modem.connect(HOST, 443, context)
    fast.settimeout(5)
    slow.write(b"x" * 900)
    slow.flush()
    rig.sleep(100)
    modem.pump()
    slow.write(b"x" * 900)
    slow.flush()
    start = rig.now
    for i in range(20):
        fast.write(pattern(200, i))
        assert fast.read(200) == pattern(200, i)
    assert rig.now - start < 1000, rig.now - start


def test_one_closes_while_the_other_reads():
    data = pattern(6000)
    net = FakeNet(Recorder(data))
    rig, modem = up(net)
    context = tls(modem)
    one = modem.connect(HOST, 443, context)
    two = modem.connect(HOST, 443, context)
    assert one.read(100) == data[:100]
    rig.model.command("close %d" % two.id)
    assert one.read(5900) == data[100:]
    assert two.read() == data
    one.close()
    two.close()


def test_ids_are_used_again_at_once():
    for sockets in (1, 2):
        net = FakeNet(Recorder(b"unread " * 100))
        rig, modem = up(net, sockets=sockets)
        context = tls(modem)
        for i in range(100):
            sock = modem.connect(HOST, 443, context)
            sock.settimeout(20)
            assert sock.id == 0
            if i % 3 == 0:
                assert sock.read(7) == b"unread "
            elif i % 3 == 1:
                sock.write(b"x" * i)
            sock.close()
        assert rig.model.sockets.slots == [None] * 12
        assert len(modem.link.sources) == 1
        net.add(HOST, EchoPeer())
        sock = modem.connect(HOST, 443, context)
        sock.write(b"fresh")
        assert sock.read(5) == b"fresh"


def test_id_is_used_again_after_a_close_in_the_background():
    rig, modem = up(FakeNet(), sockets=1)
    context = tls(modem)
    for i in range(10):
        sock = modem.connect(HOST, 443, context)
        sock.write(b"number %d" % i)
        assert sock.read(8) == b"number %d" % i
        sock.setblocking(False)
        sock.close()


def test_failed_opens_give_their_ids_back():
    net = FakeNet()
    rig, modem = up(net, sockets=1)
    context = tls(modem)
    for claims in ("yes", "no"):
        rig.model.command("switch failed_open_claims " + claims)
        for _ in range(5):
            rig.model.command("fault open_code code=566")
            e = raised(modem.connect, HOST, 443, context)
            assert e.code == 566, e
        driver_kit.works(modem)
