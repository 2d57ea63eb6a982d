# The families of modems: chosen by what ATI says, and each from start() to close().
# SPDX-License-Identifier: MIT

import errno
import sys

import qssl
from driver_kit import CA, HOST, Log, Recorder, arm, bare, pattern, raised, reads, unload, works
from qssl import Modem
from qssl.errors import DeliveryUnknown, Refused
from qssl.family import choose, table
from qssl.recovery import Recovery
from qssl.start.pdp import deactivate
from qssl.timekeeper import Timekeeper
from ugsim.fakenet import EchoPeer, FakeNet

# One model a family, as ugsim names it, and the family.
MODELS = (
    ("ug96", "ugxx"),
    ("ec25", "ec2x"),
    ("bg96", "bg96"),
    ("bg95", "bg95"),
    ("bg770a", "bg770a"),
    ("ec200u", "ec200u"),
    ("eg800k", "ec200a"),
)
LTE = MODELS[1:]
_NEEDED = "start connect family wire.command"  # until a connection is open


def made(model, net=None, **keywords):
    # (rig, modem, log), not started.
    rig, modem = bare(net or FakeNet(EchoPeer()), model=model, **keywords)
    return rig, modem, Log(rig)


def started(model, net=None, **keywords):
    rig, modem, log = made(model, net, **keywords)
    modem.start(apn="internet")
    return rig, modem, log


def values(rig, ctx=0):
    # What the modem holds.
    return rig.model.sslctx[ctx]


def echoed(sock, n=3000):
    data = pattern(n)
    sock.settimeout(30)
    sock.write(data)
    sock.flush()
    assert reads(sock, n) == data


# --- which one it is -----------------------------------------------------------------------------


class Chosen(Exception):
    pass


class Said:
    # Step of start(), modem and link in one: what ATI answers, one after the other.
    def __init__(self, forced, *answers):
        self.answers = list(answers)
        self.modem = self.link = self
        self.sick = False
        self.model = self.dialect = ""
        if forced:
            self.forced = forced

    def look(self):
        pass

    def shows(self, question, prefix):
        raise Chosen  # what start() does next with an LTE modem

    def told(self, line, prefix):
        yield from ()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def chosen(*answers, forced=None):
    step = Said(forced, *answers)
    first = step.answers.pop(0) if len(step.answers) > 1 else step.answers[0]
    try:
        for _ in choose.choose(step, first, []):
            pass
    except Chosen:
        pass
    return step.model, step.dialect


def ati(model, revision=None):
    lines = [b"Quectel", model.encode()]
    if revision:
        lines.append(b"Revision: " + revision.encode())
    return lines


def test_names_of_models():
    for model, revision, family in (
        ("UG96", "UG96LNAR02A06E1G", "ugxx"),
        ("EC21", "EC21EFAR06A03M4G", "ec2x"),
        ("EC20F", "EC20CEFAGR06A03M4G", "ec2x"),
        ("EG25", "EG25GGBR07A08M2G", "ec2x"),
        ("EG25-G", "EG25GGBR07A08M2G", "ec2x"),
        ("EG91", "EG91NAXGAR07A03M1G_30.004", "ec2x"),
        ("EG95NA", "EG95NAXR02A01", "ec2x"),
        ("EM05-E", None, "ec2x"),
        ("BG96", "BG96MAR01A01M1G", "bg96"),
        ("Quectel_BG96", None, "bg96"),
        ("BG95-M3", "BG95M3LAR02A03", "bg95"),
        ("BG77", "BG77LAR02A04", "bg95"),
        ("BG600L-M3", None, "bg95"),
        ("BG770A-GL", "BG770AGLAAR01A05", "bg770a"),
        ("BG951A-GL", None, "bg770a"),
        ("EC200U", "EC200UCNAAR03A15M08", "ec200u"),
        ("EG912U-GL", None, "ec200u"),
        ("EG915U-EU", "EG915UEUABR03A01M08", "ec200u"),
        ("EC200A", "EC200AELLAR01A05M16_TP", "ec200a"),
        ("EC800M", None, "ec200a"),
        ("EC801E", None, "ec200a"),
        ("EG800K", "EG800KCNGCR07A06M04", "ec200a"),
        ("EG912N-EN", None, "ec200a"),
        ("EG915N", None, "ec200a"),
        ("EG916Q-GL", "EG916QGLLGR01A05M04_01", "ec200a"),
    ):
        got = chosen(ati(model, revision))
        assert got[1] == family, (model, got)
        assert got[0] in model.upper() and len(got[0]) > 3, got


def test_the_firmware_tells_where_the_model_does_not():
    assert chosen([b"Quectel", b"Revision: BG96MAR02A07M1G"])[1] == "bg96"


def test_names_that_nobody_knows():
    # Also what begins like a known one: another digit is another modem.
    for model in ("BC660K-GL", "M66", "EG9150", "BG9", "EG916U", "EC2000", "BG9500", "SIM7600"):
        e = raised(chosen, ati(model))
        assert isinstance(e, Refused) and e.errno == errno.EINVAL and e.phase == "start", e
        assert model in str(e) and "BG770A" in str(e) and "dialect=" in str(e), e
    # Of one that says nothing: as it was before there were families.
    assert chosen([])[1] == "ugxx"


def test_an_answer_that_was_damaged_is_asked_again():
    good = ati("BG955A-GL", "BG955AGLAAR01A05")
    # a digit lost: it would be a BG95
    assert chosen(ati("BG95A-GL", "BG955AGLAAR01A05"), good)[1] == "bg770a"
    assert chosen([b"Quectel"], [b"Q\xffectel", b"E"], good)[1] == "bg770a"
    # what stays so, is so: the model's line counts
    assert chosen(ati("BG96", "EC25EFAR06A03M4G"))[1] == "bg96"


