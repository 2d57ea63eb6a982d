# ugsim.tls - the modem's TLS client: bytes from the peer in, bytes for the peer out, no sockets.
# SPDX-License-Identifier: MIT
#
# tlslite-ng because it still speaks all that the manual's tables 1 and 2 list. It is driven
# through its generators, over a transport in memory, so that nothing here ever waits.

import errno

from tlslite.api import HandshakeSettings, TLSConnection
from tlslite.constants import AlertDescription, AlertLevel, CipherSuite, ExtensionType
from tlslite.errors import TLSAbruptCloseError, TLSLocalAlert, TLSRemoteAlert
from tlslite.messages import Alert, ClientHello

from ugsim import chain, credentials
from ugsim.ciphers import FastRecordLayer
from ugsim.credentials import CertificateError

# Manual table 1: sslversion -> lowest and highest version on the wire.
VERSIONS = {
    0: ((3, 0), (3, 0)),
    1: ((3, 1), (3, 1)),
    2: ((3, 2), (3, 2)),
    3: ((3, 3), (3, 3)),
    4: ((3, 0), (3, 3)),
}
VERSION_NAMES = {(3, 0): "SSL3.0", (3, 1): "TLS1.0", (3, 2): "TLS1.1", (3, 3): "TLS1.2"}

# Manual table 2, in its order, which is also the order of preference in the ClientHello.
SUITE_NAMES = {
    0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
    0x0005: "TLS_RSA_WITH_RC4_128_SHA",
    0x0004: "TLS_RSA_WITH_RC4_128_MD5",
    0x000A: "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    0x003D: "TLS_RSA_WITH_AES_256_CBC_SHA256",
}
ALL_SUITES = 0xFFFF
_TLS12_ONLY = (0x003D,)

# Error codes of the TCP/IP manual and security codes of manual 2.3.3.
ERR_CONNECT_FAILED = 566
ERR_CLOSED = 567
SECURITY_ENCRYPT = 1
SECURITY_DECRYPT = 2
SECURITY_VERIFY = 3

# Decrypted bytes that may wait for the modem before the next record is opened.
PLAIN_LIMIT = 16384

_ALERT_HINTS = {
    "handshake_failure": "no version or cipher suite in common, or it wants a client certificate",
    "protocol_version": "it does not speak the SSL version that is set",
    "insufficient_security": "it wants stronger cipher suites than the one that is set",
    "unknown_ca": "it does not trust the issuer of the client certificate",
    "bad_certificate": "it does not accept the client certificate, or wants one",
    "certificate_required": "it wants a client certificate",
    "unrecognized_name": "it wants a server name, which a UGxx cannot send",
}


def suite_list(suites):
    # The suites of QSSLCFG as a list; 0xFFFF stands for all.
    if ALL_SUITES in suites:
        return list(SUITE_NAMES)
    return [suite for suite in SUITE_NAMES if suite in suites]


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


