# test_trace_page - the page of a trace in a real browser, and traces that are none.
# SPDX-License-Identifier: MIT

import base64
import contextlib
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import setup
import tool
from ugsim import exchanges, picture, trace

PICTURE = setup.ROOT / "docs" / "trace.png"
_NASTY = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror='window.pwned=1'>",
    '"><svg onload=window.pwned=1>',
    "<!--<script>",
    "\u2028window.pwned=1\u2029",
    "\ud800",
    "{{DATA}} &lt;b&gt; \x00\x1b[31m",
)


class Writer:
    # A trace as ugsim writes it.
    def __init__(self, path, baud=115200):
        self.at = 0.0
        self._file = open(path, "w")
        self.put("start", "ugsim 0.1.0", format=2, baud=baud)

    def put(self, kind, text, after=0.001, data=None, **more):
        self.at += after
        if data is not None:
            more.update(n=len(data), data=base64.b64encode(data).decode())
        line = {"t": 1.7e9 + self.at, "at": round(self.at, 6), "kind": kind, "text": text, **more}
        self._file.write(json.dumps(line) + "\n")

    def exchange(self, command, *answers, final="OK", after=0.02):
        self.put("at", command, after)
        for text in answers:
            self.put("info", text, 0.004)
        self.put("final", final, 0.01)

    def close(self):
        self._file.close()


def a_day(path, count=100000):
    # What a device does all day, `count` lines of it.
    chance = random.Random(7)
    w = Writer(path)
    lines = 0
    while lines < count:
        which = chance.randrange(4)
        pause = chance.choice((0.01, 0.05, 0.3, 4))
        if which == 0:
            data = b"<b>%d</b>" % lines * 8
            w.put("at", "AT+QSSLSEND=0,%d" % len(data), pause)
            w.put("prompt", "> ", 0.01)
            w.put("up", "127.0.0.1:443: %d bytes" % len(data), 0.03, data)
            w.put("final", "SEND OK" if chance.random() > 0.02 else "SEND FAIL")
            lines += 4
        elif which == 1:
            w.put("urc", '+QSSLURC: "recv",0', pause)
            w.exchange("AT+QSSLRECV=0,1500", "+QSSLRECV: 200")
            lines += 4
        elif which == 2:
            w.exchange("AT+QSSLSTATE=0", '+QSSLSTATE: 0,"SSL CLIENT"', after=pause)
            lines += 3
        else:
            w.put("fault", "lose", pause) if chance.random() < 0.02 else w.put("urc", "+CREG: 1")
            lines += 1
    w.close()


def ugsim_trace(*args):
    # (exit code, standard output, standard error) of: ugsim trace ARGS
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = trace.main([str(a) for a in args])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def opened(chromium):
    # opened(path) -> the page, which at the end must have complained of nothing and asked for
    # nothing but itself.
    pages = []
    bad = []

    def opened(path):
        page = chromium.new_page(viewport={"width": 1180, "height": 720})
        pages.append(page)
        page.on("console", lambda m: bad.append("%s: %s" % (m.type, m.text)))
        page.on("pageerror", lambda e: bad.append(str(e)))
        page.on("dialog", lambda d: bad.append(d.message))
        url = Path(path).as_uri()
        page.on("request", lambda r: bad.append(r.url) if r.url != url else None)
        page.goto(url)
        return page

    yield opened
    for page in pages:
        page.close()
    assert bad == []


def rows(page):
    # The texts of the rows of the list that are in sight.
    return page.eval_on_selector_all(
        ".row:not([hidden])",
        "rows => rows.sort((a, b) => a.offsetTop - b.offsetTop).map(r => r.textContent)",
    )


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    a_day(folder / "trace")
    code, out, err = ugsim_trace(folder / "trace", "--html", folder / "out.html")
    assert (code, err) == (0, "") and "out.html" in out
    return folder / "out.html"


LINES = 24  # of it