def test_a_dialect_that_is_forced():
    for name, family in (
        ("bg96", "bg96"),
        ("BG96", "bg96"),
        ("eg800k", "ec200a"),
        ("ugxx", "ugxx"),
        ("ug95", "ugxx"),
        ("EG95NA", "ec2x"),
    ):
        _, modem, _ = made("ug96", dialect=name)
        assert modem.dialect == family
        # a modem that nobody knows
        assert chosen(ati("XY1"), forced=family) == ("XY1", family)
        assert chosen([], forced=family)[1] == family
    for name in ("bg97", "lte", 5, b"bg96", "EG915", "auto"):
        e = raised(made, "ug96", dialect=name)
        assert isinstance(e, Refused) and "ec2x" in str(e) and "EG95" in str(e), e
    for model, forced in (("bg96", "ec2x"), ("ug96", "bg96"), ("ec25", "ugxx")):
        rig, modem, log = made(model, dialect=forced)
        e = raised(modem.start, apn="internet")
        assert isinstance(e, Refused) and e.errno == errno.EINVAL, e
        assert forced in str(e) and rig.model.family.model in str(e) and "leave dialect" in str(e)
        assert not log.count("AT+QICSGP") and not log.count("AT+QSSL"), log.at
    rig, modem, log = made("bg96", dialect="bg96")
    modem.start(apn="internet")
    assert modem.up and modem.dialect == "bg96"


# --- each of them --------------------------------------------------------------------------------


def test_each_from_start_to_close():
    for model, family in MODELS:
        rig, modem, log = started(model)
        assert modem.up and modem.dialect == family, (model, modem.dialect)
        assert modem.model == rig.model.family.model
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        echoed(sock)
        (one,) = modem.state()
        assert one.state == "connected" and one.id == 0 and one.mode == "buffer", one
        sock.close()
        assert modem.state() == [] and log.count("AT+QSSLCLOSE") == 1
        assert not modem.stats.garbled and modem.stats.resyncs == 1, model  # that of start()
        modem.stop()


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
            "AT+QSSLCFG); leave sni=True out, and let the server show the right certificate "
            "without it",
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
    rig, modem, log = made("bg96", dialect="ec25")
    e = raised(modem.start, apn="internet")
    assert e.hint == "dialect= says ec2x, but the modem says it is BG96, which is bg96; leave " + (
        "dialect= out"
    )
    e = raised(chosen, ati("BC660K-GL"))
    assert e.hint.startswith("the modem says it is BC660K-GL, which is none of those that the ")
    assert e.hint.endswith(
        "; if its AT+QSSL commands are like those of one, say so: Modem(dialect=...)"
    )
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


def test_a_byte_of_what_was_left_is_lost():
    # The line that tells it is damaged, and nobody's; its value is lost.
    for key in ("ignoremulticertchainverify", "session_cache", "psk"):
        value = '"other","313233"' if key == "psk" else "1"
        line = '\r\n+QSSLCFG: "%s",0,' % key  # the value follows
        for at in (4, len(line) + 1):
            rig, modem, log = started("ec25")
            log_at(rig, 'AT+QSSLCFG="%s",0,%s\r' % (key, value))
            armed = []

            def event(kind, text, rig=rig, log=log, armed=armed, key=key, at=at):
                log(kind, text)
                if text == 'AT+QSSLCFG="%s",0' % key and not armed:
                    armed.append(arm(rig, "lose at=%d" % at))  # behind the echo

            rig.model.on_event = event
            modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
            assert armed and not rig.model.faults.armed(), key
            now = values(rig)[key]
            assert not now or tuple(now) == ("", ""), (key, at, now)


def test_the_best_suite_where_it_is_offered():
    rig, modem, log = started("bg95")
    rig.model.family.suites = tuple([s for s in rig.model.family.suites if s != "0XC02F"])
    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
    assert values(rig)["ciphersuite"] == "0X003D"
    ctx = modem.tls(1, ca=CA, check_time=False, suite="ECDHE-RSA-AES128-GCM-SHA256")
    e = raised(modem.connect, HOST, 8883, ctx)
    assert "ciphersuite" in str(e) and log.count("AT+QSSLOPEN") == 1, e


def test_what_another_program_has_left():
    for model, _ in LTE:
        switches = {"ignorecert_default": "1"}
        rig, modem, log = made(model, switches=switches)
        family = rig.model.family
        for key, value in (
            ("viewmode", 1),
            ("recvind", 1),
            ("sendinfo", 1),
            ("close/mode", 1),
            ("formatcfg", 1),
        ):
            if key in family.qicfg:
                answer = log_at(rig, 'AT+QICFG="%s",%d\r' % (key, value))
                assert b"OK" in answer, (model, key, answer)
        kept = [key for key in ("session", "session_cache") if key in family.keys]
        for key in kept:
            assert b"OK" in log_at(rig, 'AT+QSSLCFG="%s",0,1\r' % key), (model, key)
        modem.start(apn="internet")
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        for key in ("ignorecertchain", "ignoremulticertchainverify", "ignoreinvalidcertsign"):
            if key in family.keys:
                assert values(rig)[key] == 0, (model, key)
        assert not [key for key in kept if values(rig)[key]], (model, kept)
        assert kept or model == "bg96"
        echoed(sock)
        sock.close()
        works(modem)
        assert not modem.stats.garbled and modem.stats.resyncs == 1, model  # that of start()


def test_a_further_ca_that_another_program_has_left():
    # It would be trusted as well. As some modems list it, it is the CA by another name.
    for model in ("ec25", "eg800k"):
        for meaning in ("more", "cacert"):
            for quoted in ("yes", "no"):
                switches = {"cacertex": meaning, "cfg_quoted": quoted}
                rig, modem, log = started(model, switches=switches)
                rig.model.files.ufs.put("other.pem", CA)
                assert b"OK" in log_at(rig, 'AT+QSSLCFG="cacertex",0,"other.pem"\r')
                for host in (HOST, "192.0.2.1", HOST):  # set up anew each time
                    modem.connect(host, 8883, modem.tls(0, ca=CA, check_time=False)).close()
                    tls = rig.net.conns[-1].tls
                    assert tls.more_ca == () and tls.ca == CA, (model, meaning, quoted)
                found = "".join(values(rig)["cacertex" if meaning == "more" else "cacert"])
                assert (found == "") == (meaning == "more"), (model, meaning, found)
    # Two of six.
    rig, modem, log = started("eg800k")
    rig.model.files.ufs.put("other.pem", CA)
    line = 'AT+QSSLCFG="cacertex",0,"","other.pem","other.pem"\r'
    assert b"OK" in log_at(rig, line)
    modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
    assert rig.net.conns[-1].tls.more_ca == ()
    # A firmware that does not let go of it.
    rig, modem, log = started("ec25")
    log_at(rig, 'AT+QSSLCFG="cacertex",0,"other.pem"\r')
    arm(rig, "cfg_ignored key=cacertex n=0")
    e = raised(modem.connect, HOST, 8883, modem.tls(0, ca=CA, check_time=False))
    assert e.errno == errno.EACCES and "cacertex" in e.hint and not rig.net.conns, e


