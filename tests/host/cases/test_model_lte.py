# test_model_lte - the LTE models, one table a family: what they answer, byte for byte.
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines
from ugsim.fakenet import ClosingPeer, EchoPeer, FakeNet, Peer, SourcePeer
from ugsim.model import MODELS, ControlError, UGxx
from ugsim.model.family import load

WRONG = b"\r\n+CME ERROR: 50\r\n"
# One model of each family.
FAMILIES = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")
LTE = [name for name in MODELS if load(name).lte]


def modem(model, net=None, **switches):
    # Its URCs come to where it is typed at.
    t = Terminal(net, model=model, **switches)
    assert t.at('AT+QURCCFG="urcport","%s"' % t.model.sw["at_port"]) == OK
    return t


def again(t):
    # It restarts; what it says at that.
    t.control("restart")
    said = t.wait(15000)
    t.model.echo = False
    return said


def each(table):
    # (terminal, what the table has for its model)
    for model in FAMILIES:
        yield modem(model), table[model]


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


E1_SUITES = (
    "0X0035,0X002F,0X0005,0X000A,0X003D,0XC003,0XC004,0XC005,0XC008,0XC009,0XC00A,0XC012,0XC013,"
    "0XC014,0XC00D,0XC00E,0XC00F,0XC023,0XC024,0XC025,0XC026,0XC027,0XC028,0XC029,0XC02A,0XC02F,"
    "0XC030"
)
E1_OLD = (
    "0X0035,0X002F,0X0005,0X0004,0X000A,0X003D,0XC002,0XC003,0XC004,0XC005, 0XC007,0XC008,0XC009,"
    "0XC00A,0XC011,0XC012,0XC013,0XC014,0XC00C,0XC00D,0XC00E,0XC00F,0XC023,0XC024,0XC025,0XC026,"
    "0XC027,0XC028,0XC029,0XC02A,0XC02F,0XC030"
)
SUITES = {
    "ec25": E1_SUITES,
    "bg96": "0X0035,0X002F,0X0005,0X0004,0X000A,0X003D,0XC011,0XC012,0XC013,0XC014,0XC027,0XC028,"
    "0XC02F",
    "bg95": None,  # known of one driver's table only
    "bg770a": "0X0035,0X002F,0X0004,0X0005,0X000A,0X003D,0XC002,0XC003,0XC004,0XC005,0XC007,"
    "0XC008,0XC009,0XC00A,0XC011,0XC012,0XC013,0XC014,0XC00C,0XC00D,0XC00E,0XC00F,0XC023,0XC024,"
    "0XC025,0XC026,0XC027,0XC028,0XC029,0XC02A,0XC02B,0XC02F,0XC0A8,0X00AE",
    "ec200u": E1_SUITES + ",0X009C",
    "eg800k": E1_SUITES + ",0X009C",
}
FIRST = ("sslversion", "ciphersuite", "cacert", "clientcert", "clientkey", "seclevel")
FIRST = FIRST + ("ignorelocaltime", "negotiatetime")
KEYS = {
    "ec25": "sni ignoremulticertchainverify ignoreinvalidcertsign ignorecertitem cacertex "
    "closetimemode session_cache renegotiation alpn psk dtls dtlsversion",
    "bg96": "sni checkhost ignorecertchain",
    "bg95": "sni checkhost session renegotiation dtls dtlsversion",
    "bg770a": "sni checkhost session renegotiation dtls dtlsversion",
    "ec200u": "sni ignoremulticertchainverify ignoreinvalidcertsign closetimemode session_cache",
    "eg800k": "sni ignoremulticertchainverify ignoreinvalidcertsign cacertex closetimemode "
    "session_cache renegotiation alpn psk dtls dtlsversion",
}


def shown(reply):
    # The keys and their ranges of AT+QSSLCFG=?.
    found = {}
    for line in reply.decode().split("\r\n"):
        if line.startswith('+QSSLCFG: "'):
            key, _, rest = line[11:].partition('",(0-5),')
            found[key] = rest
    return found


