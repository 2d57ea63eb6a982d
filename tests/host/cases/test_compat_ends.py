# test_compat_ends - early answers, errors, restarts, and sockets that are dropped, in qssl.compat.
# SPDX-License-Identifier: MIT

import errno

from compat_kit import HOST, made, opened
from driver_kit import POLL_ERR, POLL_HUP, POLL_RD, POLL_WR, Recorder, bits, pattern, raised
from ugsim.fakenet import Peer, RefusingPeer, StallingPeer

INSIDE = ("test_a_write_error_does_not_hide_what_has_come",)

# --- a server that answers early -----------------------------------------------------------------


class Early(Peer):
    # Answers the head of a request and closes, while the body is still going out.
    def __init__(self, answer, reset=False):
        self.answer = answer
        self.reset = reset
        self.heard = b""

    def on_data(self, conn, data):
        self.heard += data
        if self.answer is not None and b"\r\n\r\n" in self.heard:
            conn.push(self.answer)
            self.answer = None
            (conn.peer_reset if self.reset else conn.peer_close)()


REFUSAL = b"HTTP/1.0 413 Too large\r\nContent-Length: 1600\r\n\r\n" + pattern(1600)
HEAD = "POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n"


def _to_its_end(rig, sock):
    # What a socket that does not wait reads.
    got = b""
    for _ in range(2000):
        part = sock.read(100)
        if part == b"":
            break
        got += part or b""
        rig.sleep(1)
    return got


def test_an_early_answer_is_read():
    for size in (1, 500, 1460, 1461, 5000, 60000):
        for piece in (100000, 1460, 700):
            rig, modem, shim = made(Early(REFUSAL))
            sock = opened(shim)
            sock.settimeout(20)
            sock.write(HEAD % size)
            body = bytes(size)
            for at in range(0, size, piece):
                part = body[at : at + piece]
                assert sock.write(part) == len(part), (size, piece, at)
                modem.sleep_ms(60)
            sock.flush()
            assert sock.readline() == REFUSAL[:24]
            assert sock.read() == REFUSAL[24:], (size, piece)
            assert sock.read(1) == b""
            # Now that the answer was read, there is nothing to hide any more.
            assert raised(sock.write, b"x").errno == errno.ECONNRESET
            assert raised(sock.flush).errno == errno.ECONNRESET
            sock.close()


def test_an_early_answer_is_read_without_blocking():
    for size in (500, 5000, 60000):
        rig, modem, shim = made(Early(REFUSAL))
        sock = opened(shim)
        sock.setblocking(False)
        view = memoryview((HEAD % size).encode() + bytes(size))
        at = 0
        for _ in range(2000):
            at += sock.write(view[at:]) or 0
            if at == len(view):
                break
            rig.sleep(10)
        assert at == len(view), (size, at)
        got = _to_its_end(rig, sock)
        assert got == REFUSAL, (size, len(got))
        assert raised(sock.write, b"x").errno == errno.ECONNRESET


def test_a_write_error_does_not_hide_what_has_come():
    # A socket of the modem tells that nobody gets what is written; reads and polls go on.
    for ms in (0, 20):
        rig, modem, shim = made(Early(REFUSAL))
        sock = modem.connect(HOST, 443, shim.ctx)
        sock.write(HEAD % 5000)
        sock.flush()
        while not sock._shut:
            rig.sleep(1)
            modem.link.pump()
        sock.settimeout(ms)
        assert raised(sock.write, bytes(5000)).errno == errno.ECONNRESET
        assert bits(sock) & (POLL_ERR | POLL_HUP | POLL_WR) == POLL_WR
        got = _to_its_end(rig, sock)
        assert got == REFUSAL, (ms, len(got))
        assert bits(sock) == POLL_RD | POLL_WR | POLL_HUP
        assert raised(sock.write, b"x").errno == errno.ECONNRESET


def test_the_forms_of_write_after_an_early_answer():
    rig, modem, shim = made(Early(REFUSAL))
    sock = opened(shim)
    sock.write(HEAD % 9)
    sock.flush()
    modem.sleep_ms(200)
    buf = bytearray(b"123456789")
    assert sock.write(buf) == 9 and sock.write(buf, 4) == 4 and sock.write(buf, 2, 5) == 5
    assert sock.write(buf, -1) == 9 and sock.write(buf, 100) == 9 and sock.write(buf, 2, 100) == 7
    assert sock.write("\u00e4") == 2 and sock.send(buf) == 9 and sock.sendall(buf) is None
    assert sock.read() == REFUSAL


