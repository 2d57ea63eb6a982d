# test_model_general - commands that a driver needs at start, in all their forms.
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready

CME50 = b"\r\n+CME ERROR: 50\r\n"


def test_identity():
    t = Terminal()
    for name, value in (
        ("CGMI", "Quectel"),
        ("GMI", "Quectel"),
        ("CGMM", "UG96"),
        ("GMM", "UG96"),
        ("CGMR", "UG96LNAR02A06E1G"),
        ("GMR", "UG96LNAR02A06E1G"),
        ("QGMR", "UG96LNAR02A06E1G"),
        ("CGSN", "861107030000016"),
        ("GSN", "861107030000016"),
        ("CIMI", "262011234567890"),
        ("QCCID", "+QCCID: 898600220909A0206023"),
    ):
        assert t.at("AT+" + name) == lines(value)
        assert t.at("AT+" + name + "=?") == OK
        assert t.at("AT+" + name + "?") == CME50
        assert t.at("AT+" + name + "=1") == CME50


def test_settings_in_their_three_forms():
    t = Terminal()
    for name, start, low, high in (
        ("CMEE", 1, 0, 2),
        ("QISDE", 1, 0, 1),
        ("QSCLK", 0, 0, 2),
        ("CTZU", 0, 0, 1),
    ):
        assert t.at("AT+%s?" % name) == lines("+%s: %d" % (name, start))
        assert t.at("AT+%s=?" % name) == lines("+%s: (%d-%d)" % (name, low, high))
        for value in range(low, high + 1):
            assert t.at("AT+%s=%d" % (name, value)) == OK
            assert t.at("AT+%s?" % name) == lines("+%s: %d" % (name, value))
        t.at("AT+CMEE=1")
        for value in (high + 1, "", '"1"', "-1", "1,1", "x"):
            assert t.at("AT+%s=%s" % (name, value)) == CME50, (name, value)
        assert t.at("AT+" + name) == CME50


def test_cpin():
    t = Terminal()
    assert t.at("AT+CPIN=?") == OK
    assert t.at("AT+CPIN?") == lines("+CPIN: READY")
    assert t.at('AT+CPIN="1234"') == b"\r\n+CME ERROR: 3\r\n"
    t = Terminal(sim="none")
    assert t.at("AT+CPIN?") == b"\r\n+CME ERROR: 10\r\n"
    t.at("AT+CMEE=2")
    assert t.at("AT+CPIN?") == b"\r\n+CME ERROR: SIM not inserted\r\n"
    assert t.at("AT+CIMI") == b"\r\n+CME ERROR: SIM not inserted\r\n"


def test_csq():
    t = Terminal()
    assert t.at("AT+CSQ=?") == lines("+CSQ: (0-31,99),(0-7,99)")
    assert t.at("AT+CSQ?") == CME50
    t.control("signal 7")
    assert t.at("AT+CSQ") == lines("+CSQ: 7,0")
    t.control("coverage off")
    assert t.at("AT+CSQ") == lines("+CSQ: 99,99")


def test_registration_reads_and_urcs():
    for name in ("CREG", "CGREG"):
        t = Terminal()
        assert t.at("AT+%s=?" % name) == lines("+%s: (0-2)" % name)
        assert t.at("AT+%s?" % name) == lines("+%s: 0,1" % name)
        t.control("coverage off")
        assert t.wait(100) == b""
        assert t.at("AT+%s=1" % name) == OK
        assert t.at("AT+%s?" % name) == lines("+%s: 1,2" % name)
        t.control("coverage on")
        assert t.wait(3000) == b"\r\n+%s: 1\r\n" % name.encode()
        assert t.at("AT+%s=2" % name) == OK
        assert t.at("AT+%s?" % name) == lines('+%s: 2,1,"5650","29A7DF4",2' % name)
        t.control("coverage off")
        assert t.read() == b"\r\n+%s: 2\r\n" % name.encode()
        t.control("coverage on")
        assert t.wait(3000) == b'\r\n+%s: 1,"5650","29A7DF4",2\r\n' % name.encode()
        t.control("coverage off quiet")
        assert t.read() == b""
        assert t.at("AT+%s=3" % name) == CME50


def test_registration_without_coverage_alternates():
    t = Terminal()
    t.at("AT+CREG=1")
    t.control("coverage off")
    assert t.wait(180000) == b"".join([b"\r\n+CREG: %d\r\n" % n for n in (2, 0, 2, 0)])
    t.control("coverage on")
    assert t.wait(60000) == b"\r\n+CREG: 2\r\n\r\n+CREG: 1\r\n"
    t = Terminal(creg_lost="searching")
    t.at("AT+CREG=1")
    t.control("coverage off")
    assert t.wait(180000) == b"\r\n+CREG: 2\r\n"


