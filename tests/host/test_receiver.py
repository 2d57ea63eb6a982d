# test_receiver - tools/receiver: what devices send is kept once, and answered when it is safe.
# SPDX-License-Identifier: MIT

import contextlib
import hashlib
import hmac
import io
import json
import re
import resource
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import servers
import setup
import tool
from patience import LIMIT_S, until
from qdemo.problem import Problem
from receiver import forms, keys, main, messages, options, serve
from receiver_kit import Receiver, batch


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    certs = servers.Certificates(tmp_path_factory.mktemp("receiver"))
    with Receiver(certs) as r:
        yield r


_number = iter(range(1, 10000))


@pytest.fixture
def device(receiver):
    return receiver.device("dev-%d" % next(_number))


def kept(receiver, device, what="id"):
    # Of each record of a device, in the order of their coming.
    sql = (
        "SELECT r.%s FROM records r, devices d WHERE d.id = r.device AND d.name = '%s' ORDER BY n"
    )
    return [value for (value,) in receiver.rows(sql % (what, device.name))]


# --- HTTPS -----------------------------------------------------------------------------------

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
    assert kept(receiver, device) == list(range(1, 11))
    assert kept(receiver, device, "record") == ['{"t":%d}' % n for n in range(10)]
    assert set(kept(receiver, device, "queue")) == {name}


def test_repeats_are_dropped(receiver, device):
    with contextlib.closing(receiver.connect()) as c:
        for first, count in ((1, 3), (1, 3), (2, 4), (7, 2), (1, 8), (5, 2)):
            assert receiver.post(device, batch(first, count), connection=c) == (204, None)
    assert kept(receiver, device) == [1, 2, 3, 4, 5, 7, 8, 6]
    # Of another queue, and of another device, they are others.
    assert receiver.post(device, batch(1, 1, "q2"))[0] == 204
    other = receiver.device("other-%d" % next(_number))
    assert receiver.post(other, batch(1, 1))[0] == 204
    assert len(kept(receiver, device)) == 9 and kept(receiver, other) == [1]


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
    assert sorted(kept(receiver, device)) == list(range(1, 53))


def test_a_record_alone_is_known_by_its_content(receiver, device):
    at = [{"bn": "urn:x:", "bt": 1.7e9, "n": "seq", "v": 1}, {"n": "t", "u": "Cel", "v": 21.5}]
    kind = {"Content-Type": "application/senml+json"}
    for body in (at, at, {"t": 1}, {"t": 1}, {"t": 2}):
        assert receiver.post(device, body, kind) == (204, None)
    assert kept(receiver, device, "at") == [1.7e9, None, None]


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
    assert receiver.post(device, b"{}", {"Qssl-Ack": "x"})[1]["error"] == "ack"
    assert kept(receiver, device) == []
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
    assert kept(receiver, device) == []
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
    assert [json.loads(text) for text in kept(receiver, device, "record")] == strange
    (health,) = receiver.rows("SELECT health FROM devices WHERE name = '%s'" % device.name)
    assert json.loads(health[0])["uptime"] == 5


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
    assert kept(receiver, device) == [5]


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


_FORM = "application/x-www-form-urlencoded"


# --- the database goes -----------------------------------------------------------------------


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


# --- messages --------------------------------------------------------------------------------


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
    assert kept(receiver, device)[:2] == [1, 2]


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
    assert kept(receiver, device) == []


# --- the program -----------------------------------------------------------------------------


@pytest.fixture
def signals():
    # As they were.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


