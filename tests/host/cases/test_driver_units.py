# test_driver_units - ascii, parser, errors and quote, each on its own.
# SPDX-License-Identifier: MIT

import driver_kit
from micropython import RingIO
from qssl import ascii, hints
from qssl.errors import DeliveryUnknown, Error, Refused, error
from qssl.parser import LINE_MAX, Parser
from qssl.quote import optional, quoted

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
    assert ascii.text(line, 4, n, 2) == "SSL CLIENT"
    assert ascii.text(line, 4, n, 3) == "a,b"
    assert ascii.text(line, 4, n, 4) == "x"
    assert ascii.text(line, 4, n, 5) is None
    assert ascii.text(b'"\x01\xff\x7f~ "', 0, 7, 0) == "???~ "


def test_printable_is_safe_for_every_byte():
    shown = ascii.printable(bytes(range(256)), 0, 256)
    assert len(shown) == 256
    for c in shown:
        assert 32 <= ord(c) < 127


# --- parser --------------------------------------------------------------------------------------


class Owner:
    # Records what the parser finds, and answers lines as link and jobs do: "+GET: n" announces n
    # bytes of payload, "+ASK" arms the prompt.
    def __init__(self, tail=None, ring=4096):
        self.parser = Parser(self)
        self.ring = RingIO(ring)
        self.tail = tail
        self.seen = []
        self.ends = None  # what separated the last line from what was before it

    def on_line(self, buf, lo, hi):
        line = bytes(buf[lo:hi])
        self.ends = self.parser.blanks, self.parser.exact
        self.drain()
        self.seen.append((b"line", line))
        if line.startswith(b"+GET: "):
            self.parser.expect(int(line[6:]), self.ring, self.tail)
        elif line == b"+ASK":
            self.parser.prompt = True

    def on_prompt(self):
        self.drain()
        self.seen.append((b"prompt", b""))

    def on_tail(self):
        self.drain()
        self.seen.append((b"tail", b""))

    def drain(self):
        # Payload that has arrived, as one piece however it was cut.
        data = self.ring.read()
        if data:
            if self.seen and self.seen[-1][0] == b"payload":
                data = self.seen.pop()[1] + data
            self.seen.append((b"payload", data))

    def feed(self, data):
        # All of data; what the sink does not take is offered again once it was emptied.
        lo = 0
        while lo < len(data):
            n = self.parser.feed(data, lo, len(data))
            assert lo <= n <= len(data)
            assert n == len(data) or self.ring.any(), "stuck with room in the sink"
            lo = n
            self.drain()
        return self

    def result(self):
        self.drain()
        return self.seen


def parse(pieces, tail=None):
    owner = Owner(tail)
    for piece in pieces:
        owner.feed(piece)
    return owner.result()


def lines(*texts):
    return [(b"line", text) for text in texts]


REPLIES = (
    (b"AT\r\r\nOK\r\n", lines(b"AT", b"OK")),
    (b"\r\n+CSQ: 14,2\r\n\r\nOK\r\n", lines(b"+CSQ: 14,2", b"OK")),
    (b"\r\nQuectel\r\nUG96\r\nRevision: X\r\n\r\nOK\r\n", None),
    (b"\r\n+CME ERROR: 407\r\n", lines(b"+CME ERROR: 407")),
    (b'\r\n+QSSLURC: "recv",0\r\n\r\n+QSSLURC: "closed",0\r\n', None),
    (b"\r\nOK\r\n\r\n+QSSLOPEN: 0,0\r\n", lines(b"OK", b"+QSSLOPEN: 0,0")),
    (b"\r\n+ASK\r\n\r\n> \r\nSEND OK\r\n", None),
    (b"\r\n+ASK\r\n\r\n>\r\nSEND FAIL\r\n", None),
    (b"\r\n+GET: 5\r\nabcde\r\n\r\nOK\r\n", None),
    (b"\r\n+GET: 5\r\n\r\nOK\r\r\n\r\nOK\r\n", None),
    (b"\r\n+GET: 3\r\n> \n\r\nOK\r\n", None),
    (b"\r\n+GET: 0\r\n\r\nOK\r\n", lines(b"+GET: 0", b"OK")),
    (b'\r\n+GET: 12\r\n\r\n+GET: 5\r\n.\r\n\r\nOK\r\n\r\n+QIURC: "pdpdeact",1\r\n', None),
)


