# test_driver_stream - what a program sees of a connection: bytes, blocking, time-outs, polling.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import HOST, Log, Recorder, Watch, connected, pattern, raised, reads, tls, up
from ugsim.fakenet import EchoPeer, FakeNet, Peer, SinkPeer, SourcePeer, StallingPeer

TIMEOUT_S = 300

MIB = 1 << 20
BLOCKS = pattern(8191)  # a prime: no two pieces of 1460 or 1500 bytes are alike for long
URC = "fault before before=any n=0 text=%s"
POLL_RD, POLL_WR, POLL_ERR, POLL_HUP = 1, 4, 8, 16


class Checker(Peer):
    # Compares what arrives with the pattern.
    def __init__(self):
        self.count = 0
        self.wrong = None

    def on_data(self, conn, data):
        at = self.count
        want = (BLOCKS[at % 8191 :] + BLOCKS)[: len(data)]
        if data != want and self.wrong is None:
            self.wrong = at
        self.count += len(data)


class Dribble:
    # A UART that shows all it has and gives one byte a read.
    def __init__(self, uart):
        self._uart = uart
        self.any = uart.any
        self.write = uart.write

    def readinto(self, buf, n=None):
        return self._uart.readinto(buf, 1)


def down(total, faults=(), dribble=False, **keywords):
    source = SourcePeer(total, BLOCKS, True)
    rig, modem, sock = connected(source, **keywords)
    if dribble:
        modem.link.uart = Dribble(rig.uart)
    for fault in faults:
        assert rig.model.command(fault) == "ok"
    buf = bytearray(16384)
    got = 0
    while True:
        n = sock.readinto(buf)
        if not n:
            break
        assert buf[:n] == source.byte_at(got, n), (got, n)
        got += n
    assert got == total, got
    sock.close()
    return rig, modem


def sent(total, faults=(), dribble=False, **keywords):
    peer = Checker()
    rig, modem, sock = connected(peer, **keywords)
    if dribble:
        modem.link.uart = Dribble(rig.uart)
    for fault in faults:
        assert rig.model.command(fault) == "ok"
    at = 0
    step = 1000
    while at < total:
        n = min(step, total - at)
        piece = (BLOCKS[at % 8191 :] + BLOCKS)[:n]
        assert sock.write(piece) == n
        at += n
        step = step * 7 % 6007 + 1
    sock.close()
    rig.sleep(1000)
    assert peer.wrong is None and peer.count == total, (peer.wrong, peer.count)
    return rig, modem


# --- volume --------------------------------------------------------------------------------------


def test_one_mib_down():
    rig, modem = down(MIB)
    assert modem.stats.resyncs == 1 and not modem.stats.garbled and not modem.stats.timeouts


def test_one_mib_up():
    rig, modem = sent(MIB)
    assert modem.stats.resyncs == 1 and not modem.stats.timeouts


def test_one_mib_down_in_single_bytes():
    down(MIB, dribble=True)


def test_down_when_the_uart_never_shows_more_than_one_byte():
    down(20000, chunk=1)


def test_one_mib_up_in_single_bytes():
    sent(MIB, dribble=True)


def test_up_with_one_byte_a_write():
    sent(100000, chunk=1, write_max=1)


