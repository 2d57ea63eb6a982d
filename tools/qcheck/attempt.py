# qcheck.attempt - one connection to the server, as the modem would make it.
# SPDX-License-Identifier: MIT
#
# The hello is ugsim's, so that what is asked here is what the simulated modem says too.

import contextlib
import socket
import time

from tlslite.constants import AlertDescription
from tlslite.errors import TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert
from tlslite.messages import Certificate, CertificateRequest, ServerHello

from ugsim.net.hello import VERSION_NAMES, ModemConnection, offer

# How an attempt ended.
OPEN = "open"
REFUSED = "refused"  # by an alert; .why is its name
CLOSED = "closed"  # FIN or RST in the handshake
SILENT = "silent"  # nothing came, or no end of it
NO_TLS = "no tls"  # .wire.first is what came instead
BROKEN = "broken"  # TLS, but not right: .why
GONE = "gone"  # no TCP connection: .why

_ALERT, _HANDSHAKE, _DATA = 21, 22, 23  # types of TLS records


class Wire:
    # The socket as tlslite-ng sees it: with a deadline for all, and counting records.
    def __init__(self, sock, deadline):
        self.sock = sock
        self.deadline = deadline
        self.first = b""  # what the server said first
        self.received = 0
        self.longest = 0  # record with data, in bytes
        self._rest = bytearray()

    def recv(self, size):
        self._patience()
        data = self.sock.recv(size)
        self.received += len(data)
        self.first = (self.first + data)[:64]
        self._count(data)
        return data

    def send(self, data):
        self._patience()
        return self.sock.send(data)

    def sendall(self, data):
        self._patience()
        self.sock.sendall(data)

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()

    def _patience(self):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)

    def _count(self, data):
        self._rest += data
        while len(self._rest) >= 5:
            size = int.from_bytes(self._rest[3:5], "big")
            if len(self._rest) < 5 + size:
                return
            if self._rest[0] == _DATA:
                self.longest = max(self.longest, size)
            del self._rest[: 5 + size]


class _Connection(ModemConnection):
    # Keeps what the server shows and asks for; with `sni` it names the host, as newer modems do.
    def __init__(self, wire, suites, sni, modern):
        ModemConnection.__init__(self, wire, suites, None, modern, sni or "")
        self.hello = self.shown = self.asked = None

    def _getMsg(self, *args, **options):
        for message in ModemConnection._getMsg(self, *args, **options):
            if isinstance(message, ServerHello):
                self.hello = message
            elif isinstance(message, Certificate):
                self.shown = message
            elif isinstance(message, CertificateRequest):
                self.asked = message
            yield message


class Attempt:
    # end: see above.   version, suite: as negotiated, "" and 0 before.   chain: DER, the server's
    # own first.   asked: it wants a client's certificate.
    # While it is open: ask(), wait(), close().
    def __init__(
        self, target, version, suites, sni=None, pair=(None, None), timeout=10, modern=False
    ):
        # version: 0 to 4 as in AT+QSSLCFG="sslversion".   suites: numbers, in order.
        # modern: with ECDHE.
        self.end = SILENT
        self.why = ""
        self.version = ""
        self.suite = 0
        self.chain = []
        self.asked = False
        self.wire = None
        self._tls = None
        try:
            sock = socket.create_connection(target, timeout)
        except OSError as error:
            self.end, self.why = GONE, reason(error)
            return
        self.wire = Wire(sock, time.monotonic() + timeout)
        shake, _ = offer(version, suites, modern)
        self._tls = _Connection(self.wire, list(suites), sni, modern)
        try:
            self._tls.handshakeClientCert(*pair, settings=shake, reqTack=False)
            self.end = OPEN
        except Exception as error:  # whatever a server can provoke in the library
            self._failed(error)
        self._look()
        if self.end != OPEN:
            self.close()

    def ask(self, data, timeout, limit=1 << 18):
        # Sends data; what comes until the server ends, is quiet for a second, or `limit` is
        # reached. b"" if nothing came.
        came = b""
        self.wire.deadline = time.monotonic() + timeout
        end = self.wire.deadline
        with contextlib.suppress(Exception):
            if data:
                self._tls.sendall(data)
            while len(came) < limit and time.monotonic() < end:
                part = self._tls.recv(65536)
                if not part:
                    break
                came += bytes(part)
                self.wire.deadline = min(end, time.monotonic() + 1)
        return came

    def wait(self, seconds):
        # Seconds until the server has closed, None if it has not within `seconds`.
        begin = time.monotonic()
        self.wire.deadline = begin + seconds
        try:
            while self._tls.recv(65536):
                pass
        except TimeoutError:
            return None
        except Exception:
            pass
        return time.monotonic() - begin

    def close(self):
        if self.wire:
            if self.end == OPEN:
                self.wire.deadline = time.monotonic() + 1
                with contextlib.suppress(Exception):
                    self._tls.close()
            self.wire.close()

    def _look(self):
        tls = self._tls
        if tls.hello:
            self.version = VERSION_NAMES.get(tls.hello.server_version, "?")
            self.suite = tls.hello.cipher_suite
        if tls.shown and tls.shown.cert_chain:
            self.chain = [bytes(cert.bytes) for cert in tls.shown.cert_chain.x509List]
        self.asked = tls.asked is not None

    def _failed(self, error):
        first = self.wire.first[:1]
        if first and first[0] not in (_ALERT, _HANDSHAKE):
            self.end = NO_TLS
        elif isinstance(error, TimeoutError):
            self.end = SILENT
            self.why = "nothing" if not self.wire.received else "no end of the handshake"
        elif isinstance(error, TLSRemoteAlert):
            self.end = REFUSED
            self.why = AlertDescription.toStr(error.description)
        elif isinstance(error, (TLSAbruptCloseError, OSError)):
            self.end = CLOSED
        elif isinstance(error, TLSLocalAlert):
            self.end = BROKEN
            self.why = error.message or AlertDescription.toStr(error.description)
        else:
            self.end = BROKEN
            self.why = str(error) or type(error).__name__


def reason(error):
    # An OSError in words that a person knows.
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens on that port"
    return error.strerror or str(error) or type(error).__name__
