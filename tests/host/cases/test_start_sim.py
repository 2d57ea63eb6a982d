# test_start_sim - the SIM's PIN is typed once, its locks and failures are told apart.
# SPDX-License-Identifier: MIT

import errno

import rig as _rig
from driver_kit import HOST, Log, arm, bare, raised, tls, works
from qssl import Modem, tried
from qssl.errors import Refused
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink

TIMEOUT_S = 300


def made(**switches):
    # (rig, modem, log): a modem that boots with this SIM.
    tried.PINS.clear()  # the program has just begun
    switches.setdefault("sim", "pin")
    rig, modem = bare(switches=switches, powered=False)
    rig.model.command("power on")
    return rig, modem, Log(rig)


def typed(log):
    return log.count("AT+CPIN=")


class Never:
    # A carrier that is never reached.
    def usable(self):
        return False


def test_the_right_pin():
    for switches in (
        {},
        {"cpin_style": "number"},
        {"sim_lag_ms": 6000},
        {"sim_busy_ms": 8000},
        {"sim_busy_ms": 30000, "sim_lag_ms": 10000},
        {"sim_tries": "no"},
        {"sim_tries": "cpinr"},
        {"cmee_default": "2"},
    ):
        rig, modem, log = made(**switches)
        modem.start("internet", pin="1234")
        assert typed(log) == 1 and modem.up, switches
        modem.start("internet", pin="1234")
        assert typed(log) == 1
        rig.model.command("restart")  # it is asked for again, and is the right one still
        modem.sleep_ms(5000)
        modem.start("internet", pin="1234")
        assert typed(log) == 2
        works(modem)


def test_a_wrong_pin_is_typed_once_in_the_life_of_a_program():
    for tells in ("qpinc", "cpinr", "no"):
        rig, modem, log = made(sim_tries=tells)
        ladder = Recovery(modem, apn="i", pin="9999")
        link = Uplink(modem, HOST, 443, tls(modem), Never(), RamQueue(), ladder)
        link.put(b"x")
        link.run(60)
        assert typed(log) == 1 and "PIN is wrong" in str(link.error), link.error
        for _ in range(3):
            rig.model.command("restart")
            rig.sleep(5000)
            e = raised(modem.start, "i", pin="9999")
            assert isinstance(e, Refused) and e.errno == errno.EACCES and "PIN" in str(e), e
        again = Modem(rig.uart)
        again.link._poll = _rig.RigPoll(rig)
        raised(again.start, "i", pin=b"9999")
        assert typed(log) == 1 and rig.model.card.tries == 2
        # Another one may be tried, and the right one does it.
        raised(again.start, "i", pin="8888")
        assert typed(log) == 2
        if tells == "no":
            again.start("internet", pin="1234")
        else:
            e = raised(again.start, "internet", pin="1234")
            assert "one more" in str(e), e
            assert rig.model.card.tries == 1
            rig.model.command("sim pin 3")
            again.start("internet", pin="1234")


def test_never_with_one_try_left():
    for tells in ("qpinc", "cpinr"):
        rig, modem, log = made(sim_tries=tells)
        rig.model.command("sim pin 1")
        for pin in ("1234", "9999"):
            e = raised(modem.start, "internet", pin=pin)
            assert e.errno == errno.EACCES and "not typed" in str(e), e
        assert not typed(log) and rig.model.card.tries == 1


def test_a_lost_answer_to_the_pin():
    # It is asked what became of it; without an answer to that, nothing is typed twice.
    for tells in ("qpinc", "no"):
        for pin in ("1234", "9999"):
            rig, modem, log = made(sim_tries=tells)

            def deaf(kind, text, rig=rig, log=log):
                log(kind, text)
                if kind == "at" and text.startswith("AT+CPIN="):
                    arm(rig, "mute ms=400")

            rig.model.on_event = deaf
            for _ in range(3):
                try:
                    modem.start("internet", pin=pin)
                    assert pin == "1234"
                    break
                except OSError as e:
                    assert pin == "9999" and "PIN" in str(e), e
            assert typed(log) == 1, (tells, pin, typed(log))


