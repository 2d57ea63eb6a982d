# test_driver_badinput - wrong arguments and wrong circumstances: what the program is told.
# SPDX-License-Identifier: MIT
#
# Each is a clear error of the family that names what to check; nothing is sent where that can be
# known before; the modem and the driver work on.

import errno
import os

import driver_kit
from driver_kit import CA, HOST, KEY, RAM, STORE, Log, Recorder, arm, connected, raised, tls, up
from qssl import Modem, files
from qssl.errors import Refused
from ugsim.fakenet import ClosingPeer, FakeNet, RefusingPeer

BAD_TEXTS = (
    'a"b',
    '"',
    'x",443,0\rAT+QPOWD',
    "a\rb",
    "a\nb",
    "a\0b",
    "a\x1ab",
    "a\x1bb",
    "a\x7fb",
    "h\u00f6st",
    b"\xff\xfe",
)


def refused(rig, words, function, *args, **keywords):
    # The call is refused before anything is sent, and says why.
    sent = rig.model.stats.get("commands", 0)
    start = rig.now
    e = raised(function, *args, **keywords)
    assert isinstance(e, Refused), (e, args)
    for word in words:
        assert word in str(e), (str(e), word)
    assert rig.model.stats.get("commands", 0) == sent and rig.now == start, "something was sent"
    return e


# --- the modem's arguments -----------------------------------------------------------------------


def test_modem_arguments():
    rig, modem = driver_kit.bare()
    for sockets in (0, -1, 13, 100):
        refused(rig, ("sockets", "1 to 12"), Modem, rig.uart, sockets=sockets)
    for pdp in (0, -1, 21):
        refused(rig, ("pdp", "1 to 20"), Modem, rig.uart, pdp=pdp)


def test_start_arguments():
    rig, modem = driver_kit.bare()
    for text in BAD_TEXTS:
        for name in ("apn", "user", "password"):
            refused(rig, (name, "start"), modem.start, **{name: text})
    refused(rig, ("apn", "99"), modem.start, "a" * 100)
    refused(rig, ("user", "127"), modem.start, "a", user="u" * 128)
    refused(rig, ("password", "127"), modem.start, "a", password="p" * 128)
    for apn in (None, 5):
        refused(rig, ("apn", "str"), modem.start, apn)
    for auth in (-1, 4, None, "PAP"):
        refused(rig, ("auth",), modem.start, "a", auth=auth)
    modem.start("internet")
    driver_kit.works(modem)


def test_bad_pin():
    rig, modem = driver_kit.bare(switches={"sim": "pin"}, powered=False)
    rig.model.command("power on")
    rig.sleep(5000)
    for pin in ('12"34', "1\r2", "1" * 9):
        e = raised(modem.start, "internet", pin=pin)
        assert isinstance(e, Refused) and "pin" in str(e), e
        assert rig.model.sim.state == "pin"
    modem.start("internet", pin="1234")
    driver_kit.works(modem)


# --- connect -------------------------------------------------------------------------------------


def test_host():
    rig, modem = up()
    context = tls(modem)
    for text in BAD_TEXTS:
        refused(rig, ("host",), modem.connect, text, 443, context)
    refused(rig, ("host", "empty"), modem.connect, "", 443, context)
    refused(rig, ("host", "150"), modem.connect, "h" * 151, 443, context)
    refused(rig, ("host",), modem.connect, "h" * 5000, 443, context)
    for host in ("https://server.example", "server.example/path"):
        refused(rig, ("host", "URL"), modem.connect, host, 443, context)
    for host in (None, 5, ["x"]):
        refused(rig, ("host", "str"), modem.connect, host, 443, context)
    driver_kit.works(modem)


def test_host_that_only_the_modem_refuses():
    rig, modem = up()
    arm(rig, "open_error code=552")
    e = raised(modem.connect, "-.example", 443, tls(modem))
    assert e.code == 552, e
    driver_kit.works(modem)