def test_every_reply_at_every_split_point():
    for reply, want in REPLIES:
        whole = parse([reply])
        if want is not None:
            assert whole == want, (reply, whole)
        for i in range(len(reply) + 1):
            got = parse([reply[:i], reply[i:]])
            assert got == whole, (reply, i, got, whole)


def test_every_reply_at_every_pair_of_split_points():
    for reply, _ in REPLIES:
        whole = parse([reply])
        for i in range(len(reply) + 1):
            for j in range(i, len(reply) + 1):
                got = parse([reply[:i], reply[i:j], reply[j:]])
                assert got == whole, (reply, i, j, got)


def test_every_reply_in_pieces_of_every_size():
    for reply, _ in REPLIES:
        whole = parse([reply])
        for size in range(1, len(reply)):
            pieces = [reply[i : i + size] for i in range(0, len(reply), size)]
            assert parse(pieces) == whole, (reply, size)


def test_prompt_reply_is_seen_as_such():
    want = lines(b"+ASK") + [(b"prompt", b"")] + lines(b"SEND OK")
    assert parse([REPLIES[6][0]]) == want
    want = lines(b"+GET: 5") + [(b"payload", b"abcde")] + lines(b"OK")
    assert parse([REPLIES[8][0]]) == want
    want = lines(b"+GET: 5") + [(b"payload", b"\r\nOK\r")] + lines(b"OK")
    assert parse([REPLIES[9][0]]) == want


def test_prompt_only_when_armed():
    assert parse([b"\r\n> \r\nOK\r\n"]) == lines(b">", b"OK")


def test_prompt_once():
    got = parse([b"\r\n+ASK\r\n\r\n> > \r\n> x\r\n"])
    assert got == lines(b"+ASK") + [(b"prompt", b"")] + lines(b">", b"> x")


def test_prompt_only_at_column_0():
    for text in (b"a>", b" >", b"+X: >", b"+QSSLURC: >"):
        for i in range(len(text) + 1):
            owner = Owner()
            owner.parser.prompt = True
            owner.feed(text[:i])
            owner.feed(text[i:] + b"\r\n")
            assert owner.result() == lines(text.strip()), (text, i)
            assert owner.parser.prompt


def test_prompt_after_a_urc():
    got = parse([b'\r\n+ASK\r\n\r\n+QSSLURC: "recv",1\r\n\r\n> '])
    assert got == lines(b"+ASK", b'+QSSLURC: "recv",1') + [(b"prompt", b"")]


def test_payload_of_every_byte_value():
    data = bytes(range(256))
    reply = b"\r\n+GET: 256\r\n" + data + b"\r\n\r\nOK\r\n"
    want = lines(b"+GET: 256") + [(b"payload", data)] + lines(b"OK")
    for i in range(len(reply)):
        assert parse([reply[:i], reply[i:]]) == want, i
    for c in range(256):
        data = bytes([c]) * 3
        assert parse([b"\r\n+GET: 3\r\n" + data + b"\r\n\r\nOK\r\n"])[1] == (b"payload", data), c


def test_payload_that_looks_like_the_protocol():
    for data in driver_kit.LOOKALIKES:
        reply = b"\r\n+GET: %d\r\n" % len(data) + data + b"\r\n\r\nOK\r\n"
        want = lines(b"+GET: %d" % len(data)) + [(b"payload", data)] + lines(b"OK")
        for i in range(len(reply)):
            assert parse([reply[:i], reply[i:]]) == want, (data, i)


def test_tail_as_one_token_or_cut():
    # Whether the tail comes whole or in pieces: the reply ends once.
    for tail in (b"\r\n\r\nOK\r\n", b"\r\nOK\r\n"):
        reply = b"\r\n+GET: 4\r\nABCD" + tail
        for i in range(len(reply) + 1):
            owner = Owner(tail)
            owner.feed(reply[:i]).feed(reply[i:])
            got = owner.result()
            assert got[:2] == lines(b"+GET: 4") + [(b"payload", b"ABCD")], i
            # Also a tail that begins with a piece of its own goes the long way.
            whole = not len(reply) - len(tail) <= i < len(reply)
            assert owner.parser.matched == whole, i
            assert got[2:] == ([(b"tail", b"")] if whole else lines(b"OK")), (i, got)
            if not whole:
                assert owner.ends == (2 if len(tail) == 8 else 1, True), (i, owner.ends)