def test_what_qsslcfg_has():
    for t, keys in each(KEYS):
        model = t.model.family.name
        found = shown(t.at("AT+QSSLCFG=?"))
        assert set(found) == set(FIRST + tuple(keys.split())), (model, found)
        assert found["sslversion"] == "(0-4)"
        assert found["seclevel"] == ("(0-3)" if model == "bg770a" else "(0-2)")
        assert found["negotiatetime"] == "(10-300)"
        assert found["sni"] in ("(0,1)", "(0-1)")
        if SUITES[model]:
            assert found["ciphersuite"] == "(%s,0XFFFF)" % SUITES[model], model
        # Every key can be asked for, and those of the other families can't.
        for key in found:
            reply = t.at('AT+QSSLCFG="%s",5' % key)
            assert reply.startswith(('\r\n+QSSLCFG: "%s",5,' % key).encode()), (model, key)
            assert reply.endswith(b"\r\n" + OK), (model, key)
        for others in KEYS.values():
            for key in others.split():
                if key not in found:
                    assert t.at('AT+QSSLCFG="%s",0' % key) == ERROR, (model, key)
                    assert t.at('AT+QSSLCFG="%s",0,0' % key) == ERROR
        assert t.at('AT+QSSLCFG="sni",6') == ERROR


def test_lines_that_are_longer_than_others():
    # As long as those of an EG25-G of before and of a BG770A.
    for model, size, old in (("eg25", 263, "old"), ("bg770a", 276, "new")):
        reply = Terminal(model=model, firmware=old).at("AT+QSSLCFG=?")
        longest = max([len(line) for line in reply.split(b"\r\n")])
        assert longest == size, (model, longest)
    t = Terminal(model="eg25", firmware="old")
    found = shown(t.at("AT+QSSLCFG=?"))
    assert found["ciphersuite"] == "(%s,0XFFFF)" % E1_OLD
    assert "ignorecertitem" not in found and len(E1_OLD.split(",")) == 32
    assert t.at('AT+QSSLCFG="ciphersuite",0,0XC007') == OK
    t = Terminal(model="eg25")
    assert len(shown(t.at("AT+QSSLCFG=?"))["ciphersuite"].split(",")) == 28
    assert t.at('AT+QSSLCFG="ciphersuite",0,0XC007') == ERROR


def test_what_the_factory_has_set():
    for model in FAMILIES:
        t = modem(model)
        for key, value in (
            ("sslversion", "4"),
            ("ciphersuite", "0XFFFF"),
            ("seclevel", "0"),
            ("ignorelocaltime", "1"),
            ("negotiatetime", "300"),
            ("sni", "0"),
            ("cacert", '""'),
        ):
            want = lines('+QSSLCFG: "%s",0,%s' % (key, value))
            assert t.at('AT+QSSLCFG="%s",0' % key) == want, (model, key)
    t = Terminal(model="bg95", sni_default="1", checkhost_default="1", seclevel="2")
    for key, value in (("sni", 1), ("checkhost", 1), ("seclevel", 2)):
        assert t.at('AT+QSSLCFG="%s",3' % key) == lines('+QSSLCFG: "%s",3,%d' % (key, value))


def test_settings():
    for model in FAMILIES:
        t = modem(model)
        last = 3 if model == "bg770a" else 2
        for text, reply in (
            ('"ciphersuite",1,0XC02F', OK),
            ('"ciphersuite",1', lines('+QSSLCFG: "ciphersuite",1,0XC02F')),
            ('"ciphersuite",1,0xc013', OK),
            ('"ciphersuite",1', lines('+QSSLCFG: "ciphersuite",1,0XC013')),
            ('"ciphersuite",1,"0XC02F"', ERROR),
            ('"ciphersuite",1,0XC0FF', ERROR),
            ('"SNI",1,1', OK),
            ('"sni",1', lines('+QSSLCFG: "sni",1,1')),
            ('"sni",2', lines('+QSSLCFG: "sni",2,0')),
            ('"sni",1,2', ERROR),
            ('"sni",1,"a.example"', ERROR),
            ('"sslversion",1,5', ERROR),
            ('"seclevel",1,%d' % last, OK),
            ('"seclevel",1,%d' % (last + 1), ERROR),
            ('"cacert",1,"missing.pem"', OK),
            ('"cacert",1', lines('+QSSLCFG: "cacert",1,"missing.pem"')),
        ):
            assert t.at("AT+QSSLCFG=" + text) == reply, (model, text)
        # What is set is lost with power.
        again(t)
        assert t.at('AT+QSSLCFG="sni",1') == lines('+QSSLCFG: "sni",1,0')
    t = modem("bg96", cfg_unquoted_set="ok")
    assert t.at('AT+QSSLCFG="ciphersuite",1,"0XC02F"') == OK


