# test_servers - the servers that other tests talk to do what those tests rely on.
# SPDX-License-Identifier: MIT

import os
import socket
import ssl
import time
import urllib.error
import urllib.request

import pytest
from tlslite.api import HandshakeSettings, TLSConnection

import certificates
import servers
import tls_peer
from patience import LIMIT_S


def context(certs, suite=None, identity=None, cafile=None):
    ctx = ssl.create_default_context(cafile=str(cafile or certs.ca))
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    ctx.set_ciphers(suite or servers.CIPHERS)
    if identity:
        ctx.load_cert_chain(identity.cert, identity.key)
    return ctx


def connect(certs, port, **options):
    raw = socket.create_connection(("127.0.0.1", port), LIMIT_S)
    return context(certs, **options).wrap_socket(raw, server_hostname="127.0.0.1")


def fetch(url, ctx, data=None, method=None):
    request = urllib.request.Request(url, data=data, method=method)
    with urllib.request.urlopen(request, timeout=LIMIT_S, context=ctx) as reply:
        return reply.read()


def url(server, path):
    return "https://127.0.0.1:%d/%s" % (server.port, path)


SUITES = ["AES256-SHA256", "AES256-SHA", "AES128-SHA"]


@pytest.mark.parametrize("suite", SUITES)
def test_nginx_speaks_each_static_rsa_suite(certs, start, suite):
    nginx = start(servers.Nginx(certs))
    with connect(certs, nginx.port, suite=suite) as s:
        assert s.cipher()[0] == suite
        assert s.version() == "TLSv1.2"


def test_nginx_refuses_other_suites(certs, start):
    nginx = start(servers.Nginx(certs))
    with pytest.raises(ssl.SSLError):
        connect(certs, nginx.port, suite="ECDHE-RSA-AES256-GCM-SHA384")


def test_nginx_serves_and_keeps(certs, start):
    data = bytes(range(256)) * 4096
    nginx = start(servers.Nginx(certs, files={"all.bin": data}))
    ctx = context(certs, "AES256-SHA256")
    assert fetch(url(nginx, "all.bin"), ctx) == data
    bodies = [b"one", data, b"", b"three"]
    for body in bodies:
        assert fetch(url(nginx, "post"), ctx, body) == b"accepted\n"
    assert nginx.posts() == bodies
    fetch(url(nginx, "put/name"), ctx, data, "PUT")
    assert fetch(url(nginx, "put/name"), ctx) == data
    assert len(nginx.requests(7)) == 7
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(url(nginx, "nothing"), ctx)


def test_nginx_wants_the_client_certificate(certs, start):
    nginx = start(servers.Nginx(certs, files={"x": b"secret"}, client_ca=certs.ca))
    ctx = context(certs, "AES256-SHA", certs.client)
    assert fetch(url(nginx, "x"), ctx) == b"secret"
    for identity in (None, certs.untrusted_client):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            fetch(url(nginx, "x"), context(certs, "AES256-SHA", identity))


def mqtt_connect(sock, user=None, password=None):
    # The return code of CONNACK.
    text = [b"c1"] + ([user, password] if user else [])
    body = b"\0\4MQTT\4" + (b"\xc2" if user else b"\2") + b"\0\0"
    body += b"".join(len(t).to_bytes(2, "big") + t for t in text)
    sock.sendall(b"\x10" + bytes([len(body)]) + body)
    reply = sock.recv(4)
    return reply[3] if len(reply) == 4 else None


@pytest.mark.parametrize("suite", SUITES)
def test_mosquitto_delivers_what_came_by_tls(certs, start, suite):
    broker = start(servers.Mosquitto(certs))
    listener = start(servers.Listener(broker.plain_port))
    with connect(certs, broker.port, suite=suite) as s:
        assert s.cipher()[0] == suite
        assert mqtt_connect(s) == 0
        payload = bytes(range(64))
        s.sendall(b"\x30" + bytes([4 + len(payload)]) + b"\0\2ab" + payload)
        assert listener.wait(1) == [("ab", payload, 0)]


def test_mosquitto_asks_for_the_password(certs, start):
    broker = start(servers.Mosquitto(certs, passwords={"device": "s3cret"}))
    for user, password, code in (
        (b"device", b"s3cret", 0),
        (b"device", b"no", 5),
        (None, None, 5),
    ):
        with connect(certs, broker.port, suite="AES256-SHA") as s:
            assert mqtt_connect(s, user, password) == code
    start(servers.Listener(broker.plain_port, user="device", password="s3cret"))
    with pytest.raises(ConnectionError):
        servers.Listener(broker.plain_port)


def test_mosquitto_wants_the_client_certificate(certs, start):
    broker = start(servers.Mosquitto(certs, client_ca=certs.ca))
    with connect(certs, broker.port, suite="AES256-SHA", identity=certs.client) as s:
        assert mqtt_connect(s) == 0
    for identity in (None, certs.untrusted_client):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with connect(certs, broker.port, suite="AES256-SHA", identity=identity) as s:
                if mqtt_connect(s) is None:
                    raise ConnectionError


