# test_model_pdp - PDP contexts, DNS, QIGETERROR and their forms (manual 1.2, 1.5, 3.1).
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import FakeNet


def test_qicsgp():
    t = Terminal()
    assert t.at("AT+QICSGP=?") == lines("+QICSGP: (1-20),(1),<APN>,<username>,<password>,(0-3)")
    assert t.at("AT+QICSGP=1") == lines('+QICSGP: 1,"","","",0')
    assert t.at('AT+QICSGP=20,1,"UNINET","u","p",2') == OK
    assert t.at("AT+QICSGP=20") == lines('+QICSGP: 1,"UNINET","u","p",2')
    assert t.at('AT+QICSGP=20,1,"other"') == OK
    assert t.at("AT+QICSGP=20") == lines('+QICSGP: 1,"other","","",0')
    for text in (
        "0",
        "21",
        "",
        '1,2,"a"',
        "1,1,a",
        "1,1",
        '1,1,"a","u","p",4',
        '1,1,"a","u","p",1,1',
        '1,1,"' + 100 * "a" + '"',
        '1,1,"a","' + 128 * "u" + '"',
    ):
        assert t.at("AT+QICSGP=" + text) == ERROR, text
        assert t.error() == 552, text
    assert t.at("AT+QICSGP?") == ERROR
    assert t.at("AT+QICSGP") == ERROR


def test_qiact_and_qideact():
    t = Terminal()
    assert t.at("AT+QIACT=?") == lines("+QIACT: (1-20)")
    assert t.at("AT+QIDEACT=?") == lines("+QIDEACT: (1-20)")
    assert t.at("AT+QIACT?") == OK
    t.activate(2)
    assert t.at("AT+QIACT?") == lines('+QIACT: 2,1,1,"10.7.157.2"')
    assert t.at("AT+QIACT=2") == ERROR
    assert t.error() == 572
    assert t.at("AT+QIDEACT=2") == OK
    assert t.at("AT+QIACT?") == OK
    assert t.at("AT+QIDEACT=2") == OK
    for command in ("QIACT", "QIDEACT"):
        for text in ("0", "21", "", "1,1", '"1"'):
            assert t.at("AT+%s=%s" % (command, text)) == ERROR
            assert t.error() == 552
        assert t.at("AT+" + command) == ERROR
    assert t.at("AT+QIDEACT?") == ERROR


def test_at_most_three_contexts_are_active():
    t = Terminal()
    for n in (1, 5, 20):
        t.activate(n)
    assert t.at('AT+QICSGP=6,1,"a"') == OK
    assert t.at("AT+QIACT=6") == ERROR
    assert t.error() == 561
    assert t.at("AT+QIACT?") == lines(
        '+QIACT: 1,1,1,"10.7.157.1"',
        '+QIACT: 5,1,1,"10.7.157.5"',
        '+QIACT: 20,1,1,"10.7.157.20"',
    )


def test_activation_needs_an_apn_and_the_network():
    t = Terminal()
    assert t.at("AT+QIACT=1") == ERROR
    assert t.error() == 573
    t.at('AT+QICSGP=1,1,"a"')
    t.control("coverage off")
    assert t.at("AT+QIACT=1") == b""
    assert t.wait(1000) == ERROR
    assert t.error() == 561
    t = Terminal(empty_apn="ok")
    assert t.at("AT+QIACT=1") == b""
    assert t.wait(1000) == OK


def test_active_context_again_with_the_switch():
    t = ready(qiact_when_active="ok")
    assert t.at("AT+QIACT=1") == OK


def test_deactivation_closes_the_sockets():
    t = ready()
    t.open(0)
    t.open(7)
    assert t.at("AT+QIDEACT=1") == OK
    assert t.at("AT+QSSLSTATE") == OK
    assert [c.state for c in t.net.conns] == ["closed", "closed"]


def test_pdp_lost():
    t = ready()
    t.activate(2)
    t.open(0)
    assert t.at('AT+QSSLOPEN=2,0,1,"host.example",443').endswith(b"+QSSLOPEN: 1,0\r\n")
    t.control("pdp drop 1")
    assert t.read() == b'\r\n+QSSLURC: "closed",0\r\n\r\n+QIURC: "pdpdeact",1\r\n'
    assert t.at("AT+QIACT?") == lines('+QIACT: 2,1,1,"10.7.157.2"')
    assert t.at("AT+QSSLSTATE=0").find(b",5,1,0,0,") > 0
    assert t.at("AT+QSSLSTATE=1").find(b",3,2,1,0,") > 0
    # QIDEACT has to come first.
    assert t.at("AT+QIACT=1") == ERROR
    assert t.error() == 572
    assert t.at('AT+QSSLOPEN=1,0,2,"host.example",443') == ERROR
    assert t.error() == 570
    assert t.at("AT+QIDEACT=1") == OK
    assert t.at("AT+QIACT=1") == b""
    assert t.wait(1000) == OK
    assert t.model.command("pdp drop 9").startswith("error: PDP context 9")