def test_what_another_program_has_left_of_alpn_psk_and_renegotiation():
    # The server refuses a protocol that it does not speak; a PSK would be offered beside the
    # certificates; a server that may negotiate again can show another one.
    left = (
        ('"renegotiation",%d,1', "renegotiation", 0),
        ('"alpn",%d,"h2"', "alpn", ("",)),
        ('"psk",%d,"other","313233"', "psk", ("", "")),
    )
    for model, _ in LTE:
        for quoted in ("yes", "no"):
            rig, modem, log = started(model, switches={"cfg_quoted": quoted})
            rig.net.alpn[HOST] = ("http/1.1",)
            mine = [row for row in left if row[1] in rig.model.family.keys]
            assert bool(mine) == (model not in ("bg96", "ec200u")), model
            for text, _, _ in mine:
                assert b"OK" in log_at(rig, "AT+QSSLCFG=" + text % 0 + "\r"), (model, text)
            for _ in range(2):
                modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
                tls = rig.net.conns[-1].tls
                assert (tls.alpn, tls.psk, tls.renegotiation) == ("", ("", ""), False), model
            for _, key, value in mine:
                assert tuple(values(rig)[key] or ()) == value if value else not values(rig)[key]
    # A firmware that does not let go of it.
    for key, text in (("psk", '"psk",0,"other","313233"'), ("alpn", '"alpn",0,"h2"')):
        for fault in ("cfg_ignored key=%s n=0", "cfg_error key=%s n=0"):
            rig, modem, log = started("ec25")
            log_at(rig, "AT+QSSLCFG=%s\r" % text)
            arm(rig, fault % key)
            e = raised(modem.connect, HOST, 8883, modem.tls(0, ca=CA, check_time=False))
            assert key in e.hint and "restart it" in e.hint and not rig.net.conns, e


def log_at(rig, text):
    # What the modem answers to a line that another program types.
    rig.model.feed(text.encode())
    rig.sleep(300)
    return rig.rx.take(4096)


def test_the_port_of_urcs():
    for model, port in (("ec25", "uart1"), ("eg800k", "uart1"), ("bg770a", "main")):
        rig, modem, log = made(model, switches={"urc_port": "elsewhere"})
        modem.start(apn="internet")
        assert log.count('AT+QURCCFG="urcport","%s"' % port) == 1, log.at
        works(modem)
        n = log.count('AT+QURCCFG="urcport","')
        modem.start(apn="internet")  # it is kept, and not written again
        assert log.count('AT+QURCCFG="urcport","') == n
    # A PC on the modem's USB port: what comes at the UART is not for it.
    rig, modem, log = made("ec25", switches={"at_port": "usbmodem"})
    modem.start(apn="internet")
    works(modem)


# --- restarts ------------------------------------------------------------------------------------


def test_a_restart_that_nobody_saw():
    # The attach has activated the context again: only a setting that is gone shows it.
    for model, _ in LTE:
        rig, modem, log = started(model)
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        echoed(sock, 100)
        rig.model.power.restart(True, True)
        rig.sleep(20000)
        epoch = modem.epoch
        sock.settimeout(60)
        e = raised(sock.recv, 1)
        assert "restart" in str(e) or "no such connection" in str(e), (model, e)
        modem.sleep_ms(3000)
        assert not modem.up and modem.gone == "restarted" and modem.epoch > epoch, (
            model,
            modem.gone,
        )
        modem.start(apn="internet")
        works(modem)


def test_words_of_a_restart():
    for model, words in (("bg95", "APP RDY"), ("bg95", "PSM POWER DOWN"), ("ec25", "RDY")):
        rig, modem, log = started(model)
        modem.sleep_ms(30000)
        restarts = modem.stats.restarts
        # true
        rig.model.power.restart(True, True)
        rig.sleep(15000)
        say(rig, words)
        modem.sleep_ms(5000)
        assert modem.stats.restarts == restarts + 1 and not modem.up, (model, words)
        modem.start(apn="internet")
        works(modem)
        # not true
        modem.sleep_ms(30000)
        say(rig, words)
        modem.sleep_ms(5000)
        assert modem.stats.restarts == restarts + 1 and modem.up, (model, words)
        works(modem)


def say(rig, words):
    rig.rx.append(b"\r\n" + words.encode() + b"\r\n")


def test_app_rdy_belongs_to_rdy():
    rig, modem, log = started("bg95")
    sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
    rig.model.power.restart(True)
    modem.sleep_ms(10000)
    assert modem.stats.restarts == 1 and not modem.up
    raised(sock.recv, 1)
    modem.start(apn="internet")
    works(modem)
    assert modem.stats.restarts == 1


# --- the PDP context -----------------------------------------------------------------------------


def test_a_context_that_is_active_already():
    for model, _ in LTE:
        for addresses, dots in (("4", True), ("46", True), ("6", False)):
            rig, modem, log = made(model, switches={"addresses": addresses})
            modem.start()  # any APN will do
            assert modem.up and (modem.address.count(".") == 3) == dots, modem.address
            assert not log.count("AT+QIDEACT") and not log.count("AT+QIACT="), log.at
            assert modem.ip() == modem.address
            rig, modem, log = made(model, switches={"addresses": addresses})
            modem.start(apn="internet")
            assert modem.up and modem.address, (model, addresses)
            works(modem)


