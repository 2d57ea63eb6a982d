# receiver.batch - the batch form of qssl.uplink.batch: from its bytes to what json.loads() would
# have returned for the same records.
# SPDX-License-Identifier: MIT
#
# docs/protocol.md says what the bytes are. Whatever they are, this ends soon and takes little.

import binascii
import re

VERSION = 1
_COUNT_MAX = 10000  # records
_TEXT_MAX = 4 << 20  # bytes of all records, unpacked
_BITS_MAX = 1024  # of a number
_DECIMALS_MAX = 400
_WORDS = (b"null", b"true", b"false")
# What MicroPython's json.dumps() makes of what is no number.
_NONE = re.compile(rb"-?(nan|NaN|inf|Infinity)")


class Damaged(ValueError):
    pass


class _Reader:
    def __init__(self, body):
        self._body = body
        self._at = 0

    def number(self):
        value = shift = 0
        while True:
            if self._at >= len(self._body) or shift > _BITS_MAX:
                raise Damaged("a number is cut")
            c = self._body[self._at]
            self._at += 1
            value |= (c & 127) << shift
            shift += 7
            if c < 128:
                return value

    def take(self, n):
        if n > len(self._body) - self._at:
            raise Damaged("a text is cut")
        self._at += n
        return self._body[self._at - n : self._at]

    def done(self):
        return self._at == len(self._body)


class _Column:
    # The values of one place in a form, one after the other. decimals: None: texts.
    def __init__(self, decimals):
        self._decimals = decimals
        self._text = b""
        self._last = self._step = 0
        self._goes_on = False

    def next(self, reader):
        n = reader.number()
        if self._decimals is None:
            if n:
                self._text = _WORDS[n - 1] if n < 4 else reader.take(n - 4)
            return b"null" if _NONE.fullmatch(self._text) else self._text
        if not n:
            return b"null"
        n -= 1
        difference = -(n + 1 >> 1) if n & 1 else n >> 1
        value = self._last + difference + (self._step if self._goes_on else 0)
        flat = value - self._last
        self._goes_on = abs(flat - self._step) < abs(flat)
        self._last, self._step = value, flat
        return _decimal(value, self._decimals)


def _decimal(value, decimals):
    if not decimals:
        return b"%d" % value
    whole, rest = divmod(abs(value), 10**decimals)
    digits = b"%0*d" % (decimals, rest)
    sign = b"-" if value < 0 else b""
    digits = digits.rstrip(b"0")
    return b"%s%d.%s" % (sign, whole, digits) if digits else b"%s%d" % (sign, whole)


def unpack(body, loads):
    # {"queue": ..., "id": ..., "records": [...]}; Damaged, or what loads() raises beyond
    # ValueError.
    # loads: from bytes to a record. What it takes for no JSON is kept as text.
    if len(body) < 5 or binascii.crc32(body[:-4]) != int.from_bytes(body[-4:], "big"):
        raise Damaged("the checksum is wrong")
    reader = _Reader(body[:-4])
    if reader.number() != VERSION:
        raise Damaged("it is of another version")
    try:
        queue = reader.take(reader.number()).decode()
    except UnicodeDecodeError:
        raise Damaged("the queue is no text") from None
    first, count = reader.number(), reader.number()
    if count > _COUNT_MAX:
        raise Damaged("it holds too many records")
    forms = [_form(reader) for _ in range(_below(reader.number(), count + 1))]
    records = []
    size = 0
    while len(records) < count:
        parts, columns = forms[_below(reader.number(), len(forms))]
        whole = sum(map(len, parts)) + 1
        for _ in range(_below(reader.number(), count - len(records) + 1)):
            pieces = [parts[0]]
            for column, part in zip(columns, parts[1:]):
                pieces += column.next(reader), part
                size += len(pieces[-2])
            size += whole
            if size > _TEXT_MAX:
                raise Damaged("it is too long, unpacked")
            records.append(_record(b"".join(pieces), loads))
    if not reader.done():
        raise Damaged("there is more behind it")
    return {"queue": queue, "id": first, "records": records}


def _form(reader):
    parts = reader.take(reader.number()).split(b"\1")
    columns = []
    for _ in parts[1:]:
        n = reader.number()
        columns.append(_Column(_below(n, _DECIMALS_MAX) - 1 if n else None))
    return parts, columns


def _below(n, limit):
    if n >= limit:
        raise Damaged("a number is too high")
    return n


def _record(text, loads):
    try:
        return loads(text)
    except ValueError:
        return text.decode("utf-8", "backslashreplace")
