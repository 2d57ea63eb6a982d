# test_driver_settings - TLS settings and uploads that fail or lie: no connection is made.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from certificate_kit import certificate
from driver_kit import HOST, Log, arm, connected, pattern, raised, tls, up
from ugsim.fakenet import EchoPeer, FakeNet

INSIDE = ("test_the_last_connection_closes_while_the_context_is_set",)

KEYS = ("sslversion", "ciphersuite", "seclevel", "cacert", "ignorelocaltime", "negotiatetime")


def test_setting_that_fails_refuses_the_connection():
    for key in KEYS:
        rig, modem = up()
        log = Log(rig)
        arm(rig, "cfg_error key=" + key)
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert e.phase == "tls" and key in str(e), e
        assert not log.count("AT+QSSLOPEN") and not rig.net.conns
        driver_kit.works(modem)


def test_setting_that_lies_refuses_the_connection():
    lies = ("0", "0X0005", "0", "RAM:other.pem", "7", "300")
    for key, value in zip(KEYS, lies):
        rig, modem = up()
        log = Log(rig)
        arm(rig, "cfg_lies key=%s value=%s" % (key, value))
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert e.phase == "tls" and key in str(e), e
        assert not log.count("AT+QSSLOPEN") and not rig.net.conns
        # Nor does the next attempt take the context for set.
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert key in str(e) and not rig.net.conns
        rig.model.command("clear")
        driver_kit.works(modem)
        assert rig.net.conns[-1].tls.seclevel == 1


def test_client_certificate_settings_are_checked_too():
    key = driver_kit.KEY
    for name in ("clientcert", "clientkey"):
        for fault in ("cfg_error key=%s", "cfg_lies key=%s value=RAM:x.pem"):
            rig, modem = up()
            arm(rig, fault % name)
            context = tls(modem, ca=driver_kit.CA, cert=driver_kit.CA, key=key, check_time=False)
            e = raised(modem.connect, HOST, 443, context)
            assert name in str(e) and not rig.net.conns, e
            rig.model.command("clear")
            modem.connect(HOST, 443, context).close()
            assert rig.net.conns[-1].tls.seclevel == 2
            assert rig.net.conns[-1].tls.key == key


def test_settings_are_told_once():
    # Before a connection is made while none of the context is open, one value is looked at: the
    # modem releases a context with its last connection (manual 2.2.5).
    rig, modem = up()
    context = tls(modem)
    modem.connect(HOST, 443, context).close()
    log = Log(rig)
    for _ in range(3):
        modem.connect(HOST, 443, context).close()
    looks = [text for text in log.at if text.startswith("AT+QSSLCFG")]
    assert looks == ['AT+QSSLCFG="seclevel",0'] * 3 and not log.count("AT+QF"), log.at
    modem.connect(HOST, 443, context)
    log = Log(rig)
    modem.connect(HOST, 443, context)
    assert not log.count("AT+QSSLCFG"), log.at


def test_settings_that_go_with_the_last_connection():
    suites = ((0x3D,), (0x35,))
    for auth in (True, False):
        rig, modem = up(switches={"context_release": "reset"})
        settings = {"ca": driver_kit.CA, "check_time": False}
        if not auth:
            settings = {"auth": False, "allow_weak": True}
        one = modem.tls(1, **settings)
        two = modem.tls(2, suite="AES256-SHA", **settings)
        for _ in range(3):
            socks = [modem.connect(HOST, 443, context) for context in (one, two)]
            for i in range(2):
                there = rig.net.conns[i - 2].tls
                assert there.version == 3 and there.suites == suites[i]
                assert there.seclevel == auth and there.negotiate_ms == 60000
            for sock in socks:
                sock.close()
                assert rig.model.sslctx[sock.ctx.id]["seclevel"] == 0
    # What can't be read any more refuses the connection.
    arm(rig, "cfg_lies key=ciphersuite value=0XFFFF n=9")
    opened = len(rig.net.conns)
    raised(modem.connect, HOST, 443, one)
    assert len(rig.net.conns) == opened


def test_damaged_uploads():
    for fault in ("upload_sum", "upload_short", "upload_short by=5", "file_changed"):
        rig, modem = up()
        arm(rig, fault + " n=2")
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert "upload" in str(e), e
        assert not rig.net.conns
        assert not rig.model.files.ram.names, "the damaged file is still there"
        driver_kit.works(modem)


