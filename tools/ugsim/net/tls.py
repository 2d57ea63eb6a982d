# ugsim.net.tls - the TLS client: bytes from the peer in, bytes for the peer out, no sockets.
# SPDX-License-Identifier: MIT
#
# tlslite-ng because it still speaks all that the manual's tables 1 and 2 list. It is driven
# through its generators, over a transport in memory, so that nothing here ever waits.

import errno

from tlslite.constants import AlertDescription, AlertLevel
from tlslite.errors import TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert
from tlslite.messages import Alert

from ugsim.net import chain, credentials, names
from ugsim.net.credentials import Refusal
from ugsim.net.hello import VERSION_NAMES, ModemConnection, offer, suite_name

# Error codes of the TCP/IP manual and security codes of manual 2.3.3.
ERR_CONNECT_FAILED = 566
ERR_CLOSED = 567
SECURITY_ENCRYPT = 1
_SECURITY_CODES = {AlertDescription.decryption_failed: 2, AlertDescription.bad_record_mac: 3}

# Decrypted bytes that may wait for the modem before the next record is opened.
PLAIN_LIMIT = 2048

_ALERT_HINTS = {
    "handshake_failure": "no version or cipher suite in common, or it wants a client certificate",
    "protocol_version": "it does not speak the SSL version that is set",
    "insufficient_security": "it wants stronger cipher suites than the one that is set",
    "unknown_ca": "it does not trust the issuer of the client certificate",
    "bad_certificate": "it does not accept the client certificate, or wants one",
    "certificate_required": "it wants a client certificate",
    "unrecognized_name": "it wants a server name that it knows; a UGxx can't send any",
}


class _Wire:
    # The transport that tlslite-ng believes to be a non-blocking socket.
    def __init__(self):
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.eof = False

    def recv(self, limit):
        if not self.incoming:
            if self.eof:
                return b""
            raise BlockingIOError(errno.EAGAIN, "nothing yet")
        data = self.incoming[:limit]
        del self.incoming[:limit]
        return data

    def send(self, data):
        self.outgoing += data
        return len(data)

    def sendall(self, data):
        self.outgoing += data

    def close(self):
        pass