def test_a_close_without_an_answer_is_an_error():
    for reset in (False, True):
        rig, modem, shim = made(Early(b"", reset))
        sock = opened(shim)
        sock.settimeout(20)
        sock.write(HEAD % 5000)
        sock.flush()
        modem.sleep_ms(200)
        assert raised(sock.write, bytes(5000)).errno == errno.ECONNRESET
        assert sock.read(1) == b""


def test_an_answer_that_is_damaged_behind_a_close_is_an_error():
    # The connection is of no use for writing already: what goes wrong with reading counts.
    rig, modem, shim = made(Early(pattern(1400)))
    sock = opened(shim)
    sock.settimeout(20)
    sock.write(HEAD % 5000)
    sock.flush()
    rig.model.command("fault lose in=payload at=700")
    for call in (lambda: sock.write(bytes(5000)), sock.read, sock.read):
        assert raised(call).errno in (errno.EIO, errno.ETIMEDOUT, errno.ECONNRESET)


def test_refused():
    rig, modem, shim = made(RefusingPeer(566))
    e = raised(opened, shim)
    assert e.errno == errno.ECONNREFUSED and e.code == 566 and HOST in str(e)


def test_not_started():
    rig, modem, shim = made()
    modem.up = False
    assert raised(opened, shim).errno == errno.ENOTCONN


def test_start_is_called_when_the_modem_is_not_up():
    calls = []
    rig, modem, shim = made(start=lambda: (calls.append(1), modem.start(apn="internet")))
    sock = opened(shim)
    assert not calls
    rig.model.command("restart")
    rig.sleep(8000)
    sock.settimeout(5)
    assert raised(sock.read, 1).errno == errno.ECONNRESET
    sock = opened(shim)
    assert calls == [1]
    sock.write(b"again")
    assert sock.read(5) == b"again"


class Restarting(Peer):
    # The modem restarts, seen or not, before a connection comes about: so many times.
    def __init__(self, times, spoil):
        self.times = times
        self.spoil = spoil

    def on_open(self, conn):
        if self.times:
            self.times -= 1
            self.spoil()

    def on_data(self, conn, data):
        conn.push(data)


def restarting(what, times):
    # The modem restarts, or loses its network, so many times while a connection is made. Gives
    # (shim, the modem's sockets, calls of start).
    calls = []
    peer = Restarting(times, lambda: rig.model.command(what))

    def start():
        calls.append(1)
        modem.start(apn="internet")

    rig, modem, shim = made(peer, start)
    return modem, shim, calls


def test_a_restart_found_while_connecting_starts_and_tries_again():
    for what in ("restart", "pdp drop 1"):
        modem, shim, calls = restarting(what, 1)
        sock = opened(shim)
        sock.settimeout(30)
        sock.write(b"up")
        assert sock.read(2) == b"up" and calls == [1], (what, calls)
        sock.close()
        assert modem.sockets == [None, None]


def test_it_tries_once_more_and_not_for_ever():
    for what in ("restart", "pdp drop 1"):
        modem, shim, calls = restarting(what, 2)
        raised(opened, shim)
        assert calls == [1] and not modem.up, (what, calls)
        sock = opened(shim)  # the next one starts it
        sock.write(b"up")
        assert sock.read(2) == b"up" and calls == [1, 1]
        assert modem.sockets.count(None) == 1


def test_no_second_try_while_the_modem_is_up():
    calls = []
    rig, modem, shim = made(RefusingPeer(566), start=lambda: calls.append(1))
    raised(opened, shim)
    assert not calls and len(rig.net.conns) <= 1


def test_start_has_a_limit_of_its_own():
    # A client's time-out is far too short for it; it begins when the modem is up.
    def start():
        rig.sleep(40000)
        modem.start(apn="internet")

    rig, modem, shim = made(start=start)
    modem.up = False
    sock = shim.socket()
    sock.settimeout(2)
    sock.connect((HOST, 1))
    sock = shim.wrap_socket(sock)
    sock.write(b"up")
    assert sock.read(2) == b"up"
    modem.up = False
    rig.net.add("silent", StallingPeer())
    sock = shim.socket()
    sock.settimeout(2)
    sock.connect(("silent", 1))
    begun = rig.now
    assert raised(shim.wrap_socket, sock).errno == errno.ETIMEDOUT
    assert 42000 <= rig.now - begun < 45000, rig.now - begun


def test_start_is_not_called_for_a_socket_that_does_not_block():
    calls = []
    rig, modem, shim = made(start=lambda: calls.append(1))
    modem.up = False
    sock = shim.socket()
    sock.setblocking(False)
    sock.connect((HOST, 1))
    assert raised(shim.wrap_socket, sock).errno == errno.ENOTCONN
    assert not calls


