# test_driver_volume - a megabyte each way, in pieces of every kind, and payloads of every kind.
# SPDX-License-Identifier: MIT

import sys

import driver_kit
from driver_kit import connected, pattern, reads
from ugsim.fakenet import Peer, SourcePeer

FAST = sys.implementation.name == "cpython"  # MicroPython takes fewer places

TIMEOUT_S = 600

MIB = 1 << 20
BLOCKS = pattern(8191)  # a prime: no two pieces of 1460 or 1500 bytes are alike for long
URC = "fault before before=any n=0 text=%s"


class Checker(Peer):
    # Compares what arrives with the pattern.
    def __init__(self):
        self.count = 0
        self.wrong = None

    def on_data(self, conn, data):
        at = self.count
        want = (BLOCKS[at % 8191 :] + BLOCKS)[: len(data)]
        if data != want and self.wrong is None:
            self.wrong = at
        self.count += len(data)


class Dribble:
    # A UART that shows all it has and gives one byte a read.
    def __init__(self, uart):
        self._uart = uart
        self.any = uart.any
        self.write = uart.write

    def readinto(self, buf, n=None):
        return self._uart.readinto(buf, 1)


def down(total, faults=(), dribble=False, **keywords):
    source = SourcePeer(total, BLOCKS, True)
    rig, modem, sock = connected(source, **keywords)
    if dribble:
        modem.link.uart = Dribble(rig.uart)
    for fault in faults:
        assert rig.model.command(fault) == "ok"
    buf = bytearray(16384)
    got = 0
    while True:
        n = sock.readinto(buf)
        if not n:
            break
        assert buf[:n] == source.byte_at(got, n), (got, n)
        got += n
    assert got == total, got
    sock.close()
    return rig, modem


def sent(total, faults=(), dribble=False, **keywords):
    peer = Checker()
    rig, modem, sock = connected(peer, **keywords)
    if dribble:
        modem.link.uart = Dribble(rig.uart)
    for fault in faults:
        assert rig.model.command(fault) == "ok"
    at = 0
    step = 1000
    while at < total:
        n = min(step, total - at)
        piece = (BLOCKS[at % 8191 :] + BLOCKS)[:n]
        assert sock.write(piece) == n
        at += n
        step = step * 7 % 6007 + 1
    sock.close()
    rig.sleep(1000)
    assert peer.wrong is None and peer.count == total, (peer.wrong, peer.count)
    return rig, modem


def test_one_mib_down():
    rig, modem = down(MIB)
    assert modem.stats.resyncs == 1 and not modem.stats.garbled and not modem.stats.timeouts


def test_one_mib_up():
    rig, modem = sent(MIB)
    assert modem.stats.resyncs == 1 and not modem.stats.timeouts


def test_one_mib_down_in_single_bytes():
    down(MIB if FAST else MIB // 4, dribble=True)


def test_down_when_the_uart_never_shows_more_than_one_byte():
    down(20000, chunk=1)


def test_one_mib_up_in_single_bytes():
    sent(MIB, dribble=True)


def test_up_with_one_byte_a_write():
    sent(100000, chunk=1, write_max=1)


def test_one_mib_down_with_a_urc_before_every_reply():
    for text in ("+CREG: 1", '+QSSLURC: "recv",0', '+QSSLURC: "recv",11', "+CUSD: 2"):
        down(MIB // 4, (URC % text,))


def test_one_mib_up_with_a_urc_before_every_reply():
    for text in ("+CREG: 1", '+QSSLURC: "recv",0', '+QSSLURC: "closed",11', "+CUSD: 2"):
        sent(MIB // 4, (URC % text,))


def test_paced_at_115200_baud():
    for flow in (False, True):
        down(30000, baud=115200, rxbuf=2048, flow=flow)
        sent(30000, baud=115200, rxbuf=2048, flow=flow)


def test_small_pieces_of_every_size():
    for chunk in (2, 3, 5, 7, 16, 63, 64, 65, 255, 256, 257):
        down(8000, chunk=chunk)


def test_both_trailers_and_short_reads():
    for trailer in ("long", "short"):
        for size in (1, 2, 100, 1499):
            switches = {"recv_trailer": trailer}
            down(5000, ("fault recv_short size=%d" % size,), switches=switches)


def test_every_byte_value_both_ways():
    rig, modem, sock = connected()
    data = bytes(range(256)) * 6
    sock.write(data)
    assert reads(sock, len(data)) == data
    for c in range(256):
        sock.write(bytes([c]) * 3)
        assert sock.read(3) == bytes([c]) * 3, c


def test_payload_that_looks_like_the_protocol_both_ways():
    for keywords in ({}, {"chunk": 1}, {"switches": {"recv_trailer": "short"}}):
        rig, modem, sock = connected(**keywords)
        unknown = modem.stats.unknown
        for data in driver_kit.LOOKALIKES:
            for text in (data, data * 3, b"x" + data, data + b"x"):
                sock.write(text)
                assert sock.read(len(text)) == text, text
        data = b"".join(driver_kit.LOOKALIKES)
        for i in range(len(data)):
            sock.write(data[i:])
        want = b"".join([data[i:] for i in range(len(data))])
        assert reads(sock, len(want)) == want
        assert modem.up and not modem.stats.garbled and modem.stats.unknown == unknown
        sock.close()


def test_echo_of_the_payload_is_harmless():
    # Not every firmware knows AT+QISDE (manual: not named), some echo the payload.
    rig, modem, sock = connected(switches={"payload_echo": "qisde"})
    rig.model.payload_echo = 1
    for data in (b"hello", b"x" * 1460, b"\r\nhello\r\n"):
        sock.write(data)
        assert reads(sock, len(data)) == data
