# ugsim.net.pemfile - PEM as TLS code reads it: strict, or as lenient as some is.
# SPDX-License-Identifier: MIT
#
# Strict takes what both OpenSSL and Mbed TLS take, in the versions that a modem may have. Where
# they differ it sides with the one that refuses:
#   OpenSSL    a marker stands at the beginning of a line, so no byte order mark before it (until
#              3.0); no empty line in a block; one bad block spoils the file
#   Mbed TLS   lines end in LF or CR LF, blanks only at their ends; nothing behind the DER
# Rows longer than 76 characters depend on the version: refused.

import base64
import binascii
import re

_MARK = b"-----BEGIN "
_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_ROW = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_ROW_MAX = 76
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


class Malformed(ValueError):
    # The text says what is wrong, as in "line 3 is no base64".
    pass


def blocks(data, lenient=False):
    # [(label, DER)] of the blocks in order; a block with headers (encrypted) has None as DER.
    return _lenient(data) if lenient else list(_strict(data.split(b"\n")))


def _strict(lines):
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        found = _BEGIN.fullmatch(line.removesuffix(b"\r"))
        if not found:
            if _MARK in line:
                raise Malformed("line %d has more in it than -----BEGIN ...-----" % number)
            continue
        label = found[1]
        end = b"-----END %s-----" % label
        rows = []
        headers = False
        while True:
            if number == len(lines):
                raise Malformed("there is no %s" % end.decode())
            row = lines[number].removesuffix(b"\r").rstrip(b" ")
            number += 1
            if row == end:
                break
            if b":" in row:
                headers = True
            if not headers:
                rows.append(_row(row, number, rows))
        yield label.decode(), None if headers else _der(b"".join(rows), number)


def _row(row, number, before):
    if not row:
        raise Malformed("line %d is empty" % number)
    if not _ROW.fullmatch(row) or (before and before[-1].endswith(b"=")):
        raise Malformed("line %d is no base64" % number)
    if len(row) > _ROW_MAX:
        raise Malformed("line %d is longer than %d characters" % (number, _ROW_MAX))
    return row


def _der(text, number):
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Malformed("the block before line %d is no base64" % number) from None


def _lenient(data):
    found = []
    for label, body in _BLOCK.findall(data):
        if b":" in body:
            found.append((label.decode(), None))
            continue
        text = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        text = text[: len(text) - (len(text) % 4 == 1)]
        found.append((label.decode(), base64.b64decode(text + b"=" * (-len(text) % 4))))
    return found
