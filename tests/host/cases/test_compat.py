# test_compat - the socket, ssl and tls modules that existing clients are given.
# SPDX-License-Identifier: MIT

import errno
import sys

from compat_kit import HOST, made, opened
from driver_kit import CA, POLL_ERR, POLL_WR, Log, Recorder, arm, bits, raised, up
from qssl import compat
from ugsim.fakenet import Peer, RefusingPeer, ScriptPeer, StallingPeer

MODULES = ("socket", "usocket", "ssl", "ussl", "tls")


# --- as clients call it --------------------------------------------------------------------------


def test_umqtt_connect_publish_check_call_by_call():
    ack = b"\x20\x02\0\0"
    connect = b"\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x02id"
    publish = b"\x30\x05\0\x01ton"
    peer = ScriptPeer([("expect", connect), ("send", ack), ("expect", publish)])
    rig, modem, shim = made(peer)
    sock = shim.socket()
    sock.settimeout(None)
    address = shim.getaddrinfo(HOST, 8883)[0][-1]
    sock.connect(address)
    assert not rig.net.conns
    sock = shim.wrap_socket(sock, server_hostname=HOST)
    sock.write(bytearray(connect[:2] + b"\0\0\0"), 2)
    sock.write(connect[2:12])
    sock.write(b"\0\x02")
    sock.write("id")
    assert sock.read(4) == ack
    sock.write(bytearray(b"\x30\x05\0\0"), 2)
    sock.write(b"\0\x01")
    sock.write("t")
    sock.write(b"on")
    sock.setblocking(False)
    assert sock.read(1) is None
    sock.setblocking(True)
    sock.close()
    assert peer.error is None and peer.done(), peer.error
    assert len(rig.net.conns) == 1 and rig.net.conns[0].host == HOST


def test_requests_get_call_by_call():
    answer = b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    request = b"GET / HTTP/1.0\r\nHost: web.example\r\nConnection: close\r\n\r\n"
    peer = ScriptPeer([("expect", request), ("send", answer), ("close",)])
    rig, modem, shim = made(peer)
    log = Log(rig)
    af, kind, proto, _, address = shim.getaddrinfo("web.example", 443, 0, shim.SOCK_STREAM)[0]
    sock = shim.socket(af, shim.SOCK_STREAM, proto)
    sock.settimeout(20)
    sock.connect(address)
    context = shim.SSLContext(shim.PROTOCOL_TLS_CLIENT)
    context.verify_mode = shim.CERT_NONE  # without effect
    sock = context.wrap_socket(sock, server_hostname="web.example")
    for piece in (b"GET / HTTP/1.0\r\n", "Host", b": ", "web.example", b"\r\n"):
        sock.write(piece)
    sock.write(b"Connection: close\r\n\r\n")
    assert sock.readline() == b"HTTP/1.0 200 OK\r\n"
    assert sock.readline() == b"Content-Length: 4\r\n"
    assert sock.readline() == b"\r\n"
    buf = bytearray(10)
    assert sock.readinto(buf) == 4 and buf[:4] == b"body"
    assert sock.read() == b""
    sock.close()
    assert peer.error is None and log.count("AT+QSSLSEND") == 1
    assert '"seclevel",0,1' in "".join(log.at)


def test_mqtt_as_call_by_call():
    rig, modem, shim = made()
    sock = shim.socket()
    sock.setblocking(False)
    sock.connect(shim.getaddrinfo(HOST, 8883)[0][-1])
    sock = shim.wrap_socket(sock)
    view = memoryview(b"0123456789")
    at = 0
    for _ in range(1000):  # it writes until all is taken
        at += sock.write(view[at:]) or 0
        if at == 10:
            break
        rig.sleep(10)
    buf = bytearray(20)
    into = memoryview(buf)
    got = 0
    for _ in range(1000):
        n = sock.readinto(into[got:], 10 - got)
        got += n or 0
        if got == 10:
            break
        rig.sleep(10)
    assert buf[:10] == b"0123456789" and sock.readinto(into, 1) is None


