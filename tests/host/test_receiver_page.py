# test_receiver_page - the receiver's page in a real browser; nobody without a login gets anything.
# SPDX-License-Identifier: MIT

import contextlib
import http.client
import io
import json
import math
import os
import re
import socket
import threading
import time
import urllib.parse
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import setup
from patience import LIMIT_S
from receiver import login
from receiver import store as db
from receiver.plot import Plot
from receiver_kit import Receiver, batch

PICTURE = setup.ROOT / "docs/receiver.png"
PASSWORD = "correct horse battery"
_NASTY = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror='window.pwned=1'>",
    '"><svg onload=window.pwned=1>',
    "{{ 7*7 }}{% raw %}",
    "'; DROP TABLE devices; --",
)


@pytest.fixture(scope="module")
def receiver(receiver):
    r = receiver
    assert r.run("user", "add", "anna", stdin=PASSWORD + "\n")[0] == 0
    r.user("ben", PASSWORD)
    status, out, _ = r.run("program", "add", "robot")
    r.token = re.search(r"token +(\S+)", out)[1]
    return r


@pytest.fixture
def page(chromium, receiver):
    # Logged in; at the end it must have complained of nothing and asked for nothing elsewhere.
    context = chromium.new_context(base_url="http://127.0.0.1:%d" % receiver.page_port)
    page = context.new_page()
    complaints, asked = [], []
    page.on("pageerror", lambda e: complaints.append(str(e)))
    # That something is refused is what some tests want; and that a field keeps the cursor.
    refusals = ("400", "403", "Autofocus")
    page.on(
        "console",
        lambda m: complaints.append(m.text) if not any(r in m.text for r in refusals) else None,
    )
    page.on("request", lambda r: asked.append(urllib.parse.urlsplit(r.url).netloc))
    page.goto("/")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")
    yield page
    assert page.evaluate("window.pwned") is None
    assert complaints == [] and set(asked) == {"127.0.0.1:%d" % receiver.page_port}
    context.close()


def test_a_device_from_its_making_to_its_messages(page, receiver):
    page.get_by_label("Name of a new device").fill("north-1")
    page.get_by_role("button", name="Add").click()
    token = page.locator("dd").first.inner_text()
    assert re.fullmatch(r"[\w-]{32}", token)
    now = time.time()
    body = batch(1, 2)
    body["records"] = [{"at": now - 60 * n, "t": 20 + n} for n in (3, 2)]
    assert receiver.post(None, body, path="/in/" + token)[0] == 204
    body.update(id=6, records=[{"at": now, "t": 25.5, "qssl": "health", "uptime": 77}], ack=0)
    assert receiver.post(None, body, path="/in/" + token)[0] == 204
    page.get_by_role("link", name="To the device").click()
    page.get_by_role("heading", level=1, name="north-1", exact=True).wait_for()
    text = page.locator("main").inner_text()
    assert "uptime\n77" in text and "3 to 5" in text and "t: 25.5 3 values" in text
    assert len(page.locator("svg polyline").first.get_attribute("points").split()) == 3
    # A message goes out with the next POST.
    page.get_by_label("Text, or JSON").fill("hello <b>there</b>")
    page.get_by_role("button", name="Send").click()
    row = page.locator("#sent tbody tr").first
    assert row.inner_text().split("\t")[:5] == [
        "1",
        "message",
        "hello <b>there</b>",
        "waiting",
        "anna",
    ]
    answer = receiver.post(None, {"ack": 0}, path="/in/" + token)[1]
    assert answer["messages"][0]["body"] == "hello <b>there</b>"
    # A setting that is none is refused.
    page.get_by_label("Kind").select_option("settings")
    page.get_by_label("Text, or JSON").fill("no JSON")
    with page.expect_response(re.compile("/send$")) as sent:
        page.get_by_role("button", name="Send").click()
    assert sent.value.status == 400
    assert "JSON object" in page.get_by_role("alert").inner_text()


