# test_board_tool - tools/board.py: what it clears, copies and refuses, on the emulated board.
# SPDX-License-Identifier: MIT

import contextlib
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

import setup
import tool
from qboard import facts, files, install, link, main, options
from qdevice.host import Host
from qpackage import check
from qshared.problem import Problem
from ugsim.port import owner

VERSION = check.version(setup.ROOT)
TOOL = [sys.executable, str(setup.ROOT / "tools/board.py")]


@pytest.fixture(scope="module")
def host():
    with tool.emulated(frozen=False) as host:
        yield host


def start(*words):
    pipe = subprocess.PIPE
    words = [str(word) for word in words]
    return subprocess.Popen(
        TOOL + words, cwd=setup.ROOT, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
    )


def run(*words, status=0):
    process = start(*words)
    out, err = process.communicate(timeout=600)
    assert process.returncode == status, out + err
    assert "Traceback" not in err
    if status == 2:
        assert err.startswith("board.py: ") and err.count("\n") == 1, err
    return out + err


def tree(host, *folders):
    # Every file and folder below these folders, as a sorted list.
    text = (
        "import os\nr = set()\ndef walk(p):\n try:\n  for f in os.ilistdir(p):\n"
        "   q = p.rstrip('/') + '/' + f[0]\n   r.add(q)\n   f[1] == 0x4000 and walk(q)\n"
        " except OSError:\n  pass\nfor p in %r:\n walk(p)\nprint(sorted(r))"
    )
    done = host.mpremote("exec", text % (folders,))
    assert done.returncode == 0, done.stdout
    return eval(done.stdout)


def wanted(suffix):
    names = [name[:-3] + suffix for name in check.files(setup.ROOT)]
    names += {name.rpartition("/")[0] for name in names} - {""}
    return sorted("/lib/qssl/" + name for name in names)


def test_no_old_copy_stays_behind(host):
    # Sources from `cp -r`, a copy at the root, which comes first, and one that ended early.
    assert host.mpremote("fs", "mkdir", ":/qssl", "+", "mkdir", ":/lib/qssl").returncode == 0
    old = '__version__ = "0.0.1"\n'
    host.write(
        {
            "/qssl/__init__.py": old,
            "/qssl/link.mpy": "half of a fi",
            "/lib/qssl/__init__.py": old,
            "/lib/qssl/wire/parser.py": "",
            "/lib/qssl/gone.py": "",
            "/lib/qssl/notes.txt": "mine",
            "/qssl.py": old,
        }
    )
    said = run("check", "--port", host.repl, status=1)
    assert "driver    0.0.1, /qssl/__init__.py" in said and "more than one copy" in said
    before = tree(host, "/", "/lib", "/lib/qssl", "/qssl")
    said = run("install", "--port", host.repl, "--dry-run")
    assert "would remove  /lib/qssl/gone.py\n" in said and "would copy    /lib/board.py" in said
    assert tree(host, "/", "/lib", "/lib/qssl", "/qssl") == before
    said = run("install", "--port", host.repl)
    assert "qssl %s is on the board: /lib/qssl/__init__.mpy\nboard.py is there" % VERSION in said
    assert "left alone, as it is not the driver's: /lib/qssl/notes.txt" in said
    assert tree(host, "/lib/qssl", "/qssl") == sorted([*wanted(".mpy"), "/lib/qssl/notes.txt"])
    assert "/qssl.py" not in tree(host, "/") and "/qssl" not in tree(host, "/")
    assert host.mpremote("fs", "rm", ":/lib/qssl/notes.txt").returncode == 0
    assert "driver    %s, /lib" % VERSION in run("check", "--port", host.repl)
    result = host.run(setup.ROOT / "tests/device/smoke.py")
    assert result.passed, result.output