def test_a_context_whose_address_hangs_on_another_one():
    for show in ("none", "stale"):
        rig, modem, log = started("eg800k")
        works(modem)
        arm(rig, "pdp_drift show=" + show)
        ctx = modem.tls(0, ca=CA, check_time=False)
        for _ in range(3):
            try:
                modem.connect(HOST, 8883, ctx).close()
                break
            except OSError:
                if not modem.up:
                    modem.start(apn="internet")
        else:
            raise AssertionError("no connection in three tries: " + show)
        assert modem.up
        works(modem)


def test_a_firmware_that_hangs_at_cgact():
    # BG96 since BG96MAR02A07 was seen to hang at AT+CGACT until it is reset.
    rig, modem, log = made("bg96")
    arm(rig, "crash cmd=+CGACT do=mute n=0")
    modem.start(apn="other", timeout_ms=60000)
    assert log.count("AT+QIDEACT=1"), log.at
    works(modem)


def test_pdp_contexts_of_a_family():
    for model, most in (("ec25", 16), ("bg770a", 5), ("ec200u", 7), ("eg800k", 15)):
        rig, modem, log = started(model)
        e = raised(modem.activate, most + 1, "internet")
        assert isinstance(e, Refused) and str(most) in str(e), e
        assert not log.count("AT+QICSGP=%d" % (most + 1))
        ctx = modem.tls(0, ca=CA, check_time=False)
        sent = len(log.at)
        pdp = {"pdp": most + 1}
        for call, args in (
            (modem.connect, (HOST, 1, ctx)),
            (modem.open, (HOST, 1, ctx)),
            (modem.transparent, (HOST, 1, ctx)),
            (deactivate, (modem,)),
            (modem.diagnose, ()),
            (Timekeeper, (modem, None, "ntp.example")),
        ):
            e = raised(call, *args, **pdp)
            assert isinstance(e, Refused) and e.hint.startswith("1 to %d: PDP" % most), e
        assert {text[:3] for text in log.at[sent:]} <= {"ATE"}, log.at[sent:]
        address = modem.activate(2, "other")
        assert address and 2 in modem.pdps
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False), pdp=2)
        echoed(sock, 100)
        sock.close()


# --- lines that a UGxx has not -------------------------------------------------------------------


def test_a_recv_urc_with_a_length():
    # In buffer mode nothing follows it. Another program sets it while a connection is open.
    for model in ("ec25", "bg95", "ec200u", "eg800k"):
        rig, modem, log = started(model)
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        modem.command('AT+QICFG="recvind",1')
        for _ in range(3):
            echoed(sock, 2000)
            modem.sleep_ms(500)
        assert not modem.stats.garbled and modem.stats.resyncs == 1
        sock.close()


def test_direct_push_and_transparent_mode():
    for model, _ in LTE:
        rig, modem, log = started(model)
        ctx = modem.tls(0, ca=CA, check_time=False)
        sock = modem.connect(HOST, 8883, ctx, push=True)
        echoed(sock, 1000)
        sock.switch(False)
        echoed(sock, 1000)
        sock.close()
        pipe = modem.transparent(HOST, 8883, ctx)
        echoed(pipe, 1000)
        pipe.escape()
        echoed(pipe, 1000)
        pipe.resume()
        echoed(pipe, 1000)
        pipe.close()
        works(modem)
        assert not modem.stats.garbled, model


def test_data_that_reads_like_the_end_of_data_mode():
    # NO CARRIER is taken for the modem's answer to +++ only where that can stand.
    from mode_kit import piped, takes

    words = b"\r\nNO CARRIER\r\n"
    for model in ("ec25", "bg95", "ec200u"):
        for after in (500, 1095, 1500, 1900):
            rig, modem, pipe, peer = piped(model=model)
            rig.model.timers.at(rig.now + after, lambda peer=peer: peer.say(words))
            pipe.escape()
            takes(pipe, words)
            pipe.resume()
            peer.say(b"more")
            takes(pipe, b"more")
            pipe.close()
            assert not modem.stats.garbled, (model, after)


def test_files():
    from qssl import files

    for model, _ in MODELS:
        rig, modem, log = started(model)
        where = table(modem).where if modem.link.lte else "RAM:"
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        path = values(rig)["cacert"]
        flash = table(modem).flash if modem.link.lte else "UFS:"
        start = "RAM:" if where == "RAM:" else flash
        assert path.startswith(start) and path.endswith(".pem"), (model, path)
        assert ":" in path or not start, (model, path)
        uploads = log.count("AT+QFUPL")
        modem.connect(HOST, 8883, modem.tls(1, ca=CA, check_time=False)).close()
        assert log.count("AT+QFUPL") == uploads  # it is there
        assert files.size(modem, path) > 100
        ctx = modem.tls(2, ca=CA, check_time=False, where="UFS:")
        modem.connect(HOST, 8883, ctx).close()
        assert values(rig, 2)["cacert"].startswith(flash), (model, values(rig, 2)["cacert"])


def test_what_went_up_is_proven_where_the_modem_does_not_say_so():
    for model, fault in (("bg95", "upload_line n=9"), ("ec25", "list_empty")):
        rig, modem, log = started(model)
        arm(rig, fault)
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        assert log.count("AT+QFDWL") == 1, (model, log.at)
        works(modem)


def test_the_clock():
    for model, _ in LTE:
        rig, modem, log = started(model)
        assert modem.clock() is None
        modem.clock((2026, 5, 6, 7, 8, 9))
        assert modem.clock()[:5] == (2026, 5, 6, 7, 8)
        modem.connect(HOST, 8883, modem.tls(0, ca=CA)).close()


# --- prompts that give up ------------------------------------------------------------------------


class Busy:
    # An idle hook that takes `ms` once, when a command of AT+QSSLSEND is out.
    def __init__(self, ms):
        self.rig = None
        self.log = None
        self.ms = ms

    def __call__(self):
        if self.log is not None and self.log.count("AT+QSSLSEND") and self.ms:
            ms = self.ms
            self.ms = 0
            self.rig.sleep(ms)


