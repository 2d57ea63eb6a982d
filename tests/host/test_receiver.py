# test_receiver - tools/receiver: what devices send is kept once, and answered when it is safe.
# SPDX-License-Identifier: MIT

import contextlib
import gzip
import hashlib
import hmac
import json
import re
import resource
import signal
import socket
import sqlite3
import ssl
import threading
import time
from pathlib import Path

import cbor2
import pytest

import tool
from patience import LIMIT_S, until
from receiver import forms, tables
from receiver import store as db
from receiver_kit import Receiver, batch

_number = iter(range(1, 10000))


@pytest.fixture
def device(receiver):
    return receiver.device("dev-%d" % next(_number))


# --- HTTPS ---------------------------------------------------------------------------------------

_SCRIPT = """\
import board
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink

modem = board.modem(sockets=1)
host = board.setting("host")
carrier = Https(host, "/in/" + board.setting("token"))
to = (host, board.setting("port", 443), modem.tls(ca=board.setting("ca")))
queue = RamQueue()
recovery = Recovery(modem, utc=board.utc, **board.access())
up = Uplink(modem, *to, carrier, queue, recovery, batch=4, pause_s=1)
for n in range(10):
    up.put('{"t":%d}' % n)
print(queue.name, up.run(60), up.delivered, up.rejected, up.error)
"""


def test_the_uplink_delivers(tmp_path, tmp_path_factory, receiver, device):
    script = tmp_path_factory.mktemp("script") / "script.py"
    script.write_text(_SCRIPT)
    settings = ["host=127.0.0.1", "port=%d" % receiver.port, "ca=%s" % receiver.certs.ca]
    settings.append("token=" + device.token)
    status, out, err = tool.run(tmp_path, "run.py", "--baud", "0", script, "--", *settings)
    assert status == 0, out + err
    name = out.split()[0]
    assert out == "%s 0 10 0 None\n" % name
    assert receiver.kept(device) == list(range(1, 11))
    assert receiver.kept(device, "record") == ['{"t":%d}' % n for n in range(10)]
    assert set(receiver.kept(device, "queue")) == {name}


def test_repeats_are_dropped(receiver, device):
    with contextlib.closing(receiver.connect()) as c:
        for first, count in ((1, 3), (1, 3), (2, 4), (7, 2), (1, 8), (5, 2)):
            assert receiver.post(device, batch(first, count), connection=c) == (204, None)
    assert receiver.kept(device) == [1, 2, 3, 4, 5, 7, 8, 6]
    # Of another queue, and of another device, they are others.
    assert receiver.post(device, batch(1, 1, "q2"))[0] == 204
    other = receiver.device("other-%d" % next(_number))
    assert receiver.post(other, batch(1, 1))[0] == 204
    assert len(receiver.kept(device)) == 9 and receiver.kept(other) == [1]


def test_many_at_a_time(receiver, device):
    # The same batches from eight connections at once: each record once.
    def run():
        with contextlib.closing(receiver.connect()) as c:
            for n in range(10):
                assert receiver.post(device, batch(1 + n * 5, 7), connection=c)[0] == 204

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert sorted(receiver.kept(device)) == list(range(1, 53))


def test_a_record_alone_is_known_by_its_content(receiver, device):
    at = [{"bn": "urn:x:", "bt": 1.7e9, "n": "seq", "v": 1}, {"n": "t", "u": "Cel", "v": 21.5}]
    kind = {"Content-Type": "application/senml+json"}
    for body in (at, at, {"t": 1}, {"t": 1}, {"t": 2}):
        assert receiver.post(device, body, kind) == (204, None)
    assert receiver.kept(device, "at") == [1.7e9, None, None]


def test_each_form_is_unpacked(receiver, device):
    pack = [
        {-2: "urn:dev:", -3: 1700000000, -4: "Cel", 0: "a", 2: 20.5},
        {0: "b", 1: "V", 2: 3, 6: -60},
    ]
    body = cbor2.dumps({"queue": "c", "id": 4, "records": [pack, {"at": 1700000100, "p": 7}]})
    assert receiver.post(device, body, {"Content-Type": "application/cbor"})[0] == 204
    body = cbor2.dumps(pack)
    assert receiver.post(device, body, {"Content-Type": "application/senml+cbor"})[0] == 204
    sql = "SELECT p.name, unit, at, value FROM points p, devices d WHERE d.id = p.device"
    rows = receiver.rows(sql + " AND d.name = '%s'" % device.name)
    one = [("a", "Cel", 1.7e9, 20.5), ("b", "V", 1.7e9 - 60, 3.0)]
    assert sorted(rows) == sorted([*one, ("p", "", 1700000100.0, 7.0), *one])