def test_a_picture_of_it(page, receiver):
    device = receiver.device("north-1-roof")
    now = int(time.time())
    records = []
    for n in range(288):
        at = now - (287 - n) * 300
        t = 14 + 7 * math.sin((at % 86400 / 86400 - 0.3) * 2 * math.pi) + 0.4 * math.sin(n * 1.7)
        records.append({"at": at, "temperature": round(t, 2), "humidity": round(95 - 2.1 * t, 1)})
    health = {"qssl": "health", "at": now, "firmware": "UG95EAR03A05M4G", "signal_dbm": -79}
    records.append(dict(health, uptime_s=86400 * 12, battery=3.71, model="UG95"))
    assert receiver.post(device, {"queue": "5f0c11ab", "id": 1, "records": records})[0] == 204
    after = {"queue": "5f0c11ab", "id": 292, "records": [{"at": now, "temperature": 15}], "ack": 0}
    receiver.send(device, "settings", '{"interval_s": 300}')
    assert receiver.post(device, after)[0] == 200
    page.set_viewport_size({"width": 1000, "height": 900})
    page.goto("/device/north-1-roof")
    assert (
        page.locator("figure").count() == 5 and "290 to 291" in page.locator("main").inner_text()
    )
    picture = page.screenshot()
    if os.environ.get("QSSL_PICTURES"):
        PICTURE.write_bytes(picture)
    assert PICTURE.stat().st_size < 200000


def test_what_goes_to_all_is_asked_for_once_more(page, receiver):
    for n in range(2):
        receiver.post(receiver.device("many-%d" % n), {"ack": 0})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("app.py", "print(1)")
    file = {"name": "a.zip", "mimeType": "application/zip", "buffer": archive.getvalue()}
    page.goto("/updates")
    page.get_by_label("Version").fill("1.1")
    page.get_by_label("Board").fill("pico")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("button", name="One more").dblclick()  # is one
    page.wait_for_selector("text=1 waiting")
    asked = []

    def answer(dialog, yes):
        asked.append(dialog.message)
        dialog.accept() if yes else dialog.dismiss()

    page.once("dialog", lambda dialog: answer(dialog, False))
    page.get_by_role("button", name=re.compile("^All ")).click()
    page.reload()
    assert re.fullmatch(r"Send version 1\.1 to \d+ devices?\?", asked[0])
    assert page.get_by_text("1 waiting").count() == 1
    page.once("dialog", lambda dialog: answer(dialog, True))
    page.get_by_role("button", name=re.compile("^All ")).click()
    page.get_by_text("was sent this one last").wait_for()
    assert len(asked) == 2


def test_the_silent_ones(page, receiver):
    receiver.post(receiver.device("silent-1"), batch(1, 1))
    receiver.device("silent-2")
    receiver.post(receiver.device("silent-3"), batch(1, 1))
    page.goto("/?q=SILENT")
    assert "3 devices with SILENT in the name, by name" in page.locator("main").inner_text()
    page.get_by_role("link", name="Silent ones first").click()
    page.get_by_text("not seen for longest").wait_for()
    names = page.locator("tbody a").all_inner_texts()
    assert names == ["silent-2", "silent-1", "silent-3"]


def test_more_silent_ones_than_a_page_has(page, receiver):
    with receiver.store.writing() as c:
        for n in range(120):
            db.add_device(c, "mute-%03d" % n, "x%d" % n, "x")
    page.goto("/?q=mute&silent")
    assert page.locator("tbody tr").count() == 100
    page.get_by_role("link", name="More").click()
    page.get_by_role("link", name="mute-119").wait_for()
    assert page.locator("tbody tr").count() == 20
    assert page.get_by_role("link", name="More").count() == 0
    page.get_by_role("link", name="First").click()
    page.get_by_role("link", name="mute-000").wait_for()
    for skip in ("x", "-1", "9" * 30):
        page.goto("/?q=mute&silent&skip=" + skip)
        assert page.locator("tbody tr").count() == 100


def test_a_clock_that_is_wrong_is_told(page, receiver):
    now = time.time()
    for name, at, told in (
        ("ahead", now + 3 * 86400 + 60, "ahead by 3 d"),
        ("unset", 946684900, "not set: it says 2000"),
        ("right", now - 9 * 86400, None),
    ):
        device = receiver.device("clock-" + name)
        records = [{"at": at, "t": 21.5}, {"t": 22}]
        assert receiver.post(device, {"queue": "q", "id": 1, "records": records})[0] == 204
        page.goto("/device/" + device.name)
        text = page.locator("#state").inner_text()
        assert (told or "Clock") in text if told else "Clock" not in text, name


