# test_ugsim_net - ugsim's network: real TCP and TLS, certificates, time limits, back-pressure.
# SPDX-License-Identifier: MIT

import datetime
import os
import socket
import ssl
import threading
import time
import types

import pytest

import tls_peer
from patience import LIMIT_S
from tls_peer import TlsPeer
from ugsim.model import TlsSettings
from ugsim.net import Net
from ugsim.net.ciphers import FastRecordLayer
from ugsim.net.hello import SUITE_NAMES, VERSION_NAMES

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


def now_ms():
    return int(time.monotonic() * 1000)


def make(certs=None, **changes):
    settings = TlsSettings()
    settings.version = 3
    settings.suites = (0x0035,)
    settings.clock = time.time()
    settings.ignore_time = False
    if certs:
        settings.seclevel = 1
        settings.ca = certs.ca.read_bytes()
    for name, value in changes.items():
        setattr(settings, name, value)
    return settings


def settle(conn, net, seconds=LIMIT_S):
    # Polls until the handshake is decided.
    end = time.monotonic() + seconds
    while conn.state in ("opening", "handshake") and time.monotonic() < end:
        net.poll(now_ms())
        conn.poll(now_ms())
        time.sleep(0.001)
    return conn


def connect(net, settings, port, host="127.0.0.1"):
    return settle(net.connect(settings, host, port, now_ms()), net)


def drain(conn, seconds=LIMIT_S):
    # Everything up to the peer's end.
    data = bytearray()
    end = time.monotonic() + seconds
    while not conn.eof and time.monotonic() < end:
        conn.poll(now_ms())
        piece = conn.recv(1500)
        data += piece
        if not piece:
            time.sleep(0.0005)
    return bytes(data)


def push(conn, net, data, seconds=LIMIT_S):
    end = time.monotonic() + seconds
    at = 0
    while at < len(data) and time.monotonic() < end:
        taken = conn.send(data[at : at + 1460])
        at += taken
        if not taken:
            time.sleep(0.0005)
            conn.poll(now_ms())
    assert at == len(data)


def linger(net, link):
    # Lets the closed connection say its last words.
    while not link.done.wait(0.002):
        net.poll(now_ms())


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


def test_client_hello_offers_what_is_set_and_nothing_else(net):
    with socket.create_server(("127.0.0.1", 0)) as server:
        conn = net.connect(make(suites=(0x002F,)), "127.0.0.1", server.getsockname()[1], now_ms())
        peer, _ = server.accept()
        with peer:
            peer.settimeout(LIMIT_S)
            for _ in range(50):
                conn.poll(now_ms())
            hello = peer.recv(4096)
            conn.close()
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
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = make(version=version)
        conn = net.connect(settings, "127.0.0.1", server.getsockname()[1], now_ms())
        peer, _ = server.accept()
        with peer:
            peer.settimeout(LIMIT_S)
            for _ in range(50):
                conn.poll(now_ms())
            hello = peer.recv(4096)
            conn.close()
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
        push(conn, net, PAYLOAD)
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
        push(conn, net, PAYLOAD[taken:])
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
        push(conn, net, PAYLOAD[:12000])
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


# Certificates


def self_signed(folder):
    # A server's certificate that it has issued itself, no CA.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "self")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    identity = types.SimpleNamespace(cert=folder / "self.pem", key=folder / "self.key")
    identity.cert.write_bytes(cert.public_bytes(pem))
    identity.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return identity


def test_wrong_ca(net, certs):
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs, ca=certs.other_ca.read_bytes()), peer.port)
        assert conn.error == 566
        assert "no certificate of the CA file has issued" in conn.why
        linger(net, peer.arrived(1))
        assert "unknown ca" in str(peer.links[0].error)  # the server is told


def test_chain_through_an_intermediate(net, certs):
    with TlsPeer(certs.chained) as peer:
        assert connect(net, make(certs), peer.port).state == "open"


def test_intermediate_that_is_not_sent(net, certs):
    leaf = certs.chained.cert_pem.split(b"-----END CERTIFICATE-----\n")[0]
    alone = certs.issue("alone")
    alone.key.write_bytes(certs.chained.key_pem)
    alone.cert.write_bytes(leaf + b"-----END CERTIFICATE-----\n")
    with TlsPeer(alone) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "its issuer is" in conn.why