def test_registration_by_hand():
    t = Terminal()
    t.at("AT+CREG=1")
    t.control("registration 3")
    assert t.read() == b"\r\n+CREG: 3\r\n"
    assert t.at("AT+CREG?") == lines("+CREG: 1,3")
    t.control("registration 5")
    assert t.at("AT+CGATT?") == b"\r\n+CREG: 5\r\n" + lines("+CGATT: 1")


def test_cops():
    t = Terminal()
    assert t.at("AT+COPS?") == lines('+COPS: 0,0,"TEST NET",2')
    assert t.at("AT+COPS=?") == b""
    assert t.wait(10000) == lines('+COPS: (2,"TEST NET","TEST","00101",2),,(0-4),(0-2)')
    assert t.at("AT+COPS=2") == OK
    assert t.at("AT+COPS?") == lines("+COPS: 2")
    t.control("coverage off")
    t.control("coverage on")
    t.wait(3000)
    assert t.at("AT+CREG?") == lines("+CREG: 0,0")
    assert t.at("AT+COPS=0") == OK
    t.wait(3000)
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")
    t.control("coverage off")
    assert t.at("AT+COPS?") == lines("+COPS: 0")


def test_cgatt_and_cgpaddr():
    t = ready()
    assert t.at("AT+CGATT=?") == lines("+CGATT: (0,1)")
    assert t.at("AT+CGATT?") == lines("+CGATT: 1")
    assert t.at("AT+CGPADDR=?") == lines("+CGPADDR: (1-20)")
    assert t.at("AT+CGPADDR=1") == lines('+CGPADDR: 1,"10.7.157.1"')
    assert t.at("AT+CGPADDR") == lines('+CGPADDR: 1,"10.7.157.1"')
    assert t.at("AT+CGPADDR=2") == lines("+CGPADDR: 2")
    assert t.at("AT+CGPADDR=21") == CME50
    reply = t.at("AT+CGATT=0")
    assert reply == b'\r\n+QIURC: "pdpdeact",1\r\n' + OK
    assert t.at("AT+CGATT?") == lines("+CGATT: 0")
    assert t.at("AT+CGATT=1") == OK


def test_clock_runs_and_has_a_zone():
    t = Terminal()
    assert t.at("AT+CCLK=?") == OK
    assert t.at("AT+CCLK?") == lines('+CCLK: "80/01/06,00:00:00+00"')
    t.wait(61000)
    assert t.at("AT+CCLK?") == lines('+CCLK: "80/01/06,00:01:01+00"')
    assert t.model.clock.unix() == 315964800 + 61
    assert t.at('AT+CCLK="26/08/07,13:54:02+32"') == OK
    assert t.at("AT+CCLK?") == lines('+CCLK: "26/08/07,13:54:02+32"')
    assert t.model.clock.unix() == 1786082042
    t.wait(86400000)
    assert t.at("AT+CCLK?") == lines('+CCLK: "26/08/08,13:54:02+32"')
    assert t.at('AT+CCLK="24/02/29,23:59:59-08"') == OK
    t.wait(1000)
    assert t.at("AT+CCLK?") == lines('+CCLK: "24/03/01,00:00:00-08"')
    assert t.at('AT+CCLK="25/01/01,00:00:00"') == OK
    assert t.at("AT+CCLK?") == lines('+CCLK: "25/01/01,00:00:00+00"')


def test_clock_refuses_what_is_no_time():
    t = Terminal()
    for text in (
        '"25/02/29,00:00:00+00"',
        '"25/13/01,00:00:00+00"',
        '"25/00/01,00:00:00+00"',
        '"25/01/32,00:00:00+00"',
        '"25/01/01,24:00:00+00"',
        '"25/01/01,00:60:00+00"',
        '"25/01/01,00:00:60+00"',
        '"25/01/01,00:00:00+97"',
        '"25/01/01 00:00:00+00"',
        '"2025/01/01,00:00:00"',
        "25/01/01,00:00:00+00",
        '""',
    ):
        assert t.at("AT+CCLK=" + text) == CME50, text


def test_network_time():
    t = Terminal(powered=False)
    t.control("network-time 1786111200 32")
    assert t.at("AT") == b""
    t.control("power on")
    t.wait(3000)
    t.at("ATE0")
    assert t.at("AT+CTZU=1") == OK
    assert t.at("AT+QLTS") == lines('+QLTS: ""')
    t.wait(7000)
    # Ten seconds after 2026-08-07 14:00:00 UTC, eight hours east of Greenwich.
    assert t.at("AT+QLTS=1") == lines('+QLTS: "26/08/07,14:00:10+32,0"')
    assert t.at("AT+QLTS=2") == lines('+QLTS: "26/08/07,22:00:10+32,0"')
    assert t.at("AT+CCLK?") == lines('+CCLK: "26/08/07,22:00:10+32"')
    assert t.at("AT+QLTS=?") == lines("+QLTS: (0-2)")


