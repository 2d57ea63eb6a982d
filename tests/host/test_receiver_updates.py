# test_receiver_updates - files for devices and from them, and updates of their program.
# SPDX-License-Identifier: MIT

import contextlib
import hashlib
import io
import json
import os
import re
import zipfile

import pytest

PASSWORD = "correct horse battery"
DATA = os.urandom(40000)


@pytest.fixture(scope="module")
def receiver(receiver):
    r = receiver
    r.user("anna", PASSWORD)
    _, out, _ = r.run("program", "add", "robot")
    r.auth = {"Authorization": "Bearer " + re.search(r"token +(\S+)", out)[1]}
    r.n1 = r.device("n1")
    return r


def asked(r, device, path, method="GET", body=None, **headers):
    # (status, headers, bytes) of the devices' side.
    head = {name.replace("_", "-"): value for name, value in headers.items()}
    if device is not None:
        head["Authorization"] = "Bearer " + device.token
    with contextlib.closing(r.connect()) as connection:
        connection.request(method, path, body, head)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def api(r, path, what=None, data=None):
    # (status, what it says)
    method = "GET"
    if what is not None or data is not None:
        method, data = "POST", json.dumps(what) if data is None else data
    status, _, text = r.get(path, r.auth, method, data)
    return status, json.loads(text)


def archive(files):
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return found.getvalue()


def sha(data):
    return hashlib.sha256(data).hexdigest()


# --- files for devices ---


def test_ranges(receiver):
    r = receiver
    status, what = api(r, "/api/files", data=DATA)
    assert status == 201 and what == {
        "url": "/files/" + sha(DATA),
        "sha256": sha(DATA),
        "size": 40000,
    }
    path = what["url"]
    status, headers, data = asked(r, r.n1, path)
    assert (status, data, headers["ETag"]) == (200, DATA, '"%s"' % sha(DATA))
    for wanted, first, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=100-16483", 100, 16484),
        ("bytes=39999-50000", 39999, 40000),
        ("bytes=100-", 100, 40000),
        ("bytes=-5", 39995, 40000),
    ):
        status, headers, data = asked(r, r.n1, path, Range=wanted)
        assert (status, data) == (206, DATA[first:end]), wanted
        assert headers["Content-Range"] == "bytes %d-%d/40000" % (first, end - 1)
    for wanted in ("bytes=5-4", "bytes=x-y", "bytes=1-2,4-5", "bits=1-2", "bytes=-"):
        assert asked(r, r.n1, path, Range=wanted)[0] == 200, wanted
    status, headers, _ = asked(r, r.n1, path, Range="bytes=40000-40005")
    assert status == 416 and headers["Content-Range"] == "bytes */40000"
    same = {"Range": "bytes=1-2", "If_Range": '"%s"' % sha(DATA)}
    assert asked(r, r.n1, path, **same)[0] == 206
    assert asked(r, r.n1, path, **dict(same, If_Range='"x"'))[0] == 200


def test_only_devices_get_files(receiver):
    r = receiver
    api(r, "/api/files", data=DATA)
    assert asked(r, None, "/files/" + sha(DATA))[0] == 401
    for name in ("x", "0" * 64, "..%2f..%2freceiver.db", "%2e%2e/master.key", "0" * 63 + "%00"):
        assert asked(r, r.n1, "/files/" + name)[0] == 404, name
    assert api(r, "/api/files", data=b"x" * (4 << 20 | 1))[0] == 413


# --- files from devices ---


def put(r, device, data, span, part=b"", name="log.txt", digest=None):
    path = "/up/%s?name=%s" % (digest or sha(data), name)
    body = {"method": "PUT", "body": part, "Content_Range": "bytes %s/%d" % (span, len(data))}
    status, _, text = asked(r, device, path, **body)
    return status, json.loads(text)


