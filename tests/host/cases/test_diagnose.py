# test_diagnose - the walk of manual 1.5: every finding, in words, and dates of certificates (1.4).
# SPDX-License-Identifier: MIT

from certificate_kit import certificate, ec_key, modulus, rsa_key
from driver_kit import HOST, RAM, STORE, Log, bare, raised, tls, up, works
from qssl import files
from qssl.ask import diagnose as _d
from ugsim.fakenet import EchoPeer, FakeNet
from ugsim.model.switches import SWITCHES

INSIDE = (
    "test_name_service_that_hangs_is_bounded",
    "test_ca_that_is_none",
    "test_client_pair",
    "test_a_file_that_another_program_has_left",
)

KEY = rsa_key()
LOCKED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
NOW = (2026, 6, 15, 12, 0, 0)


GOOD = certificate("20250101000000Z", "20300101000000Z")


def found(modem, *args, **keywords):
    # The findings, and that they are told as they are found.
    told = []
    result = modem.diagnose(*args, tell=told.append, **keywords)
    assert "\n".join(told) == _d.words(result)
    for ok, what, do in result:
        assert ok in (True, False, None) and what, (ok, what, do)
        assert (do == "") if ok else len(do) > 8, (ok, what, do)
    return result


def finding(result, word):
    # The one finding in which `word` stands.
    those = [f for f in result if word in f[1]]
    assert len(those) == 1, (word, _d.words(result))
    return those[0]


def bad(result):
    return [f[1] for f in result if f[0] is False]


def good_modem(**keywords):
    rig, modem = up(FakeNet(EchoPeer()), **keywords)
    modem.clock(NOW)
    return rig, modem, modem.tls(0, ca=GOOD)


# --- findings ------------------------------------------------------------------------------------


def test_all_well():
    rig, modem, ctx = good_modem()
    modem.connect(HOST, 443, ctx).close()
    for given in (ctx, None, 0):
        result = found(modem, HOST, given)
        assert bad(result) == [], _d.words(result)
        assert finding(result, "registered, signal -71 dBm")[0] is True
        assert finding(result, "PDP context 1 is active, 10.7.157.1")[0] is True
        assert finding(result, "DNS server 10.7.157.253, 10.7.157.254")[0] is True
        assert finding(result, HOST + " is " + rig.net.address(HOST))[0] is True
        assert finding(result, "TLS1.2, AES256-SHA256")[0] is True
        assert finding(result, "clock says 2026-06-15 12:0")[0] is True
        assert finding(result, "cacert: RAM:")[1].endswith("valid 2025-01-01 to 2030-01-01")
        assert "nothing wrong" in result[-1][1] and "server" in result[-1][2]
    works(modem)


def test_no_coverage():
    rig, modem, ctx = good_modem()
    rig.model.command("coverage off")
    result = found(modem, HOST, ctx)
    assert finding(result, "registered")[0] is False
    assert "antenna" in finding(result, "registered")[2]


def test_pdp_context_not_active():
    # Manual 1.5, item 1
    rig, modem, ctx = good_modem()
    rig.model.command("pdp drop 1")
    one = finding(found(modem, HOST, ctx), "PDP context 1 is not active")
    assert one[0] is False and '"internet"' in one[1] and "start(apn=" in one[2]
    one = finding(found(modem, HOST, ctx, pdp=5), "PDP context 5 is not active")
    assert one[0] is False and 'APN is ""' in one[1] and "activate()" in one[2]
    modem.start(apn="internet")
    assert bad(found(modem, HOST, ctx)) == []
    modem.activate(2, "second")
    assert finding(found(modem, HOST, ctx, pdp=2), "PDP context 2 is active")[0] is True


