# test_manual_driver - what the driver types and understands, along the manual: ranges, forms,
# limits, and the examples of chapter 3.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import (
    CA,
    HOST,
    KEY,
    LTE,
    MODEL,
    RAM,
    Log,
    Recorder,
    Watch,
    bare,
    connected,
    pattern,
    raised,
    tls,
    up,
    works,
)
from qssl.family import table as family_of
from qssl.wire.dialect import CTX_MAX
from ugsim.fakenet import EchoPeer, FakeNet, ScriptPeer, SinkPeer, SourcePeer

INSIDE = ("test_every_version_and_suite_of_the_tables",)

CLOSE = "AT+QSSLCLOSE=0" if MODEL == "bg770a" else "AT+QSSLCLOSE=0,10"
SERVER = "220.180.239.201"  # of chapter 3
REQUEST = b"GET /4M.txt HTTP/1.1\r\nHOST: 220.180.239.201:8011\r\n\r\n"
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 4220216\r\nContent-Type: text/plain\r\n\r\n"


def last(rig):
    return rig.net.conns[-1].tls


def starting(log, text):
    return [line for line in log.at if line.startswith(text)]


# --- 1.1: tables 1 and 2 ---


def test_every_version_and_suite_of_the_tables():
    from qssl.connect import sslcheck as table

    rig, modem = up()
    log = Log(rig)
    for name, (version, _) in table.VERSIONS.items():
        for suite, (number, _) in table.SUITES.items():
            context = modem.tls(
                2, ca=CA, version=name, suite=suite, check_time=False, allow_weak=True
            )
            modem.connect(HOST, 443, context).close()
            assert 'AT+QSSLCFG="sslversion",2,%d' % version in log.at, name
            assert 'AT+QSSLCFG="ciphersuite",2,"%s"' % number in log.at, suite
            assert last(rig).version == version
            six = (0x35, 0x2F, 0x05, 0x04, 0x0A, 0x3D)
            assert last(rig).suites == (six if suite == "all" else (int(number[2:], 16),))
            log.at.clear()
    assert sorted([v for v, _ in table.VERSIONS.values()]) == [0, 1, 2, 3, 4]
    assert len(table.SUITES) == 7


# --- 2.1 ---


def test_the_four_forms_of_a_command():
    rig, modem, sock = connected()
    assert modem.command("AT+QSSLRECV=?", b"+QSSLRECV: ") == [
        b"(0-11),(0-1500)" if rig.model.family.recv_zero else b"(0-11),(1-1500)"
    ]
    assert modem.command("AT+QIACT?", b"+QIACT: ") == [b'1,1,1,"10.7.157.1"']
    assert modem.command('AT+QSSLCFG="seclevel",3,2') == []
    assert modem.command('AT+QSSLCFG="seclevel",3') == [b'+QSSLCFG: "seclevel",3,2']
    assert len(modem.command("AT+QSSLSTATE")) == 1
    assert raised(modem.command, 'AT+QSSLCFG="seclevel",3,4').errno == errno.EIO
    assert modem.last_error() == 552
    works(modem)


# --- 2.2.1 ---


def test_every_parameter_of_an_ssl_context():
    for ctx in range(CTX_MAX + 1):
        rig, modem = up()
        modem.clock((2025, 1, 1, 0, 0, 0))
        full = {"ca": CA, "cert": CA, "key": KEY}
        for settings, level, ignored, seconds in (
            ({"ca": CA}, 1, False, 60),
            (full, 2, False, 60),
            ({"ca": CA, "check_time": False, "negotiate_s": 10}, 1, True, 10),
            ({"auth": False, "allow_weak": True, "negotiate_s": 300}, 0, False, 300),
            (dict(full, where="UFS:"), 2, False, 60),
        ):
            modem.connect(HOST, 443, modem.tls(ctx, **settings)).close()
            seen = last(rig)
            assert (seen.seclevel, seen.ignore_time) == (level, ignored), settings
            assert seen.negotiate_ms == seconds * 1000
            if "cert" in settings:
                assert (seen.ca, seen.cert, seen.key) == (CA, CA, KEY)
            values = rig.model.sslctx[ctx]
            begin = settings.get("where", "RAM:")
            if LTE and not (RAM and begin == "RAM:"):
                begin = family_of(modem).flash
            assert values["cacert"].startswith(begin)
        works(modem)


