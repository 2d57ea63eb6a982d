# test_model_answers - lost and late answers and URCs; the gap between taking and answering.
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import FakeNet, Peer, SinkPeer

CSQ = lines("+CSQ: 21,0")
RECV0 = b'\r\n+QSSLURC: "recv",0\r\n'
CLOSED0 = b'\r\n+QSSLURC: "closed",0\r\n'
OPENED0 = b"\r\n+QSSLOPEN: 0,0\r\n"
EMPTY = b"\r\n+QSSLRECV: 0\r\n\r\nOK\r\n"


class Talker(Peer):
    # say() sends to the modem.
    def __init__(self):
        self.conn = None
        self.got = b""

    def on_open(self, conn):
        self.conn = conn

    def on_data(self, conn, data):
        self.got += data

    def say(self, t, data):
        self.conn.push(data)
        t.model.run(t.now)
        return t.read()


def talking(mode=0, **switches):
    peer = Talker()
    t = ready(FakeNet(peer), **switches)
    t.open(mode=mode)
    return t, peer


# Lost answers


def test_nothing_of_an_answer_leaves():
    t = Terminal(echo=True)
    t.control("fault lose_answer")
    assert t.at("AT") == b"AT\r"
    assert t.at("AT") == b"AT\r" + OK
    t.control("fault lose_answer cmd=+CMEE n=2")
    assert t.at("AT+CSQ") == b"AT+CSQ\r" + CSQ
    assert t.at("AT+CMEE=2") == b"AT+CMEE=2\r"
    assert t.at("AT+CSQ;+CMEE?") == b"AT+CSQ;+CMEE?\r"
    assert t.at("AT+CMEE?") == b"AT+CMEE?\r" + lines("+CMEE: 2")
    for text in ("ATI", "AT+NOSUCH", "AT+CREG=9", 'AT+QCFG="x', "AT" + 600 * "x"):
        t.control("fault lose_answer")
        t.at(text)
        assert t.at("AT") == b"AT\r" + OK, text
    t.control("fault lose_answer cmd=AT")
    assert t.at("AT+CSQ") == b"AT+CSQ\r" + CSQ
    assert t.at("AT") == b"AT\r"


def test_the_command_is_executed_all_the_same():
    t, peer = talking()
    peer.say(t, b"abcdef")
    t.control("fault lose_answer cmd=QSSLRECV")
    assert t.at("AT+QSSLRECV=0,4") == b""
    assert t.at("AT+QSSLRECV=0,4") == b"\r\n+QSSLRECV: 2\r\nef\r\n\r\nOK\r\n"
    t.control("fault lose_answer cmd=QSSLSEND")
    assert t.at("AT+QSSLSEND=0,3") == b""
    assert t.type("abc") == b""
    assert peer.got == b"abc"
    assert t.at("AT") == OK
    t.control("fault lose_answer cmd=QSSLCLOSE")
    assert t.at("AT+QSSLCLOSE=0") == b""
    assert t.at("AT+QSSLSTATE") == OK
    # What the command sets off is no part of its answer.
    t.control("fault lose_answer cmd=QSSLOPEN")
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1') == OPENED0
    t.control("fault lose_answer cmd=QIDEACT")
    assert t.at("AT+QIDEACT=1") == b""
    t.control("fault lose_answer cmd=QIACT")
    assert t.at("AT+QIACT=1") == b""
    assert t.wait(1000) == b""
    assert t.at("AT+QIACT?").find(b"+QIACT: 1,1") > 0


def test_an_upload_without_a_word():
    t = Terminal()
    t.control("fault lose_answer cmd=QFUPL")
    assert t.at('AT+QFUPL="RAM:x",2048,5,1') == b""
    assert t.type(2048 * b"y") == b""
    assert t.at("AT+QFLST") == OK
    assert t.at('AT+QFLST="RAM:*"') == lines('+QFLST: "RAM:x",2048')
    t.control("fault lose_answer cmd=QFDWL")
    assert t.at('AT+QFDWL="RAM:x"') == b""


def test_transparent_data_are_no_answer():
    peer = Talker()
    t = ready(FakeNet(peer))
    t.control("fault lose_answer cmd=QSSLOPEN")
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1,2') == b""
    assert peer.say(t, b"abc") == b"abc"


def test_urcs_come_while_an_answer_is_lost():
    t, peer = talking(mode=1)
    t.control("fault lose_answer cmd=QSSLSEND")
    t.at("AT+QSSLSEND=0,2")
    assert peer.say(t, b"abc") == b'\r\n+QSSLURC: "recv",0,3\r\nabc\r\n'
    assert t.type("xy") == b""
    assert t.at("AT") == OK