def test_the_commands_of_mpremote_alone(host, tmp_path, certs):
    # As docs/boards.md has them, on a board with an old copy; but for the folders and the board.
    page = (setup.ROOT / "docs/boards.md").read_text()
    part = page.partition("By mpremote alone")[2]
    lines = re.findall(
        r"^ {4}(.*?)(?: +#.*)?$", part.partition("`mpremote mip install gi")[0], re.M
    )
    assert [line.split()[0] for line in lines] == ["mpremote", "python3", *["mpremote"] * 3]
    (tmp_path / "ca.pem").write_bytes(certs.ca.read_bytes())
    (tmp_path / "settings.json").write_text('{"apn": "by.hand"}')
    host.mpremote("fs", "mkdir", ":/lib/qssl")
    host.write({"/lib/qssl/__init__.py": "old = 1", "/lib/qssl/wire/link.py": "old = 1"})
    for line in lines:
        words = line.replace("boards/pico.py", str(setup.ROOT / "boards/emulated.py")).split()
        if words[0] == "python3":
            argv = [sys.executable, setup.ROOT / words[1], *words[2:], "--folder", "build"]
            done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
        else:
            done = host.mpremote(*words[1:], cwd=tmp_path)
        assert done.returncode == 0, (line, done.stdout)
    assert tree(host, "/lib/qssl") == wanted(".mpy")
    text = "import board, qssl\nprint(board.access()['apn'], qssl.__version__)\nprint('PASS')"
    result = host.execute(text)
    assert result.passed and result.output.startswith("by.hand " + VERSION), result.output
    result = host.run(setup.ROOT / "tests/device/smoke.py")
    assert result.passed, result.output
    assert "The driver is gone" in run("remove", "--port", host.repl)


def test_sources_take_the_place_of_compiled_files(host):
    assert host.mpremote("exec", "import os; os.mkdir('/qssl')").returncode == 0
    said = run("install", "--port", host.repl, "--source")
    assert "note: sources need `import gc; gc.threshold(16384)` before `import qssl`\n" in said
    assert tree(host, "/lib/qssl") == wanted(".py")
    assert "driver    %s, /lib" % VERSION in run("check", "--port", host.repl)
    said = run("remove", "--port", host.repl)
    assert "The driver is gone" in said
    assert tree(host, "/lib/qssl") == [] and "/lib/board.py" in tree(host, "/lib")


# --- with a driver that is copied quickly, in this process ---------------------------------------

SMALL = {
    "start/__init__": "",
    "start/bringup": "",
    "tls": "",
    "connect/__init__": "",
    "connect/sslcfg": "",
    "site": (setup.ROOT / "lib/qssl/site.py").read_text(),
    "errors": (setup.ROOT / "lib/qssl/errors.py").read_text(),
    "__init__": '__version__ = "%s"\nclass Modem:\n    pass\n' % VERSION,
}


@pytest.fixture
def call(host, monkeypatch, capsys):
    # Runs the tool's commands; what it says.
    def driver(source, folder):
        return [(folder + "/%s.py" % name, text.encode()) for name, text in SMALL.items()]

    def call(*words):
        chosen = options.parse([str(word) for word in [*words, "--port", host.repl]])
        with contextlib.ExitStack() as stack:
            main._run(chosen, stack)
        return capsys.readouterr().out

    monkeypatch.setattr(install, "_driver", driver)
    return call


def small(names=SMALL):
    folders = {name.rpartition("/")[0] for name in names} - {""}
    return sorted(
        ["/lib/qssl/%s.py" % name for name in names] + ["/lib/qssl/" + f for f in folders]
    )


def test_settings_and_certificate_go_along(host, call, tmp_path, certs):
    path = tmp_path / "s.json"
    path.write_text('{"apn": "my.apn", "port": 8443}')
    call("install", "--settings", path, "--ca", certs.ca)
    text = (
        "import board\nprint(board.setting('apn'), board.setting('port', 1))\n"
        "print(len(open('ca.pem').read()))\nprint('PASS')"
    )
    result = host.execute(text)
    assert result.passed, result.output
    assert result.output.replace("\r", "").startswith(
        "my.apn 8443\n%d\n" % certs.ca.stat().st_size
    )
    # The next installation leaves them.
    assert "settings" not in call("install")
    assert "my.apn" in host.mpremote("fs", "cat", ":/settings.json").stdout


