# test_ugsim_net - ugsim's network: real TCP and TLS, time limits, back-pressure.
# SPDX-License-Identifier: MIT

import os
import socket
import threading
import time

import pytest

import tls_peer
from patience import LIMIT_S
from tls_peer import TlsPeer
from ugsim.net import Net
from ugsim.net.ciphers import FastRecordLayer
from ugsim.net.hello import SUITE_NAMES, VERSION_NAMES
from ugsim_net_kit import connect, drain, linger, make, now_ms, push

PAYLOAD = bytes(range(256)) * 4096  # 1 MiB


class _FastServer(tls_peer.TLSConnection):
    # tlslite-ng's server with ciphers that do not take all day.
    def __init__(self, sock):
        super().__init__(sock)
        self._recordLayer = FastRecordLayer(self.sock)


@pytest.fixture(autouse=True)
def fast_server(monkeypatch):
    monkeypatch.setattr(tls_peer, "TLSConnection", _FastServer)


@pytest.fixture
def net():
    net = Net()
    yield net
    net.close()


@pytest.mark.parametrize("version", range(5))
@pytest.mark.parametrize("suite", [*SUITE_NAMES, 0xFFFF])
def test_every_version_and_suite(net, certs, version, suite):
    # Manual tables 1 and 2: what the server saw is what was set.
    at_server = min(version, 3)
    offered = [s for s in SUITE_NAMES if at_server == 3 or s != 0x003D]
    if suite not in [*offered, 0xFFFF]:
        conn = connect(net, make(certs, version=version, suites=(suite,)), 1)
        assert conn.error == 566
        return
    with TlsPeer(certs.server, version=at_server, suites=offered, tls="tlslite") as peer:
        conn = connect(net, make(certs, version=version, suites=(suite,)), peer.port)
        assert (conn.state, conn.why) == ("open", "")
        conn.send(b"hello")
        conn.close()
        link = peer.arrived(1)
        linger(net, link)
        assert bytes(link.received) == b"hello"
        assert link.version == at_server
        assert link.suite == suite or suite == 0xFFFF
        assert conn.version == VERSION_NAMES[(3, at_server)]
        assert conn.suite == SUITE_NAMES[link.suite]


def hello_of(net, settings):
    # The bytes with which a connection begins.
    with socket.create_server(("127.0.0.1", 0)) as server:
        conn = net.connect(settings, "127.0.0.1", server.getsockname()[1], now_ms())
        peer, _ = server.accept()
        with peer:
            peer.settimeout(LIMIT_S)
            for _ in range(50):
                conn.poll(now_ms())
            hello = peer.recv(4096)
            conn.close()
    return hello


def test_client_hello_offers_what_is_set_and_nothing_else(net):
    hello = hello_of(net, make(suites=(0x002F,)))
    assert hello[:3] == b"\x16\x03\x03"
    assert hello[9:11] == b"\x03\x03"
    at = 11 + 32
    at += 1 + hello[at]  # session id
    assert hello[at : at + 6] == b"\x00\x04\x00\xff\x00\x2f"  # SCSV of RFC 5746, then the suite
    at += 6
    assert hello[at : at + 2] == b"\x01\x00"  # no compression
    at += 2 + 2
    kinds = []
    while at < len(hello):
        kinds.append(int.from_bytes(hello[at : at + 2], "big"))
        at += 4 + int.from_bytes(hello[at + 2 : at + 4], "big")
    assert kinds == [13]  # signature_algorithms


@pytest.mark.parametrize("version", [0, 1, 2])
def test_old_hellos_have_no_extensions(net, version):
    hello = hello_of(net, make(version=version))
    at = 11 + 32 + 1 + hello[43]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    assert hello[at:] == b"\x01\x00"


def test_a_server_of_another_suite_or_version_refuses(net, certs):
    with TlsPeer(certs.server, suites=(0x002F,)) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "handshake_failure" in conn.why
        conn = connect(net, make(certs, version=1), peer.port)
        assert conn.error == 566 and "version" in conn.why


@pytest.mark.parametrize("suite", SUITE_NAMES)
def test_payload_both_ways(net, certs, suite):
    with TlsPeer(certs.server, suites=(suite,)) as peer:
        conn = connect(net, make(certs, suites=(suite,)), peer.port)
        data = PAYLOAD[: 1 << 18]
        got = bytearray()
        at = 0
        while len(got) < len(data):
            at += conn.send(data[at : at + 1460]) if at < len(data) else 0
            conn.poll(now_ms())
            got += conn.recv(1500)
        assert got == data
        conn.close()


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_a_mebibyte_down_and_up(net, certs, version):
    with TlsPeer(certs.server, serve=tls_peer.source(PAYLOAD), version=version) as peer:
        assert drain(connect(net, make(certs, version=version), peer.port)) == PAYLOAD
    with TlsPeer(certs.server, serve=tls_peer.sink, version=version) as peer:
        conn = connect(net, make(certs, version=version), peer.port)
        push(conn, PAYLOAD)
        conn.close()
        linger(net, peer.arrived(1))
        assert peer.links[0].received == PAYLOAD


