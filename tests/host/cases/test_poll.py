# test_poll - select.poll over qssl sockets: what each bit means, and beside other streams.
# SPDX-License-Identifier: MIT

import errno
import select

from driver_kit import CA, HOST, Recorder, connected, pattern, raised, up
from qssl import compat
from ugsim.fakenet import FakeNet, Peer, RefusingPeer, SourcePeer, StallingPeer

IN, OUT, ERR, HUP = 1, 4, 8, 16
POLL, CLOSE, FILENO = 3, 4, 10
BOTH = IN | OUT


def events(rig, sock, mask=BOTH, ms=200):
    # What poll says once the modem has had `ms` to do what it does.
    poll = select.poll()
    poll.register(sock, mask)
    poll.poll(0)
    step = max(10, ms // 50)
    for _ in range(ms // step):
        rig.sleep(step)
        poll.poll(0)
    found = poll.poll(0)
    assert len(found) <= 1 and (not found or found[0][0] is sock), found
    return found[0][1] if found else 0


def test_numbers_are_those_of_the_module():
    assert (select.POLLIN, select.POLLOUT, select.POLLERR, select.POLLHUP) == (IN, OUT, ERR, HUP)


def test_open_and_quiet():
    rig, modem, sock = connected(Recorder())
    assert events(rig, sock) == OUT
    assert events(rig, sock, IN) == 0
    assert events(rig, sock, OUT) == OUT
    assert events(rig, sock, 0) == 0


def test_data():
    rig, modem, sock = connected(Recorder(b"abc"))
    assert events(rig, sock) == BOTH
    assert events(rig, sock, OUT) == OUT
    assert sock.read(2) == b"ab"
    assert events(rig, sock, IN) == IN
    assert sock.read(1) == b"c"
    assert events(rig, sock) == OUT


def test_end_after_data():
    rig, modem, sock = connected(SourcePeer(2000, close=True))
    assert events(rig, sock) & (IN | HUP) == IN  # HUP only when all has been read
    assert len(sock.read(2000)) == 2000
    assert events(rig, sock, IN) == IN | HUP
    assert sock.read(1) == b""
    assert events(rig, sock) == BOTH | HUP  # neither a read nor a write waits


def test_full_and_empty_again():
    class Stuck(Peer):
        open = False

        def accepts(self, conn, size):
            return size if self.open else 0

    peer = Stuck()
    rig, modem, sock = connected(peer)
    sock.setblocking(False)
    for _ in range(100):
        sock.write(pattern(1000))
        modem.pump()
        rig.sleep(10)
    assert sock.write(b"x") is None
    assert events(rig, sock) == 0
    peer.open = True
    assert events(rig, sock, ms=3000) == OUT
    assert sock.write(b"x") == 1


def test_read_poll_sends_what_was_written():
    peer = Recorder()
    rig, modem, sock = connected(peer)
    sock.write(b"request")
    poll = select.poll()
    poll.register(sock, IN)
    poll.poll(0)
    rig.sleep(1)
    poll.poll(0)
    rig.sleep(1)
    poll.poll(0)
    assert peer.received == b"request"


def test_write_poll_lets_it_wait_for_more_but_not_for_long():
    peer = Recorder()
    rig, modem, sock = connected(peer)
    sock.write(b"request")
    assert events(rig, sock, OUT, 40) == OUT and not peer.received
    assert events(rig, sock, OUT, 40) == OUT
    assert peer.received == b"request"


def test_failed():
    rig, modem, sock = connected(Recorder())
    rig.model.command("pdp drop 1")
    assert events(rig, sock) == BOTH | ERR
    assert raised(sock.read, 1).errno == errno.ENOTCONN
    assert events(rig, sock, IN) == IN | ERR


def test_restarted_and_closed():
    rig, modem, sock = connected(Recorder())
    rig.model.command("restart")
    assert events(rig, sock, ms=5000) & (ERR | HUP)
    sock.close()
    rig, modem, sock = connected(Recorder())
    sock.close()
    assert events(rig, sock) == BOTH | HUP
    assert raised(sock.read, 1).errno == errno.EBADF


def test_while_connecting():
    # As with a socket that does not block: writable is when it is open, and not before.
    net = FakeNet(latency_ms=500)
    rig, modem = up(net)
    sock = modem.open(HOST, 1, modem.tls(0, ca=CA, check_time=False))
    assert events(rig, sock, ms=300) == 0
    assert events(rig, sock, ms=2000) == OUT


def test_connect_that_fails():
    net = FakeNet(RefusingPeer(566))
    rig, modem = up(net)
    sock = modem.open(HOST, 1, modem.tls(0, ca=CA, check_time=False))
    assert events(rig, sock, ms=2000) == BOTH | ERR
    e = raised(sock.write, b"x")
    assert e.errno == errno.ECONNREFUSED and e.code == 566, (e.errno, e.code)


def test_connect_that_never_ends():
    rig, modem = up(FakeNet(StallingPeer()))
    sock = modem.open(HOST, 1, modem.tls(0, ca=CA, check_time=False))
    assert events(rig, sock, ms=5000) == 0


def test_compat_sockets_before_their_connection():
    net = FakeNet(latency_ms=100)
    rig, modem = up(net)
    shim = compat.socket_for(modem, modem.tls(0, ca=CA, check_time=False))
    sock = shim.socket()
    assert events(rig, sock) == HUP  # as a new TCP socket on a board
    sock.setblocking(False)
    sock.connect((HOST, 1))
    assert not net.conns
    assert events(rig, sock, OUT, 50) == 0  # the poll opens it
    assert events(rig, sock, ms=2000) == OUT
    assert len(net.conns) == 1
    modem.up = False
    sock = shim.socket()
    sock.connect((HOST, 1))
    assert events(rig, sock) == BOTH | ERR
    assert raised(sock.read, 1).errno == errno.ENOTCONN


def test_ioctl_answers_minus_one_to_what_it_does_not_know():
    rig, modem, sock = connected(Recorder())
    shim = compat.socket_for(modem, modem.tls(0, ca=CA, check_time=False))
    for s in (sock, shim.socket()):
        for op in (0, 1, 2, 5, 6, 7, 8, 9, FILENO, 11, 12, 99):
            assert s.ioctl(op, 0) == -1, op
    assert sock.ioctl(CLOSE, 0) == 0
    assert raised(sock.read, 1).errno == errno.EBADF


def test_poll_never_raises():
    # Whatever the socket's state: an exception in a poll would end an asyncio program.
    rig, modem, sock = connected(Recorder())
    shim = compat.socket_for(modem, modem.tls(0, ca=CA, check_time=False))
    late = shim.socket()
    late.connect(("bad\nname", 1))
    for s in (sock, late):
        for change in ("pdp drop 1", "restart"):
            s.ioctl(POLL, BOTH)
            rig.model.command(change)
            for _ in range(100):
                rig.sleep(50)
                assert s.ioctl(POLL, BOTH) >= 0
        assert s.ioctl(POLL, BOTH) & (ERR | HUP)
    raised(late.read, 1)


def test_beside_a_stream_of_the_system():
    # One poll over a qssl socket and a UDP socket of this computer.
    import socket

    rig, modem, sock = connected(Recorder())
    a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = socket.getaddrinfo("127.0.0.1", 0)[0][-1]
    a.bind(address)
    poll = select.poll()
    poll.register(sock, IN)
    poll.register(a, IN)
    assert not poll.poll(20)
    rig.net.conns[-1].push(b"x")
    rig.sleep(100)
    poll.poll(0)
    rig.sleep(100)
    found = poll.poll(100)
    assert [entry[0] for entry in found] == [sock], found
    poll.unregister(a)
    assert sock.read(1) == b"x"
    # The other one alone: its bytes come over a connection of the computer itself.
    server = socket.socket()
    for port in range(49152, 65536):
        try:
            server.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
            break
        except OSError:
            pass
    server.listen(1)
    client = socket.socket()
    client.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
    conn = server.accept()[0]
    poll.register(conn, IN)
    assert not poll.poll(20)
    client.send(b"y")
    found = poll.poll(1000)
    assert len(found) == 1 and found[0][0] is conn and found[0][1] == IN, found
    rig.net.conns[-1].push(b"z")
    for _ in range(20):
        rig.sleep(10)
        found = poll.poll(0)
    assert len(found) == 2, found
    for s in (a, server, client, conn):
        s.close()
