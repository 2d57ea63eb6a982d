# test_model_input - faults on the host's bytes strike at the place they name, however it types.
# SPDX-License-Identifier: MIT

from terminal import ERROR, OK, Terminal, lines, ready
from ugsim.fakenet import FakeNet, SinkPeer

CSQ = lines("+CSQ: 21,0")


def sending(**switches):
    sink = SinkPeer()
    t = ready(FakeNet(sink), **switches)
    t.open()
    return t, sink


def pieces(t, data, size):
    # Types data in pieces of this size.
    out = b""
    for start in range(0, len(data), size):
        out += t.type(data[start : start + size])
    return out


def understood(t):
    # The command lines that the modem takes from now on, as it reads them.
    seen = []
    t.model.on_event = lambda kind, text: seen.append(text) if kind == "at" else None
    return seen


def test_a_place_in_a_command_line():
    whole = "AT+QSSLSEND=0,400"
    for fault, changed in (
        ("lose_in", lambda k: whole[: k - 1] + whole[k:]),
        ("dup_in", lambda k: whole[:k] + whole[k - 1 :]),
        ("insert_in byte=39", lambda k: whole[: k - 1] + "9" + whole[k - 1 :]),
        ("corrupt_in xor=1", lambda k: whole[: k - 1] + chr(ord(whole[k - 1]) ^ 1) + whole[k:]),
    ):
        for k in range(3, len(whole) + 1):
            for size in (1, 2, 5, 100):
                t = Terminal()
                seen = understood(t)
                t.control("fault %s line=AT+QSSLSEND at=%d" % (fault, k))
                pieces(t, b"AT+CSQ\rAT\r" + whole.encode() + b"\rAT\r", size)
                assert seen == ["AT+CSQ", "AT", changed(k), "AT"], (fault, k, size, seen)


def test_the_cr_of_a_line_counts():
    for size in (1, 3, 100):
        t = Terminal()
        seen = understood(t)
        t.control("fault lose_in line=AT+CSQ at=7")
        assert pieces(t, b"AT\rAT+CSQ\rAT\r", size) == OK + ERROR
        assert seen == ["AT", "AT+CSQAT"]
        t.control("fault dup_in line=AT+CSQ at=7")
        assert pieces(t, b"AT+CSQ\rAT\r", size) == CSQ + OK
        assert t.model.stats["faults"] == 2
        t.control("fault insert_in line=AT+CSQ at=7 byte=31")
        assert pieces(t, b"AT+CSQ\r", size) == ERROR
        # A line that is too short for the place is none of it.
        t.control("fault lose_in line=AT+CSQ at=8")
        assert pieces(t, b"AT+CSQ\r\nAT\r", size) == CSQ + OK
        assert t.model.stats["faults"] == 3


def test_what_stands_ahead_of_a_line_is_none_of_it():
    for size in (1, 2, 100):
        t = Terminal()
        t.control("fault lose_in line=AT+CSQ at=4")
        assert pieces(t, b"AT\r\n\x1b\r\nAT+CSQ\r\n", size) == OK + ERROR


def test_a_line_that_is_not_whole_yet():
    # Where a place depends on what has not come yet, the modem waits for it; else it does not.
    t = Terminal(echo=True)
    t.control("fault lose_in line=AT+CSQ at=3")
    assert t.type("AT") == b"AT"
    assert t.type("+C") == b""
    assert t.type("R") == b"+CR"
    assert t.type("EG?\r") == b"EG?\r" + lines("+CREG: 0,1")
    assert t.type("AT+") == b"AT"
    t.control("clear")
    assert t.read() == b"+"
    assert t.type("CSQ\r") == b"CSQ\r" + CSQ
    # Armed in the middle of a line.
    t.type("AT+C")
    t.control("fault lose_in line=AT+CSQ at=5")
    assert t.type("SQ\r") == b"Q\r" + ERROR


