# test_package - the package for boards: what it lists, its versions, and that mip installs it.
# SPDX-License-Identifier: MIT

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

import pytest

import setup
from qdevice.host import Host
from qpackage import check, mpy
from setup import common

FILES = ["lib/qssl", "package.json", "pyproject.toml", "CHANGELOG.md", "tools/ugsim/__init__.py"]
TOOL = [sys.executable, str(setup.ROOT / "tools/package.py")]


@pytest.fixture
def copy(tmp_path):
    # What the check reads, as a copy to spoil.
    for name in FILES:
        source, target = setup.ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    (tmp_path / "package.json").write_text(check.manifest(tmp_path))
    return tmp_path


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_package_is_whole():
    done = subprocess.run(TOOL, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert check.version(setup.ROOT) in done.stdout


def test_what_is_wrong_with_the_files_is_said(copy):
    assert check.problems(copy) == []
    (copy / "lib/qssl/extra.py").write_text("")
    (copy / "lib/qssl/tls.py").unlink()
    assert check.problems(copy) == [
        "package.json lacks qssl/extra.py: run `python3 tools/package.py update`.",
        "package.json lists qssl/tls.py, which is not in lib.",
    ]
    (copy / "package.json").write_text(check.manifest(copy))
    assert check.problems(copy) == []
    (copy / "package.json").write_text("{")
    assert len(check.problems(copy)) == 2


@pytest.mark.parametrize("name", ["pyproject.toml", "package.json", "tools/ugsim/__init__.py"])
def test_another_version_is_said(copy, name):
    replace(copy / name, check.version(copy), "9.9.9")
    problems = check.problems(copy)
    assert problems and problems[0].startswith(name + " says version 9.9.9")


def test_the_newest_release_of_the_changelog_counts(copy):
    path = copy / "CHANGELOG.md"
    version = check.version(copy)
    text = path.read_text().partition("\n## [")[0]
    path.write_text(text + "\n## [Unreleased]\n\n## [%s] - 2026-01-01\n\n## [0.0.1]\n" % version)
    assert check.problems(copy) == []
    path.write_text(text + "\n## [Unreleased]\n\n## [0.0.1] - 2026-01-01\n")
    assert check.problems(copy)[0].startswith("CHANGELOG.md says version 0.0.1")
    path.write_text(text)
    assert check.problems(copy) == ["CHANGELOG.md names no version."]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    # The .mpy package.
    folder = tmp_path_factory.mktemp("package")
    done = subprocess.run(
        [*TOOL, "build", "--folder", str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_a_build_takes_nothing_away_that_is_not_its_own(tmp_path):
    (tmp_path / "lib/qssl").mkdir(parents=True)
    source = tmp_path / "lib/qssl/link.py"
    source.write_text("x = 1")
    manifest = tmp_path / "package.json"
    manifest.write_text("{}")
    file = tmp_path / "file"
    file.write_text("")
    for folder, named in (("lib", source), (".", manifest), ("file/x", file)):
        argv = [*TOOL, "build", "--folder", str(tmp_path / folder)]
        done = subprocess.run(argv, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("package.py: ") and done.stderr.count("\n") == 1
        assert str(named) in done.stderr
    assert source.read_text() == "x = 1" and manifest.read_text() == "{}"


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_mpy_package_has_every_module(built):
    listed = [source for _, source in json.loads((built / "package.json").read_text())["urls"]]
    there = sorted("qssl/" + name for name in files(built / "qssl"))
    assert listed == there
    for name in listed:
        data = (built / name).read_bytes()
        # Bytecode of version 6 and no machine code: py/persistentcode.h.
        assert data[:1] == b"M" and data[1] == 6 and data[2] >> 2 == 0, name


def test_what_is_compiled_is_used_again_until_a_source_changes(tmp_path, monkeypatch):
    source = tmp_path / "a.py"
    compiled = []

    def compile_it(folder):
        compiled.append(1)
        (folder / "names.txt").write_text(source.read_text())

    monkeypatch.setattr(setup, "ROOT", tmp_path)
    for module in (common, mpy):
        monkeypatch.setattr(module, "CACHE", tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(mpy, "inputs", lambda: [source])
    monkeypatch.setattr(mpy, "_compile", compile_it)
    for text, count in (("x = 1", 1), ("x = 1", 1), ("x = 2", 2), ("x = 1", 2)):
        source.write_text(text)
        assert mpy.compile_driver(tmp_path / "out") == tmp_path / "out"
        assert (tmp_path / "out/names.txt").read_text() == text and len(compiled) == count
    # A name counts as well. Those that nobody has used for long go, but for some.
    source = source.rename(tmp_path / "b.py")
    monkeypatch.setattr(mpy, "_KEEP", 1)
    for path in (tmp_path / "cache").glob("mpy-*/names.txt"):
        os.utime(path, (0, 0))
    mpy.compile_driver(tmp_path / "out")
    assert len(compiled) == 3 and len([*(tmp_path / "cache").glob("mpy-*/")]) == 1


@pytest.fixture
def site(copy):
    # The project as a repository on the web, most of the driver's files in it without what they
    # hold: a byte takes this board long. (address, what was asked for, the driver's files)
    driver = copy / "lib/qssl"
    for path in driver.rglob("*.py"):
        if path.parent.name != "wire" and path.name not in (
            "__init__.py",
            "modem.py",
            "errors.py",
        ):
            path.write_text("# %s\n" % path.name)
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(copy))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield "http://127.0.0.1:%d" % server.server_port, asked, check.files(copy)
        server.shutdown()


def test_mip_installs_the_sources_from_an_address(site):
    # From a path, and compiled: test_board_tool, with the commands of docs/boards.md. Sources are
    # imported alone: what a connection loads takes most of this board's heap to compile.
    if not setup.have_emulator():
        pytest.skip("no emulator here: run `python3 tools/test.py` once")
    address, asked, files = site
    text = (
        "import os, qssl\ndef walk(path):\n for name, kind, *_ in os.ilistdir(path):\n"
        "  if kind == 0x4000:\n   yield from walk(path + '/' + name)\n"
        "  else:\n   yield (path + '/' + name)[10:]\n"
        "print(sorted(walk('/lib/qssl')))\nprint(qssl.__file__)\nqssl.Modem, qssl.Error\n"
    )
    with Host(frozen=False) as host:
        done = host.mpremote("mip", "install", address + "/package.json")
        assert done.returncode == 0, done.stdout
        assert asked[1:] == ["/lib/qssl/" + n for n in files]
        result = host.execute(text + "print('PASS')")
    assert result.passed, result.output
    assert result.output.splitlines()[:2] == [str(files), "/lib/qssl/__init__.py"]
