# test_model_ssl - QSSLOPEN, QSSLSEND, QSSLRECV, QSSLCLOSE, QSSLSTATE (manual 2.2.2 to 2.2.6).
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import (
    ClosingPeer,
    FakeNet,
    Peer,
    RefusingPeer,
    ScriptPeer,
    SinkPeer,
    SourcePeer,
    StallingPeer,
)

RECV0 = b'\r\n+QSSLURC: "recv",0\r\n'
CLOSED0 = b'\r\n+QSSLURC: "closed",0\r\n'
EMPTY = lines("+QSSLRECV: 0")


def data(payload):
    # The reply of QSSLRECV with this payload.
    return b"\r\n+QSSLRECV: %d\r\n" % len(payload) + payload + b"\r\n\r\nOK\r\n"


def test_test_forms():
    t = Terminal()
    for command, reply in (
        ("QSSLOPEN", "(1-20),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]"),
        ("QSSLSEND", "(0-11)[,(1-1460)]"),
        ("QSSLRECV", "(0-11),(1-1500)"),
        ("QSSLCLOSE", "(0-11)[,(0-65535)]"),
    ):
        assert t.at("AT+%s=?" % command) == lines("+%s: %s" % (command, reply))
        assert t.at("AT+%s?" % command) == ERROR
        assert t.at("AT+%s" % command) == ERROR
    assert t.at("AT+QSSLSTATE=?") == OK


def test_open_and_state():
    t = ready()
    assert t.at("AT+QSSLSTATE") == OK
    assert t.at("AT+QSSLSTATE?") == OK
    t.open(1, "220.180.239.201", 8712, ctx=1)
    state = '+QSSLSTATE: 1,"SSL CLIENT","220.180.239.201",8712,4100,3,1,1,0,"usbmodem",1'
    assert t.at("AT+QSSLSTATE") == lines(state)
    assert t.at("AT+QSSLSTATE=1") == lines(state)
    assert t.at("AT+QSSLSTATE=1,1") == lines(state)
    assert t.at("AT+QSSLSTATE=0") == OK
    t.open(11, "220.180.239.201", 8712, mode=1, ctx=5)
    other = '+QSSLSTATE: 11,"SSL CLIENT","220.180.239.201",8712,4101,3,1,11,1,"usbmodem",5'
    assert t.at("AT+QSSLSTATE") == lines(state, other)
    for text in ("12", "-1", "x", '"1"', "2,1", "1,1,1"):
        assert t.at("AT+QSSLSTATE=" + text) == ERROR
        assert t.error() == 552


def test_state_shows_the_address_of_a_name():
    net = FakeNet()
    net.names["host.example"] = ["192.0.2.77"]
    t = ready(net)
    t.open(0, "host.example", 443)
    assert t.at("AT+QSSLSTATE").find(b'"SSL CLIENT","192.0.2.77",443,4100,3,') > 0


def test_open_with_another_command_on_the_line():
    t = ready()
    reply = t.at('AT+QSSLOPEN=1,0,0,"host.example",443;+CSQ')
    assert reply == lines("+CSQ: 21,0") + b"\r\n+QSSLOPEN: 0,0\r\n"


def test_state_switches():
    t = ready(state_prefix="qi", state_server_id="zero", state_style="no", at_port="uart1")
    t.open(1, "192.0.2.1", 1)
    state = '+QISTATE: 1,"SSL CLIENT","192.0.2.1",1,4100,3,1,0,0,"uart1",0'
    assert t.at("AT+QSSLSTATE") == lines(state)
    assert t.at("AT+QSSLSTATE=1,1") == ERROR