def test_a_stopped_server_is_gone(certs):
    with servers.Nginx(certs) as nginx:
        pid, folder = nginx.process.pid, nginx.folder
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", nginx.port), 1)


def test_a_server_that_cannot_start_says_why(certs):
    class Broken(servers.Nginx):
        def prepare(self):
            argv = super().prepare()
            (self.folder / "nginx.conf").write_text("no_such_directive on;\n")
            return argv

    with pytest.raises(RuntimeError, match="no_such_directive"):
        Broken(certs).start()


def test_a_missing_server_says_what_to_do(certs, monkeypatch):
    monkeypatch.setattr(servers.setup, "find_server", lambda name: None)
    nginx = servers.Nginx(certs)
    with pytest.raises(servers.MissingServer, match=r"tools/test\.py"):
        nginx.start()
    nginx.stop()


def test_peer_echoes_and_keeps(certs, start):
    peer = start(servers.TlsPeer(certs.server))
    data = os.urandom(100000)
    with connect(certs, peer.port, suite="AES128-SHA") as s:
        s.sendall(data[:50000])
        got = b""
        while len(got) < 50000:
            got += s.recv(65536)
        s.sendall(data[50000:])
        while len(got) < 100000:
            got += s.recv(65536)
    link = peer.wait(1)
    assert got == data
    assert link.received == data
    assert (link.version, link.suite, link.error) == (3, 0x002F, None)


def test_peer_source_and_reset(certs, start):
    data = bytes(range(256)) * 5000
    peer = start(servers.TlsPeer(certs.server, serve=tls_peer.source(data)))
    with connect(certs, peer.port) as s:
        got = b""
        while part := s.recv(65536):
            got += part
    assert got == data
    for kind in ("openssl", "tlslite"):
        peer = start(servers.TlsPeer(certs.server, serve=tls_peer.reset, tls=kind))
        tls = connect(certs, peer.port, suite="AES256-SHA")
        # Python's own TLS takes a reset for an end of the data.
        with socket.socket(fileno=tls.detach()) as s, pytest.raises(ConnectionResetError):
            s.settimeout(LIMIT_S)
            s.recv(1)


def test_peer_refuses_a_stranger(certs, start):
    for tls in ("openssl", "tlslite"):
        peer = start(servers.TlsPeer(certs.server, client_ca=certs.ca, tls=tls))
        for identity in (certs.client, certs.untrusted_client, None):
            try:
                with connect(certs, peer.port, suite="AES256-SHA", identity=identity) as s:
                    s.sendall(b"x")
                    s.recv(1)
            except (ssl.SSLError, ConnectionError):
                pass
        assert peer.wait(1).error is None and peer.links[0].received == b"x"
        assert peer.links[0].client_cert
        for count in (2, 3):
            link = peer.wait(count)
            assert link.error and not link.received, (tls, count)


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("suite", tls_peer.SUITES)
def test_peer_speaks_exactly_one_old_version_and_suite(certs, start, version, suite):
    if suite == 0x003D and version < 3:
        version = 3  # SHA-256 came with TLS 1.2
    peer = start(servers.TlsPeer(certs.server, version=version, suites=(suite,), tls="tlslite"))
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, 0), (3, 3)
    settings.cipherNames = ["aes256", "aes128", "3des", "rc4"]
    settings.macNames = ["sha", "sha256", "md5"]
    tls = TLSConnection(socket.create_connection(("127.0.0.1", peer.port), LIMIT_S))
    tls.handshakeClientCert(settings=settings)
    assert tls.version == (3, version)
    tls.sendall(b"hello")
    assert bytes(tls.read(100, 5)) == b"hello"
    tls.close()
    link = peer.wait(1)
    assert (link.version, link.suite) == (version, suite)
    assert link.received == b"hello" and link.eof and link.error is None


def verify(certs, identity, cafile=None):
    with servers.TlsPeer(identity) as peer:
        ctx = context(certs, cafile=cafile)
        with socket.create_connection(("127.0.0.1", peer.port), LIMIT_S) as raw:
            ctx.wrap_socket(raw, server_hostname="localhost").close()


def test_certificates_are_what_their_names_say(certs):
    verify(certs, certs.server)
    verify(certs, certs.chained)
    verify(certs, certs.untrusted, certs.other_ca)
    for identity, words in (
        (certs.untrusted, "unable to get local issuer|self.signed"),
        (certs.expired, "expired"),
        (certs.not_yet_valid, "not yet valid"),
        (certs.issue("elsewhere", "elsewhere.example"), "Hostname mismatch"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            verify(certs, identity)


def test_keys_are_rsa_2048(certs):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    for identity in (certs.server, certs.client):
        assert load_pem_private_key(identity.key_pem, None).key_size == 2048
        assert identity.key.stat().st_mode & 0o077 == 0
    assert isinstance(certs, certificates.Certificates)


def test_listener_gives_up_in_time(certs, start):
    broker = start(servers.Mosquitto(certs))
    listener = start(servers.Listener(broker.plain_port))
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        listener.wait(1, 0.2)
    assert time.monotonic() - begin < LIMIT_S
