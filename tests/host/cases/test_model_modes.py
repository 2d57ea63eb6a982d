# test_model_modes - direct push, transparent mode, switching, "+++", DTR, ATO (manual 1.3).
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import ClosingPeer, FakeNet, ScriptPeer, SinkPeer, SourcePeer

CONNECT = b"\r\nCONNECT\r\n"
NO_CARRIER = b"\r\nNO CARRIER\r\n"


def transparent(net=None, **switches):
    t = ready(net, **switches)
    t.open(0, mode=2)
    return t


def escape(t):
    t.wait(1000)
    t.type("+++")
    return t.wait(1000)


def test_push():
    t = ready()
    t.open(0, mode=1)
    assert t.send(0, b"hello\r\nOK\r\n") == (
        b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0,11\r\nhello\r\nOK\r\n\r\n'
    )
    assert t.at("AT+QSSLRECV=0,1") == ERROR
    assert t.error() == 572
    t = ready(push_trailer="none", push_max=4)
    t.open(0, mode=1)
    assert t.send(0, b"hello") == (
        b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",0,4\r\nhell\r\n+QSSLURC: "recv",0,1\r\no'
    )


def test_push_waits_for_the_host():
    source = SourcePeer(50000)
    t = ready(FakeNet(source))
    t.at("AT+IFC=2,2")
    t.model.set_line("rts", False)
    t.model.feed(b'AT+QSSLOPEN=1,0,0,"host.example",443,1\r')
    t.model.run(t.now)
    assert t.model.pending() == 0
    assert t.model.out.pending() < 5000
    t.wait(1000)
    assert t.model.out.pending() < 5000
    t.model.set_line("rts", True)
    out = t.wait(100)
    assert out.count(b'+QSSLURC: "recv",0,1500\r\n') == 33
    assert out.count(b'+QSSLURC: "recv",0,500\r\n') == 1


def test_push_all_data_then_closed():
    t = ready(FakeNet(SourcePeer(20000, close=True)))
    t.model.feed(b'AT+QSSLOPEN=1,0,0,"host.example",443,1\r')
    out = t.wait(100)
    assert out.endswith(b'\r\n+QSSLURC: "closed",0\r\n')
    assert out.count(b"closed") == 1
    assert out.count(b'+QSSLURC: "recv",0,1500\r\n') == 13


def test_push_and_a_lost_context():
    t = ready(FakeNet(SourcePeer(20000)))
    t.model.feed(b'AT+QSSLOPEN=1,0,0,"host.example",443,1\r')
    t.model.run(t.now)
    t.control("pdp drop 1")
    out = t.wait(100)
    # What the modem had received still comes, and only then the close.
    assert out.endswith(b'\r\n+QSSLURC: "closed",0\r\n')
    assert out.count(b'+QIURC: "pdpdeact",1') == 1


def test_transparent():
    sink = SinkPeer()
    t = transparent(FakeNet(sink))
    assert t.model.line("dcd")
    every = bytes(range(256)) + b"\r\nOK\r\nAT\r"
    assert t.type(every) == b""
    assert sink.received == every
    assert escape(t) == OK
    assert not t.model.line("dcd")
    assert t.at("AT") == OK
    assert t.at("AT+QSSLSTATE").find(b",3,1,0,0,") > 0
    assert sink.received == every


def test_transparent_data_to_the_host_are_untouched():
    t = transparent()
    every = bytes(range(256)) + b'\r\nNO CARRIER\r\n+QSSLURC: "closed",0\r\n'
    assert t.type(every) == every
    source = SourcePeer(100000)
    t = ready(FakeNet(source))
    out = t.at('AT+QSSLOPEN=1,0,0,"host.example",443,2') + t.wait(10)
    assert out == CONNECT + source.byte_at(0, 100000)


def test_open_in_transparent_mode_fails():
    t = ready()
    t.net.names["none.example"] = []
    assert t.at('AT+QSSLOPEN=1,0,0,"none.example",443,2') == ERROR
    assert t.error() == 565
    assert t.at("AT+QSSLSTATE") == OK
    assert t.at("AT") == OK


def test_connect_text():
    t = ready(connect_text="CONNECT 150000000")
    assert t.at('AT+QSSLOPEN=1,0,0,"host.example",443,2') == b"\r\nCONNECT 150000000\r\n"


def test_plus_signs_that_break_a_guard_rule_are_payload():
    for before, steps, payload in (
        (999, [("+++", 5000)], b"+++"),  # no silence before
        (1000, [("+++", 999), ("x", 5000)], b"+++x"),  # none behind
        (1000, [("++", 1001), ("+", 5000)], b"+++"),  # too slow
        (1000, [("+", 500), ("+", 501), ("+", 5000)], b"+++"),
        (1000, [("++", 5000)], b"++"),
        (1000, [("+", 5000)], b"+"),
        (1000, [("++++", 5000)], b"++++"),
        (1000, [("+++", 10), ("+", 5000)], b"++++"),
        (1000, [("a+++", 5000)], b"a+++"),
        (1000, [("+++\r", 5000)], b"+++\r"),
        (1000, [("+", 10), ("x+", 5000)], b"+x+"),
    ):
        sink = SinkPeer()
        t = transparent(FakeNet(sink))
        t.wait(before)
        out = b""
        for text, pause in steps:
            out += t.type(text) + t.wait(pause)
        assert out == b"", (before, steps, out)
        assert sink.received == payload, (steps, sink.received)
        assert escape(t) == OK