def test_a_socket_that_does_not_block_while_another_one_closes():
    # It gets its connection once the modem has let go of the other, whatever asks for it.
    for how in ("write", "read", "poll"):
        rig, modem, shim = made(sockets=1)
        first = opened(shim)
        first.write(b"x")
        first.setblocking(False)
        arm(rig, "close_hang")
        first.close()
        sock = shim.socket()
        sock.setblocking(False)
        sock.connect(shim.getaddrinfo(HOST, 8883)[0][-1])
        begun = rig.now
        sock = shim.wrap_socket(sock)
        got = waits = 0
        for _ in range(2000):
            if how == "write":
                got = sock.write(b"hello")
            elif how == "read":
                got = sock.read(1) is None and len(rig.net.conns) > 1
            else:
                got = bits(sock, POLL_WR)
                assert not got & POLL_ERR, waits
            if got:
                break
            waits += 1
            sock.flush()
            modem.sleep_ms(10)
        assert 500 < waits and rig.now - begun < 15000, (how, waits, rig.now - begun)
        if how != "write":
            assert sock.write(b"hello") == 5
        sock.setblocking(True)
        assert sock.read(5) == b"hello"
        sock.close()


def test_adafruit_wraps_before_it_connects():
    rig, modem, shim = made()
    sock = shim.SSLContext(0).wrap_socket(shim.socket(), server_hostname=HOST)
    sock.settimeout(10)
    assert not rig.net.conns
    sock.connect((HOST, 8883))
    assert len(rig.net.conns) == 1
    assert sock.send(b"abc") == 3
    buf = bytearray(8)
    assert sock.recv_into(buf, 3) == 3 and buf[:3] == b"abc"
    sock.sendall(b"defg")
    assert sock.recv(8) == b"defg"


def test_websocket_client_call_by_call():
    rig, modem, shim = made(ScriptPeer([("send", b"HTTP/1.1 101 Switching\r\n\r\n\x81\x02hi")]))
    sock = shim.socket()
    sock.connect(shim.getaddrinfo("ws.example", 443)[0][4])
    sock = shim.wrap_socket(sock, server_hostname="ws.example")
    assert sock.makefile("rwb") is sock
    sock.setsockopt(shim.SOL_SOCKET, shim.SO_REUSEADDR, 1)
    assert sock.readline()[:-1].startswith(b"HTTP/1.1 101 ")
    assert sock.readline() == b"\r\n"
    assert sock.read(2) == b"\x81\x02" and sock.read(2) == b"hi"


# --- the connection ------------------------------------------------------------------------------


def test_getaddrinfo_resolves_nothing():
    rig, modem, shim = made()
    log = Log(rig)
    for host in ("no.such.host", b"bytes.example"):
        for args in ((), (0,), (0, 1), (0, 1, 6), (0, 1, 6, 0)):
            assert shim.getaddrinfo(host, 80, *args) == [(2, 1, 0, "", (host, 80))]
    assert not log.at


def test_host_as_bytes():
    rig, modem, shim = made()
    sock = opened(shim, b"bytes.example", 1)
    assert rig.net.conns[0].host == "bytes.example"
    sock.close()


def test_without_wrap_it_is_tls_all_the_same():
    rig, modem, shim = made()
    for first in (lambda s: s.write(b"x"), lambda s: s.flush(), lambda s: s.settimeout(1)):
        sock = shim.socket()
        sock.connect((HOST, 80))
        first(sock)
        sock.write(b"y")
        sock.settimeout(5)
        assert sock.read(1) in (b"x", b"y")
        sock.close()
    for conn in rig.net.conns:
        assert conn.tls.version == 3 and conn.tls.seclevel == 1


def test_reads_open_it_too():
    rig, modem, shim = made(Recorder(b"hello\nworld"))
    for call in (lambda s: s.readline(), lambda s: s.read(6), lambda s: s.recv(6)):
        sock = shim.socket()
        sock.connect((HOST, 1))
        assert call(sock) == b"hello\n"
        sock.close()