def test_pdp_lost_without_urcs():
    t = ready(pdpdeact_also_closed="no")
    t.open(0)
    t.control("pdp drop 1")
    assert t.read() == b'\r\n+QIURC: "pdpdeact",1\r\n'
    t = ready()
    t.open(0)
    t.control("pdp drop 1 quiet")
    assert t.read() == b""
    assert t.at("AT+QSSLSEND=0,1") == ERROR


def test_pdp_lost_while_opening():
    t = ready(FakeNet(latency_ms=1000))
    assert t.at('AT+QSSLOPEN=1,0,0,"host.example",443') == OK
    t.control("pdp drop 1")
    assert t.read() == b'\r\n+QSSLOPEN: 0,570\r\n\r\n+QIURC: "pdpdeact",1\r\n'


def test_qigeterror():
    t = Terminal()
    assert t.at("AT+QIGETERROR=?") == OK
    assert t.at("AT+QIGETERROR") == lines("+QIGETERROR: 0, operate successfully")
    t.at("AT+QIACT=99")
    assert t.at("AT+QIGETERROR") == lines("+QIGETERROR: 552, invalid parameters")
    # Asking twice is fine; a general command changes nothing.
    assert t.at("AT+CSQ;+QIGETERROR") == lines(
        "+CSQ: 21,0", "+QIGETERROR: 552, invalid parameters"
    )
    t.at('AT+QICSGP=1,1,"a"')
    assert t.at("AT+QIGETERROR") == lines("+QIGETERROR: 0, operate successfully")
    t = Terminal(geterror_space="no")
    assert t.at("AT+QIGETERROR") == lines("+QIGETERROR: 0,operate successfully")


def test_qilocip():
    t = Terminal()
    assert t.at("AT+QILOCIP") == ERROR
    t.activate()
    assert t.at("AT+QILOCIP") == lines("10.7.157.1")
    assert t.at("AT+QILOCIP=?") == OK
    assert t.at("AT+QILOCIP?") == ERROR
    t = ready(qilocip_ok="no")
    assert t.at("AT+QILOCIP") == b"\r\n10.7.157.1\r\n"
    assert t.at("AT") == OK


def test_qistate_has_no_plain_sockets():
    t = ready()
    t.open()
    for text in ("", "?", "=0,1", "=1,0"):
        assert t.at("AT+QISTATE" + text) == OK
    assert t.at("AT+QISTATE=?") == lines("+QISTATE: (0,1),(0-11)")
    assert t.at("AT+QISTATE=2,0") == ERROR


def test_qidnscfg():
    t = Terminal()
    assert t.at("AT+QIDNSCFG=?") == lines("+QIDNSCFG: (1-20),<pridnsaddr>,<secdnsaddr>")
    assert t.at("AT+QIDNSCFG=1") == lines('+QIDNSCFG: 1,"0.0.0.0","0.0.0.0"')
    t.activate()
    assert t.at("AT+QIDNSCFG=1") == lines('+QIDNSCFG: 1,"10.7.157.253","10.7.157.254"')
    assert t.at('AT+QIDNSCFG=1,"8.8.8.8"') == OK
    assert t.at("AT+QIDNSCFG=1") == lines('+QIDNSCFG: 1,"8.8.8.8","0.0.0.0"')
    assert t.at('AT+QIDNSCFG=1,"8.8.8.8","1.1.1.1"') == OK
    assert t.at("AT+QIDNSCFG=1") == lines('+QIDNSCFG: 1,"8.8.8.8","1.1.1.1"')
    # One that was set stays over a new activation.
    assert t.at("AT+QIDEACT=1") == OK
    t.activate()
    assert t.at("AT+QIDNSCFG=1") == lines('+QIDNSCFG: 1,"8.8.8.8","1.1.1.1"')
    for text in ('1,"dns.example"', '1,"1.2.3.256"', "1,8.8.8.8", "0", "21"):
        assert t.at("AT+QIDNSCFG=" + text) == ERROR
        assert t.error() == 552
    t = Terminal(qidnscfg_inactive="error")
    assert t.at("AT+QIDNSCFG=1") == ERROR