def test_port():
    rig, modem = up()
    context = tls(modem)
    for port in (0, -1, 65536, 100000, "443", None, 443.0):
        refused(rig, ("port", "1 to 65535"), modem.connect, HOST, port, context)
    driver_kit.works(modem)


def test_a_time_out_that_can_not_be():
    # It would be over at once, as if nothing had come.
    rig, modem = up()
    sock = modem.connect(HOST, 443, tls(modem))
    for seconds in (-1, -0.5):
        refused(rig, ("time-out", "None"), sock.settimeout, seconds)
    sock.settimeout(5)
    driver_kit.works(modem)


def test_what_is_no_context():
    rig, modem = up()
    for context in (None, 0, "ca.pem"):
        refused(rig, ("ctx", "modem.tls()"), modem.connect, HOST, 443, context)
    driver_kit.works(modem)


def test_an_error_without_number_has_none():
    # What an earlier command was told is not this one's.
    rig, modem = up()
    assert raised(files.delete, modem, STORE + "none").code in (418, 405)
    assert raised(modem.command, "AT+NOSUCH").code == 0
    driver_kit.works(modem)


def test_commands():
    rig, modem = up()
    for text in ("AT\rAT+QPOWD", "AT\n", "AT\x1a", "AT\x7f", b"AT\0"):
        refused(rig, ("control",), modem.command, text)
    e = raised(modem.command, "AT+NOSUCH")
    assert e.errno == errno.EIO and "refused" in str(e), e
    e = raised(modem.command, 'AT+QSSLCFG="nosuch",0,1')
    assert e.errno == errno.EIO, e
    e = raised(modem.command, "AT+QSSLRECV=12,1")
    e = raised(modem.command, "AT+" + "X" * 1000)
    driver_kit.works(modem)


def test_command_gives_the_lines_of_its_own_name():
    rig, modem = up()
    assert modem.command("AT+CREG?") == [b"+CREG: 0,1"]
    assert modem.command("AT+CPIN?") == [b"+CPIN: READY"]
    assert modem.command("AT+CFUN?") == [b"+CFUN: 1"]
    assert modem.command("at+creg?") == [b"+CREG: 0,1"]
    both = [b"+CREG: 0,1", b"+CPIN: READY"]
    assert modem.command("AT+CREG?;+CPIN?") == both == modem.command("at+creg?;+cpin?")
    assert modem.command("AT+CSQ", b"+CSQ: ") == [b"21,0"]
    assert len(modem.command("ATI")) == 3


def test_socket_arguments():
    rig, modem, sock = connected(Recorder(b"data"))
    assert sock.read(4) == b"data"
    log = Log(rig)
    for seconds in (-1, 65536):
        e = raised(sock.close, seconds)
        assert isinstance(e, Refused) and "65535" in str(e), e
    for ioctl in ((3, 0), (99, 1)):
        sock.ioctl(*ioctl)
    assert not log.count("AT+QSSLCLOSE")
    sock.close()
    driver_kit.works(modem)


# --- TLS contexts --------------------------------------------------------------------------------


def test_tls_arguments():
    rig, modem = up()
    good = {"ca": CA}
    for ctx in (-1, 6, 100, None, "0", 1.0):
        refused(rig, ("ctx", "0 to 5"), modem.tls, ctx, **good)
    for version in ("TLS1.3", "tls1.2", 3, None):
        refused(rig, ("version", "TLS1.2"), modem.tls, 0, version=version, **good)
    for suite in ("ECDHE", 0x3D, ""):
        refused(rig, ("suite", "AES256-SHA256"), modem.tls, 0, suite=suite, **good)
    for seconds in (9, 301, 0, -1, "60", None):
        refused(rig, ("negotiate_s", "10 to 300"), modem.tls, 0, negotiate_s=seconds, **good)
    for where in ("SD:", "ram:", ""):
        refused(rig, ("where", "UFS:"), modem.tls, 0, where=where, **good)
    e = raised(modem.tls, 0, sni=True, **good)
    assert e.errno == errno.EOPNOTSUPP and "sni" in str(e), e
    for keyword in ("SNI", "nonsense"):
        try:
            modem.tls(0, ca=CA, **{keyword: True})
            raise AssertionError("unknown keyword taken")
        except TypeError:
            pass
    driver_kit.works(modem)


