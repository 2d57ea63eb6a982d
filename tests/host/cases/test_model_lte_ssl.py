# test_model_lte_ssl - TLS contexts and connections of the simulated LTE modems.
# SPDX-License-Identifier: MIT

from lte_kit import FAMILIES, LTE, again, each, modem
from terminal import ERROR, OK, Terminal, lines
from ugsim.fakenet import ClosingPeer, EchoPeer, FakeNet
from ugsim.model.family import load

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


def test_a_send_and_a_receive_byte_by_byte():
    # The prompt, the most that goes at once, and what follows counted data.
    for model in FAMILIES:
        t = modem(model, addresses="4")
        t.open()
        assert t.at("AT+QSSLSEND=0,1460") == b"\r\n> ", model
        assert t.type("x" * 1460).startswith(b"\r\nSEND OK\r\n"), model
        assert t.at("AT+QSSLSEND=0,1461") == ERROR, model
        t.wait(100)
        assert t.at("AT+QSSLRECV=0,1501") == ERROR, model
        data = b"\r\n+QSSLRECV: 1460\r\n" + b"x" * 1460 + b"\r\n\r\nOK\r\n"
        assert t.at("AT+QSSLRECV=0,1500") == data, model
        assert t.at("AT+QSSLRECV=0,1500") == b"\r\n+QSSLRECV: 0\r\n\r\nOK\r\n", model


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
