# test_model_lte - the LTE models, one table a family: what they answer, byte for byte.
# SPDX-License-Identifier: MIT

from lte_kit import FAMILIES, LTE, again, each, modem, put
from terminal import ERROR, OK, Terminal, lines
from ugsim.fakenet import ClosingPeer, FakeNet, Peer, SourcePeer
from ugsim.model import MODELS, ControlError, UGxx

WRONG = b"\r\n+CME ERROR: 50\r\n"


def test_who_they_are():
    seen = {}
    for name in MODELS:
        t = Terminal(model=name)
        model, revision = t.model.family.model, t.model.family.revision
        reply = t.at("ATI")
        assert (
            reply
            == ("\r\nQuectel\r\n%s\r\nRevision: %s\r\n\r\nOK\r\n" % (model, revision)).encode()
        ), reply
        assert t.at("AT+CGMM") == t.at("AT+GMM") == lines(model)
        assert t.at("AT+CGMR") == lines(revision)
        build = t.at("AT+QGMR")
        assert build.startswith(b"\r\n" + revision.encode()) and (b"_" in build) == (name in LTE)
        # The revision begins with the model's word, but for dashes and what comes behind one.
        assert revision.startswith(model.partition("-")[0]), model
        seen[model] = name
    assert len(seen) == len(MODELS)
    t = Terminal(model="bg770a", echo=True)
    assert t.at("ATI") == (
        b"ATI\r\r\nQuectel\r\nBG770A-GL\r\nRevision: BG770AGLAAR01A05\r\n\r\nOK\r\n"
    )


def test_a_model_that_nobody_knows():
    try:
        UGxx(FakeNet(), model="bg97")
        raise AssertionError("taken")
    except ControlError as e:
        text = str(e)
    assert text.startswith("unknown model 'bg97'; known are ") and "\n" not in text
    for name in MODELS:
        assert name in text
    assert Terminal(model="EC25").model.family.model == "EC25"


def test_lte_alone():
    # Switches and faults of LTE models are refused by the others, by words.
    t = Terminal()
    for text, words in (
        ("switch auto_pdp yes", "error: switch auto_pdp is one of LTE models; see --model"),
        ("fault upload_line", "error: fault upload_line is one of LTE models; see --model"),
        ("clear upload_line", "error: fault upload_line is one of LTE models; see --model"),
        ("fault cfg_error key=sni", "error: key of fault cfg_error is "),
    ):
        assert t.model.command(text).startswith(words)
    assert "auto_pdp" not in t.model.command("switches")
    assert "upload_line" not in t.model.command("help")
    t = Terminal(model="bg96")
    assert t.control("fault cfg_error key=sni") == "ok"
    assert "\n  auto_pdp=yes|no: " in t.control("switches")
    assert "upload_line" in t.control("help")
    assert t.model.command("fault cfg_error key=alpn").startswith("error: key of fault cfg_error")
    t.control("switch host_check none")
    assert "host_check=key|level|none (now none)" in t.control("switches")


STARTS = {
    "ec25": ["RDY", "+CFUN: 1", "+CPIN: READY", "+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"],
    "bg96": ["RDY", "+CFUN: 1", "+CPIN: READY", "+QIND: SMS DONE"],
    "bg95": ["RDY", "+CFUN: 1", "APP RDY", "+CPIN: READY", "+QIND: SMS DONE"],
    "bg770a": ["RDY", "+CFUN: 1", "APP RDY", "+CPIN: READY", "+QIND: SMS DONE"],
    "ec200u": ["RDY", "+QIND: SMS DONE", "+QIND: PB DONE"],
    "eg800k": ["RDY", "+QIND: SMS DONE", "+QIND: PB DONE"],
}