# What no receiver can use, and the name it gets.
_BAD = [
    (b"", "json", 400),
    (b"not JSON", "json", 400),
    (b'{"queue":"q","id":1,"records":[{"t":nan}]}', "json", 400),
    (b'{"queue":"q","id":1,"records":[{"t":1e999}]}', "json", 400),
    (b'{"queue":"q","id":1,"records":[1', "json", 400),
    (b'{"t":"\xff"}', "json", 400),
    ('{"t":1}'.encode("utf-16"), "json", 400),
    (b'{"t":%s}' % (b"9" * 5000), "json", 400),
    (b"[" * 30000, "depth", 400),
    (b"7", "form", 400),
    (b'"text"', "form", 400),
    (b'{"queue":"q","id":1}', "form", 400),
    (b'{"queue":"q","id":1,"records":{}}', "form", 400),
    (b'{"queue":"<b>","id":1,"records":[1]}', "queue", 400),
    (b'{"queue":"../../x","id":1,"records":[1]}', "queue", 400),
    (b'{"queue":7,"id":1,"records":[1]}', "queue", 400),
    (b'{"queue":"q","id":0,"records":[1]}', "id", 400),
    (b'{"queue":"q","id":true,"records":[1]}', "id", 400),
    (b'{"queue":"q","id":9007199254740991,"records":[1]}', "id", 400),
    (b'{"queue":"q","records":[1]}', "id", 400),
    (b'{"ack":-1}', "ack", 400),
    (b'{"ack":1e3}', "ack", 400),
    (b'{"ack":1,"room":0}', "room", 400),
    (b'{"t":"%s"}' % (b"x" * 70000), "size", 413),
]


def test_what_nobody_can_use_is_refused_by_name(receiver, device):
    for body, word, status in _BAD:
        found, answer = receiver.post(device, body)
        assert (found, answer and answer["error"]) == (status, word), body[:50]
        assert set(answer) == {"error", "text"} and answer["text"]
    for body in (b"\xff", b"\xd8\x1c\x81\xd8\x1d\x00", b"\x9b" + b"\xff" * 8, b"\x81" * 30000):
        found, answer = receiver.post(device, body, {"Content-Type": "application/cbor"})
        assert found == 400 and answer["error"] in ("cbor", "depth", "form"), body[:50]
    found, answer = receiver.post(device, b"{}", {"Content-Type": "application/x-other"})
    assert (found, answer["error"]) == (415, "type")
    packed = gzip.compress(json.dumps(batch(1, 1)).encode())
    found, answer = receiver.post(device, packed, {"Content-Encoding": "gzip"})
    assert (found, answer["error"]) == (415, "type") and "compressed" in answer["text"]
    assert receiver.post(device, b"{}", {"Qssl-Ack": "x"})[1]["error"] == "ack"
    assert receiver.kept(device) == []
    # After all of that it is as it was.
    assert receiver.post(device, batch(1, 1))[0] == 204


def test_only_who_has_a_token_gets_in(receiver, device):
    wrong = "x" * 32
    for path, head in (
        ("/in", {}),
        ("/in", {"Authorization": "Bearer " + wrong}),
        ("/in", {"Authorization": "Basic " + device.token}),
        ("/in/" + wrong, {}),
        ("/in/%00%ff", {}),
    ):
        status, answer = receiver.post(device, batch(1, 1), head, path=path)
        assert (status, answer["error"]) == (401, "token"), path
    assert receiver.post(device, batch(1, 1), path="/elsewhere")[1]["error"] == "path"
    assert receiver.post(device, batch(1, 1), path="/in/")[0] == 404
    assert receiver.kept(device) == []
    assert receiver.post(device, batch(1, 1), path="/in/" + device.token)[0] == 204
    # In the database is no token, and neither is it in the log.
    assert device.token not in receiver.log()
    data = (receiver.folder / "receiver.db").read_bytes()
    wal = receiver.folder / "receiver.db-wal"
    data += wal.read_bytes() if wal.exists() else b""
    assert device.token.encode() not in data and device.key not in data


