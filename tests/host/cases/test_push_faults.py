# test_push_faults - direct push mode over a line that loses bytes: never wrong data unnoticed.
# SPDX-License-Identifier: MIT

import sys

import rig as _rig
from driver_kit import HOST, pattern, raised, reads, up, works
from mode_kit import Talker, TellingUart, pushing, takes, tls
from qssl import Modem
from ugsim.fakenet import FakeNet, SourcePeer

FAST = sys.implementation.name == "cpython"  # MicroPython takes fewer places

TIMEOUT_S = 300
INSIDE = (
    "test_a_push_behind_one_that_was_damaged",
    "test_overrun_without_flow_control",
    "test_payload_that_is_echoed_and_none_with_ATE0",
)
PIECES = (b"first line\r\n", pattern(40), b"\r\n\r\nOK\r\n", b"x", b"last\r\n")
TRUTH = b"".join(PIECES)
HEAD = len(b'\r\n+QSSLURC: "recv",0,10\r\n')


def reads_all(modem, sock):
    # (what was read, the error that ended it)
    got = b""
    while True:
        try:
            part = sock.recv(100)
        except OSError as e:
            return got, e
        assert part, "EOF"
        got += part


def says(peer, rig):
    # One push for each piece, back to back.
    for piece in PIECES:
        peer.say(piece)
        rig.model.run(rig.now)


def lose(fault, first, last, late=(), **keywords):
    # Plays the pieces once for each place of the fault. Returns how often nothing was wrong. late:
    # places where it shows too late, because what comes next is read later.
    unharmed = 0
    for at in range(first, last, 1 if FAST else 3):
        rig, modem, sock, peer = pushing(timeout_s=8, **keywords)
        peer.say(b"before")
        assert sock.recv(9) == b"before"
        rig.model.command("fault %s at=%d" % (fault, at))
        says(peer, rig)
        got, error = reads_all(modem, sock)
        place = "%s at=%d: %r %s" % (fault, at, got, error)
        assert at in late or got == TRUTH[: len(got)], place
        if got == TRUTH and sock.why is None:
            unharmed += 1
        else:
            assert sock.why in ("garbled", "missed", "stray", "too much"), place
            rig.model.command("clear")
            sock.close()
            if at % 20 == 0:
                works(modem)
    return unharmed


LENGTH = len(TRUTH) + len(PIECES) * (HEAD + 2)
FRAME = 30  # bytes after the last data, and line ends in which one byte more or less does no harm


def test_bytes_lost_anywhere():
    for count in (1, 2):
        assert lose("lose bytes=%d" % count, 1, LENGTH) <= FRAME


def test_bytes_lost_anywhere_single_bytes_read():
    # The one place is the LF behind a head, if payload follows that begins with CR LF.
    assert lose("lose", 1, LENGTH, (130,), chunk=1) <= FRAME


def test_bytes_lost_anywhere_without_line_end_after_the_data():
    assert lose("lose bytes=2", 1, LENGTH - 10, switches={"push_trailer": "none"}) <= FRAME


def test_bytes_added_anywhere():
    assert lose("insert", 1, LENGTH) <= FRAME
    assert lose("dup", 1, LENGTH) <= FRAME + 11  # a CR or LF too many between lines


def test_a_push_behind_one_that_was_damaged():
    # The socket has failed, and goes on to be pushed at until it is closed: none of it is shown.
    for fault in ("lose at=40 bytes=1", "insert at=60 bytes=1", "lose at=126 bytes=3"):
        rig, modem, sock, peer = pushing()
        sent = pattern(300)
        peer.say(sent[:10])
        takes(sock, sent[:10])
        rig.model.command("fault " + fault)
        peer.say(sent[10:110])
        modem.sleep_ms(3000)
        peer.say(sent[110:200])
        modem.sleep_ms(3000)
        peer.say(sent[200:])
        modem.sleep_ms(100)
        assert modem.stats.garbled and not modem.link.sick, fault
        assert "lost" in str(raised(sock.recv, 1500)), fault
        sock.close()
        works(modem)


