# test_driver_receiving - late, wrong and missing answers, garbage, overrun, echo.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import HOST, Recorder, Watch, arm, connected, pattern, raised, tls, up
from ugsim.fakenet import FakeNet, SourcePeer

TIMEOUT_S = 600


def test_what_follows_the_data_shows_what_they_lack():
    # The count takes as many bytes of the line ends before OK.
    for form in ("long", "short"):
        for n in (1, 2):
            for place in ("payload", "trailer"):
                rig, modem, sock = connected(Recorder(), switches={"recv_trailer": form})
                rig.net.conns[-1].push(b"first")
                assert sock.read(5) == b"first"
                arm(rig, "lose in=%s at=1 bytes=%d" % (place, n))
                rig.net.conns[-1].push(b"second")
                e = raised(sock.read, 6)
                assert "bytes were lost" in str(e), (form, n, place, e)


def test_receive_error():
    rig, modem, sock = connected(Recorder())
    arm(rig, "recv_error n=0")
    rig.net.conns[-1].push(b"x" * 100)
    e = raised(sock.read, 100)
    assert e.phase == "receive", e
    sock.close()
    rig.model.command("clear")
    driver_kit.works(modem)


def test_answer_that_comes_late_is_not_taken_for_a_new_one():
    # Three reads of different data; the first answer comes during the second connection.
    for by in (6500, 8000, 12000, 30000):
        rig, modem, sock = connected(Recorder(b"first " * 50))
        assert sock.read(6) == b"first "
        rig.net.conns[-1].push(b"second" * 50)
        arm(rig, "delay what=final by=%d" % by)
        sock.settimeout(60)
        try:
            got = sock.read(600 - 6)
            assert got == b"first " * 49 + b"second" * 50
        except OSError:
            pass
        sock.close()
        rig.net.add("third.example", Recorder(b"third " * 50, True))
        third = modem.connect("third.example", 443, tls(modem))
        third.settimeout(60)
        assert third.read() == b"third " * 50
        third.close()


def late_answer(by, busy):
    # Each answer comes after its time-out; none is taken for that of another command.
    rig, modem = up(idle=Watch(), switches={"busy_input": busy, "reply_ms": 60})
    for ask in (modem.signal, modem.clock, modem.registration, modem.last_error):
        arm(rig, "delay what=final by=%d" % by)
        try:
            ask()
        except OSError as e:
            assert e.errno == errno.ETIMEDOUT, e
        for _ in range(3):
            try:
                assert modem.command("AT+CSQ") == [b"+CSQ: 21,0"]
                assert modem.command("AT+CFUN?") == [b"+CFUN: 1"]
                break
            except OSError as e:
                assert e.errno == errno.ETIMEDOUT, e
    driver_kit.works(modem)


def test_late_answers_of_commands():
    # "queue": what was typed meanwhile is answered after the late answer.
    for by in (5050, 5150, 5300, 5550, 7000, 10000):
        for busy in ("drop", "queue"):
            late_answer(by, busy)


def test_late_answer_of_every_step_of_a_connection():
    for step in range(1, 20):
        rig, modem = up()
        context = tls(modem)
        # Armed so that it strikes the n-th command from here on.
        count = [0]

        def event(kind, text, rig=rig, count=count, step=step):
            if kind == "at":
                count[0] += 1
                if count[0] == step:
                    arm(rig, "delay what=final by=6000")

        rig.model.on_event = event
        sock = None
        for _ in range(3):
            try:
                sock = modem.connect(HOST, 443, context, 60000)
                sock.settimeout(60)
                sock.write(pattern(200, step))
                assert sock.read(200) == pattern(200, step)
                sock.close()
                break
            except OSError as e:
                assert e.errno, e
                if sock is not None:
                    sock.close()
        else:
            raise AssertionError("no connection after a late answer at step %d" % step)
        assert rig.net.conns[-1].tls.seclevel == 1


def test_garbage_before_every_reply():
    for what in ("garbage", "long", "nul", "open"):
        for place in ("info", "final", "prompt", "echo"):
            rig, modem, sock = connected()
            arm(rig, "before what=%s before=%s" % (what, place))
            for i in range(4):
                try:
                    sock.write(pattern(400, i))
                    sock.flush()
                    assert sock.read(400) == pattern(400, i), (what, place)
                except OSError:
                    break
            sock.close()
            rig.sleep(20000)
            driver_kit.works(modem)