def test_no_answer_makes_it_type_a_pin_three_times():
    # Whatever a modem answers to a wrong PIN, and whatever it says of the tries left.
    for tells in ("qpinc", "plain", "cpinr", "stuck", "no"):
        for word in ("16", "ok", "busy", "100", "3"):
            rig, modem, log = made(sim_tries=tells, pin_wrong=word)
            for _ in range(4):
                e = raised(modem.start, "internet", pin="9999", timeout_ms=60000)
                assert e.errno == errno.EACCES and "PIN" in str(e) and "PUK" not in str(e), e
                rig.model.command("restart")
                modem.sleep_ms(5000)
            known = tells in ("qpinc", "plain", "cpinr")
            most = 1 if word == "16" or (known and word != "busy") else 2
            assert typed(log) <= most, (tells, word, typed(log))
            assert rig.model.card.tries == 3 - typed(log) and rig.model.sim.state == "pin"


def test_a_right_pin_that_shows_late_can_be_typed_again():
    for tells in ("qpinc", "no"):
        rig, modem, log = made(sim_tries=tells, sim_lag_ms=25000)
        e = raised(modem.start, "internet", pin="1234")
        assert "although it was typed" in str(e), e
        modem.sleep_ms(10000)
        modem.start("internet", pin="1234")
        assert typed(log) == 1
        rig.model.command("switch sim_lag_ms 0")
        rig.model.command("restart")
        modem.sleep_ms(5000)
        modem.start("internet", pin="1234")
        assert typed(log) == 2


def test_other_spellings_of_its_state():
    for text, words in (
        ('"READY"', None),
        ("SIM BUSY", "stays busy"),
        ("SIM FAILURE", "fails (failure)"),
        ("PH_NET PIN", "locked to another network"),
        ("SIM PUK REQUIRED", "PUK"),
        ("BLOCKED", "take another one"),
        ("SIM-PUK", "wrong too often"),
        ("SIM_PUK", "wrong too often"),
        ("SIM NOT READY", "stays busy"),
        ("SIM REMOVED", "SIM: REMOVED; check card"),
    ):
        rig, modem, log = made(sim="ready")
        shown = rig.model.sim
        shown.show = lambda text=text: text
        if words is None:
            modem.start("internet")
        else:
            e = raised(modem.start, "internet", pin="1234", timeout_ms=30000)
            assert words in str(e) and not typed(log), (text, e)


def test_a_pin_that_is_lost_on_its_way():
    # Where the SIM tells that nothing was tried, it is typed again.
    for tells in ("qpinc", "cpinr", "no"):
        rig, modem, log = made(sim_tries=tells)
        arm(rig, "lose_in line=AT+CPIN= at=1 bytes=15")
        try:
            modem.start("internet", pin="1234")
            assert tells != "no"
        except OSError as e:
            assert tells == "no" and "not typed again" in str(e), e
        assert typed(log) == (tells != "no") and rig.model.card.tries == 3


def test_restart_while_the_pin_is_typed():
    for tells in ("qpinc", "no"):
        rig, modem, log = made(sim_tries=tells)
        left = [1]

        def strike(kind, text, rig=rig, log=log, left=left):
            log(kind, text)
            if kind == "at" and text.startswith("AT+CPIN=") and left[0]:
                left[0] = 0
                rig.model.timers.at(rig.now, rig.model.power.restart)

        rig.model.on_event = strike
        try:
            modem.start("internet", pin="1234")
        except OSError as e:
            assert tells == "no" and "PIN" in str(e), e
        assert typed(log) <= 2


def test_a_pin_that_can_be_none():
    rig, modem, log = made()
    for pin in ("123", "123456789", "12a4", "12 4", "-123"):
        e = raised(modem.start, "internet", pin=pin)
        assert isinstance(e, Refused) and "pin" in str(e), e
    assert not log.at


def test_credentials_that_can_not_work():
    rig, modem, log = made(sim="ready")
    for settings, word in (
        ({"apn": "inter net"}, "apn"),
        ({"apn": " internet"}, "apn"),
        ({"apn": "apn=internet"}, "apn"),
        ({"apn": "internet\\n"}, "apn"),
        ({"apn": "internet", "user": "u", "password": "p"}, "auth"),
        ({"apn": "internet", "user": "u"}, "auth"),
        ({"apn": "internet", "password": "p", "auth": 1}, "user"),
        ({"apn": "internet", "auth": 4}, "auth"),
    ):
        e = raised(modem.start, **settings)
        assert isinstance(e, Refused) and e.errno == errno.EINVAL and word in str(e), e
    assert not log.at
    modem.start("internet", auth=1)  # the manual's own example


