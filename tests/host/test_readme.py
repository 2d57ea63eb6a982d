# test_readme - what README.md shows must work: its script, its links, its commands.
# SPDX-License-Identifier: MIT

import json
import re
from pathlib import Path

import pytest

import servers
import setup
import tool

ROOT = setup.ROOT
README = (ROOT / "README.md").read_text()
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCS = [*sorted((ROOT / "docs").glob("*.md")), CONTRIBUTING]


def blocks(text, language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, text, re.M | re.S)


def first(folder):
    # The README's script as a user saves it.
    (script,) = blocks(README, "python")
    assert len(script.splitlines()) <= 14
    path = folder / "first.py"
    path.write_text(script)
    return path


@pytest.mark.parametrize("tool_name", ["run.py", "device.py"])
def test_first_script(tmp_path, tool_name):
    # As printed, by the commands next to it, with certificates made now.
    if tool_name == "device.py" and not setup.have_emulator():
        pytest.skip("no emulator here: run `python3 tools/test.py` once")
    assert "    python3 tools/%s first.py\n" % tool_name in README
    temp = tmp_path / "tmp"
    temp.mkdir()
    status, out, err = tool.run(temp, tool_name, first(tmp_path))
    assert status == 0, out + err
    assert "200 OK" in out and "Hello from a TLS server." in out


def test_first_script_with_a_server_of_ones_own(tmp_path, certs):
    temp = tmp_path / "tmp"
    temp.mkdir()
    with servers.Nginx(certs, {"index.html": b"hello, modem"}) as web:
        settings = ["host=127.0.0.1", "port=%d" % web.port, "ca=%s" % certs.ca]
        status, out, err = tool.run(temp, "run.py", first(tmp_path), "--", *settings)
    assert status == 0, out + err
    assert "200 OK" in out and "hello, modem" in out


def test_a_uart_made_by_hand_works_on_the_pc(tmp_path):
    # What a script for a board has to do without board.py.
    script = tmp_path / "script.py"
    script.write_text(
        "import board, machine\n"
        "from machine import UART, Pin, WDT\n"
        "from qssl import Modem\n"
        "uart = UART(1, 115200, tx=17, rx=Pin(16), rxbuf=2048, txbuf=2048, timeout=0)\n"
        "dog = WDT(timeout=8000)\n"
        "led = Pin(2, Pin.OUT)\n"
        "modem = Modem(uart, idle=dog.feed)\n"
        "modem.start(apn='internet')\n"
        "led.on()\n"
        "print(led.value(), modem.up, len(machine.unique_id()))\n"
        "print(machine.RTC().datetime()[:3] == board.utc()[:3])\n"
    )
    temp = tmp_path / "tmp"
    temp.mkdir()
    status, out, err = tool.run(temp, "run.py", script)
    assert (status, out) == (0, "1 True 7\nTrue\n"), err


@pytest.mark.parametrize("path", [ROOT / "README.md", *DOCS], ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    text = path.read_text()
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link:
            assert (path.parent / link).exists(), "%s links to %s" % (path.name, link)


def test_the_settings_of_the_page_fit_the_first_run_after_them():
    page = (ROOT / "docs/boards.md").read_text()
    (shown,) = blocks(page, "json")
    settings = json.loads(shown)
    assert settings == json.loads((ROOT / "boards/settings.json").read_text())
    after = page.partition(shown)[2]
    run = re.search(r"mpremote run (examples/\w+\.py)", after).group(1)
    assert "https" in run and settings["port"] == 443
    # Every setting that an example asks for is one that it has without it, or shown there.
    for path in (ROOT / "examples").glob("*.py"):
        for name in re.findall(r'board\.setting\("(\w+)"\)', path.read_text()):
            assert name in settings, "%s wants %s" % (path.name, name)


def test_each_page_is_linked_from_somewhere():
    # A page that no other names is read by nobody. Links in its own text don't count.
    pages = [ROOT / "README.md", *DOCS]
    linked = set()
    for path in pages:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
            if "://" not in link and (path.parent / link).resolve() != path:
                linked.add((path.parent / link).resolve())
    assert [path.name for path in pages[1:] if path not in linked] == []
    pictures = [path.name for path in (ROOT / "docs").glob("*.svg") if path not in linked]
    assert pictures == []


def test_links_into_a_page_find_their_heading():
    for path in [ROOT / "README.md", *DOCS]:
        for link, mark in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text()):
            page = (path.parent / link if link else path).read_text()
            heads = [
                re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
                for head in re.findall(r"^#+ (.+)$", page, re.M)
            ]
            heads += re.findall(r'<a name="([^"]+)"></a>', page)
            assert mark in heads, "%s links to %s#%s" % (path.name, link, mark)


