# test_driver_timeouts - every blocking call ends in time.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import (
    HOST,
    POLL_ERR,
    POLL_HUP,
    POLL_RD,
    POLL_WR,
    Recorder,
    Watch,
    arm,
    connected,
    raised,
    tls,
    up,
)
from ugsim.fakenet import EchoPeer, FakeNet, SinkPeer, StallingPeer


def timed(watch, limit_ms, function, *args):
    # The error that the call ends with; within its limit, with the idle hook called.
    start = watch.rig.now
    watch.start()
    e = raised(function, *args)
    spent = watch.rig.now - start
    assert limit_ms <= spent <= limit_ms + 20, (spent, limit_ms, e)
    assert watch.stop() <= 100 and watch.calls, watch.worst
    assert e.errno == errno.ETIMEDOUT, e
    return e


def test_time_out_of_every_reading_call():
    for name, args in (
        ("recv", (10,)),
        ("read", (10,)),
        ("read", ()),
        ("readinto", (bytearray(10),)),
        ("recv_into", (bytearray(10),)),
        ("readline", ()),
    ):
        watch = Watch()
        rig, modem, sock = connected(Recorder(), idle=watch)
        for seconds in (0.05, 1, 2.5):
            sock.settimeout(seconds)
            e = timed(watch, int(seconds * 1000), getattr(sock, name), *args)
            assert "receive" in str(e), e
        # Nothing was lost: the connection still works.
        rig.net.conns[-1].push(b"late\n")
        sock.settimeout(20)
        assert sock.readline() == b"late\n"


def test_time_out_longer_than_the_slow_look():
    watch = Watch()
    rig, modem, sock = connected(Recorder(), idle=watch)
    sock.settimeout(35)
    timed(watch, 35000, sock.recv, 1)


def test_time_out_of_weeks():
    # Longer than what ticks can count: the call waits, it does not fail.
    for seconds in (536870, 536871, 604800, 1e7, 1 << 40):
        peer = Recorder()
        rig, modem, sock = connected(peer)
        sock.settimeout(seconds)
        late = rig.now + 20000

        def idle(late=late, rig=rig):
            if rig.now >= late:
                rig.net.conns[0].push(b"x")

        modem.link.idle = idle
        assert sock.recv(1) == b"x", seconds
        modem.link.idle = None
        sock.write(b"abc")
        sock.flush()
        sock.close()
        assert bytes(peer.received) == b"abc"


def test_time_out_in_the_middle_fails_the_socket():
    for name, args in (("read", (10,)), ("readline", ()), ("read", ())):
        watch = Watch()
        rig, modem, sock = connected(Recorder(b"half"), idle=watch)
        sock.settimeout(1)
        e = raised(getattr(sock, name), *args)
        assert e.errno == errno.ETIMEDOUT and "middle" in str(e), e
        raised(sock.recv, 1)
        raised(sock.write, b"x")
        sock.close()
        driver_kit.works(modem)


class Halt(Exception):
    pass


def test_an_exception_in_the_middle_fails_the_socket():
    # The program's own, out of its idle hook: what the call had moved by then, nobody knows.
    for name, args, many in (
        ("read", (9000,), True),
        ("read", (), True),
        ("readinto", (bytearray(9000),), True),
        ("write", (bytes(9000),), True),
        ("read", (1000,), False),
        ("readinto", (bytearray(1000),), False),
        ("recv", (1000,), False),
        ("readline", (), False),
    ):
        rig, modem, sock = connected(Recorder(), switches={"tx_size": 3000})
        sock.settimeout(100)
        conn = rig.net.conns[0]
        if name == "write":
            conn.peer.on_data = lambda conn, data: None
            rig.net.latency_ms = 50
        begin = rig.now

        def idle(rig=rig, modem=modem, begin=begin, many=many, conn=conn):
            if many and not conn.pushed and rig.now > begin + 100:
                conn.push(bytes(4000))
                conn.pushed = True
            if rig.now > begin + 3000:
                modem.link.idle = None
                raise Halt

        conn.pushed = name == "write"
        if name == "write":
            arm(rig, "send_fail ms=9000")
        modem.link.idle = idle
        try:
            getattr(sock, name)(*args)
            raise AssertionError(name)
        except Halt:
            pass
        sock.settimeout(3)
        if many:
            e = raised(sock.recv, 1)
            assert "middle" in str(e), (name, e)
            e = raised(sock.write, b"x")
            assert "middle" in str(e), (name, e)
        else:
            conn.push(b"abc")
            assert sock.read(3) == b"abc", name
        sock.setblocking(False)
        sock.close()
        driver_kit.works(modem)


def test_readinto_gives_what_came_before_its_time_out():
    rig, modem, sock = connected(Recorder(b"half"))
    sock.settimeout(1)
    buf = bytearray(10)
    assert sock.readinto(buf) == 4 and buf[:4] == b"half"
    e = raised(sock.readinto, buf)
    assert e.errno == errno.ETIMEDOUT