def test_payload_and_commands_apart():
    for size in (1, 3, 4, 100):
        t, sink = sending()
        t.control("fault corrupt_in in=payload at=4 xor=20")
        assert pieces(t, b"AT+QSSLSEND=0,2\rAB", size) == b"\r\n> \r\nSEND OK\r\n"
        assert pieces(t, b"AT+QSSLSEND=0,4\rCDEF", size) == b"\r\n> \r\nSEND OK\r\n"
        assert sink.received == b"ABCdEF"
        t.control("fault corrupt_in in=command at=20 xor=1")
        assert pieces(t, b"AT+QSSLSEND=0,2\rABAT+CSQ\r", size).endswith(b"OK\r\n" + ERROR)
        assert sink.received == b"ABCdEFAB"
        t.control("fault lose_in in=any at=17")
        assert pieces(t, b"AT+QSSLSEND=0,2\rABAT\r", size).startswith(b"\r\n> \r\nSEND OK\r\n")
        assert sink.received == b"ABCdEFABBA"


def test_a_lost_digit_makes_payload_into_commands():
    t, sink = sending()
    t.control("fault lose_in line=AT+QSSLSEND at=17")
    assert t.at("AT+QSSLSEND=0,400") == b"\r\n> "
    assert t.type(40 * b"x").startswith(b"\r\nSEND OK\r\n")
    assert t.type(b"xxx\rAT+CFUN=1,1\r") == OK
    assert t.wait(10000).find(b"\r\nRDY\r\n") >= 0
    assert sink.received == 40 * b"x"


def test_payload_of_one_command_alone():
    for size in (1, 2, 100):
        t, sink = sending()
        t.control("fault lose_in in=payload line=AT+QFUPL at=2")
        pieces(t, b"AT+QSSLSEND=0,3\rabc", size)
        assert sink.received == b"abc"
        assert pieces(t, b'AT+QFUPL="RAM:x",4\rabcde', size).endswith(b"\r\nOK\r\n")
        assert t.model.read_file("RAM:x") == b"acde"
        # Each upload is counted by itself.
        t.control("fault dup_in in=payload line=AT+QFUPL at=4 n=2")
        for name in "yz":
            assert pieces(t, b'AT+QFUPL="RAM:%s",4\rabcd' % name.encode(), size).endswith(OK)
            assert t.model.read_file("RAM:" + name) == b"abcd"
            assert t.at("") == b""  # the second "d"
        assert t.control("faults") == "none"


def test_several_bytes_in_a_row():
    for size in (1, 2, 3, 100):
        t, sink = sending()
        t.control("fault lose_in in=payload at=3 bytes=2")
        pieces(t, b"AT+QSSLSEND=0,6\rabcdefgh", size)
        assert sink.received == b"abefgh"
        t.control("fault dup_in in=payload at=2 bytes=3")
        pieces(t, b"AT+QSSLSEND=0,7\rabcd", size)
        assert sink.received == b"abefgh" + b"abcdbcd"
        t.control("fault insert_in in=payload at=2 bytes=3 byte=2a")
        pieces(t, b"AT+QSSLSEND=0,5\rab", size)
        assert sink.received == b"abefgh" + b"abcdbcd" + b"a***b"
        t.control("fault corrupt_in in=payload at=2 bytes=2 xor=1")
        pieces(t, b"AT+QSSLSEND=0,4\raaaa", size)
        assert sink.received[-4:] == b"a``a"
        # They end with the line.
        t.control("fault lose_in in=command at=5 bytes=9")
        assert pieces(t, b"AT+CSQ\rAT\r", size) == ERROR
        t.control("fault dup_in in=command at=2 bytes=9")
        assert pieces(t, b"AT\rAT\r", size) == OK + OK
        assert t.model.stats["noise_lines"] == 1


def test_places_follow_one_another():
    # n= and at=: each so many bytes, in whatever pieces.
    for size in (1, 4, 100):
        t, sink = sending()
        t.control("fault corrupt_in in=payload at=3 xor=20 n=0")
        pieces(t, b"AT+QSSLSEND=0,8\rabcdefgh", size)
        assert sink.received == b"abCdeFgh"