def said(page):
    # What the page's tables of errors have in their first column; without what varies.
    tables = re.split(r"^\| (?:it|what it) says .*\n\| --- .*\n", page, flags=re.M)[1:]
    for table in tables:
        for line in table.partition("\n\n")[0].splitlines():
            for text in re.findall(r"`([^`]*)`", line.split(" | ")[0]):
                yield re.split(r" ?(?:\.\.\.|[;:(\[])", text.removeprefix("... "))[0].rstrip(",")


@pytest.mark.parametrize("name", ["trouble", "boards", "guide"])
def test_errors_are_told_in_the_words_of_the_screen(name):
    files = [*sorted((ROOT / "lib/qssl").rglob("*.py")), *sorted((ROOT / "boards").glob("*.py"))]
    # As they read at run time: lines that go on, pieces of a string that follow one another.
    source = "".join(path.read_text() for path in files).replace("\\\n", "")
    source = re.sub(r"\"\s*\n\s*\"", "", source)
    found = list(said((ROOT / "docs" / (name + ".md")).read_text()))
    assert len(found) > 10
    for text in found:
        if text.startswith(("ROMFS", "No ROMFS", "ValueError")):
            continue  # mpremote's and MicroPython's
        # A word of it may be put in, or two.
        words = [re.escape(word) for word in text.split(" ")[:5]]
        ways = [words]
        for n in (1, 2):
            ways += [[*words[:i], "%[sdr]", *words[i + n :]] for i in range(len(words) - n + 1)]
        ways = [way for way in ways if sum(word[0] != "%" for word in way) > 1]
        assert any(re.search(" ".join(way), source) for way in ways), text


def test_commands_exist():
    texts = [path.read_text() for path in DOCS]
    commands = re.findall(r"python3 (tools/[\w.]+)", README + "".join(texts))
    assert {"tools/demo.py", "tools/test.py", "tools/run.py"} <= set(commands)
    for command in commands:
        assert (ROOT / command).exists(), command


def test_modules_named_in_code_spans_exist():
    # `qssl.queue`, `qssl.files.delete`: a module, or a name in one.
    for path in [ROOT / "README.md", *DOCS]:
        for name in set(re.findall(r"`(qssl(?:\.\w+)+)", path.read_text())):
            above, _, last = ("lib/" + name.replace(".", "/")).rpartition("/")
            if (ROOT / above / last).is_dir() or (ROOT / above / (last + ".py")).exists():
                continue
            module = ROOT / (above + ".py")
            module = module if module.exists() else ROOT / above / "__init__.py"
            known = module.exists() and re.search(r"\b%s\b" % last, module.read_text())
            assert known, "%s names %s" % (path.name, name)


def test_files_named_in_code_spans_exist():
    for path in [ROOT / "README.md", *DOCS]:
        for name in re.findall(
            r"`((?:lib|tools|tests|boards|examples|docs)/[\w./-]+)`", path.read_text()
        ):
            assert Path(ROOT, name).exists(), "%s names %s" % (path.name, name)


def test_every_module_of_the_driver_is_explained():
    text = (ROOT / "docs/architecture.md").read_text()
    rooms = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    for path in (ROOT / "lib/qssl").rglob("*.py"):
        room = path.parent.name + "/"
        if path.stem != "__init__":
            assert "`%s`" % path.stem in text or "`%s%s`" % (room, path.stem) in text, path
        elif room != "qssl/":
            assert room in rooms, path
