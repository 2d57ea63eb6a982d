# The settings of a TLS context with each family of modems: as strict as the modem can, or refused.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import CA, HOST, KEY, Log, arm, raised, works
from family_kit import LTE, MODELS, made, started, values
from qssl.family import table

INSIDE = (
    "test_settings_of_a_context",
    "test_what_the_modem_has_not_is_refused",
    "test_what_a_modem_refused_while_it_was_ill_is_asked_again",
)


def test_settings_of_a_context():
    for model, family in MODELS:
        rig, modem, log = started(model)
        modem.connect(HOST, 8883, modem.tls(1, ca=CA, check_time=False)).close()
        now = values(rig, 1)
        assert now["sslversion"] == 3 and now["seclevel"] == 1, (model, now)
        if family == "ugxx":
            assert now["ciphersuite"] == "0X003D" and "sni" not in now
            continue
        assert now["ciphersuite"] == "0XC02F" and now["sni"] == 1, (model, now)
        if table(modem).host:
            assert now["checkhost"] == 1, (model, now)
        modem.connect("192.0.2.7", 8883, modem.tls(1, ca=CA, check_time=False)).close()
        assert values(rig, 1)["sni"] == 0, model
        # the same context for a name again
        ctx = modem.tls(2, ca=CA, check_time=False)
        for host, sni in (("192.0.2.7", 0), (HOST, 1), (HOST, 1), ("192.0.2.7", 0)):
            modem.connect(host, 8883, ctx).close()
            assert values(rig, 2)["sni"] == sni, (model, host)
        # given up by name
        modem.connect(HOST, 1, modem.tls(3, ca=CA, check_time=False, sni=False)).close()
        assert values(rig, 3)["sni"] == 0
        if table(modem).host:
            ctx = modem.tls(4, ca=CA, check_time=False, check_host=False)
            modem.connect(HOST, 1, ctx).close()
            assert values(rig, 4)["checkhost"] == 0


def test_what_the_modem_has_not_is_refused():
    # Before start() nobody knows; then at the connection.
    for model, wants, word in (
        ("ug96", {"sni": True}, "sni"),
        ("ug96", {"check_host": True}, "CA of your own"),
        ("ug96", {"suite": "ECDHE-RSA-AES128-GCM-SHA256"}, "AES256-SHA256"),
        ("ec25", {"check_host": True}, "CA of your own"),
        ("ec200u", {"check_host": True}, "CA of your own"),
        ("bg96", {"suite": "AES128-GCM-SHA256"}, "ECDHE-RSA-AES128-GCM-SHA256"),
        ("bg96", {"where": "RAM:"}, '"UFS:"'),
        ("bg95", {"where": "RAM:"}, '"UFS:"'),
    ):
        rig, modem, log = made(model)
        early = modem.tls(0, ca=CA, check_time=False, **wants)
        modem.start(apn="internet")
        e = raised(modem.connect, HOST, 8883, early)
        assert e.phase == "tls" and word in str(e), (model, wants, e)
        assert not log.count("AT+QSSLOPEN"), (model, wants)
        if "check_host" not in wants or not modem.link.lte:
            e = raised(modem.tls, 1, ca=CA, **wants)
            assert e.phase == "tls" and word in str(e), (model, wants, e)
    rig, modem, log = started("bg96")
    for suite, words in (
        ("ECDHE-RSA-RC4-SHA", "weak"),
        ("ECDHE-RSA-3DES-SHA", "weak"),
        ("all", "weak"),
        ("CHACHA20", "must be one of"),
    ):
        e = raised(modem.tls, 0, ca=CA, suite=suite)
        assert words in str(e), e
    for name in ("sni", "check_host"):
        e = raised(modem.tls, 0, ca=CA, **{name: "yes"})
        assert "True, False or None" in str(e), e


def test_firmware_that_lacks_what_its_model_should_have():
    rig, modem, log = started("bg96", switches={"firmware": "old"})
    ctx = modem.tls(0, ca=CA, check_time=False)
    modem.connect(HOST, 8883, ctx).close()
    assert "sni" not in [key for key in values(rig) if key in ("sni", "checkhost")]
    count = log.count('AT+QSSLCFG="sni"')
    modem.connect(HOST, 8883, modem.tls(1, ca=CA, check_time=False)).close()
    assert log.count('AT+QSSLCFG="sni"') == count + 1  # it is known now, and looked at again
    for wants, word in (({"sni": True}, "sni"), ({"check_host": True}, "CA of your own")):
        e = raised(modem.connect, HOST, 8883, modem.tls(2, ca=CA, check_time=False, **wants))
        assert e.errno == errno.EOPNOTSUPP and word in str(e), e
    works(modem)