def test_a_file_of_a_device(receiver):
    r = receiver
    data = os.urandom(30000)
    assert put(r, r.n1, data, "*") == (200, {"at": 0})
    assert put(r, r.n1, data, "0-9999", data[:10000]) == (200, {"at": 10000})
    assert put(r, r.n1, data, "0-9999", data[:10000]) == (200, {"at": 10000})  # repeated
    assert put(r, r.n1, data, "20000-29999", data[20000:]) == (200, {"at": 10000})  # too early
    assert put(r, r.n1, data, "*") == (200, {"at": 10000})
    assert put(r, r.n1, data, "10000-29999", data[10000:]) == (200, {"at": 30000})
    assert put(r, r.n1, data, "*") == (200, {"at": 30000})
    files = api(r, "/api/devices/n1/files")[1]["files"]
    assert (files[0]["name"], files[0]["size"], files[0]["has"]) == ("log.txt", 30000, 30000)
    found = r.rows("SELECT count(*) FROM pieces")[0][0]
    assert found == 2
    # Damaged on the way: it begins again.
    other = os.urandom(100)
    assert put(r, r.n1, other, "0-99", other[::-1])[0] == 422
    assert put(r, r.n1, other, "*") == (200, {"at": 0})
    assert put(r, r.n1, b"", "*") == (200, {"at": 0})
    assert [f["name"] for f in api(r, "/api/devices/n1/files")[1]["files"] if f["done_at"]] == [
        "log.txt",
        "log.txt",
    ]


def test_what_is_no_piece(receiver):
    r = receiver
    data = b"x" * 100
    for span, part, name, digest in (
        ("0-99", data[:50], "a", None),
        ("0-99", data + data, "a", None),
        ("50-149", data, "a", None),
        ("9-0", b"", "a", None),
        ("*", data, "a", None),
        ("x", data, "a", None),
        ("*", b"", "a%2fb", None),
        ("*", b"", "", None),
        ("*", b"", "a", "../../x"),
        ("*", b"", "a", "A" * 64),
    ):
        assert put(r, r.n1, data, span, part, name, digest)[0] in (400, 404), (span, name, digest)
    path = "/up/%s?name=a" % sha(data)
    assert asked(r, r.n1, path, "PUT", b"", Content_Range="bytes */5000000")[0] == 413
    assert asked(r, None, path, "PUT", b"", Content_Range="bytes */5")[0] == 401


# --- updates ---

APP = {"app.py": b"print(1)", "lib/a.py": b"x = 1"}


def test_an_update_and_who_gets_it(receiver):
    r = receiver
    devices = [r.device("roll-%02d" % n) for n in range(14)]
    for device in devices:
        r.post(device, {"ack": 0})
    r.device("roll-deaf")  # takes no messages
    status, what = api(r, "/api/updates?version=1.0&board=pico", data=archive(APP))
    assert status == 201
    send = "/api/updates/%d/send" % what["id"]
    (shown,) = [u for u in api(r, "/api/updates")[1]["updates"] if u["id"] == what["id"]]
    assert (shown["version"], shown["board"], shown["size"]) == ("1.0", "pico", 13)
    # One, ten more, all; each once.
    assert len(api(r, send, {"count": 1})[1]["devices"]) == 1
    assert len(api(r, send, {"count": 10})[1]["devices"]) == 10
    assert len(api(r, send, {"all": True})[1]["devices"]) == 3
    assert api(r, send, {"all": True})[1]["devices"] == []
    assert api(r, send, {"devices": ["roll-deaf"]})[1]["devices"] == ["roll-deaf"]
    # The message, and through it all files.
    _, answer = r.post(devices[3], {"ack": 0})
    (message,) = answer["messages"]
    body = json.loads(message["body"])
    assert message["kind"] == "update" and (body["version"], body["board"]) == ("1.0", "pico")
    manifest = asked(r, devices[3], body["url"])[2]
    assert (len(manifest), sha(manifest)) == (body["size"], body["sha256"])
    manifest = json.loads(manifest)
    assert (manifest["version"], manifest["board"]) == ("1.0", "pico")
    for f in manifest["files"]:
        data = asked(r, devices[3], "/files/" + f["sha256"])[2]
        assert APP[f["name"]] == data and len(data) == f["size"]
    # How far each is.
    for n, told in enumerate(
        [
            {"state": "loading"},
            {"state": "kept", "running": "1.0"},
            {"state": "failed", "why": "space", "running": "0.9"},
            {"state": "back", "running": "0.9"},
            {"state": "<b>", "running": 7},
            {"state": "failed", "why": "<b>"},
        ]
    ):
        record = {"qssl": "update", "m": message["m"], "version": "1.0", **told}
        r.post(devices[n], {"queue": "q", "id": 1, "records": [record], "ack": message["m"]})
    refused = {"qssl": "inbox", "m": message["m"], "refused": "kind"}
    r.post(devices[6], {"queue": "q", "id": 1, "records": [refused], "ack": message["m"]})
    shown = api(r, "/api/updates/%d" % what["id"])[1]
    states = {d["name"]: d["state"] for d in shown["devices"]}
    assert [states["roll-%02d" % n] for n in range(8)] == [
        "loading",
        "kept",
        "failed: space",
        "back",
        "taken",
        "failed: ?",
        "refused: kind",
        "waiting",
    ]
    assert shown["states"]["waiting"] == 8
    assert api(r, "/api/devices/roll-01")[1]["version"] == "1.0"
    # Once more to one of them.
    assert api(r, send, {"devices": ["roll-03"]})[0] == 201
    states = {d["name"]: d["state"] for d in api(r, "/api/updates/%d" % what["id"])[1]["devices"]}
    assert states["roll-03"] == "waiting" and len(states) == 15