def test_at_random_the_same_whatever_the_pieces():
    got = []
    for size in (1, 7, 1000):
        t, sink = sending()
        t.control("fault corrupt_in in=payload rate=50 xor=20 n=0")
        for _ in range(20):
            assert pieces(t, b"AT+QSSLSEND=0,500\r" + 500 * b"a", size).find(b"SEND OK") > 0
        got.append(sink.received)
        hit = sink.received.count(b"A")
        assert 130 < hit < 270, hit
    assert got[0] == got[1] == got[2]


def test_two_faults_on_one_byte():
    for size in (1, 100):
        t, sink = sending()
        t.control("fault corrupt_in in=payload at=2 xor=20")
        t.control("fault dup_in in=payload at=2")
        t.control("fault insert_in in=payload at=4 byte=2d")
        pieces(t, b"AT+QSSLSEND=0,6\rabcd", size)
        assert sink.received == b"aBbc-d"


def test_a_restart_forgets_half_a_line():
    t = Terminal()
    t.control("fault lose_in line=AT+CSQ at=3")
    t.type("AT+")
    t.control("restart")
    t.wait(10000)
    assert t.at("AT") == b"AT\r" + OK
    assert t.at("AT+CSQ") == b"ATCSQ\r" + ERROR


def test_an_upload_with_plus_signs_takes_its_size():
    # What stands behind a "+" that was held back as half an escape is a command again.
    for size in (1, 100):
        t = Terminal()
        t.at('AT+QFUPL="RAM:x",3')
        t.wait(1500)
        t.type("+")
        assert pieces(t, b"abAT\r", size).endswith(b"\r\nOK\r\n" + OK)
        assert t.model.read_file("RAM:x") == b"+ab"


def test_unknown_values_are_refused():
    t = Terminal()
    for text, part in (
        ("lose in=foo", "in of fault lose is any, reply, echo,"),
        ("lose_in in=final", "in of fault lose_in is any, command or payload, not 'final'"),
        ("lose_in at=0", "counts from 1"),
        ("lose_in bytes=0", "counts from 1"),
        ("lose_in line=", "wants a text"),
        ("lose_in line=AT rate=5", "exclude each other"),
        ("insert_in byte=100", "hexadecimal byte"),
        ("corrupt_in xor=-1", "hexadecimal byte"),
        ("before before=zzz", "before of fault before is any, echo, info,"),
        ("before what=zzz", "what of fault before is urc, garbage, long, open or nul,"),
        ("before text=", "wants a text"),
        ("delay what=zzz", "what of fault delay is final, send_ok, prompt or open,"),
        ("delay by=", "wants a number, not ''"),
        ("delay by=\u0661", "wants a number"),
        ("cme cmd=", "cmd of fault cme is a command that the modem knows"),
        ("cme cmd=+NOSUCH", "not '+NOSUCH'"),
        ("error cmd=foo", "left out it is any"),
        ("no_prompt state=on", "state of fault no_prompt is entry or idle, not 'on'"),
        ("cfg_error key=sni", "key of fault cfg_error is sslversion, ciphersuite,"),
        ("cut do=", "do of fault cut is restart, off, mute or quiet"),
        ("cfg_lies value=", "wants a text"),
    ):
        answer = t.model.command("fault " + text)
        assert answer.startswith("error: ") and part in answer, (text, answer)
        assert "\n" not in answer
    assert t.control("faults") == "none"


def test_a_command_may_be_named_in_any_way():
    for name in ("+CSQ", "AT+CSQ", "CSQ", "at+csq"):
        t = Terminal()
        t.control("fault error cmd=" + name)
        assert t.at("AT+CREG?") == lines("+CREG: 0,1")
        assert t.at("AT+CSQ") == ERROR
    t = Terminal()
    t.control("fault cme cmd=AT")
    assert t.at("AT+CSQ") == CSQ
    assert t.at("AT") == b"\r\n+CME ERROR: 100\r\n"
    assert t.at("AT") == OK
