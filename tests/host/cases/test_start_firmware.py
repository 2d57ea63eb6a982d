# test_start_firmware - start() on a modem whose firmware lacks something, or says it otherwise.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import LTE, Log, arm, bare, raised, works
from qssl import tried
from qssl.errors import Error
from qssl.start.words import number
from ugsim.fakenet import EchoPeer, FakeNet
from ugsim.model.errors import CME

TIMEOUT_S = 200


def made(*commands, **keywords):
    # (rig, modem) with these commands to the simulated modem.
    tried.PINS.clear()
    rig, modem = bare(FakeNet(EchoPeer()), **keywords)
    for text in commands:
        answer = rig.model.command(text)
        assert not answer.startswith("error"), (text, answer)
    return rig, modem


def begins(rig, modem, limit_ms=10000, **settings):
    # start() succeeds within limit_ms, and a connection works.
    start = rig.now
    modem.start("internet", **settings)
    assert rig.now - start <= limit_ms, rig.now - start
    works(modem)


def fails(rig, modem, limit_ms, *words, **settings):
    # The error of start() within limit_ms; each of the words stands in it.
    start = rig.now
    e = raised(modem.start, "internet", **settings)
    assert rig.now - start <= limit_ms, (rig.now - start, e)
    for word in words:
        assert word in str(e), (word, e)
    return e


def test_what_is_optional_may_be_refused():
    for name in ("+IFC", "+CMEE", "V", "E", "+QISDE", "+CTZU", "+QSCLK", "+CSCS", "+QINDCFG") + (
        "+CFUN",
        "+COPS",
        "+CEER",
        "+CSQ",
        "+QCFG",
        "+QIGETERROR",
        "+CGREG",
        "+CREG=",
        "+CCLK",
        "+QLTS",
        "+QSSLSTATE",
    ):
        for fault in ("error", "cme"):
            rig, modem = made("fault %s cmd=%s n=0" % (fault, name))
            begins(rig, modem)


def test_flow_control_that_was_asked_for_may_not():
    rig, modem = made("fault error cmd=+IFC n=0", flow=True)
    e = fails(rig, modem, 10000, "refused AT+IFC=2,2", "RTS", "Modem(flow=False)")
    assert "another program" not in str(e) and e.errno == errno.EIO, e


def test_a_modem_that_does_not_tell_which_contexts_are_active():
    for more in ((),) if LTE else ((), ("fault error cmd=+QILOCIP n=0",)):
        for fault in ("error", "cme"):
            rig, modem = made("fault %s cmd=+QIACT? n=0" % fault, *more)
            begins(rig, modem)
            assert modem.address == ("" if more or LTE else rig.model.pdp.all[1].ip), modem.address
            begins(rig, modem)  # it is active already
            # What says that it has restarted is believed.
            rig.model.command("restart")
            modem.sleep_ms(6000)
            assert not modem.up
            begins(rig, modem)
    rig, modem = made("fault error cmd=+QIACT? n=2")
    begins(rig, modem)
    assert modem.address == rig.model.pdp.all[1].ip
    # Without it a context that is not activated is still told from one that is.
    rig, modem = made("fault error cmd=+QIACT? n=0", "fault act_error code=561 n=0")
    fails(rig, modem, 20100, "561", timeout_ms=20000)


def test_errors_in_words():
    for sim, code, words in (
        ("none", 10, "no SIM card"),
        ("puk", 12, "PUK"),
        ("failed", 13, "SIM fails"),
        ("busy", 14, "stays busy"),
        ("wrong", 15, "SIM fails (wrong)"),
        ("ph-sim", 5, "locked to another SIM"),
        ("ph-net", 40, "locked to another network"),
        ("ph-netsub", 42, "PH-NETSUB PIN"),
        ("ph-sp", 44, "PH-SP PIN"),
        ("ph-corp", 46, "PH-CORP PIN"),
        ("pin", 11, "pass pin="),
    ):
        rig, modem = made("sim " + sim, switches={"cmee_obeys": "words", "cpin_style": "number"})
        e = fails(rig, modem, 60000 if sim == "busy" else 25000, words, timeout_ms=60000)
        assert e.code in (0, code), e
    for style in ("word", "number"):
        switches = {"cmee_obeys": "words", "cpin_style": style}
        rig, modem = made("sim pin", switches=switches)
        e = fails(rig, modem, 5000, "refused this PIN", "tries left: 2", pin="9999")
        assert e.code == 16, e
        rig, modem = made("sim pin", switches=switches)
        begins(rig, modem, pin="1234")
        for state in ("pin2", "puk2"):
            rig, modem = made("sim " + state, switches=switches)
            begins(rig, modem)
    rig, modem = made("fault cme cmd=+QIACT= n=0 code=33", switches={"cmee_obeys": "words"})
    assert fails(rig, modem, 5000, "33", "not subscribed").code == 33
    rig, modem = made("fault cme cmd=+QICSGP n=5 code=14", switches={"cmee_obeys": "words"})
    begins(rig, modem)
    # Outside start(), too, none has a number that the modem did not give.
    arm(rig, "cme cmd=+CSQ n=0 code=14")
    e = raised(modem.signal)
    assert e.code == 0 and "[modem" not in str(e), e