def test_open_refuses_wrong_parameters():
    t = ready()
    good = ["1", "0", "0", '"host.example"', "443", "0"]
    for index, values in (
        (0, ("0", "21", "", "x", '"1"')),
        (1, ("6", "-1", "", '"0"')),
        (2, ("12", "-1", "", '"0"')),
        (3, ("host.example", '""', '"a b"', '"' + 151 * "h" + '"', '"\x01"', "")),
        (4, ("0", "65536", "", '"443"', "(443)")),
        (5, ("3", "-1", '"0"', "0,0")),
    ):
        for value in values:
            text = ",".join(good[:index] + [value] + good[index + 1 :])
            assert t.at("AT+QSSLOPEN=" + text) == ERROR, text
            assert t.error() == 552, text
    assert t.at('AT+QSSLOPEN=1,0,0,"host.example"') == ERROR
    assert t.net.conns == []
    assert t.at("AT+QSSLSTATE") == OK
    t = ready(port_text="ok")
    assert t.at('AT+QSSLOPEN=1,0,0,"host.example","443"').endswith(b"+QSSLOPEN: 0,0\r\n")


def test_open_needs_an_active_context_and_a_free_id():
    t = ready()
    assert t.at('AT+QSSLOPEN=2,0,0,"host.example",443') == ERROR
    assert t.error() == 572
    t.open(0)
    assert t.at('AT+QSSLOPEN=1,0,0,"host.example",443') == ERROR
    assert t.error() == 563
    t.open(1)


def test_open_takes_its_time_and_shows_its_states():
    t = ready(FakeNet(latency_ms=1000))
    assert t.at('AT+QSSLOPEN=1,0,4,"host.example",443') == OK
    assert t.at("AT+QSSLSTATE=4").find(b'"host.example",443,0,1,1,4,0,') > 0
    assert t.wait(1000) == b""
    assert t.at("AT+QSSLSTATE=4").find(b",443,4100,2,1,4,0,") > 0
    assert t.at("AT+QSSLSEND=4,1") == ERROR
    assert t.error() == 567
    assert t.at("AT+QSSLRECV=4,1") == ERROR
    assert t.wait(1000) == b"\r\n+QSSLOPEN: 4,0\r\n"
    assert t.at("AT+QSSLSTATE=4").find(b",443,4100,3,1,4,0,") > 0


def test_open_that_fails():
    net = FakeNet()
    net.add("refuses.example", RefusingPeer(566))
    net.names["none.example"] = []
    for switch, code in (("zero", 0), ("code", 566)):
        t = ready(net, geterror_after_urc=switch)
        assert t.at('AT+QSSLOPEN=1,0,0,"refuses.example",443') == OK + b"\r\n+QSSLOPEN: 0,566\r\n"
        assert t.error() == code
        assert t.at("AT+QSSLSTATE=0").find(b",5,1,0,0,") > 0
        assert t.at('AT+QSSLOPEN=1,0,0,"host.example",443') == ERROR
        assert t.error() == 563
        assert t.at("AT+QSSLCLOSE=0") == OK
        assert t.at('AT+QSSLOPEN=1,0,0,"none.example",443') == OK + b"\r\n+QSSLOPEN: 0,565\r\n"
        assert t.at("AT+QSSLCLOSE=0") == OK
        t.open(0)
    t = ready(net, failed_open_claims="no")
    t.at('AT+QSSLOPEN=1,0,0,"refuses.example",443')
    assert t.at("AT+QSSLSTATE") == OK
    t.open(0)


def test_open_has_time_limits():
    net = FakeNet()
    net.add("tcp.example", StallingPeer("opening"))
    net.add("tls.example", StallingPeer("handshake"))
    t = ready(net)
    t.at('AT+QSSLCFG="negotiatetime",1,20')
    assert t.at('AT+QSSLOPEN=1,1,0,"tcp.example",443') == OK
    assert t.at('AT+QSSLOPEN=1,1,1,"tls.example",443') == OK
    assert t.wait(19999) == b""
    assert t.wait(1) == b"\r\n+QSSLOPEN: 1,569\r\n"
    assert t.wait(54999) == b""
    assert t.wait(1) == b"\r\n+QSSLOPEN: 0,566\r\n"


def test_open_without_coverage():
    t = ready()
    t.control("coverage off")
    assert t.at('AT+QSSLOPEN=1,0,0,"host.example",443') == OK
    assert t.wait(74999) == b""
    assert t.wait(1) == b"\r\n+QSSLOPEN: 0,566\r\n"