def small(tmp_path):
    w = Writer(tmp_path / "trace")
    w.exchange("AT")
    w.exchange('AT+QSSLOPEN=1,0,0,"host.example",443,0')
    w.put("tls", "host.example:443: TLS1.2, TLS_RSA_WITH_AES_256_CBC_SHA256", 0.4)
    w.put("urc", "+QSSLOPEN: 0,0", 0.6)
    w.put("at", "AT+QSSLSEND=0,7", 0.05)
    w.put("prompt", "> ")
    w.put("up", "host.example:443: 7 bytes 'secret!'", 0.01, b"secret!")
    w.put("final", "SEND OK")
    w.put("urc", '+QSSLURC: "recv",0', 9)
    w.put("at", "AT+QSSLRECV=0,1500", 0.001)
    w.put("down", "host.example:443: 300 bytes '...'", 0.001, bytes(range(256)) + bytes(44))
    w.put("info", "+QSSLRECV: 300")
    w.put("final", "OK")
    w.exchange("AT+CSQ", final="+CME ERROR: 516")
    w.put("fault", "lose", 0.5)
    w.put("power", "off", 0.1)
    w.put("power", "on", 5)
    w.put("urc", "RDY", 2)
    w.put("at", "AT+QIACT=1", 0.1)
    w.put("final", "OK", 12)
    w.close()
    code, out, err = ugsim_trace(tmp_path / "trace", "--html", tmp_path / "out.html")
    assert (code, err) == (0, "")
    return tmp_path / "out.html"


def test_an_exchange_clicked_its_payload_asked_for(tmp_path, opened):
    page = opened(small(tmp_path))
    x, y = page.evaluate("ugsimTrace.at(2)")
    box = page.locator("#lanes").bounding_box()
    page.mouse.click(box["x"] + x, box["y"] + y)
    text = page.inner_text("#details")
    assert text.startswith("AT+QSSLSEND=0,7\n") and "done after 12.0 ms" in text
    # 15 characters, CR, 7 bytes of payload; 10 bits each at 115200 baud.
    assert "to the modem 23 B, 2.00 ms" in text
    assert "secret" not in page.inner_text("body")  # hidden until asked for
    page.click("#details button:text-is('text')")
    assert page.inner_text("#details pre") == "secret!"
    page.click("#details button:text-is('hex')")
    assert page.inner_text("#details pre").startswith("0000  73 65 63 72 65 74 21 ")
    page.click("#details button:text-is('hex')")
    assert "secret" not in page.inner_text("body")
    page.select_option("#baud", "9600")
    assert "at 9600 baud: to the modem 23 B, 24.0 ms" in page.inner_text("#details")


def test_a_line_clicked(tmp_path, opened):
    page = opened(small(tmp_path))
    page.click(".row:has-text('+QSSLRECV: 300')")
    text = page.inner_text("#details")
    assert text.startswith("AT+QSSLRECV=0,1500\n") and "300 bytes of payload" in text
    page.click("#details button:text-is('hex')")
    dump = page.inner_text("#details pre")
    assert "00f0  f0 f1 f2 f3" in dump and dump.count("\n") == 18
    page.click(".row:has-text('lose')")
    assert page.inner_text("#details").startswith("lose\nfault at ")


def test_filter_search_and_tables(tmp_path, opened):
    page = opened(small(tmp_path))
    assert page.evaluate("ugsimTrace.rows()") == LINES
    page.uncheck("#filter input[value=answers]")
    page.uncheck("#filter input[value=URCs]")
    assert not any("OK" in row or "URC" in row for row in rows(page))
    page.check("#filter input[value=answers]")
    page.fill("#search", "qssl")
    page.press("#search", "Enter")
    assert page.inner_text("#found") == "1 of 4 lines"
    page.press("#search", "Enter")
    assert page.inner_text("#found") == "2 of 4 lines"
    assert "AT+QSSLSEND" in page.inner_text(".row.chosen")
    page.check("#only")
    assert len(rows(page)) == 4 and all("QSSL" in row for row in rows(page))
    page.uncheck("#only")
    page.click("nav button[data-tab=exchanges]")
    head, *lines = [line.split("\t") for line in page.inner_text("#exchanges").splitlines()]
    assert head == ["exchange", "count", "failed", "to modem", "from it", "median", "longest"]
    assert lines[0] == ["AT+QIACT=", "1", "", "11 B", "17 B", "12.0 s", "12.0 s"]
    assert ["AT+CSQ", "1", "1", "7 B", "26 B", "10.0 ms", "10.0 ms"] in lines
    assert lines[1] == ["until +QSSLOPEN", "1", "", "0 B", "0 B", "1.01 s", "1.01 s"]
    page.click("#exchanges td:text-is('AT+QSSLRECV=')")
    assert [row.partition("+QSSLRECV")[2] for row in rows(page)] == ["=0,1500", ": 300", ""]
    page.click("#filter .chosen")
    assert len(rows(page)) > 10
    page.click("nav button[data-tab=pauses]")
    lines = [line.split("\t")[1:] for line in page.inner_text("#pauses").splitlines()[1:]]
    assert lines[0] == ["12.0 s", "the result of AT+QIACT=1"]
    assert ["9.00 s", "the server, on connection 0"] in lines
    assert ["5.00 s", "the modem is off"] in lines
    assert ["600.0 ms", "+QSSLOPEN of connection 0"] in lines