def test_dns_server_not_set():
    # Manual 1.5, item 2
    rig, modem, ctx = good_modem()
    for first in ("0.0.0.0", "255.255.255.255"):
        modem.command('AT+QIDNSCFG=1,"%s"' % first)
        result = found(modem, HOST, ctx)
        one = finding(result, "DNS server")
        assert one[0] is False and "AT+QIDNSCFG=1" in one[2]
        one = finding(result, "does not resolve")
        assert one[0] is False and "565" in one[1]
        assert "DNS" not in _d.words(found(modem, "192.0.2.1", ctx))  # an address needs none
    modem.command('AT+QIDNSCFG=1,"0.0.0.0","192.0.2.53"')
    assert finding(found(modem, HOST, ctx), "DNS server 192.0.2.53")[0] is True


def test_dns_that_firmware_does_not_tell():
    rig, modem, ctx = good_modem()
    rig.model.command("fault error cmd=+QIDNSCFG")
    assert finding(found(modem, HOST, ctx), "DNS server not told")[0] is None


def test_name_that_does_not_resolve():
    rig, modem, ctx = good_modem()
    rig.net.names["nowhere.example"] = []
    one = finding(found(modem, "nowhere.example", ctx), "nowhere.example")
    assert one[0] is False and "565" in one[1] and "host name" in one[2]
    rig.net.names["two.example"] = ["192.0.2.8", "192.0.2.9"]
    assert finding(found(modem, "two.example", ctx), "two.example is 192.0.2.8")[0] is True
    rig.model.command("fault error cmd=+QIDNSGIP code=564")
    one = finding(found(modem, HOST, ctx), "does not resolve")
    assert one[0] is False and "564" in one[1] and "again" in one[2]


def test_name_service_that_hangs_is_bounded():
    rig, modem, ctx = good_modem(switches={"dnsgip": "hangs"})
    start = rig.now
    urcs = modem.link.urcs
    one = finding(found(modem, HOST, ctx), "no answer about")
    assert modem.link.urcs == urcs  # an answer that comes later is no longer listened to
    assert one[0] is None and "IP address" in one[2]
    assert 15000 <= rig.now - start < 20000
    rig.model.command('say +QIURC: "dnsgip",0,1,600')
    works(modem)


def test_no_context_at_all():
    rig, modem = up()
    assert finding(found(modem, HOST), "no TLS context")[0] is None
    one = finding(found(modem, HOST, 9), "sslversion of SSL context 9 can't be read")
    assert one[0] is False and "0 to 5" in one[2]
    assert finding(found(modem, HOST, 3), "all, all")[0] is None  # the values of power-up


def test_version_and_suite():
    rig, modem = up()
    for version, suite, ok in (
        ("TLS1.2", "AES256-SHA256", True),
        ("TLS1.2", "AES128-SHA", True),
        ("TLS1.1", "AES256-SHA", None),
        ("SSL3.0", "RC4-MD5", None),
        ("all", "AES256-SHA", None),
        ("TLS1.2", "3DES-SHA", None),
        ("TLS1.2", "all", None),
        ("TLS1.1", "AES256-SHA256", False),  # that suite came with TLS 1.2
        ("SSL3.0", "AES256-SHA256", False),
        ("all", "AES256-SHA256", None),
    ):
        ctx = modem.tls(
            0, ca=GOOD, version=version, suite=suite, allow_weak=True, check_time=False
        )
        one = finding(found(modem, None, ctx), "%s, %s" % (version, suite))
        assert one[0] is ok, one


def test_server_not_authenticated():
    rig, modem = up()
    ctx = modem.tls(0, auth=False, allow_weak=True)
    result = found(modem, HOST, ctx)
    one = finding(result, "not authenticated")
    assert one[0] is None and "ca=" in one[2]
    assert bad(result) == []


def test_ca_missing():
    # Manual 1.5, item 3
    rig, modem, ctx = good_modem()
    assert bad(found(modem, HOST, ctx)) == []
    modem.command('AT+QFDEL="%s"' % ("RAM:*" if RAM else "*"))
    one = finding(found(modem, HOST, ctx), "is not on the modem")
    assert (
        one[0] is False
        and one[1].startswith("cacert: " + ("RAM:" if RAM else ""))
        and "UFS:" in one[2]
    )
    modem.command('AT+QSSLCFG="cacert",0,""')
    one = finding(found(modem, HOST, 0), "no CA certificate")
    assert one[0] is False and "ca=" in one[2]