def test_open_limit():
    t = ready(open_limit=2)
    t.open(0)
    t.open(1)
    assert t.at('AT+QSSLOPEN=1,0,2,"host.example",443') == OK + b"\r\n+QSSLOPEN: 2,552\r\n"


def test_open_can_be_given_up():
    t = ready(FakeNet(latency_ms=1000))
    t.at('AT+QSSLOPEN=1,0,0,"host.example",443')
    assert t.at("AT+QSSLCLOSE=0") == OK
    assert t.wait(10000) == b""
    assert t.net.conns[0].state == "closed"


def test_send_fixed_length():
    sink = SinkPeer()
    t = ready(FakeNet(sink))
    t.open()
    every = bytes(range(256))
    for payload in (b"x", every, b"\x1a", b"\x1b", b"\r\nOK\r\n", b"+++", 1460 * b"m"):
        assert t.send(0, payload) == b"\r\nSEND OK\r\n"
        assert sink.received == payload
        sink.received = bytearray()
    # What follows the last byte is the next command.
    t.at("AT+QSSLSEND=0,2")
    assert t.type(b"abAT\r") == b"\r\nSEND OK\r\n" + OK


def test_an_lf_behind_the_command_is_no_data():
    # Many programs end command lines with CR LF.
    sink = SinkPeer()
    t = ready(FakeNet(sink))
    t.open()
    assert t.type(b"AT+QSSLSEND=0,3\r\n") == b"\r\n> "
    assert t.type(b"\nab") == b"\r\nSEND OK\r\n"  # the host has seen the prompt
    t.model.feed(b"AT+QSSLSEND=0,3\r")
    t.model.feed(b"\nc")  # it can't have seen this one
    assert t.type(b"\nd") == b"\r\n> \r\nSEND OK\r\n"
    assert t.at("AT+QSSLSEND=0,1") == b"\r\n> "
    assert t.type(b"\n") == b"\r\nSEND OK\r\n"
    assert sink.received == b"\nabc\nd\n"


def test_send_up_to_ctrl_z():
    sink = SinkPeer()
    t = ready(FakeNet(sink))
    t.open()
    assert t.at("AT+QSSLSEND=0") == b"\r\n> "
    assert t.type(b"hello\x1aAT\r") == b"\r\nSEND OK\r\n" + OK
    assert sink.received == b"hello"
    assert t.at("AT+QSSLSEND=0") == b"\r\n> "
    assert t.type(b"one\rtwo") == b"\r\n> "
    assert t.type(b"\x1a") == b"\r\nSEND OK\r\n"
    assert sink.received == b"helloone\rtwo"


def test_send_too_much_up_to_ctrl_z():
    sink = SinkPeer()
    t = ready(FakeNet(sink))
    t.open()
    t.at("AT+QSSLSEND=0")
    assert t.type(1460 * b"x" + b"\x1a") == b"\r\nSEND OK\r\n"
    t.at("AT+QSSLSEND=0")
    assert t.type(1461 * b"x" + b"\x1a") == ERROR
    assert t.error() == 552
    t.at("AT+QSSLSEND=0")
    assert t.type(b"\x1a") == ERROR
    assert sink.count == 1460


def test_send_cancelled_with_esc():
    for switch, reply in (("ok", OK), ("nothing", b""), ("fail", b"\r\nSEND FAIL\r\n")):
        sink = SinkPeer()
        t = ready(FakeNet(sink), esc_answer=switch)
        t.open()
        t.at("AT+QSSLSEND=0")
        assert t.type(b"hello\x1bAT+CSQ\r") == reply + lines("+CSQ: 21,0")
        assert t.error() == 571
        assert sink.count == 0


def test_prompt_switches():
    t = ready(prompt_space="no", prompt_again="both", prompt_timeout_ms=500)
    t.open()
    assert t.at("AT+QSSLSEND=0,5") == b"\r\n>"
    assert t.type(b"ab\rc") == b"\r\n>"
    assert t.wait(499) == b""
    assert t.wait(1) == ERROR
    assert t.error() == 569
    assert t.at("AT") == OK


