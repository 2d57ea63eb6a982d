# test_rom - the driver in a ROM partition: the image, on the emulated board and elsewhere.
# SPDX-License-Identifier: MIT

import re
import subprocess
import sys

import pytest

import setup
import tool
from qpackage import rom

TOOL = [sys.executable, str(setup.ROOT / "tools/package.py"), "romfs"]
BOARD_TOOL = [sys.executable, str(setup.ROOT / "tools/board.py")]


def run(argv, status=0):
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=setup.ROOT)
    assert done.returncode == status, done.stdout + done.stderr
    if status == 2:
        assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def host():
    # The emulated board with nothing but its firmware.
    with tool.emulated(frozen=False) as host:
        yield host


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("rom") / "qssl.romfs"
    said = run([*TOOL, "--image", path, "--board", "boards/emulated.py"])
    assert "%d bytes" % path.stat().st_size in said
    return path


def deploy(host, path):
    done = host.mpremote("romfs", "deploy", path, "+", "soft-reset")
    assert done.returncode == 0, done.stdout


def test_the_commands_of_the_page(host, tmp_path):
    # As docs/boards.md has them, with a copy in /lib from before; then a test runs from there.
    page = (setup.ROOT / "docs/boards.md").read_text().partition("### In a ROM partition")[2]
    lines = re.findall(r"^ {4}(.*)$", page.partition("`query` tells")[0], re.M)
    assert [line.split()[1] for line in lines] == [
        "romfs",
        "tools/package.py",
        "romfs",
        "tools/board.py",
    ]
    host.write({"/lib/qssl/__init__.py": "old = 1", "/settings.json": "{}"})
    image = str(tmp_path / "qssl.romfs")
    for line in lines:
        line = line.replace("boards/pico.py", "boards/emulated.py")
        words = line.replace("build/qssl.romfs", image).split()
        if words[:2] == ["python3", "tools/package.py"]:
            run([*TOOL, *words[3:], "--image", image])
        elif words[0] == "python3":
            said = run([*BOARD_TOOL, "check", "--port", host.repl], status=1)
            assert "and a copy in the file system: python3 tools/board.py remove" in said
        else:
            done = host.mpremote(*words[1:])
            assert done.returncode == 0, (line, done.stdout)
    said = run([*BOARD_TOOL, "remove", "--port", host.repl])
    assert "The driver is gone" in said
    said = run([*BOARD_TOOL, "check", "--port", host.repl])
    assert re.search(r"driver +\d+\.\d+\.\d+, /rom/lib/qssl/__init__.mpy", said), said
    assert re.search(r"board.py +/rom/lib/board.mpy", said), said
    result = host.run(setup.ROOT / "tests/device/smoke.py")
    assert result.passed, result.output


def test_what_the_other_commands_say_of_it(host, image):
    deploy(host, image)
    said = run([*BOARD_TOOL, "install", "--port", host.repl], status=2)
    assert "has the driver in its ROM partition, which comes before any copy in /lib" in said
    said = run([*BOARD_TOOL, "remove", "--port", host.repl])
    assert "The driver is in the ROM partition alone" in said


def test_mpy_files_of_another_version(host, image, tmp_path):
    # A mistake in the program's own part is told when the image is made; the rest by the board.
    (tmp_path / "lib").mkdir()
    old = tmp_path / "lib/old.mpy"
    for data, said in (
        (b"M\x05\x00\x1f", "%s is of version 5, and MicroPython takes version 6" % old),
        (b"", "%s is no .mpy file" % old),
        (b"print(1)", "%s is no .mpy file" % old),
    ):
        old.write_bytes(data)
        assert said in run([*TOOL, "--image", tmp_path / "x", "--add", tmp_path], status=2)
    old.unlink()
    (tmp_path / "lib/qssl").mkdir()
    (tmp_path / "lib/qssl/__init__.mpy").write_bytes(b"M\x05\x00\x1f")
    deploy(host, tmp_path)
    said = run([*BOARD_TOOL, "check", "--port", host.repl], status=1)
    assert "incompatible .mpy file" in said and "deploy a new image" in said


def test_an_image_with_a_program_of_its_own(host, tmp_path):
    (tmp_path / "app/lib").mkdir(parents=True)
    (tmp_path / "app/lib/thing.py").write_text("value = 6\n")
    (tmp_path / "app/page.html").write_text("<p>")
    path = tmp_path / "x.romfs"
    words = ["--image", path, "--add", tmp_path / "app", "--without", "uplink", "aio"]
    run([*TOOL, *words])
    deploy(host, path)
    text = (
        "import os, thing, qssl\n"
        "print(thing.__file__, thing.value, open('/rom/page.html').read())\n"
        "print('uplink' in os.listdir('/rom/lib/qssl'), hasattr(qssl, 'aio'))\nprint('PASS')"
    )
    result = host.execute(text)
    assert result.passed, result.output
    assert result.output.splitlines()[:2] == ["/rom/lib/thing.mpy 6 <p>", "False False"]
    assert (tmp_path / "app/lib/thing.py").exists()


