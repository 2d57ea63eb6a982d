# test_model_power - start-up URCs, restart, power-down, power lines, baud rate.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal, lines, ready

START = (
    b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n"
    b"\r\n+QIND: SMS DONE\r\n\r\n+QIND: PB DONE\r\n"
)


def test_start_by_pwrkey():
    t = Terminal(powered=False)
    assert t.at("AT") == b""
    assert t.wait(1000) == b""
    assert not t.model.line("status")
    t.model.set_line("pwrkey", True)
    t.wait(200)
    t.model.set_line("pwrkey", False)
    assert t.model.line("status")
    assert t.at("AT") == b""
    assert t.wait(2800) == b""
    assert t.wait(4000) == START
    assert t.model.echo
    assert t.at("ATE0+QINISTAT") == b"ATE0+QINISTAT\r" + lines("+QINISTAT: 7")
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")


def test_a_short_pulse_does_nothing():
    t = Terminal(powered=False)
    t.model.set_line("pwrkey", True)
    t.wait(50)
    t.model.set_line("pwrkey", False)
    assert t.wait(20000) == b""
    t = Terminal()
    t.wait(5000)
    t.model.set_line("pwrkey", True)
    t.wait(500)
    t.model.set_line("pwrkey", False)
    assert t.wait(20000) == b""
    t.model.set_line("reset", True)
    t.wait(50)
    t.model.set_line("reset", False)
    assert t.wait(20000) == b""
    assert t.at("AT") == OK


def pulse(t, name, ms):
    t.model.set_line(name, True)
    out = t.wait(ms)
    t.model.set_line(name, False)
    return out


def test_pwrkey_switches_on_only():
    t = ready()
    assert pulse(t, "pwrkey", 2000) == b"" and t.wait(20000) == b""
    assert t.at("AT") == OK
    t = ready(pwrkey_off="yes")  # as other families have it
    pulse(t, "pwrkey", 700)
    assert t.wait(5000) == b'\r\n+QIURC: "pdpdeact",1\r\n\r\nPOWERED DOWN\r\n'
    assert not t.model.line("status")
    assert t.at("AT") == b""


def test_pwrdwn_n_switches_off():
    for way in ("orderly", "at once"):
        t = ready(pwrdwn=way)
        pulse(t, "off", 50)
        assert t.wait(5000) == b"" and t.model.line("status")
        pulse(t, "off", 150)
        said = t.wait(5000)
        assert said.endswith(b"POWERED DOWN\r\n") if way == "orderly" else said == b""
        assert not t.model.line("status") and t.at("AT") == b""
        pulse(t, "pwrkey", 200)
        assert t.wait(10000) == START


def test_a_modem_that_hangs_heeds_its_emergency_lines_only():
    for way in ("orderly", "at once"):
        t = ready(pwrdwn=way, pwrkey_off="yes")
        t.control("fault mute")
        pulse(t, "pwrkey", 1000)
        assert t.wait(20000) == b"" and t.model.line("status") and t.at("AT") == b""
        pulse(t, "off", 150)
        assert t.wait(100) == b"" and not t.model.line("status")
        pulse(t, "pwrkey", 200)
        assert t.wait(10000) == START
        t.control("fault mute")
        pulse(t, "reset", 200)
        assert t.wait(10000) == START


def test_reset_line_restarts():
    t = ready()
    t.model.set_line("reset", True)
    t.wait(200)
    t.model.set_line("reset", False)
    assert t.wait(10000) == START


def test_qpowd():
    t = ready()
    assert t.at("AT+QPOWD=?") == lines("+QPOWD: (0,1)")
    assert t.at("AT+QPOWD") == OK
    assert t.wait(5000) == b'\r\n+QIURC: "pdpdeact",1\r\n\r\nPOWERED DOWN\r\n'
    assert t.at("AT") == b""
    t = Terminal()
    assert t.at("AT+QPOWD") == OK
    t.wait(400)
    assert t.at("AT+QPOWD") == OK
    assert t.wait(5000) == b"\r\nPOWERED DOWN\r\n"
    t = ready(pdpdeact_at_off="no")
    assert t.at("AT+QPOWD=1") == OK
    assert t.wait(5000) == b"\r\nPOWERED DOWN\r\n"
    t = ready()
    assert t.at("AT+QPOWD=0") == OK
    assert t.wait(5000) == b""
    assert not t.model.line("status")