def test_payload_echo():
    for payload_echo, echo, qisde, echoed in (
        ("ate", True, 1, True),
        ("ate", True, 0, False),
        ("ate", False, 1, False),
        ("qisde", False, 1, True),
        ("qisde", True, 0, False),
        ("never", True, 1, False),
    ):
        t = ready(payload_echo=payload_echo)
        t.open()
        t.at("AT+QISDE=%d" % qisde)
        t.model.echo = echo
        t.at("AT+QSSLSEND=0,3")
        assert t.type(b"abc").startswith(b"abc" if echoed else b"\r\nSEND OK")


def test_send_refuses_wrong_parameters():
    t = ready()
    t.open()
    for text in ("0,0", "0,1461", "12,1", "-1,1", "0,1,1", "0,", '0,"1"', ""):
        assert t.at("AT+QSSLSEND=" + text) == ERROR, text
        assert t.error() == 552, text
    assert t.at("AT+QSSLSEND=1,1") == ERROR
    assert t.error() == 567


def test_send_buffer_is_finite():
    class Wall(SinkPeer):
        open = False

        def accepts(self, conn, size):
            return size if self.open else 0

    wall = Wall()
    t = ready(FakeNet(wall), tx_size=3000)
    t.open()
    assert t.send(0, 1460 * b"a") == b"\r\nSEND OK\r\n"
    assert t.send(0, 1460 * b"b") == b"\r\nSEND OK\r\n"
    assert t.send(0, 1460 * b"c") == b"\r\nSEND FAIL\r\n"
    assert t.send(0, 80 * b"d") == b"\r\nSEND OK\r\n"
    wall.open = True
    t.wait(1)
    assert t.send(0, 1460 * b"c") == b"\r\nSEND OK\r\n"
    assert wall.received == 1460 * b"a" + 1460 * b"b" + 80 * b"d" + 1460 * b"c"


def test_receive():
    t = ready()
    t.open()
    assert t.at("AT+QSSLRECV=0,1500") == EMPTY
    assert t.send(0, b"hello") == b"\r\nSEND OK\r\n" + RECV0
    assert t.at("AT+QSSLRECV=0,2") == data(b"he")
    assert t.at("AT+QSSLRECV=0,1500") == data(b"llo")
    assert t.at("AT+QSSLRECV=0,1500") == EMPTY
    for text in ("0", "0,0", "0,1501", "12,1", "-1,1", "0,1,1", ""):
        assert t.at("AT+QSSLRECV=" + text) == ERROR, text
        assert t.error() == 552
    assert t.at("AT+QSSLRECV=1,1") == ERROR
    assert t.error() == 567


def test_short_trailer():
    t = ready(recv_trailer="short")
    t.open()
    t.send(0, b"hello")
    assert t.at("AT+QSSLRECV=0,1500") == b"\r\n+QSSLRECV: 5\r\nhello\r\nOK\r\n"


def test_reads_that_are_bounded():
    t = ready(recv_max=4)
    t.open()
    t.send(0, b"hello")
    assert t.at("AT+QSSLRECV=0,1500") == data(b"hell")
    assert t.at("AT+QSSLRECV=0,1500") == data(b"o")


def test_recv_urc_comes_once_until_the_buffer_is_empty():
    t = ready()
    t.open()
    assert t.send(0, b"abc").endswith(RECV0)
    assert t.send(0, b"def") == b"\r\nSEND OK\r\n"
    assert t.at("AT+QSSLRECV=0,4") == data(b"abcd")
    assert t.send(0, b"ghi") == b"\r\nSEND OK\r\n"
    assert t.at("AT+QSSLRECV=0,5") == data(b"efghi")
    assert t.send(0, b"jkl").endswith(RECV0)


def test_recv_urc_rearmed_by_a_read_of_nothing():
    t = ready(recv_rearm="zero")
    t.open()
    assert t.send(0, b"abc").endswith(RECV0)
    assert t.at("AT+QSSLRECV=0,1500") == data(b"abc")
    assert t.send(0, b"def") == b"\r\nSEND OK\r\n"
    assert t.at("AT+QSSLRECV=0,1500") == data(b"def")
    assert t.at("AT+QSSLRECV=0,1500") == EMPTY
    assert t.send(0, b"ghi").endswith(RECV0)