def test_endless_garbage_is_survived():
    watch = Watch()
    rig, modem, sock = connected(idle=watch)
    sock.settimeout(5)
    for junk in (b"\xff", b"\0", b"x", b"\r\n", b">", b"OK\r\n", b"ERROR\r\n", b"\n", b'"'):
        watch.start()
        for _ in range(200):
            rig.rx.append(junk * 100)
            modem.pump()
        try:
            sock.write(b"data")
            sock.read(4)
        except OSError:
            pass
        assert watch.stop() <= 100
        rig.rx.append(b"\r\n")
        modem.start("internet", timeout_ms=60000)
        driver_kit.works(modem)
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(5)


def test_overrun_is_detected():
    # No flow control and a ring of 256 bytes: bytes are lost, wrong data never come.
    lost = 0
    for rxbuf in (256, 600, 1000):
        source = SourcePeer(60000)
        rig, modem, sock = connected(source, baud=921600, rxbuf=rxbuf)
        sock.settimeout(20)
        got = 0
        buf = bytearray(1500)
        try:
            while got < 60000:
                rig.sleep(13)
                n = sock.readinto(buf, 1000)
                assert buf[:n] == source.byte_at(got, n), got
                got += n
        except OSError as e:
            assert e.phase == "receive", e
            lost += 1
            assert modem.stats.garbled or modem.stats.timeouts
        sock.close()
        rig.rxbuf = None
        driver_kit.works(modem)
    assert lost


class _Shown:
    # A UART that tells its sizes, as machine.UART does.
    def __init__(self, uart):
        self.any = uart.any
        self.readinto = uart.readinto
        self.write = uart.write

    def __str__(self):
        return "UART(0, baudrate=921600, bits=8, txbuf=2048, rxbuf=512)"


def test_a_ring_of_512_bytes_without_flow_control():
    # Where the UART tells its size start() refuses it; else bytes that are lost, as the program is
    # away for 13 ms at a time, are told by name, and what came is right.
    rig, modem = driver_kit.bare(FakeNet(SourcePeer(30000)), baud=921600, rxbuf=512)
    modem.link.uart = _Shown(rig.uart)
    e = raised(modem.start)
    assert e.errno == errno.EINVAL and "rxbuf is too small" in e.hint, e
    modem.link.uart = rig.uart
    modem.start(apn="internet")
    sock = modem.connect(HOST, 443, tls(modem))
    got = 0
    buf = bytearray(1500)

    def receive():
        nonlocal got
        while got < 30000:
            rig.sleep(13)
            n = sock.readinto(buf, 1000)
            assert buf[:n] == rig.net.default.byte_at(got, n), got
            got += n

    e = raised(receive)
    assert "did not come whole" in e.hint or "rxbuf" in e.hint, e
    assert modem.stats.garbled or modem.stats.timeouts
    sock.close()
    rig.rxbuf = None
    driver_kit.works(modem)


def test_echo_on_in_mid_session():
    rig, modem, sock = connected()
    assert modem.link.echo and rig.model.echo
    # Switched off behind the driver's back: a command without its echo is not believed.
    rig.model.command("echo off")
    e = raised(echoes, sock, 0)
    assert "another command" in str(e), e
    sock.close()
    assert modem.signal() == -71 and not modem.link.echo
    # The next connection has it on again.
    sock = modem.connect(HOST, 443, tls(modem))
    sock.settimeout(30)
    echoes(sock, 1)
    assert modem.link.echo and rig.model.echo
    # A modem that can't echo, and one that begins to, are lived with.
    for said, obeys in ((False, "never"), (True, "yes")):
        rig.model.command("switch echo_obeys " + obeys)
        rig.model.command("echo off")
        modem.start("internet")
        assert bool(modem.link.echo) == said
        sock = modem.connect(HOST, 443, tls(modem))
        sock.settimeout(30)
        for i in range(3):
            if not said:
                rig.model.command("switch echo_obeys yes")
                rig.model.command("echo " + ("off", "on")[i & 1])
            echoes(sock, i)
            assert modem.signal() == -71
            assert modem.command("AT+CGSN")[-1].isdigit()
        driver_kit.works(modem)


def echoes(sock, i):
    sock.write(pattern(300, i))
    assert sock.read(300) == pattern(300, i)
