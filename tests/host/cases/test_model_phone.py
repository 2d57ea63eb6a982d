# test_model_phone - commands that other drivers send at their start are answered in their form.
# SPDX-License-Identifier: MIT

from terminal import OK, Terminal, lines

CME50 = b"\r\n+CME ERROR: 50\r\n"
NO_SIM = b"\r\n+CME ERROR: 10\r\n"


def test_sim_detection():
    t = Terminal()
    assert t.at("AT+QSIMSTAT?") == lines("+QSIMSTAT: 0,1")
    assert t.at("AT+QSIMSTAT=1") == OK
    assert t.at("AT+QSIMSTAT?") == lines("+QSIMSTAT: 1,1")
    assert t.at("AT+QSIMSTAT=2") == CME50
    assert t.at("AT+QSIMSTAT=?") == lines("+QSIMSTAT: (0,1)")
    assert t.at("AT+QSIMDET?") == lines("+QSIMDET: 0,0")
    assert t.at("AT+QSIMDET=1,0") == OK
    assert t.at("AT+QSIMDET?") == lines("+QSIMDET: 1,0")
    assert Terminal(sim="none").at("AT+QSIMSTAT?") == lines("+QSIMSTAT: 0,0")


def test_settings_show_what_was_set_until_a_restart():
    for name, start, new, test in (
        ("CTZR", "0", "1", "(0-2)"),
        ("CMGF", "0", "1", "(0-1)"),
        ("CNMI", "2,1,0,0,0", "2,2,0,1,0", "(0-2),(0-3),(0-3),(0-2),(0-1)"),
        ("CSMP", "17,167,0,0", "17,167,0,8", "(0-255),(0-255),(0-255),(0-255)"),
        ("CSCS", '"GSM"', '"UCS2"', '("GSM","IRA","UCS2")'),
        ("CUSD", "0", "1", "(0-2)"),
        ("CGEREP", "0,0", "1,0", "(0-2),(0-1)"),
    ):
        t = Terminal()
        assert t.at("AT+%s?" % name) == lines("+%s: %s" % (name, start))
        assert t.at("AT+%s=%s" % (name, new)) == OK
        assert t.at("AT+%s?" % name) == lines("+%s: %s" % (name, new))
        assert t.at("AT+%s=?" % name) == lines("+%s: %s" % (name, test))
        assert t.at("AT+%s=999" % name) == CME50
        assert t.at("AT+%s" % name) == CME50
        t.control("restart")
        t.wait(10000)
        t.at("ATE0")
        assert t.at("AT+%s?" % name) == lines("+%s: %s" % (name, start))


def test_numbers_left_out_stay():
    t = Terminal()
    t.at("AT+CNMI=1,2")
    assert t.at("AT+CNMI?") == lines("+CNMI: 1,2,0,0,0")
    assert t.at("AT+CNMI=0,0,0,0,0,0") == CME50


def test_calls_and_indications():
    t = Terminal()
    assert t.at("AT+CLIP=1;+CLIP?;+CLIR?") == lines("+CLIP: 1,1", "+CLIR: 0,4")
    assert t.at("AT+CPAS;+CLCC;+GCAP") == lines("+CPAS: 0", "+GCAP: +CGSM")
    assert t.at("ATL5M0S0=0") == OK
    assert t.at('AT+QINDCFG="csq"') == lines('+QINDCFG: "csq",0')
    assert t.at('AT+QINDCFG="csq",1,1') == OK
    assert t.at('AT+QINDCFG="CSQ"') == lines('+QINDCFG: "csq",1')
    assert t.at('AT+QINDCFG="none"') == CME50


def test_messages():
    t = Terminal()
    memory = '"SM",0,50,"SM",0,50,"SM",0,50'
    assert t.at("AT+CPMS?") == lines("+CPMS: " + memory)
    assert t.at('AT+CPMS="ME","ME","ME"') == lines("+CPMS: 0,50,0,50,0,50")
    assert t.at("AT+CPMS?") == lines("+CPMS: " + memory.replace("SM", "ME"))
    assert t.at('AT+CPMS="XX"') == CME50
    assert t.at('AT+CMGL="ALL"') == OK
    assert t.at("AT+CMGD=1,4") == OK
    assert t.at("AT+CMGD=50") == CME50
    assert t.at('AT+CSCA="+4912345"') == OK
    assert t.at("AT+CSCA?") == lines('+CSCA: "+4912345",145')
    t = Terminal(sim="none")
    for text in ("+CPMS?", "+CMGL", "+CMGD=1", "+CSCA?", "+CNUM", "+CLCC", '+CLCK="SC",2'):
        assert t.at("AT" + text) == NO_SIM, text


def test_pin_lock_and_contexts():
    assert Terminal().at('AT+CLCK="SC",2') == lines("+CLCK: 0")
    assert Terminal(sim="pin").at('AT+CLCK="SC",2') == lines("+CLCK: 1")
    t = Terminal()
    assert t.at("AT+CGDCONT?") == OK
    assert t.at('AT+CGDCONT=1,"IP","internet"') == OK
    assert t.at('AT+CGDCONT=2,"IP","other","0.0.0.0",0,0') == OK
    assert t.at("AT+CGDCONT?") == lines(
        '+CGDCONT: 1,"IP","internet","",0,0', '+CGDCONT: 2,"IP","other","",0,0'
    )
    assert t.at("AT+CGDCONT=2") == OK
    assert t.at("AT+CGDCONT?") == lines('+CGDCONT: 1,"IP","internet","",0,0')
    assert t.at('AT+CGDCONT=1,"IPV6","x"') == CME50


def test_the_start_of_other_drivers():
    # As seen in public drivers for modems of this family.
    t = Terminal(echo=True)
    for text in (
        "ATE0", "AT+CMEE=2", "AT+CTZR=0", "AT+CTZU=1", "AT+QSIMSTAT?", "AT+CPIN?", "AT+CMGF=1",
        'AT+CSCS="GSM"', "AT+CNMI=2,1,0,0,0", "AT+CLIP=1", "AT+CREG=2", "AT+CGREG=2", "ATX4",
        "AT&C1&D0", "AT+IFC=0,0", "ATS0=0", 'AT+CGDCONT=1,"IP","internet"', "AT+QSCLK=0",
        'AT+QCFG="nwscanmode",0', "AT+CGATT?", "AT+CCLK?", "AT+QISDE=0", "AT&W",
    ):  # fmt: skip
        assert t.at(text).endswith(OK), text
    # What only LTE modules have is an ERROR.
    for text in ("AT+CEREG?", 'AT+QURCCFG="urcport","uart1"'):
        assert t.at(text) == b"\r\nERROR\r\n"
