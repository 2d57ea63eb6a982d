# test_driver_turns - a socket that always has data to send and data to fetch does both in turn.
# SPDX-License-Identifier: MIT

from driver_kit import HOST, Log, connected, pattern, tls
from ugsim.fakenet import Peer

N = 8


class Endless(Peer):
    # Sends for ever, and keeps what it gets.
    def __init__(self):
        self.got = b""
        self.sent = 0

    def on_open(self, conn):
        self.more(conn)

    def on_data(self, conn, data):
        self.got += data
        self.more(conn)

    def more(self, conn):
        conn.push(pattern(3000, self.sent))
        self.sent += 3000


def busy(sock, buf):
    # Keeps its send buffer full and its receive buffer empty. Returns the bytes it took.
    sock.write(pattern(1460))
    return sock.readinto(buf) or 0


def turns(log):
    # S for each AT+QSSLSEND, R for each AT+QSSLRECV, in order.
    return "".join([line[7] for line in log.at if line[:10] in ("AT+QSSLSEN", "AT+QSSLREC")])


def test_sending_and_receiving_take_turns():
    peer = Endless()
    rig, modem, sock = connected(peer, baud=3000000)
    sock.setblocking(False)
    log = Log(rig)
    buf = bytearray(2000)
    got = 0
    waits = False  # 500 bytes, to be sent
    for _ in range(4000):
        if turns(log)[-1:] == "S":
            sock.write(pattern(1460))  # fills the buffer while these are in flight
            waits = False
        elif not waits:
            sock.write(pattern(500))
            sock.flush()
            waits = True
        got += sock.readinto(buf) or 0
        rig.sleep(1)
        if len(log.at) >= 4 * N:
            break
    seen = turns(log)
    assert len(seen) >= 4 * N, seen
    # Never two sends in a row while there is something to fetch, never two reads while there is
    # something to send.
    assert "SS" not in seen[1:] and "RR" not in seen[1:], seen
    assert got > N * 1000 and len(peer.got) > N * 500


def test_so_do_two_sockets():
    # Each has a turn before one has its second, whatever it does with it.
    peer = Endless()
    rig, modem, first = connected(peer, baud=3000000)
    second = modem.connect(HOST, 443, tls(modem))
    socks = (first, second)
    for sock in socks:
        sock.setblocking(False)
    log = Log(rig)
    buf = bytearray(2000)
    for _ in range(8000):
        for sock in socks:
            busy(sock, buf)
        rig.sleep(1)
        if len(log.at) >= 8 * N:
            break
    lines = [line for line in log.at if line[:10] in ("AT+QSSLSEN", "AT+QSSLREC")][4:]
    assert len(lines) >= 4 * N
    for id in (0, 1):
        mine = "".join([line[7] for line in lines if line.split("=")[1][0] == str(id)])
        assert len(mine) > N and "SS" not in mine and "RR" not in mine, mine
    ids = "".join([line.split("=")[1][0] for line in lines])
    assert "00" not in ids and "11" not in ids, ids
