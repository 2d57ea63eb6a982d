# certificate_kit - certificates with any dates, on MicroPython too. Nobody has signed them.
# SPDX-License-Identifier: MIT

from binascii import b2a_base64


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


def certificate(low, high, version=True, issuer=20):
    oid = der(6, b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b")
    name = der(0x30, der(0x31, der(0x30, der(6, b"\x55\x04\x03"), der(12, b"x" * issuer))))
    parts = [
        der(2, b"\x01" * 16),
        der(0x30, oid, der(5)),
        name,
        der(0x30, time(low), time(high)),
        name,
        der(0x30, der(0x30, oid, der(5)), der(3, b"\0" * 270)),
    ]
    if version:
        parts = [der(0xA0, der(2, b"\2"))] + parts
    data = der(0x30, der(0x30, *parts), der(0x30, oid, der(5)), der(3, b"\0" * 257))
    text = b2a_base64(data).strip()
    rows = [text[i : i + 64] for i in range(0, len(text), 64)]
    return b"-----BEGIN CERTIFICATE-----\n" + b"\n".join(rows) + b"\n-----END CERTIFICATE-----\n"
