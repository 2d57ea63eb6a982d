# test_uplink_answers - what servers answer to records: right, wrong, refusals, nothing.
# SPDX-License-Identifier: MIT

import driver_kit
from qssl import uplink
from qssl.https import Https
from qssl.queue import RamQueue
from receivers import HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer
from uplink_kit import HOST, fill, https, made, numbers, record, up


def answering(raw, then=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
    # The first POST is answered with raw bytes, the others well. Returns what came of it.
    count = [0]

    def answer(queue, first, records, conn):
        count[0] += 1
        if count[0] == 1:
            if raw.endswith(b"#"):
                conn.push(raw[:-1])
                conn.peer_close()
                return "close", True
            return raw
        return then

    rig, _, server, link = https(HttpServer(answer))
    fill(link, 3)
    assert link.run(90) == 0, raw
    fill(link, 3, 3)
    assert link.run(90) == 0, raw
    assert numbers(server) == list(range(6)), raw
    return server.ledger.repeats, len(rig.net.conns)


def test_answers_that_are_right():
    one = (0, 1)  # repeats, connections
    two = (0, 2)
    for raw, want in (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", one),
        (b"HTTP/1.1 204 No Content\r\n\r\n", one),
        (b"HTTP/1.1 202 Accepted\r\ncontent-LENGTH:  2\r\n\r\n{}", one),
        (b"HTTP/1.1 200\r\nContent-Length: 600\r\n\r\n" + b"x" * 600, one),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", one),
        (b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 204 OK\r\n\r\n", one),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n1f;x=y\r\n" + b"y" * 31 + b"\r\n0\r\n\r\n",
            one,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n",
            one,
        ),
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: " + b"c" * 5000 + b"\r\nContent-Length: 0\r\n\r\n", one),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n#", two),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", two),
        (b"HTTP/1.0 200 OK\r\n\r\n#", two),
        (b"HTTP/1.1 200 OK\r\n\r\nas long as it takes#", two),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx", two),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nx", two),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx", two),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n#", two),  # closed while idle: no failure
    ):
        got = answering(raw)
        assert got == want, (raw[:60], got)


def test_answers_that_are_no_answers():
    # The batch comes again, with the same ids.
    for raw in (
        b"#",
        b"HTTP/1.1 200 OK\r\nContent-Le#",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello#",
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"x" * 70000,
    ):
        repeats, _ = answering(raw)
        assert repeats == 3, (raw[:60], repeats)


def test_an_error_of_the_server_is_not_the_end():
    for status in (500, 502, 503, 504, 408, 425, 429, 301, 304):
        count = [0]

        def answer(queue, first, records, conn):
            count[0] += 1  # noqa: B023
            return 200 if count[0] > 4 else status  # noqa: B023

        rig, _, server, link = https(HttpServer(answer))
        fill(link, 5)
        start = rig.now
        assert link.run(200) == 0, status
        # Pauses of 2, 4, 8 and 16 s.
        most = 33500 if driver_kit.LTE else 32000
        assert 30000 <= rig.now - start <= most, (status, rig.now - start)
        assert numbers(server) == list(range(5)) and server.ledger.repeats == 0
        assert link.rejected == 0 and link.repeats == 20 and link.delivered == 5


def test_pauses_grow_to_a_bound_and_have_jitter():
    for lots, least, most in ((b"\x00", 0.74, 0.76), (b"\xff", 1.24, 1.26)):
        uplink.urandom = lambda n, lots=lots: lots * n
        times = []
        rig, modem = up(FakeNet(RefusingPeer()))
        link = made(modem, Https(HOST), pause_s=1, pause_max_s=20)
        fill(link, 1)
        count = 0
        while len(times) < 9:
            rig.sleep(10)
            link.step()
            if link.failures != count:
                count = link.failures
                times.append(rig.now)
        for i in range(8):
            gap = times[i + 1] - times[i]
            want = min(1 << i, 20) * 1000
            assert want * least - 50 <= gap <= want * most + 400, (i, gap, want)
    uplink.urandom = lambda n: b"\x80" * n


def test_one_record_that_is_refused_for_ever_is_set_aside():
    # The others go their way, in order; the program is told.
    told = []

    def answer(queue, first, records, conn):
        return 422 if {"n": 4} in records else 200

    _, _, server, link = https(
        HttpServer(answer), on_reject=lambda i, r, status: told.append((i, r, status))
    )
    fill(link, 12)
    assert link.run(200) == 0
    assert numbers(server) == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]
    assert told == [(5, record(4), 422)]
    assert link.rejected == 1 and link.delivered == 11
    posts = server.posts
    fill(link, 12, 12)
    assert link.run(200) == 0
    assert server.posts == posts + 1  # in batches again


def test_a_server_that_refuses_everybody_gets_the_records_later():
    # 403 for every record: its set-up is wrong. Nothing is set aside.
    wrong = [True]
    for status in (401, 403, 404, 405, 407, 410):
        wrong[0] = True
        _, _, server, link = https(HttpServer(lambda q, f, r, c, s=status: s if wrong[0] else 200))
        fill(link, 10)
        assert link.run(1000) == 10, status
        assert link.rejected == 0 and str(status) in str(link.error)
        wrong[0] = False
        assert link.run(400) == 0
        assert numbers(server) == list(range(10))


def test_403_for_one_record_does_not_block():
    for close in (False, True):
        raw = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n%s\r\n" % (
            b"Connection: close\r\n" if close else b""
        )

        def answer(queue, first, records, conn):
            return (raw, False) if {"n": 2} in records else 200  # noqa: B023

        _, _, server, link = https(HttpServer(answer))
        fill(link, 6)
        assert link.run(400) == 0
        assert numbers(server) == [0, 1, 3, 4, 5] and link.rejected == 1


def test_413_with_the_connection_closed_in_the_upload():
    # As nginx does: the answer comes before the whole body has gone.
    class Early(HttpServer):
        def on_data(self, conn, data):
            if b"Content-Length: 3" in data:
                conn.push(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n")
                conn.peer_close()
            else:
                HttpServer.on_data(self, conn, data)

    _, _, server, link = https(Early(), store=RamQueue(20000))
    fill(link, 1)
    link.put(b'"' + b"x" * 3000 + b'"')
    fill(link, 1, 1)
    assert link.run(400) == 0
    assert numbers_or_text(server) == [0, 1] and link.rejected == 1


def numbers_or_text(server):
    return [r["n"] for r in server.ledger.values() if isinstance(r, dict)]


def test_a_callback_that_fails_does_not_end_the_uplink():
    def broken(*args):
        raise ValueError("mine")

    _, _, server, link = https(
        HttpServer(lambda q, f, r, c: 400 if {"n": 0} in r else 200), on_reject=broken
    )
    fill(link, 2)
    try:
        link.run(100)
    except ValueError as e:
        assert str(e) == "mine"
    else:
        raise AssertionError("not raised")
    assert link.run(100) == 0
    assert numbers(server) == [1] and link.rejected == 1