def test_what_cannot_be_is_one_sentence(receiver, tmp_path, certs, capsys, monkeypatch, signals):
    monkeypatch.setattr(serve, "_logging", lambda: None)

    def run(*words):
        argv = [str(w) for w in words] + ["--folder", str(tmp_path / "data")]
        try:
            status = main.main(argv)
        except SystemExit as e:
            status = e.code
        out, err = capsys.readouterr()
        assert (status, out) == (2, "") and err.count("\n") == 1, out + err
        assert err.startswith("receiver"), err
        return err

    (tmp_path / "bad").write_text("no certificate")
    cert = ["--cert", certs.server.cert, "--key", certs.server.key]
    here = ["--page", "127.0.0.1:0"]
    taken = "127.0.0.1:%d" % receiver.port
    assert "--listen %s can't be used" % taken in run("--listen", taken, *here, *cert)
    for words, text in (
        (["--cert", tmp_path / "none", "--key", certs.server.key], "there is no such file"),
        (["--cert", tmp_path / "bad", "--key", certs.server.key], "can't be used"),
        (["--cert", certs.server.cert, "--key", certs.client.key], "can't be used"),
        (["--cert", certs.server.cert], "go together"),
        (["--database", "mysql://x/y"], "neither sqlite"),
        (["--database", "nothing"], "neither sqlite"),
        (["--database", "sqlite:////no/such/folder/x.db"], "can't be made"),
        (["--database", "postgresql://u:secret@127.0.0.1:9/x"], "can't be used"),
        (["--listen", "8443"], "not HOST:PORT"),
        (["--mqtt", "http://x", "--listen", "127.0.0.1:0", *here, *cert], "--mqtt has to be"),
        (["--max-body", "-1"], "no number"),
        (["nothing"], "invalid choice"),
    ):
        last = run(*words)
        assert text in last and "secret" not in last, last
    (tmp_path / "data/receiver.db").write_bytes(b"this is no database" * 100)
    assert "not a database" in run()
    for text, wanted in (
        ("pge = 1", "is it page"),
        ("page =", "no TOML"),
        ("page = 1", "HOST:PORT"),
    ):
        (tmp_path / "data/receiver.toml").write_text(text)
        assert wanted in run()


def test_settings_from_file_and_environment(tmp_path, monkeypatch):
    (tmp_path / "receiver.toml").write_text('max-body = 77\nlisten = "127.0.0.1:1"\nmqtt = "a"')
    monkeypatch.setenv("QSSL_RECEIVER_LISTEN", "[::1]:2")
    monkeypatch.setenv("QSSL_RECEIVER_MQTT", "b")
    chosen = options.parse(["--folder", str(tmp_path), "--mqtt", "c"])
    assert chosen.command == "serve" and chosen.max_body == 77
    assert (chosen.listen, chosen.mqtt, chosen.page) == (("::1", 2), "c", ("127.0.0.1", 8080))


