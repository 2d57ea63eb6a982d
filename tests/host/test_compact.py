# test_compact - the compact forms: what the device packs is what the receiver unpacks.
# SPDX-License-Identifier: MIT

import decimal
import importlib.util
import json
import math
import re
import sys
import types

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import setup
from compact_kit import ODD, telemetry
from receiver import batch as unpacker
from receiver import forms


def _module(name):
    # A module of the driver that needs nothing of a board, without the rest of it.
    path = setup.ROOT / "lib/qssl/uplink" / (name + ".py")
    spec = importlib.util.spec_from_file_location("device_" + name, path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "micropython", types.SimpleNamespace(const=lambda n: n))
        spec.loader.exec_module(module)
    return module


batch = _module("batch")


def same(one, other):
    # As JSON sees it: 21.0 is 21.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        if isinstance(one, int) and isinstance(other, int):
            return one == other
        return float(one) == float(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    return one == other


def want(record):
    # What becomes of a record: JSON without what is no number, else its text.
    def constant(text):
        raise ValueError(text)

    text = record.decode("utf-8", "backslashreplace")
    try:
        value = json.loads(record.decode(), parse_constant=constant, parse_float=forms._float)
    except (ValueError, UnicodeDecodeError):
        return text
    return value


def alike(one, right):
    if not same(one, right):
        # Text that is no JSON may have lost blanks, and numbers their zeros at the end.
        assert isinstance(one, str) and isinstance(right, str), (one, right)
        assert plain(one) == plain(right)


def plain(text):
    return re.sub(r"-?\d+(\.\d+)?([eE][+-]?\d+)?|\s", number, text)


def number(found):
    text = found[0].strip()
    return str(decimal.Decimal(text).normalize()) if text else ""


def through(records):
    body = bytes(batch.pack("q1", [(5 + n, record) for n, record in enumerate(records)]))
    found = forms.from_batch(body)
    assert (found["queue"], found["id"]) == ("q1", 5)
    return found["records"]


@pytest.mark.parametrize("records", [records for records, _ in ODD])
def test_what_is_packed_comes_out(records):
    found = through(records)
    assert len(found) == len(records)
    for one, record in zip(found, records):
        if b"nan" in record or b"inf" in record or b"NaN" in record:
            assert one == {"t": None}
        else:
            alike(one, want(record))
    forms.read(bytes(batch.pack("q", [(1, r) for r in records])), batch.KIND)


_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
_records = st.dictionaries(st.sampled_from("abc\u00fc"), _values, max_size=4)
_texts = st.builds(
    lambda value, style, escape: json.dumps(value, indent=style, ensure_ascii=escape).encode(
        "utf-8", "backslashreplace"
    ),
    _records | _values,
    st.sampled_from([None, 1]),
    st.booleans(),
)
_junk = st.text(alphabet='{}[]:,"\\ \x01\n1-.eE0tn\u00fc', min_size=1, max_size=12).map(str.encode)


@settings(max_examples=100, deadline=None)
@given(st.lists(_texts | _junk | st.binary(min_size=1, max_size=6), min_size=1, max_size=6))
@example([b'{"a":0.1}', b'{"a":1e-30}', b'{"a":-1e30}'])
@example([b"1E5", b"1e+5", b"1e", b"-", b"00", b"-0.50"])
def test_whatever_is_put(records):
    found = through(records)
    assert len(found) == len(records)
    for one, record in zip(found, records):
        alike(one, want(record))


def test_many_decimals_stay_exact():
    texts = [b'{"t":%s}' % repr(math.sqrt(n) * 10 ** (n % 9 - 4)).encode() for n in range(1, 60)]
    assert through(texts) == [json.loads(t) for t in texts]


def test_what_is_damaged_is_refused_by_name():
    body = bytes(batch.pack("q1", [(1 + n, r) for n, r in enumerate(telemetry(9))]))
    for i in range(len(body)):
        for bad in (body[:i], body[:i] + bytes((body[i] ^ 1 << i % 8,)) + body[i + 1 :]):
            with pytest.raises(forms.Bad) as e:
                forms.read(bad, batch.KIND)
            assert e.value.word == "batch"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_right_checksum_over_anything(data):
    # Whoever has a token may send it: it ends soon, and by name.
    body = bytes(batch.pack("q1", [(1 + n, r) for n, r in enumerate(telemetry(3))]))[:-4]
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(body)))
        body = (
            body[:i] + data.draw(st.binary(max_size=4)) + body[i + data.draw(st.integers(0, 3)) :]
        )
    try:
        forms.read(sealed(body), batch.KIND)
    except forms.Bad as e:
        assert e.word in ("batch", "queue", "id", "depth")


def test_little_that_would_become_much():
    wide = b"\x01" * 20000
    head = b"\x01\x01q\x01"
    much = [
        head
        + b"\x90\x4e\x01"
        + b"\xa0\x9c\x01"
        + wide
        + b"\x00" * 20000
        + b"\x00\x90\x4e"
        + b"\x00" * 9,
        head + b"\x90\x4e\x01" + b"\xe0\xd4\x03" + b"x" * 60000 + b"\x00\x90\x4e",
        head + b"\xff\xff\x7f\x01\x00\x00\xff\xff\x7f",
        head + b"\x01\x01\x01\x01\x01\x00\x01" + b"\xff" * 300 + b"\x01",
        head + b"\x01\x01\x01\x01" + b"\xff" * 30 + b"\x01" + b"\x00\x01\x01",
    ]
    for body in much:
        with pytest.raises(forms.Bad) as e:
            forms.read(sealed(body), batch.KIND)
        assert e.value.word == "batch"


def test_the_batch_of_the_page():
    page = (setup.ROOT / "docs/protocol.md").read_text()
    (found,) = re.findall(r"^    ([0-9a-f ]+) CRC$", page, re.M)
    body = sealed(bytes.fromhex(found))
    assert body == bytes(batch.pack("q", [(17, b'{"t":21.5}'), (18, b'{"t":21.75}')]))
    delivery = forms.read(body)  # as by MQTT
    assert [(e.id, e.text) for e in delivery.entries] == [(17, '{"t":21.5}'), (18, '{"t":21.75}')]


def test_the_numbers_go_on_as_the_page_says():
    body = bytes(batch.pack("q", [(n, b"%d" % (10 * n)) for n in range(1, 5)]))
    assert body[-8:-4] == bytes((1 + 20, 1 + 20, 1, 1))


def sealed(body):
    return body + unpacker.binascii.crc32(body).to_bytes(4, "big")