def test_a_hundred_thousand_lines(day, opened):
    # Counts, not times: what is not in sight costs nothing.
    page = opened(day)
    assert page.evaluate("ugsimTrace.rows()") > 100000
    limit = 3000

    def cost():
        page.wait_for_timeout(100)
        nodes = page.evaluate("document.querySelectorAll('*').length")
        drawn = page.evaluate("ugsimTrace.stats.drawn")
        assert nodes < limit and 0 < drawn < 6000, (nodes, drawn)
        return drawn

    cost()
    page.click("#fit")
    all_of_it = cost()
    page.evaluate("document.getElementById('list').scrollTop = 1e6")
    cost()
    assert len(rows(page)) < 60
    page.click("#in")
    assert cost() < all_of_it * 2
    page.fill("#search", "SEND FAIL")
    page.press("#search", "Enter")
    page.press("#search", "Enter")
    assert page.inner_text("#found").startswith("2 of ")
    assert "SEND FAIL" in page.inner_text(".row.chosen")
    page.select_option("#fold", "0")
    cost()
    page.focus("#lanes")
    for key in ("0", "+", "ArrowRight", "-"):
        page.keyboard.press(key)
        cost()
    before = page.evaluate("ugsimTrace.range()")
    box = page.locator("#lanes").bounding_box()
    page.mouse.move(box["x"] + 600, box["y"] + 100)
    page.mouse.wheel(0, -600)
    cost()
    assert page.evaluate("ugsimTrace.range()")[1] > before[1] * 4


def test_all_of_a_trace_is_text(tmp_path, opened):
    path = tmp_path / "<b>trace&amp;"
    w = Writer(path)
    for text in _NASTY:
        w.exchange("AT+" + text, text, final=text)
        w.put(text[:20], text, 2)
        w.put("up", text, 2, text.encode("utf-8", "replace"))
        w.put("program", text, 2)
        w.put("urc", text, 2)
        w.put("fault", text, 2)
    w.close()
    out = tmp_path / "out.html"
    code, _, err = ugsim_trace(path, "--html", out)
    assert (code, err) == (0, "")
    source = out.read_text()
    assert source.count("<script") == 2 and source.count("</script") == 2
    page = opened(out)
    page.click("#fit")
    for name in ("exchanges", "pauses", "details"):
        page.click("nav button[data-tab=%s]" % name)
    page.eval_on_selector_all("#pauses tr, #exchanges tr", "rows => rows.forEach(r => r.click())")
    for k in range(len(rows(page))):
        row = page.locator(".row:not([hidden])").nth(k)
        if row.is_visible():
            row.click()
            for button in page.locator("#details button").all():
                button.click()
    page.fill("#search", "<script>")
    page.press("#search", "Enter")
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.title() == "<b>trace&amp;"
    assert page.locator("img, svg, b, body script:not([type]):not(:last-of-type)").count() == 0


def test_the_policy_lets_nothing_in(tmp_path, chromium):
    # Even if something got past the rest: a script that is not the page's own does not run.
    page = small(tmp_path)
    text = page.read_text().replace("</main>", "</main><script>window.pwned = 1</script>")
    (tmp_path / "bad.html").write_text(text)
    tab = chromium.new_page()
    tab.goto((tmp_path / "bad.html").as_uri())
    assert tab.evaluate("window.pwned") is None
    assert tab.evaluate("ugsimTrace.rows()") == LINES
    tab.close()


