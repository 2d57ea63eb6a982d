# test_inbox - messages to the device: kept before they are acknowledged, given once, through power
# cuts, repeats, forgeries and whatever else a server may send.
# SPDX-License-Identifier: MIT

from binascii import hexlify

from both_kit import ENOSPC, HOST, KEY, LATER, Board, Clock, Part, message
from disk import Disk, PowerCut
from driver_kit import raised, tls
from qssl import uplink
from qssl.errors import Refused
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import RamQueue
from qssl.uplink import Uplink
from qssl.uplink.answer import Answer
from qssl.uplink.inbox import _joined
from qssl.uplink.signed import mac
from receivers import HttpServer, Mailbox

INSIDE = (
    "test_hmac_sha256",
    "test_power_cut_at_every_byte",
    "test_a_file_that_can_not_be_read",
    "test_a_full_file_system",
    "test_a_refusal_that_can_not_be_told_yet_is_told_later",
    "test_what_is_told_does_not_wait_for_records_that_never_were",
    "test_answers_of_every_form",
)

uplink.urandom = lambda n: b"\x80" * n  # no jitter


# --- signatures ---


def test_hmac_sha256():
    from qssl.uplink.signed import same

    # RFC 4231, cases 1, 2 and 4, also in pieces.
    for key, data, want in (
        (
            b"\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            bytes(range(1, 26)),
            b"\xcd" * 50,
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
    ):
        assert hexlify(mac(key, [data])).decode() == want
        assert mac(key, [data[:3], b"", memoryview(data)[3:]]) == mac(key, [data])
    assert same(b"abc", b"abc")
    for other in (b"abd", b"bbc", b"ab", b"abcd", b""):
        assert not same(b"abc", other)


# --- the good case ---


def test_messages_come_with_the_answers_and_once():
    b = Board()
    for n in range(1, 6):
        b.peer.send(n, message(n, "hello %d" % n))
    b.run()
    assert b.got == [(n, "hello %d" % n) for n in range(1, 6)]
    assert b.peer.acks == [0] and b.inbox.number == 5 and b.inbox.taken == 5
    b.run()
    assert b.peer.acks == [0, 5] and not b.peer.messages
    b.restart()
    b.run()
    assert b.peer.acks == [0, 5, 5] and len(b.got) == 5 and b.inbox.number == 5
    assert b.told() == [] and b.inbox.refused == 0


def test_receive_gives_each_until_the_next_is_asked_for():
    b = Board()
    b.up.on_message = None
    for n in (3, 7):
        b.peer.send(n, message(n, "m%d" % n))
    b.run()
    assert b.up.receive() == (3, "m3")
    b.restart()  # it was not done with
    b.up.on_message = None
    assert b.up.receive() == (3, "m3")
    assert b.up.receive() == (7, "m7")
    assert b.up.receive() is None and b.up.receive() is None
    b.restart()
    assert b.up.receive() is None and b.inbox.number == 7


def test_asking_at_an_interval():
    b = Board(ask_s=60)
    b.rig.sleep(1)
    b.up.run(200, 150)
    assert b.peer.asked == 3 and b.peer.posts == 0, b.peer.asked
    assert b.peer.head.startswith(b"POST /in HTTP/1.1\r\n") and b"Length: 9\r\n" in b.peer.head
    b.peer.send(1, message(1, "x"))
    b.up.run(200, 70)
    assert b.got == [(1, "x")]
    # Records ask, too.
    asked = b.peer.asked
    for _ in range(10):
        b.run()
        b.up.run(200, 20)
    assert b.peer.asked == asked, (b.peer.asked, asked)


def test_asking_now_until_there_are_no_more():
    b = Board()
    for n in range(1, 31):
        b.peer.send(n, message(n, "y" * 100))
    assert b.inbox.ask() is True
    assert len(b.got) == 30 and 4 <= b.peer.asked <= 10, b.peer.asked
    b.peer.answer = lambda q, f, r, c: "silence"
    b.up.put(b"1")
    assert b.inbox.ask(5) is False


def test_the_length_of_a_message_is_told_where_it_is_not_the_usual_one():
    for size, line in ((1024, b""), (600, b"Qssl-Room: 600\r\n")):
        b = Board(size=size)
        b.run()
        assert (line in b.peer.head + b"\r\n") and (b"Qssl-Room" in b.peer.head) == bool(line)


# --- power cuts and full file systems ---


TEXTS = [(n, message(n, "m%d" % n, "note" if n == 3 else "message")) for n in (1, 2, 3, 6, 7)]
NUMBERS = [n for n, _ in TEXTS]


def script(part):
    for upto in (3, 4, 5, 5):
        part.serve(TEXTS[:upto])


def test_power_cut_at_every_byte():
    # Everything that was sent is given, in order, and twice only what was just being given.
    d = Disk()
    script(Part(d, []))
    total = d.written
    assert total > 100
    twice = 0
    for cut in range(total):
        d = Disk()
        d.cut = cut
        got = []
        acknowledged = 0
        part = None
        try:
            part = Part(d, got)
            for upto in (3, 4, 5, 5):
                acknowledged = part.inbox.number
                part.serve(TEXTS[:upto])
        except PowerCut:
            pass
        else:
            raise AssertionError(cut)
        d.cut = None
        before = list(got)
        part = Part(d, got)
        assert part.inbox.number >= acknowledged, cut
        script(part)
        order = [n for n, _ in got if n != 3]  # that one is handled at once
        again = [n for n in NUMBERS if [m for m, _ in got].count(n) > 1]
        assert sorted({n for n, _ in got}) == NUMBERS and order == sorted(order), (cut, got)
        assert len(again) <= 1 and (not again or again[0] == before[-1][0]), (cut, got)
        twice += bool(again)
        assert part.inbox.number == 7 and part.inbox.refused == 0, cut
        assert Part(d, got).inbox.number == 7
    assert 0 < twice < total // 2, (twice, total)


def test_a_file_that_can_not_be_read():
    # What was in it is gone, and may come again; what the server sends next is no repeat.
    for newest in (True, False):
        got = []
        d = Disk()
        part = Part(d, got)
        script(part)
        n = 7
        while len(d.files) < 2:
            n += 1
            assert part.inbox.take(message(n, "m%d" % n)) is True
        d.bad[sorted(d.files)[-1 if newest else 0]] = 5
        part = Part(d, got)
        assert part.inbox.number == (n - 1 if newest else n)
        m = part.inbox.number + 1
        part.serve([(m, message(m, "new"))])
        assert part.inbox.number == m and part.inbox.repeats == 0
        assert got[-1] == (m, "new")


def test_a_full_file_system():
    # At every byte: the message is not acknowledged, and it comes once there is room.
    d = Disk()
    script(Part(d, []))
    for room in range(d.written):
        d = Disk()
        got = []
        part = Part(d, got)
        d.room = room
        script(part)
        given = [n for n, _ in got if n != 3]
        assert part.inbox.number >= max(given + [0])
        assert part.inbox.number == 7 or part.inbox.error is not None, room
        d.room = None
        script(part)
        assert sorted([n for n, _ in got if n != 3]) == [1, 2, 6, 7], (room, got)
        assert part.inbox.number == 7
        script(Part(d, got))
        # What was done when even that could not be noted comes once more after a power cut.
        again = [n for n, _ in got if n != 3][4:]
        assert len(again) <= 1, (room, got)


def test_power_cuts_and_a_full_file_system_with_a_server():
    # The same with all there is between them, at some places.
    for what in ("cut", "room"):
        for at in range(0, 130, 26):
            d = Disk()
            peer = Mailbox()
            b = Board(peer, disk=d)
            for n in (1, 2, 5):
                peer.send(n, message(n, "m%d" % n))
            setattr(d, what, at)
            try:
                b.run()
                b.run()
            except PowerCut:
                pass
            d.cut = d.room = None
            if what == "cut":
                got = b.got
                b.restart()
                b.got = got
            else:
                b.up.run(300, 140)  # two minutes later it tries again
            b.run()
            b.run()
            assert sorted({n for n, _ in b.got}) == [1, 2, 5], (what, at, b.got)
            assert len(b.got) <= 4 and not peer.messages and b.up.failures == 0


def test_a_refusal_that_can_not_be_told_yet_is_told_later():
    # While the records' queue takes nothing: one of who has the key is not even acknowledged.
    for text, word, number in (
        (message(1, "{}", "ask"), "kind", 1),
        (message(1, "x", key=bytes(32)), "mac", 0),
        (message(1, "x" * 500), "size", 0),
    ):
        part = Part(Disk(), [])
        taken = part.put
        full = [True]

        def put(record, taken=taken, full=full):
            if full[0]:
                raise OSError(ENOSPC)
            return taken(record)

        part.put = put
        part.inbox.begin()
        whole = len(text) <= 192 or word != "size"
        for _ in range(2):
            part.inbox.begin()
            assert part.inbox.take(text[:192] if not whole else text, whole) == (word != "kind")
            assert part.inbox.number == 0 and len(part.queue) == 0
        full[0] = False
        for _ in range(2):
            part.inbox.begin()
            assert part.inbox.take(text[:192] if not whole else text, whole)
        told = b'{"qssl":"inbox","m":1,"refused":"%s"}' % word.encode()
        assert [r for _, r in part.queue.peek()] == [told] and part.inbox.number == number
        assert part.inbox.taken == 0


def test_what_is_told_does_not_wait_for_records_that_never_were():
    # A queue gives out a number for what it could not write.
    part = Part(Disk(), [])
    part.inbox.refuse("mac", 1)
    part.queue.drop(1)
    part.delivered = 0  # nobody has delivered that
    part.inbox.refuse("mac", 2)
    assert [r for _, r in part.queue.peek()] == [b'{"qssl":"inbox","m":2,"refused":"mac"}']


def test_an_inbox_that_is_full_waits_for_the_program():
    b = Board(limit=1024, size=256)
    b.up.on_message = None
    assert b.up.receive() is None
    for n in range(1, 41):
        b.peer.send(n, message(n, "z" * 60))
    b.inbox.ask()
    for _ in range(5):
        b.run()
    assert b.peer.acks[-1] is None and "full" in str(b.inbox.error)
    had = b.inbox.number
    assert 3 < had < 40
    got = []
    for _ in range(200):
        entry = b.up.receive()
        if entry:
            got.append(entry[0])
        else:
            b.inbox.ask()
    assert got == list(range(1, 41))
    assert b.inbox.repeats == 0 and b.told() == []


def test_a_program_that_takes_no_messages_refuses_them():
    b = Board(limit=1024, size=256, messages=False)
    done = []
    b.inbox.handlers["settings"] = lambda m, body: done.append(m)
    for n in range(1, 41):
        b.peer.send(n, message(n, "z" * 60))
    b.peer.send(41, message(41, "{}", "settings"))
    b.inbox.ask()
    assert done == [41] and b.inbox.number == 41 and b.got == []
    assert b.inbox.refused == 40 and b.up.receive() is None
    b.run()
    assert b.told() == [{"qssl": "inbox", "m": n, "refused": "kind"} for n in range(1, 41)]


def test_what_is_handled_at_once_does_not_wait_for_what_is_not_read():
    b = Board()
    b.up.on_message = None
    done = []
    b.inbox.handlers["settings"] = lambda m, body: done.append((m, body))
    b.peer.send(1, message(1, "unread"))
    b.peer.send(2, message(2, '{"a":1}', "settings"))
    b.run()
    assert done == [(2, b'{"a":1}')] and b.inbox.number == 2
    b.restart()
    b.inbox.handlers["settings"] = lambda m, body: done.append((m, body))
    assert b.inbox.number == 2
    b.run()
    assert b.got == [(1, "unread")] and len(done) == 1


# --- what may come instead ---


def test_repeats_and_a_replay_a_year_later():
    b = Board(clock=Clock(LATER - 40000000))
    texts = {n: message(n, "m%d" % n) for n in (1, 2, 3)}
    b.peer.messages.update(texts)
    b.run()
    b.restart()
    b.clock.s += 366 * 86400
    for text in texts.values():
        assert b.inbox.take(text) is True
    assert b.inbox.repeats == 3 and b.inbox.number == 3
    b.run()
    assert len(b.got) == 3
    # One that was never delivered, and whose time is over.
    assert b.inbox.take(message(9, "open the door", until=b.clock.s)) is True
    b.run()
    assert len(b.got) == 3 and b.inbox.reason == "late: message 9" and b.inbox.number == 9
    assert b.told() == [{"qssl": "inbox", "m": 9, "refused": "late"}]


def test_what_is_refused():
    good = message(1, "ok")
    for text, word, m in (
        (good.replace(b'"ok"', b'"ko"'), "mac", 1),
        (good.replace(b'"m":1', b'"m":2'), "mac", 2),
        (good.replace(b'"until":4', b'"until":5'), "mac", 1),
        (good.replace(b'"kind":"message"', b'"kind":"settings"'), "mac", 1),
        (message(1, "ok", key=bytes(32)), "mac", 1),
        (message(1, "ok", device="n2"), "mac", 1),  # for somebody else
        (good[:-67] + b'""}', "mac", 1),
        (good[:-67] + b'"zz"}', "mac", 1),
        (good[:-67] + b"7}", "mac", 1),
        (good[:-67] + b"null}", "mac", 1),
        (message(0xFFFFFFFF, "x"), "number", 0xFFFFFFFF),
        (message(1, "x", kind="dance"), "kind", 1),
        (message(1, ""), "form", 1),
        (message(1, "\0"), "form", 1),
        (b"", "form", 0),
        (b"<html>", "form", 0),
        (b"not JSON", "form", 0),
        (b"[]", "form", 0),
        (b"7", "form", 0),
        (b'"m"', "form", 0),
        (b"null", "form", 0),
        (b"{}", "form", 0),
        (b"[" * 900, "form", 0),
        (b'{"m":1}', "form", 1),
        (b'{"m":"1","body":"x"}', "form", 0),
        (b'{"m":-1,"body":"x"}', "form", 0),
        (b'{"m":1.5,"body":"x"}', "form", 1),
        (b'{"m":1,"body":7}', "form", 1),
        (b'{"m":1,"body":"x","kind":7}', "form", 1),
        (b'{"m":1,"body":"x","kind":""}', "form", 1),
        (b'{"m":1,"body":"x","until":"soon"}', "form", 1),
        (b'{"m":1,"body":"\xff\xfe"}', None, 1),
    ):
        b = Board()
        assert b.inbox.take(text) is True, text
        assert b.inbox.refused == 1 and b.inbox.taken == 0, text
        if word is None:
            continue
        why = "%s: message %d" % (word, m) if m else word
        assert b.inbox.reason == why, (text, b.inbox.reason)
        b.run()
        assert b.told() == [{"qssl": "inbox", "m": m, "refused": word}], text
        # The number moves by none that may be forged.
        moves = word == "kind" or text in (message(1, ""), message(1, "\0"))
        assert b.inbox.number == (1 if moves else 0), (text, b.inbox.number)
        assert b.inbox.take(message(2, "still works")) is True
        b.run()
        assert b.got == [(2, "still works")]


def test_a_flood_of_forgeries_does_not_push_out_the_records():
    b = Board()
    for n in range(500):
        b.inbox.take(message(n + 1, "x", key=bytes(32)))
    assert b.inbox.refused == 500 and len(b.up.queue) == 1
    b.run()
    b.inbox.take(message(9, "x", key=bytes(32)))
    assert len(b.up.queue) == 1


def test_without_a_key_it_takes_what_comes():
    b = Board(key=None, device="")
    assert b.inbox.take(b'{"m":4,"body":"hi"}') is True
    b.run()
    assert b.got == [(4, "hi")] and b.inbox.number == 4


def test_characters_of_all_lengths():
    b = Board()
    body = '\u00fc \u20ac \ud7ff \U0001f600\U0010ffff \\ " / \n'
    b.inbox.take(message(1, body))
    # The form in ASCII, which servers like: MicroPython's json leaves pairs apart.
    text = message(2, body)
    at = text.find(b'"body":') + 7
    end = text.find(b',"mac"')
    escaped = b'"\\u00fc \\u20ac \\ud7ff \\ud83d\\ude00\\udbff\\udfff \\\\ \\" \\/ \\n"'
    b.inbox.take(text[:at] + escaped + text[end:])
    b.run()
    assert b.got == [(1, body), (2, body)], b.inbox.reason
    assert _joined(b"\xed\xa0\xbd\xed\xb8\x80\xed") == "\U0001f600".encode() + b"\xed"


def test_a_callback_that_fails():
    b = Board()

    def bad(number, body):
        b.got.append(number)
        raise OSError(5) if number == 1 else ValueError(number)

    b.up.on_message = bad
    b.peer.send(1, message(1, "x"))
    b.peer.send(2, message(2, "x"))
    b.peer.send(3, message(3, "x"))
    try:
        b.run()
        raise AssertionError
    except ValueError:
        pass  # it is the program's business
    assert b.got == [1, 2] and b.up.failures == 0 and isinstance(b.inbox.error, OSError)
    b.up.on_message = lambda number, body: b.got.append(number)
    b.run()
    b.restart()
    b.run()
    assert b.got[:3] == [1, 2, 3]  # given once, whatever it does


def test_arguments_that_can_not_be_right():
    for keywords in (
        {"size": 64},
        {"size": 8192},
        {"limit": 100},
        {"ask_s": -1},
        {"key": b"short"},
        {"key": "zz" * 32},
        {"key": bytes(65)},
        {"device": ""},
        {"carrier": lambda: Mqtt("b", "t")},
    ):
        assert isinstance(raised(lambda: Board(**keywords)), Refused), keywords  # noqa: B023
    b = Board(key=hexlify(KEY).decode())
    b.inbox.take(message(1, "x"))
    assert b.inbox.taken == 1


# --- the answer, in whatever form ---


def answered(raw, size=64):
    # (messages, told whether whole), more, bad; in pieces of each size.
    first = None
    for step in (1, 7, 1000):
        got = []
        a = Answer(bytearray(size), lambda data, whole: got.append((bytes(data), whole)))  # noqa: B023
        for at in range(0, len(raw), step):
            a.feed(raw[at : at + step])
        a.feed(b"")
        found = got, a.more, a.bad
        assert first is None or found == first, (raw, step)
        first = found
    return first


def test_answers_of_every_form():
    one, two = (b'{"m":1,"b":"]}\\"{["}', True), (b'{ "m" : 2, "x":[{}] }', True)
    long = b'{"m":3,"body":"%s"}' % (b"x" * 300)
    for raw, want in (
        (b"", ([], False, False)),
        (b"ok", ([], False, False)),
        (b"<html>{[", ([], False, False)),
        (b"[1]", ([], False, False)),
        (b'{"messages":[]}', ([], False, False)),
        (b'{"messages":[%s]}' % one[0], ([one], False, False)),
        (
            b' { "messages" : [ %s , %s ] , "more" : true } ' % (one[0], two[0]),
            ([one, two], True, False),
        ),
        (b'{"more":true,"messages":[%s]}' % two[0], ([two], True, False)),
        (b'{"more":false,"messages":[%s],"x":"more\\":true"}' % two[0], ([two], False, False)),
        (
            b'{"a":{"messages":[{"m":1}]},"b":[{"m":2}],"messages":[%s]}' % one[0],
            ([one], False, False),
        ),
        (b'{"messages":[%s,%s]}' % (long, one[0]), ([(long[:64], False), one], False, False)),
        (b'{"messages":[%s' % one[0], ([one], False, True)),
        (b'{"messages":[{"m":1', ([], False, True)),
        (b'{"messages":["{}",7,%s]}' % one[0], ([one], False, True)),
        (b'{"messages":{"m":1}}', ([], False, False)),
        (b'{"messages":[%s]}{"messages":[{"m":9}]}' % one[0], ([one], False, False)),
        (b"{" * 5000, ([], False, True)),
    ):
        assert answered(raw) == want, (raw[:70], answered(raw))


def test_the_answers_forms_on_the_wire():
    # With a length, in chunks, without an end; on a connection that is kept or not.
    texts = [message(n, "m%d %s" % (n, "x" * 200)) for n in (1, 2, 3)]
    body = b'{"messages":[%s]}' % b",".join(texts)
    chunks = b""
    for at in range(0, len(body), 50):
        part = body[at : at + 50]
        chunks += b"%x\r\n%s\r\n" % (len(part), part)
    for head, raw, end in (
        (b"Content-Length: %d\r\n" % len(body), body, False),
        (b"Content-Length: %d\r\nConnection: close\r\n" % len(body), body, True),
        (b"Transfer-Encoding: chunked\r\n", chunks + b"0\r\n\r\n", False),
        (b"", body, True),
    ):

        class Once(HttpServer):
            def reply(self, conn, status, head=head, raw=raw, end=end):
                conn.push(b"HTTP/1.1 200 OK\r\n%s\r\n%s" % (head, raw))
                if end:
                    conn.peer_close()

        b = Board(Once())
        b.run()
        assert [n for n, _ in b.got] == [1, 2, 3], head
        b.run()
        assert b.inbox.repeats == 3 and b.inbox.refused == 0 and b.up.failures == 0
        assert len(b.rig.net.conns) == (2 if end else 1)


def test_a_message_that_is_too_long_is_passed_over_and_told():
    b = Board(size=256)
    b.peer.send(1, message(1, "x" * 5000))
    b.peer.send(2, message(2, "short"))
    b.run()
    b.run()
    # There is more, but to ask for it would bring the same again.
    assert b.peer.asked == 0 and b.got == []
    assert b.told() == [{"qssl": "inbox", "m": 1, "refused": "size"}]
    del b.peer.messages[1]  # the server has understood
    b.run()
    assert b.got == [(2, "short")]


def test_a_web_page_is_no_acknowledgement():
    # A proxy's login: what it "took" is lost. Short words in text/html are not that.
    page = b"<!DOCTYPE html><html><form>Log in</form>" + b"x" * 3000
    for kind, body, taken in (
        (b"Content-Type: text/html; charset=utf-8\r\n", page, False),
        (b"content-type: TEXT/HTML\r\n", b"\xef\xbb\xbf \r\n" + page, False),
        (b"Content-Type: application/xhtml+xml\r\n", b"<?xml ?>" + page, False),
        (b"", page, False),
        (b"Content-Type: text/html\r\n", b"ok", True),
        (b"Content-Type: text/html\r\n", b"", True),
        (b"Content-Type: application/xml\r\n", b"<ok/>", True),
        (b"Content-Type: text/plain\r\n", b"<3", True),
        (b"", b"ok", True),
    ):
        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        ends = [b"Content-Length: %d\r\n\r\n%s" % (len(body), body), b"\r\n" + body]
        if body:
            ends.append(chunked % (len(body), body))
        for end in ends:
            if not kind and end[:2] == b"\r\n":
                continue  # neither type nor length: nobody looks at that
            for both in (False, True):
                count = [0]

                def answer(q, f, r, conn):
                    count[0] += 1  # noqa: B023
                    if count[0] > 3:  # noqa: B023
                        return 200
                    conn.push(b"HTTP/1.1 200 OK\r\n" + kind + end)  # noqa: B023
                    conn.peer_close()
                    return "close", taken  # noqa: B023

                peer = Mailbox(answer)
                b = Board(peer)
                if not both:
                    b.up = Uplink(b.modem, HOST, 443, tls(b.modem), Https(HOST), RamQueue())
                for n in range(3):
                    b.up.put(b'{"n":%d}' % n)
                b.up.run(2)
                where = kind, end[:30], both
                if not taken:
                    assert len(b.up.queue) == 3 and b.up.delivered == 0, where
                    assert "web page" in str(b.up.error), (where, b.up.error)
                assert b.up.run(100) == 0, where
                assert [r["n"] for r in peer.ledger.values()] == [0, 1, 2], where
                assert b.up._silent == 0 and b.inbox.refused == 0, where