def test_an_image_that_can_not_be_written_is_not_compiled(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file/x.romfs", tmp_path / "file/x/y.romfs"):
        done = subprocess.run([*TOOL, "--image", path], capture_output=True, text=True)
        assert done.returncode == 2 and done.stdout == "", done
        assert done.stderr.startswith("package.py: Can't write %s: " % path), done.stderr
        assert done.stderr.count("\n") == 1 and [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("which", [{}, {"bits": 32}, {"suite": setup.NEWER}])
def test_on_the_unix_port(image, which):
    program = setup.find_micropython(**which)
    if program is None:
        pytest.skip("no such MicroPython here: run `python3 tools/test.py` once")
    text = (
        "import sys, vfs\nvfs.mount(vfs.VfsRom(open(%r, 'rb').read()), '/rom')\n"
        "sys.path[:] = ['/rom/lib']\nimport qssl\nfrom qssl import Modem\n"
        "import qssl.uplink, qssl.ask.diagnose\nprint(qssl.__file__)\n" % str(image)
    )
    assert run([program, "-c", text]) == "/rom/lib/qssl/__init__.mpy\n"


def test_on_the_newest_micropython(image, tmp_path):
    newest = list(setup.WEBASSEMBLY)[-1]
    found = setup.find_webassembly(newest)
    if found is None:
        pytest.skip("no MicroPython %s here: run `python3 tools/test.py` once" % newest)
    script = tmp_path / "x.mjs"
    script.write_text(
        "import fs from 'node:fs';\nimport { pathToFileURL } from 'node:url';\n"
        "const { loadMicroPython } = await import(pathToFileURL(process.argv[2]));\n"
        "const romfs = fs.readFileSync(process.argv[3]);\n"
        "const mp = await loadMicroPython({ romfs, heapsize: 1 << 20, stdout: console.log });\n"
        "mp.runPython('from qssl import Modem\\nimport qssl\\nprint(qssl.__file__)');\n"
    )
    assert run([found[0], script, found[1], image]) == "/rom/lib/qssl/__init__.mpy\n"


def test_an_image_that_is_too_big_names_what_can_go(tmp_path):
    path = tmp_path / "x.romfs"
    said = run([*TOOL, "--image", path, "--size", "64k"], status=2)
    found = re.search(r"has (\d+) bytes, the partition 65536: leave out by --without", said)
    assert found and int(found.group(1)) > 65536
    names = re.findall(r"([\w.]+) \(\d+\)", said)
    assert "uplink.files" in names and not {"modem", "link", "hints", "bringup"} & set(names), (
        names
    )
    assert not path.exists()
    run([*TOOL, "--image", path, "--without", *names, "--size", found.group(1)])
    said = run([*TOOL, "--image", path, "--board", "boards/pico.py", "--size", "1000"], status=2)
    assert "site (" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "12q"], "Argument --size: '12q' is no number of bytes. See --help."),
        (["--board", "nothing.py"], "There is no file nothing.py"),
        (["--add", "nothing"], "There is no folder nothing"),
        (["--folder", "x"], "--folder goes with build"),
        (["--sice", "1"], "Unrecognized arguments: --sice"),
        (["--without", "nothing"], "the driver has no module nothing"),
        (["--without", "modem"], "--without modem would leave no driver"),
        (["--without", "errors"], "can't be imported without it"),
    ],
)
def test_a_mistake_is_one_sentence(words, said):
    assert said in run([*TOOL, *words], status=2)


def test_other_commands_take_no_options_of_it():
    for words in (["check", "--size", "1k"], ["build", "--without", "aio"], ["--add", "docs"]):
        assert "%s goes with romfs" % words[-2] in run([*TOOL[:2], *words], status=2)


def test_a_board_file_with_a_mistake_and_a_name_that_does_not_go(tmp_path):
    (tmp_path / "board.py").write_text("x = (")
    said = run([*TOOL, "--board", tmp_path / "board.py"], status=2)
    assert "Can't compile the board file" in said and "SyntaxError" in said
    (tmp_path / "add").mkdir()
    (tmp_path / "add/größe.py").touch()
    assert "names in ASCII only" in run([*TOOL, "--add", tmp_path / "add"], status=2)


def test_sizes():
    sizes = {
        "128k": 131072,
        "0x20000": 131072,
        "1M": 1 << 20,
        "131072": 131072,
        "64 ": 65536 >> 10,
    }
    for text, value in sizes.items():
        assert rom.size(text) == value
    for text in ("", "k", "-1", "1.5k", "12 x"):
        with pytest.raises(ValueError):
            rom.size(text)