def impatient(model, **keywords):
    # A modem whose prompt gives up after 5 s, whatever AT+QICFG is told.
    rig, modem, log = made(model, **keywords)
    family = rig.model.family
    family.qicfg = tuple([key for key in family.qicfg if key != "qisend/timeout"])
    rig.model.sw.set("prompt_timeout_ms", "5000")
    modem.start(apn="internet")
    return rig, modem, log


def test_a_program_that_is_busy_while_the_modem_waits_for_data():
    # What is typed too late would be run as commands.
    data = b"AT+CFUN=1,1\r\n" * 20
    for model in ("ec25", "ec200u", "eg800k"):
        for late in ("error", "nothing", "fail"):
            for ms in (5500, 9000):
                idle = Busy(ms)
                rig, modem, log = impatient(model, idle=idle, switches={"prompt_late": late})
                sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
                sock.settimeout(60)
                idle.log = log
                sock.write(data)
                e = raised(sock.flush)
                assert not idle.ms and e.phase in ("send", "modem"), (model, late, e)
                modem.sleep_ms(20000)
                assert not log.count("AT+CFUN=1,1") and modem.up, (model, late, log.at[-5:])
                works(modem)


def test_the_prompt_is_told_to_be_patient():
    for model in ("ec25", "ec200u", "eg800k"):
        idle = Busy(3500)
        rig, modem, log = made(model, idle=idle)
        modem.start(apn="internet")
        assert log.count('AT+QICFG="qisend/timeout",120') == 1
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        idle.log = log
        echoed(sock, 1000)
        assert not idle.ms


def test_a_prompt_in_a_call_that_has_little_time():
    # What counts is how long the modem has waited, not what is left of the call.
    from qssl.ctrl_z import send

    for model in ("ec25", "ec200u", "eg800k"):
        rig, modem, log = impatient(model)
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        assert send(sock, b"short of time", 2000) == 13, model
        assert reads(sock, 13) == b"short of time"


def test_a_byte_that_is_lost_behind_the_prompt():
    # The modem waits for it in vain: nobody knows what was sent.
    for model in ("ec25", "ec200u", "eg800k"):
        for late in ("error", "nothing"):
            rig, modem, log = impatient(model, switches={"prompt_late": late})
            sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
            sock.settimeout(60)
            echoed(sock, 100)
            data = pattern(700)
            sock.write(data)
            arm(rig, "lose_in at=60")
            e = raised(sock.flush)
            assert isinstance(e, DeliveryUnknown), (model, late, e)
            works(modem)


def test_a_text_that_reads_like_a_restart_before_a_prompt():
    # The prompt is not late for that, nor is one believed that is.
    for model in ("ec25", "ec200u", "eg800k"):
        for word in ("RDY", "POWERED DOWN", "NORMAL POWER DOWN", "PSM POWER DOWN", "APP RDY"):
            rig, modem, log = started(model)
            sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
            echoed(sock, 10)
            modem.sleep_ms(25000)
            arm(rig, "before before=prompt text=" + word)
            echoed(sock, 10)
            assert modem.up and not modem.stats.restarts and not modem.stats.timeouts, word
    for word in ("RDY", "PSM POWER DOWN"):
        idle = Busy(5500)
        rig, modem, log = impatient(model, idle=idle, switches={"prompt_late": "nothing"})
        sock = modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False))
        idle.log = log
        arm(rig, "before before=prompt text=" + word)
        sock.write(b"AT+CFUN=1,1\r\n" * 20)
        raised(sock.flush)
        modem.sleep_ms(20000)
        assert not log.count("AT+CFUN=1,1"), word


# --- memory --------------------------------------------------------------------------------------


def test_what_an_opening_needs_is_let_go():
    # From .mpy files; an LTE modem holds no more than a UGxx once the connection is open.
    none = qssl.unload
    file = qssl.__file__
    qssl.unload = unload
    qssl.__file__ = "qssl/__init__.mpy"
    unload(_NEEDED)
    try:
        for how in ("connect", "push", "open"):
            rig, modem, log = started("bg95")
            ctx = modem.tls(0, ca=CA, check_time=False)
            if how == "open":
                sock = modem.open(HOST, 8883, ctx)
            else:
                sock = modem.connect(HOST, 8883, ctx, push=how == "push")
            echoed(sock, 10)
            held = [name[5:] for name in sys.modules if name.startswith("qssl.")]
            rooms = _NEEDED.split()
            held = [name for name in held if name in rooms or name.split(".")[0] in rooms]
            assert not held, (how, held)
    finally:
        qssl.unload = none
        qssl.__file__ = file
        unload(_NEEDED)


# --- firmware that opens no more -----------------------------------------------------------------


def test_a_context_that_an_earlier_connection_takes_with_it():
    # The modem said OK to AT+QSSLCLOSE, holds the connection for a while, and forgets the settings
    # of the context when it lets go: in the middle of their being set, and behind that.
    hits = 0
    for how in ("connect", "open"):
        for busy in range(0, 120, 10):
            rig, modem, log = started(
                "bg770a", switches={"context_release": "reset", "id_busy_ms": 1 + busy}, sockets=3
            )
            ctx = modem.tls(0, ca=CA, check_time=False)
            socks = [modem.connect(HOST, 8883, ctx), modem.connect(HOST, 8883, ctx)]
            good = rig.net.conns[-1].tls.seclevel, rig.net.conns[-1].tls.version
            socks[0].close()
            rig.sleep(busy % 20 * 500)  # its id is free, or not
            socks[1].close()
            ctx._epoch = -1  # all is set again
            for _ in range(9):
                made = len(rig.net.conns)
                try:
                    if how == "connect":
                        sock = modem.connect(HOST, 8883, ctx)
                    else:
                        sock = modem.open(HOST, 8883, ctx)
                    echoed(sock, 10)
                    break
                except OSError as e:
                    assert "the settings of the SSL context" in str(e), (how, busy, e)
                    rig.sleep(300)
                    assert not [c.sent for c in rig.net.conns[made:] if c.sent], (how, busy)
            hits += len(rig.net.conns) - made - 1  # looked at, and given up
            for conn in rig.net.conns[made:]:
                tls = conn.tls.seclevel, conn.tls.version
                assert tls == good or not conn.sent, (how, busy, tls)
            sock.close()
    assert hits