class _Connection(TLSConnection):
    # tlslite-ng's client, made to say only what a UGxx says, with the modem's check of the chain.
    def __init__(self, wire, suites, check):
        TLSConnection.__init__(self, wire)
        self._recordLayer = FastRecordLayer(self.sock)
        self._suites = suites
        self._check = check
        self.hello_answered = False

    def _sendMsg(self, msg, randomizeFirstBlock=True, update_hashes=True):
        if isinstance(msg, ClientHello):
            # Exactly the suites that are set. Of the extensions only the one that TLS 1.2 needs:
            # no server name, no session ticket, no ALPN, nothing younger than the modem.
            msg.cipher_suites = [CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV] + self._suites
            kept = [
                extension
                for extension in msg.extensions or []
                if extension.extType == ExtensionType.signature_algorithms
            ]
            msg.extensions = kept or None
        return TLSConnection._sendMsg(self, msg, randomizeFirstBlock, update_hashes)

    def _clientGetKeyFromChain(self, certificate, settings, tack_ext=None):
        # Called when the server's Certificate message has been read. The check stands here and
        # not after the handshake, so that a refused server gets the alert and no key.
        self.hello_answered = True
        if self._check:
            sent = certificate.cert_chain.x509List if certificate.cert_chain else []
            try:
                self._check([bytes(cert.bytes) for cert in sent])
            except CertificateError as error:
                alert = getattr(AlertDescription, error.alert)
                for result in self._sendError(alert, str(error)):
                    yield result
        parent = TLSConnection._clientGetKeyFromChain(self, certificate, settings, tack_ext)
        for result in parent:
            yield result


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
        except CertificateError as error:
            self._fail(ERR_CONNECT_FAILED, str(error))

    @property
    def outgoing(self):
        return self._wire.outgoing

    @property
    def waiting(self):
        # Bytes from the peer that have not been decrypted yet.
        return len(self._wire.incoming)

    def feed(self, data):
        if self.state != "closed":
            self._wire.incoming += data

    def feed_eof(self):
        self._wire.eof = True

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
                raise CertificateError(
                    "seclevel is %d and there is no CA certificate" % settings.seclevel
                )
            anchors = credentials.load_certificates(settings.ca, "CA file")
            clock = None if settings.ignore_time else settings.clock

            def check(sent):
                chain.verify(_parse(sent), anchors, clock)

        certs, key = self._client_pair()
        lowest, highest = VERSIONS[settings.version]
        suites = [s for s in suite_list(settings.suites) if s not in _TLS12_ONLY]
        if highest >= (3, 3):
            suites = suite_list(settings.suites)
        if not suites:
            raise CertificateError(
                "the cipher suite that is set does not exist in %s" % VERSION_NAMES[highest]
            )
        shake = HandshakeSettings()
        shake.minVersion, shake.maxVersion = lowest, highest
        shake.versions = [v for v in sorted(VERSION_NAMES, reverse=True) if lowest <= v <= highest]
        # What tlslite-ng accepts as an answer; the ClientHello itself names the suites.
        shake.cipherNames = ["aes256", "aes128", "rc4", "3des"]
        shake.macNames = ["sha", "sha256", "md5"]
        shake.keyExchangeNames = ["rsa"]
        shake.rsaSchemes = ["pkcs1"]
        shake.rsaSigHashes = ["sha256", "sha384", "sha512", "sha1"]
        shake.dsaSigHashes = []
        shake.ecdsaSigHashes = []
        shake.more_sig_schemes = []
        shake.minKeySize = 512
        shake.useEncryptThenMAC = False
        shake.useExtendedMasterSecret = False
        shake.usePaddingExtension = False
        shake.use_heartbeat_extension = False
        shake.record_size_limit = None
        self._connection = _Connection(self._wire, suites, check)
        self._job = self._connection.handshakeClientCert(
            certs, key, settings=shake, reqTack=False, async_=True
        )

    def _client_pair(self):
        # The client's certificate and key as tlslite-ng wants them. They are used at seclevel 2
        # only (manual 2.2.1); without them the server gets an empty Certificate message.
        settings = self._settings
        if settings.seclevel < 2 or not (settings.cert or settings.key):
            return None, None
        return credentials.client_pair(settings.cert, settings.key)

    def _job_done(self):
        # The handshake or a read came to its end.
        if self.state == "handshake":
            self.state = "open"
            self.version = VERSION_NAMES.get(self._connection.version, "?")
            number = self._connection.session.cipherSuite
            self.suite = SUITE_NAMES.get(number, "0x%04X" % number)
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
            text = error.message or AlertDescription.toStr(error.description)
            if self.state == "open":
                if error.description == AlertDescription.decryption_failed:
                    self.security = SECURITY_DECRYPT
                elif error.description == AlertDescription.bad_record_mac:
                    self.security = SECURITY_VERIFY
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
    certs = []
    for der in sent:
        certs += credentials.load_certificates(der, "server's certificate")
    return certs
