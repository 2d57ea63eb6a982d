# test_send - files to the receiver: in pieces, on from where they were.
# SPDX-License-Identifier: MIT

from driver_kit import raised
from files_kit import Board, Taker, digest, noise
from qssl.errors import Refused
from qssl.uplink import send

INSIDE = ("test_what_the_server_may_answer",)

DATA = noise(5000)


def board(peer, data=DATA, **keywords):
    b = Board(peer, **keywords)
    b.disk.mount(send)
    b.disk.files["/log.txt"] = bytearray(data)
    return b


def test_it_goes_in_pieces():
    for plain in (True, False):
        b = board(Taker(), plain=plain)
        assert b.files.send("/log.txt") == 5000
        assert b.peer.whole == {"log.txt": DATA}
        assert [span for _, span in b.peer.puts] == [
            "*/5000",
            "0-1023/5000",
            "1024-2047/5000",
            "2048-3071/5000",
            "3072-4095/5000",
            "4096-4999/5000",
        ]
        # What it has it is not sent again.
        assert b.files.send("/log.txt", "other.txt", 60) == 5000
        assert b.peer.puts[6:] == [("other.txt", "*/5000")]
    for n in (0, 1, 1024, 1025):
        b = board(Taker(), noise(n))
        assert b.files.send("/log.txt") == n and b.peer.whole == {"log.txt": noise(n)}


def test_breaks_and_power_cuts_go_on():
    # The receiver has taken the piece, but its answer does not come.
    for n in range(1, 7):
        peer = Taker(lambda k, n=n: "close" if k == n else None)
        b = board(peer)
        assert b.files.send("/log.txt") == 5000 and peer.whole == {"log.txt": DATA}
        assert len(peer.puts) <= 8
    peer = Taker()
    b = board(peer)
    job = b.files.post("/log.txt")
    while job.at is None or job.at < 2000:
        b.up.step()
    b.restart()
    assert b.files.send("/log.txt") == 5000 and peer.whole == {"log.txt": DATA}
    assert len(peer.puts) <= 8


def test_a_receiver_that_has_lost_some_of_it():
    class Forgetful(Taker):
        def put(self, conn, head, body):
            if len(self.puts) == 3:
                self.has.clear()
            Taker.put(self, conn, head, body)

    b = board(Forgetful())
    assert b.files.send("/log.txt") == 5000 and b.peer.whole == {"log.txt": DATA}


def test_what_the_server_may_answer():
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
    for answer, word in (
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "status"),
        (b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", "status"),
        (ok % (8, b"<html/>\n"), "form"),
        (ok % (300, b"x" * 300), "form"),
        (ok % (11, b'{"at":5001}'), "form"),
        (ok % (9, b'{"at":-1}'), "form"),
        (ok % (10, b'{"at":"5"}'), "form"),
        (ok % (2, b"[]"), "form"),
        (ok % (8, b'{"at":0}'), "stuck"),
        (b"HTTP/1.1 422 Hash\r\nContent-Length: 0\r\n\r\n", "hash"),
    ):
        b = board(Taker(lambda n, answer=answer: answer))
        job = b.files.post("/log.txt")
        assert "/log.txt" in str(raised(b.files.wait, job, 600))
        assert job.word == word, (answer, job.word)
        if b"413" not in answer:
            # For a while only.
            b.peer.put_fate = lambda n, answer=answer: answer if n in (6, 8) else None
            assert b.files.send("/log.txt") == 5000, answer
    for answer in (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", b"SSH\r\n"):
        b = board(Taker(lambda n, answer=answer: answer))
        assert "time is over" in str(raised(b.files.send, "/log.txt", None, 100))


def test_the_file():
    b = board(Taker())
    assert "can't be read" in str(raised(b.files.send, "/none"))
    for name in ("", "a b", "../x", "a" * 65, "\u00fc"):
        assert isinstance(raised(b.files.send, "/log.txt", name), Refused), name
    # It changes while it is sent: what arrives has the right hash all the same.
    for other in (noise(3000, 4), noise(5000, 4), noise(7000, 4)):
        b = board(Taker())
        job = b.files.post("/log.txt")
        while job.at is None or job.at < 2000:
            b.up.step()
        b.disk.files["/log.txt"] = bytearray(other)
        if len(other) > 5000:
            b.files.wait(job, 600)  # it was longer only at its end
        b.files.send("/log.txt", None, 600)
        assert b.peer.whole["log.txt"] == other, len(other)
        assert digest(other) in b.peer.has