def test_strange_records_are_kept_as_they_are(receiver, device):
    # What a database or a page might stumble over: halves of characters, zeros, huge numbers.
    strange = [
        {"\ud800": 1, "a\0b": 2, "<script>": 3, "'; DROP TABLE records; --": 4},
        {"x" * 5000: 1},
        {"at": 1e18, "n": 10**300},
        {"at": "soon", "qssl": "health", "uptime": 5},
        {"qssl": "\ud800"},
        [],
        None,
        "text",
        [[[]]],
        [{"bn": 7, "n": [], "v": "x"}, 7],
    ]
    body = {"queue": "strange", "id": 1, "records": strange}
    assert receiver.post(device, body)[0] == 204
    assert [json.loads(text) for text in receiver.kept(device, "record")] == strange
    (health,) = receiver.rows("SELECT health FROM devices WHERE name = '%s'" % device.name)
    assert json.loads(health[0])["uptime"] == 5


def test_a_version_of_any_text_holds_up_nobody(receiver, device):
    for n, version in enumerate(("\ud800", "a\0b", "\x1b[2J", "v" * 33, 7), 1):
        record = {"qssl": "update", "m": 1, "state": "kept", "running": version}
        body = {"queue": "q", "id": n, "records": [record]}
        assert receiver.post(device, body)[0] == 204, version
    sql = "SELECT version FROM running r, devices d WHERE d.id = r.device AND d.name = '%s'"
    assert receiver.rows(sql % device.name) == [("?[2J",)]


def test_a_cut_body_stores_nothing(receiver, device):
    ctx = ssl.create_default_context(cafile=str(receiver.certs.ca))
    for more in (0, 1):
        plain = socket.create_connection(("127.0.0.1", receiver.port), LIMIT_S)
        with ctx.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            body = json.dumps(batch(1, 1)).encode()
            head = "POST /in/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
            sock.sendall(
                (head % (device.token, len(body) + 1)).encode() + body[: len(body) + more]
            )
    assert receiver.post(device, batch(5, 1))[0] == 204
    assert receiver.kept(device) == [5]


def test_a_restart_while_a_body_comes(certs):
    # A slow modem is cut off: it comes again, and the log has no fault.
    with Receiver(certs) as r, contextlib.ExitStack() as stack:
        device = r.device("n1")
        body = json.dumps(batch(1, 3)).encode()
        head = "POST /in/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        ctx = ssl.create_default_context(cafile=str(certs.ca))

        def begun():
            plain = socket.create_connection(("127.0.0.1", r.port), LIMIT_S)
            sock = stack.enter_context(ctx.wrap_socket(plain, server_hostname="127.0.0.1"))
            sock.sendall((head % (device.token, len(body))).encode() + body[:10])
            return sock

        begun()
        quick = begun()
        assert r.post(device, {"ack": 0})[0] == 204  # both are in
        r.process.send_signal(signal.SIGTERM)
        until(lambda: "stopping" in r.log())
        quick.sendall(body[10:])
        assert quick.recv(100).startswith(b"HTTP/1.1 204")
        assert r.process.wait(LIMIT_S) == 0
        assert "Traceback" not in r.log() and "ERROR" not in r.log(), r.log()
        r.again()
        assert (
            r.ids() == [1, 2, 3] and r.post(device, batch(1, 3))[0] == 204 and r.ids() == [1, 2, 3]
        )


def test_answers_are_short(receiver, device):
    # Each byte is paid for: no Date, no Server.
    with contextlib.closing(receiver.connect()) as c:
        c.request("POST", "/in/" + device.token, json.dumps(batch(1, 1)))
        answer = c.getresponse()
        answer.read()
        assert answer.status == 204 and answer.getheaders() == []