# --- 2.2.2 ---


def test_the_ends_of_every_range_of_qsslopen():
    rig, modem = up(sockets=12)
    assert modem.activate(20, "twentieth") == "10.7.157.20"
    context = modem.tls(5, ca=CA, check_time=False)
    log = Log(rig)
    modem.connect(HOST, 1, context)
    modem.connect("192.0.2.1", 65535, context, pdp=20)
    modem.connect(HOST, 443, context, push=True)
    socks = [modem.connect(HOST, 443, context) for _ in range(9)]
    opens = starting(log, "AT+QSSLOPEN")
    assert opens[:3] == [
        'AT+QSSLOPEN=1,5,0,"server.example",1,0',
        'AT+QSSLOPEN=20,5,1,"192.0.2.1",65535,0',
        'AT+QSSLOPEN=1,5,2,"server.example",443,1',
    ]
    assert opens[-1] == 'AT+QSSLOPEN=1,5,11,"server.example",443,0'
    assert [s.id for s in modem.state()] == list(range(12)) and socks[-1].id == 11


def test_an_open_without_result_is_closed_after_150_seconds():
    from ugsim.fakepeers import StallingPeer

    for how in ("stalls", "refused"):
        watch = Watch(90)
        rig, modem = up(idle=watch)
        context = tls(modem)
        context.apply()
        if how == "refused":
            # ERROR at once: AT+QIGETERROR tells why.
            rig.model.command("fault open_error code=553")
            assert raised(modem.connect, HOST, 443, context).code == 553
            continue
        rig.net.add(HOST, StallingPeer())
        context = tls(modem, ca=CA, check_time=False, negotiate_s=300)
        context.apply()
        log = Log(rig)
        start = rig.now
        assert raised(modem.connect, HOST, 443, context).errno == errno.ETIMEDOUT
        assert 150000 <= rig.now - start < 150200
        modem.sleep_ms(100)
        assert log.at[-1].startswith("AT+QSSLCLOSE=0")
        assert modem.state() == []
        works(modem)


# --- 2.2.3, 2.2.4 ---


def test_lengths_of_send_and_receive():
    rig, modem, sock = connected(SinkPeer())
    log = Log(rig)
    for n in (1, 1459, 1460, 1461, 5000):
        sock.write(pattern(n))
        sock.flush()
    sizes = [int(line.split(",")[1]) for line in starting(log, "AT+QSSLSEND")]
    assert sizes == [1, 1459, 1460, 1460, 1, 1460, 1460, 1460, 620]
    rig, modem, sock = connected(SourcePeer(20000))
    log = Log(rig)
    assert len(sock.read(20000)) == 20000
    sizes = [int(line.split(",")[1]) for line in starting(log, "AT+QSSLRECV")]
    assert min(sizes) >= 1 and max(sizes) == 1500


def test_a_read_that_finds_nothing():
    # +QSSLRECV: 0
    rig, modem, sock = connected(Recorder())
    sock.settimeout(2)
    assert modem.command("AT+QSSLRECV=0,1500", b"+QSSLRECV: ") == [b"0"]
    rig.model.command('say +QSSLURC: "recv",0')
    assert raised(sock.recv, 1).errno == errno.ETIMEDOUT
    rig.net.conns[-1].push(b"x")
    assert sock.recv(5) == b"x"


# --- 2.3.2, 2.2.6 ---