def test_upload_that_fails():
    for code in (403, 409, 410, 420, 421):
        rig, modem = up()
        arm(rig, "cme cmd=AT+QFUPL code=%d" % code)
        e = raised(modem.connect, HOST, 443, tls(modem))
        assert e.code == code and "upload" in str(e), e
        driver_kit.works(modem)


def test_storage_is_full():
    rig, modem = up()
    rig.model.command("storage full")
    log = Log(rig)
    e = raised(modem.connect, HOST, 443, tls(modem))
    assert e.errno == errno.ENOMEM and "free" in str(e), e
    assert not log.count("AT+QFUPL")
    rig.model.command("storage free")
    driver_kit.works(modem)


def test_upload_of_every_size():
    # Around the pieces that are read, and +++ in the file, as base64 may have.
    for sign in (1, 2, 3, 40, 41, 42, 43, 44, 45, 46, 47, 48, 95, 96, 97, 900, 4000):
        rig, modem = up()
        ca = certificate("20200101000000Z", "20300101000000Z", sign=sign)
        modem.connect(HOST, 443, tls(modem, ca=ca, check_time=False)).close()
        assert rig.net.conns[-1].tls.ca == ca, sign
    ca = ca.replace(b"\nAAAA", b"\n++++")
    modem.connect(HOST, 443, tls(modem, 1, ca=ca, check_time=False)).close()
    assert rig.net.conns[-1].tls.ca == ca and ca.count(b"++++") > 50


def test_file_that_is_there_is_not_sent_again():
    rig, modem = up()
    modem.connect(HOST, 443, tls(modem)).close()
    modem.start("internet")
    log = Log(rig)
    modem.connect(HOST, 443, tls(modem)).close()
    assert not log.count("AT+QFUPL") and log.count("AT+QSSLCFG"), log.at


def test_echo_peer_after_all():
    # A connection that saw no fault saw none.
    rig, modem, sock = connected(EchoPeer())
    stats = modem.stats
    before = (stats.timeouts, stats.resyncs, stats.late, stats.noise, stats.unknown)
    for i in range(20):
        sock.write(pattern(1000, i))
        assert sock.read(1000) == pattern(1000, i)
    sock.close()
    after = (stats.timeouts, stats.resyncs, stats.late, stats.noise, stats.unknown)
    assert before == after and not stats.garbled, (before, after)


# --- a context that a connection takes along -----------------------------------------------------


def test_the_last_connection_closes_while_another_one_opens():
    # The modem may forget the settings of a context with its last connection (manual 2.2.5): it
    # must not have it closed between their being looked at and what goes by them.
    for n in range(60):
        rig, modem = up(FakeNet(EchoPeer()), switches={"context_release": "reset"}, sockets=4)
        ctx = tls(modem)
        first = modem.connect(HOST, 443, ctx)
        other = modem.connect(HOST, 443, tls(modem, 1))
        if n % 2:
            ctx._epoch = -1  # all is set again
        other.setblocking(False)
        other.write(bytes(100 + 20 * n))  # so that the AT port has other work
        second = modem.open(HOST, 443, ctx)
        if n % 3 == 0:
            other.write(bytes(500))
        first.setblocking(False)
        first.close()
        second.settimeout(30)
        second.write(b"x")
        second.flush()
        there, before = rig.net.conns[-1].tls, rig.net.conns[0].tls
        assert (there.seclevel, there.version, there.suites) == (1, 3, before.suites), n


def test_the_last_connection_closes_while_the_context_is_set():
    refused = 0
    for n in range(40):
        rig, modem = up(FakeNet(EchoPeer()), switches={"context_release": "reset"}, sockets=4)
        ctx = tls(modem)
        first = modem.connect(HOST, 443, ctx)
        first.setblocking(False)
        ctx._epoch = -1
        calls = [n]

        def idle(calls=calls, first=first):
            calls[0] -= 1
            if calls[0] == 0:
                first.close()

        modem.link.idle = idle
        try:
            second = modem.connect(HOST, 443, ctx)
        except OSError as e:
            assert e.phase == "tls", e
            assert not [conn for conn in rig.net.conns[1:] if conn.sent]
            refused += 1
            second = modem.connect(HOST, 443, ctx)
        second.settimeout(30)
        second.write(b"x")
        second.flush()
        there, before = rig.net.conns[-1].tls, rig.net.conns[0].tls
        assert (there.seclevel, there.version, there.suites) == (1, 3, before.suites), n
    assert refused