def test_qidnsgip():
    net = FakeNet(latency_ms=300)
    net.names["two.example"] = ["192.0.2.7", "192.0.2.8"]
    net.names["none.example"] = []
    t = Terminal(net)
    assert t.at("AT+QIDNSGIP=?") == lines("+QIDNSGIP: (1-20),<hostname>")
    assert t.at('AT+QIDNSGIP=1,"two.example"') == ERROR
    assert t.error() == 572
    t.activate()
    assert t.at('AT+QIDNSGIP=1,"two.example"') == OK
    assert t.at('AT+QIDNSGIP=1,"two.example"') == ERROR
    assert t.error() == 564
    assert t.wait(299) == b""
    assert t.wait(1) == (
        b'\r\n+QIURC: "dnsgip",0,2,600\r\n'
        b'\r\n+QIURC: "dnsgip","192.0.2.7"\r\n'
        b'\r\n+QIURC: "dnsgip","192.0.2.8"\r\n'
    )
    assert t.at('AT+QIDNSGIP=1,"none.example"') == OK
    assert t.wait(1000) == b'\r\n+QIURC: "dnsgip",565\r\n'
    assert t.at('AT+QIDNSGIP=1,"192.0.2.9"') == OK + (
        b'\r\n+QIURC: "dnsgip",0,1,600\r\n\r\n+QIURC: "dnsgip","192.0.2.9"\r\n'
    )
    for text in ("1", '1,""', "1,host", '0,"a"', '1,"a",1'):
        assert t.at("AT+QIDNSGIP=" + text) == ERROR
        assert t.error() == 552


def test_dns_servers_that_do_not_work():
    t = ready()
    assert t.at('AT+QIDNSCFG=1,"0.0.0.0","0.0.0.0"') == OK
    assert t.at('AT+QIDNSGIP=1,"host.example"') == OK + b'\r\n+QIURC: "dnsgip",565\r\n'
    reply = t.at('AT+QSSLOPEN=1,0,0,"host.example",443')
    assert reply == OK + b"\r\n+QSSLOPEN: 0,565\r\n"
    # An address needs no server.
    assert t.at('AT+QSSLOPEN=1,0,1,"192.0.2.1",443').endswith(b"+QSSLOPEN: 1,0\r\n")
    t = ready()
    t.control("dns dead")
    assert t.at('AT+QIDNSGIP=1,"host.example"') == OK + b'\r\n+QIURC: "dnsgip",565\r\n'
    t.control("dns ok")
    assert t.at('AT+QIDNSGIP=1,"host.example"').find(b'"dnsgip",0,1,600') > 0


def test_a_look_up_that_hangs():
    t = ready(dnsgip="hangs")
    assert t.at('AT+QIDNSGIP=1,"host.example"') == OK
    assert t.wait(120000) == b""
    t = ready(FakeNet(latency_ms=1000000))
    assert t.at('AT+QIDNSGIP=1,"host.example"') == OK
    assert t.wait(59999) == b""
    assert t.wait(1) == b'\r\n+QIURC: "dnsgip",565\r\n'


def test_a_udp_service():
    t = ready()
    assert t.at("AT+QISTATE") == OK
    open_it = 'AT+QIOPEN=1,11,"UDP SERVICE","127.0.0.1",0,3030,0'
    shown = '+QISTATE: 11,"UDP SERVICE","10.7.157.1",0,3030,3,1,11,0,"usbmodem"'
    assert t.at(open_it) == OK + b"\r\n+QIOPEN: 11,0\r\n"
    assert t.at(open_it) == ERROR and t.error() == 563
    for text in ("AT+QISTATE", "AT+QISTATE?", "AT+QISTATE=1,11", "AT+QISTATE=0,1"):
        assert t.at(text) == lines(shown), text
    assert t.at("AT+QISTATE=1,3") == t.at("AT+QISTATE=0,2") == OK
    assert t.at("AT+QICLOSE=11") == OK and t.at("AT+QISTATE") == OK
    t.at(open_it)
    assert t.at("AT+QIDEACT=1") == OK and t.at("AT+QISTATE") == OK
    assert t.at(open_it) == ERROR and t.error() == 572
    t.at("AT+QIACT=1")
    t.wait(1000)
    assert t.at('AT+QIOPEN=1,0,"TCP","127.0.0.1",80') == ERROR and t.error() == 555
    for text in ("1", '0,0,"UDP SERVICE","a",0', '1,12,"UDP SERVICE","a",0'):
        assert t.at("AT+QIOPEN=" + text) == ERROR and t.error() == 552, text