OPENS = {
    "ec25": ("(1-16),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]", 16),
    "bg96": ("(1-16),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]", 16),
    "bg95": ("(1-16),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]", 16),
    "bg770a": ("(1-5),(0-5),(0-11),<serveraddr>,<server_port>,(0-2)", 5),
    "ec200u": ("(1-7),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]", 7),
    "eg800k": ("(1-15),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]", 15),
}


def test_ranges():
    for t, (text, contexts) in each(OPENS):
        model = t.model.family.name
        assert t.at("AT+QSSLOPEN=?") == lines("+QSSLOPEN: " + text), model
        assert t.at("AT+QSSLSEND=?") == lines("+QSSLSEND: (0-11)[,(1-1460)]")
        low = 0 if model == "eg800k" else 1
        assert t.at("AT+QSSLRECV=?") == lines("+QSSLRECV: (0-11),(%d-1500)" % low)
        more = "" if model == "bg770a" else "[,(0-65535)]"
        assert t.at("AT+QSSLCLOSE=?") == lines("+QSSLCLOSE: (0-11)" + more)
        for number, reply in ((contexts, OK), (contexts + 1, ERROR), (0, ERROR)):
            assert t.at('AT+QICSGP=%d,1,"x","","",0' % number) == reply, (model, number)
        assert t.at('AT+QICSGP=1,3,"x","","",%d' % t.model.family.auth_most) == OK
        assert t.at('AT+QICSGP=1,1,"x","","",4') == ERROR
        assert t.at("AT+QIACT=?") == lines("+QIACT: (1-%d)" % contexts)
        assert t.at('AT+QSSLOPEN=%d,0,0,"a",443' % (contexts + 1)) == ERROR and t.error() == 552


def test_states():
    for model in FAMILIES:
        net = FakeNet()
        net.add("gone.example", ClosingPeer(1))
        t = modem(model, net, addresses="4")
        t.open(3)
        t.open(4, "gone.example")
        t.send(4, b"x")
        t.wait(10)
        local = (0, 0) if model == "eg800k" else (4100, 4101)
        port = t.model.sw["at_port"]
        reply = t.at("AT+QSSLSTATE")
        where = net.address("host.example"), net.address("gone.example")
        assert reply == lines(
            '+QSSLSTATE: 3,"SSLClient","%s",443,%d,2,1,3,0,"%s",0' % (where[0], local[0], port),
            '+QSSLSTATE: 4,"SSLClient","%s",443,%d,4,1,4,0,"%s",0' % (where[1], local[1], port),
        ), reply
        one = lines(reply.decode().split("\r\n")[1])
        assert t.at("AT+QSSLSTATE=3") == t.at("AT+QSSLSTATE=1,3") == one
        assert t.at("AT+QSSLSTATE?") == reply