def test_ca_that_is_none():
    from qssl.connect.source import Source

    # Not by tls(), which refuses it: another program may have left it.
    rig, modem = up()
    tls(modem).apply()
    for data in (
        b"-----BEGIN CERTIFICATE-----\nof nobody\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        GOOD[:90] + b"\n-----END CERTIFICATE-----\n",
    ):
        name = files.ensure(modem, Source(data, "ca"), "ca", STORE).decode()
        modem.command('AT+QSSLCFG="cacert",0,"%s"' % name)
        one = finding(found(modem, HOST, 0), "holds no certificate")
        assert one[0] is False and "PEM" in one[2]


def test_clock_not_set():
    # Manual 1.4
    rig, modem = up()
    ctx = modem.tls(0, ca=GOOD)
    one = finding(found(modem, HOST, ctx), "can't be set up")
    assert one[0] is False and "modem.clock(" in one[2]
    modem.clock(NOW)
    result = found(modem, HOST, ctx)
    assert bad(result) == []
    rig.model.command("clock reset")
    result = found(modem, HOST, ctx)
    one = finding(result, "clock is not set")
    assert one[0] is False and "modem.clock(" in one[2]
    assert finding(result, "cacert")[0] is None
    ctx = modem.tls(1, ca=GOOD, check_time=False)
    assert bad(found(modem, HOST, ctx)) == []  # it does not matter then


def test_clock_outside_the_validity():
    rig, modem, ctx = good_modem()
    for low, high, ok, word in (
        ("20260615120100Z", "20300101000000Z", False, "not yet valid"),
        ("20250101000000Z", "20260615115900Z", False, "expired"),
        ("20260615115900Z", "20260615120100Z", True, "2026-06-15 to 2026-06-15"),
        ("19990101000000Z", "20491231235959Z", True, "1999-01-01 to 2049-12-31"),
        ("19500101000000Z", "99991231235959Z", True, "1950-01-01 to 9999-12-31"),
        ("20500101000000Z", "20510101000000Z", False, "not yet valid"),
    ):
        pem = certificate(low, high)
        ctx = modem.tls(0, ca=pem)
        one = finding(found(modem, HOST, ctx), word)
        assert one[0] is ok and one[1].startswith("cacert"), one
        ctx = modem.tls(0, ca=pem, check_time=False)
        assert finding(found(modem, HOST, ctx), word)[0] is (True if ok else None)


def test_clock_in_another_zone():
    # 14:00 at +02:00 is 12:00 UTC.
    rig, modem = up()
    modem.command('AT+CCLK="26/06/15,14:00:00+08"')
    for low, ok in (("20260615115900Z", True), ("20260615120100Z", False)):
        ctx = modem.tls(0, ca=certificate(low, "20300101000000Z"))
        result = found(modem, HOST, ctx)
        assert finding(result, "cacert")[0] is ok and finding(result, "14:00:00 UTC+2:00")[0]
    modem.command('AT+CCLK="26/06/15,06:00:00-24"')
    for low, ok in (("20260615115900Z", True), ("20260615120100Z", False)):
        ctx = modem.tls(0, ca=certificate(low, "20300101000000Z"))
        assert finding(found(modem, HOST, ctx), "cacert")[0] is ok


