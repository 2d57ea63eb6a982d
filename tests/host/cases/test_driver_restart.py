# test_driver_restart - the modem restarts, loses power or hangs at every byte of a session.
# SPDX-License-Identifier: MIT

import errno
import sys

import driver_kit
from driver_kit import HOST, RAM, Log, Recorder, Watch, connected, pattern, raised, tls
from driver_session import Session

FAST = sys.implementation.name == "cpython"  # MicroPython takes fewer places

TIMEOUT_S = 600


def session_at(at, do):
    session = Session()
    session.powered = False
    rig = session.rig
    assert rig.model.command("fault cut at=%d do=%s" % (at, do)) == "ok"
    try:
        fine = session.run()
        rig.model.command("clear")
        if do == "off":
            rig.model.command("power on")
        rig.sleep(6000)
        session.modem.pump()
        session.recovers()
    except BaseException:
        print("cut at byte", at, "do", do, session.errors)
        raise
    return fine


def length():
    session = Session()
    before = session.rig.model.out.total
    assert session.run()
    return session.rig.model.out.total - before


def test_restart_at_every_place():
    n = length()
    fine = [session_at(at, "restart") for at in range(1, n, 3 if FAST else 11)]
    assert fine.count(True) < 10, fine


def test_power_lost_at_every_place():
    for at in range(1, length(), 23 if FAST else 53):
        session_at(at, "off")


def test_mute_for_ever_at_every_place():
    # Every call ends within its deadline, and the idle hook runs (Session checks both).
    for at in range(2, length(), 23 if FAST else 53):
        session_at(at, "mute")


def test_mute_in_every_call():
    # As above, with the idle hook measured to the millisecond.
    def calls(modem, sock, context):
        return (
            (lambda: sock.recv(10), 3000),
            (lambda: sock.read(10), 3000),
            (sock.readline, 3000),
            (lambda: sock.readinto(bytearray(9)), 3000),
            (lambda: sock.write(b"x" * 5000), 3000),
            (sock.flush, 3000),
            (sock.close, 14000),
            (lambda: modem.connect(HOST, 443, context, 3000), 3000),
            (lambda: modem.connect(HOST, 443, tls(modem, 2), 3000), 3000),
            (modem.signal, 5000),
            (modem.registration, 10000),
            (modem.clock, 5000),
            (lambda: modem.command("ATI", timeout_ms=700), 700),
            (modem.last_error, 5000),
            (lambda: modem.start("internet", timeout_ms=8000), 8000),
        )

    for i in range(15):
        watch = Watch()
        rig, modem, sock = connected(Recorder(), idle=watch)
        context = tls(modem)
        context.apply()
        sock.settimeout(3)
        sock.write(b"waits")
        rig.model.command("fault mute")
        function, limit = calls(modem, sock, context)[i]
        start = rig.now
        watch.start()
        try:
            function()
        except OSError as e:
            assert e.errno, e
        assert rig.now - start <= limit + 20, (i, rig.now - start)
        assert watch.stop() <= 100, (i, watch.worst)
        if rig.now - start > 10:
            assert watch.calls >= (rig.now - start) // 100, i
        rig.model.command("clear")
        modem.start("internet", timeout_ms=60000)
        driver_kit.works(modem)


def test_restart_is_told_once_to_everybody():
    rig, modem = driver_kit.up(sockets=3)
    context = tls(modem)
    socks = [modem.connect(HOST, 443, context) for _ in range(3)]
    rig.model.command("restart")
    rig.sleep(5000)
    modem.sleep_ms(200)
    assert not modem.up
    for sock in socks:
        e = raised(sock.recv, 10)
        assert e.errno == errno.ECONNRESET and "start()" in str(e), e
        sock.close()
    e = raised(modem.connect, HOST, 443, context)
    assert "start()" in str(e), e
    modem.start("internet")
    driver_kit.works(modem)
    assert modem.stats.restarts == 1


def test_contexts_and_files_are_put_back_after_a_restart():
    rig, modem, sock = connected()
    context = tls(modem, 3)
    modem.connect(HOST, 443, context).close()
    rig.model.command("restart")
    rig.sleep(5000)
    modem.pump()
    modem.start("internet")
    log = Log(rig)
    modem.connect(HOST, 443, context).close()
    assert log.count("AT+QFUPL") == RAM and log.count('AT+QSSLCFG="seclevel",3,1') == 1, log.at
    assert rig.net.conns[-1].tls.seclevel == 1 and rig.net.conns[-1].tls.ca == driver_kit.CA