def test_states_that_let_it_register():
    for state in ("pin2", "puk2"):
        for style in ("word", "number"):
            rig, modem, log = made(sim=state, cpin_style=style)
            modem.start("internet", pin="1234")
            assert not typed(log)
            works(modem)


def test_locks_and_failures():
    for state, number, words in (
        ("puk", 12, ("PUK", "phone", "wrong too often")),
        ("ph-sim", 5, ("locked to another SIM", "PH-SIM PIN", "not typed")),
        ("ph-net", 40, ("locked to another network", "PH-NET PIN", "not typed")),
        ("ph-netsub", 42, ("locked to another network", "PH-NETSUB PIN")),
        ("ph-sp", 44, ("locked to another network", "PH-SP PIN")),
        ("ph-corp", 46, ("locked to another network", "PH-CORP PIN")),
        ("none", 10, ("no SIM card", "holder")),
        ("failed", 13, ("SIM fails", "failure")),
        ("wrong", 15, ("SIM fails", "wrong")),
        ("busy", 14, ("busy",)),
    ):
        for style in ("word", "number"):
            rig, modem, log = made(sim=state, cpin_style=style)
            start = rig.now
            e = raised(modem.start, "internet", pin="1234", timeout_ms=60000)
            assert e.errno in (errno.EACCES, errno.ENODEV), e
            for word in words:
                assert word in str(e), (state, word, e)
            for word in ("pass pin=", "antenna", "APN"):
                assert word not in str(e), (state, e)
            if style == "number":
                assert e.code == number, e
            # 20 s for the SIM, and until a modem that boots has proven that it answers.
            limit = 62000 if state == "busy" else 34000
            assert not typed(log) and rig.now - start < limit, (state, rig.now - start)


def test_numbers_for_good():
    # AT+CPIN? answers with a number whatever happens.
    for code, word in (
        (11, "asks for its PIN"),
        (12, "PUK"),
        (13, "failure"),
        (14, "busy"),
        (15, "wrong"),
        (10, "no SIM card"),
        (5, "locked to another SIM"),
        (40, "locked to another network"),
        (47, "locked to another network (PH-CORP PUK)"),
        (262, "blocked for good"),
        (20, "SIM fails (memory)"),
        # What tells nothing of the SIM: the number and what it means, no guess alone.
        (3, "(AT+CPIN?: operation not allowed): no card, or it fails or is locked"),
        (16, "(AT+CPIN?: incorrect password)"),
        (100, "(AT+CPIN?: unknown error)"),
        (513, "error 513, which no public document"),
    ):
        rig, modem, log = made(sim="ready")
        rig.model.command("coverage off")  # an LTE modem that is registered is not asked
        arm(rig, "cme cmd=+CPIN code=%d n=0" % code)
        e = raised(modem.start, "internet", timeout_ms=50000)
        assert word in str(e) and e.code == code, (code, e)
        assert "no reason" not in str(e), (code, e)


def test_a_sim_that_fails_at_first():
    for code in (10, 13, 14, 15):
        rig, modem, log = made(sim="ready")
        rig.model.command("coverage off")
        arm(rig, "cme cmd=+CPIN code=%d n=10" % code)
        rig.model.timers.at(rig.now + 20000, lambda rig=rig: rig.model.command("coverage on"))
        modem.start("internet")
        assert modem.up and not rig.model.faults.armed() and log.count("AT+CPIN?") > 10, code


def test_a_sim_that_is_pulled_and_comes_back():
    rig, modem, log = made(sim="ready")
    modem.start("internet")
    rig.model.command("sim none")
    modem.sleep_ms(100)
    assert not modem.up
    e = raised(modem.start, "internet", timeout_ms=60000)
    assert "no SIM card" in str(e), e
    rig.model.timers.at(rig.now + 15000, lambda: rig.model.command("sim ready"))
    modem.start("internet")
    works(modem)
    # While start() registers: the time is not waited out in vain.
    rig.model.command("coverage off")
    rig.model.timers.at(rig.now + 5000, lambda: rig.model.command("sim none"))
    e = raised(modem.start, "internet", timeout_ms=120000)
    assert "no SIM card" in str(e), e