def test_the_first_start_makes_what_it_needs(tmp_path):
    # By the program itself, with its own certificate; Ctrl-C and SIGTERM end it.
    folder = tmp_path / "data"
    tool_argv = [sys.executable, setup.ROOT / "tools/receiver", "--folder", folder]
    words = ["--listen", "127.0.0.1:0", "--page", "127.0.0.1:0"]
    for number in (signal.SIGINT, signal.SIGTERM):
        with open(tmp_path / "log", "w") as log:
            process = subprocess.Popen([*tool_argv, *words], stdout=log, stderr=log)
        try:
            until(lambda: "ready" in (tmp_path / "log").read_text())
            port = re.search(r"https://127.0.0.1:(\d+)/in", (tmp_path / "log").read_text())[1]
            ctx = ssl.create_default_context(cafile=folder / "ca.pem")
            ctx.maximum_version = ssl.TLSVersion.TLSv1_2
            ctx.set_ciphers("AES128-SHA")
            with socket.create_connection(("127.0.0.1", int(port)), LIMIT_S) as plain:
                with ctx.wrap_socket(plain, server_hostname="localhost"):
                    process.send_signal(number)  # while somebody is connected
                    assert process.wait(LIMIT_S) == 0
        finally:
            process.kill()
        lines = (tmp_path / "log").read_text().splitlines()
        assert "nobody can log in yet" in "".join(lines) and lines[-1].endswith("stopped")
        others = [s for s in lines if not re.match(r"\d{4}-\d\d-\d\d [\d:,]+ INFO ", s)]
        assert others == []
    for name in ("ca.key", "server.key", "master.key", "receiver.db"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_commands(receiver, capsys):
    def run(*words):
        status = main.main([*words, "--folder", str(receiver.folder), "--database", receiver.url])
        return status, *capsys.readouterr()

    status, out, err = receiver.run("device", "add", "cmd-1")
    token, key = re.findall(r"^(?:token|key) +(\S+)$", out, re.M)
    assert (status, err) == (0, "") and len(key) == 64
    assert receiver.post(None, batch(1, 2), path="/in/" + token) == (204, None)
    said = "receiver: There is a device cmd-1 already.\n"
    assert run("device", "add", "cmd-1") == (2, "", said)
    assert run("device", "add", "<b>")[0] == 2
    assert re.search(r"^cmd-1 +20\d\d-", run("device", "list")[1], re.M)
    assert run("send", "cmd-1", "hello")[1] == "message 1 waits for cmd-1\n"
    assert run("send", "cmd-1", "[", "--kind", "settings")[0] == 2
    assert run("send", "none", "hello")[0] == 2
    (message,) = receiver.post(None, {"ack": 0}, path="/in/" + token)[1]["messages"]
    text = "qssl1\ncmd-1\n1\nmessage\n%d\nhello" % message["until"]
    assert message["mac"] == hmac.new(bytes.fromhex(key), text.encode(), "sha256").hexdigest()
    # A new token, and the old one is worth nothing; deleted records stay known.
    token = re.search(r"^token +(\S+)$", run("device", "token", "cmd-1")[1], re.M)[1]
    assert run("prune", "0")[1].endswith(" records deleted\n")
    assert receiver.post(None, batch(1, 3), path="/in/" + token) == (204, None)
    assert receiver.ids() == [3]
    assert run("device", "remove", "cmd-1")[0] == 0 and receiver.ids() == []
    assert run("device", "remove", "cmd-1")[0] == 2


def test_accounts_and_what_is_refused(tmp_path, capsys, monkeypatch):
    def run(*words, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            status = main.main([*words, "--folder", str(tmp_path)])
        except SystemExit as e:
            status = e.code
        return status, *capsys.readouterr()

    def refused(text, *words):
        status, out, err = run(*words)
        assert (status, out) == (2, "") and err.count("\n") == 1 and text in err, (out, err)

    password = "a long password\n"
    assert run("user", "add", "anna", stdin=password)[1] == "anna may log in to the page.\n"
    assert run("user", "add", "anna", stdin=password)[1] == "anna has a new password.\n"
    # A program of that name must not take the place of a person, nor the other way round.
    refused("anna is the name of a user already", "program", "add", "anna")
    refused("There is no program anna", "program", "remove", "anna")
    assert run("program", "add", "robot")[1].count("\n") == 1
    assert "is of no use any more" in run("program", "add", "robot")[1]
    refused("There is no user robot", "user", "remove", "robot")
    assert run("user", "list")[1] == "anna\n" and run("program", "list")[1] == "robot\n"
    assert run("program", "remove", "robot")[:2] == (0, "robot is gone.\n")
    assert run("device", "add", "n1")[0] == 0
    for hours in ("0", "-5", "8785", "99999999999999999999", "x", "\u00b2"):
        refused("no number", "send", "n1", "hi", "--hours=" + hours)
    for days in ("x", "36526", "9" * 30):
        refused("no number", "prune", days)
    refused("no number", "prune", "--", "-5")
    refused("JSON object", "send", "n1", "[1]", "--kind", "settings")
    for number in ("NaN", "-Infinity", "1e999"):
        refused("number that JSON", "send", "n1", '{"a": %s}' % number, "--kind", "settings")
    refused("is no number", "send", "n1", '{"a": [1]}', "--kind", "settings")
    assert messages.checked("settings", {"a": None, "b": 1.5}) == '{"a":null,"b":1.5}'
    refused("is not HOST:PORT", "serve", "--listen", "h:\u00b2")
    assert run("send", "n1", "hi", "--hours", "8784")[1] == "message 1 waits for n1\n"


def test_the_certificate_that_it_makes(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    said = []

    def certificate(*words):
        chosen = options.parse([*words, "--folder", str(folder)])
        cert, _ = keys.certificate(chosen, said.append)
        loaded = x509.load_pem_x509_certificate(cert.read_bytes())
        hosts = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return loaded, [str(one.value) for one in hosts]

    where = ["device", "add", "n1", "--files", "f", "--address", "r.example"]
    # docs/bill.md says what it costs: each connection carries it.
    whose, _ = certificate("--names", "server.example,localhost,127.0.0.1")
    size = len(whose.public_bytes(Encoding.DER))
    page = (setup.ROOT / "docs/bill.md").read_text()
    kit = (setup.ROOT / "tools/qsearch/bill.py").read_text()
    assert "`server.example`, %d bytes," % size in page and "chain=%d," % size in page
    assert "_CHAIN = %d " % size in kit
    strictly = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"]
    subprocess.run([*strictly, folder / "ca.pem", folder / "server.pem"], check=True)
    for file in list(folder.iterdir()):
        file.unlink()
    said.clear()
    first, hosts = certificate(*where)
    assert hosts == ["r.example", "localhost", "127.0.0.1"] and "made a CA" in said.pop()
    # Boards have this CA from now on: another name makes no other one.
    ca = (folder / "ca.pem").read_bytes()
    assert certificate("--names", "R.example,127.0.0.1")[0] == first and not said
    assert certificate("--names", "s.example,127.0.0.1")[0] == first
    (text,) = said
    assert "server.pem is not for s.example: move it away" in text
    (folder / "server.pem").rename(folder / "old.pem")
    again, hosts = certificate("--names", "s.example,127.0.0.1")
    assert hosts == ["s.example", "127.0.0.1"] and len(said) == 1
    assert (folder / "ca.pem").read_bytes() == ca
    again.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))
    # Without the CA's key there is none, and nothing changes.
    (folder / "server.pem").unlink()
    (folder / "ca.key").rename(folder / "away.key")
    before = sorted(p.name for p in folder.iterdir())
    with pytest.raises(Problem, match=r"ca\.key is not here"):
        certificate("serve")
    shutil.copy(folder / "server.key", folder / "ca.key")
    with pytest.raises(Problem, match=r"ca\.key is not the key of .*ca\.pem"):
        certificate("serve")
    (folder / "ca.key").write_text("")
    with pytest.raises(Problem, match=r"ca\.key is no key in PEM"):
        certificate("serve")
    (folder / "ca.key").unlink()
    assert sorted(p.name for p in folder.iterdir()) == before


def test_what_boards_need(tmp_path, certs):
    like = tmp_path / "like.json"
    like.write_text('{"apn": "iot", "host": "old"}')
    files = tmp_path / "files"
    words = ["--files", files, "--address", "r.example", "--like", like]
    r = Receiver(certs)
    try:
        # The files are whole, or there is no such device.
        (files / "b").mkdir(parents=True)
        (files / "b/settings.json").write_text("{}")
        status, _, err = r.run("device", "add", "a", "b", *words)
        assert status == 2 and "is there already" in err
        assert r.run("device", "list")[1] == "" and (files / "b/settings.json").read_text() == "{}"
        assert not (files / "a/settings.json").exists()
        shutil.rmtree(files)
        status, out, _ = r.run("device", "add", "a", "b", *words)
        assert status == 0 and out == "%s\n%s\n" % (files / "a", files / "b")
        made = [json.loads((files / name / "settings.json").read_text()) for name in "ab"]
        key = messages.device_key(keys.master(r.folder), "b").hex()
        want = {"apn": "iot", "host": "r.example", "port": 8443, "ca": "ca.pem", "device": "b"}
        assert made[1] == dict(want, key=key, token=made[1]["token"])
        assert made[0]["token"] != made[1]["token"]
        assert (files / "a/ca.pem").read_bytes() == (r.folder / "ca.pem").read_bytes()
        assert (files / "a/settings.json").stat().st_mode & 0o077 == 0
        # A lost one gets a new token, and the former counts no longer.
        assert r.run("device", "token", "b", *words)[0] == 0
        assert json.loads((files / "b/settings.json").read_text())["token"] != made[1]["token"]
        for bad, said in (
            (["add", "x", "y"], "more than one device goes with --files"),
            (["add", "x", "--files", files], "--files and --address go together"),
            (["add", "../x", *words], "A name has 1 to 64"),
            (["add", "x", *words[:3], "h:x"], "--address: h:x is not HOST:PORT"),
            (["list", *words], "--files goes with add and token"),
            (["add", "x", *words[:3], "h.example:0"], "no port that a board can come to"),
            (["add", "x", *words[:3], "https://h"], "https://h is not HOST:PORT"),
            (["add", "x", *words[:3], "r example"], "r example:8443 is not HOST:PORT"),
            (["add", "x", *words[:4], "--like", "/nowhere"], "Can't read /nowhere"),
        ):
            status, _, err = r.run("device", *bad)
            assert status == 2 and said.lower() in err.lower(), err
    finally:
        r.stop()


# --- the pages -------------------------------------------------------------------------------

_PAGE = (setup.ROOT / "docs/receiver.md").read_text()
_PROTOCOL = (setup.ROOT / "docs/protocol.md").read_text()


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, _PAGE, re.M | re.S)