def test_connection_lost_during_the_guard_time():
    t = transparent()
    t.wait(1000)
    t.type("+++")
    t.wait(500)
    t.control("close 0")
    assert t.wait(5000) == NO_CARRIER
    assert t.at("ATO") == NO_CARRIER


def test_data_that_wait_for_the_line_ask_for_a_run():
    for mode, low, high in ((2, 100011, 100011), (1, 100000, 103000)):
        t = ready(FakeNet(SourcePeer(100000)))
        t.model.feed(b'AT+QSSLOPEN=1,0,0,"host.example",443,%d\r' % mode)
        t.model.run(t.now)
        count = 0
        while t.model.pending():
            count += len(t.model.take(500))
            if t.model.next_ms() == t.now:
                t.model.run(t.now)
        assert low <= count <= high, (mode, count)


def test_plus_signs_typed_one_by_one():
    sink = SinkPeer()
    t = transparent(FakeNet(sink))
    t.type("data")
    t.wait(1000)
    for _ in range(3):
        t.type("+")
        t.wait(300)
    assert t.wait(699) == b""
    assert t.wait(1) == OK
    assert sink.received == b"data"


def test_data_after_the_escape_are_buffered():
    t = transparent(FakeNet(ScriptPeer([("wait", 5000), ("send", b"later")])))
    assert escape(t) == OK
    assert t.wait(5000) == b'\r\n+QSSLURC: "recv",0\r\n'
    assert t.at("AT+QSSLRECV=0,1500") == b"\r\n+QSSLRECV: 5\r\nlater\r\n\r\nOK\r\n"


def test_ato_goes_back():
    t = transparent()
    assert escape(t) == OK
    assert t.at("ATO") == CONNECT
    assert t.type("abc") == b"abc"
    assert escape(t) == OK
    assert t.at("ATO0") == CONNECT


def test_ato_brings_what_has_arrived_meanwhile():
    t = transparent(FakeNet(ScriptPeer([("wait", 3000), ("send", b"meanwhile")])))
    assert escape(t) == OK
    t.wait(3000)
    assert t.at("ATO") == CONNECT + b"meanwhile"


def test_ato_with_nothing_to_resume():
    t = ready()
    assert t.at("ATO") == NO_CARRIER
    t.open(0)
    assert t.at("ATO") == NO_CARRIER
    t = transparent()
    assert escape(t) == OK
    assert t.at("AT+QSSLCLOSE=0") == OK
    assert t.at("ATO") == NO_CARRIER
    t = transparent()
    assert escape(t) == OK
    t.control("close 0")
    t.read()
    assert t.at("ATO") == NO_CARRIER
    assert t.at("AT") == OK


def test_switching_between_all_modes():
    t = ready()
    t.open(3, mode=0)
    mode = 0
    for new in (1, 0, 2, 0, 2, 1, 2, 2, 1, 1, 0, 0):
        if mode == 2:
            assert escape(t) == OK
        reply = t.at("AT+QISWTMD=3,%d" % new)
        assert reply == (CONNECT if new == 2 else OK), (mode, new, reply)
        mode = new
        if mode == 2:
            assert t.type("abc") == b"abc"
        else:
            assert t.at("AT+QSSLSTATE").find(b",3,1,3,%d," % mode) > 0
            reply = t.send(3, b"abc")
            if mode == 1:
                assert reply.endswith(b'+QSSLURC: "recv",3,3\r\nabc\r\n')
            else:
                assert reply.endswith(b'+QSSLURC: "recv",3\r\n')
                assert t.at("AT+QSSLRECV=3,10").find(b"\r\nabc\r\n") > 0


def test_switching_hands_over_what_is_unread():
    t = ready()
    t.open(0)
    t.send(0, b"abc")
    assert t.at("AT+QISWTMD=0,1") == OK + b'\r\n+QSSLURC: "recv",0,3\r\nabc\r\n'
    t.at("AT+QISWTMD=0,0")
    t.send(0, b"def")
    assert t.at("AT+QISWTMD=0,2") == CONNECT + b"def"


def test_switching_refuses():
    t = ready()
    assert t.at("AT+QISWTMD=?") == lines("+QISWTMD: (0-11),(0-2)")
    for text in ("0", "12,0", "0,3", "0,-1", "0,0,0", ""):
        assert t.at("AT+QISWTMD=" + text) == ERROR
        assert t.error() == 552
    for mode in range(3):
        assert t.at("AT+QISWTMD=0,%d" % mode) == ERROR
        assert t.error() == 567
    t.open(0)
    t.control("close 0")
    t.read()
    assert t.at("AT+QISWTMD=0,2") == ERROR