def test_the_words_of_what_can_not_be():
    # As a program sees them.
    for model, switches, wants, words in (
        (
            "bg96",
            {"firmware": "old"},
            {"sni": True},
            "tls: this modem can't tell the server which name is meant (no sni in its "
            "AT+QSSLCFG); leave sni=True out, and let the server do without",
        ),
        (
            "bg96",
            {"firmware": "old"},
            {"check_host": True},
            "tls: this modem can't check the name in the server's certificate (no checkhost in "
            "its AT+QSSLCFG); leave check_host=True out, and give a CA of your own, which signs "
            "nobody else's",
        ),
        (
            "ec25",
            {},
            {"check_host": True},
            "tls: this modem can't check the name in the server's certificate (no checkhost in "
            "its AT+QSSLCFG); leave check_host=True out, and give a CA of your own, which signs "
            "nobody else's",
        ),
    ):
        rig, modem, log = started(model, switches=switches)
        e = raised(modem.connect, HOST, 8883, modem.tls(0, ca=CA, check_time=False, **wants))
        assert e.errno == errno.EOPNOTSUPP and "%s: %s" % (e.phase, e.hint) == words, e
        assert not log.count("AT+QSSLOPEN")
        works(modem)
    rig, modem, log = started("bg95")
    arm(rig, "cfg_error key=checkhost n=9")
    e = raised(modem.connect, HOST, 8883, modem.tls(0, ca=CA, check_time=False))
    assert e.hint.startswith("the modem refused checkhost=1; no connection is made, restart it"), e
    assert e.hint.endswith("modem.probe() tells what it has"), e
    # To an address no name is told, whatever was asked for; it is checked all the same.
    rig, modem, log = started("bg95")
    ctx = modem.tls(0, ca=CA, check_time=False, sni=True, check_host=True)
    modem.connect("192.0.2.7", 8883, ctx).close()
    assert values(rig)["sni"] == 0 and values(rig)["checkhost"] == 1


def test_an_error_for_a_key_is_no_downgrade():
    # The firmware has the key; two of three answers to the question are ERROR.
    rig, modem, log = started("bg95")
    arm(rig, "cfg_error key=checkhost")
    e = raised(modem.connect, HOST, 8883, modem.tls(0, ca=CA, check_time=False))
    assert "checkhost=1" in str(e) and not log.count("AT+QSSLOPEN"), e
    works(modem)
    arm(rig, "cfg_lies key=checkhost value=0 n=9")
    e = raised(modem.connect, HOST, 8883, modem.tls(1, ca=CA, check_time=False))
    assert e.errno == errno.EACCES and "checkhost" in str(e), e


def slow(model, fault=None):
    # Answers come 3 s late from now on.
    rig, modem, log = started(model)
    arm(rig, "delay what=final by=3000 n=0")
    if fault:
        arm(rig, fault)
    del log.at[:]
    return rig, modem, log, modem.tls(0, ca=CA, cert=CA, key=KEY, check_time=False)


def test_answers_that_take_seconds():
    # Two certificates, a key and every setting: in the time that connect() has, as several go into
    # one line. All of them are read back nevertheless.
    for model, _ in MODELS + (("ec200a", "ec200a"),):
        rig, modem, log, ctx = slow(model)
        modem.connect(HOST, 8883, ctx)
        assert rig.net.conns[-1].tls.seclevel == 2 and rig.net.conns[-1].tls.key == KEY, model
        assert len(log.at) < 48 and max([len(line) for line in log.at]) <= 160, (model, log.at)
    for key in ("ciphersuite", "seclevel", "cacert", "clientkey"):
        rig, modem, log, ctx = slow("ug96", "cfg_lies key=%s value=7" % key)
        e = raised(modem.connect, HOST, 8883, ctx)
        assert key in str(e) and "did not keep" in str(e) and not rig.net.conns, e
        # One ERROR may be for the line: what is in it is set alone. More are a refusal.
        rig, modem, log, ctx = slow("ug96", "cfg_error key=%s" % key)
        modem.connect(HOST, 8883, ctx)
        assert rig.net.conns[-1].tls.key == KEY
        rig, modem, log, ctx = slow("ug96", "cfg_error key=%s n=9" % key)
        e = raised(modem.connect, HOST, 8883, ctx)
        assert "refused " + key in str(e) and not rig.net.conns, e