def test_starts():
    for model in FAMILIES:
        t = Terminal(model=model, powered=False, urc_port="here")
        t.model.set_line("pwrkey", True)
        said = t.wait(12000)
        want = "".join(["\r\n%s\r\n" % line for line in STARTS[model]]).encode()
        assert said == want, (model, said)
        # Where URCs go to another port, nothing of it comes.
        t = Terminal(model=model, powered=False, urc_port="elsewhere")
        t.model.set_line("pwrkey", True)
        assert t.wait(12000) == b""
        t = Terminal(model=model, powered=False, urc_port="elsewhere", start_urcs="always")
        t.model.set_line("pwrkey", True)
        assert t.wait(12000) == want


def test_pulses_of_pwrkey():
    for model, on, off in (
        ("bg96", 500, 650),
        ("bg95", 500, 650),
        ("ec25", 500, 650),
        ("ec200u", 2000, 2000),
        ("eg800k", 500, 650),
    ):
        t = Terminal(model=model, powered=False, urc_port="here")
        for ms, starts in ((on - 50, False), (on, True)):
            t.model.set_line("pwrkey", True)
            t.wait(ms)
            t.model.set_line("pwrkey", False)
            assert (b"RDY" in t.wait(9000)) == starts, (model, ms)
        for ms, stops in ((off - 50, False), (off, True)):
            t.model.set_line("pwrkey", True)
            t.wait(ms)
            t.model.set_line("pwrkey", False)
            assert (b"\r\nPOWERED DOWN\r\n" in t.wait(3000)) == stops, (model, ms)
        assert t.model.power.state == "off"


def test_registration():
    acts = {"ec25": 7, "bg96": 8, "bg95": 8, "bg770a": 8, "ec200u": 7, "eg800k": 7}
    for t, act in each(acts):
        for name in ("CREG", "CGREG", "CEREG"):
            assert t.at("AT+%s?" % name) == lines("+%s: 0,1" % name)
            assert t.at("AT+%s=2" % name) == OK
            want = lines('+%s: 2,1,"5650","29A7DF4",%d' % (name, act))
            assert t.at("AT+%s?" % name) == want
        assert t.at("AT+CEREG=?") == lines("+CEREG: (0-2,4)")
        for mode, reply in ((4, OK), (3, WRONG), (5, WRONG)):
            assert t.at("AT+CEREG=%d" % mode) == reply
        assert t.at("AT+CREG=4") == WRONG
        assert t.at("AT+COPS?") == lines('+COPS: 0,0,"TEST NET",%d' % act)
    assert Terminal().at("AT+CEREG?") == ERROR
    # A SIM for data alone: CEREG is what counts.
    for value in ("0", "2"):
        t = modem("ec25", cs_stat=value)
        assert t.at("AT+CREG?") == lines("+CREG: 0,%s" % value)
        assert t.at("AT+CEREG?") == lines("+CEREG: 0,1")
        t.open()


def test_the_attach_brings_a_context():
    for model in FAMILIES:
        t = modem(model, addresses="4")
        assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,1,"10.7.157.1"'), model
        assert t.at("AT+QIACT=1") == ERROR and t.error() == 572
        assert t.at("AT+CGACT?") == lines("+CGACT: 1,1")
        assert t.at("AT+CGPADDR=1") == lines('+CGPADDR: 1,"10.7.157.1"')
        assert t.at("AT+QILOCIP") == ERROR
        t.open()
        again(t)
        assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,1,"10.7.157.1"'), model
        assert t.at("AT+QSSLSTATE") == OK
        assert t.at("AT+QIDEACT=1") == OK and t.at("AT+QIACT?") == OK
        assert t.at("AT+QIACT=1") == b"" and t.wait(500) == OK
    t = modem("ec25", auto_pdp="no")
    assert t.at("AT+QIACT?") == OK and t.at("AT+CGACT?") == lines("+CGACT: 1,0")
    t.activate()
    t = modem("ec25", qiact_when_active="ok")
    assert t.at("AT+QIACT=1") == OK


