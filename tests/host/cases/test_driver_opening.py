# test_driver_opening - what goes wrong when a connection is opened or closed.
# SPDX-License-Identifier: MIT

import errno
import sys

import driver_kit
import qssl
from driver_kit import HOST, MODEL, Log, Watch, arm, connected, raised, tls, up, works
from ugsim.fakenet import FakeNet, RefusingPeer, StallingPeer

LET_GO = "connect start files clock ask.codes"


def test_every_error_of_opening():
    rig, modem = up()
    context = tls(modem)
    for code in range(550, 575):
        if code in (563, 570, 572):  # tests of their own
            continue
        arm(rig, "open_code code=%d" % code)
        start = rig.now
        e = raised(modem.connect, HOST, 443, context)
        assert e.code == code and str(code) in str(e) and HOST in str(e), e
        assert rig.now - start < 1000
    for code in (550, 552, 553, 563, 568):
        arm(rig, "open_error code=%d n=0" % code)  # 563 is tried again as long as there is time
        e = raised(modem.connect, HOST, 443, context, 10000)
        assert e.code == code, e
        rig.model.command("clear")
    driver_kit.works(modem)


def test_a_refusal_by_cme_keeps_its_number():
    # AT+QIGETERROR knows nothing of it, or something else.
    rig, modem = up()
    context = tls(modem)
    for number, words in (
        (30, "no network service; try again, then restart it"),
        (552, "invalid parameters; a value is out of the firmware's range"),
        (999, "error 999, which no public document of the modem explains"),
    ):
        arm(rig, "cme cmd=+QSSLOPEN code=%d" % number)
        e = raised(modem.connect, HOST, 443, context)
        assert e.code == number and words in e.hint and "CME" not in e.hint, e
    arm(rig, "cme cmd=+QSSLOPEN code=3")
    arm(rig, "error cmd=+QIGETERROR")
    e = raised(modem.connect, HOST, 443, context)
    assert e.code == 3 and "operation not allowed; try again" in e.hint, e
    # Both give a number: both are told.

    def event(kind, text):
        if kind == "at" and text.startswith("AT+QSSLOPEN"):
            rig.model.last_error = 553

    rig.model.on_event = event
    arm(rig, "cme cmd=+QSSLOPEN code=30")
    e = raised(modem.connect, HOST, 443, context)
    rig.model.on_event = None
    assert e.code == 553 and "memory not enough" in e.hint, e
    assert e.hint.endswith("; +CME 30: no network service"), e
    arm(rig, "error cmd=+QSSLOPEN code=0 n=2")  # it is tried once more
    e = raised(modem.connect, HOST, 443, context)
    assert e.code == 0 and "without a reason; try again, then restart it" in e.hint, e
    driver_kit.works(modem)


def test_id_that_the_modem_still_holds():
    # What should have closed it was lost: it is closed and opened again, without a word.
    rig, modem = up(sockets=1)
    context = tls(modem)
    modem.connect(HOST, 443, context).close()
    modem.command('AT+QSSLOPEN=1,0,0,"%s",443,0' % HOST)
    rig.sleep(10)
    assert rig.model.sockets.slots[0].host == HOST
    log = Log(rig)
    driver_kit.works(modem)
    assert log.count("AT+QSSLOPEN=") == 2, log.at
    closes = 3 if MODEL == "bg770a" else 2  # which takes no time-out
    assert log.count("AT+QSSLCLOSE=0") == closes, log.at
    assert rig.model.sockets.slots[0] is None


def test_open_result_of_another_id_first():
    rig, modem = up()
    context = tls(modem)
    for other in (1, 5, 11):
        arm(rig, "open_other id=%d" % other)
        arm(rig, "delay what=open by=500")
        sock = modem.connect(HOST, 443, context)
        assert sock.id == 0
        sock.write(b"ok")
        assert sock.read(2) == b"ok"
        sock.close()


def test_open_result_before_ok():
    rig, modem = up()
    arm(rig, "open_early")
    ctx = tls(modem)
    start = rig.now
    sock = modem.connect(HOST, 443, ctx)
    assert rig.now - start < 2000
    sock.settimeout(5)
    rig.sleep(100)
    sock.write(b"early bird")
    assert sock.read(10) == b"early bird"


def test_a_state_that_lags_behind():
    for n in (1, 3):
        rig, modem = up()
        ctx = tls(modem)
        ctx.apply()
        arm(rig, "state_lags n=%d" % n)
        start = rig.now
        sock = modem.connect(HOST, 443, ctx)
        assert rig.now - start < 3000
        sock.settimeout(15)
        sock.write(b"hello")
        assert sock.read(5) == b"hello"
        arm(rig, "state_lags n=1")
        start = rig.now
        rig.net.conns[-1].peer_close()
        assert sock.read(1) == b"" and rig.now - start < 2000


