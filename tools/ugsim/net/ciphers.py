# ugsim.net.ciphers - the bulk ciphers of tlslite-ng, done by OpenSSL through `cryptography`.
# SPDX-License-Identifier: MIT
#
# tlslite-ng has all the protocol that a UGxx speaks, but its own ciphers are pure Python: 3DES
# moves 13 KB/s, AES 450 KB/s. OpenSSL has the ciphers, but its TLS no longer speaks SSL 3.0 or
# RC4. So the protocol is tlslite-ng's and the arithmetic is OpenSSL's.

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4, TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from tlslite.errors import TLSBadRecordMAC, TLSDecryptionFailed
from tlslite.recordlayer import RecordLayer


class _Bulk:
    # The interface that tlslite-ng's record layer wants of a cipher. One object serves one
    # direction of one connection, so that the CBC chain of TLS 1.0 simply goes on.
    isAEAD = False
    implementation = "cryptography"

    def __init__(self, name, cipher, block_size):
        self.name = name
        self.isBlockCipher = block_size > 0
        self.block_size = block_size
        self._cipher = cipher
        self._encryptor = None
        self._decryptor = None

    def encrypt(self, plaintext):
        if self._encryptor is None:
            self._encryptor = self._cipher.encryptor()
        return bytearray(self._encryptor.update(plaintext))

    def decrypt(self, ciphertext):
        if self._decryptor is None:
            self._decryptor = self._cipher.decryptor()
        return bytearray(self._decryptor.update(ciphertext))


def _aes(key, iv, _implementations=None):
    cipher = Cipher(AES(bytes(key)), modes.CBC(bytes(iv)))
    return _Bulk("aes%d" % (len(key) * 8), cipher, 16)


def _triple_des(key, iv, _implementations=None):
    return _Bulk("3des", Cipher(TripleDES(bytes(key)), modes.CBC(bytes(iv))), 8)


def _rc4(key, _iv, _implementations=None):
    return _Bulk("rc4", Cipher(ARC4(bytes(key)), None), 0)


class _Gcm:
    # The interface of an AEAD cipher.
    isAEAD = True
    isBlockCipher = False
    implementation = "cryptography"
    nonceLength = 12
    tagLength = 16

    def __init__(self, key):
        self.name = "aes%dgcm" % (len(key) * 8)
        self._cipher = AESGCM(bytes(key))

    def seal(self, nonce, plaintext, data):
        return bytearray(self._cipher.encrypt(bytes(nonce), bytes(plaintext), bytes(data)))

    def open(self, nonce, ciphertext, data):
        # None: the tag does not fit.
        try:
            return bytearray(self._cipher.decrypt(bytes(nonce), bytes(ciphertext), bytes(data)))
        except InvalidTag:
            return None


def _gcm(key, _implementations=None):
    return _Gcm(key)


_BY_TLSLITE_NAME = {
    "createAES": _aes,
    "createAESGCM": _gcm,
    "createTripleDES": _triple_des,
    "createRC4": _rc4,
}


class FastRecordLayer(RecordLayer):
    # tlslite-ng's record layer with these ciphers.

    @staticmethod
    def _getCipherSettings(cipherSuite):
        key_length, iv_length, create = RecordLayer._getCipherSettings(cipherSuite)
        return key_length, iv_length, _BY_TLSLITE_NAME.get(create.__name__, create)

    def _decryptThenMAC(self, recordType, data):
        # The library checks padding and MAC in constant time, at 3 ms a record. There is no
        # secret to keep from a simulator's peer, so this check is the plain one. It also tells
        # the two kinds of failure apart that `+QSSLURC: "security"` knows (manual 2.3.3).
        state = self._readState
        if not state.encContext:
            return data
        if not data or len(data) % state.encContext.block_size:
            raise TLSDecryptionFailed("length is not a multiple of the block size")
        data = state.encContext.decrypt(data)
        if self.version >= (3, 2):  # explicit IV
            data = data[state.encContext.block_size :]
        sequence = state.getSeqNumBytes()
        mac_size = state.macContext.digest_size
        padding = data[-1] + 1 if data else 1
        if padding + mac_size > len(data):
            raise TLSDecryptionFailed("the padding is longer than the record")
        # SSL 3.0 leaves the content of the padding open (RFC 6101 5.2.3.2).
        if self.version != (3, 0) and data[-padding:].count(padding - 1) != padding:
            raise TLSDecryptionFailed("the padding is damaged")
        end = len(data) - padding - mac_size
        found = data[end : end + mac_size]
        data = data[:end]
        wanted = self.calculateMAC(state.macContext.copy(), sequence, recordType, data)
        if not hmac.compare_digest(bytes(wanted), bytes(found)):
            raise TLSBadRecordMAC("MAC mismatch")
        return data