def test_weak_settings_need_their_name():
    rig, modem = up()
    for settings in (
        {"version": "SSL3.0"},
        {"version": "TLS1.0"},
        {"version": "TLS1.1"},
        {"version": "all"},
        {"suite": "3DES-SHA"},
        {"suite": "RC4-SHA"},
        {"suite": "RC4-MD5"},
        {"suite": "all"},
        {"auth": False},
    ):
        e = refused(rig, ("allow_weak",), modem.tls, 0, ca=CA, **settings)
        assert e.errno == errno.EACCES
        context = modem.tls(0, ca=CA, check_time=False, allow_weak=True, **settings)
        modem.connect(HOST, 443, context).close()
    assert rig.net.conns[-1].tls.seclevel == 0  # auth=False, the last one
    modem.connect(HOST, 443, tls(modem)).close()
    last = rig.net.conns[-1].tls
    assert (last.version, last.seclevel, last.suites) == (3, 1, (0x3D,)), last.suites


def test_defaults_are_strong():
    rig, modem = up()
    modem.clock((2025, 1, 1, 0, 0, 0))
    modem.connect(HOST, 443, modem.tls(ca=CA)).close()
    last = rig.net.conns[-1].tls
    assert (last.version, last.seclevel, last.suites) == (3, 1, (0x3D,))
    assert not last.ignore_time and last.ca == CA


def test_ca():
    rig, modem = up()
    refused(rig, ("ca", "missing"), modem.tls)
    refused(rig, ("certificate", "empty"), modem.tls, ca=b"")
    refused(rig, ("certificate", "cut short"), modem.tls, ca=CA[:-20])
    for ca in (b"not PEM", KEY, b"-----BEGIN"):
        refused(rig, ("certificate", "PEM"), modem.tls, ca=ca)
    refused(rig, ("certificate",), modem.tls, ca=b"\x30\x82\x01\x0a" * 50)
    for ca in (5, ["x"]):
        refused(rig, ("certificate", "path"), modem.tls, ca=ca)
    refused(rig, ("no-such-file.pem",), modem.tls, ca="no-such-file.pem")
    refused(rig, ("cert", "key"), modem.tls, ca=CA, cert=CA)
    refused(rig, ("cert", "key"), modem.tls, ca=CA, key=KEY)
    refused(rig, ("key", "PEM"), modem.tls, ca=CA, cert=CA, key=CA)
    refused(rig, ("certificate", "PEM"), modem.tls, ca=CA, cert=KEY, key=KEY)
    refused(rig, ("key", "empty"), modem.tls, ca=CA, cert=CA, key=b"")
    for head in (b"ENCRYPTED PRIVATE KEY-----", b"RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED"):
        key = b"-----BEGIN " + head + b"\nMII\n-----END RSA PRIVATE KEY-----\n"
        refused(rig, ("key", "openssl"), modem.tls, ca=CA, cert=CA, key=key)
    driver_kit.works(modem)


def test_pem_as_text():
    # Taken as what it is, not for a path: then it would stand in the error, even a key.
    rig, modem = up()
    modem.connect(HOST, 443, modem.tls(ca=CA.decode(), check_time=False)).close()
    assert rig.net.conns[-1].tls.ca == CA
    key = KEY.decode()[:-20]
    e = refused(rig, ("key", "cut short"), modem.tls, ca=CA, cert=CA, key=key)
    assert "ME" not in str(e), e
    driver_kit.works(modem)