def test_no_carrier_when_the_peer_closes():
    t = transparent(FakeNet(ClosingPeer(3, b"bye")))
    assert t.type("abc") == b"bye" + NO_CARRIER
    assert not t.model.line("dcd")
    assert t.at("AT+QSSLSTATE").find(b",5,1,0,0,") > 0
    assert t.at("AT+QSSLCLOSE=0") == OK
    t = transparent(FakeNet(ClosingPeer(3)), closed_after_no_carrier="yes")
    assert t.type("abc") == NO_CARRIER + b'\r\n+QSSLURC: "closed",0\r\n'


def test_no_carrier_when_the_context_is_lost():
    t = transparent()
    t.control("pdp drop 1")
    assert t.read() == NO_CARRIER + b'\r\n+QIURC: "pdpdeact",1\r\n'


def test_urcs_wait_for_the_end_of_transparent_mode():
    t = transparent()
    t.control("say +CUSD: 2")
    assert t.read() == b""
    assert escape(t) == OK + b"\r\n+CUSD: 2\r\n"
    t = transparent(urc_in_data="drop")
    t.control("say +CUSD: 2")
    assert escape(t) == OK


def test_other_sockets_during_transparent_mode():
    net = FakeNet()
    for port in (1, 2):
        net.add("later.example", ScriptPeer([("wait", 2000), ("send", b"abc")]), port)
    t = ready(net)
    t.open(1, "later.example", 1, mode=0)
    t.open(2, "later.example", 2, mode=1)
    t.open(0, mode=2)
    assert t.wait(5000) == b""
    out = escape(t)
    assert out == OK + b'\r\n+QSSLURC: "recv",1\r\n\r\n+QSSLURC: "recv",2,3\r\nabc\r\n', out


def test_dtr():
    t = transparent()
    t.model.set_line("dtr", False)
    assert t.wait(100) == b""
    t.model.set_line("dtr", True)
    assert escape(t) == OK
    assert t.at("AT&D1") == OK
    assert t.at("ATO") == CONNECT
    t.model.set_line("dtr", False)
    assert t.read() == OK
    assert t.at("AT+QSSLSTATE").find(b",3,1,0,0,") > 0
    t.model.set_line("dtr", True)
    assert t.at("ATO") == CONNECT
    # The level alone does nothing, only the change.
    assert t.type("abc") == b"abc"


def test_dtr_that_drops_the_connection():
    for switch, reply in (("ok", OK), ("no carrier", NO_CARRIER)):
        t = ready(atd_default="2", dtr2_answer=switch)
        t.open(0, mode=2)
        t.model.set_line("dtr", False)
        assert t.read() == reply
        assert t.at("AT+QSSLSTATE") == OK
        assert t.at("ATO") == NO_CARRIER
        assert t.net.conns[0].state == "closed"


def test_dtr_outside_transparent_mode_does_nothing():
    t = Terminal(atd_default="2")
    t.model.set_line("dtr", False)
    assert t.read() == b""


def test_input_without_flow_control_can_overrun():
    class Wall(SinkPeer):
        open = False

        def accepts(self, conn, size):
            return size if self.open else 0

    wall = Wall()
    t = transparent(FakeNet(wall), tx_size=2000)
    t.type(3000 * b"x")
    assert t.model.stats["overrun"] == 1000
    wall.open = True
    t.wait(10)
    assert wall.count == 2000


def test_cts_holds_the_host_back():
    class Wall(SinkPeer):
        open = False

        def accepts(self, conn, size):
            return size if self.open else 0

    wall = Wall()
    t = ready(FakeNet(wall), tx_size=2000)
    t.at("AT+IFC=2,2")
    t.open(0, mode=2)
    assert t.model.line("cts")
    assert t.model.space() == 2000
    t.type(2000 * b"x")
    assert not t.model.line("cts")
    assert t.model.space() == 0
    wall.open = True
    t.wait(10)
    assert t.model.line("cts")
    assert wall.count == 2000
    assert "overrun" not in t.model.stats


def test_only_one_connection_has_the_port():
    t = ready()
    t.open(1)
    t.open(0, mode=2)
    # The second one can't even be asked for: all input is payload.
    assert t.at("AT+QISWTMD=1,2") == b"AT+QISWTMD=1,2\r"
    assert escape(t) == OK
    assert t.at("AT+QISWTMD=1,2") == CONNECT
    assert escape(t) == OK
    # ATO takes the one that left last.
    assert t.at("ATO") == CONNECT
    t.type("abc")
    assert t.model.sockets.owner.number == 1


def test_sending_needs_command_mode():
    t = transparent()
    assert escape(t) == OK
    assert t.send(0, b"abc").startswith(b"\r\nSEND OK\r\n")
