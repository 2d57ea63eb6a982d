# receiver.forms - from the bytes of a delivery to records, their times and their values.
# SPDX-License-Identifier: MIT
#
# What a body may hold: docs/protocol.md. A form of one's own is an unpacker: UNPACKERS[content
# type] = function(bytes) that returns what json.loads() would have returned for the same delivery.

import base64
import decimal
import hashlib
import json
import math
import re
import time

import cbor2

from receiver import batch

QUEUE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
ID_MAX = (1 << 53) - 1  # what JSON carries everywhere
ACK_MAX = (1 << 48) - 1
_POINTS_MAX = 100  # values of one record that can be plotted
_DEPTH_MAX = 16
_NAME_MAX = 100
# RFC 8428, 4.4: below this a time is relative to now.
_ABSOLUTE_S = 1 << 28
_LATEST_S = 1 << 33
# RFC 8428, 6: labels of SenML in CBOR.
_LABELS = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}


_HEALTH = ("info.signal", "heap.free", "queue.records", "bill.today")
_BASE = ("bver", "bn", "bt", "bu", "bv", "bs")


class Bad(Exception):
    # A delivery that nobody can use. word: its name, for the answer and the metrics.
    def __init__(self, word, text):
        super().__init__(text)
        self.word = word


class Entry:
    # One record. id: within its queue. text: the record as JSON, in ASCII. at: seconds since 1970,
    # or None. points: [(name, unit, seconds or None, value)]. told: (kind, object) of a record
    # that is about the device itself, or None.
    def __init__(self, id, value, now):
        self.id = id
        self.text = _dumps(value)
        self.at, self.points = _unpacked(value, now)
        kind = value.get("qssl") if isinstance(value, dict) else None
        self.told = (kind, value) if isinstance(kind, str) else None


class Delivery:
    # What one POST or one MQTT message brings. queue: None: the record names none, and `digest` is
    # its identity. ack: the highest message that the device has, or None: it takes no messages.
    # room: bytes of messages that it takes at a time.
    def __init__(self, queue=None, entries=(), ack=None, room=None, digest=None):
        self.queue = queue
        self.entries = entries
        self.ack = ack
        self.room = room
        self.digest = digest


def read(body, kind="", now=None):
    # The Delivery in a body. kind: its content type. Raises Bad.
    now = time.time() if now is None else now
    unpack = UNPACKERS.get(kind.partition(";")[0].strip().lower())
    if unpack is None:
        raise Bad("type", "the content type is none that the receiver knows")
    try:
        value = unpack(body)
        if isinstance(value, dict) and ("queue" in value or "ack" in value):
            return _envelope(value, now)
        if isinstance(value, (dict, list)):
            return _bare(value, now)
    except RecursionError:
        raise Bad("depth", "the body is nested too deeply") from None
    raise Bad("form", "the body is neither a batch nor a record")


def _envelope(value, now):
    ack = value.get("ack")
    if ack is not None and not _number(ack, 0, ACK_MAX):
        raise Bad("ack", "ack is no number of a message")
    room = value.get("room")
    if room is not None and not _number(room, 1, 1 << 20):
        raise Bad("room", "room is no number of bytes")
    if "queue" not in value:
        return Delivery(ack=ack, room=room)
    queue = _queue(value["queue"])
    if "record" in value:
        records = [value["record"]]
    else:
        records = value.get("records")
        if not isinstance(records, list):
            raise Bad("form", "there are no records")
    first = value.get("id")
    if records and not _number(first, 1, ID_MAX - len(records)):
        raise Bad("id", "the id is no number from 1 on")
    entries = [Entry(first + i, record, now) for i, record in enumerate(records)]
    return Delivery(queue, entries, ack, room)


def _bare(value, now):
    # A record alone, as it is; or what qssl.uplink.senml has made of many.
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, dict) and "queue" in first:
        return _senml_batch(value, now)
    entry = Entry(0, value, now)
    digest = hashlib.sha256(entry.text.encode()).hexdigest()[:32]
    return Delivery(None, [entry], digest=digest)


def _senml_batch(value, now):
    # SenML Records with "queue" in the first of all, and "id" in the first of each record.
    queue = _queue(value[0]["queue"])
    found = []  # (id, SenML Records)
    base = {}
    for entry in value:
        if not isinstance(entry, dict):
            raise Bad("form", "there is something else among the SenML Records")
        entry = {key: item for key, item in entry.items() if key != "queue"}
        if not found or "id" in entry:
            id = entry.pop("id", None)
            if not _number(id, 1, ID_MAX):
                raise Bad("id", "the id is no number from 1 on")
            found.append((id, [{**base, **entry}]))
        else:
            found[-1][1].append(entry)
        base.update({key: item for key, item in entry.items() if key in _BASE})
    return Delivery(queue, [Entry(id, _whole(some), now) for id, some in found])


def _whole(pack):
    # What stands in one text, beside "qssl"; else the pack.
    if len(pack) != 1 or pack[0].get("qssl") != 1:
        return pack
    text = pack[0].get("vs")
    data = pack[0].get("vd")
    if not isinstance(text, str) and isinstance(data, str):
        try:
            data = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
        except ValueError:
            return pack
        text = data.decode("utf-8", "backslashreplace")
    if not isinstance(text, str):
        return pack
    try:
        return _loads(text.encode())
    except ValueError:
        return text


def _queue(queue):
    if not isinstance(queue, str) or not QUEUE.fullmatch(queue):
        raise Bad(
            "queue", "the queue's name is not of 1 to 64 letters, digits, '.', '_', ':', '-'"
        )
    return queue