def test_errors_without_a_reason():
    for sim in ("none", "failed", "pin"):
        rig, modem = made("sim " + sim, switches={"cmee_obeys": "bare", "cpin_style": "number"})
        e = fails(rig, modem, 45000, "AT+CPIN?", "no reason", "holder", "PIN", pin="1234")
        assert e.code == 0, e
    rig, modem = made(switches={"cmee_obeys": "bare", "sim_busy_ms": 30000}, powered=False)
    rig.model.command("power on")
    begins(rig, modem, 40000)


def test_the_words_of_every_number():
    for code in CME:
        if code < 400 and code != 50:
            assert number(CME[code].encode()) == (code if code != 133 else 33), CME[code]
    for said, code in (
        (b" SIM PIN necessary", 11),
        (b" sim not inserted", 10),
        (b"PH-NET PIN required", 0),
        (b" Network personalisation PUK required", 41),
        (b" \xff\xfeSIM BUSY", 14),
        (b"", 0),
        (b" something else", 0),
    ):
        assert number(said) == code or not code, said


def test_registration_in_every_form():
    for style in ("full", "cell", "plain", "area", "short"):
        for stat in (1, 5, 9, 10):
            rig, modem = made("registration %d" % stat, switches={"creg_style": style})
            begins(rig, modem)
            assert modem.registration(), (style, stat)
        for stat, word in ((3, "refuses this SIM"), (6, "SMS only"), (2, "searching")):
            rig, modem = made("registration %d" % stat, switches={"creg_style": style})
            fails(rig, modem, 20100, word, timeout_ms=20000)
            assert not modem.registration(), (style, stat)


def test_what_no_second_try_changes_ends_at_once():
    for code in (33, 103, 106, 107, 132, 133, 149, 150):
        rig, modem = made("fault cme cmd=+QIACT= n=0 code=%d" % code)
        log = Log(rig)
        e = fails(rig, modem, 5000, str(code))
        assert type(e) is Error and e.code == code and log.count("AT+QIACT=") == 2, e
    rig, modem = made("fault act_error n=0 code=573")
    fails(rig, modem, 5000, "573", "apn=")
    # All others may pass, and what was said once may have been misread.
    for code in (4, 14, 30, 31, 34, 100, 111, 112, 113, 134, 148, 999):
        rig, modem = made("fault cme cmd=+QIACT= n=3 code=%d" % code)
        begins(rig, modem, 15000)
    for code in (33, 149):
        rig, modem = made("fault cme cmd=+QIACT= n=1 code=%d" % code)
        begins(rig, modem, 15000)


def boots(left, pins, tells="qpinc"):
    # A board that resets itself after each failure, and so has forgotten what it typed: how many
    # wrong PINs the SIM still stands then.
    rig, modem = made("sim pin %d" % left, switches={"sim_tries": tells})
    for pin in pins:
        tried.PINS.clear()
        try:
            modem.start("internet", pin=pin)
        except Error as e:
            error = e
        else:
            return rig.model.card.tries, None
    return rig.model.card.tries, error


def test_a_board_that_resets_after_each_failure():
    for tells in ("qpinc", "plain", "cpinr"):
        left, e = boots(3, ("9999",) * 6, tells)
        assert left == 2, left
        for word in ("before this program began", "not typed", "phone", "tries left: 2", "least"):
            assert word in str(e), e
        assert boots(2, ("1234",))[0] == 2
        assert boots(3, ("1234",)) == (3, None)
    tried.least = 2
    try:
        assert boots(3, ("9999",) * 6)[0] == 1  # and with one left none is typed
        assert boots(2, ("1234",)) == (3, None)
    finally:
        tried.least = 3
    # Where the program itself has typed the wrong one it may type another.
    rig, modem = made("sim pin")
    raised(modem.start, "internet", pin="9999")
    modem.start("internet", pin="1234")
    assert rig.model.card.tries == 3


def test_tries_left_that_are_misread():
    # The SIM is busy, or a digit is lost: the PIN is not typed as if nothing told of them.
    for fault in (
        "cme cmd=+QPINC n=3 code=14",
        "cme cmd=+QPINC n=0 code=14",
        "cme cmd=+QPINC n=0 code=515",
        "lose in=info at=36",
    ):
        rig, modem = made("sim pin 1")
        rig.model.command("fault " + fault)
        fails(rig, modem, 60000, "not typed", pin="1234")
        assert rig.model.card.tries == 1
    for at in range(1, 25):
        for fault in ("lose in=info", "corrupt xor=2 in=info"):
            rig, modem = made("sim pin 1")
            log = Log(rig)

            def strike(kind, text, rig=rig, log=log, fault=fault, at=at):
                log(kind, text)
                if text == "AT+QPINC?" and log.count("AT+QPINC?") == 1:
                    arm(rig, "%s at=%d" % (fault, at))

            rig.model.on_event = strike
            fails(rig, modem, 60000, "not typed", pin="1234")
            assert rig.model.card.tries == 1, (fault, at)