def test_the_uploaded_certificate_may_be_the_servers_own(net, certs):
    # Or an intermediate: firmware that is like Mbed TLS takes them, such that is like OpenSSL
    # wants a root.
    for identity in (certs.untrusted, certs.chained):
        with TlsPeer(identity) as peer:
            last = identity.cert_pem.rindex(b"-----BEGIN")
            for ca in (identity.cert_pem, identity.cert_pem[last:]):
                assert connect(net, make(certs, ca=ca, anchor="any"), peer.port).state == "open"
                conn = connect(net, make(certs, ca=ca), peer.port)
                assert conn.error == 566 and "wants the root" in conn.why
    with TlsPeer(certs.chained) as peer:
        both = certs.chained.cert_pem + certs.ca.read_bytes()
        assert connect(net, make(certs, ca=both), peer.port).state == "open"


def test_an_intermediate_in_the_ca_file_need_not_be_sent(net, certs):
    first, _, rest = certs.chained.cert_pem.partition(b"-----END CERTIFICATE-----\n")
    alone = certs.issue("alone-2")
    alone.key.write_bytes(certs.chained.key_pem)
    alone.cert.write_bytes(first + b"-----END CERTIFICATE-----\n")
    with TlsPeer(alone) as peer:
        for anchor in ("root", "any"):
            ca = rest + certs.ca.read_bytes()
            conn = connect(net, make(certs, ca=ca, anchor=anchor), peer.port)
            assert conn.state == "open", conn.why


def test_a_self_signed_server_is_its_own_root(net, certs, tmp_path):
    identity = self_signed(tmp_path)
    with TlsPeer(identity) as peer:
        for anchor in ("root", "any"):
            settings = make(ca=identity.cert.read_bytes(), seclevel=1, anchor=anchor)
            assert connect(net, settings, peer.port).state == "open"


def test_a_leaf_cannot_issue(net, certs):
    # A server's certificate in the place of a CA.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    issuer = x509.load_pem_x509_certificate(certs.server.cert_pem)
    issuer_key = serialization.load_pem_private_key(certs.server.key_pem, None)
    key = serialization.load_pem_private_key(certs.expired.key_pem, None)
    now = datetime.datetime.now(datetime.timezone.utc)
    forged = (
        x509.CertificateBuilder()
        .subject_name(issuer.subject)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(issuer_key, hashes.SHA256())
    )
    false = certs.issue("false")
    false.cert.write_bytes(forged.public_bytes(serialization.Encoding.PEM) + certs.server.cert_pem)
    false.key.write_bytes(certs.expired.key_pem)
    with TlsPeer(false) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "is not a CA certificate" in conn.why


def test_the_dates_are_checked_against_the_modems_clock(net, certs):
    # Manual 1.4
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs, clock=0), peer.port)
        assert conn.error == 566 and "is not valid before" in conn.why
        conn = connect(net, make(certs, clock=64060588800), peer.port)
        assert conn.error == 566 and "has expired on" in conn.why
        conn = connect(net, make(certs, clock=0, ignore_time=True), peer.port)
        assert conn.state == "open"


def test_expired_and_not_yet_valid(net, certs):
    with TlsPeer(certs.expired) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "has expired on" in conn.why
        assert connect(net, make(certs, clock=time.time() - 2 * 86400), peer.port).state == "open"
    with TlsPeer(certs.not_yet_valid) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "is not valid before" in conn.why


def test_seclevel_0_looks_at_nothing(net, certs):
    with TlsPeer(certs.expired) as peer:
        assert connect(net, make(ca=None, seclevel=0), peer.port).state == "open"


@pytest.mark.parametrize("ca", [None, b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_unreadable_ca(net, certs, ca):
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs, ca=ca), peer.port)
        assert conn.error == 566 and "CA" in conn.why


def test_ca_as_der(net, certs):
    der = ssl.PEM_cert_to_DER_cert(certs.ca.read_text())
    with TlsPeer(certs.server) as peer:
        assert connect(net, make(certs, ca=der, pem="lenient"), peer.port).state == "open"
        assert connect(net, make(certs, ca=der), peer.port).error == 566