def _number(value, low, high):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


# --- bytes to values -------------------------------------------------------------------------


def from_json(body):
    try:
        return _loads(body)
    except ValueError:  # also of UTF-8
        raise Bad("json", "the body is no JSON in UTF-8") from None


def _loads(body):
    return json.loads(body.decode(), parse_constant=_constant, parse_float=_float)


def from_batch(body):
    try:
        return batch.unpack(body, _loads)
    except batch.Damaged as e:
        raise Bad("batch", "the body is no batch, or damaged: %s" % e) from None


def from_bytes(body):
    # Where nothing says what it is, as by MQTT: no JSON begins as the others do.
    first = body[:1]
    if first == bytes((batch.VERSION,)):
        return from_batch(body)
    return from_cbor(body) if b"\x80" <= first <= b"\xbf" else from_json(body)


def from_cbor(body):
    try:
        return _plain(cbor2.loads(body), 0)
    except RecursionError:
        raise
    except Exception:  # whatever tags and lengths make of it
        raise Bad("cbor", "the body is no CBOR of numbers, texts, lists and maps") from None


UNPACKERS = {
    "": from_bytes,
    "text/plain": from_json,
    "application/json": from_json,
    "application/senml+json": from_json,
    "application/cbor": from_cbor,
    "application/senml+cbor": from_cbor,
    "application/vnd.qssl.batch": from_batch,
}


def _constant(text):
    raise ValueError(text)


def _float(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _plain(value, depth):
    # CBOR can hold what JSON can't.
    if depth > _DEPTH_MAX:
        raise RecursionError
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) >> 512:
            raise ValueError
        return value
    if isinstance(value, (float, decimal.Decimal)):
        return _float(value)
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode().rstrip("=")
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        found = {}
        for key, item in value.items():
            if not isinstance(key, str):
                key = _LABELS.get(key) if isinstance(key, int) else None
            if key is None:
                raise ValueError
            found[key] = _plain(item, depth + 1)
        return found
    raise ValueError


def _dumps(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


# --- a record's time and values --------------------------------------------------------------


def _unpacked(value, now):
    # (time or None, points)
    if isinstance(value, list):
        return _senml(value, now)
    if isinstance(value, dict):
        if "at" not in value and ("v" in value or "bn" in value or "n" in value):
            at, points = _senml([value], now)
            if points:
                return at, points
        points = []
        at = _time(value.get("at"))
        kind = value.get("qssl")
        if kind is None:
            _flat("", value, at, points, 0)
        elif kind == "health":
            # Not all that it counts, which would push measurements off the page.
            _flat("", {k: v for k, v in value.items() if not isinstance(v, dict)}, at, points, 0)
            for name in _HEALTH:
                outer, _, inner = name.partition(".")
                part = value.get(outer)
                if isinstance(part, dict) and inner in part:
                    _flat(outer + ".", {inner: part[inner]}, at, points, 3)
        return at, points[:_POINTS_MAX]
    if isinstance(value, (int, float)) and math.isfinite(_value(value)):
        return None, [("value", "", None, _value(value))]
    return None, []


def _flat(prefix, value, at, points, depth):
    for key, item in value.items():
        if not depth and key in ("at", "qssl"):
            continue
        if isinstance(item, dict) and depth < 3:
            _flat(prefix + key + ".", item, at, points, depth + 1)
        elif isinstance(item, (int, float)) and math.isfinite(_value(item)):
            points.append((clean(prefix + key), "", at, _value(item)))


def _senml(pack, now):
    # RFC 8428, 4.6. Names are without the base name where there is but one.
    names = {e["bn"] for e in pack if isinstance(e, dict) and isinstance(e.get("bn"), str)}
    base = {"bn": "", "bt": 0, "bu": "", "bv": 0}
    points = []
    first = None
    for entry in pack[: 10 * _POINTS_MAX]:
        if not isinstance(entry, dict):
            continue
        for key, default in base.items():
            kind = str if isinstance(default, str) else (int, float)
            if isinstance(entry.get(key), kind):
                base[key] = entry[key]
        name = entry.get("n", "")
        name = name if isinstance(name, str) else ""
        if len(names) > 1 or not name:
            name = base["bn"] + name
        value = entry.get("v", entry.get("vb"))
        if isinstance(value, (int, float)):
            value = _value(value) + (0 if isinstance(value, bool) else _value(base["bv"]))
        elif isinstance(entry.get("s"), (int, float)):
            name, value = name + " sum", _value(entry["s"])
        else:
            continue
        t = entry.get("t", 0)
        t = _value(t if isinstance(t, (int, float)) else 0) + _value(base["bt"])
        known = "t" in entry or base["bt"] != 0
        at = _time(t, now) if known else None
        first = at if first is None else first
        unit = entry.get("u", base["bu"])
        if len(points) < _POINTS_MAX and math.isfinite(value):
            unit = clean(unit) if unit and isinstance(unit, str) else ""
            points.append((clean(name), unit, at, value))
    return first, points


def _time(value, now=None):
    # A time in seconds since 1970, None if it is none. now: of SenML, where it may be relative; a
    # clock that nobody has set may say 1970 as well.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    value = _value(value)
    if now is not None and value < _ABSOLUTE_S:
        value += now
    return value if 0 < value < _LATEST_S else None


def _value(number):
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def clean(text):
    # A name that every database takes and every page shows: no control characters, no halves of
    # characters, not too long.
    text = text[:_NAME_MAX].encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in text) or "?"