def test_many_connections_that_stay(certs):
    # More than the soft limit of files that systems give; and each takes little memory.
    class Few(Receiver):
        def prepare(self):
            return ["prlimit", "--nofile=100:4096", *super().prepare()]

    r = Few(certs)
    r.start()

    def memory():
        text = Path("/proc/%d/status" % r.process.pid).read_text()
        return int(re.search(r"VmRSS:\s*(\d+)", text)[1])

    with r, contextlib.ExitStack() as stack:
        device = r.device("n1")
        marks = []
        for n in range(1, 151):
            c = stack.enter_context(contextlib.closing(r.connect()))
            assert r.post(device, batch(n, 1), connection=c)[0] == 204
            marks.append(memory())
        assert (marks[149] - marks[49]) / 100 < 180  # kB; by default asyncio takes 330


def test_values_of_a_wrong_clock_do_not_stay_for_ever(receiver, device):
    now = time.time()
    times = (37, 946684800, now - 90 * 86400, now, now + 3600, now + 5 * 86400, now + 1e9)
    records = [{"at": at, "t": 1} for at in times]
    assert receiver.post(device, {"queue": "q", "id": 1, "records": records})[0] == 204
    sql = "SELECT p.at FROM points p, devices d WHERE d.id = p.device AND d.name = '%s'"
    assert [at for (at,) in receiver.rows(sql % device.name)] == list(times)
    with receiver.store.writing() as c:
        assert db.prune(c, now - 2 * 86400) == 0
    assert [at for (at,) in receiver.rows(sql % device.name)] == [now, now + 3600]


def test_gaps_that_no_integer_holds(certs):
    # One device that tells ids without sense must not take the page away, and the metrics.
    with Receiver(certs) as r:
        device = r.device("wild")
        with r.store.writing() as c:
            for n in range(1100):
                row = {"device": 1, "queue": "q%d" % n, "first": 1, "last": forms.ID_MAX}
                c.execute(tables.queues.insert().values(count=2, floor=0, seen_at=1, **row))
        assert r.post(device, batch(1, 1))[0] == 204
        _, out, _ = r.run("program", "add", "watcher")
        watcher = {"Authorization": "Bearer " + out.split()[1]}
        status, _, text = r.get("/api/devices", watcher)
        assert status == 200 and 9.9e18 < json.loads(text)["devices"][0]["missing"] < 9.92e18
        text = r.get("/metrics", watcher)[2]
        assert "qssl_database_usable 1.0" in text
        assert re.search(r"^qssl_ids_missing 9\.9\S*e\+0*18$", text, re.M)


# --- the database goes ---------------------------------------------------------------------------

_FORM = "application/x-www-form-urlencoded"


def test_a_database_that_is_locked_full_or_gone(certs):
    # The devices keep their records; the page and the metrics say it.
    with Receiver(certs) as r:
        device = r.device("n1")
        path = r.folder / "receiver.db"
        r.user("anna", "a good long password")
        _, out, _ = r.run("program", "add", "watcher")
        watcher = {"Authorization": "Bearer " + out.split()[1]}
        form = "name=anna&password=a+good+long+password"
        cookie = r.get("/login", {"Content-Type": _FORM}, "POST", form)[1]["Set-Cookie"]

        def told(page, usable):
            # The page's status, or what it says; and what the metrics say.
            status, _, text = r.get("/", {"Cookie": cookie})
            found = re.search(r"The database takes nothing just now \((.*)\)", text)
            assert (found[1] if found else status) == page
            assert "qssl_database_usable %.1f\n" % usable in r.get("/metrics", watcher)[2]

        with contextlib.closing(r.connect()) as c:

            def post(n, status):
                found, answer = r.post(device, batch(n, 1), connection=c)
                assert found == status and (status == 204 or answer["error"] == "database")

            post(1, 204)
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                post(2, 503)
                told("database is locked", 0)
                other.execute("ROLLBACK")
            post(2, 204)
            told(200, 1)
            assert "database is locked" in r.log() and "can be used again" in r.log()
            # No file may grow any more.
            limits = resource.prlimit(r.process.pid, resource.RLIMIT_FSIZE, (4096, -1))
            post(3, 503)
            post(4, 503)
            told("disk I/O error", 0)
            resource.prlimit(r.process.pid, resource.RLIMIT_FSIZE, limits)
            post(3, 204)
            told(200, 1)
            # Moved away under way, as by a clumsy backup; and put back.
            path.rename(r.folder / "away")
            post(4, 503)
            post(4, 503)
            told(503, 0)
            (r.folder / "away").rename(path)
            post(4, 204)
            assert r.ids() == [1, 2, 3, 4]
            # Another one in its place has no tables.
            path.rename(r.folder / "away")
            sqlite3.connect(path).close()
            post(5, 503)
            post(5, 503)
        assert "Traceback" not in r.log()