# Lost and late URCs


def test_lost_urcs():
    t, peer = talking()
    t.control("fault lose_urc what=recv")
    assert peer.say(t, b"abc") == b""
    assert t.at("AT+QSSLRECV=0,9").find(b"abc") > 0
    assert peer.say(t, b"abc") == RECV0
    t.control("fault lose_urc")
    t.control("close 0")
    assert t.read() == b""
    assert t.at("AT+QSSLSTATE").find(b",5,1,0,0,") > 0
    t.at("AT+QSSLCLOSE=0")
    t.control("fault lose_urc what=open")
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1') == OK
    assert t.wait(200000) == b""
    assert t.at("AT+QSSLSTATE").find(b",3,1,0,0,") > 0
    t.control("fault lose_urc what=security")
    t.control("security 0 2")
    assert t.read() == CLOSED0
    t.control("fault lose_urc what=pdpdeact")
    t.control("pdp drop 1")
    assert t.read() == b""
    t.at("AT+CREG=1")
    t.control("fault lose_urc what=creg")
    t.control("registration 0")
    assert t.read() == b""
    t.control("registration 1")
    assert t.read() == b"\r\n+CREG: 1\r\n"
    t.control("fault lose_urc what=start")
    t.control("restart")
    assert t.wait(10000).startswith(b"\r\n+CFUN: 1\r\n")
    t.control("fault lose_urc what=start n=0")
    t.control("restart")
    assert t.wait(10000) == b""
    t.control("fault lose_urc what=down")
    t.model.echo = False
    assert t.at("AT+QPOWD") == OK
    assert t.wait(10000) == b""
    assert not t.model.line("status")


def test_a_lost_push():
    t, peer = talking(mode=1)
    t.control("fault lose_urc what=push")
    assert peer.say(t, b"abc") == b""
    assert peer.say(t, b"def") == b'\r\n+QSSLURC: "recv",0,3\r\ndef\r\n'


def test_lost_addresses():
    t = ready()
    t.control("fault lose_urc what=dnsgip n=0")
    assert t.at('AT+QIDNSGIP=1,"host.example"') == OK
    assert t.wait(100000) == b""


def test_a_late_end_of_an_earlier_life():
    t, peer = talking()
    t.control("fault late_urc what=closed by=1200")
    t.control("close 0")
    assert t.read() == b""
    assert t.at("AT+QSSLCLOSE=0") == OK
    t.open()
    assert t.wait(1199) == b""
    assert t.wait(1) == CLOSED0
    # It was about the other one.
    assert t.at("AT+QSSLSTATE").find(b",3,1,0,0,") > 0
    assert peer.say(t, b"abc") == RECV0


def test_a_late_open_of_an_attempt_that_was_given_up():
    t, peer = talking()
    t.at("AT+QSSLCLOSE=0")
    t.control("fault late_urc what=open by=5000")
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1') == OK
    assert t.at("AT+QSSLCLOSE=0") == OK
    t.net.latency_ms = 3000
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1') == OK
    assert t.wait(5000) == OPENED0
    assert t.at("AT+QSSLSTATE").find(b",2,1,0,0,") > 0
    assert t.wait(1000) == OPENED0


def test_each_urc_can_be_late():
    t, peer = talking()
    t.control("fault late_urc what=recv by=300")
    assert peer.say(t, b"abc") == b""
    assert t.at("AT+QSSLRECV=0,9").find(b"abc") > 0
    assert t.wait(300) == RECV0
    t.control("fault late_urc what=security by=300")
    t.control("security 0 1")
    assert t.read() == CLOSED0
    assert t.wait(300) == b'\r\n+QSSLURC: "security",0,1\r\n'
    t.control("fault late_urc what=any by=300 n=2")
    t.control("pdp drop 1")
    assert t.read() == b""
    assert t.wait(300) == b'\r\n+QIURC: "pdpdeact",1\r\n'
    # A restart takes it along.
    t.at("AT+CREG=1")
    t.control("registration 0")
    t.control("restart")
    assert t.wait(10000).find(b"+CREG") < 0


# The gap


def test_data_arrive_between_taking_and_answering():
    for arm in ("fault gap cmd=+QSSLRECV by=50", "switch take_ms 50"):
        t, peer = talking()
        t.control(arm)
        assert t.at("AT+QSSLRECV=0,9") == b""
        assert peer.say(t, b"abc") == RECV0
        assert t.wait(49) == b""
        assert t.wait(1) == EMPTY
        assert t.at("AT+QSSLRECV=0,9") + t.wait(50) == b"\r\n+QSSLRECV: 3\r\nabc\r\n\r\nOK\r\n"
        # It was read empty, so the next arrival is told: before the answer, too.
        peer.say(t, b"abc")
        t.control("fault gap by=50")
        assert t.at("AT+QSSLRECV=0,9") == b""
        assert peer.say(t, b"def") == RECV0
        assert t.wait(50) == b"\r\n+QSSLRECV: 3\r\nabc\r\n\r\nOK\r\n"