def test_back_to_an_old_version(receiver):
    # A new one goes to some, and proves bad: the old one goes back to these, and to no other.
    r = receiver
    for n in range(6):
        r.post(r.device("back-%d" % n), {"ack": 0})
    old, new = [
        "/api/updates/%d/send"
        % api(r, "/api/updates?version=%s&board=back" % version, data=archive(APP))[1]["id"]
        for version in ("1.0", "1.1")
    ]
    everyone = api(r, old, {"all": True})[1]["devices"]
    assert {"back-%d" % n for n in range(6)} <= set(everyone)
    some = api(r, new, {"count": 4})[1]["devices"]
    assert sorted(some) == ["back-%d" % n for n in range(2, 6)]
    b = Browser(r)
    page = b.get(old[4:-5])[1]
    assert "4 devices were sent another update last" in page and ">All 4<" in page
    assert "%d waiting" % len(everyone) in page
    assert sorted(api(r, old, {"all": True})[1]["devices"]) == sorted(some)
    assert api(r, old, {"count": 1})[1]["devices"] == []
    assert "was sent this one last" in b.get(old[4:-5])[1]


def test_two_operators_at_once(receiver):
    # Each has the page of the same update open: ten more are ten more, not twenty.
    r = receiver
    for n in range(30):
        r.post(r.device("both-%02d" % n), {"ack": 0})
    id = api(r, "/api/updates?version=1.0&board=both", data=archive(APP))[1]["id"]
    path = "/updates/%d" % id
    first, second = Browser(r), Browser(r)
    last = first.last(path)
    assert second.last(path) == last
    assert first.send(path + "/send", "how=10&last=" + last)[0] == 303
    for text in ("how=10&last=" + last, "how=all&last=" + last, "how=1", "how=1&last=x"):
        status, _, text = second.send(path + "/send", text)
        assert status == 409 and "somebody has just sent it to others" in text
        assert "10 waiting" in text and "Ten more" in text  # and how it is now
    assert second.send(path + "/send", "how=10&last=" + second.last(path))[0] == 303
    assert api(r, "/api" + path)[1]["states"] == {"waiting": 20}