# --- messages ------------------------------------------------------------------------------------


def test_messages_come_in_the_answer_until_they_are_acknowledged(receiver, device):
    numbers = [receiver.send(device, "message", "hello %d" % n) for n in range(3)]
    assert numbers == [1, 2, 3]
    # Who has no inbox gets none.
    assert receiver.post(device, batch(1, 1)) == (204, None)
    status, answer = receiver.post(device, dict(batch(2, 1), ack=0))
    assert status == 200 and [m["m"] for m in answer["messages"]] == [1, 2, 3]
    assert [m["body"] for m in answer["messages"]] == ["hello 0", "hello 1", "hello 2"]
    # The answer was lost: again. A part is acknowledged, then all of it; with no records, too.
    assert receiver.post(device, dict(batch(2, 1), ack=0))[1] == answer
    assert [m["m"] for m in receiver.post(device, {"ack": 2})[1]["messages"]] == [3]
    assert receiver.post(device, {"t": 1}, {"Qssl-Ack": "3"}) == (204, None)
    assert receiver.post(device, {"ack": 0}) == (204, None)
    assert receiver.kept(device)[:2] == [1, 2]


def test_a_message_is_signed(receiver, device):
    receiver.send(device, "settings", '{"interval_s":300,"name":"\u00fc"}')
    (message,) = receiver.post(device, {"ack": 0})[1]["messages"]
    assert set(message) == {"m", "kind", "until", "body", "mac"}
    # As a device computes it.
    fields = (device.name, message["m"], message["kind"], message["until"], message["body"])
    text = "qssl1\n%s\n%d\n%s\n%d\n%s" % fields
    assert message["mac"] == hmac.new(device.key, text.encode(), hashlib.sha256).hexdigest()
    assert json.loads(message["body"]) == {"interval_s": 300, "name": "\u00fc"}


def test_room_expiry_and_what_is_too_long(receiver, device):
    for _ in range(3):
        receiver.send(device, "message", "x" * 400)
    receiver.send(device, "message", "late", hours=-1)
    receiver.send(device, "message", "y" * 2000)
    receiver.send(device, "message", "last")
    answer = receiver.post(device, {"ack": 0, "room": 1200})[1]
    assert [m["m"] for m in answer["messages"]] == [1, 2] and answer["more"] is True
    answer = receiver.post(device, {"ack": 2, "room": 1200})[1]
    assert [m["m"] for m in answer["messages"]] == [3, 6] and "more" not in answer
    sql = "SELECT state FROM messages m, devices d WHERE d.id = m.device AND d.name = '%s'"
    states = [state for (state,) in receiver.rows(sql % device.name)]
    assert sorted(states) == ["expired", "taken", "taken", "too long", "waiting", "waiting"]


def test_a_message_ends_though_its_device_does_not_come(certs):
    # Without a broker, too: else the page calls it waiting, and no alarm tells.
    with Receiver(certs) as r:
        device = r.device("silent")
        assert r.end() == 0
        r.send(device, "message", "late", hours=-1)
        r.send(device, "message", "in time")
        r.again()
        until(lambda: states(r, device) == {1: "expired", 2: "waiting"})
        _, out, _ = r.run("program", "add", "watcher")
        watcher = {"Authorization": "Bearer " + out.split()[1]}
        until(lambda: "qssl_messages_expired_total 1.0\n" in r.get("/metrics", watcher)[2])


def test_a_database_older_than_the_device(receiver, device):
    # Out of a backup: the device has messages that this database knows nothing of.
    receiver.send(device, "message", "one")
    assert receiver.post(device, {"ack": 41}) == (204, None)
    assert receiver.send(device, "message", "two") == 42
    assert [m["m"] for m in receiver.post(device, {"ack": 41})[1]["messages"]] == [42]


def states(receiver, device):
    sql = "SELECT m, state FROM messages m, devices d WHERE d.id = m.device AND d.name = '%s'"
    return dict(receiver.rows(sql % device.name))