def test_a_request_is_out_before_the_read_that_awaits_its_answer():
    # Written bytes may wait 50 ms for more, but not when somebody waits for what comes of them.
    rig, modem, shim = made()
    sock = opened(shim)
    buf = bytearray(4)
    for read in (
        lambda: sock.read(4),
        lambda: sock.recv(4),
        sock.readline,
        lambda: sock.readinto(buf),
        lambda: sock.recv_into(buf),
    ):
        begun = rig.now
        sock.write(b"one")
        sock.write(b"\n")
        assert read() in (b"one\n", 4)
        assert rig.now - begun < 20, rig.now - begun
    sock.setblocking(False)
    for read in (lambda: sock.read(4), lambda: sock.readinto(buf)):
        begun = rig.now
        sock.write(b"two\n")
        while not (got := read()):
            rig.sleep(1)
        assert got in (b"two\n", 4) and rig.now - begun < 20, rig.now - begun


def test_time_out_of_the_client_holds_for_the_connect():
    rig, modem, shim = made(StallingPeer())
    sock = shim.socket()
    sock.settimeout(7)
    sock.connect((HOST, 1))
    start = rig.now
    assert raised(shim.wrap_socket, sock).errno == errno.ETIMEDOUT
    assert 7000 <= rig.now - start <= 7200, rig.now - start


def test_time_out_for_clients_that_set_none():
    rig, modem, shim = made(Recorder())
    shim = compat.socket_for(modem, shim.ctx, timeout_s=9)
    sock = opened(shim)
    for change in (
        lambda: None,
        lambda: sock.settimeout(None),
        lambda: (sock.setblocking(False), sock.setblocking(True)),  # as umqtt.simple does
    ):
        change()
        start = rig.now
        assert raised(sock.read, 1).errno == errno.ETIMEDOUT
        assert 9000 <= rig.now - start <= 9100, rig.now - start
    sock.settimeout(2)
    start = rig.now
    assert raised(sock.read, 1).errno == errno.ETIMEDOUT
    assert rig.now - start <= 2100
    sock.setblocking(False)
    assert sock.read(1) is None
    sock.setblocking(True)  # takes away what the client has set, not what its module was given
    start = rig.now
    assert raised(sock.read, 1).errno == errno.ETIMEDOUT
    assert 9000 <= rig.now - start <= 9100, rig.now - start


def test_time_out_in_each_call():
    class Deaf(Peer):
        def accepts(self, conn, size):
            return 0

    rig, modem, shim = made(Deaf())
    for call in (
        lambda s: s.read(1),
        lambda s: s.read(),
        lambda s: s.readline(),
        lambda s: s.readinto(bytearray(9)),
        lambda s: s.recv(9),
        lambda s: s.recv_into(bytearray(9)),
        lambda s: s.write(bytes(100000)),
        lambda s: (s.write(b"x" * 9), s.flush()),
    ):
        rig.model.command("restart")
        rig.sleep(10000)
        modem.start(apn="internet")
        sock = opened(shim)
        sock.settimeout(3)
        rig.model.command("fault send_fail n=0")
        start = rig.now
        e = raised(call, sock)
        assert e.errno == errno.ETIMEDOUT and 2900 <= rig.now - start <= 6000, (e, rig.now - start)
        rig.model.command("clear")


