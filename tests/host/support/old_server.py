# old_server - a TLS server in memory with one version and one suite, also such as OpenSSL has
# given up: by tlslite-ng. For memory_net, in the place of an ssl.SSLContext.
# SPDX-License-Identifier: MIT

import errno
import ssl

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

from ugsim.net.ciphers import FastRecordLayer
from ugsim.net.hello import VERSION_NAMES, suite_name

# Suites: exchange of keys, cipher, MAC at tlslite-ng.
_NAMES = {
    0x0004: ("rsa", "rc4", "md5"),
    0x0005: ("rsa", "rc4", "sha"),
    0x000A: ("rsa", "3des", "sha"),
    0x002F: ("rsa", "aes128", "sha"),
    0x0035: ("rsa", "aes256", "sha"),
    0xC007: ("ecdhe_ecdsa", "rc4", "sha"),
    0xC008: ("ecdhe_ecdsa", "3des", "sha"),
    0xC011: ("ecdhe_rsa", "rc4", "sha"),
    0xC012: ("ecdhe_rsa", "3des", "sha"),
}


class OldServer:
    # identity: of certificates.py. version: as sslversion of AT+QSSLCFG, 0 to 3.
    def __init__(self, identity, version, suite):
        settings = self._settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = (3, version)
        exchange, cipher, mac = _NAMES[suite]
        settings.keyExchangeNames = [exchange]
        settings.cipherNames = [cipher]
        settings.macNames = [mac]
        settings.useExtendedMasterSecret = settings.useEncryptThenMAC = False
        self._chain = X509CertChain()
        self._chain.parsePemList(identity.cert_pem.decode())
        self._key = parsePEMKey(identity.key_pem.decode(), private=True)

    def wrap_bio(self, incoming, outgoing, server_side):
        return _Side(incoming, outgoing, self._chain, self._key, self._settings)


class _Wire:
    # A pair of ssl.MemoryBIO as a socket that does not block.
    def __init__(self, incoming, outgoing):
        self._incoming = incoming
        self.send = outgoing.write
        self.sendall = outgoing.write

    def recv(self, size):
        data = self._incoming.read(size)
        if not data:
            raise BlockingIOError(errno.EAGAIN, "nothing yet")
        return data

    def close(self):
        pass


class _Side:
    # What memory_net uses of an ssl.SSLObject.
    def __init__(self, incoming, outgoing, chain, key, settings):
        self._error = None
        self._tls = TLSConnection(_Wire(incoming, outgoing))
        self._tls._recordLayer = FastRecordLayer(self._tls.sock)
        self._job = self._tls.handshakeServerAsync(
            certChain=chain, privateKey=key, settings=settings
        )

    def do_handshake(self):
        self._go(self._job)

    def read(self, size):
        return bytes(self._go(self._tls.readAsync(size)))

    def write(self, data):
        self._go(self._tls.writeAsync(data))

    def cipher(self):
        return (suite_name(self._tls.session.cipherSuite),)

    def version(self):
        return VERSION_NAMES[self._tls.version]

    def _go(self, job):
        if self._error:
            raise self._error
        try:
            for result in job:
                if isinstance(result, (bytes, bytearray)):
                    return result
                if result == 0:
                    raise ssl.SSLWantReadError
        except ssl.SSLError:
            raise
        except Exception as error:
            self._error = ssl.SSLError("%s: %s" % (type(error).__name__, error))
            raise self._error from error
        return b""