def test_client_pair():
    from qssl.connect.source import Source

    rig, modem, ctx = good_modem()
    assert finding(found(modem, HOST, ctx), "no client certificate")[0] is None
    pair = modem.tls(0, ca=GOOD, cert=GOOD, key=KEY)
    result = found(modem, HOST, pair)
    assert bad(result) == [], _d.words(result)
    assert finding(result, "clientcert")[0] is True and finding(result, "clientkey")[0] is True
    # Not by tls(), which refuses it: another program may have left it.
    name = files.ensure(modem, Source(LOCKED, "key"), "key", STORE).decode()
    modem.command('AT+QSSLCFG="clientkey",0,"%s"' % name)
    result = found(modem, HOST, 0)
    assert "password" in finding(result, "clientkey")[2]
    assert bad(result) == [finding(result, "clientkey")[1]]
    old = certificate("20200101000000Z", "20210101000000Z")
    result = found(modem, HOST, modem.tls(0, ca=GOOD, cert=old, key=KEY))
    assert finding(result, "clientcert")[0] is False
    pair = modem.tls(0, ca=GOOD, cert=GOOD, key=KEY)
    pair.apply()
    modem.command('AT+QSSLCFG="clientkey",0,""')
    one = finding(found(modem, HOST, 0), "missing")
    assert one[0] is False and "key=" in one[2]
    modem.command('AT+QSSLCFG="clientcert",0,""')
    assert finding(found(modem, HOST, 0), "missing")[0] is False
    modem.contexts[0] = None
    pair.apply()
    modem.command('AT+QSSLCFG="seclevel",0,1')
    result = found(modem, HOST, 0)
    assert finding(result, "no client certificate")[0] is None and bad(result) == []


def test_settings_that_the_modem_does_not_keep():
    rig, modem, ctx = good_modem()
    rig.model.command("fault cfg_lies key=sslversion value=0")
    result = found(modem, HOST, ctx)
    one = finding(result, "can't be set up")
    assert one[0] is False and "sslversion" in one[2]
    assert result[-1] == one  # what the modem holds now says nothing


def test_a_ca_that_only_some_modems_trust():
    rig, modem, ctx = good_modem()
    span = ("20250101000000Z", "20300101000000Z")
    inner = certificate(*span, issuer=9, subject=8, ca=True)
    leaf = certificate(*span, issuer=9, subject=8, ca=False)
    bare = certificate(*span, issuer=9, subject=8)
    for data, word in (
        (inner, "is an intermediate CA"),
        (leaf, "is a server's own certificate"),
        (bare, "is a server's own certificate"),
        (inner + leaf, "is an intermediate CA"),
        (inner + GOOD, None),
        (GOOD, None),
    ):
        result = found(modem, HOST, modem.tls(0, ca=data))
        assert bad(result) == []
        if word:
            one = finding(result, word)
            assert one[0] is None and "root" in one[2] and "566" in one[2]
            assert result[-1][1] == "nothing else wrong on this side"
        else:
            assert [f for f in result if "cacert" in f[1] and f[0] is not True] == []
            assert result[-1][1] == "nothing wrong on this side"


def test_keys_that_are_not_of_rsa():
    rig, modem, ctx = good_modem()
    span = ("20250101000000Z", "20300101000000Z")
    ec = certificate(*span, ec=True)
    one = finding(found(modem, HOST, modem.tls(0, ca=ec)), "has no RSA key")
    assert one[0] is None and "RSA" in one[2]
    assert found(modem, HOST, modem.tls(0, ca=ec))[-1][1] == "nothing else wrong on this side"
    leaf = certificate(*span, subject=3, ec=True)
    result = found(modem, HOST, modem.tls(0, ca=leaf))
    assert bad(result) == [finding(result, "has no RSA key")[1]]
    pair = modem.tls(0, ca=GOOD, cert=ec, key=ec_key())
    result = found(modem, HOST, pair)
    one = finding(result, "has no RSA key")
    assert one[0] is None and one[1].startswith("clientcert") and bad(result) == []