def test_a_context_that_is_forgotten_in_the_rhythm_of_a_program():
    # It connects and closes at a steady pace, the modem forgets the context each time while it is
    # set up anew: connect() knows a way out, open() from the second time on. ids: of the driver.
    for how, ids, reply, busy, pause, most in (
        ("connect", 1, 20, 100, 0, 0),
        ("connect", 2, 20, 250, 0, 0),
        ("connect", 1, 20, 8000, 3000, 0),
        ("connect", 2, 20, 3200, 3000, 0),
        ("connect", 2, 300, 8000, 1000, 0),
        ("open", 1, 20, 400, 0, 1),
        ("open", 1, 20, 3000, 1000, 1),
        ("open", 2, 20, 3200, 3000, 1),
        ("open", 2, 300, 3000, 0, 1),
    ):
        switches = {"context_release": "reset", "id_busy_ms": busy, "reply_ms": reply}
        rig, modem, log = started("bg770a", sockets=ids, switches=switches)
        ctx = modem.tls(0, ca=CA, check_time=False)
        lost = 0
        good = None
        what = how, ids, reply, busy, pause
        for _ in range(6):
            made = len(rig.net.conns)
            sock = None
            try:
                if how == "connect":
                    sock = modem.connect(HOST, 8883, ctx, 20000)
                else:
                    sock = modem.open(HOST, 8883, ctx)
                sock.settimeout(60)
                echoed(sock, 10)
            except OSError as e:
                assert "the settings of the SSL context" in str(e), (what, e)
                lost += 1
            for conn in rig.net.conns[made:]:
                tls = conn.tls.seclevel, conn.tls.version, conn.tls.suites
                good = good or tls
                assert tls == good or not conn.sent, (what, tls)
            if sock:
                sock.close()
            modem.sleep_ms(pause)
        assert lost <= most, (what, lost)


def test_a_context_that_is_forgotten_in_the_other_modes():
    # In push mode it is asked about before anything is sent. In transparent mode it can't be: what
    # the modem still lets go is waited for before.
    for how in ("connect", "open", "transparent"):
        bad = 0
        for busy, pause in ((100, 0), (300, 0), (3100, 3000)):
            switches = {"context_release": "reset", "id_busy_ms": busy, "reply_ms": 20}
            rig, modem, log = started("bg770a", switches=switches)
            ctx = modem.tls(0, ca=CA, check_time=False)
            good = None
            for n in range(4):
                made = len(rig.net.conns)
                try:
                    if how == "transparent":
                        sock = modem.transparent(HOST, 8883, ctx, 30000)
                    elif how == "open":
                        sock = modem.open(HOST, 8883, ctx, push=True)
                    else:
                        sock = modem.connect(HOST, 8883, ctx, 30000, push=True)
                    sock.settimeout(30)
                    sock.write(b"hello")
                    sock.flush()
                    assert reads(sock, 5) == b"hello"
                except OSError as e:
                    assert "the settings of the SSL context" in str(e) and how == "open", (how, e)
                for conn in rig.net.conns[made:]:
                    tls = conn.tls.seclevel, conn.tls.version
                    good = good or tls
                    assert tls == good or not conn.sent, (how, busy, n, tls)
                    bad += tls != good
                sock.close()
                modem.sleep_ms(pause)
        assert (how == "transparent") == (not bad), (how, bad)


class Forgets(Recorder):
    # A server that speaks first; with the connection the modem forgets the context.
    rig = None

    def on_open(self, conn):
        Recorder.on_open(self, conn)
        if self.rig:
            sslctx = self.rig.model.sslctx
            sslctx[0] = sslctx[5]


def test_a_push_that_holds_the_line_before_the_context_was_asked_about():
    # The server says more than fits: the answer is behind that, so it is given out. But nothing is
    # sent until it is known that the context stood.
    for model in ("bg95", "eg800k"):
        for good in (True, False):
            for how in ("connect", "open"):
                peer = Forgets(pattern(6000))
                rig, modem, log = started(model, FakeNet(peer))
                ctx = modem.tls(0, ca=CA, check_time=False)
                peer.rig = None if good else rig
                if how == "connect":
                    sock = modem.connect(HOST, 8883, ctx, 20000, push=True)
                else:
                    sock = modem.open(HOST, 8883, ctx, push=True)
                sock.settimeout(30)
                if good:
                    assert reads(sock, 6000) == pattern(6000)
                    sock.write(b"z")
                    sock.flush()
                    modem.sleep_ms(300)
                    assert peer.received == b"z"
                else:
                    sock.write(b"z")
                    reads(sock, 6000)
                    e = raised(sock.flush)
                    assert "the settings of the SSL context" in str(e), (how, e)
                    raised(sock.recv, 1)
                    modem.sleep_ms(300)
                    assert not peer.received, how
                sock.close()
        peer.rig = None
        works(modem)


def test_a_context_that_can_not_be_seen_behind_the_opening():
    # The modem refuses the questions: nothing is sent, and it is said so.
    for how in ("connect", "push", "open", "open push"):
        rig, modem, log = started("bg95")

        def event(kind, text, rig=rig, log=log):
            log(kind, text)
            if log.count("AT+QSSLOPEN") and text.startswith("AT+QSSLCFG"):
                arm(rig, "error cmd=+QSSLCFG")

        ctx = modem.tls(0, ca=CA, check_time=False)
        rig.model.on_event = event
        try:
            if how.startswith("open"):
                sock = modem.open(HOST, 8883, ctx, push="push" in how)
            else:
                sock = modem.connect(HOST, 8883, ctx, push="push" in how)
            sock.settimeout(30)
            sock.write(b"x")
            sock.flush()
            e = None
        except OSError as error:
            e = error
        assert e and e.errno == errno.EIO, (how, e)
        assert "can't be read" in str(e) or "shows no settings" in str(e), (how, e)
        assert not rig.net.conns[0].sent, how
        rig.model.on_event = log
        modem.sleep_ms(2000)
        works(modem)


