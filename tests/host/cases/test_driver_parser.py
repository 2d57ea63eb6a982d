# test_driver_parser - the byte machine: every reply, cut at every place.
# SPDX-License-Identifier: MIT

import driver_kit
from micropython import RingIO
from qssl.wire.parser import LINE_MAX, Parser

INSIDE = True


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
            assert got[2:] == ([(b"tail", b"")] if whole else lines(b"OK")), (i, got)
            if not whole:
                assert owner.ends == (2 if len(tail) == 8 else 1, True), (i, owner.ends)


def test_tail_that_is_no_tail():
    for other in (b"\r\nOK\r\n\r\n", b"x\r\n\r\nOK\r\n", b"\r\n\r\nOK\n", b"\r\n\n\r\nOK\r\n"):
        owner = Owner(b"\r\n\r\nOK\r\n")
        owner.feed(b"\r\n+GET: 4\r\nABCD" + other)
        assert (b"tail", b"") not in owner.result(), other


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
        owner.feed(start)
        owner.parser.reset()
        owner.result()
        owner.seen = []
        owner.feed(b"OK\r\n")  # with nothing in front of it, as an echo has
        assert owner.result() == lines(b"OK"), (start, owner.seen)


class Hearer(Owner):
    def on_echo(self):
        self.seen.append((b"echo", b""))

    def on_mirror(self, c, sure):
        self.seen.append((b"mirror", bytes((c,)), sure))


def test_what_stands_behind_the_bytes_that_came_is_not_read():
    # A chunk has what came before behind its end: there a tail, or an echo, may be whole.
    tail = b"\r\n\r\nOK\r\n"
    whole = b"+GET: 3\r\nabc" + tail
    for cut in range(len(whole) - len(tail) + 1, len(whole)):
        owner = Owner(tail)
        assert owner.parser.feed(whole, 0, cut) == cut
        assert (b"tail", b"") not in owner.result(), cut
        owner.feed(whole[cut:])
        assert owner.result()[1:] == [(b"payload", b"abc"), (b"line", b"OK")], cut
    echo = b"AT+CSQ\r"
    for cut in range(1, len(echo)):
        owner = Hearer()
        owner.parser.echo = echo
        owner.parser.echo_n = len(echo)
        owner.parser.echo_at = owner.parser.run = 0
        assert owner.parser.feed(echo, 0, cut) == cut and owner.seen == [], cut
        owner.feed(echo[cut:] + b"\r\nOK\r\n")
        assert owner.seen == [(b"echo", b""), (b"line", b"OK")], (cut, owner.seen)


def test_what_comes_behind_the_prompt():
    # Its blank, and a line end; else it is payload that is echoed, from its first byte on.
    for text, seen in (
        (b"> \r\nOK\r\n", lines(b"OK")),
        (b">\r\nOK\r\n", lines(b"OK")),
        (b"> x\r\nOK\r\n", [(b"mirror", b"x", False)] + lines(b"x", b"OK")),
        (b">x\r\nOK\r\n", [(b"mirror", b"x", False)] + lines(b"x", b"OK")),
        (b">  x\r\nOK\r\n", [(b"mirror", b" ", False)] + lines(b"x", b"OK")),
    ):
        for cut in range(1, len(text)):
            owner = Hearer()
            owner.parser.prompt = True
            owner.feed(text[:1])
            owner.parser.mirror = 2
            owner.feed(text[1:cut]).feed(text[cut:])
            assert owner.seen == [(b"prompt", b"")] + seen, (text, cut, owner.seen)


def test_a_line_that_ends_with_the_echo():
    owner = Owner()
    owner.parser.echo = b"AT+CSQ\r"
    owner.parser.echo_n = 7
    for line, ends in (
        (b"AT+CSQ", True),
        (b"xAT+CSQ", True),
        (b"+QIND: 1AT+CSQ", True),
        (b"xAT+CSx", False),
        (b"xAT+xSQ", False),
        (b"xxT+CSQ", False),
        (b"xATT+CS", False),
        (b"AT+CSQx", False),
        (b"T+CSQ", False),
        (b"", False),
    ):
        text = b"AT+CSQ" + line  # what stands in front of it is not of it
        assert owner.parser.echoed(text, 6, len(text)) is ends, line


class Swallower(Hearer):
    def on_mirror(self, c, sure):
        super().on_mirror(c, sure)
        self.parser.expect(5, None, None)


def test_line_ends_behind_a_payload_that_comes_back():
    # Those in front of it are not of them.
    for front in (b"\r\n", b"\n", b"\r\n\r\n"):
        owner = Swallower()
        owner.parser.prompt = True
        owner.feed(front + b">")
        owner.parser.mirror = 2
        owner.feed(b" hello\r\nSEND OK\r\n")
        assert owner.seen[-1] == (b"line", b"SEND OK") and owner.ends == (1, True), owner.ends
    # Where it is known to come, it may begin with CR.
    for armed, seen in ((2, []), (4, [(b"mirror", b"\r", True)])):
        owner = Swallower()
        owner.parser.prompt = True
        owner.feed(b"\r\n>")
        owner.parser.mirror = armed
        owner.feed(b" \rabcd\r\nSEND OK\r\n")
        mirrored = [entry for entry in owner.seen if entry[0] == b"mirror"]
        assert mirrored == seen and owner.seen[-1] == (b"line", b"SEND OK"), owner.seen


def test_what_has_begun_and_what_a_reset_leaves():
    for text, begun in ((b"x", True), (b"y" * 600, True), (b"x\r\n", False), (b"", False)):
        assert Owner().feed(text).parser.started() is begun, text
    for text, left in ((0, 0), (1, 0), (2, 2), (3, 2)):
        parser = Owner().parser
        parser.text = text
        parser.reset()
        assert parser.text == left
    assert parse([b"\r\n!x \r\n"]) == lines(b"!x")  # only blanks and what is less are trimmed