def test_network_time_can_be_told_later():
    t = Terminal()
    t.wait(100000)
    t.control("network-time 1786111200")
    t.control("coverage off")
    t.control("coverage on")
    t.wait(1500)
    assert t.at("AT+QLTS=0") == lines('+QLTS: "26/08/07,14:00:01+00,0"')


def test_searching_anew_starts_over():
    t = Terminal()
    t.at("AT+CREG=1")
    t.control("coverage off")
    t.control("coverage on")
    t.read()
    t.wait(1000)
    t.control("coverage off")
    t.control("coverage on")
    assert t.wait(1499) == b""
    assert t.wait(1) == b"\r\n+CREG: 1\r\n"


def test_qinistat_and_cfun():
    t = ready()
    assert t.at("AT+QINISTAT") == lines("+QINISTAT: 7")
    assert t.at("AT+QINISTAT=?") == lines("+QINISTAT: (0-7)")
    assert t.at("AT+CFUN?") == lines("+CFUN: 1")
    assert t.at("AT+CFUN=?") == lines("+CFUN: (0,1,4),(0,1)")
    assert t.at("AT+CFUN=2") == CME50
    t.open()
    assert t.at("AT+CFUN=0") == (
        b'\r\n+QSSLURC: "closed",0\r\n' + b'\r\n+QIURC: "pdpdeact",1\r\n' + OK
    )
    assert t.at("AT+CREG?") == lines("+CREG: 0,0")
    assert t.at("AT+CSQ") == lines("+CSQ: 99,99")
    assert t.at("AT+CFUN=1") == OK
    assert t.at("AT+CREG?") == lines("+CREG: 0,2")
    t.wait(3000)
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")


def test_qcfg():
    t = Terminal()
    assert t.at('AT+QCFG="stateurc/enable"') == lines('+QCFG: "stateurc/enable",1')
    assert t.at('AT+QCFG="stateurc/enable",0') == OK
    assert t.at('AT+QCFG="STATEURC/ENABLE"') == lines('+QCFG: "stateurc/enable",0')
    assert t.at('AT+QCFG="URC/PORT",0,"uart1"') == OK
    assert t.at('AT+QCFG="urc/port"') == lines('+QCFG: "urc/port",0,"uart1"')
    assert t.at('AT+QCFG="nosuch"') == CME50
    assert t.at("AT+QCFG=?").startswith(b'\r\n+QCFG: "gprsattach"\r\n')


def test_settings_are_saved_by_and_w():
    t = Terminal()
    t.model.echo = True
    t.at("ATE0")
    t.at("AT+CMEE=2;&D2")
    t.control("restart")
    t.wait(10000)
    assert t.at("AT") == b"AT\r\r\nOK\r\n"
    t.at("ATE0")
    assert t.at("AT+CMEE?") == lines("+CMEE: 1")
    assert t.at("AT+CMEE=0;&W") == OK
    assert t.at("AT+CMEE=2") == OK
    t.control("restart")
    t.wait(10000)
    assert t.at("AT+CMEE?") == lines("+CMEE: 0")
    assert t.at("AT&F+CMEE?") == lines("+CMEE: 1")
    assert t.model.echo
    t.at("ATZ")
    assert t.at("AT+CMEE?") == lines("+CMEE: 0")


def test_basic_commands_that_are_tolerated_and_refused():
    t = Terminal()
    for text in ("ATV1", "ATX4", "ATS0=0", "AT&C1", "AT&D1", "ATQ0", "ATH"):
        assert t.at(text) == OK, text
    assert t.at("ATV0") == b"0\r"
    assert t.at("AT+CSQ") == b"\r\n+CSQ: 21,0\r\n0\r"
    assert t.at("ATD") == b"4\r"
    assert t.at("ATQ1") == t.at("AT") == t.at("ATV2") == b""
    assert t.at("AT+CSQ") == b"\r\n+CSQ: 21,0\r\n"
    assert t.at("ATQ0V1") == OK
    assert t.at("ATE2") == CME50
    assert t.at("AT&D3") == CME50
    assert t.at("ATD*99#") == ERROR