def test_the_demo_writes_one(tmp_path_factory, tmp_path, opened):
    out = tmp_path_factory.mktemp("page") / "demo.html"
    words = ("--records", "6", "--interval", "0.3", "--restart", "--html", out)
    status, _, err = tool.run(tmp_path, "demo.py", *words)
    assert status == 0, err
    page = opened(out)
    page.click("#fit")
    assert page.locator("#filter input[value=program]").count() == 1
    page.fill("#search", "record 6: confirmed")
    page.press("#search", "Enter")
    assert page.inner_text("#found") == "1 of 1 line"
    page.fill("#search", "AT+QSSLOPEN=")
    page.press("#search", "Enter")
    picture = page.screenshot()
    assert len(picture) > 10000
    if os.environ.get("QSSL_PICTURES"):
        PICTURE.write_bytes(picture)
    assert PICTURE.stat().st_size < 200000


# What is none


def test_a_full_disk_ends_the_trace_and_not_the_modem(capsys):
    recorder = trace.Trace("/dev/full")
    recorder(1.0, "at", "AT")
    recorder.close()
    said = "ugsim: the trace /dev/full ends here: No space left on device.\n"
    assert capsys.readouterr().err == said


def test_a_trace_that_is_cut_off(tmp_path):
    whole = tmp_path / "whole"
    w = Writer(whole)
    w.exchange("AT+CSQ", "+CSQ: 20,99")
    w.close()
    text = whole.read_bytes()
    path = tmp_path / "cut"
    for end in (len(text) - 1, len(text) - 2, len(text) - 30):
        path.write_bytes(text[:end])
        code, out, err = ugsim_trace(path)
        assert code == 0 and "AT+CSQ" in out and "+CSQ: 20,99" in out
        complete = end == len(text) - 1  # only the line end is missing
        assert err == "" if complete else "ends in the middle of line 4" in err
        assert err.count("\n") == (not complete)
        code, _, again = ugsim_trace(path, "--html", tmp_path / "cut.html")
        assert code == 0 and again == err
        assert ("middle of line 4" in (tmp_path / "cut.html").read_text()) == (not complete)


def test_a_trace_of_the_first_version(tmp_path, opened):
    path = tmp_path / "old"
    lines = [("start", "ugsim 0.1.0"), ("at", "AT"), ("final", "OK")]
    lines.append(("up", "127.0.0.1:443: 12 bytes b'secret words'"))
    with open(path, "w") as file:
        for i, (kind, text) in enumerate(lines):
            line = {"t": 1.7e9 + i, "at": float(i), "kind": kind, "text": text}
            file.write(json.dumps(line) + "\n")
    assert ugsim_trace(path, "--html", tmp_path / "old.html")[0] == 0
    page = opened(tmp_path / "old.html")
    assert "no more than how it begins" in page.inner_text("#notes")
    page.click(".row:has-text('12 bytes')")
    assert "secret" not in page.inner_text("body")
    page.click("#details button:text-is('text')")
    assert page.inner_text("#details pre") == "b'secret words'"


_START = b'{"at": 0, "kind": "start", "text": "x"}\n'
_LINE = b'{"at": 1, "kind": "at", "text": "AT"}\n'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (os.urandom(3000).replace(b"{", b""), "is not a trace of ugsim (line 1)"),
        (b"\0" * 4096, "is not a trace of ugsim (line 1)"),
        (_START + b"\xff\xfe\n" + _LINE, "(line 2)"),
        (_START + b"[" * 100000 + b"\n" + _LINE, "(line 2)"),
        (_START + b'{"at": NaN, "kind": "at", "text": ""}\n' + _LINE, "(line 2)"),
        (_START + b'{"at": 1e303, "kind": "at", "text": ""}\n' + _LINE, "(line 2)"),
        (_START + b'{"at": 1, "kind": "%s", "text": ""}\n' % (b"k" * 99) + _LINE, "(line 2)"),
        (_START + b'{"at": 1, "kind": "up", "text": "", "n": -1}\n' + _LINE, "(line 2)"),
        (_START + b'{"at": 1, "kind": "up", "text": "", "data": 7}\n' + _LINE, "(line 2)"),
        (_START + b"x" * (3 << 20) + b"\n", "(line 2)"),
        (b'{"at": 0, "kind": "start", "text": "x", "format": 3}\n' + _LINE, "a newer version"),
    ],
)
def test_what_is_no_trace(tmp_path, content, words):
    path = tmp_path / "x"
    path.write_bytes(content)
    for more in ((), ("--html", tmp_path / "out.html")):
        code, _, err = ugsim_trace(path, *more)
        assert code == 2 and words in err
        assert err.startswith("ugsim trace: ") and err.count("\n") == 1
    assert not (tmp_path / "out.html").exists()


