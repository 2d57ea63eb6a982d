# test_ahead - what is typed before its turn, behind a token; sleeping while counted bytes come.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import (
    HOST,
    Log,
    Recorder,
    Watch,
    arm,
    connected,
    pattern,
    raised,
    reads,
    tls,
    works,
)
from qssl.socket import Socket
from ugsim.fakenet import EchoPeer, FakeNet, Peer, SinkPeer

TIMEOUT_S = 240
INSIDE = (
    "test_a_stream_of_reads_and_one_of_writes",
    "test_echo_and_prompt_together_or_apart",
    "test_small_writes_never_split_an_echo",
    "test_a_reader_that_is_interrupted",
    "test_a_sender_beside_a_reader_and_a_command",
)


class Source(Peer):
    # Sends n bytes.
    def __init__(self, n):
        self._n = n

    def on_open(self, conn):
        conn.push(pattern(self._n))


class Early:
    # Counts how often something was typed ahead: what the channel offers that the token then sent.
    def __init__(self, link):
        self.link = link
        self.uart = link.uart
        self.n = self.looks = 0
        self._rig = link.uart._rig
        link.uart = self

    def __getattr__(self, name):
        return getattr(self.uart, name)

    def any(self):
        # A look takes time, which the virtual clock does not know.
        self.looks += 1
        if not self.looks % 40:
            self._rig.sleep(1)
        return self.uart.any()

    def readinto(self, buf, n):
        return self.uart.readinto(buf, n)

    def write(self, buf, off, n):
        # Only what the machine types goes by way of link.out.
        self.n += self.link.out is None and buf is self.link.next
        return self.uart.write(buf, off, n)


class Deaf:
    # A poller that nothing wakes.
    def __init__(self, rig):
        self._rig = rig
        self.most = 0  # ms that it has slept at once

    def ipoll(self, ms):
        self.most = max(self.most, ms)
        self._rig.sleep(ms)
        return ()


def filled(sock, n, size):
    got = b""
    buf = bytearray(size)
    while len(got) < n:
        k = sock.readinto(buf)
        if not k:
            break
        got += buf[:k]
    return got


def test_a_stream_of_reads_and_one_of_writes():
    for baud in (115200, 921600):
        rig, modem, sock = connected(Source(30000), baud=baud)
        early = Early(modem.link)
        assert filled(sock, 30000, 1500) == pattern(30000)
        assert early.n >= 17, (baud, early.n)
        peer = Recorder()
        rig.net.add("sink.example", peer)
        sink = modem.connect("sink.example", 1, tls(modem))
        early.n = 0
        for at in range(0, 29200, 1460):
            sink.write(pattern(29200)[at : at + 1460])
        sink.flush()
        assert peer.received == pattern(29200)
        assert early.n >= 36, (baud, early.n)  # the payload, and the next command


def test_every_size_of_read_and_write():
    for baud in (0, 921600):
        for size in (1, 7, 64, 511, 512, 700, 1000, 1499, 1500, 1501, 4000):
            n = 9000 if size > 7 else 2000
            rig, modem, sock = connected(EchoPeer(), baud=baud)
            data = pattern(n, size)
            got = b""
            for at in range(0, n, size):
                piece = data[at : at + size]
                sock.write(piece)
                if size > 400 or at % 500 == 0:
                    got += reads(sock, at + len(piece) - len(got))
            assert got + reads(sock, n - len(got)) == data, (baud, size)
            sock.close()


def test_echo_and_prompt_together_or_apart():
    for baud in (0, 115200, 921600):
        for by in (0, 1, 2, 3, 5, 12, 40):
            peer = Recorder()
            rig, modem, sock = connected(peer, baud=baud)
            if by:
                arm(rig, "delay what=prompt by=%d n=0" % by)
            early = Early(modem.link)
            data = pattern(8 * 1460, by)
            sock.write(data)
            sock.flush()
            assert peer.received == data, (baud, by)
            # A prompt that comes while the driver looks at the echo is typed at as always.
            assert early.n >= 8 or not baud, (baud, by, early.n)