def test_close_never_raises():
    # As built-in sockets: what goes wrong is told by the calls that move data.
    class Deaf(Peer):
        def accepts(self, conn, size):
            return 0

    def unsent(rig, modem, sock):
        rig.model.command("fault send_fail n=0")
        sock.write(b"x" * 9)

    def restarted(rig, modem, sock):
        sock.write(b"never sent")
        rig.model.command("restart")
        rig.sleep(8000)
        modem.pump()

    def mute(rig, modem, sock):
        sock.write(b"never sent")
        rig.model.command("fault mute")

    def refused(rig, modem, sock):
        rig.model.command("fault close_error n=0")

    def told(rig, modem, sock):
        rig.model.command("fault send_error")
        sock.write(b"x")
        raised(sock.flush)

    def network(rig, modem, sock):
        rig.model.command("pdp drop 1")
        rig.sleep(100)
        modem.pump()

    for spoil in (unsent, restarted, mute, refused, told, network):
        for ms in (3, None, 0):
            rig, modem, shim = made(Deaf())
            sock = opened(shim)
            spoil(rig, modem, sock)
            sock.settimeout(ms)
            begun = rig.now
            assert sock.close() is None and sock.close() is None
            assert rig.now - begun <= 30000, (spoil, rig.now - begun)
            assert raised(sock.read, 1).errno and raised(sock.write, b"x").errno
            rig.model.command("clear")


def test_close_of_a_connection_that_never_was():
    rig, modem, shim = made(RefusingPeer(566))
    sock = shim.socket()
    sock.connect((HOST, 1))
    raised(shim.wrap_socket, sock)
    sock.close()
    sock.close()
    modem.sleep_ms(100)
    assert modem.sockets == [None, None]


def test_close_while_a_pipe_has_the_line():
    rig, modem, shim = made(sockets=2)
    sock = opened(shim)
    pipe = modem.transparent(HOST, 443, shim.ctx)
    sock.close()
    pipe.close()
    for _ in range(1000):
        rig.sleep(10)
        modem.pump()
    assert modem.sockets == [None, None]


def test_with():
    rig, modem, shim = made()
    with shim.socket() as sock:
        sock.connect((HOST, 1))
        with shim.wrap_socket(sock) as tls:
            tls.write(b"x")
            assert tls.read(1) == b"x"
        assert raised(sock.read, 1).errno == errno.EBADF
    assert modem.sockets == [None, None]
    try:
        with opened(shim) as sock:
            rig.model.command("fault send_fail n=0")
            sock.settimeout(1)
            sock.write(b"x")
            raise KeyError("not hidden by close()")
    except KeyError:
        pass


def test_del_closes_in_the_background():
    rig, modem, shim = made()
    sock = opened(shim)
    sock.write(b"last words")
    begun = rig.now
    sock.__del__()
    assert rig.now == begun
    for _ in range(100):
        rig.sleep(10)
        modem.pump()
    assert modem.sockets == [None, None] and rig.net.conns[0].peer is not None
    sock.__del__()
    shim.socket().__del__()


# --- misuse --------------------------------------------------------------------------------------


def test_misuse():
    rig, modem, shim = made()
    sock = shim.socket()
    for call in (sock.read, sock.readline, sock.flush, lambda: sock.write(b"x")):
        assert raised(call).errno == errno.ENOTCONN
    sock.connect((HOST, 1))
    assert raised(sock.connect, (HOST, 1)).errno == 106  # EISCONN
    sock = shim.wrap_socket(sock)
    assert raised(shim.wrap_socket, sock).errno == errno.EINVAL
    assert raised(sock.connect, (HOST, 1)).errno == 106
    sock.close()
    sock.close()
    for call in (sock.read, sock.readline, sock.flush, lambda: sock.write(b"x")):
        assert raised(call).errno == errno.EBADF
    assert raised(sock.connect, (HOST, 1)).errno == errno.EBADF
    assert raised(shim.wrap_socket, sock).errno == errno.EINVAL


def test_closed_before_it_was_ever_open():
    rig, modem, shim = made()
    sock = shim.socket()
    sock.close()
    sock.close()
    assert raised(sock.connect, (HOST, 1)).errno == errno.EBADF
    assert raised(sock.read, 1).errno == errno.EBADF
    sock = shim.socket()
    sock.connect((HOST, 1))
    sock.close()
    assert raised(sock.read, 1).errno == errno.EBADF
    assert raised(shim.wrap_socket, sock).errno == errno.EINVAL
    assert not rig.net.conns