def test_once_more_to_those_where_it_failed(receiver):
    r = receiver
    devices = [r.device("again-%02d" % n) for n in range(20)]
    for device in devices:
        r.post(device, {"ack": 0})
    old, id = [
        api(r, "/api/updates?version=%s&board=again" % v, data=archive(APP))[1]["id"] for v in "01"
    ]
    names = [d.name for d in devices]
    assert api(r, "/api/updates/%d/send" % id, {"devices": names})[0] == 201
    assert api(r, "/api/updates/%d/send" % id, {"failed": True})[1]["devices"] == []
    told = ({"state": "failed", "why": "space"}, {"state": "back"})
    for n, device in enumerate(devices):
        record = {
            "qssl": "update",
            "m": 1,
            **(told[n // 10] if n % 10 == 7 else {"state": "kept"}),
        }
        r.post(device, {"queue": "q", "id": 1, "records": [record], "ack": 1})
    b = Browser(r)
    path = "/updates/%d" % id
    assert "Once more to 2 that do not have it" in b.get(path)[1]
    # One of them has been sent another one since.
    assert api(r, "/api/updates/%d/send" % old, {"devices": ["again-17"]})[0] == 201
    assert "Once more to 1 that does not have it" in b.get(path)[1]
    assert b.send(path + "/send", "how=failed&last=" + b.last(path))[0] == 303
    shown = api(r, "/api" + path)[1]
    assert shown["states"] == {"waiting": 1, "kept": 18, "back": 1}
    assert "Once more" not in b.get(path)[1]
    assert api(r, "/api/updates/%d/send" % id, {"failed": 1})[0] == 400


def test_updates_that_are_none(receiver):
    r = receiver
    bomb = archive({"app.py": b"\0" * (5 << 20)})
    many = archive({"app.py": b"", **{"f%d" % n: b"" for n in range(64)}})
    fine = archive(APP)
    for version, board, data, why in (
        ("1.0-x", "pico", b"", "no zip"),
        ("1.0-x", "pico", b"PK\3\4 garbage", "no zip"),
        ("1.0-x", "pico", fine[:-30], "no zip"),
        ("1.0-x", "pico", archive({"main.py": b""}), "no app.py"),
        ("1.0-x", "pico", archive({"app.py": b"", "../main.py": b""}), "name"),
        ("1.0-x", "pico", archive({"app.py": b"", "/main.py": b""}), "name"),
        ("1.0-x", "pico", archive({"app.py": b"", "a b": b""}), "name"),
        ("1.0-x", "pico", archive({"app.py": b"", "manifest.json": b""}), "name"),
        ("1.0-x", "pico", archive({"app.py": b"", "a" * 65: b""}), "name"),
        ("1.0-x", "pico", archive({"app.py": b""}), "app.py is empty"),
        ("1.0-x", "pico", bomb, "4 MB"),
        ("1.0-x", "pico", many, "64 files"),
        ("", "pico", fine, "version"),
        ("a%20b", "pico", fine, "version"),
        ("%3Cb%3E", "pico", fine, "version"),
        ("1.0-x", "x" * 33, fine, "board"),
    ):
        status, what = api(r, "/api/updates?version=%s&board=%s" % (version, board), data=data)
        assert status == 400 and why in what["error"], (version, why, what)
    assert api(r, "/api/updates?version=2.0&board=pico", data=fine)[0] == 201
    status, what = api(r, "/api/updates?version=2.0&board=pico", data=fine)
    assert status == 400 and "already" in what["error"]
    assert api(r, "/api/updates?version=2.0&board=esp32", data=fine)[0] == 201
    # As a Mac packs it.
    mac = archive({**APP, "__MACOSX/._app.py": b"x", ".DS_Store": b"x", "lib/.DS_Store": b"x"})
    assert api(r, "/api/updates?version=2.0&board=mac", data=mac)[0] == 201
    (shown,) = [u for u in api(r, "/api/updates")[1]["updates"] if u["board"] == "mac"]
    assert shown["size"] == sum(map(len, APP.values()))
    for what in ({}, {"count": 0}, {"count": True}, {"all": 1}, {"devices": []}, {"devices": [7]}):
        assert api(r, "/api/updates/1/send", what)[0] == 400, what
    assert api(r, "/api/updates/1/send", {"devices": ["nobody"]})[0] == 400
    assert api(r, "/api/updates/99999/send", {"all": True})[0] == 404
    assert api(r, "/api/updates/99999")[0] == 404


# --- the page ---


class Browser:
    # A session, as a browser has it, without one.
    def __init__(self, r):
        self._r = r
        form = "name=anna&password=" + PASSWORD.replace(" ", "+")
        _, headers, _ = r.get("/login", (), "POST", form)
        self._cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        text = self.get("/updates")[1]
        self.token = re.search(r'name="token" value="([^"]+)"', text)[1]

    def get(self, path):
        status, headers, text = self._r.get(path, self._cookie)
        self.headers = headers
        return status, text

    def post(self, path, **fields):
        body = io.BytesIO()
        for name, value in dict({"token": self.token}, **fields).items():
            body.write(b'--xx\r\nContent-Disposition: form-data; name="%s"' % name.encode())
            if isinstance(value, bytes):
                body.write(b'; filename="a.zip"\r\nContent-Type: application/zip\r\n\r\n' + value)
            else:
                body.write(b"\r\n\r\n" + value.encode())
            body.write(b"\r\n")
        body.write(b"--xx--\r\n")
        head = {"Content-Type": "multipart/form-data; boundary=xx", **self._cookie}
        return self._r.get(path, head, "POST", body.getvalue())

    def last(self, path):
        return re.search(r'name="last" value="([^"]*)"', self.get(path)[1])[1]

    def send(self, path, text):
        head = {"Content-Type": "application/x-www-form-urlencoded", **self._cookie}
        return self._r.get(path, head, "POST", "token=%s&%s" % (self.token, text))


def test_the_page(receiver):
    r = receiver
    r.post(r.n1, {"ack": 0})
    b = Browser(r)
    data = archive(APP)
    status, headers, _ = b.post("/updates", version="3.0", board="pico", file=data)
    assert status == 303
    path = headers["Location"]
    assert "Version 3.0 for pico" in b.get(path)[1]
    assert b.send(path + "/send", "how=device&device=n1")[0] == 303
    text = b.get(path)[1]
    assert ">n1</a>" in text and "<td>waiting</td>" in text
    assert "1 waiting" in b.get("/updates")[1]
    assert b.send(path + "/send", "how=1&last=" + b.last(path))[0] == 303
    assert b.send(path + "/send", "how=7")[0] == 400
    assert b.send(path + "/send", "how=device&device=%3Cb%3E")[0] == 400
    # A file of a device is only ever saved.
    page = b"<script>alert(1)</script>"
    put(r, r.n1, page, "0-%d" % (len(page) - 1), page, "a.html")
    status, text = b.get("/device/n1/files/" + sha(page))
    assert (status, text) == (200, page.decode())
    assert b.headers["Content-Disposition"] == 'attachment; filename="a.html"'
    assert b.headers["Content-Type"] == "application/octet-stream"
    assert ">a.html</a>" in b.get("/device/n1")[1]
    for name in ("x", "..%2f..%2fx", sha(b"none")):
        assert b.get("/device/n1/files/" + name)[0] == 404
    # What is no such form.
    assert b.post("/updates", version="3.1", board="pico")[0] == 400
    assert b.post("/updates", version="3.1", board="pico", file="text")[0] == 400
    assert b.post("/updates", version="3.1", board=b"file", file=data)[0] == 400
    assert b.post("/updates", version="3.1", board="pico", file=b"x" * (5 << 20))[0] == 413
    assert b.post("/updates", version="3.1", board="pico", file=data, token="x")[0] == 403
    assert b.post("/updates", version="3.1", board="pico", file=data, token=b"x")[0] == 400
    assert b.send("/updates", "version=3.1&board=pico&file=x")[0] == 400


def test_nobody_without_a_login(receiver):
    r = receiver
    for path in ("/updates", "/updates/1", "/device/n1/files/" + "0" * 64):
        status, headers, _ = r.get(path)
        assert (status, headers["Location"]) == (303, "/login"), path
    for path in ("/updates", "/updates/1/send"):
        assert r.get(path, (), "POST", "how=all")[0] == 403
    for method, path in (
        ("GET", "/api/updates"),
        ("GET", "/api/updates/1"),
        ("GET", "/api/devices/n1/files"),
        ("GET", "/api/devices/n1/files/" + "0" * 64),
        ("POST", "/api/updates?version=9&board=b"),
        ("POST", "/api/updates/1/send"),
        ("POST", "/api/files"),
    ):
        assert r.get(path, (), method, "{}" if method == "POST" else None)[0] == 401, path
        # The token of a device opens nothing here.
        device = {"Authorization": "Bearer " + r.n1.token}
        assert r.get(path, device, method, "{}" if method == "POST" else None)[0] == 401, path