def test_addresses():
    for model, given in (("ec25", "4"), ("bg96", "4"), ("ec200u", "46"), ("eg800k", "46")):
        both = ',"2001:db8::1"' if given == "46" else ""
        kind = 3 if both else 1
        t = modem(model)
        assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,%d,"10.7.157.1"%s' % (kind, both)), model
    t = modem("ec25", addresses="6")
    assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,3,"2001:db8::1"')
    assert t.at("AT+QIDNSCFG=1") == lines('+QIDNSCFG: 1,"2001:db8::253","2001:db8::254"')
    t.open()
    # Who wants IPv4 alone gets nothing there.
    t.at("AT+QIDEACT=1")
    assert t.at('AT+QICSGP=1,1,"x"') == OK
    assert t.at("AT+QIACT=1") == b"" and t.wait(500) == ERROR and t.error() == 561
    assert t.at('AT+QICSGP=1,2,"x"') == OK
    assert t.at("AT+QIACT=1") == b"" and t.wait(500) == OK
    assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,2,"2001:db8::1"')
    t = modem("ec25", addresses="46")
    t.at("AT+QIDEACT=1")
    t.at('AT+QICSGP=1,1,"x"')
    t.at("AT+QIACT=1")
    t.wait(500)
    assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,1,"10.7.157.1"')


def test_look_ups():
    for model, six in (("ec25", False), ("ec200u", True)):
        t = modem(model)
        said = t.at('AT+QIDNSGIP=1,"a.example"') + t.wait(10)
        address = t.net.address("a.example")
        assert (
            said
            == OK
            + (
                '\r\n+QIURC: "dnsgip",0,%d,600\r\n\r\n+QIURC: "dnsgip","%s"\r\n%s'
                % (
                    2 if six else 1,
                    address,
                    '\r\n+QIURC: "dnsgip","2001:db8::77"\r\n' if six else "",
                )
            ).encode()
        )
        assert t.at('AT+QIDNSGIP=1,"192.0.2.1"') + t.wait(10) == (
            OK + b'\r\n+QIURC: "dnsgip",0,1,0\r\n\r\n+QIURC: "dnsgip","192.0.2.1"\r\n'
        )
    t = modem("bg770a", auto_pdp="no")
    assert t.at("AT+QIDNSCFG=1") == ERROR
    assert t.at("AT+QIGETERROR") == lines("+QIGETERROR: 572,operation not allowed")


def test_apn_that_is_kept():
    for model in FAMILIES:
        t = modem(model)
        assert t.at('AT+QICSGP=1,1,"net","u","p",1') == OK
        again(t)
        kept = model == "bg95"
        want = '+QICSGP: 1,"net","u","p",1' if kept else '+QICSGP: %d,"","","",0'
        reply = t.at("AT+QICSGP=1")
        assert (reply == lines(want)) == kept, (model, reply)
        assert kept or b'"","","",0' in reply


def test_errors_in_words():
    # No blank behind the comma; the reason of a failed open is not there.
    for model in FAMILIES:
        t = modem(model)
        assert t.at("AT+QIGETERROR") == lines("+QIGETERROR: 0,operate successfully")
        t.control("fault open_code code=566")
        assert t.at('AT+QSSLOPEN=1,0,0,"a.example",443') + t.wait(1) == (
            OK + b"\r\n+QSSLOPEN: 0,566\r\n"
        )
        assert t.at("AT+QIGETERROR") == lines("+QIGETERROR: 0,operate successfully")
        assert t.at("AT+QSSLCLOSE=0") == OK
        # There is no URC about security.
        t.open()
        t.control("security 0 2")
        assert t.read() == b'\r\n+QSSLURC: "closed",0\r\n'