def test_where_urcs_go():
    # At the factory some send them to USB: commands answer, and nothing else is heard.
    for model in LTE:
        t = Terminal(model=model, addresses="4")
        ports = t.model.family.ports
        elsewhere = t.model.sw["urc_port"] == "elsewhere"
        assert elsewhere == (load(model).model[:2] in ("EC", "EG") and ports[-1] != "all"), model
        want = ports[0] if elsewhere else t.model.sw["at_port"]
        assert t.at('AT+QURCCFG="urcport"') == lines('+QURCCFG: "urcport","%s"' % want)
        listed = ",".join(['"%s"' % name for name in ports])
        assert t.at("AT+QURCCFG=?") == lines('+QURCCFG: "urcport",(%s)' % listed)
        opened = b"" if elsewhere else b"\r\n+QSSLOPEN: 0,0\r\n"
        assert t.at('AT+QSSLOPEN=1,0,0,"a.example",443') == OK + opened
        recv = b"" if elsewhere else b'\r\n+QSSLURC: "recv",0\r\n'
        assert t.send(0, b"x") == b"\r\nSEND OK\r\n" + recv
        assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 1\r\nx\r\n\r\nOK\r\n"
        for bad in ("usb", "cmux1", ""):
            assert t.at('AT+QURCCFG="urcport","%s"' % bad) == ERROR
        assert t.at('AT+QURCCFG="port","uart1"') == ERROR
        assert t.at('AT+QURCCFG="urcport","%s"' % t.model.sw["at_port"].upper()) == OK
        assert t.send(0, b"y") == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0\r\n'
        # It is kept, also without being asked to.
        assert b"RDY" in again(t)
    t = Terminal(model="ec200u", urc_port="elsewhere")
    assert t.at('AT+QURCCFG="urcport","all"') == OK
    t.open()


QICFG = {
    "ec25": "transpktsize transwaittm dataformat viewmode tcp/retranscfg dns/cache qisend/timeout "
    "passiveclosed udp/readmode udp/sendmode tcp/accept recvind tcp/keepalive recv/buffersize "
    "window/scale",
    "bg96": "transpktsize transwaittm dataformat viewmode tcp/retranscfg",
    "bg95": "transpktsize transwaittm dataformat viewmode recvind",
    "bg770a": "transpktsize transwaittm dataformat viewmode recvind",
    "ec200u": "transpktsize dataformat viewmode recvind sendinfo close/mode formatcfg "
    "passiveclosed qisend/timeout",
    "eg800k": "transpktsize dataformat viewmode recvind sendinfo close/mode formatcfg "
    "passiveclosed qisend/timeout send/buffersize",
}
STARTING = {"transpktsize": "1024", "transwaittm": "2", "dataformat": "0,0", "viewmode": "0"}


def test_what_qicfg_has():
    for t, names in each(QICFG):
        model = t.model.family.name
        for name in names.split():
            reply = t.at('AT+QICFG="%s"' % name)
            assert reply.startswith(('\r\n+QICFG: "%s",' % name).encode()), (model, name)
            if name in STARTING:
                assert reply == lines('+QICFG: "%s",%s' % (name, STARTING[name]))
        for name in ("sendinfo", "close/mode", "formatcfg"):
            if name not in names:
                assert t.at('AT+QICFG="%s",0' % name) == ERROR, (model, name)
        assert t.at('AT+QICFG="transpktsize",1460') == OK
        assert t.at('AT+QICFG="transpktsize",1461') == ERROR
        assert t.at('AT+QICFG="transpktsize"') == lines('+QICFG: "transpktsize",1460')
        again(t)
        assert t.at('AT+QICFG="transpktsize"') == lines('+QICFG: "transpktsize",1024')
    for model, most in (("ec25", 3600), ("ec200u", 120)):
        t = Terminal(model=model)
        assert t.at('AT+QICFG="qisend/timeout",%d' % most) == OK
        assert t.at('AT+QICFG="qisend/timeout",%d' % (most + 1)) == ERROR


