# test_driver_nonblocking - sockets that do not block, and polling.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import (
    HOST,
    POLL_ERR,
    POLL_HUP,
    POLL_RD,
    POLL_WR,
    Recorder,
    arm,
    bits,
    connected,
    raised,
    tls,
    up,
)
from ugsim.fakenet import EchoPeer, FakeNet, SinkPeer


def quiet(rig, function, *args):
    # The call's value; it must not let time pass.
    start = rig.now
    value = function(*args)
    assert rig.now == start, rig.now - start
    return value


def test_nonblocking_reads():
    for switch in (lambda s: s.setblocking(False), lambda s: s.settimeout(0)):
        rig, modem, sock = connected(Recorder())
        switch(sock)
        buf = bytearray(10)
        calls = (
            ("recv", (10,)),
            ("read", (10,)),
            ("read", ()),
            ("readinto", (buf,)),
            ("readinto", (buf, 4)),
            ("recv_into", (buf,)),
            ("readline", ()),
        )
        for name, args in calls:
            assert quiet(rig, getattr(sock, name), *args) is None, name
        conn = rig.net.conns[-1]
        for name, args in calls:
            conn.push(b"ab\nc")
            for _ in range(100):
                rig.sleep(1)
                quiet(rig, modem.pump)
            value = quiet(rig, getattr(sock, name), *args)
            if name == "readline":
                assert value == b"ab\n"
                assert quiet(rig, sock.recv, 10) == b"c"
            elif isinstance(value, int):
                assert value == 4 and buf[:4] == b"ab\nc"
            else:
                assert value == b"ab\nc", (name, value)
        conn.push(b"end")
        conn.peer_close()
        for _ in range(250):
            rig.sleep(1)
            quiet(rig, modem.pump)
        assert quiet(rig, sock.read) == b"end"
        for name, args in calls:
            assert quiet(rig, getattr(sock, name), *args) in (b"", 0), name


def test_nonblocking_write_counts():
    rig, modem, sock = connected(SinkPeer(rate=0), switches={"tx_size": 1460})
    sock.setblocking(False)
    assert quiet(rig, sock.write, b"") == 0
    assert quiet(rig, sock.write, b"a" * 1000) == 1000
    total = 1000
    results = []
    for _ in range(8):
        results.append(quiet(rig, sock.write, b"b" * 1000))
        total += results[-1] or 0
        for _ in range(20):
            rig.sleep(5)
            quiet(rig, modem.pump)
    assert results[-1] is None, results  # no room at all
    assert total == 2 * 1460, results  # the modem's buffer and the driver's
    peer = rig.net.default
    peer.rate = None
    for _ in range(300):
        rig.sleep(10)
        quiet(rig, modem.pump)
    assert quiet(rig, sock.write, b"c") == 1
    quiet(rig, sock.flush)
    for _ in range(100):
        rig.sleep(10)
        quiet(rig, modem.pump)
    assert bytes(peer.received) == b"a" * 1000 + b"b" * 1920 + b"c"


def test_nonblocking_sendall_tells_that_it_could_not():
    rig, modem, sock = connected(SinkPeer(rate=0), switches={"tx_size": 1460})
    sock.setblocking(False)
    sock.sendall(b"x" * 100)
    e = raised(quiet, rig, sock.sendall, b"x" * 5000)
    assert e.errno == errno.EAGAIN, e


def test_nonblocking_close_works_in_the_background():
    rig, modem, sock = connected(Recorder())
    peer = rig.net.default
    sock.write(b"last words")
    sock.setblocking(False)
    quiet(rig, sock.close)
    for _ in range(50):
        rig.sleep(10)
        quiet(rig, modem.pump)
    assert bytes(peer.received) == b"last words"
    assert rig.model.sockets.slots[0] is None
    assert modem.sockets == [None, None]


def test_open_does_not_block_once_the_context_is_set():
    net = FakeNet(EchoPeer(), latency_ms=300)
    rig, modem = up(net)
    context = tls(modem)
    context.apply()
    start = rig.now
    sock = modem.open(HOST, 443, context)
    assert rig.now - start <= 2  # one look at whether the modem still has the context, no more
    sock.setblocking(False)
    assert quiet(rig, sock.write, b"early") == 5
    assert quiet(rig, sock.recv, 5) is None
    assert sock.state() == 0
    for _ in range(100):
        rig.sleep(10)
        quiet(rig, modem.pump)
    assert sock.state() == 1
    assert quiet(rig, sock.recv, 5) == b"early"