def test_addresses_that_are_none():
    rig, modem, shim = made()
    for address in (("a b\r", 1), ('"quoted"', 1), ("x", 0), ("x", 65536), ("x", "443")):
        sock = shim.socket()
        sock.connect(address)
        assert raised(shim.wrap_socket, sock).errno == errno.EINVAL, address
    assert not rig.net.conns


def test_no_datagrams_no_server_no_foreign_socket():
    rig, modem, shim = made()
    assert raised(shim.socket, shim.AF_INET, shim.SOCK_DGRAM).errno == errno.EOPNOTSUPP
    sock = shim.socket()
    sock.connect((HOST, 1))
    assert raised(shim.wrap_socket, sock, True).errno == errno.EOPNOTSUPP
    assert raised(shim.wrap_socket, Recorder()).errno == errno.EINVAL
    assert not rig.net.conns


# --- what a client may ask of TLS ----------------------------------------------------------------


def test_a_client_can_not_weaken_it():
    # Every way to ask for no verification ends in a verified connection.
    rig, modem, shim = made()

    def none_in_context():
        context = shim.SSLContext(shim.PROTOCOL_TLS_CLIENT)
        context.verify_mode = shim.CERT_NONE
        context.check_hostname = False
        sock = shim.socket()
        sock.connect((HOST, 1))
        return context.wrap_socket(sock)

    for way in (none_in_context, lambda: opened(shim, cert_reqs=shim.CERT_NONE)):
        sock = way()
        assert rig.net.conns[-1].tls.seclevel == 1
        sock.close()


def test_what_the_modem_has_not_is_refused():
    rig, modem, shim = made()
    for params in ({"ciphers": "RC4"}, {"server_side": True}, {"alpn_protocols": ["h2"]}):
        assert raised(opened, shim, **params).errno == errno.EOPNOTSUPP, params
    assert not rig.net.conns


def test_what_says_nothing_new_is_taken():
    rig, modem, shim = made()
    sock = opened(
        shim,
        server_side=False,
        server_hostname="other.example",
        do_handshake=True,
        do_handshake_on_connect=True,
        cert_reqs=shim.CERT_REQUIRED,
        cadata=None,
    )
    assert rig.net.conns[0].host == HOST
    sock.close()


def test_a_client_that_demands_verification_does_not_go_without():
    rig, modem, shim = made(auth=False, allow_weak=True)
    context = shim.SSLContext(shim.PROTOCOL_TLS_CLIENT)
    assert context.verify_mode == shim.CERT_NONE  # it says how it is
    for mode in (shim.CERT_OPTIONAL, shim.CERT_REQUIRED):
        assert raised(opened, shim, cert_reqs=mode).errno == errno.EOPNOTSUPP
    context.verify_mode = shim.CERT_REQUIRED
    sock = shim.socket()
    sock.connect((HOST, 1))
    assert raised(context.wrap_socket, sock).errno == errno.EOPNOTSUPP
    assert not rig.net.conns
    opened(shim).close()
    assert rig.net.conns[0].tls.seclevel == 0


# --- install -------------------------------------------------------------------------------------


def test_install_and_import():
    rig, modem = up()
    before = {name: sys.modules.get(name) for name in MODULES}
    try:
        shim = compat.install(modem, modem.tls(0, ca=CA, check_time=False))

        def late():
            import socket
            import ssl

            return socket, ssl

        assert late() == (shim, shim)
        for name in MODULES:
            assert __import__(name) is shim
    finally:
        for name in MODULES:
            del sys.modules[name]
            if before[name]:
                sys.modules[name] = before[name]


def test_two_modules_two_contexts():
    rig, modem, first = made()
    second = compat.socket_for(modem, modem.tls(1, auth=False, allow_weak=True))
    a, b = opened(first), opened(second)
    assert [c.tls.seclevel for c in rig.net.conns] == [1, 0]
    a.write(b"a")
    b.write(b"b")
    assert a.read(1) + b.read(1) == b"ab"