def test_only_a_start(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(_START)
    assert ugsim_trace(path)[0] == 0
    code, _, err = ugsim_trace(path, "--html", tmp_path / "out.html")
    assert code == 2 and "nothing to show" in err


def test_a_gigabyte_is_streamed_or_refused(tmp_path):
    # With less memory than that: a page would be too large, and one line of it is none.
    many, one = tmp_path / "many", tmp_path / "one"
    many.write_bytes(_START + _LINE * (picture.MAX_EVENTS + 10))
    one.write_bytes(_START)
    for path, words in ((many, ("400,000 lines", "--from and --to")), (one, ("(line 2)",))):
        os.truncate(path, 1 << 30)
        limit = 'ulimit -v 700000; exec "$0" "$@"'
        argv = ["sh", "-c", limit, sys.executable, setup.ROOT / "tools" / "ugsim", "trace", path]
        done = subprocess.run([*argv, "--html", path / "x"], capture_output=True, text=True)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert all(word in done.stderr for word in words)
    events = trace.part(trace.Reader(many), 2, 3)
    assert next(events).kind == "start"
    with pytest.raises(trace.TraceError, match="line 400012"):
        next(events)


def test_pages_that_cannot_be_written(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(_START + _LINE)
    code, _, err = ugsim_trace(path, "--html", tmp_path / "no" / "out.html")
    assert code == 2 and "can't write" in err and err.count("\n") == 1
    code, _, err = ugsim_trace(path, "--html", path)
    assert code == 2 and "is the trace itself" in err
    assert path.read_bytes() == _START + _LINE
    for words in (("--follow",), ("urc",)):
        code, _, err = ugsim_trace(path, "--html", tmp_path / "out.html", *words)
        assert code == 2 and err.count("\n") == 1
    code, _, err = ugsim_trace(path, "--from", "now")
    assert code == 2 and "now is not a number of seconds" in err


def test_help_and_ctrl_c(tmp_path):
    argv = [sys.executable, setup.ROOT / "tools" / "ugsim", "trace"]
    done = subprocess.run([*argv, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "--html" in done.stdout and done.stderr == ""
    path = tmp_path / "x"
    path.write_bytes(_START + _LINE)
    process = subprocess.Popen(
        [*argv, "--follow", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "0.000" in process.stdout.readline()
    process.send_signal(2)
    _, err = process.communicate(timeout=tool.LIMIT_S)
    assert process.returncode == 0 and err == ""


# What it comes to


def test_bytes_of_exchanges():
    events = [
        trace.event(0, "at", "ATE1"),
        trace.event(0, "final", "OK"),
        trace.event(1, "at", "AT+QSSLRECV=0,1500"),
        trace.event(1, "info", "+QSSLRECV: 300"),
        trace.event(1, "final", "OK"),
        trace.event(2, "at", "ATE0"),
        trace.event(2, "final", "OK"),
        trace.event(3, "at", 'AT+QFUPL="RAM:x",1000'),
        trace.event(3, "final", "CONNECT"),
        trace.event(3, "info", "+QFUPL: 1000,ab"),
        trace.event(4, "at", "AT+CSQ"),  # no result
        trace.event(5, "at", "AT+CMEE=1;+CREG?"),
    ]
    found = exchanges.Analysis(events)
    cost = [(x.name, x.up, x.down, x.result) for x in found.exchanges]
    assert cost == [
        ("ATE", 5, 5 + 6, exchanges.OK),
        ("AT+QSSLRECV=", 19, 19 + 18 + 300 + 6, exchanges.OK),
        ("ATE", 5, 5 + 6, exchanges.OK),
        ("AT+QFUPL=", 22 + 1000, 11 + 19, exchanges.OPEN),
        ("AT+CSQ", 7, 0, exchanges.OPEN),
        ("AT+CMEE...", 17, 0, exchanges.OPEN),
    ]
    assert found.of == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 5]


def test_names_have_an_end():
    events = [trace.event(i, "at", "AT+X%d" % i) for i in range(1000)]
    table = exchanges.Analysis(events).table(events)
    assert len(table) == 201 and ("others", 800) in [row[:2] for row in table]


def test_times_that_go_back():
    page = picture.build([trace.event(5, "at", "AT"), trace.event(3, "final", "OK")], "x")
    assert '"times":[5000000,0]' in page


# Of a board


def test_what_a_board_has_printed(tmp_path):
    lines = [
        "registered, signal -71 dBm",
        '{"at": 0.000, "kind": "start", "text": "qssl 0.2.0", "format": 2, "board": true}',
        '{"at": 0.000, "kind": "gap", "text": "7 older lines are gone"}',
        '{"at": 0.000, "kind": "at", "text": "AT+QSSLSEND=0,5"}',
        '{"at": 0.010, "kind": "up", "text": "5 bytes", "n": 5, "data": "aGVsbG8="}',
        "and it printed this",
        "",
        '{"at": 5.010, "kind": "error", "text": "no answer in time"}',
        "Traceback (most recent call last):",
    ]
    path = tmp_path / "x"
    path.write_text("\r\n".join(lines) + "\r\n")
    code, out, err = ugsim_trace(path)
    assert (code, err) == (0, "")
    said = [line.split(None, 3)[1:] for line in out.splitlines()]
    assert [words[0] for words in said] == "start gap host server program driver program".split()
    assert said[4][2] == "and it printed this" and said[5][1] == "!"
    assert ugsim_trace(path, "--html", tmp_path / "out.html")[0] == 0
    path.write_text("\n".join(lines[:1] + lines[2:]) + "\n")  # without its first line
    assert ugsim_trace(path)[0] == 2
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n")
    assert ugsim_trace(path)[0] == 2


def test_an_example_dumps_its_trace(tmp_path, tmp_path_factory):
    settings = ["trace=4096", "host=no-such-host.invalid"]
    script = setup.ROOT / "examples" / "https_get.py"
    words = ("run.py", "--baud", "0", "--server", "https", script, "--")
    status, out, err = tool.run(tmp_path, *words, *settings)
    assert status == 1 and "no-such-host.invalid" in err
    path = tmp_path_factory.mktemp("said") / "x"
    path.write_text(out)
    code, shown, err = ugsim_trace(path)
    assert (code, err) == (0, ""), out
    assert 'host    > AT+QSSLOPEN=1,0,0,"no-such-host.invalid"' in shown
    assert "driver  ! [Errno" in shown.splitlines()[-1]
    # As the program prints it without.
    status, out, err = tool.run(tmp_path, *words, settings[1])
    assert status == 1 and '"kind"' not in out


def test_the_page_about_trouble(tmp_path, tmp_path_factory):
    # Its script as it stands, and with an error in it.
    text = (setup.ROOT / "docs" / "trouble.md").read_text()
    script = "import board\n\n" + text.partition("```python\n")[2].partition("```")[0]
    start = "    modem.start(**board.access())\n"
    assert script.count(start) == 1
    path = tmp_path_factory.mktemp("script") / "trouble.py"
    weak = "modem.tls(auth=False, allow_weak=True)"
    fails = start + "    modem.connect('no-such-host.invalid', 443, %s)\n" % weak
    for old, new, wanted in (("", "", 0), (start, fails, 1)):
        path.write_text(script.replace(old, new, 1))
        status, out, err = tool.run(tmp_path, "run.py", "--baud", "0", path)
        assert status == wanted, out + err
    path.write_text(out)
    code, shown, _ = ugsim_trace(path)
    assert code == 0 and "host    > AT+QIACT=1" in shown
    last = shown.splitlines()[-1]
    assert "driver  ! [Errno" in last and "no-such-host.invalid" in last
