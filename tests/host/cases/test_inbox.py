# test_inbox - messages to the device: given once and in order, through repeats, forgeries and what
# else a server may send.
# SPDX-License-Identifier: MIT

from binascii import hexlify

from both_kit import HOST, KEY, LATER, Board, Clock, message
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