def test_what_qicfg_does():
    # Left behind by another program, each of these changes what sockets say.
    t = modem("ec200u", addresses="4")
    t.open()
    assert t.at('AT+QICFG="recvind",1') == OK
    assert t.send(0, b"four") == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0,4\r\n'
    assert t.at('AT+QICFG="viewmode",1') == OK
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 4,four\r\n\r\nOK\r\n"
    assert t.at("AT+QSSLRECV=0,9") == lines("+QSSLRECV: 0")
    assert t.at('AT+QICFG="viewmode",0') == OK
    assert t.at('AT+QICFG="dataformat",0,1') == OK
    t.send(0, b"\x00\xff")
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 2\r\n00FF\r\n\r\nOK\r\n"
    assert t.at('AT+QICFG="dataformat",1,0') == OK
    assert t.send(0, b"41ff") == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0,2\r\n'
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 2\r\nA\xff\r\n\r\nOK\r\n"
    assert t.send(0, b"hello!") == ERROR
    assert t.at('AT+QICFG="dataformat",0,0') == OK
    assert t.at('AT+QICFG="sendinfo",1') == OK
    assert t.send(0, b"abc").startswith(b"\r\n+QSSLSEND: 0,0,8757\r\n\r\nOK\r\n")
    t.control("switch sendinfo_name tcp")
    assert t.send(0, b"abc").startswith(b"\r\n+QISEND: 0,0,8757\r\n\r\nOK\r\n")
    assert t.at('AT+QICFG="formatcfg",1') == OK
    assert t.at("AT+QSSLSEND=0,1") == b"\r\n>\r\n"
    t.type("x")
    assert t.at('AT+QICFG="close/mode",1') == OK
    assert t.at("AT+QSSLCLOSE=0") == OK
    assert t.wait(100) == b"\r\n+QSSLCLOSE: 0\r\n"
    assert t.at("AT+QSSLSTATE") == OK
    # A restart takes it all back; a switch says that nothing of it is so for SSL.
    again(t)
    t.open()
    assert t.send(0, b"x") == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0\r\n'
    t = modem("ec200u", addresses="4", qicfg_ssl="no")
    for text in ('"recvind",1', '"viewmode",1', '"sendinfo",1', '"close/mode",1'):
        assert t.at("AT+QICFG=" + text) == OK
    t.open()
    assert t.send(0, b"x") == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0\r\n'
    assert t.at("AT+QSSLRECV=0,9") == b"\r\n+QSSLRECV: 1\r\nx\r\n\r\nOK\r\n"
    assert t.at("AT+QSSLCLOSE=0") == OK and t.wait(100) == b""