def test_files_that_the_settings_name_and_the_board_lacks_are_told(host, call, tmp_path, certs):
    def files(*paths):
        code = "import os\nfor p in %r:\n try:\n  os.remove(p)\n except OSError:\n  pass" % (
            paths,
        )
        assert host.mpremote("exec", code).returncode == 0

    path = tmp_path / "s.json"
    files("/ca.pem", "/settings.json")
    path.write_text('{"host": "a.example", "ca": "ca.pem", "cert": "own.pem", "key": "/own.key"}')
    said = call("install", "--settings", path)
    assert (
        "note: the setting ca names ca.pem, which is not on the board: `board.py install" in said
    )
    assert (
        "the setting cert names own.pem, which is not on the board: `mpremote cp FILE :/o" in said
    )
    assert "the setting key names /own.key, which is not" in said
    assert "the setting ca names" in call("check") and "host is" not in call("check")
    said = call("install", "--ca", certs.ca)
    assert "setting ca " not in said and "setting key" in said
    host.write({"/own.pem": "x", "/own.key": "x"})
    assert "the setting" not in call("check")
    # Another name than the one --ca goes to.
    path.write_text('{"ca": "root.pem"}')
    said = call("install", "--settings", path, "--ca", certs.ca)
    assert (
        "the setting ca names root.pem, which is not on the board: `mpremote cp FILE :/ro" in said
    )
    # None at all, then one that the board can't read.
    files("/ca.pem", "/settings.json")
    assert "the CA's certificate, /ca.pem, is not on the board" in call("check")
    said = call("install")
    assert "is an example" in said and "names ca.pem, which" in said and "still" not in said
    assert "the setting host is still that of the example" in call("check")
    host.write({"/settings.json": '{"apn": "x",}'})
    assert "/settings.json, line 1: take away the comma before the }" in call("check")


def test_a_board_file_that_was_changed_stays(host, call):
    mine = (setup.ROOT / "boards/emulated.py").read_text().replace('"tx": 1', '"tx": 7')
    host.write({"/lib/board.py": mine})
    assert "/lib/board.py stays as it is" in call("install")
    file = ("--board", setup.ROOT / "boards/emulated.py")
    with pytest.raises(Problem, match=r"board\.py is not one of boards/: were its pins chan"):
        call("install", *file)
    assert '"tx": 7' in host.mpremote("fs", "cat", ":/lib/board.py").stdout
    call("install", *file, "--replace")
    assert '"tx": 1' in host.mpremote("fs", "cat", ":/lib/board.py").stdout
    # A second one, which would come first, goes.
    host.write({"/board.py": (setup.ROOT / "boards/pico.py").read_text()})
    call("install", *file)
    assert "/board.py" not in tree(host, "/")


