# test_driver_units - ascii, parser, errors and quote, each on its own.
# SPDX-License-Identifier: MIT

import errno

import driver_kit
from qssl import hints
from qssl.connect import arguments as quote
from qssl.connect.arguments import optional, quoted
from qssl.errors import DeliveryUnknown, Error, Refused, error
from qssl.wire import ascii

INSIDE = True

# --- ascii ---------------------------------------------------------------------------------------


def test_put_writes_decimals():
    buf = bytearray(b"........")
    for v in (0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 1460, 1500, 65535, 999999):
        for at in (0, 2):
            end = ascii.put(buf, at, v)
            assert bytes(buf[at:end]) == b"%d" % v, (v, bytes(buf))


def test_number_reads_what_put_writes():
    buf = bytearray(16)
    for v in (0, 7, 10, 1500, 65535, 999999999):
        end = ascii.put(buf, 3, v)
        assert ascii.number(buf, 3, end) == v
    assert ascii.number(b"  42", 0, 4) == 42
    assert ascii.number(b"007", 0, 3) == 7


def test_number_refuses_everything_else():
    for text in (b"", b" ", b"x", b"1x", b"x1", b"-1", b"+1", b"1 ", b"1.5", b"1 2", b"0x10"):
        assert ascii.number(text, 0, len(text)) == -1, text
    assert ascii.number(b"9999999999", 0, 10) == -1  # no small int on 32-bit ports
    assert ascii.number(b"12", 1, 1) == -1
    assert ascii.number(b"12", 2, 1) == -1


def test_number_refuses_each_other_byte():
    for c in range(256):
        if not 48 <= c <= 57:
            text = bytes([49, c, 50])
            assert ascii.number(text, 0, 3) == -1, c


def fields(line):
    # All fields of a line by field(), with their text.
    n = len(line)
    found = []
    k = 0
    while ascii.field(line, 0, n, k) <= n:
        found.append(line[ascii.field(line, 0, n, k) : ascii.field(line, 0, n, k + 1) - 1])
        k += 1
    return found


def test_field_splits_at_commas():
    assert fields(b"1,22,333") == [b"1", b"22", b"333"]
    assert fields(b"1,,3") == [b"1", b"", b"3"]
    assert fields(b"one") == [b"one"]
    assert fields(b"1,2,") == [b"1", b"2", b""]


def test_field_counts_no_comma_in_quotes():
    assert fields(b'0,"a,b",c') == [b"0", b'"a,b"', b"c"]
    assert fields(b'"a,b"') == [b'"a,b"']
    assert fields(b'"","",1') == [b'""', b'""', b"1"]
    assert fields(b'1,"open, never closed') == [b"1", b'"open, never closed']


def test_value_and_text():
    line = b'+X: 1, 22,"SSL CLIENT","a,b",x'
    n = len(line)
    assert ascii.value(line, 4, n, 0) == 1
    assert ascii.value(line, 4, n, 1) == 22
    assert ascii.value(line, 4, n, 2) == -1
    assert ascii.value(line, 4, n, 9) == -1
    assert quote.text(line, 4, n, 2) == "SSL CLIENT"
    assert quote.text(line, 4, n, 3) == "a,b"
    assert quote.text(line, 4, n, 4) == "x"
    assert quote.text(line, 4, n, 5) is None
    assert quote.text(b'"\x01\xff\x7f~ "', 0, 7, 0) == "???~ "


def test_printable_is_safe_for_every_byte():
    shown = quote.printable(bytes(range(256)), 0, 256)
    assert len(shown) == 256
    for c in shown:
        assert 32 <= ord(c) < 127


# --- errors and hints ----------------------------------------------------------------------------


def test_every_reason_is_an_error_of_the_family():
    lines = [line for table in hints.REASONS for line in table.split("\n") if line]
    assert len(lines) > 50
    for line in lines:
        reason, number, _, _ = line.split("|")
        number = number.lstrip("!?")
        assert number in ("", "EISCONN") or hasattr(errno, number), line
        for code in (0, 566):
            e = error(reason, code, "detail")
            assert isinstance(e, Error) and isinstance(e, OSError), reason
            assert isinstance(e.errno, int) and e.errno > 0, reason
            assert e.args[0] == e.errno
            assert e.code == code
            assert e.phase in str(e) and e.hint in str(e) and "detail" in str(e), str(e)
            assert ("566" in str(e)) == (code == 566), str(e)
            assert len(e.hint) > 10, reason


def test_kinds_of_errors():
    assert isinstance(error("unknown"), DeliveryUnknown)
    assert isinstance(error("port"), Refused)
    assert not isinstance(error("late"), (DeliveryUnknown, Refused))
    try:
        raise error("late")
    except OSError as e:
        assert e.errno


def test_every_number_of_the_modem_is_explained():
    seen = []
    for code in list(range(550, 575)) + [400, 403, 407, 417, 421, 426]:
        text = hints.explain(code)
        assert "error %d" % code not in text and len(text) > 5, code
        seen.append(text)
    assert len(set(seen)) == len(seen)
    for code in (1, 404, 579, 99999):
        assert str(code) in hints.explain(code)
    for code in (0, -1):
        assert hints.explain(code)


# --- quote ---------------------------------------------------------------------------------------


def test_quoted_passes_what_is_harmless():
    assert quoted("broker.example", "open", "host") == b"broker.example"
    assert quoted(b"10.0.0.1", "open", "host") == b"10.0.0.1"
    assert quoted(bytearray(b"x"), "open", "host") == b"x"
    assert optional("", "start", "apn") == b""
    assert quoted("a" * 10, "open", "host", 10) == b"a" * 10
    for c in range(32, 127):
        if c != 34:
            assert quoted(bytes([c]), "open", "host") == bytes([c])


def test_quoted_refuses_each_dangerous_byte():
    bad = [34, 127] + list(range(32)) + list(range(128, 256))
    for c in bad:
        for text in (bytes([c]), b"host" + bytes([c]), bytes([c]) + b"host"):
            e = driver_kit.raised(quoted, text, "open", "host name")
            assert isinstance(e, Refused) and "host name" in str(e) and e.phase == "open", c
            e = driver_kit.raised(optional, text, "start", "apn")
            assert isinstance(e, Refused) and "apn" in str(e), c


def test_quoted_refuses_empty_and_long():
    assert "empty" in str(driver_kit.raised(quoted, "", "open", "host name"))
    e = driver_kit.raised(quoted, "a" * 11, "open", "host name", 10)
    assert "10" in str(e) and "host name" in str(e)
    e = driver_kit.raised(quoted, "h\u00f6st", "open", "host name")
    assert isinstance(e, Refused)