def test_ca_files():
    rig, modem = up()
    name = "/tmp/qssl-test-%d.pem" % (id(rig) & 0xFFFFFF)
    try:
        for content, words in ((b"", ("empty",)), (b"no PEM", ("PEM",))):
            with open(name, "wb") as f:
                f.write(content)
            refused(rig, words, modem.tls, ca=name)
        with open(name, "wb") as f:
            f.write(CA)
        context = modem.tls(ca=name, check_time=False)
        modem.connect(HOST, 443, context).close()
        assert rig.net.conns[-1].tls.ca == CA
    finally:
        os.remove(name)
    # The file has gone when it is needed again.
    modem.start("internet")
    rig.model.command("restart")
    rig.sleep(5000)
    modem.pump()
    modem.start("internet")
    if RAM:  # else the modem still has it
        e = raised(modem.connect, HOST, 443, context)
        assert name in str(e), e
    driver_kit.works(modem)
    refused(rig, (), modem.tls, ca="/tmp")


def test_ca_larger_than_the_storage():
    rig, modem = up(switches={"ram_total": 2000})
    log = Log(rig)
    e = raised(modem.connect, HOST, 443, tls(modem, ca=CA * 40, check_time=False))
    assert isinstance(e, Refused) and e.errno == errno.ENOMEM, e
    assert str(len(CA) * 40) in str(e) and "2000" in str(e), e
    assert not log.count("AT+QFUPL") and not log.count("AT+QSSLOPEN")
    driver_kit.works(modem)


# --- the clock -----------------------------------------------------------------------------------


def test_clock_that_was_never_set():
    for date in ("80/01/06", "04/01/01", "70/01/01"):
        rig, modem = up(switches={"rtc_default": date})
        log = Log(rig)
        context = modem.tls(ca=CA)
        e = raised(modem.connect, HOST, 443, context)
        assert isinstance(e, Refused) and "clock" in str(e) and "check_time" in str(e), e
        assert not log.count("AT+QSSL") and not log.count("AT+QFUPL"), log.at
        assert modem.clock() is None
        modem.clock((2025, 11, 22, 15, 0, 0))
        modem.connect(HOST, 443, context).close()
        assert not rig.net.conns[-1].tls.ignore_time


def test_clock_arguments():
    rig, modem = up()
    for t in (
        (2023, 1, 1, 0, 0, 0),
        (2070, 1, 1, 0, 0, 0),
        (2025, 0, 1, 0, 0, 0),
        (2025, 13, 1, 0, 0, 0),
        (2025, 1, 0, 0, 0, 0),
        (2025, 1, 32, 0, 0, 0),
        (2025, 1, 1, 24, 0, 0),
        (2025, 1, 1, 0, 60, 0),
        (2025, 1, 1, 0, 0, 60),
        (2025, 1, 1, -1, 0, 0),
        (2025, 1, 1),
        "2025-01-01",
        (2025, 1, 1, 0, 0, None),
        5,
    ):
        refused(rig, ("date",), modem.clock, t)
    assert modem.clock((2025, 11, 22, 15, 16, 17))[:6] == (2025, 11, 22, 15, 16, 17)


# --- servers -------------------------------------------------------------------------------------


def test_servers_that_refuse():
    # A wrong CA, an expired certificate, a handshake refused: the modem says 566 to all of them.
    net = FakeNet()
    for why in ("unknown CA", "certificate expired", "handshake failure"):
        net.add("bad.example", RefusingPeer(566, "handshake", why))
        rig, modem = up(net)
        e = raised(modem.connect, "bad.example", 8883, tls(modem))
        assert e.errno == errno.ECONNREFUSED and e.code == 566, e
        for word in ("bad.example:8883", "CA", "certificate", "suite", "version"):
            assert word in str(e), e
        driver_kit.works(modem)