def test_an_interrupted_copy_is_no_driver_and_the_next_one_mends_it(host, call, monkeypatch):
    call("install")

    def interrupted(bar, path, _show=install.Bar.file):
        if path.endswith("/errors.py"):
            raise KeyboardInterrupt
        _show(bar, path)

    with monkeypatch.context() as patch:
        patch.setattr(install.Bar, "file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            call("install")
    assert tree(host, "/lib/qssl") == small(
        [name for name in SMALL if name not in ("errors", "__init__")]
    )
    assert "a part of one, which can't be imported" in call("check")
    call("install")
    assert tree(host, "/lib/qssl") == small()


def test_what_the_cable_damages_is_told(host, call, monkeypatch):
    write = link.Board.write
    with monkeypatch.context() as patch:
        patch.setattr(link.Board, "write", lambda b, path, data, told: write(b, path, data[1:]))
        with pytest.raises(Problem, match="came out damaged on the board"):
            call("install")
    call("install")


def test_a_full_board_is_refused_before_anything_is_removed(host, call, monkeypatch):
    class Full(facts.Facts):
        def __init__(self, board):
            super().__init__(board)
            self.free = 8192

    call("remove")
    host.write({"/lib/qssl.py": "x = 1"})
    before = tree(host, "/", "/lib", "/lib/qssl")
    with monkeypatch.context() as patch:
        patch.setattr(main, "Facts", Full)
        with pytest.raises(Problem, match="The board is full: the driver takes"):
            call("install")
    assert tree(host, "/", "/lib", "/lib/qssl") == before
    # What the reckoning did not see. Some ports print the number alone.
    write = link.Board.write
    for last in ("OSError: [Errno 28] ENOSPC", "OSError: 28"):

        def full(board, path, data, told, last=last):
            if path.endswith("errors.py"):
                raise link.BoardError(["Traceback", last])
            write(board, path, data, told)

        with monkeypatch.context() as patch:
            patch.setattr(link.Board, "write", full)
            with pytest.raises(Problem, match="The board is full, and has no whole driver now: d"):
                call("install")
        assert "/lib/qssl/__init__.py" not in tree(host, "/lib/qssl")
    call("install")


def test_a_driver_that_can_not_be_imported_is_told(call, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(SMALL, "tls", "x = (")
        with pytest.raises(Problem, match="is there, but can't be imported: SyntaxError"):
            call("install")
        patch.setitem(SMALL, "tls", "")
        patch.setitem(SMALL, "site", "setting = now = 1")
        with pytest.raises(Problem, match="The board file can't be imported: ImportError"):
            call("install")
    call("install")


def test_a_firmware_with_the_driver_in_it_is_told():
    if not setup.have_emulator():
        pytest.skip("no emulator here: run `python3 tools/test.py` once")
    with Host() as host:
        said = run("install", "--port", host.repl, status=2)
        assert "This firmware has the driver in it (version %s)" % VERSION in said
        assert "/lib/qssl" not in tree(host, "/lib")


# --- ports ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def pty_with_another_program():
    # A port that another program has open, without locking it. (path, its process)
    master, slave = os.openpty()
    path = os.ttyname(slave)
    os.close(slave)
    code = "import os, sys; os.open(sys.argv[1], 2); print(1, flush=True); input()"
    argv = [sys.executable, "-c", code, path]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as other:
        try:
            other.stdout.readline()
            yield path, other
        finally:
            other.kill()
            os.close(master)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the kernel does not tell")
def test_another_program_at_the_port_is_named():
    with pty_with_another_program() as (path, other):
        said = run("check", "--port", path, status=2)
        assert "%s is in use by python" % path in said and "(process %d)" % other.pid in said
    assert owner.taken("/dev/null") == owner.taken("/dev/nowhere") == ""


def test_what_is_no_board_is_told():
    master, slave = os.openpty()  # it never answers
    try:
        said = run("check", "--port", os.ttyname(slave), status=2)
        assert "does not answer as MicroPython does" in said
    finally:
        os.close(slave)
        os.close(master)
    assert "There is no port /dev/nowhere" in run("check", "--port", "/dev/nowhere", status=2)
    said = run("check", "--port", "socket://127.0.0.1:1", status=2)
    assert "Nothing answers at socket://127.0.0.1:1" in said


def test_which_port_is_the_board(monkeypatch):
    def found(*names):
        monkeypatch.setattr(link, "ports", lambda: [(name, "Board in FS mode") for name in names])

    found()
    with pytest.raises(Problem, match="No board found at a USB port"):
        link.choose(None)
    found("/dev/ttyACM0")
    assert link.choose(None) == "/dev/ttyACM0"
    found("/dev/ttyACM0", "/dev/ttyUSB0")
    with pytest.raises(Problem, match=r"/dev/ttyACM0 \(Board in FS mode\), /dev/ttyUSB0"):
        link.choose(None)


# --- other boards --------------------------------------------------------------------------------


class Fake:
    # A board as its answers.
    def __init__(self, name="micropython", version=(1, 24, 0), mpy=6, room=(4096, 200, 100)):
        path = ["", ".frozen", "/lib"]
        self.first = (name, version, "Raspberry Pi Pico with RP2040", mpy, path, "/", room)

    def run(self, code):
        if "i.version" in code:
            return self.first
        return None if "frozen" in code or "settings" in code else []


@pytest.mark.parametrize(
    ("options", "source", "said"),
    [
        ({}, False, None),
        ({"name": "circuitpython"}, False, "This board runs circuitpython; the driver needs Micr"),
        ({"version": (1, 23, 0)}, False, "runs MicroPython 1.23.0; the driver needs 1.24 or newe"),
        ({"version": (2, 0, 0)}, False, None),
        ({"mpy": 7}, False, "takes .mpy files of version 7, not 6: use --source"),
        ({"mpy": 7}, True, None),
        ({"room": None}, False, "This board has no file system"),
    ],
)
def test_boards_that_the_driver_can_not_run_on(options, source, said):
    there = facts.Facts(Fake(**options))
    if said is None:
        there.check(source)
    else:
        with pytest.raises(Problem, match=said):
            there.check(source)


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ("Raspberry Pi Pico with RP2040", "pico"),
        ("Raspberry Pi Pico W with RP2040", "pico_w"),
        ("Raspberry Pi Pico2 with RP2350", "pico"),
        ("Raspberry Pi Pico 2 W with RP2350", "pico_w"),
        ("Generic ESP32 module with ESP32", "esp32"),
        ("ESP32 module (spiram) with ESP32", "esp32"),
        ("ESP32 PICO D4 with ESP32-PICO-D4", "esp32"),
        ("Generic ESP32S3 module with ESP32S3", "esp32_s3"),
        ("ESP32C3 module with ESP32C3", "esp32_c3"),
        ("Generic ESP32C6 module with ESP32C6", None),
        ("PYBv1.1 with STM32F405RG", None),
    ],
)
def test_the_board_file_for_a_board(machine, name):
    assert facts.board_file(machine) == name
    assert name is None or (setup.ROOT / "boards" / (name + ".py")).is_file()