def test_clock():
    for model in FAMILIES:
        t = modem(model)
        assert t.at("AT+CCLK?") == lines('+CCLK: "80/01/06,00:00:00+00"')
        assert t.at("AT+QLTS") == lines('+QLTS: ""')
        assert t.at("AT+CTZU=?") == lines("+CTZU: (0,1,3)")
        assert t.at("AT+CTZU=2") == WRONG
        t.control("network-time 1783040187 32")  # 2026-07-03 00:56:27 UTC
        # 1: UTC, and the zone behind it; 3: local time.
        for mode, digits in ((1, "26/07/03,00:56:27+32"), (3, "26/07/03,08:56:27+32")):
            assert t.at("AT+CTZU=%d" % mode) == OK
            t.model.clock.registered()
            assert t.at("AT+CCLK?") == lines('+CCLK: "%s"' % digits), (model, mode)
            assert t.model.clock.unix() == 1783040187
        assert t.at("AT+QLTS") == lines('+QLTS: "2026/07/03,08:56:27+32,0"')
        assert t.at('AT+QNTP=1,"ntp.example"') == OK
        ms = 6000 if model == "ec200u" else 300
        assert t.wait(ms - 1) == b""
        said = t.wait(2)
        assert said.startswith(b'\r\n+QNTP: 0,"2026/07/03,00:56:') and said.endswith(b'+32"\r\n')
    t = modem("bg96", rtc_default="08/01/04")
    assert t.at("AT+CCLK?") == lines('+CCLK: "08/01/04,00:00:00+00"')


def test_uart():
    for model in FAMILIES:
        t = modem(model)
        assert t.at("AT+IPR?") == lines("+IPR: 115200")
        assert (t.at("AT+IPR=0") == OK) == (model == "bg770a")
        drops = {"bg96": 1, "bg95": 1}.get(model, 2)
        assert t.model.dtr_mode == drops, model
        assert t.at("AT+QSCLK=1") == OK
        assert (t.at("AT+QSCLK=2") == OK) == (model == "bg770a")
        assert t.at("AT+QISDE=0") == OK


def test_faults():
    net = FakeNet(SourcePeer(9, b"ab\0cdefgh"))
    for count, said in (("told", 9), ("left", 2)):
        t = modem("ec200u", net, addresses="4")
        t.at('AT+QSSLOPEN=1,0,0,"a.example",443')
        t.wait(5)
        t.control("fault recv_nul count=%s" % count)
        assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: %d\r\nab\r\n\r\nOK\r\n" % said
    t = modem("bg95")
    t.control("fault upload_line")
    assert put(t, "a.pem", b"ab") == OK
    assert put(t, "b.pem", b"ab") == lines("+QFUPL: 2,6162")
    t.control("fault list_empty")
    assert t.at("AT+QFLST") == OK and t.at("AT+QFLST") == OK
    t.control("fault cfg_ignored key=sni")
    assert t.at('AT+QSSLCFG="sni",0,1') == OK
    assert t.at('AT+QSSLCFG="sni",0') == lines('+QSSLCFG: "sni",0,0')
    t.control("fault cclk_wrong by=3600")
    assert t.at('AT+CCLK="26/07/03,00:00:00+00"') == OK
    assert t.at("AT+CCLK?") == lines('+CCLK: "26/07/03,01:00:00+00"')
    t = modem("eg800k", FakeNet(ClosingPeer(1)), addresses="4")
    t.open()
    t.control("fault recv_after_closed")
    assert t.send(0, b"x") + t.wait(5) == (
        b'\r\nSEND OK\r\n\r\n+QSSLURC: "closed",0\r\n\r\n+QSSLURC: "recv",0\r\n'
    )