def asleep(**switches):
    # With AT+QSCLK=1 and DTR not asserted.
    t = ready(**switches)
    assert t.at("AT+QSCLK=1") == OK
    t.model.set_line("dtr", False)
    assert not t.model.port.asleep()
    return t


def test_asleep_it_hears_nothing_until_dtr_and_a_while():
    t = asleep(sleep_after_ms=2000, sleep_wake_ms=300)
    t.wait(1500)
    assert t.at("AT") == OK  # the pause begins anew
    t.wait(1900)
    assert not t.model.port.asleep()
    t.wait(200)
    assert t.model.port.asleep() and t.at("AT") == b"" and t.wait(10000) == b""
    t.model.set_line("dtr", True)
    assert t.at("AT") == b""
    t.wait(290)
    assert t.at("AT") == b""
    t.wait(20)
    assert t.at("AT") == OK
    t.wait(60000)
    assert t.at("AT") == OK


def test_urcs_in_its_sleep():
    for way in ("now", "held", "lost"):
        t = asleep(sleep_urc=way)
        t.wait(10000)
        t.control("say +CUSD: 2")
        said = t.read()
        assert t.model.line("ri") and said == (b"\r\n+CUSD: 2\r\n" if way == "now" else b"")
        assert t.model.port.asleep() == (way != "now")
        t.wait(10000)
        assert t.model.port.asleep()
        t.model.set_line("dtr", True)
        assert t.wait(1000) == (b"\r\n+CUSD: 2\r\n" if way == "held" else b"")


def test_a_sleep_without_end():
    t = asleep()
    t.wait(10000)
    t.control("fault wake_never")
    t.model.set_line("dtr", True)
    assert t.wait(1000) == b"" and t.at("AT") == b"" and t.model.line("status")
    pulse(t, "reset", 200)
    assert t.wait(10000) == START and t.at("ATE0") == b"ATE0\r" + OK


def test_qpowd_that_takes_long_or_does_nothing():
    t = ready(down_ms=12000)
    assert t.at("AT+QPOWD") == OK and t.wait(11900) == b""
    assert t.wait(200).endswith(b"POWERED DOWN\r\n") and not t.model.line("status")
    t = ready()
    t.control("fault down_never")
    assert t.at("AT+QPOWD") == OK and t.wait(60000) == b"" and t.at("AT") == OK


def test_qinistat_follows_the_start():
    for order, steps in (("sms", (0, 1, 3, 7)), ("pb", (0, 1, 5, 7))):
        t = Terminal(powered=False, qind_order=order)
        t.control("power on")
        t.wait(3000)
        t.at("ATE0")
        for state, ms in zip(steps, (300, 600, 300, 0)):
            assert t.at("AT+QINISTAT") == lines("+QINISTAT: %d" % state)
            t.wait(ms)


def test_restart_forgets_everything_volatile():
    t = ready()
    t.at('AT+QSSLCFG="sslversion",0,3')
    t.at("AT+CREG=2")
    t.at('AT+CCLK="25/01/01,00:00:00+00"')
    t.open(3)
    t.type('AT+QFUPL="RAM:a",3\r')
    t.type("abc")
    t.type('AT+QFUPL="b",3\r')
    t.type("abc")
    t.at('AT+QFOPEN="b"')
    t.control("restart")
    assert t.wait(10000) == START
    t.at("ATE0")
    assert t.at("AT+QSSLSTATE") == OK
    assert t.at("AT+QFOPEN?") == OK
    assert t.at("AT+QIACT?") == OK
    assert t.at('AT+QSSLCFG="sslversion",0') == lines('+QSSLCFG: "sslversion",0,4')
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")
    assert t.at("AT+QICSGP=1") == lines('+QICSGP: 1,"","","",0')
    assert t.at('AT+QFLST="RAM:*"') == OK
    assert t.at('AT+QFLST="*"') == lines('+QFLST: "b",3')
    assert t.at("AT+CCLK?").startswith(b'\r\n+CCLK: "80/01/06')
    assert t.net.conns[0].state == "closed"