def test_a_peer_is_held_back_while_the_modem_does_not_read(net, certs):
    sent = []

    def serve(link):
        link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        for at in range(0, len(PAYLOAD), 4096):
            link.send(PAYLOAD[at : at + 4096])
            sent.append(4096)

    with TlsPeer(certs.server, serve=serve) as peer:
        conn = connect(net, make(certs), peer.port)
        for _ in range(100):
            conn.poll(now_ms())
            time.sleep(0.001)
        assert sum(sent) < 1 << 18
        assert conn.available() < 1 << 15
        assert drain(conn) == PAYLOAD


def test_the_modem_is_held_back_while_a_peer_does_not_read(net, certs):
    go = threading.Event()

    def serve(link):
        go.wait(LIMIT_S)
        tls_peer.sink(link)

    with TlsPeer(certs.server, serve=serve) as peer:
        peer._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        conn = connect(net, make(certs), peer.port)
        taken = idle = 0
        while idle < 200:
            more = conn.send(PAYLOAD[taken : taken + 1460])
            conn.poll(now_ms())
            taken += more
            idle = 0 if more else idle + 1
            time.sleep(0 if more else 0.001)
        assert taken < 1 << 19
        go.set()
        push(conn, PAYLOAD[taken:])
        conn.close()
        linger(net, peer.arrived(1))
        assert peer.links[0].received == PAYLOAD


def test_data_that_comes_while_sending_is_blocked_is_still_read(net, certs):
    # An echo that stops reading while its answers are not read: no deadlock.
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs), peer.port)
        data = PAYLOAD[: 1 << 19]
        got = bytearray()
        at = 0
        end = time.monotonic() + LIMIT_S
        while len(got) < len(data) and time.monotonic() < end:
            while at < len(data):
                taken = conn.send(data[at : at + 1460])
                at += taken
                if not taken:
                    break
            conn.poll(now_ms())
            got += conn.recv(1500)
        assert got == data
        conn.close()


def test_close_notify_and_plain_fin_both_end_after_the_last_byte(net, certs):
    def rude(link):
        link.send(b"bye")
        link.sock.shutdown(socket.SHUT_RDWR)

    with TlsPeer(certs.server, serve=tls_peer.source(b"bye")) as peer:
        conn = connect(net, make(certs), peer.port)
        assert drain(conn) == b"bye"
        assert (conn.error, conn.why) == (0, "closed by the server")
    with TlsPeer(certs.server, serve=rude) as peer:
        conn = connect(net, make(certs), peer.port)
        assert drain(conn) == b"bye"
        assert (conn.error, conn.why) == (0, "closed by the server without close_notify")


def test_closing_with_unread_data_does_not_lose_what_was_sent(net, certs):
    def serve(link):
        link.send(PAYLOAD[:100000])
        time.sleep(0.2)
        tls_peer.sink(link)

    with TlsPeer(certs.server, serve=serve) as peer:
        peer._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        conn = connect(net, make(certs), peer.port)
        time.sleep(0.05)
        push(conn, PAYLOAD[:12000])
        conn.close()
        linger(net, peer.arrived(1))
        assert peer.links[0].error is None
        assert peer.links[0].received == PAYLOAD[:12000]


def test_a_server_that_closes_at_once_was_open_for_a_moment(net, certs):
    with TlsPeer(certs.server, serve=lambda link: None) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.state == "open"
        assert drain(conn) == b""
        assert conn.state == "closed"


def test_reset(net, certs):
    with TlsPeer(certs.server, serve=tls_peer.reset) as peer:
        conn = connect(net, make(certs), peer.port)
        drain(conn)
        assert conn.state == "closed" and conn.why


@pytest.mark.parametrize("size", [100, 6000])
def test_what_came_before_a_reset_is_read_though_we_go_on_sending(net, certs, size):
    # A modem's TCP reads on its own: it had the answer before the host wrote any more.
    go = threading.Event()

    def serve(link):
        go.wait(LIMIT_S)
        link.send(PAYLOAD[:size])
        time.sleep(0.05)
        tls_peer.reset(link)

    with TlsPeer(certs.server, serve=serve) as peer:
        conn = connect(net, make(certs), peer.port)
        go.set()
        assert peer.wait(1).done.is_set()
        for _ in range(3):
            conn.send(b"more")
        assert drain(conn) == PAYLOAD[:size]
        assert conn.state == "closed" and conn.why