def test_a_closed_connection_is_closing_until_it_is_closed():
    for how in ("close 0", "pdp drop 1", "security 0 3"):
        rig, modem, sock = connected(Recorder())
        rig.model.command(how)
        modem.pump()
        assert modem.state(0).state == "closing", how
        try:
            sock.close()
        except OSError:
            assert how != "close 0"
        modem.sleep_ms(50)
        assert modem.state(0) is None, how
        modem.start("internet")
        works(modem)


# --- chapter 3 ---


def configured(net=None):
    # 3.1, 3.2
    rig, modem = bare(net, sockets=12)
    log = Log(rig)
    modem.start("UNINET", auth=1)
    context = modem.tls(
        1, ca=CA, version="TLS1.0", suite="AES256-SHA", check_time=False, allow_weak=True
    )
    context.apply()
    return rig, modem, context, log


def server():
    return FakeNet(ScriptPeer([("expect", REQUEST), ("send", REPLY)]))


def test_3_1_and_3_2_configuration():
    rig, modem, context, log = configured()
    for line in (
        'AT+QICSGP=1,1,"UNINET","","",1',
        "AT+QIACT=1",
        "AT+QIACT?",
        'AT+QSSLCFG="sslversion",1,1',
        'AT+QSSLCFG="ciphersuite",1,"0X0035"',
        'AT+QSSLCFG="seclevel",1,1',
    ):
        assert line in log.at, line
    path = starting(log, 'AT+QSSLCFG="cacert",1,"RAM:')[0].split('"')[3]
    assert rig.model.read_file(path) == CA
    assert modem.address == "10.7.157.1" == modem.ip()
    # The steps of 1.2 in their order
    order = ["AT+QICSGP", "AT+QIACT=", "AT+QSSLCFG", "AT+QSSLOPEN", "AT+QSSLSEND", "AT+QSSLRECV"]
    order += ["AT+QSSLCLOSE", "AT+QIDEACT"]
    log.at.clear()
    modem.stop()
    assert log.at == ["AT+QIDEACT=1"]
    modem.start("UNINET", auth=1)
    sock = modem.connect(HOST, 443, context)
    sock.write(b"x")
    assert sock.read(1) == b"x"
    modem.stop()
    places = [log.at.index(starting(log, text)[0]) for text in order]
    # What start() and stop() clean up comes first.
    places[-1] = len(log.at) - 1
    assert log.at[-1] == "AT+QIDEACT=1" and places == sorted(places), log.at


def test_3_3_buffer_access_mode():
    rig, modem, context, log = configured(server())
    sock = modem.connect(SERVER, 8712, context)
    assert 'AT+QSSLOPEN=1,1,0,"220.180.239.201",8712,0' in log.at
    one = modem.state(0)
    assert (one.ip, one.port, one.state, one.pdp, one.mode, one.ctx) == (
        SERVER,
        8712,
        "connected",
        1,
        "buffer",
        1,
    )
    assert sock.write(REQUEST) == 52
    assert sock.read(len(REPLY)) == REPLY
    assert "AT+QSSLSEND=0,52" in log.at
    sock.close()
    assert log.at[-1] == CLOSE


def test_3_4_direct_push_mode():
    rig, modem, context, log = configured(server())
    sock = modem.connect(SERVER, 8712, context, push=True)
    assert 'AT+QSSLOPEN=1,1,0,"220.180.239.201",8712,1' in log.at
    assert modem.state(0).mode == "push"
    sock.write(REQUEST)
    assert sock.read(len(REPLY)) == REPLY
    assert "AT+QSSLSEND=0,52" in log.at and not starting(log, "AT+QSSLRECV")
    sock.close()
    assert log.at[-1] == CLOSE
    works(modem)


def test_several_connections_on_one_context_and_an_echo_on_each():
    rig, modem = up(FakeNet(EchoPeer()), sockets=12)
    context = modem.tls(1, ca=CA, check_time=False)
    socks = [modem.connect(HOST, 443, context) for _ in range(12)]
    for sock in socks:
        sock.write(b"to %2d" % sock.id)
    for sock in socks:
        assert sock.read(5) == b"to %2d" % sock.id
