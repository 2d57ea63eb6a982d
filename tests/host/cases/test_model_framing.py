# test_model_framing - the bytes of command lines, replies and URCs (V.250; manual 2.1).
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import FakeNet, SinkPeer


def test_a_result_stands_between_cr_lf():
    assert Terminal().at("AT") == b"\r\nOK\r\n"


def test_echo_gives_back_the_command_with_its_cr():
    t = Terminal(echo=True)
    assert t.at("AT") == b"AT\r\r\nOK\r\n"
    assert t.at("ATE0") == b"ATE0\r\r\nOK\r\n"
    assert t.at("AT") == OK
    assert t.at("ATE1") == OK
    assert t.at("AT") == b"AT\r\r\nOK\r\n"
    assert t.at("ATE") == b"ATE\r\r\nOK\r\n"
    assert t.at("AT") == OK


def test_line_feed_after_a_command_is_ignored():
    t = Terminal(echo=True)
    assert t.type(b"AT\r\nAT\r\n") == b"AT\r\r\nOK\r\n" * 2


def test_one_information_line_and_an_empty_line_before_ok():
    assert Terminal().at("AT+CSQ") == b"\r\n+CSQ: 21,0\r\n\r\nOK\r\n"


def test_a_list_has_single_line_ends_between_its_lines():
    assert (
        Terminal().at("ATI") == b"\r\nQuectel\r\nUG96\r\nRevision: UG96LNAR02A06E1G\r\n\r\nOK\r\n"
    )


def test_unknown_commands_are_a_bare_error_whatever_cmee():
    t = Terminal()
    for mode in "012":
        t.at("AT+CMEE=" + mode)
        assert t.at("AT+NOSUCH") == ERROR
        assert t.at("AT+NOSUCH=1") == ERROR
        assert t.at("AT+QIOPEN=1,0") == ERROR


def test_cmee_shapes_the_errors_of_general_commands():
    t = Terminal()
    for mode, reply in (
        (0, ERROR),
        (1, b"\r\n+CME ERROR: 50\r\n"),
        (2, b"\r\n+CME ERROR: incorrect parameters\r\n"),
    ):
        assert t.at("AT+CMEE=%d" % mode) == OK
        assert t.at("AT+CREG=7") == reply
        # TCP/IP and SSL commands do not care.
        assert t.at("AT+QIACT=99") == ERROR


def test_small_letters_and_blanks_are_fine():
    t = Terminal()
    assert t.at("at+csq") == lines("+CSQ: 21,0")
    assert t.at('AT+QICSGP=1, 1, "internet"') == OK
    assert t.at("AT+QICSGP=1") == lines('+QICSGP: 1,"internet","","",0')


def test_several_commands_on_a_line():
    t = Terminal()
    assert t.at("AT+CSQ;+CMEE?") == b"\r\n+CSQ: 21,0\r\n+CMEE: 1\r\n\r\nOK\r\n"
    assert t.at("ATE0V1X4+CMEE=2;+CMEE?") == lines("+CMEE: 2")
    # The first error ends the line.
    assert t.at("AT+CMEE=1;+NOSUCH;+CMEE=0") == ERROR
    assert t.at("AT+CMEE?") == lines("+CMEE: 1")


def test_commas_and_semicolons_in_quotes_belong_to_the_string():
    t = Terminal()
    assert t.at('AT+QICSGP=1,1,"a,b;c","u,1","p;2",1') == OK
    assert t.at("AT+QICSGP=1") == lines('+QICSGP: 1,"a,b;c","u,1","p;2",1')
    assert t.at('AT+QICSGP=1,1,"open') == ERROR


def test_noise_without_at_gets_no_answer():
    t = Terminal()
    assert t.at("hello") == b""
    assert t.at("") == b""
    assert t.at("\xff\xfe") == b""
    assert t.at("AT") == OK
    assert t.model.stats["noise_lines"] == 2
    assert Terminal(noise_line="error").at("hello") == ERROR