def test_power_saving():
    # 27.007: two seconds without traffic, then it sleeps; a day later it would wake by itself.
    for model in ("bg96", "bg95", "bg770a"):
        t = modem(model)
        t.open()
        assert t.at('AT+CPSMS=1,,,"00100001","00000001"') == OK
        assert t.at("AT+CPSMS?") == lines('+CPSMS: 1,,,"00100001","00000001"')
        assert t.wait(1900) == b""
        t.send(0, b"x")
        assert b"PSM" not in t.wait(1900)
        assert t.wait(200) == b"\r\nPSM POWER DOWN\r\n", model
        assert t.at("AT") == b"" and t.model.power.state == "off"
        t.model.set_line("pwrkey", True)
        said = t.wait(9000)
        assert b"RDY" in said
        t.model.set_line("pwrkey", False)
        t.model.kept["psm"] = (0, "", "")
        t.wait(9000)
        # After its time it starts by itself.
        t.at('AT+CPSMS=1,,,"01100001","00000001"')  # two seconds... of 24.008's table
        t.wait(2100)
        assert t.model.power.state == "off"
        t.wait(2000)
        assert t.model.power.starts == 2
    for switches, said in (({"psm": "refused"}, b""), ({"psm_urc": "no"}, b"")):
        t = modem("bg96", **switches)
        t.at('AT+CPSMS=1,,,"00100001","00000001"')
        assert t.wait(5000) == said
        assert (t.model.power.state == "off") == ("psm_urc" in switches)
    for model in ("ec25", "ec200u", "eg800k"):
        assert modem(model).at("AT+CPSMS?") == ERROR and modem(model).at("AT+CEDRXS?") == ERROR
    t = modem("bg96")
    assert t.at('AT+CPSMS=1,,,"1","2"') == WRONG
    assert t.at('AT+CEDRXS=1,4,"0101"') == OK
    assert t.at("AT+CEDRXS?") == lines('+CEDRXS: 4,"0101"')
    assert t.at("AT+CEDRXRDP") == lines('+CEDRXRDP: 4,"0101","0101","0011"')
    t.control("switch edrx refused")
    assert t.at("AT+CEDRXRDP") == lines("+CEDRXRDP: 0")


def test_reached_now_and_then():
    # eDRX: what comes is held until the modem listens; what goes out wakes it.
    net = FakeNet()
    peer = net.add("a.example", Peer())
    t = modem("bg96", net)
    assert t.at('AT+CEDRXS=1,4,"0010"') == OK  # 20.48 s, of which it listens for 5.12
    t.open(0, "a.example")
    t.send(0, b"x")
    t.wait(41000 - t.now)  # 40 ms into the third cycle
    conn = net.conns[0]
    conn.push(b"one")
    assert t.wait(10) == b'\r\n+QSSLURC: "recv",0\r\n'
    t.at("AT+QSSLRECV=0,9")
    t.wait(56000 - t.now)
    conn.push(b"two")
    assert t.wait(61400 - t.now) == b""
    assert t.wait(100) == b'\r\n+QSSLURC: "recv",0\r\n'
    t.at("AT+QSSLRECV=0,9")
    t.wait(76000 - t.now)
    conn.push(b"three")
    assert t.wait(100) == b""
    assert t.send(0, b"y") + t.wait(10) == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0\r\n'
    assert peer is net.conns[0].peer
    t.control("switch edrx refused")
    t.at("AT+QSSLRECV=0,9")
    t.wait(97000 - t.now)
    conn.push(b"four")
    assert t.wait(10) == b'\r\n+QSSLURC: "recv",0\r\n'


def test_a_rate_that_takes_time():
    for model, ms in (("ec25", 500), ("bg96", 0)):
        t = modem(model)
        t.model.host_baud = 115200
        assert t.at("AT+IPR=9600") == OK
        t.model.host_baud = 9600
        t.model.run(t.now)
        if ms:
            assert t.at("AT") == b"" and t.wait(ms - 10) == b"" and t.at("AT") == b""
            t.wait(20)
        assert t.at("AT") == OK


def test_switched_off_by_command():
    for model in FAMILIES:
        t = modem(model, pdpdeact_at_off="no")
        assert t.at("AT+QPOWD") == OK
        assert t.wait(600) == b"\r\nPOWERED DOWN\r\n"
        assert t.wait(9000) == b"" and t.at("AT") == b""
    t = modem("bg770a", pon_trig="high", pdpdeact_at_off="no")
    t.at("AT+QPOWD")
    assert b"POWERED DOWN\r\n\r\nRDY" in t.wait(9000)


def test_urcs_held_back():
    t = modem("eg800k", addresses="4")
    t.open()
    assert t.at('AT+QCFG="urc/cache",1') == OK
    assert t.send(0, b"x") == b"\r\nSEND OK\r\n"
    assert t.at('AT+QCFG="urc/cache",0') == b'\r\n+QSSLURC: "recv",0\r\n\r\nOK\r\n'
    assert modem("bg770a").at('AT+QCFG="urc/cache",1') == WRONG