def test_recv_urc_at_every_arrival():
    t = ready(recv_rearm="always")
    t.open()
    assert t.send(0, b"abc").endswith(RECV0)
    assert t.send(0, b"def").endswith(RECV0)
    assert t.at("AT+QSSLRECV=0,1500") == data(b"abcdef")


def test_receive_buffer_holds_the_peer_back():
    source = SourcePeer(100000)
    t = ready(FakeNet(source), rx_size=4000)
    t.at('AT+QSSLOPEN=1,0,0,"host.example",443')
    conn = t.net.conns[0]
    assert len(t.model.sockets.slots[0].rx) == 4000
    assert conn.available() <= 32768
    got = b""
    while True:
        reply = t.at("AT+QSSLRECV=0,1500").replace(RECV0, b"")
        if reply == EMPTY:
            break
        start = reply.index(b"\r\n", 2) + 2
        got += reply[start:-8]
    assert len(got) == 100000
    assert got == source.byte_at(0, 100000)


def test_peer_closes_and_what_it_sent_can_be_read():
    t = ready(FakeNet(ClosingPeer(1, b"bye")))
    t.open()
    assert t.send(0, b"x") == b"\r\nSEND OK\r\n" + RECV0 + CLOSED0
    assert t.at("AT+QSSLSTATE=0").find(b",5,1,0,0,") > 0
    assert t.at("AT+QSSLSEND=0,1") == ERROR
    assert t.error() == 567
    assert t.at("AT+QSSLRECV=0,2") == data(b"by")
    assert t.at("AT+QSSLRECV=0,1500") == data(b"e")
    assert t.at("AT+QSSLRECV=0,1500") == EMPTY
    assert t.at('AT+QSSLOPEN=1,0,0,"host.example",443') == ERROR
    assert t.at("AT+QSSLCLOSE=0") == OK
    assert t.at("AT+QSSLSTATE") == OK
    assert t.at("AT+QSSLRECV=0,1500") == ERROR


def test_a_close_never_overtakes_the_data():
    # More than the modem's buffer holds: the URC comes once all of it fits.
    t = ready(FakeNet(SourcePeer(5000, close=True)), rx_size=2000)
    reply = t.at('AT+QSSLOPEN=1,0,0,"host.example",443')
    assert reply == OK + b"\r\n+QSSLOPEN: 0,0\r\n" + RECV0
    seen = b""
    for _ in range(5):
        seen += t.at("AT+QSSLRECV=0,1000")
        seen += t.wait(1)
    assert seen.count(CLOSED0) == 1
    assert seen.count(b"+QSSLRECV: 1000\r\n") == 5
    assert t.at("AT+QSSLRECV=0,1000") == EMPTY


def test_unread_data_after_close_by_switch():
    t = ready(FakeNet(ClosingPeer(1, b"bye")), closed_keeps_data="drop")
    t.open()
    t.send(0, b"x")
    assert t.at("AT+QSSLRECV=0,1500") == EMPTY
    t = ready(FakeNet(ClosingPeer(1, b"bye")), closed_keeps_data="error")
    t.open()
    t.send(0, b"x")
    assert t.at("AT+QSSLRECV=0,1500") == ERROR


def test_close():
    t = ready()
    t.open()
    assert t.at("AT+QSSLCLOSE=0") == OK
    assert t.net.conns[0].state == "closed"
    assert t.at("AT+QSSLCLOSE=0") == OK
    for text in ("12", "-1", "0,-1", "0,65536", "0,1,1", ""):
        assert t.at("AT+QSSLCLOSE=" + text) == ERROR, text
        assert t.error() == 552
    assert t.at("AT+QSSLCLOSE=0,65535") == OK
    t = ready(close_free_id="error")
    assert t.at("AT+QSSLCLOSE=0") == ERROR