def test_noise_before_at_is_skipped():
    t = Terminal()
    assert t.type(b"\x00\xff\xfeAT+CSQ\r") == lines("+CSQ: 21,0")
    assert t.type(b"+++AT\r") == OK


def test_a_line_that_is_too_long_is_an_error_and_the_next_one_works():
    t = Terminal()
    assert t.at("AT" + "+" * 600) == ERROR
    assert t.at("AT") == OK
    assert t.type(b"AT" + b"x" * 100000) == b""
    assert t.type(b"\r") == ERROR
    assert t.at("AT") == OK


def test_bytes_that_are_no_text_are_an_error():
    t = Terminal()
    assert t.type(b'AT+QICSGP=1,1,"\xff\xfe"\r') in (OK, ERROR)
    assert t.type(b"AT+\xff\r") == ERROR
    assert t.type(bytes(range(128, 256)) + b"\r") == b""
    assert t.at("AT") == OK


def test_backspace_takes_a_character_back():
    assert Terminal().type(b"AX\x08T+CSX\x08Q\r") == lines("+CSQ: 21,0")


def test_every_cut_of_the_input_gives_the_same_answer():
    data = b'AT+CSQ\r\nAT+QICSGP=1\rAT+QSSLCFG="sslversion",1\rATI\r'
    whole = Terminal(echo=True).type(data)
    for cut in range(1, len(data)):
        t = Terminal(echo=True)
        assert t.type(data[:cut]) + t.type(data[cut:]) == whole, cut
    t = Terminal(echo=True)
    out = [t.type(data[i : i + 1]) for i in range(len(data))]
    assert b"".join(out) == whole


def test_every_cut_of_a_send_gives_the_same_answer():
    payload = b"\r\n\x1a\x1b+\x00AT\r"
    data = b"AT+QSSLSEND=0,9\r" + payload + b"AT+CSQ\r"
    expected = b"\r\n> \r\nSEND OK\r\n" + lines("+CSQ: 21,0")
    for cut in range(1, len(data)):
        sink = SinkPeer()
        t = ready(FakeNet(sink))
        t.open()
        assert t.type(data[:cut]) + t.type(data[cut:]) == expected, cut
        assert sink.received == payload


def test_commands_are_serialised():
    t = Terminal()
    t.at('AT+QICSGP=1,1,"a"')
    assert t.at("AT+QIACT=1") == b""
    assert t.at("AT+CSQ") == b""
    assert t.wait(1000) == OK
    assert t.at("AT") == OK
    t = Terminal(busy_input="queue")
    t.at('AT+QICSGP=1,1,"a"')
    assert t.at("AT+QIACT=1") == b""
    assert t.at("AT+CSQ") == b""
    assert t.wait(1000) == OK + lines("+CSQ: 21,0")


def test_a_urc_may_come_while_a_command_runs_but_not_inside_a_line():
    t = Terminal()
    t.at('AT+QICSGP=1,1,"a"')
    assert t.at("AT+QIACT=1") == b""
    t.control("say +CUSD: 2")
    assert t.wait(1000) == b"\r\n+CUSD: 2\r\n" + OK


def test_reply_time():
    t = Terminal(reply_ms=30)
    assert t.at("AT") == b""
    assert t.wait(29) == b""
    assert t.wait(1) == OK


def test_output_leaves_in_any_portions():
    t = Terminal()
    t.model.feed(b"ATI\r")
    out = b""
    while t.model.pending():
        before = t.model.pending()
        part = t.model.take(3)
        assert len(part) == min(3, before)
        assert t.model.pending() == before - len(part)
        out += part
    assert out == lines("Quectel", "UG96", "Revision: UG96LNAR02A06E1G")
    assert t.model.take(5) == b""


def test_events_tell_the_conversation():
    t = Terminal()
    seen = []
    t.model.on_event = lambda kind, text: seen.append((kind, text))
    t.at("AT+CSQ")
    assert seen == [("at", "AT+CSQ"), ("info", "+CSQ: 21,0"), ("final", "OK")]