class TlsClient:
    # One connection's TLS. Feed it, step it, send what stands in `outgoing`, read `plain`.
    #   state     "handshake" | "open" | "closed"      error  0, or the modem's code
    #   why       text for people                      security  0, or the code of manual 2.3.3
    #   version, suite  as negotiated: names of table 1 and 2, "" before

    def __init__(self, settings):
        self.state = "handshake"
        self.error = 0
        self.why = ""
        self.security = 0
        self.version = ""
        self.suite = ""
        self.plain = bytearray()
        self._settings = settings
        self._wire = _Wire()
        self._connection = None
        self._job = None
        try:
            self._start()
        except Refusal as error:
            self._fail(ERR_CONNECT_FAILED, str(error))

    @property
    def outgoing(self):
        return self._wire.outgoing

    @property
    def waiting(self):
        # Bytes from the peer that have not been decrypted yet.
        return len(self._wire.incoming)

    @property
    def hungry(self):
        # Whether it makes sense to feed more.
        return self.state == "handshake" or (
            self.state == "open" and len(self.plain) < PLAIN_LIMIT
        )

    def feed(self, data):
        if self.state != "closed":
            self._wire.incoming += data

    def feed_eof(self):
        self._wire.eof = True

    def lost(self, text):
        # The transport is gone; if TLS has given up before, its reason is the better one.
        if self.state != "closed":
            self._fail(ERR_CONNECT_FAILED if self.state == "handshake" else 0, text)

    def step(self):
        # Goes as far as the bytes at hand allow.
        while self.state != "closed" and self._job is not None:
            if self.state == "open" and len(self.plain) >= PLAIN_LIMIT:
                return
            try:
                result = next(self._job)
            except StopIteration:
                self._job_done()
                continue
            except Exception as error:  # whatever a peer can provoke in the library
                self._failed(error)
                return
            if isinstance(result, int):
                if result == 0:
                    return
            else:
                self._received(result)

    def write(self, data):
        # Encrypts `data` into `outgoing` as one record.
        if self.state != "open":
            return
        try:
            for _ in self._connection.writeAsync(data):
                pass
        except Exception as error:
            self.security = SECURITY_ENCRYPT
            self._fail(ERR_CLOSED, "encrypting failed: %s" % error)

    def close(self):
        # Says goodbye, if there is someone to say it to.
        if self.state == "open":
            alert = Alert().create(AlertDescription.close_notify, AlertLevel.warning)
            for _ in self._connection._sendMsg(alert):
                pass
        self.state = "closed"

    def _start(self):
        settings = self._settings
        check = None
        if settings.seclevel >= 1:
            if not settings.ca:
                raise Refusal("seclevel is %d and there is no CA certificate" % settings.seclevel)
            lenient = settings.pem == "lenient"
            anchors = []
            for data in (settings.ca, *settings.more_ca):
                anchors += credentials.load_certificates(data, "CA file", lenient)
            roots = settings.anchor == "root"
            clock = None if settings.ignore_time else settings.clock

            def check(sent, enciphers):
                sent = _parse(sent)
                chain.verify(sent, anchors, clock, roots, enciphers, settings.ignore)
                if settings.check_name:
                    names.check(sent[0], settings.check_name)

        if settings.dtls:
            raise Refusal("dtls is on, and the server speaks TLS")
        certs, key = self._client_pair()
        modern = settings.modern
        shake, suites = offer(settings.version, settings.suites, modern)
        self._connection = ModemConnection(self._wire, suites, check, modern, settings.server_name)
        self._job = self._connection.handshakeClientCert(
            certs,
            key,
            settings=shake,
            reqTack=False,
            async_=True,
        )

    def _client_pair(self):
        # The client's certificate and key as tlslite-ng wants them. They are used at seclevel 2
        # only (manual 2.2.1); without them the server gets an empty Certificate message.
        settings = self._settings
        if settings.seclevel < 2 or not (settings.cert or settings.key):
            return None, None
        lenient = settings.pem == "lenient"
        return credentials.client_pair(settings.cert, settings.key, lenient, settings.password)

    def _job_done(self):
        # The handshake or a read came to its end.
        if self.state == "handshake":
            self.state = "open"
            self.version = VERSION_NAMES.get(self._connection.version, "?")
            self.suite = suite_name(self._connection.session.cipherSuite)
        self._job = self._connection.readAsync(None, 1)

    def _received(self, data):
        if data:
            self.plain += data
        elif self._connection.closed:
            self.state = "closed"
            self.why = self.why or "closed by the server"

    def _failed(self, error):
        code = ERR_CONNECT_FAILED if self.state == "handshake" else ERR_CLOSED
        if isinstance(error, TLSRemoteAlert):
            name = AlertDescription.toStr(error.description)
            text = "the server refused with the alert %s" % name
            if self.state == "handshake" and name in _ALERT_HINTS:
                text += " (%s)" % _ALERT_HINTS[name]
        elif isinstance(error, TLSLocalAlert):
            name = AlertDescription.toStr(error.description)
            text = error.message or "the server does not speak TLS, or breaks it (%s)" % name
            if self.state == "open":
                self.security = _SECURITY_CODES.get(error.description, 0)
            elif error.description == AlertDescription.protocol_version:
                text = "the server speaks another SSL version than the one that is set"
        elif isinstance(error, (TLSAbruptCloseError, OSError)):
            if self.state == "handshake":
                text = "the server closed the connection in the handshake"
            else:
                # Not an error to the modem's user: data may end like this, and many servers do.
                code = 0
                text = "closed by the server without close_notify"
        else:
            text = "the server sent what is not TLS (%s)" % (str(error) or type(error).__name__)
        self._fail(code, text)

    def _fail(self, code, text):
        self.state = "closed"
        self.error = code
        self.why = text
        self._job = None


def _parse(sent):
    return [credentials.load_certificate(der, "server's chain") for der in sent]