def test_a_damaged_answer_about_the_state_ends_no_connection():
    # A byte of it lost or added, at every place, just when the connection has opened: the line
    # then may say closing, or another number of it stands where the state does.
    rig, modem = up()
    ctx = tls(modem)
    ctx.apply()
    for fault in ("lose", "insert byte=2c", "insert byte=35", "dup"):
        for at in range(24, 62):
            arm(rig, "%s in=info line=+QSSLSTATE at=%d" % (fault, at))
            sock = modem.connect(HOST, 443, ctx, 20000)
            sock.settimeout(1)
            e = raised(sock.recv, 1)
            assert e.errno == errno.ETIMEDOUT, (fault, at, e)
            sock.write(b"hi")
            assert sock.read(2) == b"hi", (fault, at)
            sock.close()
            rig.model.command("clear")


def test_open_result_that_never_comes():
    watch = Watch()
    rig, modem = up(idle=watch)
    context = tls(modem)
    context.apply()
    arm(rig, "open_never")
    start = rig.now
    watch.start()
    e = raised(modem.connect, HOST, 443, context, 20000)
    # AT+QSSLSTATE says that it is open: the way of the URC is what is wrong.
    assert "urc/port" in str(e) and "reachable" not in str(e), e
    assert rig.now - start < 12000 and watch.stop() <= 100
    driver_kit.works(modem)


def test_open_result_that_comes_too_late():
    rig, modem = up(sockets=1)
    context = tls(modem)
    context.apply()
    arm(rig, "delay what=open by=5000")
    raised(modem.connect, HOST, 443, context, 2000)
    rig.sleep(10000)
    driver_kit.works(modem)
    assert rig.model.sockets.slots[0] is None


def test_handshake_refused_and_stalled():
    net = FakeNet()
    net.add("refusing.example", RefusingPeer(566, "handshake"))
    net.add("stalling.example", StallingPeer("handshake"))
    net.names["nowhere.example"] = []
    rig, modem = up(net)
    context = tls(modem)
    e = raised(modem.connect, "refusing.example", 443, context)
    assert e.code == 566 and e.errno == errno.ECONNREFUSED and "CA" in str(e), e
    e = raised(modem.connect, "nowhere.example", 443, context)
    assert e.code == 565 and "name" in str(e), e
    start = rig.now
    e = raised(modem.connect, "stalling.example", 443, context)
    assert e.code == 569 and 59000 < rig.now - start < 62000, (e, rig.now - start)
    driver_kit.works(modem)


def test_close_that_is_refused_or_hangs():
    for fault, most in (("close_error", 100), ("close_error n=2", 100), ("close_hang", 14000)):
        watch = Watch()
        rig, modem, sock = connected(idle=watch, sockets=1)
        arm(rig, fault)
        start = rig.now
        watch.start()
        sock.close()
        assert rig.now - start <= most, (fault, rig.now - start)
        assert watch.stop() <= 100
        driver_kit.works(modem)


def test_an_id_in_use_is_not_taken_for_the_new_connection():
    # What should have closed it was refused; that it is in use, a URC tells (EG800K), while
    # AT+QSSLSTATE shows a connection: the old one.
    for refusals in (2, 4):
        rig, modem, sock = connected(sockets=1)
        rig.net.add("other.example", driver_kit.Recorder(b"new"))
        arm(rig, "open_busy")
        arm(rig, "close_error n=%d" % refusals)
        sock.close()
        other = None
        for _ in range(3):
            try:
                other = modem.connect("other.example", 443, tls(modem, 1))
                break
            except OSError as e:
                assert e.code == 563, e
        other.settimeout(10)
        assert other.read(3) == b"new"
        other.close()


def test_close_of_an_id_that_is_free():
    rig, modem, sock = connected(switches={"close_free_id": "error"})
    modem.command("AT+QSSLCLOSE=0")
    log = Log(rig)
    sock.close()
    assert log.count("AT+QSSLCLOSE=0") == 2, log.at  # asked again, and ERROR again
    assert modem.up and not modem.stats.timeouts
    driver_kit.works(modem)


def test_what_a_connection_needs_is_let_go():
    rig, modem, sock = connected()
    driver_kit.unload(LET_GO)
    keep = qssl.unload, qssl.__file__
    qssl.unload = driver_kit.unload
    try:
        qssl.__file__ = "/lib/qssl/__init__.py"  # compiled on the board: to do so again costs more
        sock.close()
        sock = modem.connect(HOST, 8883, tls(modem))
        assert "qssl.connect.sslcfg" in sys.modules and "qssl.connect.opening" in sys.modules
        qssl.__file__ = "/lib/qssl/__init__.mpy"
        sock.close()
        ctx = tls(modem)
        assert not left("connect files")
        assert raised(modem.tls, 0, ca=b"no PEM").errno == errno.EINVAL
        assert not left("connect files")
        sock = modem.connect(HOST, 8883, ctx)
        assert not left(LET_GO)
        assert len(left("modem socket")) == 2
        sock.write(b"ping")
        assert sock.read(4) == b"ping"
        works(modem)  # they come again
        assert modem.diagnose(HOST)
    finally:
        qssl.unload, qssl.__file__ = keep


def left(names):
    # Which of them are loaded: a module, or a folder and what is in it.
    parts = sorted(sys.modules)
    return [p for n in names.split() for p in parts if (p + ".").startswith("qssl." + n + ".")]