def test_an_unknown_board_gets_the_driver_and_a_note():
    board = Fake()
    board.first = (*board.first[:2], "Something new", *board.first[3:])
    chosen = SimpleNamespace(source=True, board=None, replace=False, settings=None, ca=None)
    plan = install.Plan(board, facts.Facts(board), chosen)
    assert [path for path, _ in plan.copy] == ["/settings.json"]
    assert "no file of boards/ is known to fit" in plan.notes[0]


# --- files and words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"apn": "x"}', None),
        ('{"apn": "x"}'.encode("utf-16"), "is UTF-16: save it as UTF-8"),
        ('{"apn": "x"}'.encode("utf-16-be"), "is UTF-16: save it as UTF-8"),
        (b'{"port": "https"}', '"port" has to be a number from 1 to 65535'),
        (b'{"port": 80443}', '"port" has to be a number from 1 to 65535'),
        (b'{"pin": 42}', '"pin" has to be the 4 to 8 digits of the SIM'),
        (b'{"apn_auth": "PAP"}', '"apn_auth" has to be 0 (none), 1 (PAP)'),
        (b'{"baud": 9.6}', '"baud" has to be a baud rate'),
        (b'{"utc_offset_min": "+2h"}', '"utc_offset_min" has to be minutes'),
        (b'\xef\xbb\xbf{"apn": "x"}', "begins with a byte order mark"),
        (b'{"apn": "\xe9"}', "is not UTF-8"),
        (b'{\n  "apn": "x",\n}', "line 2: take away the comma before the }"),
        (b'{\n  "apn": "x"\n  "port": 1}', "line 3, is not JSON"),
        (b"", "line 1, is not JSON"),
        (b"[]", "has to be like"),
        (b'{"apn": ["x"]}', '"apn" has to be text or a number'),
        (b'{"port": true}', '"port" has to be a number from 1 to 65535'),
        (b'{"port": 443.7}', '"port" has to be a number from 1 to 65535'),
        (b'{"host": "https://a.example/"}', '"host" has to be a name or an IPv4 address alone'),
        (b'{"host": "a.example:443"}', '"host" has to be a name or an IPv4 address alone'),
        (b'{"host": ""}', '"host" has to be a name or an IPv4 address alone'),
        (b'{"host": 5}', '"host" has to be a name or an IPv4 address alone'),
        (b'{"apn": "inter net"}', '"apn" has to be the APN alone'),
        (b'{"apn": true}', '"apn" has to be the APN alone'),
        (b'{"ca": 1}', '"ca" has to be the name of a file'),
        (b'{"APN": "x"}', '"APN" has to be written "apn"'),
        (b'{"port ": 443}', '"port " has to be written "port"'),
    ],
)
def test_settings_are_looked_at_first(tmp_path, data, said):
    path = tmp_path / "settings.json"
    path.write_bytes(data)
    if said is None:
        assert files.settings(path) == {"apn": "x"}
    else:
        with pytest.raises(Problem) as e:
            files.settings(path)
        assert said in str(e.value) and str(path) in str(e.value)


