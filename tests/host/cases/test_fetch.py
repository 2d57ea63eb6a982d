# test_fetch - files from a server: they go on where they were, and count only with their hash.
# SPDX-License-Identifier: MIT

from disk import Disk, PowerCut
from driver_kit import raised
from files_kit import HOST, Board, FileServer, digest, noise, parts
from qssl.errors import Refused
from qssl.uplink.policy import Policy
from rig import clock

INSIDE = (
    "test_what_is_none_of_it",
    "test_a_wrong_hash",
    "test_jobs_one_after_the_other",
    "test_a_job_of_a_board_that_slept_for_days",
)

DATA = noise(5000)


def test_it_comes_in_pieces_and_into_its_place():
    b = Board(FileServer({"/files/a": DATA}), plain=False)
    assert b.fetch(DATA) == 5000
    assert b.disk.files["/a.bin"] == DATA and not parts(b.disk)
    assert [g[1:] for g in b.peer.gets] == [
        (0, 1023),
        (1024, 2047),
        (2048, 3071),
        (3072, 4095),
        (4096, 4999),
    ]
    assert b.peer.payload == 5000 and b.modem.stats.reconnects == 0
    # Again: it is there.
    assert b.fetch(DATA) == 5000 and len(b.peer.gets) == 5
    # Another one in its place, by its name, with a size that nobody knows.
    other = noise(3000, 2)
    b.peer.files["/files/map"] = other
    assert b.fetch(other, "map", size=False) == 3000
    assert b.disk.files["/a.bin"] == other and not parts(b.disk)
    for data in (b"", b"x", noise(1024), noise(1025)):
        b.peer.files["/files/a"] = data
        assert b.fetch(data, to="/b%d" % len(data)) == len(data)
        assert b.fetch(data, to="/c%d" % len(data), size=False) == len(data)
        assert b.disk.files["/b%d" % len(data)] == b.disk.files["/c%d" % len(data)] == data


def test_who_gets_the_token():
    b = Board(FileServer({"/files/a": DATA, "/x": DATA}))
    b.fetch(DATA)
    assert b.peer.header(b"Authorization") == b"Bearer secret"
    assert b.peer.header(b"Host") == HOST.encode()
    b.fetch(DATA, "https://other.example:8443/x", "/x")
    assert b.peer.header(b"Authorization") is None
    assert b.peer.header(b"Host") == b"other.example:8443"
    b.fetch(DATA, "https://%s/x" % HOST, "/y")
    assert b.peer.header(b"Authorization") == b"Bearer secret"


def test_breaks_anywhere_in_the_answers():
    # The connection ends after any number of bytes of two of three answers: nothing comes twice
    # but what was cut.
    data = noise(700)
    real = Board(FileServer(), plain=False)
    for n in range(0, 700, 14):
        peer = FileServer({"/files/a": data}, lambda k, *_, n=n: ("cut", n) if k % 3 else None)
        if n % 140 == 70:
            real.peer, b = peer, real
            real.rig.net.default = peer
            clock.rig = real.rig
            b.disk.files.clear()
            b.mount()
        else:
            b = Board(peer, piece=512)
        assert b.fetch(data) == 700
        assert b.disk.files["/a.bin"] == data
        assert peer.payload <= 700 + 512 * len(peer.gets)


def test_a_server_that_is_silent_and_one_that_is_slow():
    b = Board(
        FileServer({"/files/a": DATA}, lambda n, *_: "silence" if n == 2 else None), nap_ms=500
    )
    assert b.fetch(DATA) == 5000
    assert len(b.peer.gets) == 6
    b.peer.fate = lambda n, *_: "silence"
    now = b.rig.now
    e = raised(b.fetch, DATA, "/files/a", "/b", timeout_s=100)
    assert "time is over" in str(e) and 100000 <= b.rig.now - now < 103000, e
    # What has come stays, and records still go.
    b.up.put(b"{}")
    assert b.up.run(60) == 0


def test_records_go_between_the_pieces():
    b = Board(FileServer({"/files/a": DATA}))
    job = b.files.start("/files/a", "/a.bin", digest(DATA), 5000)
    seen = []
    for n in range(3):
        b.up.put(b"%d" % n)
        assert b.up.run(60) == 0
        seen.append(job.at)
    assert job.at < 5000 and b.peer.ledger.values() == [0, 1, 2]
    b.files.wait(job, 60)
    assert b.disk.files["/a.bin"] == DATA and b.modem.stats.reconnects == 0


def test_another_server_with_one_place_for_connections():
    b = Board(FileServer({"/x": DATA}), sockets=1, plain=False)
    job = b.files.start("https://other.example/x", "/a.bin", digest(DATA), 5000)
    b.up.put(b"1")
    assert b.up.run(200) == 0
    b.files.wait(job, 200)
    b.up.put(b"2")
    assert b.up.run(60) == 0 and b.disk.files["/a.bin"] == DATA


