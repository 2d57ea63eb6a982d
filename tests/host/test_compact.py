# test_compact - the compact forms: what the device packs is what the receiver unpacks.
# SPDX-License-Identifier: MIT

import decimal
import importlib
import json
import math
import re
import sys
import types

import cbor2
import pycddl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import setup
from compact_kit import ODD, telemetry
from receiver import batch as unpacker
from receiver import forms


def _modules(*names):
    # Modules of the driver that need nothing of a board, without the rest of it.
    package = types.ModuleType("device")
    package.__path__ = [str(setup.ROOT / "lib/qssl/uplink")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "micropython", types.SimpleNamespace(const=lambda n: n))
        patch.setitem(sys.modules, "device", package)
        return [importlib.import_module("device." + name) for name in names]


batch, senml = _modules("batch", "senml")


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
    return str(decimal.Decimal(text).normalize() or 0) if text else ""  # -0 is 0


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
@example([b"-0:", b"0:", b'{"a":-0.0}'])
@example([b"inf", b"-inf", b"nan"])
def test_whatever_is_put(records):
    found = through(records)
    assert len(found) == len(records)
    for one, record in zip(found, records):
        if not re.search(b"nan|inf", record):  # which are null, see above
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


# --- SenML -----------------------------------------------------------------------------------

# RFC 8428, section 11, with the names of JSON and the labels of CBOR; and our own three members in
# the place of any.
_SCHEMA = """
pack = [1* record]
record = {{
  ? {bn} => text, ? {bt} => numeric, ? {n} => text, ? {u} => text,
  ? ({v} => numeric // {vs} => text // {vb} => bool // {vd} => {data}),
  ? "queue" => text, ? "id" => uint, ? "qssl" => uint
}}
numeric = int / float / #6.2(bstr) / #6.3(bstr) / #6.4([int, int])
"""
_JSON = pycddl.Schema(
    _SCHEMA.format(**{k: '"%s"' % k for k in "bn bt n u v vs vb vd".split()}, data="text")
)
_CBOR = pycddl.Schema(_SCHEMA.format(bn=-2, bt=-3, n=0, u=1, v=2, vs=3, vb=4, vd=8, data="bytes"))
_NAMES = {-2: "bn", -3: "bt", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 8: "vd"}


def both(records, name="n1:", **keywords):
    # SenML in JSON and in CBOR, each valid: its SenML Records, and what the receiver reads.
    found = []
    for cbor in (False, True):
        form = senml.Senml(name, cbor=cbor, **keywords)
        body = bytes(form.pack("q1", [(5 + n, record) for n, record in enumerate(records)]))
        if cbor:
            _CBOR.validate_cbor(body)
            value = [{_NAMES.get(k, k): v for k, v in e.items()} for e in cbor2.loads(body)]
        else:
            value = json.loads(body)
            _JSON.validate_cbor(cbor2.dumps(json.loads(body, parse_float=decimal.Decimal)))
        found.append((value, forms.read(body, form.kind, 2e9)))
    return found


def members(record):
    # {name: value} of a record as SenML has it, without its time; None: not as a whole.
    try:
        value = json.loads(record.decode(), parse_constant=lambda c: None)
    except ValueError:
        return None
    found = {}

    def go(prefix, item):
        pairs = item.items() if isinstance(item, dict) else enumerate(item)
        for key, inner in pairs:
            path = prefix + re.sub(
                r"^[^A-Za-z0-9]", "_", re.sub(r"[^A-Za-z0-9:./_-]", "_", str(key))
            )
            if isinstance(inner, (dict, list)):
                go(path + ".", inner)
            elif inner is not None:
                found[path] = inner

    go("", value)
    found.pop("at", None)
    return found


def test_telemetry_as_senml():
    records = telemetry(20)
    for value, delivery in both(records, units={"t": "Cel"}):
        assert [e.id for e in delivery.entries] == list(range(5, 25)) and delivery.queue == "q1"
        for entry, record in zip(delivery.entries, records):
            want = json.loads(record)
            at = want.pop("at")
            units = {"t": "Cel"}
            assert entry.at == at
            assert entry.points == [(k, units.get(k, ""), at, v) for k, v in want.items()]
        assert value[0]["bn"] == "n1:" and value[3]["bt"] == json.loads(records[1])["at"]


@pytest.mark.parametrize("records", [records for records, _ in ODD[:-2]])
def test_odd_records_as_senml(records):
    one, other = both(records)
    for found in (one, other):
        entries = found[1].entries
        assert [e.id for e in entries] == list(range(5, 5 + len(records)))
        for entry, record in zip(entries, records):
            value = json.loads(entry.text)
            if isinstance(value, list) and value and isinstance(value[0], dict):
                got = {e["n"]: e.get("v", e.get("vs", e.get("vb"))) for e in value}
                assert all(same(got[k], v) for k, v in members(record).items()), (got, record)
                assert len(got) == len(members(record))
            else:
                alike(value, want(record))
    assert [e.text for e in one[1].entries] == [e.text for e in other[1].entries]


def test_times_that_come_and_go():
    records = [
        b'{"t":1}',
        b'{"at":1786200000.5,"t":2}',
        b'{"t":3,"at":null}',
        b'{"t":4,"at":1786200001}',
    ]
    for _, delivery in both(records):
        assert [e.at for e in delivery.entries] == [None, 1786200000.5, None, 1786200001]
        assert [e.points[0][3] for e in delivery.entries] == [1, 2, 3, 4]


def test_what_is_about_the_device_stays_whole():
    record = (
        '{"m":1,"at":1786200000,"qssl":"settings","values":{"a":1,"\u00fc":"\\u00fc"}}'.encode()
    )
    for _, delivery in both([record, b"\xff\x00", '{"a":"\u00fc\\n"}'.encode()]):
        first, second, third = delivery.entries
        assert first.told == ("settings", json.loads(record)) and first.at == 1786200000
        assert json.loads(second.text) == "\\xff\x00"
        assert json.loads(third.text)[0]["vs"] == "\u00fc\n"


@settings(max_examples=100, deadline=None)
@given(st.lists(_texts | _junk | st.binary(min_size=1, max_size=6), min_size=1, max_size=4))
def test_whatever_is_put_is_senml(records):
    for value, delivery in both(records):
        assert [e.id for e in delivery.entries] == list(range(5, 5 + len(records)))
        for entry in value:
            assert re.fullmatch(
                r"[A-Za-z0-9][A-Za-z0-9:./_-]*", entry.get("bn", "n1:") + entry["n"]
            )


def test_senml_that_is_damaged_is_refused_by_name():
    for pack, word in (
        ([{"queue": "q", "n": "t", "v": 1}], "id"),
        ([{"queue": "q", "id": 0, "n": "t", "v": 1}], "id"),
        ([{"queue": "<q>", "id": 1, "n": "t", "v": 1}], "queue"),
        ([{"queue": "q", "id": 1, "n": "t", "v": 1}, 7], "form"),
        ([{"queue": "q", "id": 1}, {"id": True}], "id"),
    ):
        for body in (json.dumps(pack).encode(), cbor2.dumps(pack)):
            with pytest.raises(forms.Bad) as e:
                forms.read(body)
            assert e.value.word == word


# --- the page --------------------------------------------------------------------------------


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
