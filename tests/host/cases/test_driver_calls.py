# test_driver_calls - the forms of reading and writing; writes that are merged.
# SPDX-License-Identifier: MIT

import errno
from array import array

from driver_kit import POLL_RD, Log, Recorder, bare, connected, pattern, raised, up
from qssl import Modem


def test_small_writes_go_out_as_one_command():
    rig, modem, sock = connected()
    log = Log(rig)
    for i in range(19):
        assert sock.write(b"piece %02d " % i) == 9
    assert not log.count("AT+QSSLSEND")
    got = sock.read(19 * 9)
    assert got == b"".join([b"piece %02d " % i for i in range(19)])
    assert log.count("AT+QSSLSEND") == 1, log.at
    assert log.count("AT+QSSLSEND=0,171") == 1


def test_what_sends_the_merged_bytes():
    rig, modem, sock = connected(Recorder())
    peer = rig.net.default
    log = Log(rig)

    def more(function, *args):
        before = log.count("AT+QSSLSEND")
        sock.write(b"abc")
        assert log.count("AT+QSSLSEND") == before
        function(*args)
        for _ in range(10):
            rig.sleep(1)
            modem.pump()
        assert log.count("AT+QSSLSEND") == before + 1, (function, log.at)

    more(sock.flush)
    sock.setblocking(False)
    more(sock.recv, 1)
    more(sock.ioctl, 3, POLL_RD)
    more(sock.readinto, bytearray(4))
    more(sock.readline)
    sock.setblocking(True)
    more(sock.close)
    assert bytes(peer.received) == b"abc" * 6


def test_full_pieces():
    rig, modem, sock = connected(Recorder())
    log = Log(rig)
    data = pattern(1460 * 3 + 100)
    sock.write(data)
    sock.flush()
    commands = [at for at in log.at if "QSSLSEND" in at]
    assert commands == ["AT+QSSLSEND=0,1460"] * 3 + ["AT+QSSLSEND=0,100"], commands
    rig.sleep(10)
    assert bytes(rig.net.default.received) == data


def test_nothing_is_sent_for_nothing():
    rig, modem, sock = connected(Recorder())
    log = Log(rig)
    assert sock.write(b"") == 0
    sock.flush()
    sock.flush()
    assert sock.write(b"abc", 0) == 0
    sock.flush()
    assert not log.count("AT+QSSLSEND"), log.at


def test_write_forms():
    for write, want in (
        (lambda s: s.write(b"hello"), b"hello"),
        (lambda s: s.write(bytearray(b"hello")), b"hello"),
        (lambda s: s.write(memoryview(b"hello")[1:4]), b"ell"),
        (lambda s: s.write("h\u00e4"), b"h\xc3\xa4"),
        (lambda s: s.write(b"hello", 3), b"hel"),
        (lambda s: s.write(b"hello", 9), b"hello"),
        (lambda s: s.write(b"hello", 1, 3), b"ell"),
        (lambda s: s.write(b"hello", 3, 9), b"lo"),
        (lambda s: s.write(b"hello", 6, 1), b""),
        (lambda s: s.write(b"hello", -1, 3), b""),
        (lambda s: s.write(array("H", (0x6565, 0x6C6C))), b"eell"),
        (lambda s: s.send(b"hello"), b"hello"),
    ):
        rig, modem, sock = connected()
        n = write(sock)
        assert n == len(want), (want, n)
        assert sock.read(len(want)) == want, want
    rig, modem, sock = connected()
    assert sock.sendall(b"hello") is None
    assert sock.sendall("h\u00e4") is None
    assert sock.sendall(array("H", (0x6565,))) is None
    assert sock.read(10) == b"helloh\xc3\xa4ee"
    for what in (5, None, [104, 105], 1.5):
        try:
            sock.write(what)
        except TypeError:
            continue
        raise AssertionError(what)
    sock.setblocking(False)
    assert sock.sendall("h\u00e4") is None


def test_write_keeps_its_own_copy():
    rig, modem, sock = connected()
    data = bytearray(b"first")
    sock.write(data)
    data[:] = b"XXXXX"
    assert sock.read(5) == b"first"