def test_time_out_of_write_and_flush():
    watch = Watch()
    rig, modem, sock = connected(SinkPeer(rate=0), idle=watch, switches={"tx_size": 2000})
    sock.settimeout(1)
    assert sock.write(b"a" * 1460) == 1460
    sock.flush()
    sock.write(b"b" * 1000)
    timed(watch, 1000, sock.flush)
    sock.write(b"b" * 460)  # still merged with what waits
    e = timed(watch, 1000, sock.write, b"c")
    assert "full" in str(e), e
    # Nothing of this was lost: the peer takes it later.
    peer = rig.net.default
    peer.rate = None
    sock.settimeout(20)
    sock.write(b"d")
    sock.flush()
    rig.sleep(100)
    assert bytes(peer.received) == b"a" * 1460 + b"b" * 1460 + b"d"


def test_time_out_in_the_middle_of_a_write_fails_the_socket():
    watch = Watch()
    rig, modem, sock = connected(SinkPeer(rate=0), idle=watch, switches={"tx_size": 2000})
    sock.settimeout(2)
    e = timed(watch, 2000, sock.write, b"x" * 5000)
    assert "middle" in str(e), e
    raised(sock.write, b"x")
    sock.close()
    driver_kit.works(modem)


def test_time_out_of_connect():
    for state in ("opening", "handshake"):
        watch = Watch()
        net = FakeNet(StallingPeer(state))
        rig, modem = up(net, idle=watch)
        context = tls(modem)
        context.apply()
        for limit in (500, 3000):
            start = rig.now
            watch.start()
            e = raised(modem.connect, HOST, 443, context, limit)
            assert limit <= rig.now - start <= limit + 20, rig.now - start
            assert watch.stop() <= 100
            assert e.errno == errno.ETIMEDOUT and HOST in str(e), e
        rig.sleep(5000)
        driver_kit.works(modem)


def test_a_time_that_is_too_short_is_not_the_modems_fault():
    for late in (0, 100, 300):
        for limit in (1, 50, 100, 300, 500, 1000, 2000):
            rig, modem = up(FakeNet(EchoPeer()))
            ctx = tls(modem)
            arm(rig, "delay what=final by=%d n=0" % late)
            try:
                modem.connect(HOST, 443, ctx, limit).close()
            except OSError as e:
                assert ("in time;" in str(e) and "too short" in str(e)) or "more time" in str(e), e
                assert "stopped" not in str(e) and "power" not in str(e), e
            else:
                assert limit > 10 * late, (limit, late)
            modem.connect(HOST, 443, ctx).close()


def test_close_has_a_limit():
    watch = Watch()
    for seconds in (1, 30, None):
        rig, modem, sock = connected(SinkPeer(rate=0), idle=watch, switches={"tx_size": 1000})
        sock.settimeout(1)
        sock.write(b"x" * 900)
        sock.flush()
        sock.write(b"y" * 900)
        sock.settimeout(seconds)
        start = rig.now
        watch.start()
        e = raised(sock.close)
        assert "not all" in str(e), e
        assert rig.now - start <= 14100, rig.now - start
        assert watch.stop() <= 100
        rig.sleep(30000)
        driver_kit.works(modem)


def test_close_twice_and_use_after_close():
    rig, modem, sock = connected()
    sock.close()
    sock.close()
    start = rig.now
    for name, args in (
        ("recv", (1,)),
        ("read", (1,)),
        ("readinto", (bytearray(1),)),
        ("recv_into", (bytearray(1),)),
        ("readline", ()),
        ("write", (b"x",)),
        ("send", (b"x",)),
        ("sendall", (b"x",)),
        ("flush", ()),
    ):
        e = raised(getattr(sock, name), *args)
        assert e.errno == errno.EBADF, (name, e)
    assert rig.now == start, "waited %d ms" % (rig.now - start)
    assert sock.ioctl(4, 0) == 0
    assert sock.ioctl(3, POLL_RD | POLL_WR) & (POLL_HUP | POLL_ERR)


def test_closed_socket_gives_nothing_of_the_next_one():
    # The next connection uses the same ring.
    for blocking in (True, False):
        rig, modem, sock = connected(Recorder(b"of the first one"), sockets=1)
        rig.sleep(100)
        assert sock.recv(1) == b"o"
        sock.close()
        rig.net.add("second.example", Recorder(b"of the second one"))
        second = modem.connect("second.example", 443, tls(modem))
        second.settimeout(5)
        sock.setblocking(blocking)
        rig.sleep(100)
        modem.pump()
        for name, args in (("recv", (9,)), ("read", (9,)), ("readline", ()), ("write", (b"x",))):
            e = raised(getattr(sock, name), *args)
            assert e.errno == errno.EBADF, (name, e)
        sock.close()
        assert sock.ioctl(3, POLL_RD) & (POLL_HUP | POLL_ERR)
        assert second.read(17) == b"of the second one"
        second.close()
        assert bytes(rig.net.conns[-1].peer.received) == b""