def test_small_writes_never_split_an_echo():
    # A program that writes while the exchange runs pumps at any byte of the echo.
    for nap in (1, 2, 3, 7):
        peer = Recorder()
        rig, modem, sock = connected(peer, baud=115200)
        parser = modem.link.parser
        split = 0
        data = pattern(20000)
        for at in range(0, len(data), 100):
            sock.write(data[at : at + 100])
            rig.sleep(nap)
            split += parser.echo is not None and parser.echo_at > 0
        sock.flush()
        assert peer.received == data
        assert split <= 2, (nap, split)


def test_an_exception_out_of_idle_loses_nothing():
    for baud in (0, 921600):
        for every in (2, 3, 5, 9):
            watch = Watch()
            rig, modem, sock = connected(Source(20000), idle=watch, baud=baud)
            calls = [0]

            def idle(calls=calls, every=every):
                calls[0] += 1
                if calls[0] % every == 0:
                    raise KeyboardInterrupt

            got = b""
            buf = bytearray(1500)
            modem.link.idle = idle
            while len(got) < 20000:
                try:
                    k = sock.recv_into(buf)
                except KeyboardInterrupt:
                    continue
                got += buf[:k]
            assert got == pattern(20000), (baud, every)
            assert calls[0] > 9 or not baud, calls  # it was interrupted


def test_a_reader_that_is_interrupted():
    class Shy(Socket):
        # Its reader is interrupted once, between the last byte and the copy.
        breaks = 0

        def _take(self, buf, n):
            if self.breaks == 1:
                self.breaks = 0
                raise KeyboardInterrupt
            self.breaks -= self.breaks > 0
            return Socket._take(self, buf, n)

    # What was asked for finds no room until the bytes before are read, or the socket is closed.
    for then in ("read", "close"):
        net = FakeNet(Source(20000))
        rig, modem, other = connected(EchoPeer())
        rig.net.add("source.example", Source(20000))
        sock = modem.connect("source.example", 1, tls(modem), make=Shy)
        assert net and sock.settimeout(10) is None
        sock.breaks = 3
        got = b""
        buf = bytearray(1500)
        broken = False
        while len(got) < 20000:
            try:
                k = sock.readinto(buf)
            except KeyboardInterrupt:
                broken = True
                rig.sleep(500)
                modem.pump()
                if then == "close":
                    break
                continue
            got += buf[:k]
        assert broken
        if then == "read":
            assert got == pattern(20000)
        sock.close()
        other.write(b"still there")
        assert other.read(11) == b"still there", then


def test_reads_in_reads():
    # Callbacks that read the same socket, another one, or write.
    rig, modem, sock = connected(Source(40000), baud=921600)
    rig.net.add("echo.example", EchoPeer())
    other = modem.connect("echo.example", 1, tls(modem))
    other.settimeout(20)
    calls = [0, 0]
    inner = bytearray(400)
    got = []

    def idle():
        calls[0] += 1
        if calls[1] or calls[0] % 7:
            return
        calls[1] = 1
        try:
            if calls[0] % 2:
                data = pattern(1500, calls[0])
                other.write(data)
                assert reads(other, 1500) == data
            else:
                got.append(bytes(inner[: sock.recv_into(inner)]))
        finally:
            calls[1] = 0

    modem.link.idle = idle
    buf = bytearray(1500)
    n = 0
    while n < 36000:
        k = sock.recv_into(buf)
        got.append(bytes(buf[:k]))
        n = sum([len(part) for part in got])
    # Whose bytes came first is not told; but none is lost, and none there twice.
    assert sorted(b"".join(got)) == sorted(pattern(40000)[:n])
    assert calls[0] > 50


def test_two_streams_take_turns():
    # One is read by a call that waits, the other one by its idle hook.
    rig, modem, first = connected(Source(60000), baud=921600)
    rig.net.add("second.example", Source(60000))
    second = modem.connect("second.example", 1, tls(modem))
    second.setblocking(False)
    log = Log(rig)
    buf = bytearray(1500)
    count = [0]

    def idle():
        count[0] += second.recv_into(buf) or 0

    modem.link.idle = idle
    assert len(filled(first, 45000, 1500)) == 45000
    ids = "".join([line[12] for line in log.at if line.startswith("AT+QSSLRECV=")])
    assert "000" not in ids and "111" not in ids, ids
    assert count[0] > 40000