class Burst(Log):
    # The modem refuses n settings in a row, from the one behind `skip` others. reads: what reads
    # them, too.
    def __init__(self, rig, n, skip, reads):
        super().__init__(rig)
        self.rig = rig
        self.fault = ("cme cmd=QSSLCFG code=569 n=%d" if reads else "cfg_error n=%d") % n
        self.skip = skip

    def __call__(self, kind, text):
        super().__call__(kind, text)
        if kind == "at" and text.startswith("AT+QSSLCFG"):
            if not self.skip:
                arm(self.rig, self.fault)
            self.skip -= 1


def test_a_burst_of_errors_is_no_firmware_that_lacks_a_key():
    # Wherever it hits: a connection as good as ever, or none, by name, and the next one is good.
    for model, _ in LTE:
        rig, modem, log = started(model)
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        good = values(rig).copy()
        refused = 0
        for n, all in ((1, True), (4, True), (3, False), (7, True), (13, True)):
            for skip in range(0, log.count("AT+QSSLCFG"), 3 if n in (3, 4) else 9):
                rig, modem, _ = started(model)
                log2 = Burst(rig, n, skip, all)
                try:
                    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
                except OSError as e:
                    assert e.phase == "tls" and "restart it" in str(e), (model, n, skip, e)
                    assert not [conn for conn in rig.net.conns if conn.sent], (model, n, skip)
                    assert len(rig.net.conns) == log2.count("AT+QSSLOPEN") <= 1, (model, n, skip)
                    rig.model.command("clear")
                    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
                    refused += 1
                assert values(rig) == good, (model, n, skip, values(rig))
        assert refused, model


def test_what_a_modem_refused_while_it_was_ill_is_asked_again():
    # It has sni, checkhost and the suite, and refuses just these as one that lacks them would, and
    # to list them; the next connection of the same context has them.
    for model, _ in LTE:
        rig, modem, log = started(model)
        keys = ('"sni",', '"checkhost",', '"ciphersuite",0,0XC02F', "?")
        ill = [True]

        def event(kind, text, rig=rig, log=log, ill=ill, keys=keys):
            log(kind, text)
            if ill and [key for key in keys if text.startswith("AT+QSSLCFG=" + key)]:
                arm(rig, "error cmd=+QSSLCFG")

        rig.model.on_event = event
        ctx = modem.tls(0, ca=CA, check_time=False)
        modem.connect(HOST, 8883, ctx).close()
        tls = rig.net.conns[-1].tls
        assert (tls.server_name, tls.suites) == ("", (0x3D,)), model
        ill.clear()
        for _ in range(2):
            modem.connect(HOST, 8883, ctx).close()
            tls = rig.net.conns[-1].tls
            assert (tls.server_name, tls.suites) == (HOST, (0xC02F,)), model
            assert tls.check_name == (HOST if table(modem).host or model == "eg800k" else ""), (
                model
            )
        count = log.count("AT+QSSLCFG")
        modem.connect(HOST, 8883, ctx).close()
        assert log.count("AT+QSSLCFG") - count < 6, model


def test_a_key_that_is_refused_each_time_but_listed():
    # A firmware that lacks a key does not list it: no connection with less.
    for model, key in (("ec25", "sni"), ("bg96", "checkhost"), ("bg95", "sni")):
        rig, modem, log = started(model)
        ill = [True]

        def event(kind, text, rig=rig, log=log, ill=ill, key=key):
            log(kind, text)
            if ill and text.startswith('AT+QSSLCFG="%s",' % key):
                arm(rig, "error cmd=+QSSLCFG")

        rig.model.on_event = event
        ctx = modem.tls(0, ca=CA, check_time=False)
        for _ in range(2):
            e = raised(modem.connect, HOST, 8883, ctx)
            assert e.phase == "tls" and key + ", which it has" in str(e), (model, e)
        assert not rig.net.conns
        ill.clear()
        modem.connect(HOST, 8883, ctx).close()
        tls = rig.net.conns[-1].tls
        assert tls.server_name == HOST and (key == "sni" or tls.check_name == HOST), model


def test_a_first_connection_whose_answers_come_late():
    # It finds out what the firmware lacks, within the time of one connect().
    for model, _ in MODELS:
        rig, modem, log = made(model)
        arm(rig, "delay what=final by=3000 n=0")
        modem.start(apn="internet")
        ctx = modem.tls(0, ca=CA, check_time=False)
        for most in (140000, 30000):
            begun = rig.now
            sock = modem.connect(HOST, 8883, ctx)
            assert rig.now - begun < most, (model, rig.now - begun)
            sock.close()


