# ugsim.net.hello - what a UGxx offers in a TLS handshake, no less and no more.
# SPDX-License-Identifier: MIT

from tlslite.api import HandshakeSettings, TLSConnection
from tlslite.constants import AlertDescription, CipherSuite, ExtensionType
from tlslite.messages import ClientHello

from ugsim.net.ciphers import FastRecordLayer
from ugsim.net.credentials import Refusal

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


def suite_list(suites):
    # The suites of QSSLCFG as a list; 0xFFFF stands for all.
    if ALL_SUITES in suites:
        return list(SUITE_NAMES)
    return [suite for suite in SUITE_NAMES if suite in suites]


def offer(version, suites):
    # QSSLCFG's sslversion and ciphersuite -> (tlslite-ng's settings, suites of the ClientHello).
    lowest, highest = VERSIONS[version]
    offered = suite_list(suites)
    if highest < (3, 3):
        offered = [suite for suite in offered if suite not in _TLS12_ONLY]
    if not offered:
        raise Refusal("the cipher suite that is set does not exist in %s" % VERSION_NAMES[highest])
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = lowest, highest
    settings.versions = [v for v in sorted(VERSION_NAMES, reverse=True) if lowest <= v <= highest]
    # What tlslite-ng accepts as an answer; the ClientHello itself names the suites.
    settings.cipherNames = ["aes256", "aes128", "rc4", "3des"]
    settings.macNames = ["sha", "sha256", "md5"]
    settings.keyExchangeNames = ["rsa"]
    settings.rsaSchemes = ["pkcs1"]
    settings.rsaSigHashes = ["sha256", "sha384", "sha512", "sha1"]
    settings.dsaSigHashes = []
    settings.ecdsaSigHashes = []
    settings.more_sig_schemes = []
    settings.minKeySize = 512
    settings.useEncryptThenMAC = False
    settings.useExtendedMasterSecret = False
    settings.usePaddingExtension = False
    settings.use_heartbeat_extension = False
    settings.record_size_limit = None
    return settings, offered


class ModemConnection(TLSConnection):
    # tlslite-ng's client, made to say only what a UGxx says, with the modem's check of the chain.
    # Of the extensions only the one that TLS 1.2 needs: no server name, no session ticket, nothing
    # younger than the modem.
    extensions = (ExtensionType.signature_algorithms,)

    def __init__(self, wire, suites, check):
        TLSConnection.__init__(self, wire)
        self._recordLayer = FastRecordLayer(self.sock)
        self._suites = suites
        self._check = check

    def _sendMsg(self, msg, randomizeFirstBlock=True, update_hashes=True):
        if isinstance(msg, ClientHello):
            # Exactly the suites that are set.
            msg.cipher_suites = [CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV] + self._suites
            kept = [
                extension
                for extension in msg.extensions or []
                if extension.extType in self.extensions
            ]
            msg.extensions = kept or None
        return TLSConnection._sendMsg(self, msg, randomizeFirstBlock, update_hashes)

    def _clientGetKeyFromChain(self, certificate, settings, tack_ext=None):
        # Called when the server's Certificate message has been read. The check stands here and
        # not after the handshake, so that a refused server gets the alert and no key.
        if self._check:
            sent = certificate.cert_chain.x509List if certificate.cert_chain else []
            try:
                self._check([bytes(cert.bytes) for cert in sent])
            except Refusal as error:
                alert = getattr(AlertDescription, error.alert)
                for result in self._sendError(alert, str(error)):
                    yield result
        parent = TLSConnection._clientGetKeyFromChain(self, certificate, settings, tack_ext)
        for result in parent:
            yield result
