# test_api - the API reference: complete, up to date, of no cost on a board; tools/api.py itself.
# SPDX-License-Identifier: MIT

import ast
import re
import shutil
import subprocess
import sys

import pytest

import setup
from qapi import main, page, public
from qpackage.mpy import compile_mpy

LIB = setup.ROOT / "lib"


@pytest.fixture(scope="module")
def package():
    return page.load(LIB)


def test_every_public_name_has_its_docstring(package):
    assert page.problems(package) == []


def test_the_page_is_up_to_date(package):
    text = (setup.ROOT / "docs/api.md").read_text()
    assert text == page.render(package), "run `python3 tools/api.py update`"


def test_the_page_shows_what_a_program_needs(package):
    text = page.render(package)
    start = r"^### `Modem.connect\(host: str, port: int, ctx, timeout_ms: int = 150000"
    assert re.search(start, text, re.M)
    assert re.search(r"^### `Socket.recv_into\(buf: .*, n: int = 0\) -> int \| None`", text, re.M)
    for name in ("Socket.state()", "Context.apply()", "Uplink.put(", "FileQueue(", "install("):
        assert "### `" + name in text, name
    for name in ("ioctl", "connecting", "_want"):
        assert "." + name + "(" not in text, name
    for module in public.MODULES:
        assert "\n## qssl.%s\n" % module in text
    assert not re.search(r"`[^`\n]*\\[^`\n]*`", text), "code is shown as it is"


@pytest.fixture
def spoilt(tmp_path):
    # A copy of the driver, with a change.
    def spoil(name, old, new):
        shutil.copytree(LIB, tmp_path / "lib")
        path = tmp_path / "lib/qssl" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return page.problems(page.load(tmp_path / "lib"))

    return spoil


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "hints.py",
            "def explain(",
            "def another():\n    pass\n\n\ndef explain(",
            "qssl.hints.another lacks a text, Returns, Raises, Blocks, Allocates, Since.",
        ),
        ("hints.py", "    Raises: ", "    Throws: ", "qssl.hints.explain lacks Raises."),
        ("hints.py", "def error(", "def error_of(", "hides hints.error, which is not there"),
        ("queue.py", "    Since: 0.1.", "    Since:", "qssl.queue.RamQueue lacks Since."),
    ],
)
def test_what_lacks_is_said(spoilt, name, old, new, said):
    found = spoilt(name, old, new)
    assert any(said in sentence for sentence in found), found


def test_a_new_module_has_to_be_in_a_table(tmp_path):
    shutil.copytree(LIB, tmp_path / "lib")
    (tmp_path / "lib/qssl/extra.py").write_text("")
    found = page.problems(page.load(tmp_path / "lib"))
    assert "qssl.extra is in neither table of tools/qapi/public.py." in found


def without_docstrings(text):
    # The source with each docstring replaced by `pass`; lines stay where they are.
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        if isinstance(node, kinds) and ast.get_docstring(node) is not None:
            first = node.body[0]
            for n in range(first.lineno - 1, first.end_lineno):
                lines[n] = ""
            lines[first.lineno - 1] = " " * first.col_offset + "pass"
    return "\n".join(lines) + "\n"


def test_docstrings_cost_nothing_on_a_board(tmp_path):
    # The compiled files are the same, byte for byte, without them.
    changed = 0
    for name in public.MODULES:
        source = LIB / "qssl" / (name.replace(".", "/") + ".py")
        if not source.exists():  # a room
            source = source.with_suffix("") / "__init__.py"
        bare = tmp_path / source.name
        bare.write_text(without_docstrings(source.read_text()))
        changed += bare.read_text() != source.read_text()
        for path, target in ((source, "a.mpy"), (bare, "b.mpy")):
            compile_mpy(path, source.name, tmp_path / target, "-O3")
        assert (tmp_path / "a.mpy").read_bytes() == (tmp_path / "b.mpy").read_bytes(), name
    assert changed == len(public.MODULES)


def test_help_shows_it_on_a_pc():
    path = ":".join(str(p) for p in (LIB, setup.ROOT / "tests/host/cpython"))
    code = "import upy; upy.install(); import qssl; help(qssl.Modem.connect)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "connect(" in done.stdout and "Opens a TLS connection" in done.stdout
    assert "Returns: qssl.socket.Socket." in done.stdout


def test_who_imports_it_on_a_pc_is_told_where_to_go():
    for code in ("import qssl", "from qssl import Modem", "import qssl.hints"):
        argv = [sys.executable, "-c", code]
        done = subprocess.run(argv, env={"PYTHONPATH": str(LIB)}, capture_output=True, text=True)
        last = done.stderr.splitlines()[-1]
        assert last.startswith("ImportError: qssl runs on MicroPython. "), done.stderr
        assert "tools/run.py" in last and "tools/api.py help" in last
        for tool in re.findall(r"tools/\w+\.py", last):
            assert (setup.ROOT / tool).exists()


def test_that_word_is_in_no_compiled_file(tmp_path):
    compile_mpy(LIB / "qssl/__init__.py", "qssl", tmp_path / "a.mpy", "-O3")
    assert b"MicroPython" not in (tmp_path / "a.mpy").read_bytes()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("connect", "Modem.connect(host"),
        ("modem.connect", "Modem.connect(host"),
        ("modem.connect(host, 443)", "Modem.connect(host"),
        ("qssl.Modem.connect", "Modem.connect(host"),
        ("qssl.modem.Modem.connect", "Modem.connect(host"),
        ("sock.recv()", "Socket.recv(n: int)"),
        ("ctx.apply", "Context.apply()"),
        ("board.setting", "setting(name: str"),
        ("MODEM", "Modem(uart"),
        ("timekeeper", "qssl.timekeeper - The time, "),
        ("qssl.files", "qssl.files - "),
        ("qssl", "qssl.modem - "),
    ],
)
def test_help_takes_a_name_as_programs_write_it(package, capsys, name, shown):
    assert main._help(package, name) == 0
    assert capsys.readouterr().out.startswith(shown)


def test_the_tool_says_so():
    argv = [sys.executable, str(setup.ROOT / "tools/api.py")]
    done = subprocess.run([*argv, "help", "Modem.connect"], capture_output=True, text=True)
    assert done.stdout.startswith("Modem.connect(host: str, port: int, ctx, ") and not done.stderr
    assert "Returns: qssl.socket.Socket." in done.stdout
    done = subprocess.run([*argv, "help", "Modem.conect"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("api.py: There is no Modem.conect; Mod")
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = r"\d+ public names, each with its docstring; docs/api.md is up to date\.\n"
    assert re.fullmatch(said, done.stdout)
    done = subprocess.run([*argv, "chek"], capture_output=True, text=True)
    assert done.returncode == 2 and "invalid choice: 'chek'" in done.stderr
    assert done.stderr.count("\n") == 1
