# test_traceback - what a traceback of a build means: found again in the sources, by package.py.
# SPDX-License-Identifier: MIT

import ast
import subprocess
import sys

import pytest

import setup
from qpackage import freeze, mpy, traceback

TOOL = [sys.executable, str(setup.ROOT / "tools/package.py"), "traceback"]
# The UART fails within the driver's innermost private functions.
FAILS = """
from qssl import Modem

class Uart:
    def any(self):
        return 1

    def readinto(self, *args):
        raise ValueError("the UART's own")

Modem(Uart()).start(apn="x")
"""


def run(*args, text=None):
    argv = [*TOOL, *map(str, args)]
    return subprocess.run(argv, input=text, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    return mpy.compile_driver(tmp_path_factory.mktemp("build") / "lib")


def test_a_real_traceback_is_told_in_the_words_of_the_sources(build, tmp_path):
    script = tmp_path / "fails.py"
    script.write_text(FAILS)
    failed = subprocess.run(
        [setup.micropython(64), script],
        env={"MICROPYPATH": str(build)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert 'File "qssl.' in failed.stderr and "_receive" not in failed.stdout
    done = run(text=failed.stderr)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("      ")] == failed.stderr.splitlines()
    told = [line.split()[-1] for line in lines if line.startswith("      ")]
    assert {"Pump.pump", "Pump._receive", "Modem.start"} <= set(told), done.stdout
    for line in lines:
        if line.startswith("      "):
            place, function = line.split()
            path, number = place.rsplit(":", 1)
            source = (setup.ROOT / path).read_text().splitlines()[int(number) - 1]
            assert "def %s(" % function.rsplit(".", 1)[-1] in source


def test_each_short_name_is_found_again(build):
    names = traceback.read((build / "names.txt").read_text())
    assert len(names) > 100
    there = freeze.modules()
    functions = {
        node.name
        for path in there.values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    for (module, short), true in names.items():
        line = '  File "qssl.%s", line 1, in %s' % (module.removesuffix(".__init__"), short)
        found = {name.rsplit(".")[-1] for _, _, name in traceback.told(line, names, setup.ROOT)}
        assert functions.intersection(true) <= found, line


def test_frozen_firmware_and_packages_and_foreign_lines(build):
    names = traceback.read((build / "names.txt").read_text())

    def told(line):
        return [place[0::2] for place in traceback.told(line, names, setup.ROOT)]

    run = [("lib/qssl/uplink/__init__.py", "Uplink.run")]
    assert told('  File "qssl/uplink/__init__.py", line 1, in run') == run
    assert told('  File "qssl.uplink", line 1, in run') == run
    assert told('  File "qssl", line 1, in unload') == [("lib/qssl/__init__.py", "unload")]
    # What names its line already, another package, and what the driver has not.
    for line in (
        '  File "/lib/qssl/modem.py", line 471, in pump',
        '  File "qsslx.modem", line 1, in pump',
        '  File "main.py", line 1, in pump',
        '  File "qssl.nothing", line 1, in pump',
        "OSError: [Errno 116] ETIMEDOUT",
        "",
    ):
        assert told(line) == [], line


def test_what_the_page_shows_is_so():
    text = (setup.ROOT / "docs/trouble.md").read_text().partition("## A traceback")[2]
    shown = [line.split() for line in text.splitlines() if " lib/qssl/" in line]
    line = next(line for line in text.splitlines() if '"qssl.' in line)
    places = traceback.told(line, {}, setup.ROOT)
    assert [[where.split(":")[0], name] for where, name in shown] == [[p[0], p[2]] for p in places]


def test_names_of_another_build(build, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("modem zz: _receive\nmodem zz: feed\n")
    text = tmp_path / "trouble.txt"
    text.write_bytes(b'\xff noise\r\n  File "qssl.modem", line 1, in zz\r\n')
    done = run("--names", names, text)
    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split()[1] for line in done.stdout.splitlines() if "lib/qssl/" in line]
    assert told == ["Pump._receive", "Parser.feed"] or told == ["Parser.feed", "Pump._receive"]


def test_what_is_wrong_is_one_sentence(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("nothing of ours\n")
    for args, sentence in (
        ([tmp_path / "none"], "Can't read %s: No such file or directory." % (tmp_path / "none")),
        ([tmp_path], "Can't read %s: Is a directory." % tmp_path),
        ([other, "--names", other], "%s is no names.txt of `build`." % other),
        ([other], "No line of it is the driver's, built or frozen."),
    ):
        done = run(*args)
        assert (done.returncode, done.stdout, done.stderr) == (
            2,
            "",
            "package.py: %s\n" % sentence,
        )
    done = subprocess.run(
        [*TOOL[:-1], "check", str(other)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "A FILE goes with traceback." in done.stderr
