# test_device - the scripts of tests/device on the emulated board, and tools/device.py itself.
# SPDX-License-Identifier: MIT

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
import tty
import types

import pytest

import setup
import tool
from emuboard import Board, firmware
from patience import LIMIT_S
from qdevice import main, options
from qdevice.host import Host
from qshared.problem import Problem


@pytest.fixture(scope="module")
def host():
    with tool.emulated() as host:
        yield host


@pytest.mark.parametrize("name", options.names())
def test_on_the_emulated_board(host, name):
    result = host.run(options.SCRIPTS / (name + ".py"), {"size": 24576, "rounds": 4})
    print(result.output)
    assert result.passed, result.output


def test_the_line_loses_nothing_and_the_counts_agree(host):
    # What the board's UART counted is what the modem counted.
    before = host.stats()
    result = host.run(options.SCRIPTS / "smoke.py")
    assert result.passed, result.output
    after = host.stats()
    done = host.mpremote("resume", "exec", "print(board.modem().link.stats.rx)")
    assert done.returncode == 1 and "NameError" in done.stdout  # each run began with a soft reset
    assert after["uart_bytes_to_host"] > before["uart_bytes_to_host"]


def test_a_script_that_fails_is_not_passed(host):
    for text, last in (
        ("print('PASS')\nraise OSError(5)", "OSError"),
        ("print('PASS')\nprint('no')", "no"),
        ("", "it printed nothing"),
    ):
        result = host.execute(text)
        assert not result.passed and result.note.startswith(last), result.output


def test_a_board_that_does_not_answer(monkeypatch):
    # On a PC that is busy mpremote may give up too early: once more, as nothing has run yet.
    said = "Traceback (most recent call last):\n  File\nTransportError: could not enter raw repl\n"
    left = [said, said, ""]

    def run(argv, **options):
        text = left.pop(0)
        return subprocess.CompletedProcess(argv, 1 if text else 0, text)

    monkeypatch.setattr("qdevice.host.subprocess.run", run)
    board = Host()
    board.repl = "socket://127.0.0.1:1"
    board.must("It does not take a file", "cp", "x", ":/lib/")
    assert not left
    left += [said] * 3
    with pytest.raises(Problem) as e:
        board.must("It does not take a file", "cp", "x", ":/lib/")
    assert str(e.value).startswith("It does not take a file: its REPL does not answer; ")
    left += ["mpremote: cp: x: No such file or directory.\n", said]
    with pytest.raises(Problem) as e:
        board.must("It does not take a file", "cp", "x", ":/lib/")
    assert str(e.value).endswith("No such file or directory.") and len(left) == 1


def test_files_outlive_a_soft_reset(host):
    host.write({"/a.txt": "still here"})
    result = host.execute("print(open('/a.txt').read())\nprint('PASS')")
    assert result.passed and "still here" in result.output
    assert host.mpremote("fs", "rm", ":/a.txt").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "There is no test and no file nothing; the tests are "),
        (["--port", "/dev/null"], "--port and --modem go together"),
        (["--port", "/dev/null", "--modem", "/dev/nowhere"], "There is no /dev/nowhere"),
        (["--port", "/dev/null", "--modem", "/dev/null"], "Say --board boards/FILE.py"),
        (["--board", "boards/pico.py"], "--board, --installed and --wired are for a real board"),
        (["--wired", "rts", "smoke"], "--board, --installed and --wired are for a real board"),
        (["--wired", "cts", "smoke"], "Argument --wired: invalid choice: 'cts'"),
        (["--baud", "1"], "Argument --baud: 1 is no baud rate"),
        (["--repl", "smoke"], "--repl goes without a script"),
        (["count=5"], "The setting count goes with a SCRIPT that asks for it"),
        (["examples/https_get.py", "hots=x"], "asks for no setting hots; host is the nearest"),
        (["examples/https_get.py", "ca=none.pem"], "There is no file none.pem, which ca= names"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(words, said):
    status, out, err = tool.call("device.py", *words, cwd=setup.ROOT)
    assert (status, out) == (2, "")
    assert said in err and err.count("\n") == 1, err


def test_a_script_gets_a_server_and_its_settings(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import board, time\n"
        "print(board.setting('host'), board.setting('answer', 0) + 1, board.setting('ca'))\n"
        "print(board.utc()[0], board.now())\n"
    )
    folder = tmp_path / "tmp"
    folder.mkdir()
    begin = time.time()
    status, out, err = tool.run(folder, "device.py", script, "answer=41")
    assert status == 0, err
    words = out.split()
    assert words[:4] == ["127.0.0.1", "42", "/ca.pem", str(time.gmtime(begin)[0])]
    assert begin - 2 <= int(words[4]) <= time.time() + 1


def test_the_telemetry_of_the_examples_on_a_microcontroller(tmp_path):
    names = ["telemetry_https.py", "telemetry_mqtt.py", "mqtt_robust.py", "async_two_sockets.py"]
    scripts = [setup.ROOT / "examples" / name for name in names]
    status, out, err = tool.run(tmp_path, "device.py", *scripts, "count=2", "interval_ms=10")
    assert status == 0, out + err
    assert out.count("record 2: confirmed\n") == 2
    assert "measurement 2: confirmed\n" in out and "post 2: 204\n" in out
    assert len(re.findall(r"^server: record 2: ", err, re.M)) == 3


def test_the_repl_of_the_board_on_a_terminal():
    if not setup.have_emulator():
        pytest.skip("no emulator here: run `python3 tools/test.py` once")
    master, slave = os.openpty()
    seen = b""

    def expect(words, poke=b""):
        nonlocal seen
        end = time.monotonic() + 5 * LIMIT_S
        while words not in seen:
            assert time.monotonic() < end, seen
            if select.select([master], [], [], 1)[0]:
                seen += os.read(master, 4096)
            else:
                os.write(master, poke)
        seen = seen.partition(words)[2]

    argv = [sys.executable, setup.ROOT / "tools/device.py", "--repl"]
    process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave)
    try:
        expect(b"import board; m = board.modem()")
        expect(b"Ctrl-]")
        expect(b">>> ", b"\r")  # the terminal may not be in its raw mode yet
        os.write(master, b"import board; m = board.modem(); m.start(apn='x'); 6 * 7\r")
        expect(b"42\r\n>>> ")
        os.write(master, b"\x1d")
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)


