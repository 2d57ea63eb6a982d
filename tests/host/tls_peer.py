# tls_peer - a TLS server in this process that keeps what it saw, for byte-exact tests.
# SPDX-License-Identifier: MIT
"""
with TlsPeer(certs.server) as peer:                     # echoes; OpenSSL, TLS 1.2
    ...connect a client to 127.0.0.1, peer.port...
    link = peer.wait(1)                                 # the first connection, once it has ended
    assert link.received == b"hello" and link.suite == 0x003D

TlsPeer(certs.server, serve=source(b"data"))            # sends, then closes; see also sink
TlsPeer(certs.server, version=0, suites=(0x0004,))      # SSL 3.0 with RC4-MD5, by tlslite-ng
TlsPeer(certs.server, client_ca=certs.ca)               # wants the client's certificate
TlsPeer(certs.server, serve=my_function)                # my_function(link) does as it likes
"""

import contextlib
import socket
import ssl
import struct
import threading
import time

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

from patience import LIMIT_S

# Version as in AT+QSSLCFG="sslversion": 0 SSL 3.0, 1 TLS 1.0, 2 TLS 1.1, 3 TLS 1.2
# Suite: (name at OpenSSL, cipher and MAC at tlslite-ng)
SUITES = {
    0x0004: ("RC4-MD5", "rc4", "md5"),
    0x0005: ("RC4-SHA", "rc4", "sha"),
    0x000A: ("DES-CBC3-SHA", "3des", "sha"),
    0x002F: ("AES128-SHA", "aes128", "sha"),
    0x0035: ("AES256-SHA", "aes256", "sha"),
    0x003D: ("AES256-SHA256", "aes256", "sha256"),
}
MODERN = (0x003D, 0x0035, 0x002F)  # those that OpenSSL still offers
_IDLE_S = 2 * LIMIT_S  # a connection without a byte for so long is given up


class Link:
    # One connection as the server sees it.
    def __init__(self, sock):
        self.sock = sock  # the TCP connection, then the TLS one
        self.received = bytearray()
        self.eof = False  # the client closed properly (close_notify or TCP FIN)
        self.error = None  # the exception that ended it
        self.version = None  # 0..3
        self.suite = None
        self.client_cert = None  # DER bytes
        self.open = threading.Event()  # the handshake is done
        self.done = threading.Event()

    def recv(self, size=65536):
        data = self.sock.recv(size)
        self.received += data
        self.eof = self.eof or not data
        return data

    def send(self, data):
        self.sock.sendall(data)


def echo(link):
    while data := link.recv():
        link.send(data)


def sink(link):
    while link.recv():
        pass


def source(data):
    def serve(link):
        link.send(data)

    return serve


def hold(link):
    # After the handshake: nothing, until the client closes.
    sink(link)


def reset(link):
    # After the handshake: a TCP reset instead of a close.
    link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw = socket.socket(fileno=link.sock.detach()) if hasattr(link.sock, "detach") else link.sock
    raw.close()