def test_pushed_in_one_line():
    net = FakeNet(EchoPeer())
    t = modem("ec200u", net, addresses="4")
    t.open(mode=1)
    assert t.send(0, b"four") == (b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0,4\r\nfour\r\n')
    t.at('AT+QICFG="viewmode",1')
    assert t.send(0, b"four") == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0,4,four\r\n'
    assert t.at("AT+QSSLRECV=0,9") == ERROR


def test_passive_close():
    net = FakeNet(ClosingPeer(1))
    t = modem("eg800k", net, addresses="4")
    t.open()
    assert t.send(0, b"x") + t.wait(10) == b'\r\nSEND OK\r\n\r\n+QSSLURC: "closed",0\r\n'
    assert b"SSLClient" in t.at("AT+QSSLSTATE")
    assert t.at('AT+QSSLOPEN=1,0,0,"a.example",443') == ERROR and t.error() == 563
    t.at("AT+QSSLCLOSE=0")
    t.at('AT+QICFG="passiveclosed",1')
    net.default = ClosingPeer(1)
    t.open()
    t.send(0, b"x")
    t.wait(10)
    assert t.at("AT+QSSLSTATE") == OK
    net.default = EchoPeer()
    t.open()


def test_an_id_that_stays_taken():
    t = modem("ec25", FakeNet(EchoPeer()), id_busy_ms=3000)
    t.open()
    assert t.at("AT+QSSLCLOSE=0") == OK
    again = 'AT+QSSLOPEN=1,0,0,"a.example",443'
    for _ in range(2):
        assert t.at(again) == ERROR and t.error() == 563
        assert b',4,1,0,0,"uart1"' in t.at("AT+QSSLSTATE=0")
        assert t.at("AT+QSSLSEND=0,1") == ERROR and t.at("AT+QSSLCLOSE=0,0") == OK
    t.wait(3000)
    assert t.at("AT+QSSLSTATE") == OK
    t.open()


def test_a_prompt_that_gives_up():
    for model, ms in (("ec200u", 5000), ("eg800k", 5000), ("ec25", 0), ("bg96", 0), ("bg770a", 0)):
        t = modem(model, addresses="4")
        t.open()
        assert t.at("AT+QSSLSEND=0,5") == b"\r\n> "
        if not ms:
            assert t.wait(100000) == b"", model
            continue
        t.type("ab")
        assert t.wait(ms - 10) == b"", model
        t.type("c")  # from here on it counts again
        assert t.wait(ms - 10) == b"" and t.wait(20) == ERROR, model
        assert t.at("AT") == OK
        t.at('AT+QICFG="qisend/timeout",0')
        t.at("AT+QSSLSEND=0,5")
        assert t.wait(100000) == b""
    t = modem("ec25", addresses="4")
    t.open()
    t.at('AT+QICFG="qisend/timeout",2')
    t.at("AT+QSSLSEND=0,5")
    assert t.wait(1990) == b"" and t.wait(20) == ERROR
    for answer, said in (("nothing", b""), ("fail", b"\r\nSEND FAIL\r\n")):
        t = modem("ec200u", addresses="4", prompt_late=answer)
        t.open()
        t.at("AT+QSSLSEND=0,5")
        assert t.wait(5100) == said and t.at("AT") == OK


def test_close_and_its_time():
    t = modem("bg770a")
    t.open()
    assert t.at("AT+QSSLCLOSE=0,10") == ERROR
    assert t.at("AT+QSSLCLOSE=0") == OK
    t = modem("bg770a", close_timeout="ok")
    t.open()
    assert t.at("AT+QSSLCLOSE=0,10") == OK
    # Milliseconds instead of seconds.
    for unit, ms in ((0, 20000), (1, 20)):
        t = modem("ec25", addresses="4")
        t.at('AT+QSSLCFG="closetimemode",0,%d' % unit)
        t.open()
        t.control("fault close_hang")
        assert t.at("AT+QSSLCLOSE=0,20") == b""
        assert t.wait(ms - 5) == b"" and t.wait(10) == OK, unit


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


STORES = {
    "ec25": (16777216, 16777216, True),
    "bg96": (12987840, 14483456, False),
    "bg770a": (3776512, 3776512, False),
    "eg800k": (180224, 286720, False),
}


def put(t, name, data, size=None):
    # AT+QFUPL; what follows the CONNECT.
    assert t.at('AT+QFUPL="%s",%d,1' % (name, size or len(data))) == b"\r\nCONNECT\r\n"
    return t.type(data) + t.wait(1100)


def test_files():
    for model, (free, total, ram) in STORES.items():
        t = modem(model)
        assert t.at('AT+QFLDS="UFS"') == lines("+QFLDS: %d,%d" % (free, total))
        assert put(t, "a.pem", b"x" * 5000) == lines("+QFUPL: 5000,0"), model
        block = 8192 if model == "eg800k" else 5000
        assert t.at('AT+QFLDS="UFS"') == lines("+QFLDS: %d,%d" % (free - block, total))
        assert t.at('AT+QFUPL="a.pem",9') == b"\r\n+CME ERROR: 407\r\n"
        prefix = "UFS:" if model == "eg800k" else ""
        want = lines('+QFLST: "%sa.pem",5000' % prefix)
        assert t.at('AT+QFLST="a.pem"') == want
        assert t.at('AT+QFLST="UFS:a.pem"') == want
        assert t.at('AT+QFDEL="UFS:a.pem"') == OK
        if ram:
            assert put(t, "RAM:b.pem", b"ab") == lines("+QFUPL: 2,6162")
            assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "b.pem",2')
        else:
            assert t.at('AT+QFUPL="RAM:b.pem",2') == b"\r\n+CME ERROR: 406\r\n"
            assert t.at('AT+QFLDS="RAM"') == b"\r\n+CME ERROR: 419\r\n"


def test_sums_have_no_zeros_in_front():
    # 26 bytes that sum up to 0372 in hexadecimal, and to 0f5f.
    for data, text in ((b"\x03\x72" + b"ab" * 12, "372"), (b"\x0f\x5f" + b"ab" * 12, "f5f")):
        for model in FAMILIES:
            assert put(modem(model), "a", data) == lines("+QFUPL: 26,%s" % text)


def test_uploads_that_end_too_early():
    for model, code in (("ec25", 0), ("bg96", 0), ("eg800k", 421), ("ec200u", 421)):
        t = modem(model)
        said = put(t, "a.pem", b"ab", 9)
        if code:
            assert said == b"\r\n+QFUPL: 2,6162\r\n\r\n+CME ERROR: 421\r\n"
        else:
            assert said == lines("+QFUPL: 2,6162")
        assert b'a.pem",2\r\n' in t.at("AT+QFLST")  # it is kept
    t = modem("eg800k")
    assert t.at("AT+CMEE=2") == OK
    put(t, "a.pem", b"ab")
    assert t.at('AT+QFUPL="a.pem",2') == b"\r\n+CME ERROR: file already exist\r\n"


def test_files_that_are_not_there():
    for model, code in (("ec25", 418), ("bg95", 405)):
        assert modem(model).at('AT+QFDEL="no.pem"') == b"\r\n+CME ERROR: %d\r\n" % code
    t = modem("ec25", qfdel_prefix="400")
    put(t, "a.pem", b"ab")
    assert t.at('AT+QFDEL="ufs:a.pem"') == b"\r\n+CME ERROR: 400\r\n"
    assert t.at('AT+QFDEL="a.pem"') == OK


def test_folders():
    t = modem("bg95")
    assert put(t, "/security/ca.pem", b"ab") == lines("+QFUPL: 2,6162")
    assert t.at('AT+QFLST="/security/ca.pem"') == lines('+QFLST: "security/ca.pem",2')
    assert t.model.read_file("/security/ca.pem") == b"ab"
    assert modem("bg770a").at("AT+QFLST") == lines('+QFLST: "security/",0')
    assert modem("bg96").at('AT+QFUPL="/security/ca.pem",2') == b"\r\n+CME ERROR: 406\r\n"


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


def test_leaving_transparent_mode():
    for model, answer in (("ec25", OK), ("ec200u", b"\r\nNO CARRIER\r\n" + OK)):
        t = modem(model, addresses="4")
        t.open(mode=2)
        t.wait(1100)
        t.type("+++")
        assert t.wait(1100) == answer
        assert t.at("ATO") == b"\r\nCONNECT\r\n"
        t.control("fault escape_deaf")
        t.wait(1100)
        t.type("+++")
        assert t.wait(1100) == b"+++"  # the echo of the peer
        t.control("clear")
        t.type("+++")
        t.wait(1100)
        t.control("fault ato_refused")
        assert t.at("ATO") == b"\r\nNO CARRIER\r\n"


def test_no_more_opens():
    # Seen of an EG800K: after some twenty no open comes to anything, till a restart.
    t = modem("eg800k", open_limit="20")
    for i in range(21):
        said = t.at('AT+QSSLOPEN=1,0,0,"a.example",443') + t.wait(1)
        assert said == OK + b"\r\n+QSSLOPEN: 0,%d\r\n" % (552 if i == 20 else 0)
        t.at("AT+QSSLCLOSE=0")
    assert b"10.7.157.1" in t.at("AT+QIACT?")
    again(t)
    t.open()


def test_a_context_that_drifts():
    t = modem("eg800k", addresses="4")
    t.open()
    t.control("fault pdp_drift cid=3")
    assert t.at("AT+QIACT?") == OK
    assert t.at("AT+QIACT=1") == ERROR and t.error() == 572
    assert t.at("AT+CGACT?") == lines("+CGACT: 1,0", "+CGACT: 3,1")
    assert t.at("AT+CGACT=0,1") == OK
    assert t.at("AT+QIACT=1") == ERROR
    assert t.at("AT+CGACT=0,3") == OK
    assert t.at("AT+QIACT=1") == b"" and t.wait(500) == OK
    t.control("fault pdp_drift show=stale")
    assert t.at("AT+QIACT?") == lines('+QIACT: 1,1,1,"10.7.157.1"')
    assert t.at('AT+QSSLOPEN=1,0,1,"a.example",443') == ERROR and t.error() == 572
    assert t.at("AT+CGACT=0,2") == OK and t.at("AT+QIACT?") == OK


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
