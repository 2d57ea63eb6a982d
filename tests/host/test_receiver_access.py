# test_receiver_access - who gets in at the receiver's page and API: by whose form, how often, and
# what may be asked.
# SPDX-License-Identifier: MIT

import contextlib
import http.client
import io
import json
import re
import socket
import threading
import urllib.parse
import zipfile

import pytest

from patience import LIMIT_S
from receiver import login
from receiver_kit import PASSWORD, Receiver, batch, let_in


@pytest.fixture(scope="module")
def receiver(receiver):
    let_in(receiver)
    return receiver


def post(receiver, path, form, cookie="", **headers):
    head = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    if cookie:
        head["Cookie"] = "%s=%s" % (login.COOKIE, cookie)
    return receiver.get(path, head, "POST", urllib.parse.urlencode(form))


def enter(receiver, name="ben", password=PASSWORD):
    # (status, the session's cookie)
    status, headers, _ = post(receiver, "/login", {"name": name, "password": password})
    return status, re.match(r"qssl_session=([^;]*)", headers["Set-Cookie"] or "")


def test_without_a_login_there_is_nothing(receiver):
    device = receiver.device("secret-1")
    for path in ("/", "/device/secret-1", "/?q=x"):
        for cookie in ({}, {"Cookie": login.COOKIE + "=x"}, {"Cookie": login.COOKIE + "="}):
            status, headers, text = receiver.get(path, cookie)
            assert (status, headers["Location"], text) == (303, "/login", "")
    # As programs ask that only watch whether it is there.
    assert receiver.get("/", method="HEAD")[0] == 303
    for path in ("/devices", "/device/secret-1/send", "/logout"):
        assert post(receiver, path, {"name": "x", "kind": "message", "body": "x"})[0] == 403
    paths = ["/metrics", "/api/devices"]
    paths += ["/api/devices/secret-1" + p for p in ("", "/records", "/values", "/messages")]
    for path in paths:
        for head in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Bearer " + device.token},
        ):
            status, _, text = receiver.get(path, head)
            assert status == 401 and json.loads(text) == {"error": "no program has this token"}
    assert receiver.get("/api/devices", method="POST", body='{"name":"x"}')[0] == 401
    for path in (
        "/nothing",
        "/static/../login.py",
        "/static/base.html",
        "/static/%2e%2e/login.py",
    ):
        assert receiver.get(path)[0] == 404
    assert receiver.rows(
        "SELECT count(*) FROM messages m, devices d WHERE d.name = 'secret-1' AND m.device = d.id"
    ) == [(0,)]


def test_a_form_is_of_this_session_and_site(receiver):
    status, cookie = enter(receiver)
    assert status == 303
    cookie = cookie[1]
    receiver.device("csrf-1")
    form = {"kind": "message", "body": "x", "hours": "1"}
    path = "/device/csrf-1/send"
    other = enter(receiver, "anna")[1][1]
    for token in (None, "", "x", login.form_token(other), "\u00fc"):
        given = form if token is None else dict(form, token=token)
        assert post(receiver, path, given, cookie)[0] == 403
    good = dict(form, token=login.form_token(cookie))
    assert post(receiver, path, good, cookie, Origin="http://evil.example")[0] == 403
    assert post(receiver, path, good, cookie, Origin="null")[0] == 403
    assert post(receiver, path, good)[0] == 403
    assert receiver.get(path, {"Cookie": "%s=%s" % (login.COOKIE, cookie)})[0] in (404, 405)
    assert post(receiver, path, good, cookie)[0] == 303
    # After the log-out the cookie is worth nothing.
    assert post(receiver, "/logout", good, cookie)[0] == 303
    assert post(receiver, path, good, cookie)[0] == 403
    assert receiver.get("/", {"Cookie": "%s=%s" % (login.COOKIE, cookie)})[0] == 303