class TlsPeer:
    # tls: "auto" takes OpenSSL where it can do version and suites, else tlslite-ng; or "openssl",
    # "tlslite", or "none" for no handshake at all: serve gets the bare TCP connection.
    def __init__(
        self, identity, serve=echo, version=3, suites=MODERN, client_ca=None, tls="auto", port=0
    ):
        self.identity = identity
        self.serve = serve
        self.version = version
        self.suites = tuple(suites)
        self.client_ca = client_ca
        if tls == "auto":
            modern = version == 3 and all(s in MODERN for s in self.suites)
            tls = "openssl" if modern else "tlslite"
        self._wrap = {"openssl": self._openssl, "tlslite": self._tlslite, "none": None}[tls]
        self.links = []  # in the order of their arrival
        self.host = "127.0.0.1"
        self._listener = socket.create_server((self.host, port), backlog=16)
        self.port = self._listener.getsockname()[1]
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name="tls-peer", daemon=True)
        self._thread.start()

    def wait(self, count, timeout_s=LIMIT_S):
        # The count-th connection, once it has ended.
        link = self.arrived(count, timeout_s)
        if not link.done.wait(timeout_s):
            raise TimeoutError("connection %d is still open after %g s" % (count, timeout_s))
        return link

    def arrived(self, count, timeout_s=LIMIT_S):
        # The count-th connection, once its TCP part is there.
        end = time.monotonic() + timeout_s
        while len(self.links) < count:
            if time.monotonic() > end:
                raise TimeoutError("%d connections, not %d" % (len(self.links), count))
            time.sleep(0.005)
        return self.links[count - 1]

    def close(self):
        self._stopping = True
        for sock in [self._listener, *(link.sock for link in self.links)]:
            _shut(sock)
        self._listener.close()
        self._thread.join(LIMIT_S)
        for link in self.links:
            link.done.wait(LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _accept(self):
        while not self._stopping:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(_IDLE_S)
            link = Link(sock)
            self.links.append(link)
            threading.Thread(target=self._run, args=(link,), name="tls-link", daemon=True).start()

    def _run(self, link):
        try:
            if self._wrap:
                self._wrap(link)
            link.open.set()
            self.serve(link)
        except Exception as e:
            link.error = e
        finally:
            # close_notify, then FIN; a client that has gone does not matter
            with contextlib.suppress(Exception):
                link.sock.unwrap() if isinstance(link.sock, ssl.SSLSocket) else link.sock.close()
            _shut(link.sock)
            with contextlib.suppress(Exception):
                link.sock.close()
            link.done.set()

    def _openssl(self, link):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.identity.cert, self.identity.key)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(":".join(SUITES[s][0] for s in self.suites))
        if self.client_ca:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        link.sock = context.wrap_socket(link.sock, server_side=True)
        link.version = 3
        name = link.sock.cipher()[0]
        link.suite = next(s for s in SUITES if SUITES[s][0] == name)
        link.client_cert = link.sock.getpeercert(True)

    def _tlslite(self, link):
        settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = (3, self.version)
        settings.cipherNames = _unique(SUITES[s][1] for s in self.suites)
        settings.macNames = _unique(SUITES[s][2] for s in self.suites)
        settings.keyExchangeNames = ["rsa"]
        settings.useExtendedMasterSecret = False
        settings.useEncryptThenMAC = False
        chain = X509CertChain()
        chain.parsePemList(self.identity.cert_pem.decode())
        key = parsePEMKey(self.identity.key_pem.decode(), private=True)
        bare = link.sock
        tls = TLSConnection(bare)
        tls.ignoreAbruptClose = True  # FIN without close_notify is an end, as with OpenSSL here
        link.sock = _Tlslite(tls, bare)
        tls.handshakeServer(
            certChain=chain, privateKey=key, settings=settings, reqCert=bool(self.client_ca)
        )
        link.version = tls.version[1]
        link.suite = tls.session.cipherSuite
        if self.client_ca:
            self._check_client(tls, link)

    def _check_client(self, tls, link):
        # tlslite-ng only asks for the certificate; here only direct issue by the CA is known.
        from cryptography import x509

        if not tls.session.clientCertChain:
            raise ssl.SSLError("the client sent no certificate")
        link.client_cert = bytes(tls.session.clientCertChain.x509List[0].bytes)
        with open(self.client_ca, "rb") as f:
            authority = x509.load_pem_x509_certificate(f.read())
        x509.load_der_x509_certificate(link.client_cert).verify_directly_issued_by(authority)


class _Tlslite:
    # A tlslite-ng connection with the methods that Link uses.
    def __init__(self, tls, bare):
        self._tls = tls
        self._bare = bare
        self.recv = lambda size: bytes(tls.recv(size))
        self.sendall = tls.sendall
        self.close = tls.close
        self.setsockopt = bare.setsockopt
        self.shutdown = bare.shutdown
        self.detach = bare.detach


def _unique(names):
    return list(dict.fromkeys(names))


def _shut(sock):
    with contextlib.suppress(Exception):
        sock.shutdown(socket.SHUT_RDWR)