def test_a_damaged_record_is_a_security_error(net, certs):
    # Manual 2.3.3: 2 decrypt error, 3 data verify error.
    codes = set()
    for offset in (-1, -40):
        inner = TlsPeer(certs.server, serve=tls_peer.source(b"x" * 100))
        with inner, Damager(inner.port, offset) as middle:
            conn = connect(net, make(certs), middle.port)
            assert drain(conn) == b""
            assert conn.state == "closed"
            assert conn.security in (2, 3)
            codes.add(conn.security)
    assert codes == {2, 3}


def test_a_failure_to_encrypt_is_a_security_error(net, certs):
    # Manual 2.3.3: 1 encrypt error. No peer can bring it about.
    def fails(data):
        raise ValueError("on purpose")
        yield

    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs), peer.port)
        conn._tls._connection.writeAsync = fails
        conn.send(b"x")
        drain(conn)
        assert (conn.security, conn.error, conn.state) == (1, 567, "closed")
        assert "on purpose" in conn.why


class Damager:
    # A man in the middle: flips a bit in the first application data record of the server, `offset`
    # bytes from its end.
    def __init__(self, port, offset):
        self._target = port
        self._offset = offset
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self._server.close()

    def _run(self):
        client, _ = self._server.accept()
        server = socket.create_connection(("127.0.0.1", self._target))
        threading.Thread(target=self._up, args=(client, server), daemon=True).start()
        with server.makefile("rb") as records:
            while head := records.read(5):
                body = bytearray(records.read(int.from_bytes(head[3:], "big")))
                if head[0] == 23:
                    body[self._offset] ^= 1
                client.sendall(head + body)
        client.close()

    def _up(self, client, server):
        try:
            while data := client.recv(4096):
                server.sendall(data)
        except OSError:
            pass
        server.close()


# Names, TCP and time


def test_connection_refused(net):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    conn = connect(net, make(), port)
    assert conn.error == 566 and "refused" in conn.why


def test_name_that_does_not_exist(net):
    conn = connect(net, make(), 443, "no.such.name.invalid")
    assert conn.error == 565


def test_names_are_resolved(net, certs):
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs), peer.port, "localhost")
        assert conn.state == "open" and conn.ip == "127.0.0.1" and conn.local_port
    lookup = net.resolve("localhost", 0)
    while lookup.poll() is None:
        time.sleep(0.001)
    assert lookup.poll()[0] == 0 and "127.0.0.1" in lookup.poll()[1]
    assert net.resolve("10.1.2.3", 0).poll() == (0, ["10.1.2.3"])


def test_stalled_handshake_ends_after_negotiatetime(net, certs):
    with TlsPeer(certs.server, serve=tls_peer.hold, tls="none") as peer:
        start = time.monotonic()
        conn = connect(net, make(certs, negotiate_ms=500), peer.port)
        assert conn.error == 569 and "negotiatetime" in conn.why
        assert 0.45 < time.monotonic() - start < 30


def test_tcp_gives_up_after_75_seconds(net):
    # A listener whose queue is full does not answer; the clock is the model's, so none is waited.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        conn = net.connect(make(), "127.0.0.1", port, 0)
        conn.poll(74000)
        assert conn.state == "opening"
        conn.poll(75001)
        assert (conn.state, conn.error) == ("closed", 569)
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\xff\xff"]
)
def test_server_that_does_not_speak_tls(net, answer):
    def serve(link):
        link.sock.sendall(answer)

    with TlsPeer(None, serve=serve, tls="none") as peer:
        conn = connect(net, make(), peer.port)
        assert conn.error == 566 and conn.why


def test_random_bytes_instead_of_a_handshake(net):
    def serve(link):
        link.sock.sendall(b"\x16\x03\x03\x00\x40" + os.urandom(64) + os.urandom(500))

    with TlsPeer(None, serve=serve, tls="none") as peer:
        for _ in range(20):
            conn = connect(net, make(), peer.port)
            assert conn.error == 566 and conn.why


def test_twelve_at_once(net, certs):
    data = PAYLOAD[: 1 << 16]
    with TlsPeer(certs.server, serve=tls_peer.source(data)) as peer:
        conns = [net.connect(make(certs), "127.0.0.1", peer.port, now_ms()) for _ in range(12)]
        got = [bytearray() for _ in conns]
        end = time.monotonic() + LIMIT_S
        while not all(conn.eof for conn in conns) and time.monotonic() < end:
            for conn, so_far in zip(conns, got):
                conn.poll(now_ms())
                so_far += conn.recv(1500)
        assert [bytes(g) for g in got] == [data] * 12