def test_a_misspelt_setting_is_told():
    for name, right in (("prot", "port"), ("hosts", "host"), ("apn_usr", "apn_user")):
        (said,) = files.misspelt({name: "x", "ca": "ca.pem"})
        assert '"%s" is none of the driver' % name in said and '"%s"?' % right in said
    own = ("device", "interval_s", "queue", "path", "key", "token", "url", "cert", "page")
    assert files.misspelt(dict.fromkeys(own, "x")) == []
    assert files.misspelt({"host": "a.example", "host2": "b.example"}) == []


def test_the_certificate_is_looked_at_first(tmp_path, certs):
    path = tmp_path / "ca.pem"
    files.ca(certs.ca)
    for data, said in (
        (certs.ca.read_bytes() + certs.server.key_pem, "has a private key in it"),
        (certs.server.cert_pem.partition(b"-----END")[0], "is no certificate in PEM"),
        (certs.server.cert_pem, "is no CA's certificate but that of"),
        (b"", "is no certificate in PEM"),
    ):
        path.write_bytes(data)
        with pytest.raises(Problem, match=said):
            files.ca(path)


def test_the_example_of_settings_is_sound():
    found = files.settings(setup.ROOT / "boards/settings.json")
    assert list(found) == ["apn", "host", "port", "ca"] and json.dumps(found)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "The following arguments are required: COMMAND"),
        (["instal"], "Invalid choice: 'instal'"),
        (["check", "--source"], "--source goes with install"),
        (["check", "--dry-run"], "--dry-run goes with install and remove"),
        (["install", "--replace"], "--replace goes with --board"),
        (["install", "--board", "boards/nothing.py"], "There is no file boards/nothing.py"),
        (["install", "--board", "pico"], "There is no file pico, but boards/pico.py. See"),
        (["install", "--what"], "Unrecognized arguments: --what"),
        (["install", "--settings", "README.md"], "README.md, line 1, is not JSON"),
        (["install", "--board", "README.md"], "is no Python: take a file of boards/"),
        (
            ["install", "--board", "tools/ca.py"],
            "tools/ca.py has no modem(), so it is no board file",
        ),
        (["install", "--ca", "README.md"], "README.md is no certificate in PEM"),
    ],
)
def test_a_mistake_is_one_sentence(words, said):
    assert said.lower() in run(*words, status=2).lower()
