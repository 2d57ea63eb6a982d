# test_model_echo - an echo that does not obey, lies, is cut in two, or is cut off by a restart.
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import FakeNet, SinkPeer

CSQ = lines("+CSQ: 21,0")
CUSD = b"\r\n+CUSD: 2\r\n"


def test_an_echo_that_does_not_obey():
    for obeys, typed in (("never", b""), ("always", b"AT+CSQ\r"), ("yes", None)):
        t = Terminal(echo_obeys=obeys)
        for command, echo in (("ATE1", True), ("ATE0", False), ("ATE1;&W", True)):
            assert t.at(command).endswith(OK)
            expected = (b"AT+CSQ\r" if echo else b"") if typed is None else typed
            assert t.at("AT+CSQ") == expected + CSQ
        t.control("echo off")
        assert t.at("AT+CSQ") == (typed or b"") + CSQ


def test_payload_is_echoed_in_spite_of_qisde():
    for how, echo, qisde, echoed in (
        ("always", True, 0, b"xyz"),
        ("always", True, 1, b"xyz"),
        ("always", False, 0, b""),
        ("ate", True, 0, b""),
    ):
        t = ready(payload_echo=how)
        t.open()
        t.at("AT+QISDE=%d" % qisde)
        t.model.echo = echo
        t.at("AT+QSSLSEND=0,3")
        assert t.type("xyz").startswith(echoed + b"\r\nSEND OK\r\n"), how
    t = ready(payload_echo="always")
    t.control("switch echo_obeys always")
    t.at("ATE0;+QISDE=0")
    assert t.at('AT+QSSLOPEN=1,0,0,"h",1').endswith(b"\r\n+QSSLOPEN: 0,0\r\n")
    t.at("AT+QSSLSEND=0,3")
    assert t.type("xyz").startswith(b"xyz\r\nSEND OK\r\n")


def test_a_urc_at_each_place_of_an_echo():
    whole = b"AT+CSQ\r"
    for k in range(1, len(whole)):
        for size in (1, 2, 3, 100):
            for line in ("", " line=AT+CSQ"):
                t = Terminal(echo=True)
                if line:
                    t.control("fault echo_cut at=%d%s" % (k, line))
                    assert t.at("AT+CREG?") == b"AT+CREG?\r" + lines("+CREG: 0,1")
                else:
                    t.control("fault echo_cut at=%d" % k)
                out = b""
                for start in range(0, len(whole), size):
                    out += t.type(whole[start : start + size])
                assert out == whole[:k] + CUSD + whole[k:] + CSQ, (k, size, out)
                assert t.at("AT") == b"AT\r" + OK


def test_a_cut_echo_has_the_urc_that_was_asked_for():
    t = Terminal(echo=True)
    t.control('fault echo_cut at=2 n=2 text=+QSSLURC: "recv",1')
    for _ in range(2):
        assert t.at("AT+CSQ") == b'AT\r\n+QSSLURC: "recv",1\r\n+CSQ\r' + CSQ
    assert t.at("AT+CSQ") == b"AT+CSQ\r" + CSQ
    # A line that is no longer than the place, and one that is not echoed, have no such place.
    t.control("fault echo_cut at=3 n=0")
    assert t.at("AT") == b"AT\r" + OK
    assert t.at("ATE0") == b"ATE" + CUSD + b"0\r" + OK
    assert t.at("AT+CSQ") == CSQ


def test_an_echo_that_lies_for_ever():
    # The modem understood what was typed; what it says is another thing.
    for size in (1, 2, 100):
        t = Terminal(echo=True)
        t.control("fault corrupt in=echo at=3 xor=1 n=0")
        out = b""
        typed = b"AT+CSQ\rAT+CREG?\r"
        for start in range(0, len(typed), size):
            out += t.type(typed[start : start + size])
        assert out == b"AT*CSP\r" + CSQ + b"AU+CSEG>\r" + lines("+CREG: 0,1"), (size, out)


def test_a_restart_in_the_middle_of_an_echo():
    # Whatever the pieces, nobody is left to run the command.
    for do, comes_back in (("restart", True), ("off", False), ("mute", False)):
        for k in (1, 5, 16, 17):
            for size in (1, 5, 100):
                sink = SinkPeer()
                t = ready(FakeNet(sink))
                t.open()
                t.model.echo = True
                t.control("fault cut in=echo at=%d do=%s" % (k, do))
                typed = b"AT+QSSLSEND=0,40\r" + 40 * b"x"
                out = b""
                for start in range(0, len(typed), size):
                    out += t.type(typed[start : start + size])
                assert out == typed[:k], (do, k, size, out)
                assert sink.received == b""
                assert t.wait(10000).startswith(b"\r\nRDY\r\n" if comes_back else b""), do


def test_a_command_whose_echo_was_cut_off_does_nothing():
    for size in (1, 100):
        t = Terminal()
        t.at('AT+QFUPL="x",1')
        t.type("y")
        t.model.echo = True
        t.control("fault cut in=echo at=4")
        for start in range(0, 13, size):
            t.type(b'AT+QFDEL="x"\r'[start : start + size])
        t.wait(10000)
        t.at("ATE0")
        assert t.at('AT+QFLST="x"') == lines('+QFLST: "x",1'), size


def test_a_restart_in_the_middle_of_the_echo_of_payload():
    for length, end in (("", b"\x1a"), (",4", b"")):
        for size in (1, 100):
            sink = SinkPeer()
            t = ready(FakeNet(sink), payload_echo="qisde")
            t.open()
            t.at("AT+QSSLSEND=0" + length)
            t.control("fault cut in=echo at=2")
            out = b""
            typed = b"abcd" + end
            for start in range(0, len(typed), size):
                out += t.type(typed[start : start + size])
            assert out == b"ab"
            assert sink.received == b""
            assert t.wait(10000).startswith(b"\r\nRDY\r\n")


def test_noise_in_the_echo_alone():
    # The command is executed all the same: an echo that differs proves nothing about it.
    t = Terminal(echo=True)
    for fault, echo in (
        ("lose in=echo at=4", b"AT+SQ\r"),
        ("dup in=echo at=4", b"AT+CCSQ\r"),
        ("insert in=echo at=4 byte=2b", b"AT++CSQ\r"),
    ):
        t.control("fault " + fault)
        assert t.at("AT+CSQ") == echo + CSQ
    assert t.at("AT+CSX") == b"AT+CSX\r" + ERROR
