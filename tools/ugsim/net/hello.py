# ugsim.net.hello - what a modem offers in a TLS handshake, no less and no more.
# SPDX-License-Identifier: MIT

from tlslite.api import HandshakeSettings, TLSConnection
from tlslite.constants import AlertDescription, CipherSuite, ExtensionType
from tlslite.extensions import SNIExtension
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

# Suites of LTE modules that are none before TLS 1.2, by what their names end with.
_TLS12_ENDS = ("_SHA256", "_SHA384", "_CCM", "_CCM_8")
_CURVES = ["secp256r1", "secp384r1", "secp521r1"]


def suite_name(number):
    # As in the registry of TLS; the four digits of one that has no name here.
    name = SUITE_NAMES.get(number) or CipherSuite.ietfNames.get(number)
    return name or "0x%04X" % number


def _since_tls12(number):
    # 0x00AE, 0xC0A8 and 0xC0AE have no name in tlslite-ng.
    return suite_name(number).endswith(_TLS12_ENDS) or number in (0x00AE, 0xC0A8, 0xC0AE)


def suite_list(suites, modern=False):
    # The suites of QSSLCFG as a list; 0xFFFF stands for all of a UGxx. Those of an LTE module are
    # its own, in its own order.
    if modern:
        return list(suites)
    if ALL_SUITES in suites:
        return list(SUITE_NAMES)
    return [suite for suite in SUITE_NAMES if suite in suites]


def offer(version, suites, modern=False):
    # QSSLCFG's sslversion and ciphersuite -> (tlslite-ng's settings, suites of the ClientHello).
    # modern: an LTE module, with ECDHE and GCM.
    lowest, highest = VERSIONS[version]
    offered = suite_list(suites, modern)
    if highest < (3, 3):
        offered = [suite for suite in offered if not _since_tls12(suite)]
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
    if modern:
        settings.cipherNames = ["aes256gcm", "aes128gcm", *settings.cipherNames]
        settings.macNames = ["sha", "sha256", "sha384", "aead", "md5"]
        settings.keyExchangeNames = ["ecdhe_ecdsa", "ecdhe_rsa", "rsa"]
        settings.ecdsaSigHashes = ["sha256", "sha384", "sha512", "sha1"]
        settings.eccCurves = _CURVES
        settings.keyShares = []
        settings.defaultCurve = _CURVES[0]
    return settings, offered


class ModemConnection(TLSConnection):
    # tlslite-ng's client, made to say only what the modem says, with the modem's check of the
    # chain: check(certificates, True if their key has to encipher). Of the extensions a UGxx
    # sends only the one that TLS 1.2 needs: no server name, no session ticket, nothing younger
    # than the modem. modern: an LTE module; its hello has the curves, and a server name if set.
    extensions = (ExtensionType.signature_algorithms,)
    modern_extensions = (
        ExtensionType.signature_algorithms,
        ExtensionType.supported_groups,
        ExtensionType.ec_point_formats,
    )

    def __init__(self, wire, suites, check, modern=False, server_name=""):
        TLSConnection.__init__(self, wire)
        self._recordLayer = FastRecordLayer(self.sock)
        self._suites = suites
        self._check = check
        self._enciphers = True
        self._server_name = server_name
        if modern:
            self.extensions = self.modern_extensions

    def _clientKeyExchange(self, settings, suite, *args):
        self._enciphers = suite not in CipherSuite.ecdheCertSuites + CipherSuite.ecdheEcdsaSuites
        return TLSConnection._clientKeyExchange(self, settings, suite, *args)

    def _sendMsg(self, msg, randomizeFirstBlock=True, update_hashes=True):
        if isinstance(msg, ClientHello):
            # Exactly the suites that are set.
            msg.cipher_suites = [CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV] + self._suites
            kept = [
                extension
                for extension in msg.extensions or []
                if extension.extType in self.extensions
            ]
            if self._server_name:  # any text; tlslite-ng takes none that is not a name
                kept.append(SNIExtension().create(bytearray(self._server_name.encode())))
            msg.extensions = kept or None
        return TLSConnection._sendMsg(self, msg, randomizeFirstBlock, update_hashes)

    def _clientGetKeyFromChain(self, certificate, settings, tack_ext=None):
        # Called when the server's Certificate message has been read. The check stands here and
        # not after the handshake, so that a refused server gets the alert and no key.
        if self._check:
            sent = certificate.cert_chain.x509List if certificate.cert_chain else []
            try:
                self._check([bytes(cert.bytes) for cert in sent], self._enciphers)
            except Refusal as error:
                alert = getattr(AlertDescription, error.alert)
                for result in self._sendError(alert, str(error)):
                    yield result
        parent = TLSConnection._clientGetKeyFromChain(self, certificate, settings, tack_ext)
        for result in parent:
            yield result