def test_the_cookie_and_the_headers(receiver):
    _, headers, _ = post(receiver, "/login", {"name": "ben", "password": PASSWORD})
    cookie = headers["Set-Cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    for path in ("/login", "/nothing", "/static/style.css"):
        headers = receiver.get(path)[1]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    data = (receiver.folder / "receiver.db").read_bytes()
    assert (
        PASSWORD.encode() not in data and cookie.split(";")[0].split("=")[1].encode() not in data
    )


def test_what_no_text_can_hold(receiver):
    # Halves of characters in records, zeros and endless numbers in what is asked for.
    r = receiver
    device = r.device("half-1")
    records = [{"qssl": kind, "x": "\ud800", "\udc00": 1} for kind in ("health", "settings")]
    assert r.post(device, {"queue": "q", "id": 1, "records": records})[0] == 204
    auth = {"Authorization": "Bearer " + r.token}
    path = "/api/devices/half-1"
    status, _, text = r.get(path, auth)
    assert status == 200 and json.loads(text)["health"] == records[0]
    status, _, text = r.get(path + "/records", auth)
    assert status == 200 and [e["record"] for e in json.loads(text)["records"]] == records[::-1]
    _, found = enter(r)
    cookie = {"Cookie": "%s=%s" % (login.COOKIE, found[1])}
    assert r.get("/device/half-1", cookie)[0] == 200
    for asked in ("/?q=%00", "/?after=%00", "/?q=%ed%a0%80"):
        assert r.get(asked, cookie)[0] in (200, 400), asked
    for asked in ("/updates/" + "9" * 23, "/updates/9999999999", "/device/%00"):
        assert r.get(asked, cookie)[0] == 404, asked
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        z.writestr("app.py", "pass\n")
    made = r.get("/api/updates?version=h&board=b", auth, "POST", packed.getvalue())
    send = "/api/updates/%d/send" % json.loads(made[2])["id"]
    for name in ("\ud800", "a\0", "../x"):
        status, _, text = r.get(send, auth, "POST", json.dumps({"devices": [name]}))
        assert status == 400 and json.loads(text)["error"], name
    assert "Traceback" not in r.log()


def test_a_browser_that_leaves_is_no_fault(receiver):
    head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\nContent-Type: %s\r\n\r\nname="
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", receiver.page_port), LIMIT_S) as sock:
            sock.sendall((head % "application/x-www-form-urlencoded").encode())
    assert receiver.get("/login")[0] == 200
    assert "Traceback" not in receiver.log()


def flood(r, names, addresses):
    # Wrong logins, all at once: their statuses; and how many of them were over when a device that
    # the receiver does not remember had its answer.
    device = r.device("calm-" + addresses[0])
    statuses = []

    def guess(name, address):
        c = http.client.HTTPConnection(
            "127.0.0.1", r.page_port, LIMIT_S, source_address=(address, 0)
        )
        with contextlib.closing(c):
            c.request("POST", "/login", "name=%s&password=wrong" % name)
            statuses.append(c.getresponse().status)

    threads = [threading.Thread(target=guess, args=pair) for pair in zip(names, addresses)]
    for thread in threads:
        thread.start()
    assert r.post(device, batch(1, 1))[0] == 204
    over = len(statuses)
    for thread in threads:
        thread.join()
    return statuses, over


def test_guessing_many_at_once(certs):
    names = ["n%d" % n for n in range(40)]
    with Receiver(certs) as r:
        statuses, _ = flood(r, names, ["127.0.0.1"] * 40)
        assert statuses.count(403) <= 5 and statuses.count(429) >= 35
        statuses, _ = flood(r, ["anna"] * 40, ["127.0.1.%d" % n for n in range(1, 41)])
        assert statuses.count(403) <= 5 and statuses.count(429) >= 35


def test_who_guesses_does_not_keep_devices_out(certs):
    with Receiver(certs) as r:
        names = ["n%d" % n for n in range(60)]
        statuses, over = flood(r, names, ["127.0.2.%d" % n for n in range(1, 61)])
        assert statuses == [403] * 60 and over < 15  # with all threads taken it is 20 and more


def test_programs(receiver):
    head = {"Authorization": "Bearer " + receiver.token}

    def call(path, value=None):
        body = None if value is None else json.dumps(value)
        status, _, text = receiver.get(path, head, "GET" if value is None else "POST", body)
        return status, json.loads(text)

    status, made = call("/api/devices", {"name": "api-1"})
    assert status == 201 and set(made) == {"name", "token", "key"}
    assert call("/api/devices", {"name": "api-1"})[0] == 400
    body = {"queue": "q", "id": 5, "records": [{"at": 1.7e9, "t": 1}, {"at": 1.7e9 + 60, "t": 2}]}
    assert receiver.post(None, body, path="/in/" + made["token"])[0] == 204
    assert "api-1" in [d["name"] for d in call("/api/devices")[1]["devices"]]
    shown = call("/api/devices/api-1")[1]
    assert (shown["records"], shown["missing"], shown["carrier"]) == (2, 0, "https")
    values = call("/api/devices/api-1/values?name=t&since=1700000001")[1]["values"]
    assert values == [[1.7e9 + 60, 2.0]]
    assert [r["id"] for r in call("/api/devices/api-1/records")[1]["records"]] == [6, 5]
    path = "/api/devices/api-1/messages"
    assert call(path, {"kind": "settings", "body": {"interval_s": 60}}) == (201, {"m": 1})
    for bad in (
        {"kind": "x", "body": "x"},
        {"body": ""},
        {"body": "x" * 5000},
        {"body": "x", "hours": 0},
        {"kind": "settings", "body": "[1]"},
        {"kind": "settings", "body": {"a b": 1}},
        [],
    ):
        assert call(path, bad)[0] == 400, bad
    (message,) = call(path)[1]["messages"]
    assert (message["state"], message["made_by"]) == ("waiting", "robot")
    assert call("/api/devices/none/messages", {"body": "x"})[0] == 404
    status, _, text = receiver.get("/metrics", head)
    assert status == 200
    found = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.M))
    assert float(found['qssl_records_total{carrier="https"}']) >= 2
    assert float(found["qssl_messages_waiting"]) >= 1 and float(found["qssl_devices"]) >= 1
    assert "api-1" not in text


def test_guessing_is_slowed_down(receiver):
    # The last one here: from this address nobody gets in any more.
    receiver.user("eve", PASSWORD)
    found = [enter(receiver, "eve", "wrong %d" % n)[0] for n in range(6)]
    assert found == [403] * 5 + [429]
    # Neither with the right password, nor by another name from there.
    assert enter(receiver, "eve")[0] == 429 and enter(receiver, "nobody")[0] == 429