def test_start_that_fails_is_the_error_of_the_connect():
    def start():
        raise OSError(errno.EHOSTUNREACH, "no network")

    rig, modem, shim = made(start=start)
    modem.up = False
    try:
        opened(shim)
        raise AssertionError
    except OSError as e:
        assert e.errno == errno.EHOSTUNREACH


# --- sockets that are dropped and not closed -----------------------------------------------------


class Last(Peer):
    # Answers whatever comes, and closes.
    def __init__(self, answer):
        self.answer = answer

    def on_data(self, conn, data):
        conn.push(self.answer)
        conn.peer_close()


def test_dropped_after_the_end():
    # umqtt, when it connects again: the old socket is forgotten, not closed.
    rig, modem, shim = made(Last(b"bye"))
    for _ in range(5):
        sock = opened(shim)
        sock.write(b"x")
        assert sock.read(3) == b"bye" and sock.read(1) == b""
    assert len(rig.net.conns) == 5


def test_dropped_with_the_answer_unread():
    # urequests, at a redirect.
    rig, modem, shim = made(Last(pattern(1000)))
    for _ in range(5):
        sock = opened(shim)
        sock.write(b"x")
        assert sock.read(3) == pattern(3)
        rig.sleep(500)
        modem.pump()


def test_dropped_after_a_time_out():
    rig, modem, shim = made(Recorder())
    for _ in range(5):
        sock = opened(shim)
        sock.settimeout(1)
        assert raised(sock.read, 1).errno == errno.ETIMEDOUT


def test_dropped_after_a_failure():
    rig, modem, shim = made(Recorder())
    for _ in range(5):
        sock = opened(shim)
        sock.settimeout(5)
        rig.model.command("fault send_error")
        sock.write(b"x")
        assert raised(sock.flush).errno == errno.ECONNRESET
    assert opened(shim).write(b"x") == 1  # no id was lost to those that were dropped


def test_dropped_while_all_is_well():
    # "Calling connect() a number of times without explicit closure eventually fails": pull request
    # 15 of fizista/micropython-umqtt.simple2; 382, 586, 591 of micropython/micropython-lib.
    rig, modem, shim = made()
    socks = []
    for _ in range(14):
        socks.append(opened(shim))
        socks[-1].write(b"hello")
        assert socks[-1].read(5) == b"hello"
        rig.sleep(60000)
    # The one that was used last is still there; the others say what has become of them.
    assert socks[-1].write(b"x") == 1 and socks[-1].read(1) == b"x"
    e = raised(socks[0].write, b"x")
    assert e.errno == errno.ECONNABORTED and "not used" in str(e), e
    # The longest unused goes first, and only after a minute.
    a, b = socks[-2:]
    rig.sleep(70000)
    assert a.write(b"a") == 1 and a.read(1) == b"a"
    c = opened(shim)
    assert a.write(b"a") == 1 and a.read(1) == b"a"
    e = raised(opened, shim)
    assert e.errno == errno.ENOBUFS and "without close()" in str(e), e
    assert c.write(b"c") == 1 and c.read(1) == b"c"
    # Those of modem.connect() stay.
    a.close()
    c.close()
    own = [modem.connect(HOST, 8883, shim.ctx) for _ in range(2)]
    rig.sleep(90000)
    assert raised(opened, shim).errno == errno.ENOBUFS
    for sock in own:
        sock.write(b"own")
        assert sock.read(3) == b"own"


def test_a_connection_that_is_wanted_while_another_one_waits():
    # A callback or idle hook opens one, while all are in use and one is being read: for longer
    # than a minute, as umqtt waits for messages. That one is not taken for one that was dropped.
    rig, modem, shim = made(Recorder())
    sock, other = opened(shim), opened(shim)
    met = []

    def hook():
        rig.sleep(5000)
        if rig.now > begun + 100000 and not met:
            met.append(None)
            met.append(opened(shim))
            rig.net.conns[0].push(b"message")

    begun = rig.now
    other.write(b"x")
    rig.sleep(50000)
    modem.link.idle = hook
    assert sock.read(7) == b"message"
    assert len(met) == 2 and raised(other.write, b"y").errno == errno.ECONNABORTED


def test_sockets_in_use_are_not_taken_away():
    rig, modem, shim = made()
    a, b = opened(shim), opened(shim)
    a.write(b"a")
    b.write(b"b")
    assert raised(opened, shim).errno == errno.ENOBUFS
    assert a.read(1) == b"a" and b.read(1) == b"b"
    a.settimeout(1)
    assert raised(a.read, 1).errno == errno.ETIMEDOUT
    a.write(b"c")
    assert a.read(1) == b"c"  # in use again
    assert raised(opened, shim).errno == errno.ENOBUFS
