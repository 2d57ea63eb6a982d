# test_model_sim - the SIM's lock and tries, what it is busy with, what it is locked to.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal, lines, ready


def cme(code):
    return b"\r\n+CME ERROR: %d\r\n" % code


def started(**switches):
    t = Terminal(powered=False, **switches)
    t.control("power on")
    t.wait(3400)
    t.at("ATE0")
    return t


def tries(t):
    # PIN and PUK tries left, as AT+QPINC? tells.
    shown = t.at("AT+QPINC?")
    assert shown.startswith(b'\r\n+QPINC: "SC",') and shown.endswith(b'"P2",3,10\r\n' + OK)
    return tuple([int(n) for n in shown.split(b"\r\n")[1].split(b",")[1:]])


def test_a_wrong_pin_costs_a_try_and_three_lock_it():
    t = started(sim="pin")
    assert tries(t) == (3, 10)
    assert t.at('AT+CPIN="0000"') == cme(16)
    assert tries(t) == (2, 10)
    t.control("restart")  # which changes nothing
    t.wait(5000)
    t.at("ATE0")
    assert tries(t) == (2, 10)
    assert t.at("AT+CPIN=1234") == OK
    assert tries(t) == (3, 10)
    assert b"+CPIN: READY" in t.wait(3000)
    assert t.at('AT+CPIN="1234"') == cme(3)
    t = started(sim="pin")
    assert t.at("AT+CPIN=1") == t.at("AT+CPIN=2") == cme(16)
    assert t.at("AT+CPIN=3") == cme(12)
    assert t.at("AT+CPIN?") == lines("+CPIN: SIM PUK") and tries(t) == (0, 10)
    assert t.at('AT+CPIN="1234"') == cme(12)
    assert t.at('AT+CPIN="99999999","4321"') == cme(16) and tries(t) == (0, 9)
    assert t.at('AT+CPIN="12345678","4321"') == OK and tries(t) == (3, 10)
    assert t.at("AT+CPIN?") == lines("+CPIN: READY")
    t.wait(3000)
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")


def test_who_tells_the_tries():
    t = started(sim="pin", sim_tries="cpinr")
    assert t.at("AT+QPINC?") == cme(4)
    assert b"\r\n+CPINR: SIM PIN,3,3\r\n" in t.at("AT+CPINR")
    t = started(sim="pin", sim_tries="no")
    assert t.at("AT+QPINC?") == t.at("AT+CPINR") == cme(4)
    assert started(sim="none").at("AT+QPINC?") == cme(10)
    for tells, shown in (("plain", b"+QPINC: SC , 2 , 10"), ("stuck", b'+QPINC: "SC",3,10')):
        t = started(sim="pin", sim_tries=tells)
        t.at("AT+CPIN=0")
        assert t.at("AT+QPINC?").split(b"\r\n")[1] == shown


def test_what_a_wrong_pin_is_answered_with():
    for word, answer in (("ok", OK), ("busy", cme(14)), ("100", cme(100)), ("3", cme(3))):
        t = started(sim="pin", pin_wrong=word)
        assert t.at('AT+CPIN="0000"') == answer and tries(t) == (2, 10)
        assert t.at("AT+CPIN?") == lines("+CPIN: SIM PIN")
        assert t.at('AT+CPIN="1234"') == OK and tries(t) == (3, 10)


def test_every_state():
    for state, word, code in (
        ("pin", "SIM PIN", 11),
        ("puk", "SIM PUK", 12),
        ("pin2", "SIM PIN2", 17),
        ("puk2", "SIM PUK2", 18),
        ("ph-sim", "PH-SIM PIN", 5),
        ("ph-net", "PH-NET PIN", 40),
        ("ph-netsub", "PH-NETSUB PIN", 42),
        ("ph-sp", "PH-SP PIN", 44),
        ("ph-corp", "PH-CORP PIN", 46),
        ("none", None, 10),
        ("failed", None, 13),
        ("busy", None, 14),
        ("wrong", None, 15),
    ):
        t = started(sim=state)
        assert t.at("AT+CPIN?") == (lines("+CPIN: " + word) if word else cme(code)), state
        t = started(sim=state, cpin_style="number")
        assert t.at("AT+CPIN?") == cme(code), state
        t.wait(5000)
        taken = state in ("pin2", "puk2")
        assert t.at("AT+CREG?") == lines("+CREG: 0,%d" % taken), state
        if state not in ("pin", "puk") and not taken:
            assert t.at('AT+CPIN="1234"') == cme(code), state


def test_a_sim_that_is_busy_at_first():
    t = started(sim="pin", sim_busy_ms=5000)
    assert t.at("AT+CPIN?") == t.at('AT+CPIN="1234"') == cme(14) == t.at("AT+CIMI")
    assert tries(t) == (3, 10)
    assert t.wait(5000) == b"\r\n+CPIN: SIM PIN\r\n"
    assert t.at("AT+CPIN?") == lines("+CPIN: SIM PIN")
    t.at("AT+CPIN=1234")
    t.wait(3000)
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")
    # It is read anew after AT+CFUN=0.
    assert t.at("AT+CFUN=0") == OK and t.at("AT+CPIN?") == cme(13)
    assert t.at("AT+CFUN=1") == OK and t.at("AT+CPIN?") == cme(14)
    t.wait(8000)
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")


def test_an_answer_that_lags():
    t = started(sim="pin", sim_lag_ms=4000)
    assert t.at('AT+CPIN="1234"') == OK
    assert t.at("AT+CPIN?") == lines("+CPIN: SIM PIN")
    assert t.at('AT+CPIN="1234"') == cme(3)
    assert t.wait(4500).startswith(b"\r\n+CPIN: READY\r\n")
    assert t.at("AT+CPIN?") == lines("+CPIN: READY")


def test_a_sim_that_is_pulled():
    t = ready()
    t.control("sim none")
    assert t.read() == b'\r\n+QIURC: "pdpdeact",1\r\n\r\n+CPIN: NOT INSERTED\r\n'
    assert t.at("AT+CPIN?") == t.at("AT+CIMI") == cme(10)
    assert t.at("AT+CREG?") == lines("+CREG: 0,0")
    t.control("sim ready")
    t.wait(3000)
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")
    t.control("sim pin 1")
    assert tries(t) == (1, 10)
    assert t.model.command("sim pin 4").startswith("error")
    assert t.model.command("sim lost").startswith("error")