def test_close_sends_what_waits_within_its_time_out():
    class Slow(SinkPeer):
        def accepts(self, conn, size):
            return size if conn.now >= 3000 else 0

    for timeout, after, count in ((",5", 3000, 4), ("", 3000, 4), (",1", 1000, 0)):
        slow = Slow()
        t = ready(FakeNet(slow))
        t.open()
        start = t.now
        t.send(0, b"last")
        assert t.at("AT+QSSLCLOSE=0" + timeout) == b""
        while not t.wait(100):
            pass
        assert t.now - start <= after + 100
        assert slow.count == count
        assert t.at("AT+QSSLSTATE") == OK
    t = ready(FakeNet(Slow()))
    t.open()
    t.send(0, b"last")
    assert t.at("AT+QSSLCLOSE=0,0") == OK


def test_context_lost_during_a_close():
    class Wall(SinkPeer):
        def accepts(self, conn, size):
            return 0

    t = ready(FakeNet(Wall()))
    t.open()
    t.send(0, b"last")
    assert t.at("AT+QSSLCLOSE=0") == b""
    t.control("pdp drop 1")
    assert t.read() == OK + b'\r\n+QIURC: "pdpdeact",1\r\n'
    assert t.at("AT+QSSLSTATE") == OK
    assert t.wait(20000) == b""


def test_ids_can_be_used_again_at_once():
    t = ready()
    for _ in range(100):
        t.open(5)
        assert t.at("AT+QSSLCLOSE=5") == OK
    assert len(t.net.conns) == 100


def test_twelve_sockets_do_not_disturb_each_other():
    t = ready()
    for n in range(12):
        t.open(n, ctx=n % 6)
    for n in range(12):
        assert t.send(n, b"to %d" % n).endswith(b'+QSSLURC: "recv",%d\r\n' % n)
    for n in range(11, -1, -1):
        assert t.at("AT+QSSLRECV=%d,1500" % n) == data(b"to %d" % n)
    assert t.at("AT+QSSLSTATE").count(b"+QSSLSTATE: ") == 12


def test_security_error():
    t = ready(FakeNet(ScriptPeer([("expect", b"x"), ("security", 2)])))
    t.open()
    assert t.send(0, b"x") == (b'\r\nSEND OK\r\n\r\n+QSSLURC: "security",0,2\r\n' + CLOSED0)
    assert t.at("AT+QSSLSEND=0,1") == ERROR
    for code in (1, 2, 3):
        t = ready(security_then_closed="no")
        t.open()
        t.control("security 0 %d" % code)
        assert t.read() == b'\r\n+QSSLURC: "security",0,%d\r\n' % code
        assert t.at("AT+QSSLSTATE").find(b",5,1,0,0,") > 0


def test_data_stand_still_without_coverage():
    sink = SinkPeer()
    t = ready(FakeNet(sink), tx_size=2000)
    t.open()
    t.control("coverage off")
    assert t.send(0, 1000 * b"x") == b"\r\nSEND OK\r\n"
    assert t.send(0, 1001 * b"y") == b"\r\nSEND FAIL\r\n"
    t.wait(60000)
    assert sink.count == 0
    t.control("coverage on")
    t.wait(5000)
    assert sink.count == 1000


def test_urc_at_the_prompt():
    t = ready()
    t.open()
    t.at("AT+QSSLSEND=0,4")
    t.control("say +CUSD: 2")
    assert t.read() == b"\r\n+CUSD: 2\r\n"
    assert t.type("abcd").startswith(b"\r\nSEND OK\r\n")
    t = ready(FakeNet(Peer()), urc_at_prompt="later")
    t.open()
    t.at("AT+QSSLSEND=0,4")
    t.control("say +CUSD: 2")
    assert t.read() == b""
    assert t.type("abcd") == b"\r\nSEND OK\r\n\r\n+CUSD: 2\r\n"


def test_connection_lost_while_data_are_typed():
    t = ready()
    t.open()
    t.at("AT+QSSLSEND=0,4")
    t.type("ab")
    t.control("close 0")
    assert t.read() == CLOSED0
    assert t.type("cd") == ERROR
    assert t.error() == 567
    assert t.at("AT") == OK