def test_nothing_is_cut_off_on_a_phone(page, receiver):
    device = receiver.device("phone-1")
    now = time.time()
    records = [{"at": now - 600 * n, "name": "<b>" * 60, "t": n} for n in range(30)]
    receiver.post(device, {"queue": "q", "id": 1, "records": records})
    page.set_viewport_size({"width": 360, "height": 800})
    for path in ("/", "/updates", "/device/phone-1"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
    # No column is so narrow that a record is a tower of letters; every mark is within its plot.
    assert page.locator("td.long").last.bounding_box()["height"] < 400
    frame = page.locator("svg").first.bounding_box()
    for mark in page.locator("svg").first.locator("text").all():
        box = mark.bounding_box()
        assert box["x"] >= frame["x"] - 1
        assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1


def test_what_is_new_appears_by_itself(page, receiver):
    device = receiver.device("live-1")
    page.goto("/?q=live")
    assert page.locator("tbody tr").count() == 1 and "never" in page.locator("tbody").inner_text()
    receiver.post(device, batch(1, 3))
    page.get_by_text("s ago").wait_for()
    assert page.locator("tbody td").nth(4).inner_text() == "3"


def test_what_comes_by_itself_takes_nothing_away(page, receiver):
    # Neither what has the focus, nor where one has scrolled to, nor what one is copying.
    device = receiver.device("steady-1")
    receiver.post(device, batch(1, 1))
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/?q=steady")
    page.get_by_role("link", name="steady-1").focus()
    page.evaluate("document.querySelector('#devices').scrollLeft = 60")
    left = page.evaluate("document.querySelector('#devices').scrollLeft")
    receiver.post(device, batch(2, 6))
    page.locator("tbody td.n", has_text="7").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "steady-1"
    assert page.evaluate("document.querySelector('#devices').scrollLeft") == left > 0
    page.evaluate("getSelection().selectAllChildren(document.querySelector('tbody a'))")
    receiver.post(device, batch(8, 1))
    with page.expect_response("**/?q=steady"):
        pass
    page.wait_for_timeout(200)
    assert page.evaluate("getSelection().toString()") == "steady-1"


def test_a_page_that_is_old_says_so(page, receiver):
    # A screen on the wall, whose session has ended, must not pass for what is so now.
    receiver.device("old-1")
    page.goto("/?q=old-1")
    page.get_by_role("link", name="old-1").wait_for()
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.get_by_text("You are not logged in any more.").wait_for()
    assert "load the page again" in page.get_by_role("alert").inner_text()
    page.context.add_cookies(cookies)
    page.get_by_text("You are not logged in any more.").wait_for(state="hidden")
    assert page.get_by_role("alert").count() == 0


def test_names_from_outside_stay_text(page, receiver):
    device = receiver.device("nasty-1")
    record = {name: n for n, name in enumerate(_NASTY)}
    health = {"qssl": "health", **{name: name for name in _NASTY}}
    health["inner"] = dict.fromkeys(_NASTY, 1)  # is shown, but no plot
    assert receiver.post(device, {"queue": "q", "id": 1, "records": [record, health]})[0] == 204
    for name in _NASTY:
        receiver.send(device, "message", name)
    page.goto("/device/nasty-1")
    text = page.locator("main").inner_text()
    for name in _NASTY:
        assert text.count(name) >= 3, name
    labels = page.locator("svg").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    assert sorted(labels) == sorted(name + " over time" for name in _NASTY)
    for name in _NASTY:
        page.goto("/?" + urllib.parse.urlencode({"q": name, "after": name}))
        assert page.get_by_label("Search").input_value() == name
    assert receiver.rows("SELECT count(*) FROM devices WHERE name = 'nasty-1'") == [(1,)]
    for name in (*_NASTY, "../x", "a/b", "", "a" * 65, ".", "x\ny"):
        page.goto("/")
        token = page.locator("input[name=token]").first.input_value()
        form = {"token": token, "name": name}
        answer = page.request.post("/devices", form=form)
        assert answer.status == 400 and "A name has" in answer.text(), name


def post(receiver, path, form, cookie="", **headers):
    head = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    if cookie:
        head["Cookie"] = "%s=%s" % (login.COOKIE, cookie)
    return receiver.get(path, head, "POST", urllib.parse.urlencode(form))


def enter(receiver, name="ben", password=PASSWORD):
    # (status, the session's cookie)
    status, headers, _ = post(receiver, "/login", {"name": name, "password": password})
    return status, re.match(r"qssl_session=([^;]*)", headers["Set-Cookie"] or "")


def wide(page):
    # Whether something sticks out to the right.
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_long_names_and_huge_values_fit_the_page(page, receiver):
    device = receiver.device("w" * 64)
    health = {"qssl": "health", "v" * 300: "x" * 900, "list": ["y" * 300]}
    records = [{"k" * 100: 1, "huge": 1e300}, health, {"text": "z" * 3000}]
    body = {"queue": "q" * 64, "id": (1 << 53) - 9, "records": records}
    assert receiver.post(device, body)[0] == 204
    receiver.send(device, "message", "m" * 3000)
    for width in (1000, 380):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("/?q=www", "/device/" + device.name):
            with page.expect_response(re.compile("/(device/|\\?)")) as got:
                page.goto(path)
            assert got.value.status == 200 and not wide(page), (path, width)


def test_a_mistake_leaves_what_was_typed(page, receiver):
    receiver.device("typo-1")
    name = page.get_by_label("Name of a new device")
    name.fill("north 7")
    page.get_by_role("button", name="Add").click()
    assert "A name has 1 to 64" in page.get_by_role("alert").inner_text()
    assert name.input_value() == "north 7"
    name.fill(" north-7 ")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("heading", level=1, name="north-7", exact=True).wait_for()
    page.goto("/device/typo-1")
    page.get_by_label("Kind").select_option("settings")
    page.get_by_label("Good for").fill("7")
    text = '{"interval_s": 60,}\n</textarea><script>window.pwned=1</script>'
    page.get_by_label("Text, or JSON").fill(text)
    page.get_by_role("button", name="Send").click()
    assert "JSON object" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Text, or JSON").input_value() == text
    assert page.get_by_label("Kind").input_value() == "settings"
    assert page.get_by_label("Good for").input_value() == "7"
    page.get_by_label("Text, or JSON").fill('{"interval_s": 60}')
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/device/typo-1#messages")
    assert page.locator("#sent table").first.locator("tbody tr").count() == 1
    # A wrong password leaves the name.
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Name").fill("anna ")
    page.get_by_label("Password").fill("mistyped")
    with page.expect_response(re.compile("/login$")) as got:
        page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").wait_for()
    assert got.value.status == 403 and page.get_by_label("Name").input_value() == "anna"
    assert page.get_by_label("Password").input_value() == ""
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


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


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_plot_stays_in_its_frame(values):
    plot = Plot("x", "", list(enumerate(values)), 0, 10)
    assert all(plot.top - 1 <= y <= plot.bottom + 1 for _, y in plot.points)
    assert len(plot.marks_y) >= 2


def test_marks_of_a_plot_differ():
    for values in ([10000], [3], [-77], [0], [1e16], [20.0001, 20.0002], [1e-9], [1e6, 1e6 + 0.5]):
        plot = Plot("x", "", list(enumerate(values)), 0, 10)
        marks = [text for _, text in plot.marks_y]
        assert len(set(marks)) == len(marks) and max(len(m) for m in marks) < 10, marks


def test_plots_of_any_values():
    for values in (
        [],
        [(5, 7)],
        [(1, 0), (2, 0)],
        [(1, -1e300), (2, 1e300)],
        [(1, 1e300)],
        [(1, -1.7e308), (2, 1.7e308)],
        [(1, 1e16), (2, 1e16 + 2)],
        [(1, 1e-300), (2, 2)],
    ):
        plot = Plot("x", "", values, 0, 10)
        assert len(plot.points) == len(values) and len(plot.marks_y) >= 2
        assert "nan" not in plot.line and "inf" not in plot.line
    many = [(n, n % 7) for n in range(100000)]
    plot = Plot("x", "", many, 0, 100000)
    assert 700 < len(plot.points) < 1500 and plot.count == 100000
    marks = [text for _, text in Plot("x", "", many[:7], 0, 86400).marks_x]
    assert marks == [
        "01 Jan 00:00",
        "01 Jan 06:00",
        "01 Jan 12:00",
        "01 Jan 18:00",
        "02 Jan 00:00",
    ]


def test_guessing_is_slowed_down(receiver):
    # The last one here: from this address nobody gets in any more.
    receiver.user("eve", PASSWORD)
    found = [enter(receiver, "eve", "wrong %d" % n)[0] for n in range(6)]
    assert found == [403] * 5 + [429]
    # Neither with the right password, nor by another name from there.
    assert enter(receiver, "eve")[0] == 429 and enter(receiver, "nobody")[0] == 429