def test_one_mib_down_with_a_urc_before_every_reply():
    for text in ("+CREG: 1", '+QSSLURC: "recv",0', '+QSSLURC: "recv",11', "+CUSD: 2"):
        down(MIB // 4, (URC % text,))


def test_one_mib_up_with_a_urc_before_every_reply():
    for text in ("+CREG: 1", '+QSSLURC: "recv",0', '+QSSLURC: "closed",11', "+CUSD: 2"):
        sent(MIB // 4, (URC % text,))


def test_paced_at_115200_baud():
    for flow in (False, True):
        down(30000, baud=115200, rxbuf=2048, flow=flow)
        sent(30000, baud=115200, rxbuf=2048, flow=flow)


def test_small_pieces_of_every_size():
    for chunk in (2, 3, 5, 7, 16, 63, 64, 65, 255, 256, 257):
        down(8000, chunk=chunk)


def test_both_trailers_and_short_reads():
    for trailer in ("long", "short"):
        for size in (1, 2, 100, 1499):
            switches = {"recv_trailer": trailer}
            down(5000, ("fault recv_short size=%d" % size,), switches=switches)


# --- payload -------------------------------------------------------------------------------------


def test_every_byte_value_both_ways():
    rig, modem, sock = connected()
    data = bytes(range(256)) * 6
    sock.write(data)
    assert reads(sock, len(data)) == data
    for c in range(256):
        sock.write(bytes([c]) * 3)
        assert sock.read(3) == bytes([c]) * 3, c


def test_payload_that_looks_like_the_protocol_both_ways():
    for keywords in ({}, {"chunk": 1}, {"switches": {"recv_trailer": "short"}}):
        rig, modem, sock = connected(**keywords)
        unknown = modem.stats.unknown
        for data in driver_kit.LOOKALIKES:
            for text in (data, data * 3, b"x" + data, data + b"x"):
                sock.write(text)
                assert sock.read(len(text)) == text, text
        data = b"".join(driver_kit.LOOKALIKES)
        for i in range(len(data)):
            sock.write(data[i:])
        want = b"".join([data[i:] for i in range(len(data))])
        assert reads(sock, len(want)) == want
        assert modem.up and not modem.stats.garbled and modem.stats.unknown == unknown
        sock.close()


def test_echo_of_the_payload_is_harmless():
    # Not every firmware knows AT+QISDE (manual: not named), some echo the payload.
    rig, modem, sock = connected(switches={"payload_echo": "qisde"})
    rig.model.payload_echo = 1
    for data in (b"hello", b"x" * 1460, b"\r\nhello\r\n"):
        sock.write(data)
        assert reads(sock, len(data)) == data


# --- the end -------------------------------------------------------------------------------------


def test_eof_comes_after_the_last_unread_byte():
    for n in (1, 1499, 1500, 1501, 3000, 9000):
        rig, modem, sock = connected(Recorder(pattern(n), True))
        rig.sleep(500)
        modem.pump()
        assert sock.read() == pattern(n), n
        for _ in range(3):
            assert sock.recv(10) == b""
            assert sock.read(10) == b""
            assert sock.readinto(bytearray(5)) == 0
            assert sock.recv_into(bytearray(5)) == 0
            assert sock.readline() == b""
            assert sock.read() == b""
        sock.close()
        driver_kit.works(modem)


def test_closed_urc_before_the_data_is_announced():
    # The "recv" URC is missing, "closed" comes first (or alone).
    rig, modem = up(FakeNet(Recorder(pattern(4000), True)))
    context = tls(modem)
    context.apply()
    rig.model.command("fault recv_miss n=0")
    sock = modem.connect(HOST, 443, context)
    sock.settimeout(20)
    assert sock.read() == pattern(4000)
    assert sock.recv(1) == b""


def test_closed_without_data():
    rig, modem, sock = connected(Recorder())
    rig.sleep(100)
    modem.pump()
    rig.model.command("close 0")
    assert sock.recv(10) == b""


def test_closed_in_every_phase_of_reading():
    data = pattern(3000)
    for taken in (0, 1, 1499, 1500, 2999, 3000):
        rig, modem, sock = connected(Recorder(data))
        got = reads(sock, taken)
        rig.model.command("close 0")
        while True:
            part = sock.recv(700)
            if not part:
                break
            got += part
        assert got == data, (taken, len(got))


def test_closed_by_the_peer_then_write_fails():
    rig, modem, sock = connected(Recorder(b"bye", True))
    rig.sleep(100)
    modem.pump()
    assert sock.read(3) == b"bye"
    # It is known to be closed: no byte more is taken that nobody would get.
    for _ in range(2):
        e = raised(sock.write, b"more")
        assert e.errno == errno.ECONNRESET, e
    sock.close()
    driver_kit.works(modem)


def test_closed_while_sending_keeps_what_came_before():
    # The reply is there although the request ran into the closed connection.
    rig, modem, sock = connected(Recorder(b"early answer", True))
    try:
        sock.write(b"x" * 1000)
        sock.flush()
    except OSError:
        pass
    assert reads(sock, 12) == b"early answer"


def test_modem_that_drops_or_refuses_unread_data_ends_in_eof():
    for choice in ("drop", "error"):
        rig, modem, sock = connected(
            Recorder(pattern(4000), True), switches={"closed_keeps_data": choice}
        )
        got = sock.read()
        assert got == pattern(4000)[: len(got)]
        assert sock.recv(1) == b""
        sock.close()
        driver_kit.works(modem)


def test_connection_broken_by_the_peer():
    rig, modem, sock = connected(Recorder())
    modem.pump()
    rig.net.conns[-1].peer_reset()
    assert sock.recv(10) == b""


# --- time-outs -----------------------------------------------------------------------------------


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


def test_time_out_in_the_middle_fails_the_socket():
    for name, args in (("read", (10,)), ("readline", ())):
        watch = Watch()
        rig, modem, sock = connected(Recorder(b"half"), idle=watch)
        sock.settimeout(1)
        e = raised(getattr(sock, name), *args)
        assert e.errno == errno.ETIMEDOUT and "middle" in str(e), e
        raised(sock.recv, 1)
        raised(sock.write, b"x")
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
        assert rig.now - start <= 24100, rig.now - start
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


# --- not blocking --------------------------------------------------------------------------------


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
        for _ in range(100):
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
    sock = quiet(rig, modem.open, HOST, 443, context)
    sock.setblocking(False)
    assert quiet(rig, sock.write, b"early") == 5
    assert quiet(rig, sock.recv, 5) is None
    assert sock.state() == 0
    for _ in range(100):
        rig.sleep(10)
        quiet(rig, modem.pump)
    assert sock.state() == 1
    assert quiet(rig, sock.recv, 5) == b"early"


# --- polling -------------------------------------------------------------------------------------


def bits(sock, mask=POLL_RD | POLL_WR):
    return sock.ioctl(3, mask)


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
    for _ in range(10):
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
    modem.pump()
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


# --- merged writes -------------------------------------------------------------------------------


def test_small_writes_go_out_as_one_command():
    rig, modem, sock = connected()
    log = Log(rig)
    for i in range(19):
        assert sock.write(b"piece %02d " % i) == 9
    assert not log.count("AT+QSSLSEND")
    got = sock.read(19 * 9)
    assert got == b"".join([b"piece %02d " % i for i in range(19)])
    assert log.count("AT+QSSLSEND") == 1, log.at
    assert log.count("AT+QSSLSEND=0,171") == 1


def test_what_sends_the_merged_bytes():
    rig, modem, sock = connected(Recorder())
    peer = rig.net.default
    log = Log(rig)

    def more(function, *args):
        before = log.count("AT+QSSLSEND")
        sock.write(b"abc")
        assert log.count("AT+QSSLSEND") == before
        function(*args)
        for _ in range(10):
            rig.sleep(1)
            modem.pump()
        assert log.count("AT+QSSLSEND") == before + 1, (function, log.at)

    more(sock.flush)
    sock.setblocking(False)
    more(sock.recv, 1)
    more(sock.ioctl, 3, POLL_RD)
    more(sock.readinto, bytearray(4))
    more(sock.readline)
    sock.setblocking(True)
    more(sock.close)
    assert bytes(peer.received) == b"abc" * 6


def test_full_pieces():
    rig, modem, sock = connected(Recorder())
    log = Log(rig)
    data = pattern(1460 * 3 + 100)
    sock.write(data)
    sock.flush()
    commands = [at for at in log.at if "QSSLSEND" in at]
    assert commands == ["AT+QSSLSEND=0,1460"] * 3 + ["AT+QSSLSEND=0,100"], commands
    rig.sleep(10)
    assert bytes(rig.net.default.received) == data


def test_nothing_is_sent_for_nothing():
    rig, modem, sock = connected(Recorder())
    log = Log(rig)
    assert sock.write(b"") == 0
    sock.flush()
    sock.flush()
    assert sock.write(b"abc", 0) == 0
    sock.flush()
    assert not log.count("AT+QSSLSEND"), log.at


def test_write_forms():
    for write, want in (
        (lambda s: s.write(b"hello"), b"hello"),
        (lambda s: s.write(bytearray(b"hello")), b"hello"),
        (lambda s: s.write(memoryview(b"hello")[1:4]), b"ell"),
        (lambda s: s.write("h\u00e4"), b"h\xc3\xa4"),
        (lambda s: s.write(b"hello", 3), b"hel"),
        (lambda s: s.write(b"hello", 9), b"hello"),
        (lambda s: s.write(b"hello", 1, 3), b"ell"),
        (lambda s: s.write(b"hello", 3, 9), b"lo"),
        (lambda s: s.send(b"hello"), b"hello"),
    ):
        rig, modem, sock = connected()
        n = write(sock)
        assert n == len(want), (want, n)
        assert sock.read(len(want)) == want, want
    rig, modem, sock = connected()
    assert sock.sendall(b"hello") is None
    assert sock.read(5) == b"hello"


def test_write_keeps_its_own_copy():
    rig, modem, sock = connected()
    data = bytearray(b"first")
    sock.write(data)
    data[:] = b"XXXXX"
    assert sock.read(5) == b"first"


# --- reading -------------------------------------------------------------------------------------


def test_read_forms():
    text = b"line one\nline two\r\n\nrest"
    rig, modem, sock = connected(Recorder(text * 20, True))
    assert sock.readline() == b"line one\n"
    assert sock.readline() == b"line two\r\n"
    assert sock.readline() == b"\n"
    assert sock.read(4) == b"rest"
    assert sock.readline(4) == b"line"
    assert sock.readline(100) == b" one\n"
    assert sock.readline(0) == b""
    assert sock.read(0) == b""
    buf = bytearray(8)
    assert sock.readinto(buf) == 8 and buf == b"line two"
    assert sock.readinto(buf, 2) == 2 and buf == b"\r\nne two"
    assert sock.recv_into(buf, 1) == 1 and buf[0] == 10
    assert sock.recv_into(buf, 4) == 4 and buf[:4] == b"rest"
    assert sock.recv(1) == b"l"
    assert sock.readinto(memoryview(buf)[2:5]) == 3 and buf[2:5] == b"ine"
    assert sock.read() == b" one\nline two\r\n\nrest" + text * 17
    assert sock.readline() == b""


def test_line_longer_than_the_ring():
    line = b"x" * 4000 + b"\n"
    rig, modem, sock = connected(Recorder(line + b"next\n", True))
    assert sock.readline() == line
    assert sock.readline() == b"next\n"


def test_last_line_without_its_end():
    rig, modem, sock = connected(Recorder(b"one\ntwo", True))
    assert sock.readline() == b"one\n"
    assert sock.readline() == b"two"
    assert sock.readline() == b""


def test_read_of_more_than_the_ring_holds():
    for n in (1499, 1500, 1501, 4096, 10000):
        data = pattern(n)
        rig, modem, sock = connected(Recorder(data))
        assert sock.read(n) == data
        rig, modem, sock = connected(Recorder(data))
        buf = bytearray(n)
        assert sock.readinto(buf) == n and buf == data


def test_read_short_at_the_end_of_the_stream():
    rig, modem, sock = connected(Recorder(b"abc", True))
    assert sock.read(10) == b"abc"
    assert sock.read(10) == b""


# --- several sockets -----------------------------------------------------------------------------


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


# --- ids -----------------------------------------------------------------------------------------


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


# --- URCs that lie -------------------------------------------------------------------------------


def test_missing_recv_urc():
    watch = Watch()
    rig, modem, sock = connected(Recorder(), idle=watch)
    sock.settimeout(15)
    for i in range(5):
        rig.model.command("fault recv_miss")
        rig.net.conns[-1].push(b"data %d" % i)
        start = rig.now
        assert sock.read(6) == b"data %d" % i
        assert rig.now - start <= 10100, rig.now - start


def test_missing_recv_urc_for_a_socket_that_is_only_polled():
    rig, modem, sock = connected(Recorder())
    sock.setblocking(False)
    rig.model.command("fault recv_miss")
    rig.net.conns[-1].push(b"data")
    for _ in range(110):
        rig.sleep(100)
        if bits(sock, POLL_RD):
            break
    assert sock.recv(9) == b"data"


def test_recv_urc_that_is_not_repeated():
    # Edge-triggered: one URC for many arrivals until the buffer was read empty.
    for rearm in ("empty", "zero", "always"):
        rig, modem, sock = connected(Recorder(), switches={"recv_rearm": rearm})
        sock.settimeout(5)
        conn = rig.net.conns[-1]
        for i in range(20):
            conn.push(pattern(2000, i))
            rig.sleep(7)
            start = rig.now
            assert sock.read(1000) == pattern(2000, i)[:1000]
            conn.push(b"+")
            assert sock.read(1001) == pattern(2000, i)[1000:] + b"+"
            assert rig.now - start < 1000


def test_duplicate_and_foreign_urcs():
    rig, modem, sock = connected()
    sock.settimeout(5)
    for text in (
        '+QSSLURC: "recv",0',
        '+QSSLURC: "recv",1',
        '+QSSLURC: "recv",11',
        '+QSSLURC: "recv",99',
        '+QSSLURC: "recv",-1',
        '+QSSLURC: "recv",',
        '+QSSLURC: "recv"',
        '+QSSLURC: "closed",1',
        '+QSSLURC: "closed",11',
        '+QSSLURC: "closed",x',
        '+QSSLURC: "security",1,1',
        '+QSSLURC: "unknown",0',
        "+QSSLURC: ",
        "+QSSLURC: 0",
        "+QSSLOPEN: 0,0",
        "+QSSLOPEN: 0,566",
        "+QSSLOPEN: 1,0",
        "+QSSLOPEN: 11,566",
        "+QSSLOPEN: ",
        '+QIURC: "pdpdeact",2',
        '+QIURC: "pdpdeact",',
        '+QIURC: "incoming full"',
        "+QIURC: ",
        "RDYX",
        "+CREG: 2",
        "+CUSD: 2",
        "RING",
        "NO CARRIER",
        "OK",
        "ERROR",
        "SEND OK",
        "CONNECT",
        "> ",
    ):
        rig.model.command("say " + text)
        rig.sleep(1)
        modem.pump()
        sock.write(b"still alive")
        assert sock.read(11) == b"still alive", text
    assert modem.up


def test_urc_for_a_closed_id_is_nothing():
    rig, modem, sock = connected()
    sock.close()
    for text in ('+QSSLURC: "recv",0', '+QSSLURC: "closed",0', "+QSSLOPEN: 0,0"):
        rig.model.command("say " + text)
        modem.pump()
    driver_kit.works(modem)


def test_security_urc():
    for then in ("yes", "no"):
        rig, modem, sock = connected(Recorder(), switches={"security_then_closed": then})
        rig.model.command("security 0 2")
        e = raised(sock.recv, 1)
        assert e.phase == "tls" and e.code == 2, (e, e.code)
        raised(sock.write, b"x")
        sock.close()
        driver_kit.works(modem)