# name: (change of a right file, whether strict and lenient firmware take it). The file has 64
# characters a row, LF.
FORMS = {
    "as it is": (lambda p: p, True, True),
    "CR LF": (lambda p: p.replace(b"\n", b"\r\n"), True, True),
    "CR": (lambda p: p.replace(b"\n", b"\r"), False, True),
    "byte order mark": (lambda p: b"\xef\xbb\xbf" + p, False, True),
    "text before": (lambda p: b"subject=CN = x\n\n" + p, True, True),
    "text behind": (lambda p: p + b"exported by the portal\n" * 20, True, True),
    "text on the marker's line": (lambda p: b"ca: " + p, False, True),
    "no line end behind": (lambda p: p[:-1], True, True),
    "blanks behind a row": (lambda p: p[:92] + b"  " + p[92:], True, True),
    "tab behind a row": (lambda p: p[:92] + b"\t" + p[92:], False, True),
    "blank in a row": (lambda p: p[:50] + b" " + p[50:], False, True),
    "rows set in": (lambda p: p.replace(b"\n", b"\n  "), False, True),
    "an empty line": (lambda p: p[:93] + b"\n" + p[93:], False, True),
    "an empty line first": (lambda p: p[:28] + b"\n" + p[28:], False, True),
    "rows of 76": (lambda p: rows(p, 76), True, True),
    "rows of 77": (lambda p: rows(p, 77), False, True),
    "one row": (lambda p: rows(p, 9999), False, True),
    "a row missing": (lambda p: p[:93] + p[158:], False, False),
    "a row twice": (lambda p: p[:158] + p[93:], False, False),
    "no END": (lambda p: p[: p.index(b"-----END")], False, False),
    "another END": (lambda p: p.replace(b"END CERT", b"END X509 CERT"), False, False),
    "no base64": (lambda p: p[:60] + b"!" + p[61:], False, False),
    "nothing in it": (lambda p: p[:28] + p[p.index(b"-----END") :], False, False),
    "X509 CERTIFICATE": (lambda p: p.replace(b" CERT", b" X509 CERT"), False, True),
    "four hyphens": (lambda p: p[1:], False, False),
    "UTF-16": (lambda p: p.decode().encode("utf-16"), False, False),
    "a second one damaged": (lambda p: p + p[:200] + p[p.index(b"-----END") :], False, False),
}


def rows(pem, width):
    # The same with rows of `width` characters.
    first, *body, last, _ = pem.split(b"\n")
    text = b"".join(body)
    cut = [text[i : i + width] for i in range(0, len(text), width)]
    return b"\n".join([first, *cut, last, b""])


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_pem(net, certs, form):
    change, strict, lenient = FORMS[form]
    ca = change(certs.ca.read_bytes())
    with TlsPeer(certs.server) as peer:
        for pem, taken in (("strict", strict), ("lenient", lenient)):
            conn = connect(net, make(certs, ca=ca, pem=pem), peer.port)
            assert (conn.state == "open") == taken, (pem, conn.why)
            assert taken or (conn.error == 566 and "CA" in conn.why)


@pytest.mark.parametrize("form", FORMS)
def test_strict_takes_nothing_that_openssl_refuses(certs, form, tmp_path):
    from ugsim.net import pemfile

    ca = FORMS[form][0](certs.ca.read_bytes())
    (tmp_path / "ca.pem").write_bytes(ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(tmp_path / "ca.pem")
    except ssl.SSLError:
        assert not FORMS[form][1]
        return
    assert context.get_ca_certs()
    if FORMS[form][1]:
        pemfile.blocks(ca)


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_mutual_authentication(net, certs, version):
    with TlsPeer(certs.server, client_ca=certs.ca, version=version) as peer:
        pair = {"cert": certs.client.cert_pem, "key": certs.client.key_pem}
        settings = make(certs, version=version, seclevel=2, **pair)
        conn = connect(net, settings, peer.port)
        conn.send(b"hello")
        conn.close()
        linger(net, peer.arrived(1))
        link = peer.links[0]
        assert link.error is None and bytes(link.received) == b"hello" and link.client_cert


def test_client_certificate_is_used_at_seclevel_2_only(net, certs):
    with TlsPeer(certs.server, client_ca=certs.ca) as peer:
        pair = {"cert": certs.client.cert_pem, "key": certs.client.key_pem}
        conn = connect(net, make(certs, seclevel=1, **pair), peer.port)
        drain(conn)
        assert conn.error == 566 and "certificate" in conn.why


def test_client_certificate_of_another_ca(net, certs):
    with TlsPeer(certs.server, client_ca=certs.ca) as peer:
        pair = {"cert": certs.untrusted_client.cert_pem, "key": certs.untrusted_client.key_pem}
        conn = connect(net, make(certs, seclevel=2, **pair), peer.port)
        drain(conn)
        assert conn.state == "closed" and "alert" in conn.why


def test_client_pair_that_does_not_fit(net, certs):
    with TlsPeer(certs.server) as peer:
        pair = {"cert": certs.client.cert_pem, "key": certs.server.key_pem}
        conn = connect(net, make(certs, seclevel=2, **pair), peer.port)
        assert conn.error == 566 and "does not belong" in conn.why
        conn = connect(net, make(certs, seclevel=2, cert=certs.client.cert_pem), peer.port)
        assert conn.error == 566 and "key is missing" in conn.why


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


def test_tcp_gives_up_after_75_seconds(net, certs):
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