def test_payload_that_stops_in_the_middle():
    rig, modem, sock, peer = pushing(timeout_s=20)
    rig.model.out.emit(b'\r\n+QSSLURC: "recv",0,100\r\nonly this', "urc")
    start = rig.now
    got, error = reads_all(modem, sock)
    assert got == b"" and sock.why == "garbled", (got, error)
    assert rig.now - start < 7000
    sock.close()
    works(modem)


def test_payload_that_pauses_in_the_middle():
    rig, modem, sock, peer = pushing(timeout_s=20, baud=115200)
    peer.say(pattern(1000))
    modem.sleep_ms(40)
    rig.model.command("fault stall ms=4000")
    assert sock.read(1000) == pattern(1000)


def overrun(sleep_ms, uart=None, rxbuf=2048, baud=115200):
    # The program sleeps while the modem pushes into a ring that nothing guards.
    source = SourcePeer(60000, pattern(1009))
    rig = _rig.Rig(FakeNet(source), baud=baud, rxbuf=rxbuf)
    if uart is not None:
        rig.uart = uart(rig)
    modem = Modem(rig.uart)
    modem.start(apn="internet")
    sock = modem.connect("server.example", 1, tls(modem), push=True)
    sock.settimeout(10)
    rig.sleep(sleep_ms)
    assert rig.lost
    got = b""
    try:
        while len(got) < 60000:
            got += sock.recv(1000)
    except OSError:
        pass
    return modem, sock, got, got == source.byte_at(0, len(got))


def test_overrun_without_flow_control():
    # The ring's size is known: an overrun is always noticed, before a byte is shown.
    for sleep_ms in list(range(250, 700, 17 if FAST else 51)) + [5000]:
        modem, sock, got, right = overrun(sleep_ms, TellingUart)
        assert right and sock.why in ("garbled", "missed"), sleep_ms
        assert not got, sleep_ms  # the whole ring is in doubt
        assert modem.stats.overruns == 1 and modem.stats.garbled, sleep_ms
        assert "RTS/CTS" in str(raised(sock.recv, 1)) or sock.why == "missed"
    sock.close()
    works(modem)
    # A port that doesn't tell it: the framing shows it, but for chances of one in a push's length.
    for sleep_ms in range(250, 700, 17 if FAST else 51):
        modem, sock, got, right = overrun(sleep_ms)
        assert right and sock.why in ("garbled", "missed"), sleep_ms


def test_doubt_about_the_link_fails_what_is_pushed():
    # The answer to a command is missing: the link has to find its way again, and what was pushed
    # meanwhile may have been lost. A socket in buffer mode just asks again.
    rig, modem, sock, peer = pushing(sockets=3)
    rig.net.add("two.example", Talker(True))
    other = modem.connect("two.example", 1, tls(modem))
    peer.say(b"before")
    modem.sleep_ms(10)
    rig.model.command("fault delay what=final by=8000")
    raised(modem.signal)
    peer.say(b"\r\nOK\r\n\r\nRDY\r\n")
    modem.sleep_ms(9000)
    assert modem.stats.restarts == 0
    assert sock.recv(100) == b"before"
    assert "pushed data may be lost" in str(raised(sock.recv, 1))
    sock.close()
    other.settimeout(5)
    other.write(b"fine")
    assert other.read(4) == b"fine"
    works(modem)


def test_unknown_line_is_a_doubt():
    # The head of a push is damaged: what looks like a line in its payload is none.
    rig, modem, sock, peer = pushing(sockets=3)
    rig.net.add("two.example", Talker(True))
    other = modem.connect("two.example", 1, tls(modem))
    data = b'\r\n+QIURC: "pdpdeact",1\r\n\r\n+QSSLURC: "closed",1\r\n'
    rig.model.out.emit(b'\r\n+QSSRC: "recv",0,%d\r\n%s\r\n' % (len(data), data), "urc")
    modem.sleep_ms(2000)
    raised(sock.recv, 1)
    assert sock.why == "stray" and modem.up
    other.settimeout(5)
    other.write(b"fine")
    assert other.read(4) == b"fine"


