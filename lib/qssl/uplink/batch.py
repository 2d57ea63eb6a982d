# qssl.uplink.batch - many equal records in few bytes: what differs from one to the next.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.batch import batched

up = Uplink(modem, host, 443, ctx, batched(Https(host, "/in/" + token)), FileQueue(),
            batch=100, size=4096)
"""
#
# A record that is JSON is cut into its form, with a mark in the place of each value, and the
# values. A form is sent once a batch. A value that is a number is sent as what it differs from
# the one before in the same place, or from where the last two lead, whichever was nearer last
# time: in decimal, so nothing is rounded. All else goes as its text, or as "the same as before".
# docs/protocol.md has the bytes. Two passes over the records: the first finds forms and decimals.
#
# A checksum ends it. So what a lost byte or a wrong length makes of it is none, and it needs none
# of the care that qssl.https takes with the end of other forms: it goes out in one piece.

import struct
from binascii import crc32

from micropython import const

KIND = "application/vnd.qssl.batch"
_VERSION = const(1)
_MARK = const(1)  # in the place of a value; no JSON holds this byte
_TOKEN_MAX = const(40)  # a number is not longer
_TENS_MAX = const(40)
_TEXT = const(-1)  # in the place of a column's decimals: its values are no numbers
_FORM_MAX = const(1024)  # a longer form is not likely to come again
_ONE = b"\1"  # the form of what is one value
_WORDS = (b"null", b"true", b"false")
_BLANKS = b" \t\r\n"


class _Joined:
    # A socket that sends what was written when something is read, and not before.
    def __init__(self, sock):
        self.write = sock.write
        self.recv = sock.recv
        self.readline = sock.readline

    def flush(self):
        pass

    def pending(self):
        return 0


def batched(carrier):
    """Makes a carrier, Https or Mqtt, send each batch in this form: as one POST, one message.

    Give the Uplink a larger batch= and size= then: as many records as wait, and as RAM allows.

    Returns: the carrier.
    Raises: nothing.
    Blocks: no.
    Allocates: little; a batch takes twice its records' bytes while it is made.
    Since: 0.2.
    """
    attach = carrier.attach
    carrier.attach = lambda sock: attach(_Joined(sock))
    if hasattr(carrier, "_pack"):
        # The first byte says what it is.
        head = carrier._head
        at = head.find(b"Content-Type: ")
        carrier._head = head[:at] + head[head.find(b"\n", at) + 1 :]
        carrier._pack = pack
        return carrier
    deliver = carrier.deliver

    def whole(name, batch):
        # One message, known by the last id, in the place of one each.
        return deliver(name, batch and [(batch[-1][0], pack(name, batch))])

    carrier._envelope = lambda name, number, body: body
    carrier.deliver = whole
    return carrier


def pack(name, batch):
    """The body of a batch, [(id, record)]: ids without a gap. For pack= of a carrier.

    Returns: a bytearray.
    Raises: nothing.
    Blocks: no.
    Allocates: it, and about 50 bytes for each value of each form of record.
    Since: 0.2.
    """
    forms = []  # as bytes
    columns = []  # of each form: decimals of each value, or _TEXT
    which = []  # of each record: the number of its form
    form = bytearray()
    at = []  # where the values of a record begin and end
    for _, record in batch:
        cut(record, form, at)
        whole = bytes(form)
        if whole in forms:
            here = forms.index(whole)
        else:
            here = len(forms)
            forms.append(whole)
            columns.append([0] * (len(at) // 2))
        which.append(here)
        _widen(columns[here], record, at)
    out = bytearray((_VERSION,))
    _text(out, name.encode(), 0)
    for n in (batch[0][0], len(batch), len(forms)):
        _varint(out, n)
    for one, decimals in zip(forms, columns):
        _text(out, one, 0)
        for n in decimals:
            _varint(out, n + 1)
    before = [[[b"" if n == _TEXT else 0, 0, False] for n in some] for some in columns]
    left = 0
    for i, (_, record) in enumerate(batch):
        here = which[i]
        if not left:
            while i + left < len(which) and which[i + left] == here:
                left += 1
            _varint(out, here)
            _varint(out, left)
        left -= 1
        cut(record, form, at)
        _values(out, record, at, columns[here], before[here])
    out += struct.pack(">I", crc32(out))
    return out


# --- from text to form and values ---


def cut(record, form, at):
    # Sets form and at. What is no JSON is one value.
    form[:] = b""
    at.clear()
    if not _scan(record, form, at):
        form[:] = _ONE
        at[:] = (0, len(record))


def _scan(record, form, at):
    # False: it is no JSON, or so odd that it is not worth it. What it passes over is blanks alone;
    # so whatever it makes of other text, that text is what comes out again.
    i = 0
    n = len(record)
    while i < n:
        c = record[i]
        j = i + 1
        if c == 34:
            while j < n and record[j] != 34:
                if record[j] < 32:
                    return False
                j += 1 + (record[j] == 92)
            j += 1
            if j > n:
                return False
            k = j
            while k < n and record[k] in _BLANKS:
                k += 1
            if k < n and record[k] == 58:
                form.extend(record[i:j])  # a name
                i = j
                continue
        elif c in b"{}[]:,":
            form.append(c)
            i = j
            continue
        elif c in _BLANKS:
            i = j
            continue
        else:
            while j < n and record[j] > 32 and record[j] not in b'{}[]:,"':
                j += 1
            if c < 32:
                return False
        if form and form[-1] == _MARK:
            return False  # two words that a blank keeps apart
        form.append(_MARK)
        at.append(i)
        at.append(j)
        i = j
    return 0 < len(form) <= _FORM_MAX


def _widen(decimals, record, at):
    # As many decimals as this record has in each place.
    for i in range(len(decimals)):
        if decimals[i] != _TEXT:
            token = record[at[2 * i] : at[2 * i + 1]]
            if token != _WORDS[0]:
                found = number(token)
                decimals[i] = _TEXT if found is None else max(decimals[i], found[1])


def number(token):
    # (whole number, decimals) of a number as JSON has it; None: it is none, or too long.
    sign, digits = (-1, token[1:]) if token[:1] == b"-" else (1, token)
    tens = 0
    for mark in (b"e", b"E"):
        if mark in digits:
            digits, _, power = digits.partition(mark)
            if power[:1] in (b"+", b"-"):
                tens = _small(power[1:])
                if power[:1] == b"-" and tens is not None:
                    tens = -tens
            else:
                tens = _small(power)
            if tens is None:
                return None
    whole, point, rest = digits.partition(b".")
    if not whole.isdigit() or (len(whole) > 1 and whole[:1] == b"0") or len(token) > _TOKEN_MAX:
        return None
    if point and not rest.isdigit():
        return None
    value = sign * int(whole + rest)
    tens = len(rest) - tens
    if tens > _TENS_MAX or tens < -_TENS_MAX:
        return None
    if tens < 0:
        return value * 10**-tens, 0
    return value, tens


def _small(text):
    return int(text) if text.isdigit() and len(text) < 4 else None


# --- from values to bytes ---


def _values(out, record, at, decimals, before):
    for i, last in enumerate(before):
        token = record[at[2 * i] : at[2 * i + 1]]
        if decimals[i] == _TEXT:
            _word(out, token, last)
        elif token == _WORDS[0]:
            _varint(out, 0)
        else:
            value, n = number(token)
            _difference(out, value * 10 ** (decimals[i] - n), last)


def _word(out, token, last):
    if token == last[0]:
        _varint(out, 0)
        return
    last[0] = bytes(token)
    if token in _WORDS:
        _varint(out, 1 + _WORDS.index(token))
    else:
        _text(out, token, 4)


def _difference(out, value, last):
    # last: [value, step, whether it goes on with that step]
    flat = value - last[0]
    bent = flat - last[1]
    n = bent if last[2] else flat
    _varint(out, 1 + (n << 1 if n >= 0 else (-n << 1) - 1))
    last[2] = abs(bent) < abs(flat)
    last[0] = value
    last[1] = flat


def _text(out, text, more):
    _varint(out, len(text) + more)
    out.extend(text)


def _varint(out, n):
    # Seven bits a byte, the lowest first; 128: there are more.
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
