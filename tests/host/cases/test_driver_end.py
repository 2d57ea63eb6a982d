# test_driver_end - the end of a connection: EOF after the last unread byte.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from driver_kit import HOST, Recorder, arm, connected, pattern, raised, reads, tls, up
from ugsim.fakenet import FakeNet

URC = "fault before before=any n=0 text=%s"


def test_eof_comes_after_the_last_unread_byte():
    for n in (1, 1499, 1500, 1501, 3000, 9000):
        rig, modem, sock = connected(Recorder(pattern(n), True))
        rig.sleep(500)
        modem.pump()
        assert sock.read() == pattern(n), n
        for _ in range(3):
            assert sock.recv(10) == b""
            assert sock.read(10) == b""
            assert sock.readinto(bytearray(5)) == 0
            assert sock.recv_into(bytearray(5)) == 0
            assert sock.readline() == b""
            assert sock.read() == b""
        sock.close()
        driver_kit.works(modem)


def test_closed_urc_before_the_data_is_announced():
    # The "recv" URC is missing, "closed" comes first (or alone).
    rig, modem = up(FakeNet(Recorder(pattern(4000), True)))
    context = tls(modem)
    context.apply()
    rig.model.command("fault recv_miss n=0")
    sock = modem.connect(HOST, 443, context)
    sock.settimeout(20)
    assert sock.read() == pattern(4000)
    assert sock.recv(1) == b""


def test_closed_without_data():
    rig, modem, sock = connected(Recorder())
    rig.sleep(100)
    modem.pump()
    rig.model.command("close 0")
    assert sock.recv(10) == b""


def test_closed_in_every_phase_of_reading():
    data = pattern(3000)
    for taken in (0, 1, 1499, 1500, 2999, 3000):
        rig, modem, sock = connected(Recorder(data))
        got = reads(sock, taken)
        rig.model.command("close 0")
        while True:
            part = sock.recv(700)
            if not part:
                break
            got += part
        assert got == data, (taken, len(got))


def test_closed_by_the_peer_then_write_fails():
    rig, modem, sock = connected(Recorder(b"bye", True))
    rig.sleep(100)
    modem.pump()
    assert sock.read(3) == b"bye"
    # It is known to be closed: no byte more is taken that nobody would get.
    for _ in range(2):
        e = raised(sock.write, b"more")
        assert e.errno == errno.ECONNRESET, e
    sock.close()
    driver_kit.works(modem)


def test_closed_while_sending_keeps_what_came_before():
    # The reply is there although the request ran into the closed connection.
    rig, modem, sock = connected(Recorder(b"early answer", True))
    try:
        sock.write(b"x" * 1000)
        sock.flush()
    except OSError:
        pass
    assert reads(sock, 12) == b"early answer"


def test_modem_that_drops_or_refuses_unread_data_ends_in_eof():
    for choice in ("drop", "error"):
        rig, modem, sock = connected(
            Recorder(pattern(4000), True), switches={"closed_keeps_data": choice}
        )
        got = sock.read()
        assert got == pattern(4000)[: len(got)]
        assert sock.recv(1) == b""
        sock.close()
        driver_kit.works(modem)


def test_firmware_that_ends_with_an_error():
    # All can be read, then AT+QSSLRECV answers ERROR. The first read of a connection is of one
    # byte, which waits for a reply that confirms it.
    for n in (1, 2, 1500, 4000):
        rig, modem = up(FakeNet(Recorder(pattern(n), True)))
        context = tls(modem)
        context.apply()
        arm(rig, "recv_end")
        sock = modem.connect(HOST, 443, context)
        assert sock.read() == pattern(n), n
        assert sock.recv(1) == b""
        sock.close()
        driver_kit.works(modem)


def test_connection_broken_by_the_peer():
    rig, modem, sock = connected(Recorder())
    modem.pump()
    rig.net.conns[-1].peer_reset()
    assert sock.recv(10) == b""


def test_sending_fails_before_the_close_is_known():
    # The modem refuses the data first and tells why later: what had come is still read.
    rig, modem, sock = connected(Recorder(b"early answer"))
    arm(rig, "stall ms=50")
    arm(rig, "send_error")
    sock.write(b"x" * 1000)
    e = raised(sock.flush)
    assert e.errno == errno.ECONNRESET, e
    rig.model.command("close 0 quiet")
    assert reads(sock, 12) == b"early answer"
    assert sock.recv(1) == b""
    raised(sock.write, b"y")
    sock.close()
    driver_kit.works(modem)
    assert not rig.net.default.received, "sent again"


def test_a_line_before_each_answer_does_not_put_the_end_off_for_ever():
    for model in ("ug96", "ec25"):
        rig, modem, sock = connected(Recorder(pattern(3000), True), model=model)
        start = rig.now
        arm(rig, 'before before=any what=urc n=0 text=+QSSLURC: "recv",0')
        assert sock.read() == pattern(3000)
        assert rig.now - start < 2000, rig.now - start


def test_listed_as_opening_is_no_end():
    # AT+QSSLSTATE shows a connection that stands as it was before it opened, for a while.
    for n in (1, 4, 9):
        rig, modem, sock = connected(Recorder(), timeout_s=2)
        arm(rig, "state_lags n=%d" % n)
        for _ in range(30):
            assert raised(sock.recv, 10).errno == errno.ETIMEDOUT, n
        rig.net.default.conn.push(pattern(10))
        assert reads(sock, 10) == pattern(10), n
        sock.close()


def test_closed_but_listed_as_connected():
    # A read that is refused ends it by name, and so does a write; else the time-out does.
    for after, words in (("error", "no such connection"), ("keep", "nothing came in time")):
        rig, modem, sock = connected(
            Recorder(pattern(500)), timeout_s=15, switches={"closed_keeps_data": after}
        )
        assert sock.read(500) == pattern(500)
        arm(rig, "state_lags n=0")
        rig.net.default.conn.peer_close()
        start = rig.now
        e = raised(sock.recv, 1)
        assert words in str(e) and rig.now - start <= 15100, e
        assert raised(lambda sock=sock: (sock.write(b"x"), sock.flush())).errno
        rig.model.command("clear")
        sock.close()
        driver_kit.works(modem)