def test_a_restart_of_the_modem():
    class Restarting(FileServer):
        def get(self, conn, head):
            FileServer.get(self, conn, head)
            if len(self.gets) == 3:
                assert b.rig.model.command("fault cut at=200 in=payload do=restart") == "ok"

    b = Board(Restarting({"/files/a": DATA}), plain=False)
    from qssl.recovery import Recovery

    b.recovery = Recovery(b.modem, apn="internet")
    b.restart()
    assert b.fetch(DATA) == 5000 and b.disk.files["/a.bin"] == DATA
    assert len(b.peer.gets) <= 8 and b.modem.stats.restarts == 1


def test_power_cut_at_every_byte():
    data = noise(300)
    peer = FileServer({"/files/a": data})
    b = Board(peer, piece=256)
    b.fetch(data)
    total = b.disk.written
    assert total > 300
    for cut in range(total):
        d = Disk()
        d.files["/a.bin"] = bytearray(b"the old one")
        d.cut = cut
        b.disk = d
        b.mount()
        b.restart()
        try:
            b.fetch(data)
        except PowerCut:
            pass
        else:
            raise AssertionError(cut)
        d.cut = None
        assert d.files["/a.bin"] in (b"the old one", data), cut
        before = peer.payload
        had = sum(parts(d).values())
        b.restart()
        assert b.fetch(data) == 300 and d.files["/a.bin"] == data and not parts(d), cut
        assert peer.payload - before == (300 - had if had else peer.payload - before)


def test_a_server_without_ranges():
    # It sends all of it each time: what is there already is passed over.
    peer = FileServer({"/files/a": DATA}, ranges=False)
    peer.fate = lambda n, *_: ("cut", 3000) if n == 1 else None
    b = Board(peer)
    assert b.fetch(DATA) == 5000 and b.disk.files["/a.bin"] == DATA
    assert len(peer.gets) == 2
    peer.fate = lambda n, *_: ("cut", 3000) if n == 3 else None
    assert b.fetch(DATA, to="/b", size=False) == 5000 and b.disk.files["/b"] == DATA


def chunked(data, size=700, head=b"HTTP/1.1 200 OK\r\n"):
    found = [data[i : i + size] for i in range(0, len(data), size)]
    body = b"".join([b"%x;x=1\r\n%s\r\n" % (len(part), part) for part in found])
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\nX: y\r\n\r\n"


def test_chunked_and_until_the_end():
    for size in (True, False):
        b = Board(FileServer({}, lambda n, *_: chunked(DATA)))
        assert b.fetch(DATA, size=size) == 5000 and b.disk.files["/a.bin"] == DATA
        assert b.modem.stats.reconnects == 0

        class Ending(FileServer):
            def get(self, conn, head):
                conn.push(b"HTTP/1.0 200 OK\r\n\r\n" + DATA)
                conn.peer_close()

        b = Board(Ending({}))
        assert b.fetch(DATA, size=size) == 5000 and b.disk.files["/a.bin"] == DATA
    part = b"HTTP/1.1 206 Part\r\nContent-Range: bytes %d-%d/5000\r\n"
    peer = FileServer({})
    peer.fate = lambda n, path, first, last: chunked(
        DATA[first : last + 1], 300, part % (first, last)
    )
    b = Board(peer)
    assert b.fetch(DATA) == 5000 and b.disk.files["/a.bin"] == DATA


def page(text, kind=b"text/html", head=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s" % (
        kind,
        head,
        len(text),
        text,
    )