def test_the_script_of_the_page(tmp_path, tmp_path_factory, receiver, device):
    (text,) = blocks("python")
    queue = tmp_path_factory.mktemp("queue") / "q"
    assert text.count('FileQueue("queue")') == 1
    script = tmp_path_factory.mktemp("script") / "script.py"
    script.write_text(text.replace('"queue"', repr(str(queue)), 1))
    settings = ["host=127.0.0.1", "port=%d" % receiver.port, "ca=%s" % receiver.certs.ca]
    settings.append("token=" + device.token)
    status, out, err = tool.run(tmp_path, "run.py", "--baud", "0", script, "--", *settings)
    assert (status, out) == (0, ""), out + err
    first, second = [json.loads(text) for text in kept(receiver, device, "record")]
    assert first.pop("at") > 1.7e9 and first == {"temperature": 21.5}
    assert (second["qssl"], second["battery"]) == ("health", 3.71)


def test_the_commands_and_settings_of_the_page(tmp_path, monkeypatch, capsys, certs):
    monkeypatch.setenv("QSSL_RECEIVER_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("QSSL_RECEIVER_CERT", str(certs.server.cert))
    monkeypatch.setenv("QSSL_RECEIVER_KEY", str(certs.server.key))
    lines = [
        line.partition("#")[0].split() for block in blocks("sh") for line in block.splitlines()
    ]
    seen = set()
    for words in lines:
        if words[:2] == ["python3", "tools/receiver"]:
            monkeypatch.setattr("sys.stdin", io.StringIO("a good long password\n"))
            if options.parse(words[2:]).command != "serve":
                assert main.main(words[2:]) == 0, capsys.readouterr().err
            seen.add(tuple(words[2:3]))
        else:
            assert words[:2] == ["mosquitto", "-c"]
            path = words[2].replace("receiver-data", str(tmp_path / "data"), 1)
            assert "acl_file" in Path(path).read_text()
    assert seen == {("device",), ("user",), (), ("broker",), ("--mqtt",)}
    (text,) = blocks("toml")
    (tmp_path / "data/receiver.toml").write_text(text)
    chosen = options.parse([])
    assert chosen.keep_days == 400 and chosen.database.startswith("postgresql://")
    for name in options.SETTINGS:
        assert name in _PAGE, name


def test_the_protocol_as_its_page_has_it():
    # Each delivery of the table is one; each word of a refusal is there.
    table = _PROTOCOL.partition("| delivery |")[2].partition("\n\n")[0]
    shown = re.findall(r"^\| `(\{.*?\})`", table, re.M)
    assert len(shown) == 3
    for text in shown:
        text = text.replace("[R, ...]", '[{"t":1}]').replace("Q", '"q"').replace(" R}", " 7}")
        delivery = forms.read(re.sub(r"\b[NM]\b", "5", text).encode())
        assert delivery.queue == "q" or delivery.ack == 5
    words = set()
    for path in (setup.ROOT / "tools/receiver").glob("*.py"):
        if path.name not in ("mqtt.py", "page.py"):
            words |= set(
                re.findall(r'(?:Bad|_error|_refuse)\(\s*(?:\d+, )?"(\w+)"', path.read_text())
            )
    answers = _PROTOCOL.partition("| answer |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", answers)) - {"application"}
    assert told == words - {"device"}  # that one by MQTT alone
    (message,) = re.findall(r'^    (\{"m":.*\})$', _PROTOCOL, re.M)
    message = json.loads(message)
    assert json.loads(message["body"]) == {"interval_s": 300}
    assert set(messages.KINDS) == set(
        re.findall(r"^\| `(\w+)` \|", _PROTOCOL.partition("### Kinds")[2], re.M)
    )
    (told,) = re.findall(r'^    (\{"qssl": "settings".*\})$', _PROTOCOL, re.M)
    assert forms.Entry(1, json.loads(told), 0).told[0] == "settings"


# --- in process ------------------------------------------------------------------------------


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