def test_an_open_that_takes_another_id():
    # As connect() does. What was written before stays, and each id its own memory.
    for held in (False, True):
        rig, modem, log = started("bg95", sockets=3, switches={"id_busy_ms": 5000})
        ctx = modem.tls(0, ca=CA, check_time=False)
        modem.held = held
        first = modem.connect(HOST, 8883, ctx)
        was = first.id
        first.close()
        modem.held = held
        sock = modem.open(HOST, 8883, ctx)
        assert sock.id == was
        sock.settimeout(0)
        data = pattern(100)
        sock.write(data)
        begun = rig.now
        while not sock.state():
            modem.pump()
            rig.sleep(10)
        assert sock.state() == 1 and rig.now - begun < 2000, (sock.why, rig.now - begun)
        assert sock.id == (0 if held else 2) and modem.sockets[sock.id] is sock
        assert modem.sockets[was] is None
        sock.settimeout(30)
        assert reads(sock, 100) == data
        others = [modem.connect(HOST, 8883, ctx) for _ in range(2)]
        assert modem.sockets.count(None) == 0
        for s in others:
            echoed(s, 2000)
        echoed(sock, 2000)
        memory = [id(slot.rx) for slot in modem.slots]
        assert len(set(memory)) == 3
        for s in [sock] + others:
            s.close()
        modem.sleep_ms(6000)
        works(modem)


def test_firmware_that_opens_no_more():
    rig, modem, log = started("eg800k", switches={"open_limit": 3})
    ctx = modem.tls(0, ca=CA, check_time=False)
    for _ in range(3):
        modem.connect(HOST, 8883, ctx).close()
    e = raised(modem.connect, HOST, 8883, ctx)
    assert e.code == 552 and "restart the modem" in str(e) and HOST in str(e), e
    modem.start(apn="internet")  # which is no cure
    assert raised(modem.connect, HOST, 8883, ctx).code == 552
    told = []
    recovery = Recovery(modem, tell=lambda word, value: told.append(word), apn="internet")
    for failures in (1, 2):
        modem.link.drive(recovery.steps(failures))
        if modem.up:
            try:
                modem.connect(HOST, 8883, ctx).close()
                break
            except OSError:
                pass
    assert "restart" in told and modem.up, told
    works(modem)


# --- what diagnose() and probe() say ------------------------------------------------------------


def findings(model, host=HOST, switches=None, **wants):
    rig, modem, log = started(model, switches=switches)
    ctx = modem.tls(0, ca=CA, check_time=False, **wants)
    return [(ok, what) for ok, what, _ in modem.diagnose(host, ctx)]


def test_diagnose_says_what_stays_open():
    for model, checked, sni in (
        ("ug96", None, False),
        ("ec25", None, True),
        ("bg96", True, True),
        ("bg95", True, True),
        ("bg770a", True, True),
        ("ec200u", None, True),
        ("eg800k", True, True),
    ):
        found = findings(model)
        (name,) = [ok for ok, what in found if "name in the server's certificate" in what]
        assert name is checked, (model, found)
        told = [ok for ok, what in found if "SNI" in what]
        assert told == ([True] if sni else []), (model, found)
        assert not [what for _, what in found if "0X" in what], found
    found = findings("bg96", switches={"firmware": "old"})
    assert [ok for ok, what in found if "certificate is not checked" in what] == [None]
    assert [ok for ok, what in found if "SNI" in what] == [None], found
    found = findings("bg96", sni=False, check_host=False)
    assert [ok for ok, what in found if "certificate is not checked" in what] == [None]
    assert [ok for ok, what in found if "SNI" in what] == [None], found


def test_a_name_that_resolves_with_blanks():
    rig, modem, log = started("ec200u")
    arm(rig, "lose_urc what=dnsgip n=0")

    lines = ['"2001:db8::1"', '"192.0.2.1"', "0, 2, 0"]

    def answers():
        if lines and log.count("AT+QIDNSGIP=1"):
            rig.sleep(200)
            say(rig, '+QIURC: "dnsgip", ' + lines.pop())

    log.at.clear()
    modem.link.idle = answers
    found = [what for ok, what, _ in modem.diagnose(HOST) if HOST in what]
    assert found == [HOST + " is 192.0.2.1"], found


def test_probe_of_lists_that_are_longer_than_a_line():
    for model, _ in LTE:
        rig, modem, log = started(model)
        caps = modem.probe()
        assert caps["QSSLCFG"] and caps["QSSLOPEN"], model
        ctx = modem.tls(0, ca=CA, check_time=False)
        modem.connect(HOST, 8883, ctx).close()
        assert values(rig)["ciphersuite"] == "0XC02F"


# --- PWRKEY --------------------------------------------------------------------------------------


def test_switched_off():
    # Nobody knows the modem yet; or its name was given.
    for model in ("ug96", "ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k"):
        took = []
        for dialect in (None, model):
            rig, modem, log = made(model, powered=False, dialect=dialect)
            modem.pins = (Pin(rig, "pwrkey"), Pin(rig, "status")) + (None,) * 4
            modem.start(apn="internet")
            took.append(rig.now)
            works(modem)
        # Longer pulses are tried when the short ones have not helped.
        assert took[0] < 150000 and took[1] < 40000, (model, took)


def test_switched_off_by_the_key_that_was_to_wake_it():
    # Its AT port is deaf, and nothing tells that it is on: PWRKEY switches it off, then on.
    for model in ("bg96", "ec200u"):
        rig, modem, log = started(model)
        modem.pins = (Pin(rig, "pwrkey"),) + (None,) * 5
        arm(rig, "lose_in n=0")

        def hears(rig=rig):
            if not rig.model.power.alive():
                rig.model.command("clear lose_in")

        modem.link.idle = hears
        begun = rig.now
        modem.start(apn="internet")
        assert rig.now - begun < 90000, (model, rig.now - begun)
        works(modem)