def test_the_gap_of_every_answer():
    t = Terminal(take_ms=20)
    assert t.at("ATI") == b""
    assert t.at("AT") == b""  # busy
    assert t.wait(19) == b""
    assert t.wait(1).endswith(b"96LNAR02A06E1G\r\n\r\nOK\r\n")
    assert t.at("AT") + t.wait(20) == OK
    assert t.at("AT+NOSUCH") + t.wait(20) == ERROR
    assert t.at("AT+CSQ;+CSQ") + t.wait(20) == b"\r\n+CSQ: 21,0\r\n+CSQ: 21,0\r\n\r\nOK\r\n"
    # What takes longer answers when it is done.
    t.at('AT+QICSGP=1,1,"a"')
    t.wait(20)
    assert t.at("AT+QIACT=1") == b""
    assert t.wait(199) == b""
    assert t.wait(1) == OK


def test_the_gap_ahead_of_prompt_and_send_ok():
    t, peer = talking()
    t.control("switch take_ms 20")
    assert t.type("AT+QSSLSEND=0,3\r") == b""
    assert t.type("\n") == b""
    assert peer.say(t, b"x") == RECV0
    assert t.wait(20) == b"\r\n> "
    assert t.type("abc") == b""
    assert peer.got == b"abc"
    t.control("close 0")
    assert t.wait(19) == CLOSED0
    assert t.wait(1) == b"\r\nSEND OK\r\n"
    assert t.at("AT+QSSLSEND=0,3") + t.wait(20) == ERROR
    t.at("AT+QSSLCLOSE=0")
    t.wait(20)
    # "+QSSLOPEN" never overtakes the OK.
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1') == b""
    assert t.wait(20) == OK + OPENED0
    assert t.at("AT+QISWTMD=0,2") == b""
    assert peer.say(t, b"y") == RECV0
    assert t.wait(20) == b"\r\nCONNECT\r\ny"


def test_the_gap_of_an_upload():
    t = Terminal(take_ms=20)
    assert t.at('AT+QFUPL="RAM:x",4') + t.wait(19) == b""
    assert t.wait(1) == b"\r\nCONNECT\r\n"
    assert t.type("abcd") + t.wait(19) == b""
    assert t.wait(1) == lines("+QFUPL: 4,206")
    assert t.at('AT+QFDWL="RAM:x"') == b""
    assert t.wait(20).startswith(b"\r\nCONNECT\r\nabcd")


def test_the_rate_changes_behind_the_late_answer():
    t = Terminal(take_ms=20)
    t.at("AT+IPR=9600")
    assert t.type("AT") == b""  # it hears nothing now
    assert t.model.baud == 115200
    assert t.wait(20) == OK
    assert t.model.baud == 9600


def test_a_restart_in_the_gap():
    t = Terminal(take_ms=20)
    t.at("AT+CSQ")
    t.control("restart")
    assert t.wait(10000).find(b"CSQ") < 0
    assert t.at("ATE0") + t.wait(20) == b"ATE0\r" + OK
    t.control("fault gap by=30")
    t.control("fault delay by=40")
    assert t.at("AT+CSQ") + t.wait(29) == b""
    assert t.wait(1) == b"\r\n+CSQ: 21,0\r\n"
    assert t.wait(39) == b"" and t.wait(1) == OK


def test_a_lost_answer_takes_no_gap_along():
    sink = SinkPeer()
    t = ready(FakeNet(sink))
    t.open()
    t.control("switch take_ms 20")
    t.control("fault lose_answer cmd=QSSLSEND")
    assert t.at("AT+QSSLSEND=0,3") + t.wait(50) == b""
    assert t.type("abc") + t.wait(50) == b""
    assert sink.received == b"abc"
    assert t.at("AT") + t.wait(20) == OK


def test_wrong_values():
    t = Terminal()
    for text, part in (
        ("lose_answer cmd=+FOO", "cmd of fault lose_answer is a command that the modem knows"),
        ("lose_urc what=foo", "what of fault lose_urc is any, recv, closed, open,"),
        ("late_urc what=push", "what of fault late_urc is any, recv, closed, open,"),
        ("gap by=x", "wants a number"),
    ):
        answer = t.model.command("fault " + text)
        assert answer.startswith("error: ") and part in answer, (text, answer)