def test_read_forms():
    text = b"line one\nline two\r\n\nrest"
    rig, modem, sock = connected(Recorder(text * 20, True))
    assert sock.readline() == b"line one\n"
    assert sock.readline() == b"line two\r\n"
    assert sock.readline() == b"\n"
    assert sock.read(4) == b"rest"
    assert sock.readline(4) == b"line"
    assert sock.readline(100) == b" one\n"
    assert sock.readline(0) == b""
    assert sock.read(0) == b""
    buf = bytearray(8)
    assert sock.readinto(buf) == 8 and buf == b"line two"
    assert sock.readinto(buf, 2) == 2 and buf == b"\r\nne two"
    assert sock.recv_into(buf, 1) == 1 and buf[0] == 10
    assert sock.recv_into(buf, 4) == 4 and buf[:4] == b"rest"
    assert sock.recv(1) == b"l"
    assert sock.readinto(memoryview(buf)[2:5]) == 3 and buf[2:5] == b"ine"
    assert sock.read() == b" one\nline two\r\n\nrest" + text * 17
    assert sock.readline() == b""


def test_counts_that_can_not_be():
    # Of more bytes than the buffer has room for, the rest was lost; of fewer than none, bytes were
    # shown that had not come.
    rig, modem, sock = connected(Recorder(b"abcdefghijklmnop"))
    buf = bytearray(3)
    assert sock.read(1) == b"a"
    assert sock.recv_into(buf, 100) == 3 and buf == b"bcd"
    assert sock.recv_into(buf, -1) == 3 and buf == b"efg"
    assert sock.readinto(buf, 100) == 3 and buf == b"hij"
    start = rig.now
    assert sock.recv(0) == b"" and sock.recv_into(buf, 1) == 1
    assert sock.recv(-1) == b"lmnop"
    assert sock.recv(0) == b"" and rig.now - start < 1000, rig.now - start
    assert modem.stats.garbled == 0


def test_arrays_of_what_is_no_byte():
    rig, modem, sock = connected(Recorder(b"abcdefghijkl" * 300))
    buf = array("H", (0, 0, 0))
    assert sock.readinto(buf) == 6 and bytes(buf) == b"abcdef"
    assert sock.readinto(buf, 4) == 4 and bytes(buf) == b"ghijef"
    assert sock.read(2) == b"kl"
    buf = array("H", [0] * 1600)
    assert sock.readinto(buf) == 3200 and bytes(buf) == (b"abcdefghijkl" * 300)[12:3212]


def test_read_of_none_is_all():
    rig, modem, sock = connected(Recorder(b"abc", True))
    assert sock.read(None) == b"abc"


def test_time_outs_of_less_than_a_millisecond():
    # As what is left of a longer time: 0 would be a socket that does not block, and gives None.
    rig, modem, sock = connected()
    for seconds, least, most in ((0.0004, 0, 60), (0.2, 200, 260), (1, 1000, 1060)):
        sock.settimeout(seconds)
        start = rig.now
        assert raised(sock.recv, 1).errno == errno.ETIMEDOUT
        assert least <= rig.now - start <= most, rig.now - start
    sock.settimeout(0)
    assert sock.recv(1) is None
    sock.settimeout(None)
    sock.close(2.5)
    assert sock.state() == 3


def test_line_longer_than_the_ring():
    line = b"x" * 4000 + b"\n"
    rig, modem, sock = connected(Recorder(line + b"next\n", True))
    assert sock.readline() == line
    assert sock.readline() == b"next\n"


def test_last_line_without_its_end():
    rig, modem, sock = connected(Recorder(b"one\ntwo", True))
    assert sock.readline() == b"one\n"
    assert sock.readline() == b"two"
    assert sock.readline() == b""


def test_read_of_more_than_the_ring_holds():
    for n in (1499, 1500, 1501, 4096, 10000):
        data = pattern(n)
        rig, modem, sock = connected(Recorder(data))
        assert sock.read(n) == data
        rig, modem, sock = connected(Recorder(data))
        buf = bytearray(n)
        assert sock.readinto(buf) == n and buf == data


def test_read_short_at_the_end_of_the_stream():
    rig, modem, sock = connected(Recorder(b"abc", True))
    assert sock.read(10) == b"abc"
    assert sock.read(10) == b""


class Mine(Modem):
    # A program's own modem.
    def signal(self):
        return super().signal(), "mine"


def test_a_class_derived_from_modem():
    # The compiled driver has the methods that are rarely called elsewhere.
    rig, modem = bare()
    modem = Mine(rig.uart)
    modem.start(apn="internet")
    assert modem.signal() == (up()[1].signal(), "mine")
    assert modem.ip().count(".") == 3


def test_methods_that_are_rarely_called():
    rig, modem = up()
    assert modem.signal() < 0 and modem.registration() is True
    signal = modem.signal
    assert signal() == modem.signal()
    assert raised(modem.strays, 1).errno and modem.strays(size=64).lines() == []
    assert not hasattr(modem, "nothing")