LOGIN = page(b"<html>log in</html>")
BAD = (
    # answer, word, whether the size has to be known for it to be seen before the end
    (LOGIN, "page", False),
    (page(b"log in", b"text/plain"), "size", True),
    (
        chunked(b"<html>log in", 5, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
        "page",
        False,
    ),
    (page(DATA, head=b"Content-Encoding: gzip\r\n"), "encoded", False),
    (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "status", False),
    (b"HTTP/1.1 403 No\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000, "status", False),
    (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 7-8/5000\r\nContent-Length: 2\r\n\r\nxx",
        "range",
        False,
    ),
    (b"HTTP/1.1 206 P\r\nContent-Length: 2\r\n\r\nxx", "range", False),
    (b"HTTP/1.1 206 P\r\nContent-Range: x\r\nContent-Length: 2\r\n\r\nxx", "range", False),
    (b"HTTP/1.1 302 M\r\nContent-Length: 0\r\n\r\n", "redirect", False),
    (b"HTTP/1.1 302 M\r\nLocation: /files/a\r\nContent-Length: 0\r\n\r\n", "redirect", False),
    (b"HTTP/1.1 302 M\r\nLocation: /files/\xa6\r\nContent-Length: 0\r\n\r\n", "redirect", False),
    (b"HTTP/1.1 302 M\r\nLocation: http://x/y\r\nContent-Length: 0\r\n\r\n", "url", False),
    (b"HTTP/1.1 302 M\r\nLocation: https://x:y/\r\nContent-Length: 0\r\n\r\n", "url", False),
)


def test_what_is_none_of_it():
    # At any moment, for a while: told, and nothing that has come is lost. For ever: it ends.
    for answer, word, sized in BAD:
        for at in (1, 3):
            peer = FileServer({"/files/a": DATA})
            b = Board(peer)
            peer.fate = lambda n, *_, at=at, answer=answer: answer if n == at else None
            if word != "redirect" or b"Location" not in answer:
                assert b.fetch(DATA, size=sized) == 5000, (answer[:60], at)
                assert b.disk.files["/a.bin"] == DATA and peer.payload == 5000, (answer[:60], at)
        peer.fate = lambda n, *_, answer=answer: answer
        b.disk.files.clear()
        b.disk.files["/a.bin"] = bytearray(b"old")
        before = len(peer.gets)
        job = b.files.start("/files/a", "/a.bin", digest(DATA), 5000 if sized else None)
        e = raised(b.files.wait, job, 600)
        assert job.word == word and "/a.bin" in str(e), (answer[:60], job.word, e)
        assert len(peer.gets) - before == (18 if b"Location: /files" in answer else 3)
        assert b.disk.files["/a.bin"] == b"old"


def test_answers_that_are_no_http_and_5xx_go_on_until_the_time_is_over():
    for answer in (
        b"SSH-2.0\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Later\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    ):
        b = Board(FileServer({"/files/a": DATA}, lambda n, *_, answer=answer: answer))
        e = raised(b.fetch, DATA, timeout_s=100)
        assert "time is over" in str(e) and len(b.peer.gets) > 4, (answer, e)
        b.peer.fate = lambda n, *_: None
        assert b.fetch(DATA) == 5000


def test_redirects():
    peer = FileServer({"/b/x": DATA, "/files/x": DATA})
    text = b"HTTP/1.1 302 M\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
    for where in (b"https://cdn.example/b/x", b"//cdn.example/b/x#y", b"/b/x", b"x"):
        peer.fate = lambda n, path, *_, where=where: text % where if path == "/files/a" else None
        peer.gets = []
        b = Board(peer)
        assert b.fetch(DATA) == 5000 and b.disk.files["/a.bin"] == DATA
        assert len(peer.gets) == 6
        assert (peer.header(b"Authorization") is None) == (b"cdn" in where)


def test_it_changes_at_the_server_meanwhile():
    for size in (5000, None):
        other = noise(5000 if size else 4000, 9)
        for etags in (True, False):
            peer = FileServer({"/files/a": DATA}, etags=etags)
            b = Board(peer)

            def fate(n, *_, peer=peer, other=other):
                if n == 3:
                    peer.files["/files/a"] = other

            peer.fate = fate
            # What is wanted is the new one; what came of the old one must not stay in it.
            job = b.files.start("/files/a", "/a.bin", digest(other), size)
            b.files.wait(job, 900)
            assert b.disk.files["/a.bin"] == other and not parts(b.disk)


def test_a_wrong_hash():
    b = Board(FileServer({"/files/a": noise(5000, 3)}))
    b.disk.files["/a.bin"] = bytearray(b"old")
    job = b.files.start("/files/a", "/a.bin", digest(DATA), 5000)
    e = raised(b.files.wait, job, 600)
    assert job.word == "hash" and "SHA-256" in str(e)
    assert b.disk.files["/a.bin"] == b"old" and not parts(b.disk)
    assert b.peer.payload == 10000  # once more, it may have been the flash


def test_a_part_that_was_damaged_or_is_another_ones():
    b = Board(FileServer({"/files/a": DATA}))
    part = "/a.bin." + digest(DATA)[:8] + ".part"
    b.disk.files[part] = bytearray(b"x" * 3000)
    b.disk.files["/a.bin.01234567.part"] = bytearray(b"x" * 3000)
    b.disk.files["/other.bin.01234567.part"] = bytearray(b"x")
    assert b.fetch(DATA) == 5000 and b.disk.files["/a.bin"] == DATA
    assert parts(b.disk) == {"/other.bin.01234567.part": 1}
    b.disk.files["/b.bin." + part[7:]] = bytearray(b"x" * 9000)
    assert b.fetch(DATA, to="/b.bin", size=False) == 5000


def test_a_full_file_system():
    for room in (0, 1, 100, 1023, 1024, 2500, 4999):
        b = Board(FileServer({"/files/a": DATA}))
        b.disk.files["/a.bin"] = bytearray(b"old")
        b.disk.room = room
        for size in (True, False):
            e = raised(b.fetch, DATA, size=size)
            assert "no room" in str(e), e
            assert not parts(b.disk) and b.disk.files["/a.bin"] == b"old"
        # It is seen before anything is sent, and what the queues need stays free.
        b.files.spare = 3000
        b.disk.room = 7999
        sent = b.peer.payload
        assert "no room" in str(raised(b.fetch, DATA)) and b.peer.payload == sent
        b.disk.room = 8000
        assert b.fetch(DATA) == 5000
    b = Board(FileServer({"/files/a": DATA}))
    b.disk.read_only = True
    assert "can't be written" in str(raised(b.fetch, DATA))
    b.disk.read_only = False
    assert "no such folder" in str(raised(b.fetch, DATA, to="/maps/a"))


def test_a_copy_of_what_is_here():
    b = Board(FileServer({"/files/a": DATA}))
    b.disk.files["/old"] = bytearray(DATA)
    b.disk.files["/older"] = bytearray(noise(5000, 2))
    for like, gets in (("/old", 0), ("/older", 5), ("/none", 10)):
        to = like + ".new"
        b.files.wait(b.files.start("/files/a", to, digest(DATA), 5000, like=like), 60)
        assert b.disk.files[to] == DATA and len(b.peer.gets) == gets, like


def test_jobs_one_after_the_other():
    ended = []
    b = Board(FileServer({"/files/a": DATA}))
    for n in range(3):
        b.files.start("a" if n != 1 else "none", "/a%d" % n, digest(DATA), done=ended.append)
    b.files.wait(b.files.jobs[-1], 600)
    assert [job.word for job in ended] == [None, "status", None]
    assert ended[1].finished and ended[1].error is not None and not b.files.jobs
    job = b.files.start("a", "/b", digest(DATA))
    b.files.cancel(job)
    assert not b.files.jobs and b.up.step() >= 0


def test_a_job_of_a_board_that_slept_for_days():
    # Its next try was due before.
    for days in (1, 7, 9):
        b = Board(FileServer({"/files/a": DATA}))
        b.modem.unreachable = (HOST,)
        job = b.files.start("a", "/a", digest(DATA))
        for _ in range(2000):
            b.up.step()
            b.modem.wait(None)
        assert job.failures and not job.finished
        b.modem.unreachable = ()
        b.modem.sleep(days * 86400000)
        b.files.wait(job, 60)
        assert job.error is None, days


def test_failures_elsewhere_do_not_restart_the_modem():
    # Another server can't be reached; the uplink's own is there.
    b = Board(FileServer({"/files/a": DATA}), nap_ms=5000)
    b.modem.unreachable = ("other.example",)
    job = b.files.start("https://other.example/a", "/a", digest(DATA))
    raised(b.files.wait, job, 7200)
    assert b.up._silent == 7 and job.failures > 20  # a restart comes with 8
    b.up.put(b"1")
    assert b.up.run(60) == 0


def test_a_policy_lets_them_go():
    b = Board(FileServer({"/files/a": DATA}), nap_ms=1000)
    policy = Policy(b.up, every_s=36000, spread_s=0, window_s=30, again_s=600)
    b.up.put(b"{}")
    now = b.modem.now
    job = b.files.start("/files/a", "/a.bin", digest(DATA), 5000)
    b.files.wait(job, 200)
    assert policy.wait_s() is None or policy.wait_s() == 0
    # What does not go on ends the window; it is tried again after the policy's pause.
    b.peer.fate = lambda n, *_: b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    job = b.files.start("/files/a", "/b.bin", digest(DATA), 5000)
    raised(b.files.wait, job, 60)
    job = b.files.start("/files/a", "/b.bin", digest(DATA), 5000)
    raised(b.files.wait, job, 5000)
    assert 2 <= policy.windows <= 9, policy.windows
    assert b.modem.now > now


def test_arguments_that_can_not_be_right():
    b = Board(FileServer({}))
    for hash in ("", "12", "x" * 64, "0" * 63, None, b"0" * 10):
        assert isinstance(raised(b.files.start, "/a", "/a", hash), Refused), hash
    good = digest(b"")
    assert isinstance(raised(b.files.start, "/a", "/a", good, -1), Refused)
    for url in (
        "http://a/b",
        "ftp://a",
        "https://a:b/",
        "https://a:0/",
        "/a b",
        "/a\r\nX: y",
        "https:///a",
    ):
        e = raised(b.files.fetch, url, "/a", good, None, 60)
        assert "time" not in str(e), (url, e)
    assert not b.peer.gets
