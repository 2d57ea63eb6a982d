# test_receiver_page - the receiver's page in a real browser; nobody without a login gets anything.
# SPDX-License-Identifier: MIT

import io
import math
import os
import re
import time
import urllib.parse
import zipfile

import pytest

import setup
from receiver import store as db
from receiver_kit import PASSWORD, batch, let_in

PICTURE = setup.ROOT / "docs/receiver.png"
_NASTY = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror='window.pwned=1'>",
    '"><svg onload=window.pwned=1>',
    "{{ 7*7 }}{% raw %}",
    "'; DROP TABLE devices; --",
)


@pytest.fixture(scope="module")
def receiver(receiver):
    let_in(receiver)
    return receiver


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


def test_the_first_values_are_no_dot(page, receiver):
    # Of a device that is new an hour is shown, else a day; what was chosen stays.
    now = time.time()
    for name, ages, hours in (("young-1", (60, 3000), "1 h"), ("aged-1", (60, 7200), "24 h")):
        device = receiver.device(name)
        records = [{"at": now - age, "t": 21.5} for age in ages]
        assert receiver.post(device, {"queue": "q", "id": 1, "records": records})[0] == 204
        page.goto("/device/" + name)
        assert page.locator("nav [aria-current]").inner_text() == hours
        if hours == "1 h":
            points = page.locator("polyline.line").get_attribute("points")
            xs = sorted(float(p.split(",")[0]) for p in points.split())
            assert xs[0] < 80 and xs[-1] > 690  # from the first one on
        page.goto("/device/%s?hours=168" % name)
        assert page.locator("nav [aria-current]").inner_text() == "7 days"


def test_records_are_easy_to_read(page, receiver):
    # A time and a queue's name on one line each, and the record in the room that is left.
    device = receiver.device("easy-1")
    record = {"at": int(time.time()), "battery": 3.6921875, "temperature": 20.74}
    receiver.post(device, {"queue": "d324e187", "id": 1, "records": [record]})
    for width, columns in ((1200, 5), (390, 3)):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/device/easy-1")
        cells = page.locator("tbody tr", has_text="battery").last.locator("td:visible")
        assert cells.count() == columns
        box = cells.last.bounding_box()
        assert box["x"] + box["width"] <= width
        if width == 1200:
            assert box["height"] < 40
    # Red is legible on black, too.
    page.emulate_media(color_scheme="dark")
    page.locator("h1").evaluate("e => e.className = 'bad'")
    color = page.locator("h1").evaluate("e => getComputedStyle(e).color")
    r, g, b = (int(n) / 255 for n in re.findall(r"\d+", color)[:3])
    light = [0.2126, 0.7152, 0.0722]
    parts = [
        k * (v / 12.92 if v < 0.04 else ((v + 0.055) / 1.055) ** 2.4)
        for k, v in zip(light, (r, g, b))
    ]
    assert (sum(parts) + 0.05) / (0.0061 + 0.05) > 4.5, color  # of #121212


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
