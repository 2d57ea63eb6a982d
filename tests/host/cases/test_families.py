# The families of modems: chosen by what ATI says, and each from start() to close().
# SPDX-License-Identifier: MIT

import errno
import sys

import qssl
from driver_kit import CA, HOST, arm, raised, unload, works
from family_kit import LTE, MODELS, echoed, made, say, started, values
from qssl.errors import Refused
from qssl.family import choose, table

INSIDE = (
    "test_names_that_nobody_knows",
    "test_an_answer_that_was_damaged_is_asked_again",
    "test_a_dialect_that_is_forced",
    "test_the_words_of_a_model_that_does_not_fit",
    "test_files",
)

_NEEDED = "start connect family wire.command"  # until a connection is open


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

    def over(self):
        return False

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
    # One that says nothing is none of them, see test_model_name.
    e = raised(chosen, [])
    assert isinstance(e, Refused) and "does not say what it is" in str(e), e


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


def test_the_words_of_a_model_that_does_not_fit():
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