def test_flow_control_and_frame():
    t = Terminal()
    assert t.at("AT+IFC?") == lines("+IFC: 0,0")
    assert t.at("AT+IFC=?") == lines("+IFC: (0,2),(0,2)")
    assert t.at("AT+IFC=2,2") == OK
    assert t.at("AT+IFC?") == lines("+IFC: 2,2")
    for text in ("1,1", "2,1", "3,0", "2,2,2"):
        assert t.at("AT+IFC=" + text) == CME50
    t.model.set_line("rts", False)
    assert t.at("AT") == b""
    assert t.model.pending() == 0
    t.model.set_line("rts", True)
    assert t.read() == OK
    assert t.at("AT+IFC=0,0") == OK
    t.model.set_line("rts", False)
    assert t.at("AT") == OK
    assert t.at("AT+ICF?") == lines("+ICF: 3,3")
    assert t.at("AT+ICF=3,3") == OK
    assert t.at("AT+ICF=?") == lines("+ICF: (3),(3)")
    assert t.at("AT+ICF=2,1") == CME50


def test_operator_by_hand():
    t = Terminal(operators=9)
    assert t.at('AT+COPS=1,2,"00105"') == OK
    t.wait(3000)
    assert t.at("AT+COPS?") == lines("+COPS: 1")
    assert t.at("AT+CREG?") == lines("+CREG: 0,2")
    assert t.at('AT+COPS=1,2,"00101"') == OK
    t.wait(3000)
    assert t.at("AT+COPS?") == lines('+COPS: 1,0,"TEST NET",2')
    assert t.at("AT+COPS=1") == CME50
    t.at("AT+COPS=?")
    assert len(t.wait(10000)) > 256


def test_what_the_radio_keeps():
    for kept in ("no", "yes"):
        for text, creg in (("AT+CFUN=4", 0), ("AT+COPS=2", 0), ("AT+CFUN=0", 0)):
            t = Terminal(radio_kept=kept)
            t.at(text)
            t.control("restart")
            t.wait(10000)
            t.at("ATE0")
            assert t.at("AT+CREG?") == lines("+CREG: 0,%d" % (creg if kept == "yes" else 1)), text


def test_a_network_that_refuses():
    t = Terminal()
    assert t.at("AT+CEER") == lines("+CEER: No cause information available")
    t.control("registration 3 Illegal MS")
    assert t.at("AT+CEER") == lines("+CEER: Illegal MS")
    t.control("restart")
    t.wait(10000)
    t.at("ATE0")
    assert t.at("AT+CREG?") == lines("+CREG: 0,3")
    t.control("registration 1")
    assert t.at("AT+CREG?") == lines("+CREG: 0,1")
    assert t.at("AT+CEER") == lines("+CEER: No cause information available")


def test_character_set():
    for name in ("plain", "hex"):
        t = Terminal(cscs_name=name)
        assert t.at("AT+CSCS?") == lines('+CSCS: "GSM"')
        assert t.at("AT+CSCS=?") == lines('+CSCS: ("GSM","IRA","UCS2")')
        assert t.at('AT+CSCS="8859"') == CME50
        assert t.at('AT+CSCS="UCS2"') == OK
        assert t.at('AT+QICSGP=1,1,"internet"') == ERROR
        assert t.at('AT+QICSGP=1,1,"00610062"') == OK
        assert t.model.pdp.all[1].apn == "ab"
        assert t.at('AT+CSCS="GSM"') == (OK if name == "plain" else CME50)
        assert t.at('AT+CSCS="00470053004D"') == (OK if name == "hex" else CME50)
        assert t.at("AT+CSCS?") == lines('+CSCS: "GSM"')


def test_indications_switched_off():
    t = Terminal()
    assert t.at('AT+QINDCFG="all"') == lines('+QINDCFG: "all",1')
    assert t.at('AT+QINDCFG="all",0') == OK
    t.control("say +CUSD: 2")
    assert t.read() == b""
    assert t.at('AT+QINDCFG="all",1') == OK
    t.control("say +CUSD: 2")
    assert t.read() == b"\r\n+CUSD: 2\r\n"


def test_sleep():
    for mode, dtr, wake in ((2, True, "bytes"), (1, False, "bytes"), (1, False, "dtr")):
        t = Terminal(sleep_wake=wake)
        assert t.at("AT+QSCLK=%d" % mode) == OK
        t.model.set_line("dtr", dtr)
        assert t.at("AT") == OK
        t.wait(2000)
        assert t.at("AT") == OK
        t.wait(4000)
        assert t.at("AT") == b""
        t.wait(200)
        if wake == "dtr":
            assert t.at("AT") == b""
            t.model.set_line("dtr", True)
            assert t.at("AT") == b""
            t.wait(100)
        assert t.at("AT") == OK
        if mode == 1:
            t.model.set_line("dtr", True)
        t.at("AT+QSCLK=0")
        t.wait(10000)
        assert t.at("AT") == OK
