# qssl.uplink.senml - records as SenML (RFC 8428), in JSON or CBOR: for servers of others.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.senml import Senml

form = Senml("urn:dev:imei:490154203237518:", units={"t": "Cel"})
up = Uplink(modem, host, 443, ctx, Https(host, "/in", form.kind, form.pack), FileQueue())
"""
#
# Each member of a record becomes a SenML Record: a number "v", a text "vs", true and false "vb";
# inner objects with dots; "at" the base time. null is left out. A record of which nothing is left,
# or that is about the device itself ("qssl"), is one "vs" named "record", beside a member "qssl".
#
# "queue" and "id" tell our receiver which record it is; others pass over them (4.4 of the RFC).

import json
import struct
from binascii import b2a_base64

from .batch import cut, number

# Labels of CBOR (section 6 of the RFC); what has none goes by its name.
_LABELS = {"bn": -2, "bt": -3, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "vd": 8}
_FLAGS = (b"false", b"true")
_NOTHING = (b"null", b"nan", b"-nan", b"NaN", b"inf", b"-inf", b"Infinity", b"-Infinity")
_NO_TIME = (0, 0)


class Senml:
    """The form of what a carrier sends: pack= and content type of Https, envelope= of Mqtt.

    name: the base name, such as "urn:dev:imei:490154203237518:". units: {member: unit}. cbor: CBOR
    in the place of JSON; decimals stay exact (decimal fractions). Members' names keep letters of
    ASCII, digits and -:./_; all else becomes _.

    Raises: nothing.
    Blocks: no.
    Allocates: while a batch is made.
    Since: 0.2.
    """

    def __init__(self, name: str = "", units=None, cbor: bool = False) -> None:
        self._name = name
        self._units = units or {}
        self._to = _Cbor if cbor else _Json
        self.kind = "application/senml+" + ("cbor" if cbor else "json")

    def envelope(self, name, id, record):
        """The payload of one record, for envelope= of Mqtt.

        Returns: a bytearray.
        Raises: nothing.
        Blocks: no.
        Allocates: it.
        Since: 0.2.
        """
        return self.pack(name, ((id, record),))

    def pack(self, name, batch):
        """The body of a batch, [(id, record)], for pack= of Https.

        Returns: a bytearray.
        Raises: nothing.
        Blocks: no.
        Allocates: it.
        Since: 0.2.
        """
        out = self._to()
        form = bytearray()
        at = []
        base = None  # the base time that is in force
        for id, record in batch:
            time, found = _members(record, form, at)
            for path, token in found or ((None, record),):
                out.begin()
                if base is None:
                    if self._name:
                        out.text("bn", self._name.encode())
                    out.text("queue", name.encode())
                    base = _NO_TIME
                if time != base:
                    out.number("bt", *time)
                    base = time
                if id:
                    out.number("id", id, 0)
                id = 0
                if path is None:
                    self._whole(out, record)
                else:
                    self._member(out, path, token)
                out.end()
        return out.done()

    def _member(self, out, path, token):
        out.text("n", path.encode())
        if path in self._units:
            out.text("u", self._units[path].encode())
        if token[:1] == b'"':
            out.token("vs", token)
        elif token in _FLAGS:
            out.flag("vb", token == _FLAGS[1])
        else:
            out.number("v", *number(token))

    def _whole(self, out, record):
        out.text("n", b"record")
        out.number("qssl", 1, 0)
        if _utf8(record):
            out.text("vs", record)
        else:
            out.data("vd", record)


def _members(record, form, at):
    # ((time, decimals), [(path, token)]) of a record; no list if it goes as a whole.
    cut(record, form, at)
    around = []  # objects and lists: path and a dot
    counts = []  # of each: the number of the next value; in an object -1
    found = []
    time = _NO_TIME
    whole = form[0] != 123
    name = ""
    i = k = 0
    while i < len(form):
        c = form[i]
        if c == 34:
            j = i + 1
            while form[j] != 34:
                j += 1 + (form[j] == 92)
            name = _named(form[i + 1 : j])
            whole = whole or (len(around) == 1 and name == "qssl")
            i = j
        elif c == 123 or c == 91:
            around.append(_path(around, counts, name) + "." if around else "")
            counts.append(0 if c == 91 else -1)
        elif c == 125 or c == 93:
            if not around:
                return time, None
            around.pop()
            counts.pop()
        elif c == 1:
            token = bytes(record[at[k] : at[k + 1]])
            k += 2
            if around and form[i - 1] not in (b":" if counts[-1] < 0 else b"[,"):
                whole = True  # no JSON
            path = _path(around, counts, name) if around else ""
            value = number(token)
            if path == "at" and (value or token in _NOTHING):
                time = value or _NO_TIME
            elif token[:1] == b'"':
                found.append((path, token))
                # It may hold half a character, or bytes that are none.
                whole = whole or b"\\u" in token or not _utf8(token)
            elif value or token in _FLAGS:
                found.append((path, token))
            elif token not in _NOTHING:
                whole = True
        i += 1
    return time, None if whole or around else found


def _path(around, counts, name):
    if counts[-1] >= 0:
        name = str(counts[-1])
        counts[-1] += 1
    return around[-1] + name


def _named(name):
    # What a name may hold (4.5.1 of the RFC).
    for i in range(len(name)):
        c = name[i]
        letter = 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122
        if not letter and (not i or c not in b"-:./_"):
            name[i] = 95
    if name[:1] == b"_":
        name[0] = 120
    return name.decode()


def _utf8(data):
    try:
        str(data, "utf-8")
    except UnicodeError:
        return False
    return True


def _plain(token):
    # The text of a string of JSON without \uXXXX.
    token = token[1:-1]
    at = token.find(b"\\")
    while at >= 0:
        c = token[at + 1 : at + 2]
        k = b"bfnrt".find(c)
        if k >= 0:
            c = b"\b\f\n\r\t"[k : k + 1]
        token = token[:at] + c + token[at + 2 :]
        at = token.find(b"\\", at + 1)
    return token


class _Json:
    # Writes SenML Records as JSON.
    def __init__(self):
        self._out = bytearray(b"[")

    def begin(self):
        self._out.extend(b"{" if len(self._out) == 1 else b",{")

    def token(self, key, token):
        if self._out[-1] != 123:
            self._out.extend(b",")
        self._out.extend(b'"%s":' % key.encode())
        self._out.extend(token)

    def text(self, key, data):
        self.token(key, json.dumps(str(data, "utf-8")).encode())

    def data(self, key, data):
        data = b2a_base64(data).strip().replace(b"+", b"-").replace(b"/", b"_")
        self.token(key, b'"%s"' % data.replace(b"=", b""))

    def flag(self, key, on):
        self.token(key, _FLAGS[on])

    def number(self, key, value, decimals):
        text = b"%d" % abs(value)
        if decimals:
            text = b"0" * (decimals + 1 - len(text)) + text
            text = text[:-decimals] + b"." + text[-decimals:]
        self.token(key, (b"-" if value < 0 else b"") + text)

    def end(self):
        self._out.extend(b"}")

    def done(self):
        self._out.extend(b"]")
        return self._out


class _Cbor:
    # The same as CBOR (RFC 8949).
    def __init__(self):
        self._out = bytearray(b"\x99\0\0")  # a list, its length in two bytes
        self._count = 0

    def begin(self):
        self._at = len(self._out)
        self._out.append(0xA0)  # a map
        self._count += 1

    def _head(self, kind, n):
        out = self._out
        if n < 24:
            out.append(kind | n)
        elif n >> 32:
            out.append(kind | 27)
            out.extend(struct.pack(">Q", n))
        else:
            size = 0 if n < 256 else 1 if n < 65536 else 2
            out.append(kind | 24 + size)
            out.extend(struct.pack((">B", ">H", ">I")[size], n))

    def _key(self, key):
        self._out[self._at] += 1
        label = _LABELS.get(key)
        if label is None:
            self._head(0x60, len(key))
            self._out.extend(key.encode())
        else:
            self._int(label)

    def _int(self, n):
        kind = 0
        if n < 0:
            kind = 0x20
            n = -1 - n
        if not n >> 64:
            self._head(kind, n)
            return
        self._out.append(0xC2 | kind >> 5)  # a bignum
        data = b""
        while n:
            data = bytes((n & 255,)) + data
            n >>= 8
        self._head(0x40, len(data))
        self._out.extend(data)

    def token(self, key, token):
        self.text(key, _plain(token))

    def text(self, key, data):
        self._key(key)
        self._head(0x60, len(data))
        self._out.extend(data)

    def data(self, key, data):
        self._key(key)
        self._head(0x40, len(data))
        self._out.extend(data)

    def flag(self, key, on):
        self._key(key)
        self._out.append(0xF4 + on)

    def number(self, key, value, decimals):
        self._key(key)
        while decimals and not value % 10:
            value //= 10
            decimals -= 1
        if decimals:
            self._out.extend(b"\xc4\x82")  # a decimal fraction
            self._int(-decimals)
        self._int(value)

    def end(self):
        pass

    def done(self):
        self._out[1] = self._count >> 8
        self._out[2] = self._count & 255
        return self._out