def test_tail_that_is_no_tail():
    for other in (b"\r\nOK\r\n\r\n", b"x\r\n\r\nOK\r\n", b"\r\n\r\nOK\n", b"\r\n\n\r\nOK\r\n"):
        owner = Owner(b"\r\n\r\nOK\r\n")
        owner.feed(b"\r\n+GET: 4\r\nABCD" + other)
        assert not owner.parser.matched, other


def test_line_ends_are_counted():
    # What separates the payload from OK: only CR LF is exact.
    for between, blanks, exact in (
        (b"\r\n", 1, True),
        (b"\r\n\r\n", 2, True),
        (b"\n\r\n", 2, False),
        (b"\r\n\n", 2, False),
        (b"\r\r\n\r\n", 2, False),
        (b" \r\n", 1, False),
        (b"", 0, True),
    ):
        owner = Owner()
        owner.feed(b"\r\n+GET: 4\r\nABCD").feed(between + b"OK\r\n")
        assert owner.ends == (blanks, exact), (between, owner.ends)


def test_sink_that_is_full_holds_the_parser():
    owner = Owner(ring=10)
    data = driver_kit.pattern(100)
    reply = b"\r\n+GET: 100\r\n" + data + b"\r\n\r\nOK\r\n"
    lo = owner.parser.feed(reply, 0, len(reply))
    assert lo == 13 + 10, lo
    assert owner.parser.need == 90
    assert owner.parser.feed(reply, lo, len(reply)) == lo
    owner.feed(reply[lo:])
    assert owner.result() == lines(b"+GET: 100") + [(b"payload", data)] + lines(b"OK")


def test_long_lines():
    for n in (LINE_MAX - 2, LINE_MAX - 1):
        line = b"x" * n
        for size in (1, 7, 64, 1000):
            data = line + b"\r\nOK\r\n"
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            assert parse(pieces) == lines(line, b"OK"), (n, size)


def test_overlong_line_is_skipped_to_its_end():
    for n in (LINE_MAX + 1, LINE_MAX + 2, 2 * LINE_MAX, 5000):
        for size in (1, 7, 64, 255, 256, 257):
            data = b"\r\n" + b"x" * n + b"\r\nOK\r\n"
            owner = Owner()
            for i in range(0, len(data), size):
                owner.feed(data[i : i + size])
            assert owner.result() == lines(b"OK"), (n, size, owner.seen)
            assert owner.parser.overlong == 1, (n, size)


def test_unterminated_line_for_ever():
    owner = Owner()
    for _ in range(3000):
        owner.feed(b"garbage without an end " * 2)
    assert not owner.result()
    assert owner.parser.overlong == 1
    owner.feed(b"\r\nOK\r\n")
    assert owner.result() == lines(b"OK")
    owner.feed(b"\r\n+CSQ: 1,1\r\n")
    assert owner.result()[-1] == (b"line", b"+CSQ: 1,1")


def test_noise_before_a_line():
    for noise in (b"\0", b"\0\0\0", b" ", b"\r\r", b"\x01\x02\t"):
        assert parse([b"\r\n" + noise + b"OK\r\n"]) == lines(b"OK"), noise
        assert parse([noise, b"\r\nOK\r\n"]) == lines(b"OK"), noise


def test_each_byte_alone_never_breaks_the_next_line():
    for c in range(256):
        for armed in (False, True):
            owner = Owner()
            owner.parser.prompt = armed
            owner.feed(bytes([c]) + b"\r\n\r\nRDY\r\n")
            assert owner.result()[-1] == (b"line", b"RDY"), c


def test_reset_forgets_everything():
    for start in (b"half a li", b"\r\n+GET: 50\r\nabc", b"\r\n+ASK\r\n", b"y" * 5000):
        owner = Owner(b"\r\n\r\nOK\r\n")
        owner.feed(start)
        owner.parser.reset()
        owner.result()
        owner.seen = []
        owner.feed(b"\r\n> \r\nOK\r\n")
        assert owner.result() == lines(b">", b"OK"), (start, owner.seen)


# --- errors and hints ----------------------------------------------------------------------------


def test_every_reason_is_an_error_of_the_family():
    for reason in hints.REASONS:
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
