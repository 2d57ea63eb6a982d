# qssl.uplink.signed - is a message from who has the device's key? HMAC-SHA256 (RFC 2104).
# SPDX-License-Identifier: MIT
#
# In constant memory: nothing is put together, each part is hashed as it is. Needs only
# hashlib.sha256, which every board has.

import errno
from binascii import unhexlify
from hashlib import sha256

from ..errors import Refused


def key_of(key):
    # The device's key: bytes, or a str of hexadecimal digits.
    try:
        key = unhexlify(key) if isinstance(key, str) else bytes(key)
    except (ValueError, TypeError):
        key = b""
    if not 16 <= len(key) <= 64:
        raise Refused(errno.EINVAL, "uplink", "key must be 16 to 64 bytes, or the digits of them")
    return key


def mac(key, parts):
    # The 32 bytes of HMAC-SHA256 over all parts. key: 64 bytes at most.
    digest = None
    for pad, data in ((0x36, parts), (0x5C, None)):
        h = sha256(bytes([c ^ pad for c in key]) + bytes((pad,)) * (64 - len(key)))
        for part in data or (digest,):
            h.update(part)
        digest = h.digest()
    return digest


def same(one, other):
    # Compares digests, in a time that tells nothing of where they differ.
    differ = len(one) ^ len(other)
    for a, b in zip(one, other):
        differ |= a ^ b
    return not differ