def test_open_does_not_wait_for_what_is_being_closed():
    # An id that is needed, a context whose last connection it is, the echo that comes back behind
    # a push: the modem takes its whole time for AT+QSSLCLOSE.
    for what in ("id", "context", "push"):
        rig, modem = up(FakeNet(EchoPeer()), sockets=1 if what == "id" else 2)
        ctx = tls(modem)
        first = modem.connect(HOST, 443, ctx, push=what == "push")
        if what != "context":
            ctx = tls(modem, 1)
            ctx.apply()
        if what == "push":
            first.settimeout(5)
        first.setblocking(False)
        arm(rig, "close_hang")
        first.close()
        begun = rig.now
        refused = 0
        while True:
            start = rig.now
            try:
                sock = modem.open(HOST, 443, ctx)
                break
            except OSError as e:
                assert e.errno == errno.EAGAIN and rig.now - start < 20, (what, rig.now - start, e)
                for word in ("being closed", "12 s", "open() again"):
                    assert word in str(e), e
                assert rig.now - begun < 12000, what
            refused += 1
            modem.sleep_ms(100)
        assert refused > 50, (what, refused)
        sock.settimeout(30)
        sock.write(b"hello")
        sock.flush()
        assert sock.recv(5) == b"hello" and modem.link.echo, what


def test_poll_bits_of_a_life():
    rig, modem, sock = connected(Recorder())
    conn = rig.net.conns[-1]
    assert bits(sock) == POLL_WR
    assert bits(sock, POLL_RD) == 0
    assert bits(sock, POLL_WR) == POLL_WR
    conn.push(b"data")
    for _ in range(10):
        rig.sleep(1)
        quiet(rig, bits, sock)
    assert bits(sock) == POLL_RD | POLL_WR
    assert bits(sock, POLL_RD) == POLL_RD
    assert sock.recv(10) == b"data"
    assert bits(sock, POLL_RD) == 0
    conn.peer_close()
    for _ in range(150):
        rig.sleep(1)
        bits(sock)
    assert bits(sock, POLL_RD) & POLL_RD
    assert bits(sock, POLL_RD) & POLL_HUP
    assert sock.recv(10) == b""
    assert bits(sock, POLL_RD) & POLL_RD
    sock.close()
    assert bits(sock) & POLL_HUP


def test_poll_without_room_to_write():
    rig, modem, sock = connected(SinkPeer(rate=0), switches={"tx_size": 1460})
    sock.setblocking(False)
    for _ in range(50):
        sock.write(b"x" * 100)
        rig.sleep(10)
    assert bits(sock) & POLL_WR == 0
    rig.net.default.rate = None
    for _ in range(300):
        rig.sleep(10)
        modem.pump()
    assert bits(sock) & POLL_WR


def test_poll_of_a_failed_connection():
    rig, modem, sock = connected()
    rig.model.command("restart")
    rig.sleep(5000)
    modem.sleep_ms(200)
    assert bits(sock) & (POLL_ERR | POLL_HUP)
    raised(sock.recv, 1)


def test_poll_for_reading_sends_what_was_written():
    rig, modem, sock = connected()
    sock.setblocking(False)
    sock.write(b"request")
    for _ in range(50):
        rig.sleep(1)
        if bits(sock, POLL_RD):
            break
    assert sock.recv(20) == b"request"


def test_unknown_ioctls():
    rig, modem, sock = connected()
    for op in (0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 99, -1):
        assert sock.ioctl(op, 0) == -1, op


def test_select_poll_finds_the_socket():
    import select

    rig, modem, sock = connected(Recorder())
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    assert not poller.poll(0)
    rig.net.conns[-1].push(b"x")
    for _ in range(10):
        rig.sleep(1)
        found = poller.poll(0)
    assert len(found) == 1 and found[0][0] is sock and found[0][1] & select.POLLIN