class Pin:
    def __init__(self, rig, name):
        self._rig = rig
        self._name = name

    def value(self, on=None):
        if on is None:
            return self._rig.model.line(self._name)
        self._rig.model.set_line(self._name, on)


def test_firmware_whose_close_takes_no_time():
    # Of a family that mostly takes one: ids get free, and what another program left is closed.
    for model in ("ec25", "eg800k", "bg95"):
        rig, modem, log = made(model, switches={"close_timeout": "error"})
        modem.start(apn="internet")
        ctx = modem.tls(0, ca=CA, check_time=False)
        for _ in range(3):
            modem.connect(HOST, 8883, ctx).close()
            assert modem.state() == [], model
        modem.connect(HOST, 8883, ctx)
        again = Modem(rig.uart)
        again.start(apn="internet")
        assert again.state() == [], model
        works(again)


def test_an_id_that_stays_taken_after_its_close():
    # The modem says OK to AT+QSSLCLOSE and lets go later: the same id is waited for, or another
    # one taken.
    for model, _ in LTE:
        for sockets in (1, 2):
            for how in (Modem.connect, Modem.transparent):
                rig, modem, log = started(model, sockets=sockets, switches={"id_busy_ms": 5000})
                ctx = modem.tls(0, ca=CA, check_time=False)
                modem.connect(HOST, 8883, ctx).close()
                begun = rig.now
                settings = log.count("AT+QSSLCFG")
                sock = how(modem, HOST, 8883, ctx, 30000)
                spent = rig.now - begun
                # In transparent mode it waits in any case, see above.
                quick = sockets == 2 and how is Modem.connect
                assert sock.id == quick and log.count("AT+QSSLOPEN") < 9, (model, log.at)
                assert spent < 2000 if quick else 4900 < spent < 8000, (model, spent)
                assert log.count("AT+QSSLCFG") - settings < 40, model  # it is not set up each time
                echoed(sock, 300)
                sock.close()


def test_an_id_that_is_never_let_go():
    for how in (Modem.connect, Modem.transparent):
        for limit in (3000, 10000):
            switches = {"id_busy_ms": 10000000}
            rig, modem, log = started("eg800k", sockets=1, switches=switches)
            ctx = modem.tls(0, ca=CA, check_time=False)
            modem.connect(HOST, 8883, ctx).close()
            begun = rig.now
            e = raised(how, modem, HOST, 8883, ctx, limit)
            assert e.code == 563 and e.errno == errno.ECONNREFUSED and e.phase == "open", e
            assert HOST in e.hint and "may take seconds" in e.hint, e
            assert e.hint.endswith("try again; if it stays, restart it"), e
            assert limit - 4000 < rig.now - begun <= limit, rig.now - begun
            rig.model.command("restart")
            modem.start(apn="internet")
            works(modem)
    # With another id there is no need for it.
    rig, modem, log = started("bg95", switches=switches)
    ctx = modem.tls(0, ca=CA, check_time=False)
    modem.connect(HOST, 8883, ctx).close()
    sock = modem.connect(HOST, 8883, ctx)
    assert sock.id == 1
    echoed(sock)


def opens(rig, modem, most_ms=60000, **keywords):
    # (socket, ms) of a Modem.open() that has ended; nothing waits.
    begun = rig.now
    sock = modem.open(HOST, 8883, modem.tls(0, ca=CA, check_time=False), **keywords)
    while not sock.state() and rig.now - begun < most_ms:
        before = rig.now
        modem.pump()
        assert rig.now - before <= 2
        rig.sleep(10)
    return sock, rig.now - begun


def test_an_id_that_stays_taken_and_a_program_that_does_not_wait():
    for model, _ in LTE:
        for how in ({}, {"fault": "open_busy n=2"}, {"close_timeout": "error"}):
            switches = {"id_busy_ms": 5000}
            fault = how.pop("fault", None)
            switches.update(how)
            rig, modem, log = started(model, sockets=1, switches=switches)
            modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
            if fault:
                arm(rig, fault)
            sock, spent = opens(rig, modem)
            assert sock.state() == 1 and 4900 < spent < 8000, (model, how, sock.why, spent)
            assert log.count("AT+QSSLOPEN") < 10, log.at
            echoed(sock, 300)
            sock.close()
            modem.sleep_ms(6000)
            works(modem)


def test_an_id_that_is_never_let_go_and_a_program_that_does_not_wait():
    for ids, switches, code in ((1, {"id_busy_ms": 10000000}, 563), (2, {}, 565)):
        rig, modem, log = started("eg800k", sockets=ids, switches=switches)
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        if code == 565:
            arm(rig, "open_error code=565")
        sock, spent = opens(rig, modem)
        e = raised(sock.write, b"x")
        assert sock.state() == -1 and e.code == code, (sock.state(), e)
        assert e.errno == errno.ECONNREFUSED and (spent > 20000) == (code == 563), (spent, e)
        sock.close()
        if code == 563:
            rig.model.command("restart")
            modem.start(apn="internet")
        sock, spent = opens(rig, modem)
        assert sock.state() == 1 and not sock.id and spent < 1000, (sock.id, spent)
        sock.close()
    # Closed, or restarted, while it waits.
    for end in ("close", "restart"):
        rig, modem, log = started("bg95", sockets=1, switches={"id_busy_ms": 20000})
        modem.connect(HOST, 8883, modem.tls(0, ca=CA, check_time=False)).close()
        sock, spent = opens(rig, modem, 3000)
        assert not sock.state() and log.count("AT+QSSLOPEN") > 2
        if end == "close":
            sock.close()
            assert sock.state() == 3 and modem.sockets == [None]
        else:
            rig.model.command("restart")
            modem.sleep_ms(15000)
            assert "restart" in str(raised(sock.recv, 1)), sock.why
            modem.start(apn="internet")
        modem.sleep_ms(20000)
        works(modem)