def test_what_the_device_refuses_is_set_aside(receiver, device):
    for n in range(4):
        receiver.send(device, "message", "hello %d" % n)

    def told(n, m, word):
        record = {"qssl": "inbox", "m": m, "refused": word}
        return {"queue": "q", "id": n, "records": [record], "ack": 2}

    # What was acknowledged, and what was not: it does not come again.
    assert [m["m"] for m in receiver.post(device, told(1, 1, "late"))[1]["messages"]] == [3, 4]
    assert [m["m"] for m in receiver.post(device, told(2, 3, "mac"))[1]["messages"]] == [4]
    assert receiver.post(device, told(3, 4, "<b>"))[0] == 204
    for m in (0, -1, 1 << 60, True, "3", None, [1]):
        assert receiver.post(device, told(next(_number), m, "size"))[0] == 204
    want = {1: "refused: late", 2: "taken", 3: "refused: mac", 4: "refused: ?"}
    assert states(receiver, device) == want


def test_room_is_in_bytes_and_text_as_it_is(receiver, device):
    for _ in range(3):
        receiver.send(device, "message", "\U0001f600" * 60)
    with contextlib.closing(receiver.connect()) as c:
        head = {"Authorization": "Bearer " + device.token, "Qssl-Ack": "0", "Qssl-Room": "800"}
        c.request("POST", "/in", b'{"t":1}', head)
        text = c.getresponse().read()
    # 240 bytes of text and some 120 beside them.
    assert text.count(b'"m":') == 2 and b"\\u" not in text and len(text) < 830
    assert json.loads(text)["messages"][0]["body"] == "\U0001f600" * 60


def test_a_body_of_nothing_only_asks(receiver, device):
    receiver.send(device, "message", "hello")
    ask = {"Qssl-Ack": "0", "Content-Type": "application/x-other"}
    status, answer = receiver.post(device, b"", ask)
    assert status == 200 and [m["m"] for m in answer["messages"]] == [1]
    # What was cut to nothing is no question: of 100 a digit was lost, or turned.
    assert receiver.post(device, b"", {**ask, "Content-Length": "00"})[0] == 415
    assert receiver.post(device, b"", {"Qssl-Ack": "0", "Content-Length": "000"})[0] == 400
    assert receiver.kept(device) == []


# --- in process ----------------------------------------------------------------------------------


def test_times_and_values():
    def unpacked(value):
        entry = forms.Entry(1, value, 2000000000.0)
        return entry.at, entry.points

    assert unpacked({"at": None, "t": 1, "ok": True, "s": "x"}) == (
        None,
        [("t", "", None, 1.0), ("ok", "", None, 1.0)],
    )
    at, points = unpacked({"at": 1786111200, "gps": {"lat": 1.5, "lon": 2}})
    assert at == 1786111200 and [p[0] for p in points] == ["gps.lat", "gps.lon"]
    # A clock that nobody has set says 1970; it is not so that it says from now on.
    assert unpacked({"at": 37, "t": 1}) == (37.0, [("t", "", 37.0, 1.0)])
    assert [unpacked({"at": at})[0] for at in (0, -5, 1e18, 1 << 40)] == [None] * 4
    # RFC 8428, 5.1.3: base time, base unit, and times before it.
    pack = [
        {"bn": "urn:dev:ow:10e2073a01080063:", "bt": 1.276020076001e09, "bu": "A", "bver": 5},
        {"n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2},
    ]
    assert unpacked(pack)[1] == [
        ("voltage", "V", 1.276020076001e09, 120.1),
        ("current", "A", 1.276020076001e09 - 5, 1.2),
    ]
    # Two devices in one pack keep their names; a time below 2**28 is relative to now.
    pack = [{"bn": "a:", "n": "x", "v": 1, "t": -10}, {"bn": "b:", "n": "x", "v": 2}]
    assert unpacked(pack)[1] == [("a:x", "", 1999999990.0, 1.0), ("b:x", "", None, 2.0)]
    assert unpacked(
        [{"n": "x", "v": 1, "bv": 10}, {"n": "on", "vb": False}, {"n": "m", "s": 3}]
    ) == (
        None,
        [("x", "", None, 11.0), ("on", "", None, 0.0), ("m sum", "", None, 3.0)],
    )
    assert len(unpacked({"v%d" % n: n for n in range(1000)})[1]) == 100