def test_cfun_1_1_restarts():
    t = Terminal()
    assert t.at("AT+CFUN=1,1") == OK
    assert t.wait(10000) == START


def test_restart_in_every_data_mode():
    for text in ("AT+QSSLSEND=0,100", "AT+QSSLSEND=0", 'AT+QFUPL="a",100', "AT+QISWTMD=0,2"):
        t = ready()
        t.open()
        t.at(text)
        t.type("half of the data")
        t.control("restart")
        assert t.wait(10000) == START, text
        assert t.at("ATE0") == b"ATE0\r" + OK


def test_sim_states_at_start():
    t = Terminal(powered=False, sim="pin")
    t.control("power on")
    assert t.wait(10000) == b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: SIM PIN\r\n"
    t.at("ATE0")
    assert t.at("AT+CPIN?") == lines("+CPIN: SIM PIN")
    assert t.at('AT+CPIN="0000"') == b"\r\n+CME ERROR: 16\r\n"
    assert t.at("AT+CREG?") == lines("+CREG: 0,0")
    assert t.at('AT+CPIN="1234"') == OK
    assert t.wait(10000) == START[START.index(b"\r\n+CPIN") :]
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")
    t = Terminal(powered=False, sim="none")
    t.control("power on")
    assert t.wait(10000) == b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+CPIN: NOT INSERTED\r\n"


def test_order_of_the_last_urcs():
    t = Terminal(powered=False, qind_order="pb")
    t.control("power on")
    assert t.wait(10000).endswith(b"\r\n+QIND: PB DONE\r\n\r\n+QIND: SMS DONE\r\n")


def test_baud_rate_is_answered_at_the_old_rate():
    t = Terminal()
    m = t.model
    m.host_baud = 115200
    assert m.baud == 115200
    assert t.at("AT+IPR?") == lines("+IPR: 115200")
    m.feed(b"AT+IPR=921600\r")
    assert m.take(3) == b"\r\nO"
    assert m.baud == 115200
    assert m.take(100) == b"K\r\n"
    assert m.baud == 921600
    garbled = t.at("AT")
    assert garbled == b""
    m.host_baud = 921600
    # What was garbled may stand before the next command on its line.
    assert t.at("AT") == OK
    assert t.at("AT+IPR?") == lines("+IPR: 921600")
    assert t.at("AT+IPR=12345") == b"\r\n+CME ERROR: 50\r\n"
    assert t.at("AT+IPR=?").startswith(b"\r\n+IPR: (0),(4800,9600,")


def test_another_rate_garbles_both_ways():
    t = Terminal()
    t.model.host_baud = 9600
    assert t.at("AT") == b""
    t.control("say +CUSD: 2")
    out = t.read()
    assert out and min(out) >= 128


def test_automatic_baud_rate_waits_for_at():
    t = Terminal(powered=False, baud_default=0)
    t.model.host_baud = 57600
    t.control("power on")
    assert t.wait(10000) == b""
    assert t.model.baud == 0
    assert t.at("ATE0") == b"ATE0\r" + OK
    assert t.model.baud == 57600
    assert t.at("AT+IPR?") == lines("+IPR: 0")
    # Before the modem has heard anything its URCs are lost, afterwards they come.
    t.control("say +CUSD: 2")
    assert t.read() == b"\r\n+CUSD: 2\r\n"


def test_baud_rate_survives_a_restart_only_when_saved():
    t = Terminal()
    t.at("AT+IPR=9600")
    assert t.model.baud == 9600
    t.control("restart")
    t.wait(10000)
    assert t.model.baud == 115200
    t.at("ATE0")
    t.at("AT+IPR=9600")
    t.at("AT&W")
    t.control("restart")
    t.wait(10000)
    assert t.model.baud == 9600


def test_ri_pulses_with_a_urc():
    t = Terminal()
    assert not t.model.line("ri")
    t.control("say +CUSD: 2")
    assert t.model.line("ri")
    t.wait(200)
    assert not t.model.line("ri")