def test_keys_that_are_not_listed():
    # The firmware has them all the same, and another program has set them: the list alone takes
    # nothing away, nor does it if it has another form, or is refused.
    for model, key in (("ec200u", "session_cache"), ("bg96", "ignorecertchain"), ("ec25", "psk")):
        for listed in ("less", "nothing", "refused"):
            rig, modem, log = started(model)
            family = rig.model.family
            keys = family.keys
            less = {"less": tuple([k for k in keys if k != key])}.get(listed, ())

            def event(kind, text, rig=rig, log=log, keys=keys, less=less, listed=listed):
                log(kind, text)
                if kind == "at":
                    rig.model.family.keys = less if text == "AT+QSSLCFG=?" else keys
                    if text == "AT+QSSLCFG=?" and listed == "refused":
                        arm(rig, "error cmd=+QSSLCFG")

            rig.model.on_event = event
            good = values(rig)[key]
            for _ in range(2):
                values(rig)[key] = ("me", "secret") if key == "psk" else 1
                ctx = modem.tls(0, ca=CA, check_time=False)
                modem.connect(HOST, 8883, ctx).close()
                assert values(rig)[key] == good, (model, listed, values(rig))
            assert log.count("AT+QSSLCFG=?"), model
        works(modem)


def test_a_check_that_is_not_listed():
    # Two ERRORs take no check away that the firmware has but does not list.
    rig, modem, log = started("bg95")
    keys = rig.model.family.keys
    left = [2]

    def event(kind, text):
        log(kind, text)
        rig.model.family.keys = keys
        if text == "AT+QSSLCFG=?":
            rig.model.family.keys = tuple([k for k in keys if k != "checkhost"])
        elif left[0] and text == 'AT+QSSLCFG="checkhost",0':
            left[0] -= 1
            arm(rig, "error cmd=+QSSLCFG")

    rig.model.on_event = event
    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
    assert rig.net.conns[-1].tls.check_name == HOST and not left[0]


def test_a_key_that_is_refused_and_listed_is_asked_again():
    # It makes the check milder; the answers to it are ERROR now and then, others' are not.
    for n in (1, 2):
        rig, modem, log = started("bg96")
        values(rig)["ignorecertchain"] = 1
        left = [n]

        def event(kind, text, rig=rig, log=log, left=left):
            log(kind, text)
            if left[0] and text == 'AT+QSSLCFG="ignorecertchain",0':
                left[0] -= 1
                arm(rig, "error cmd=+QSSLCFG")

        rig.model.on_event = event
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        assert values(rig)["ignorecertchain"] == 0, n


def test_a_list_that_takes_long():
    # A thousand bytes, on the slowest line: it is waited for.
    rig, modem, log = started("ec25", baud=1200)
    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False), timeout_ms=200000)
    assert log.count("AT+QSSLCFG=?") == 1 and modem.stats.resyncs == 1
    modem.probe()
    assert modem.stats.resyncs == 1


def test_a_list_that_does_not_come():
    # Whether the firmware has the key can't be seen: no connection with less.
    rig, modem, log = started("bg95")
    ill = [True]

    def event(kind, text):
        log(kind, text)
        if ill and text.startswith('AT+QSSLCFG="checkhost",'):
            arm(rig, "error cmd=+QSSLCFG")
        elif ill and text == "AT+QSSLCFG=?":
            arm(rig, "mute ms=4000")

    rig.model.on_event = event
    ctx = modem.tls(0, ca=CA, check_time=False)
    e = raised(modem.connect, HOST, 8883, ctx)
    assert e.hint.startswith("tls: no answer") and not rig.net.conns, e
    ill.clear()
    modem.connect(HOST, 8883, ctx).close()
    assert rig.net.conns[-1].tls.check_name == HOST


def test_the_best_suite_where_it_is_offered():
    rig, modem, log = started("bg95")
    rig.model.family.suites = tuple([s for s in rig.model.family.suites if s != "0XC02F"])
    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
    assert values(rig)["ciphersuite"] == "0X003D"
    ctx = modem.tls(1, ca=CA, check_time=False, suite="ECDHE-RSA-AES128-GCM-SHA256")
    e = raised(modem.connect, HOST, 8883, ctx)
    assert "ciphersuite" in str(e) and log.count("AT+QSSLOPEN") == 1, e