def test_server_that_closes_at_once():
    net = FakeNet()
    net.add("closing.example", ClosingPeer(0, b""))
    net.add("answering.example", ClosingPeer(0, b"go away"))
    net.add("after.request", ClosingPeer(1))
    rig, modem = up(net)
    context = tls(modem)
    try:
        sock = modem.connect("closing.example", 443, context)
        sock.settimeout(5)
        assert sock.read() == b""
        sock.close()
    except OSError as e:
        assert e.code == 566, e
    sock = modem.connect("answering.example", 443, context)
    sock.settimeout(5)
    assert sock.read() == b"go away"
    sock.close()
    sock = modem.connect("after.request", 443, context)
    sock.settimeout(5)
    sock.write(b"x")
    assert sock.read() == b""
    raised(lambda: sock.write(b"y") and sock.flush())
    sock.close()
    driver_kit.works(modem)


def test_dns_that_does_not_answer():
    rig, modem = up()
    rig.model.command("dns dead")
    e = raised(modem.connect, HOST, 443, tls(modem))
    assert e.code == 565 and "DNS" in str(e) and HOST in str(e), e
    rig.model.command("dns ok")
    driver_kit.works(modem)


def test_no_socket_is_left():
    rig, modem = up(sockets=2)
    context = tls(modem)
    socks = [modem.connect(HOST, 443, context) for _ in range(2)]
    log = Log(rig)
    e = raised(modem.connect, HOST, 443, context)
    assert e.errno == errno.ENOBUFS and "sockets" in str(e), e
    assert not log.at
    socks[0].close()
    driver_kit.works(modem)


def test_what_is_no_command_line():
    rig, modem = up()
    log = Log(rig)
    for text in ("", "I", b"+CSQ", "\\", "hello"):
        e = raised(modem.command, text)
        assert e.errno == errno.EINVAL and "begins with AT" in str(e), e
    for host in ("h:443", "https://h", b"h:1"):
        e = raised(modem.connect, host, 443, tls(modem))
        assert e.errno == errno.EINVAL and "no port in it" in str(e), e
    assert log.at == []
    modem.command("at")
    arm(rig, "open_code code=566")
    assert "server.example:443" in str(raised(modem.connect, b"server.example", 443, tls(modem)))


def test_values_that_no_modem_could_take():
    rig, modem = up(FakeNet(Recorder()))
    ctx = tls(modem)
    for ms in (0, -1, -100000, 1.5, None, "180", 1 << 29, 10**12):
        for call in (
            lambda ms: modem.start("internet", timeout_ms=ms),
            lambda ms: modem.connect(HOST, 443, ctx, timeout_ms=ms),
            lambda ms: modem.activate(2, "internet", timeout_ms=ms),
        ):
            refused(rig, ("timeout_ms", "ms"), call, ms)
    assert modem.up
    for pdp in (0, -1, 21, "1", 1.0):
        refused(rig, ("pdp", "1 to 20"), modem.connect, HOST, 443, ctx, pdp=pdp)
    for port in (0, -1, 65536, "443", None, 443.0):
        refused(rig, ("port", "1 to 65535"), modem.connect, HOST, port, ctx)
    for host in (" ", "a b", "user@host", "host?x", "host,443", "[::1]", "a;b", "a\\b", "{a}"):
        refused(rig, ("host", "URL"), modem.connect, host, 443, ctx)
    refused(rig, ("host name", "empty"), modem.connect, "", 443, ctx)
    another = Modem(rig.uart)
    for wrong in (None, 0, "ctx", modem, tls(another)):
        refused(rig, ("modem.tls()",), modem.connect, HOST, 443, wrong)
    # What is not refused works.
    for host in (HOST, "1.2.3.4", "a_b-c.example.", "A.example", b"server.example"):
        modem.connect(host, 443, ctx, timeout_ms=(1 << 29) - 1, pdp=1).close()
    assert modem.command("AT+CSQ", "+CSQ:") == [b" 21,0"]
    driver_kit.works(modem)