def test_the_repl_wants_a_terminal(tmp_path):
    status, _, err = tool.run(tmp_path, "device.py", "--repl")
    assert status == 2 and "--repl wants a terminal" in err


class Cable:
    # A serial port of this PC, as a pty, whose other end is a TCP connection. port: its path.
    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.far = None
        self.thread = threading.Thread(target=self.carry, daemon=True)

    def plug(self, sock):
        self.far = sock
        self.thread.start()

    def carry(self):
        with contextlib.suppress(OSError):
            while True:
                for end in select.select([self.far, self.master], [], [])[0]:
                    data = os.read(end if end == self.master else end.fileno(), 4096)
                    if not data:
                        return
                    if end == self.master:
                        self.far.sendall(data)
                    else:
                        os.write(self.master, data)

    def close(self):
        if self.far:
            self.far.shutdown(socket.SHUT_RDWR)
            self.thread.join(5)
            self.far.close()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def bench():
    # What is on a desk: a board without the driver, its REPL and its UART at serial ports of this
    # PC. The emulated board and ptys stand for them. (port of the REPL, port of the UART)
    if not setup.have_emulator():
        pytest.skip("no emulator here: run `python3 tools/test.py` once")
    with contextlib.ExitStack() as stack:
        repl, uart = Cable(), Cable()
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        board = Board(firmware(), "127.0.0.1:%d" % listener.getsockname()[1])
        stack.enter_context(board)
        stack.callback(uart.close)
        stack.callback(repl.close)
        uart.plug(listener.accept()[0])
        host, port = board.repl[len("socket://") :].split(":")
        repl.plug(socket.create_connection((host, int(port))))
        yield repl.port, uart.port


def test_a_real_board_with_this_pc_as_the_modem(bench, tmp_path):
    repl, port = bench
    argv = ["--port", repl, "--modem", port, "--board", "boards/emulated.py", "smoke"]
    status, out, err = tool.run(tmp_path, "device.py", *argv)
    assert status == 0, out + err
    assert "smoke      passed" in out


def test_a_real_board_keeps_its_settings(bench, tmp_path):
    repl, port = bench
    there = tmp_path / "settings.json"
    there.write_text('{"answer": 7}')
    mpremote = [setup.ensure_venv("test").parent / "mpremote", "connect", repl]
    subprocess.run([*mpremote, "cp", there, ":/settings.json"], check=True, timeout=tool.LIMIT_S)
    script = tmp_path / "script.py"
    script.write_text(
        "import board\n"
        "print(board.setting('answer'), len(open(board.setting('ca')).read()) > 500)\n"
        "print(open('/settings.json').read())\n"
    )
    folder = tmp_path / "tmp"
    folder.mkdir()
    argv = ["--port", repl, "--modem", port, "--board", "boards/emulated.py", script, "answer=41"]
    status, out, err = tool.run(folder, "device.py", *argv)
    assert status == 0, out + err
    assert "41 True\n" in out and '{"answer": 7}' in out


def test_files_of_this_pc_go_onto_the_board(tmp_path):
    # ca=FILE, as a script is given to a server of one's own.
    host = object.__new__(Host)
    written, ran = {}, []
    host.emulated = True
    host.write = written.update
    host.mpremote = lambda *words, **options: (
        ran.append(words) or types.SimpleNamespace(returncode=0)
    )
    host._mount = list
    (tmp_path / "my-ca.pem").write_text("the CA")
    (tmp_path / "app.py").write_text("print(1)\n")
    words = [str(tmp_path / "app.py"), "host=h", "port=1", "ca=%s" % (tmp_path / "my-ca.pem")]
    real = ["--port=/dev/null", "--modem=/dev/null", "--installed"]
    chosen = options.parse([*real, *words, "cert=elsewhere.pem", "pin=0042"])
    assert main._example(host, tmp_path / "app.py", chosen, None) == 0 and ran
    settings = json.loads(written["/settings.json"])
    own = {"cert": "elsewhere.pem", "pin": "0042"}
    assert settings == {"host": "h", "port": 1, "ca": "/ca.pem", **own}
    assert written["/ca.pem"] == "the CA"
