# test_driver_lost_bytes - a byte lost, added, doubled or changed at every place of a session.
# SPDX-License-Identifier: MIT

import sys

from driver_kit import LTE, Recorder, connected
from driver_session import Session

TIMEOUT_S = 900
FAST = sys.implementation.name == "cpython"


def length():
    # (bytes that the modem sends in a whole session, how many the host does)
    session = Session()
    out, rx = session.rig.model.out.total, session.modem.stats.tx
    assert session.run()
    assert not session.errors
    return session.rig.model.out.total - out, session.modem.stats.tx - rx


def at_every_place(fault, step=1, lossless=True, start=1, **keywords):
    # Of these places CPython takes every second; MicroPython, far slower, every 13th. The session
    # of an LTE modem is twice as long: every fifth, of each fault others.
    step *= (5 if LTE else 2) if FAST else 13
    if LTE:
        start += sum(fault.encode()) % step
    n, m = length()
    failed = 0
    for at in range(start, (m if fault.startswith("lose_in") else n) + 1, step):
        session = Session(**keywords)
        assert session.rig.model.command("fault %s at=%d" % (fault, at)) == "ok"
        try:
            if not session.run(lossless):
                failed += 1
            session.recovers()
        except BaseException:
            print("fault", fault, "at byte", at, session.errors)
            raise
    return failed


def test_a_byte_lost_at_every_place():
    assert at_every_place("lose") > 20


def test_two_bytes_lost_at_every_place():
    assert at_every_place("lose bytes=2", 4)
    assert at_every_place("lose bytes=2", 4, start=3)


def test_many_bytes_lost():
    for count in (3, 4, 6, 8, 17, 64):
        assert at_every_place("lose bytes=%d" % count, 17)


def test_a_byte_added_at_every_place():
    for byte in ("78", "0d", "0a", "00", "3e", "2b", "ff", "20", "31", "22"):
        assert at_every_place("insert byte=" + byte, 17)


def test_a_byte_added_at_really_every_place():
    assert at_every_place("insert byte=0a", 2)


def test_a_byte_doubled_at_every_place():
    assert at_every_place("dup", 3)


def test_a_byte_changed():
    # A changed byte of a payload can't be noticed: the UART has no checksum. All else can.
    at_every_place("corrupt", 7, lossless=False)
    at_every_place("corrupt xor=20", 7, lossless=False)


def test_a_byte_to_the_modem_lost_at_every_place():
    assert at_every_place("lose_in", 3, lossless=False) > 5


def test_lost_bytes_with_the_short_trailer():
    for fault in ("lose", "lose bytes=2"):
        at_every_place(fault, 7, switches={"recv_trailer": "short"})


def test_lost_bytes_in_small_pieces():
    at_every_place("lose", 11, chunk=16)


def test_payload_in_place_of_its_damaged_header():
    # The payload brings a reply of its own. It must not become one when the real header is cut.
    false = b"\r\n+QSSLRECV: 5\r\nFALSE\r\n\r\nOK\r\n"
    header = b"\r\n+QSSLRECV: %d\r\n" % (3 * len(false) + 1)
    for fault in ("lose", "insert byte=78", "insert byte=43", "corrupt xor=12", "dup"):
        for at in range(1, len(header) + 1):
            rig, modem, sock = connected(Recorder())
            conn = rig.net.conns[-1]
            conn.push(b"first")
            assert sock.read(5) == b"first"
            want = b"x" + false * 3
            conn.push(want)
            assert rig.model.command("fault %s at=%d in=info" % (fault, at)) == "ok"
            got = b""
            try:
                while len(got) < len(want):
                    got += sock.recv(100)
            except OSError:
                pass
            assert got == want[: len(got)], (fault, at, got)