def test_restart_in_a_payload_hides_rdy():
    # What the modem says at its start is taken for the rest of the payload. The driver must not
    # stay in a state from which only luck leads on.
    for size in (1400, 300, 60):
        rig, modem, sock = connected(Recorder())
        sock.settimeout(20)
        conn = rig.net.conns[-1]
        conn.push(pattern(10))
        assert sock.read(10) == pattern(10)
        rig.model.command("fault cut at=20 in=payload do=restart")
        conn.push(pattern(size))
        raised(sock.read, size)
        rig.sleep(10000)
        sock.close()
        context = tls(modem)
        for _ in range(3):
            if modem.up:
                try:
                    modem.connect(HOST, 443, context, 20000).close()
                    break
                except OSError as e:
                    last = e
            else:
                modem.start("internet", timeout_ms=60000)
        else:
            raise AssertionError("the program was never told to call start(): %s" % last)
        assert rig.net.conns[-1].tls.seclevel == 1


def test_powered_down():
    for text in ("POWERED DOWN", "NORMAL POWER DOWN", "RDY"):
        # A text from outside that reads so changes nothing.
        rig, modem, sock = connected()
        rig.model.command("say " + text)
        sock.write(b"still here")
        assert sock.read(10) == b"still here" and modem.up and not modem.stats.restarts
    rig, modem, sock = connected()
    rig.model.power.shut_down()
    e = raised(sock.recv, 1)
    assert not modem.up
    e = raised(modem.start, "internet", timeout_ms=5000)
    assert e.errno == errno.ETIMEDOUT and "power" in str(e), e


def drop(rig, quiet=False):
    assert rig.model.command("pdp drop 1" + (" quiet" if quiet else "")) == "ok"


def test_pdp_context_lost():
    for also in ("yes", "no"):
        keywords = {"switches": {"pdpdeact_also_closed": also}}
        # idle
        rig, modem, sock = connected(**keywords)
        drop(rig)
        modem.sleep_ms(100)
        e = raised(sock.write, b"x")
        assert not modem.up and "start()" in str(e) and e.errno == errno.ENOTCONN, e
        sock.close()
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert "start()" in str(e), e
        modem.start("internet")
        driver_kit.works(modem)
        # while a call waits for data
        rig, modem, sock = connected(Recorder(), **keywords)
        rig.model.timers.at(rig.now + 500, lambda rig=rig: drop(rig))
        e = raised(sock.recv, 10)
        assert rig.now < 3000 and e.errno == errno.ENOTCONN, e
        sock.close()
        modem.start("internet")
        driver_kit.works(modem)
        # with data unread
        rig, modem, sock = connected(Recorder(pattern(800)), **keywords)
        rig.sleep(50)
        assert sock.read(1) == pattern(1)
        drop(rig)
        assert sock.read(799) == pattern(800)[1:]
        raised(sock.recv, 1)
        sock.close()
        modem.start("internet")
        driver_kit.works(modem)
        # while it sends
        rig, modem, sock = connected(Recorder(), **keywords)
        rig.model.command("fault delay what=send_ok by=2000")
        sock.write(b"x" * 100)
        rig.model.timers.at(rig.now + 500, lambda rig=rig: drop(rig))
        sock.settimeout(10)
        try:
            sock.flush()
        except OSError:
            pass
        raised(sock.recv, 1)
        sock.close()
        modem.start("internet")
        driver_kit.works(modem)


def test_pdp_context_lost_while_opening():
    net = driver_kit.FakeNet(latency_ms=2000)
    rig, modem = driver_kit.up(net)
    context = tls(modem)
    context.apply()
    rig.model.timers.at(rig.now + 1000, lambda rig=rig: drop(rig))
    e = raised(modem.connect, HOST, 443, context)
    assert e.code == 570 or e.errno == errno.ENOTCONN, e
    assert not modem.up
    modem.start("internet")
    driver_kit.works(modem)


def test_pdp_context_lost_without_a_word():
    # No URC: connect() finds out and the program is told what to do.
    rig, modem, sock = connected(switches={"pdpdeact_also_closed": "no"})
    sock.close()
    drop(rig, True)
    e = raised(modem.connect, HOST, 443, tls(modem))
    assert e.errno == errno.ENOTCONN and "start()" in str(e), e
    assert not modem.up
    modem.start("internet")
    driver_kit.works(modem)


def test_a_context_lost_without_a_word_is_no_end_of_the_stream():
    # "closed" comes for this, too (manual 2.3.2).
    for held in (0, 900):
        rig, modem, sock = connected(Recorder(pattern(2000)))
        assert sock.read(1100) == pattern(2000)[:1100]
        if not held:
            assert sock.read(900) == pattern(2000)[1100:]
        drop(rig, True)
        rig.model.command('say +QSSLURC: "closed",0')
        if held:
            assert sock.read(900) == pattern(2000)[1100:]
        e = raised(sock.recv, 1)
        assert e.errno == errno.ENOTCONN and "PDP context was lost" in str(e), e
        assert not modem.up
    rig, modem, sock = connected(Recorder(pattern(9)))
    rig.net.default.conn.peer_close()
    assert sock.read(9) == pattern(9) and sock.read(9) == b"" and modem.up


def test_pdp_context_of_somebody_else():
    rig, modem, sock = connected()
    rig.model.command('say +QIURC: "pdpdeact",7')
    sock.write(b"alive")
    assert sock.read(5) == b"alive" and modem.up
