# test_manual_send - AT+QSSLSEND without a length: Ctrl-Z sends, ESC calls off (manual 2.2.3).
# SPDX-License-Identifier: MIT

import errno

from driver_kit import Log, Recorder, arm, connected, pattern, raised, works
from mode_kit import Talker, pushing
from qssl.ctrl_z import send
from qssl.errors import DeliveryUnknown, Refused
from ugsim.fakenet import EchoPeer, SinkPeer

REQUEST = "GET /4M.txt HTTP/1.1\r\nHOST: 220.180.239.201:8011\r\n\r\n"
# Every byte but the two that mean something.
EVERY = bytes([c for c in range(256) if c not in (26, 27)])


def test_ctrl_z_sends():
    # Manual 3.3.2, 3.4.2
    rig, modem, sock = connected(EchoPeer())
    log = Log(rig)
    assert send(sock, REQUEST) == 52
    assert log.at[0] == "AT+QSSLSEND=0"
    assert sock.read(52) == REQUEST.encode()
    for data in (b"x", EVERY, bytearray(b"\r\n> \r\nSEND OK\r\n"), pattern(1460)):
        if data[:1] == b"\0":
            data = bytes([c for c in data if c not in (26, 27)])
        assert send(sock, data) == len(data)
        assert sock.read(len(data)) == bytes(data)
    assert not modem.stats.garbled and not modem.stats.timeouts
    works(modem)


def test_length_not_known_before():
    # Pieces come one after the other; what was written before goes first.
    rig, modem, sock = connected(EchoPeer())

    def pieces():
        for i in range(5):
            yield "line %d\r\n" % i
            rig.sleep(700)
        yield b""

    sock.write(b"first ")
    assert send(sock, pieces()) == 40
    assert sock.read(46) == b"first line 0\r\nline 1\r\nline 2\r\nline 3\r\nline 4\r\n"
    works(modem)


def test_esc_calls_off():
    # No document says what ESC answers.
    class Oops(Exception):
        pass

    def pieces():
        yield "never "
        raise Oops

    for answer in ("ok", "nothing", "fail"):
        rig, modem, sock = connected(EchoPeer(), switches={"esc_answer": answer})
        try:
            send(sock, pieces())
            raise AssertionError("no error")
        except Oops:
            pass
        sock.write(b"later")
        assert sock.read(5) == b"later", answer
        works(modem)


def test_what_can_not_be_typed_is_not_sent():
    rig, modem, sock = connected(EchoPeer())
    for bad in ("a\x1ab", b"\x1b", b"x" * 1461, [b"x" * 1460, b"y"], "", b"", [], [""]):
        e = raised(send, sock, bad)
        assert isinstance(e, Refused) and e.phase == "send", bad
        sock.write(b"ok")
        assert sock.read(2) == b"ok"
    assert rig.model.sockets.slots[0].state == 3
    works(modem)


def test_send_fail_is_a_full_buffer():
    rig, modem, sock = connected(EchoPeer())
    arm(rig, "send_fail")
    e = raised(send, sock, "again")
    assert e.errno == errno.ETIMEDOUT and "full" in str(e) and not isinstance(e, DeliveryUnknown)
    assert send(sock, "again") == 5
    assert sock.read(5) == b"again"
    works(modem)


def test_not_connected_any_more():
    # ERROR before the prompt, and after the data.
    rig, modem, sock = connected(Recorder(b"unread", True))
    rig.sleep(20)
    assert raised(send, sock, "x").errno == errno.ECONNRESET
    assert sock.read() == b"unread"
    works(modem)
    rig, modem, sock = connected(Recorder())
    arm(rig, "send_error")
    assert raised(send, sock, "x").errno == errno.ECONNRESET
    raised(sock.write, b"x")
    works(modem)
    rig, modem, sock = connected()
    sock.close()
    assert raised(send, sock, "x").errno == errno.EBADF


def test_refused_before_the_prompt():
    # Once more, as nothing was asked for, if AT+QSSLSTATE says that it is connected.
    for n in (1, 5):
        rig, modem, sock = connected(EchoPeer())
        arm(rig, "error cmd=QSSLSEND n=%d" % n)
        assert send(sock, iter(("one", "by", "one"))) == 8
        assert sock.read(8) == b"onebyone"
        works(modem)
    rig, modem, sock = connected(Recorder())
    for ms in (1000, 30000):
        arm(rig, "error cmd=QSSLSEND n=0")
        start = rig.now
        assert raised(send, sock, "x", ms).errno == errno.ECONNRESET
        assert rig.now - start < min(ms + 100, 10000)
        rig, modem, sock = connected(Recorder())
    rig, modem, sock = connected(Recorder())
    arm(rig, "error cmd=QSSLSEND n=0")
    arm(rig, "lose_answer cmd=AT+QSSLSTATE n=0")
    assert "nothing was sent" in str(raised(send, sock, "x", 20000))
    rig.model.command("clear")
    works(modem)


def test_no_prompt_and_no_answer():
    rig, modem, sock = connected(SinkPeer())
    for state in ("idle", "entry"):
        arm(rig, "no_prompt state=" + state)
        start = rig.now
        e = raised(send, sock, "x", 3000)
        assert "nothing was sent" in str(e) and rig.now - start < 3100, e
        sock.settimeout(10)
        sock.write(b"y")
        sock.flush()
    rig, modem, sock = connected(SinkPeer())
    arm(rig, "send_mute")
    e = raised(send, sock, "x", 3000)
    assert isinstance(e, DeliveryUnknown), e
    works(modem)
    rig.model.command("power off")
    raised(send, modem.sockets[0] or sock, "x", 3000)


def test_echo_and_prompts_of_other_firmware():
    for switches in (
        {"prompt_again": "no", "prompt_space": "no"},
        {"prompt_again": "both"},
        {"urc_at_prompt": "later"},
        {"payload_echo": "qisde"},
        {"recv_trailer": "short"},
    ):
        rig, modem, sock = connected(EchoPeer(), switches=switches)
        for _ in range(3):
            assert send(sock, REQUEST) == 52
            assert sock.read(52) == REQUEST.encode(), switches
        works(modem)


def test_callbacks_are_told_afterwards():
    rig, modem, sock = connected(EchoPeer())
    seen = []

    def told(kind, id, value):
        seen.append((kind, modem.signal()))

    modem.on_event = told

    def pieces():
        yield "x"
        rig.model.command("say " + '+QSSLURC: "recv",0')
        modem.sleep_ms(50)
        assert not seen
        yield "y"

    assert send(sock, pieces()) == 2
    assert sock.read(2) == b"xy"
    assert seen and seen[0] == ("recv", -71)
    works(modem)


def test_in_direct_push_mode():
    # Manual 3.4.2. What is pushed may come between the prompt and SEND OK.
    for urc in ("now", "later"):
        rig, modem, sock, peer = pushing(Talker(True), switches={"urc_at_prompt": urc})
        rig.model.command("fault delay what=prompt by=200")

        def pieces(peer=peer, modem=modem):
            yield "one "
            peer.say(b"\r\nSEND OK\r\n")
            modem.sleep_ms(20)
            yield "two"

        assert send(sock, pieces()) == 7
        assert sock.read(18) == b"\r\nSEND OK\r\none two"
        assert not modem.stats.garbled
        works(modem)