def test_a_file_that_another_program_has_left():
    from qssl.connect.source import Source

    # As it uploaded it: not all TLS code reads that.
    rig, modem, ctx = good_modem()
    for data in (b"\xef\xbb\xbf" + GOOD, GOOD.replace(b"\n", b"\r"), b"CA:\n" + GOOD + b"end"):
        ctx = modem.tls(0, ca=GOOD)
        ctx.apply()
        name = files.ensure(modem, Source(data, "ca"), "ca", STORE).decode()
        modem.command('AT+QSSLCFG="cacert",0,"%s"' % name)
        result = found(modem, HOST, 0)
        one = finding(result, "not in the form")
        assert one[0] is None and "modem.tls()" in one[2] and bad(result) == []
    pair = modem.tls(0, ca=GOOD, cert=GOOD, key=KEY)
    pair.apply()
    name = files.ensure(modem, Source(rsa_key(modulus(128)), "key"), "key", STORE).decode()
    modem.command('AT+QSSLCFG="clientkey",0,"%s"' % name)
    result = found(modem, HOST, 0)
    assert "does not belong" in finding(result, "holds no key that can be used")[2]


def test_a_bundle_of_certificates():
    rig, modem, ctx = good_modem()
    old = certificate("20100101000000Z", "20200101000000Z", version=False, issuer=190)
    ctx = modem.tls(0, ca=GOOD + b"\n# the old one\n" + old + GOOD)
    result = found(modem, HOST, ctx)
    those = [f for f in result if "cacert" in f[1]]
    # An old CA beside a good one, as after a renewal, need not be why it fails.
    assert [f[0] for f in those] == [True, None, True]
    assert "2010-01-01 to 2020-01-01: expired" in those[1][1]
    assert "another one of this file" in those[1][2] and bad(result) == []
    ctx = modem.tls(0, ca=old + old)
    assert len(bad(found(modem, HOST, ctx))) == 2


def test_a_modem_that_does_not_answer():
    rig, modem = bare(powered=False)
    result = found(modem, HOST)
    assert len(result) == 1 and result[0][0] is False
    assert "does not answer" in result[0][1] and "power" in result[0][2]
    rig, modem, ctx = good_modem()
    rig.model.timers.at(rig.now + 20, lambda: rig.model.command("power off"))
    rig.model.sw.set("reply_ms", 10)
    result = found(modem, HOST, ctx)
    assert result[-1][0] is False


def test_arguments_that_are_wrong():
    rig, modem, ctx = good_modem()
    for host in ("", 'a"b', "a\r", "x" * 201):
        assert raised(modem.diagnose, host, ctx).phase == "diagnose"
    log = Log(rig)
    for host in (5, ["x"], "https://x/", "x:443", "10.0.0.1:443"):
        assert raised(modem.diagnose, host, ctx).phase == "diagnose"
    for wrong in ("x", 1.5, True, b"0", [ctx], modem):
        e = raised(modem.diagnose, "a.example", wrong)
        assert e.phase == "diagnose" and "modem.tls()" in e.hint, wrong
    for wrong in ("1", 0, 21, -1, 1.5):
        assert "pdp" in raised(modem.diagnose, "a.example", ctx, None, wrong).hint, wrong
    assert log.at == []
    works(modem)


def test_every_switch_of_the_firmware_both_ways():
    for name in sorted(SWITCHES):
        default, choices, _ = SWITCHES[name]
        for choice in choices or ():
            if choice == default or name == "sim":
                continue
            rig, modem, ctx = good_modem(switches={name: choice})
            if name == "at_port" and choice not in (rig.model.family.ports or (choice,)):
                continue  # it has no such port
            modem.connect(HOST, 443, ctx)
            assert bad(found(modem, HOST, ctx)) == [], (name, choice)
            assert modem.state(0).state == "connected", (name, choice)
            assert modem.probe() and modem.ip() == "10.7.157.1", (name, choice)
            modem.stop()
            assert modem.ip() is None and modem.state() == [], (name, choice)


def test_it_helps_where_connect_failed():
    rig, modem = up()
    ctx = tls(modem)
    rig.model.command("pdp drop 1")
    raised(modem.connect, HOST, 443, ctx)
    result = found(modem, HOST, ctx)
    assert [what for what in bad(result) if "PDP" in what]