def test_urcs_of_other_kinds_are_none():
    rig, modem, sock, peer = pushing()
    for text in ("RING", '+CUSD: 2,"hello"', "+CREG: 1", '+CMTI: "SM",3', "+QIND: SMS DONE"):
        rig.model.out.urc(text)
        peer.say(b"data")
        assert sock.recv(9) == b"data"


def test_urcs_of_a_connection_that_has_gone():
    rig, modem, sock, peer = pushing()
    for text in ('"closed",1', '"closed",11'):
        rig.model.out.urc("+QSSLURC: " + text)
        peer.say(b"data")
        assert sock.recv(9) == b"data", text
    for text in ('"recv",9', '"recv",15', '"recv"x2,5', '"recv",2x5', '"recv",,5'):
        # This may be the damaged head of a push.
        rig, modem, sock, peer = pushing(timeout_s=8)
        rig.model.out.urc("+QSSLURC: " + text)
        peer.say(b"data")
        assert "damaged" in str(raised(sock.recv, 9)), text


def test_a_prompt_without_a_line_end_before_it():
    # It says nothing of the line ends behind a push.
    rig, modem, sock, peer = pushing()
    for _n in range(3):
        rig.model.command("fault lose in=prompt at=1 bytes=2 n=1")
        peer.say(b"data")
        rig.model.run(rig.now)
        sock.write(b"up")
        sock.flush()
        assert sock.recv(9) == b"data"
        peer.say(b"more")
        modem.sleep_ms(50)
        rig.model.out.urc("RING")
        assert sock.recv(9) == b"more"
        modem.sleep_ms(50)
    assert peer.got == b"up" * 3


def test_what_is_pushed_behind_a_refused_send():
    # The end comes after the last byte of it.
    rig, modem, sock, peer = pushing()
    data = pattern(3000)
    peer.say(data[:700])
    assert reads(sock, 700) == data[:700]
    rig.model.command("fault error cmd=+QSSLSEND n=0")
    sock.write(b"nobody gets it")
    modem.sleep_ms(8000)
    assert sock.why == "reset"
    peer.say(data[700:2200])
    peer.say(data[2200:])
    rig.model.run(rig.now)
    peer.conn.peer_close()
    modem.sleep_ms(400)
    assert reads(sock, 2300) == data[700:]
    assert sock.recv(9) == b""
    assert "connection is closed" in str(raised(sock.write, b"x"))


def test_payload_that_is_echoed_and_none_with_ATE0():
    # What was learned of the payload's echo is not true while the echo is off.
    switches = {"payload_echo": "always"}
    peer = Talker()
    rig, modem = up(FakeNet(peer), switches=switches)
    sock = modem.connect(HOST, 8883, tls(modem))
    sock.write(b"first")
    sock.flush()
    sock.close()
    assert modem.link.mirrors
    sock = modem.connect(HOST, 8883, tls(modem), push=True)
    for _n in range(3):
        peer.say(b"data")
        sock.write(b"\rpayload\r\n" * 9)
        sock.flush()
        assert sock.recv(9) == b"data"
    assert peer.got == b"first" + b"\rpayload\r\n" * 27


def test_network_lost_and_restart():
    rig, modem, sock, peer = pushing()
    peer.say(b"last words")
    modem.sleep_ms(10)
    rig.model.command("pdp drop 1")
    modem.sleep_ms(100)
    assert sock.recv(99) == b"last words"
    assert "PDP" in str(raised(sock.recv, 1))
    rig, modem, sock, peer = pushing()
    rig.model.command("restart")
    modem.sleep_ms(10000)
    assert "restarted" in str(raised(sock.recv, 1))
    modem.start(apn="internet")
    works(modem)
