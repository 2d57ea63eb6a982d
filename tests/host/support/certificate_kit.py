# certificate_kit - certificates and keys of any dates and kinds, on MicroPython too. Nobody has
# signed them.
# SPDX-License-Identifier: MIT

from binascii import b2a_base64

_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
_EC = b"\x2a\x86\x48\xce\x3d\x02\x01"
_P256 = b"\x2a\x86\x48\xce\x3d\x03\x01\x07"
_POINT = b"\0\4" + bytes(range(64))  # unused bits, form, a point that is on no curve
_SHA256_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
_BASIC = b"\x55\x1d\x13"  # basicConstraints


def der(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes((tag, n)) + body
    size = b"" if n > 255 else bytes((0x81, n))
    return bytes((tag,)) + (size or bytes((0x82, n >> 8, n & 255))) + body


def time(text):
    # "20260101000000Z" as RFC 5280 wants it: two digits of the year until 2049.
    if "1950" <= text < "2050":
        return der(23, text[2:].encode())
    return der(24, text.encode())


def pem(label, data, width=64, end=b"\n"):
    text = b2a_base64(data).strip()
    rows = [text[i : i + width] for i in range(0, len(text), width)]
    rows = [b"-----BEGIN " + label + b"-----"] + rows + [b"-----END " + label + b"-----"]
    return end.join(rows) + end


def modulus(size=256, seed=0):
    # The number of an RSA key, as DER. It is none, really.
    return der(2, b"\0", bytes([0x80 | (i * 7 + seed) & 0x7F for i in range(size)]))


def _name(n):
    return der(0x30, der(0x31, der(0x30, der(6, b"\x55\x04\x03"), der(12, b"x" * n))))


def certificate_der(
    low, high, version=True, issuer=20, subject=None, n=None, ca=None, sign=256, ec=False
):
    # issuer, subject: length of the name; subject None: as the issuer. n: a modulus(). ca: True or
    # False, None without basic constraints. sign: length of the signature. ec: another key.
    algorithm = der(0x30, der(6, _SHA256_RSA), der(5))
    key = der(0x30, der(6, _RSA), der(5))
    key += der(3, b"\0", der(0x30, n or modulus(), der(2, b"\1\0\1")))
    if ec:
        key = der(0x30, der(6, _EC), der(6, _P256)) + der(3, _POINT)
    parts = [
        der(2, b"\x01" * 16),
        algorithm,
        _name(issuer),
        der(0x30, time(low), time(high)),
        _name(issuer if subject is None else subject),
        der(0x30, key),
    ]
    if version:
        parts = [der(0xA0, der(2, b"\2"))] + parts
    if ca is not None:
        basic = der(0x30, der(1, b"\xff")) if ca else der(0x30)
        parts.append(der(0xA3, der(0x30, der(0x30, der(6, _BASIC), der(4, basic)))))
    return der(0x30, der(0x30, *parts), algorithm, der(3, b"\0" * (1 + sign)))


def certificate(*args, **keywords):
    return pem(b"CERTIFICATE", certificate_der(*args, **keywords))


def rsa_der(n=None):
    # PKCS#1: the modulus and numbers that mean nothing.
    one = der(2, b"\1")
    return der(
        0x30, der(2, b"\0"), n or modulus(), der(2, b"\1\0\1"), one, one, one, one, one, one
    )


def rsa_key(n=None):
    return pem(b"RSA PRIVATE KEY", rsa_der(n))


def key_der(n=None, oid=_RSA):
    # PKCS#8
    return der(0x30, der(2, b"\0"), der(0x30, der(6, oid), der(5)), der(4, rsa_der(n)))


def key(n=None):
    return pem(b"PRIVATE KEY", key_der(n))


def ec_key():
    # SEC 1, of the certificate with ec=True.
    parts = der(0xA0, der(6, _P256)), der(0xA1, der(3, _POINT))
    return pem(b"EC PRIVATE KEY", der(0x30, der(2, b"\1"), der(4, bytes(32)), *parts))