def test_a_sender_beside_a_reader_and_a_command():
    rig, modem, sock = connected(Source(60000), baud=921600)
    log = Log(rig)
    waiting = modem.at.post(b"AT+CSQ", b"+CSQ: ")
    posted = [waiting]

    def idle():
        if posted[-1].result:
            posted.append(modem.at.post(b"AT+CSQ", b"+CSQ: "))

    modem.link.idle = idle
    assert filled(sock, 45000, 1500) == pattern(45000)
    assert len(posted) > 20
    kinds = "".join(["C" if line == "AT+CSQ" else "R" for line in log.at])
    assert "RRR" not in kinds, kinds


def test_it_sleeps_and_is_in_time():
    # At each rate: no more of the line is unused than a ms for each exchange, and the hook is
    # called each 100 ms.
    for baud in (9600, 19200, 57600, 115200, 460800):
        watch = Watch()
        n = 4500 if baud < 50000 else 30000
        rig, modem, sock = connected(Source(n), idle=watch, baud=baud, rxbuf=2048)
        rig.sleep(100)
        buf = bytearray(1500)
        sock.readinto(buf)
        start = rig.now
        watch.start()
        for _ in range(n // 1500 - 1):
            assert sock.readinto(buf) == 1500
        most = watch.stop()
        ms = rig.now - start
        least = (n - 1500) * 1546 * 10000 // (1500 * baud)
        # The simulated line moves bytes once a ms, and so takes up to two for a turn.
        assert ms <= least + (n // 1500) * (4 if baud > 50000 else 12), (baud, ms, least)
        assert most <= 100, (baud, most)
        assert rig.lost == 0


def test_a_rate_that_is_not_true():
    for rate in (1, 12, 92, 100000):
        for baud in (0, 115200):
            watch = Watch()
            rig, modem, sock = connected(EchoPeer(), idle=watch, baud=baud, rxbuf=2048)
            modem.link.rate = rate
            data = pattern(6000, rate)
            watch.start()
            got = b""
            for at in range(0, 6000, 1000):
                sock.write(data[at : at + 1000])
                got += reads(sock, 1000)
            assert got == data, (rate, baud)
            assert watch.stop() <= 100
            assert rig.lost == 0


def test_a_payload_that_stops():
    # Nothing comes any more in the middle of counted bytes: it sleeps until something does.
    rig, modem, sock = connected(Source(3000), baud=115200)
    sock.readinto(bytearray(1500))
    uart = modem.link.uart
    looks = [0]
    real = uart.any
    start = rig.now

    def look():
        looks[0] += 1
        return real() if rig.now > start + 1500 or rig.rx.size < 64 else 0

    uart.any = look
    modem.link._poll = Deaf(rig)
    assert sock.readinto(bytearray(1400)) == 1400
    ms = rig.now - start
    assert ms > 1500
    assert looks[0] < 3000, (looks, ms)


def test_long_sleep_while_an_answer_is_to_come():
    # Nothing else can be done until then. But a deadline is met, and the idle hook has its turn.
    watch = Watch()
    rig, modem, sock = connected(SinkPeer(), idle=watch)
    sock.write(pattern(100))
    sock.flush()
    poll = modem.link._poll = Deaf(rig)
    arm(rig, "delay what=send_ok by=2000")
    sock.settimeout(0.33)
    sock.write(pattern(100))
    watch.start()
    start = rig.now
    assert raised(sock.flush).errno == errno.ETIMEDOUT
    assert 330 <= rig.now - start <= 336, rig.now - start
    assert 40 <= poll.most <= 50, poll.most
    assert watch.stop() <= 60, watch.worst
    sock.settimeout(20)
    sock.flush()
    poll.most = 0
    assert raised(reads_late, sock).errno == errno.ETIMEDOUT
    assert poll.most <= 10, poll.most  # the wire is free: other work may become due


def reads_late(sock):
    sock.settimeout(0.2)
    return sock.recv(1)


def test_start_finds_the_rate():
    class Named:
        def __init__(self, uart):
            self._uart = uart

        def __getattr__(self, name):
            return getattr(self._uart, name)

        def __str__(self):
            return "UART(1, baudrate=460829, bits=8, parity=None, stop=1, rxbuf=2048)"

    from driver_kit import bare

    rig, modem = bare()
    modem.link.uart = Named(modem.link.uart)
    modem.start(apn="internet")
    assert modem.link.rate == 47
    sock = modem.connect(HOST, 1, tls(modem))
    sock.write(pattern(5000))
    assert reads(sock, 5000) == pattern(5000)


def test_other_bytes_as_many_as_the_token():
    # Where a prompt or SEND OK is waited for, as many other bytes come alone.
    data = pattern(300)
    for after_ms in range(0, 40, 5):
        peer = Recorder()
        rig, modem, sock = connected(peer, baud=(9600, 115200)[after_ms & 1])
        model = rig.model
        arm(rig, "delay what=prompt by=180 n=1")
        begin = rig.now
        sock.write(data)
        model.timers.at(begin + 50 + after_ms, lambda m=model: m.out.emit(b"\r\n+C", "urc"))
        model.timers.at(begin + 80 + after_ms, lambda m=model: m.out.emit(b"REG: 1\r\n", "urc"))
        sock.flush()
        assert peer.received == data, after_ms
        assert not modem.stats.timeouts and not modem.stats.garbled, after_ms
        arm(rig, "send_error n=1")
        arm(rig, "delay what=final by=200 n=1")
        sock.write(data)
        for ms in range(350, 500, 10):
            model.timers.at(rig.now + ms, lambda m=model: m.out.urc("+XYZABC"))
        assert raised(sock.close).errno, after_ms


def test_a_hook_that_takes_long_itself_has_its_next_turn_soon():
    watch = Watch(88)
    rig, modem, sock = connected(EchoPeer(), idle=watch, switches={"reply_ms": 300})
    watch.start()
    for n in (500, 1460, 3000):
        sock.write(pattern(n))
        sock.flush()
        assert reads(sock, n) == pattern(n)
    assert watch.calls > 5 and watch.stop() <= 100, watch.worst


def test_the_idle_hook_has_its_turn_while_bytes_come_slowly():
    for baud, rate in ((9600, 1), (19200, 1), (19200, 2), (57600, 5), (57600, 6)):
        for size in (90, 512, 700):
            watch = Watch()
            rig, modem, sock = connected(EchoPeer(), idle=watch, baud=baud, rxbuf=2048)
            modem.link.rate = rate  # bytes a ms: rounded, so it may be less than true
            for reply_ms in (0, 40):
                rig.model.command("set reply_ms=%d" % reply_ms)
                watch.start()
                sock.write(pattern(size))
                sock.flush()
                assert reads(sock, size) == pattern(size)
                assert watch.stop() <= 100, (baud, rate, size, watch.worst)


class Breaks:
    # In the place of a method of the UART: after n calls Ctrl-C comes, as the call ends.
    def __init__(self, method, n):
        self._method = method
        self.n = n

    def __call__(self, *args):
        value = self._method(*args)
        self.n -= 1
        if not self.n:
            raise KeyboardInterrupt
        return value


def test_an_interrupt_in_the_midst_of_an_exchange():
    # Bytes may have been typed, or read, that nobody knows of: nothing goes on as if they had not.
    data = b"\r\nAT+CFUN=1,1\r\nAT+QPOWD\r\n" * 60
    for name, step in (("write", 1), ("readinto", 5)):
        for n in range(1, 120, step):
            peer = Recorder()
            rig, modem, sock = connected(peer, baud=115200)
            rig.net.add("source.example", Source(4000))
            source = modem.connect("source.example", 1, tls(modem))
            log = Log(rig)
            breaks = Breaks(getattr(rig.uart, name), n)
            setattr(rig.uart, name, breaks)
            got = b""
            wrote = 0
            while wrote < len(data) and not (sock.why or source.why):
                try:
                    sock.write(data[wrote : wrote + 500])
                    wrote += 500
                    sock.flush()
                    got += source.recv(300)
                    modem.command("AT+CSQ")
                except (OSError, KeyboardInterrupt):
                    pass
            if breaks.n > 0:
                assert n > 15, (name, n)
                break
            assert got == pattern(4000)[: len(got)], (name, n)
            sent = peer.received
            assert sock.why or sent == data[: len(sent)], (name, n, sock.why)
            assert not [text for text in log.at if "CFUN" in text or "QPOWD" in text], (name, n)
            sock.setblocking(False)
            for each in (sock, source):
                try:
                    each.close()
                except OSError:
                    pass
            works(modem)
