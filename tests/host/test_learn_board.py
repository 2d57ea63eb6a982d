# test_learn_board - tools/learn.py --board: a modem behind a board's UART, on the emulated board.
# SPDX-License-Identifier: MIT

import json
import os
import signal
import subprocess
import sys

import pytest

import setup
import tool
from patience import LIMIT_S, until
from qlearn.throughboard import BoardPort
from qshared.problem import Problem

TOOL = [sys.executable, str(setup.ROOT / "tools/learn.py")]


@pytest.fixture(scope="module")
def host():
    with tool.emulated() as host:
        yield host


def learn(*words):
    argv = [*TOOL, *[str(word) for word in words]]
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=5 * LIMIT_S, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def usable(host):
    # The board's REPL answers, and the driver gets its modem.
    done = host.mpremote("exec", "print(6 * 7)")
    assert done.stdout == "42\n", done.stdout


def test_through_a_board(host, tmp_path):
    # What it settles is what it settles on the direct way.
    path = tmp_path / "p.json"
    host.control("switch checksum_case upper")
    host.control("switch file_missing 405")
    done = learn("--board", host.repl, "--yes", "--out", path)
    host.control("switch checksum_case lower")
    host.control("switch file_missing own")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(path.read_text())
    assert found["switches"]["checksum_case"] == "upper"
    assert found["switches"]["file_missing"] == "405"
    assert len(found["switches"]) > 18 and not found["contradictory"]
    usable(host)
    assert host.run(setup.ROOT / "tests/device/smoke.py").passed


def answer(port, end):
    # What comes, in whatever pieces, up to these bytes.
    came = bytearray()

    def whole():
        came.extend(port.read(200))
        return came.endswith(end)

    until(whole)
    return bytes(came)


def test_every_byte_passes(host):
    # Both ways, all values, also those that a REPL would take for its own.
    port = BoardPort(host.repl)
    try:
        port.write(b"ATE1\r")
        answer(port, b"OK\r\n")
        for data in (bytes(range(256)), b"\x03\x03\xdb\x23\xdb\xfb\x04\x01\x1b" * 20):
            size = len(data)
            port.write(b'AT+QFUPL="RAM:t",%d,60\r' % size)
            answer(port, b"CONNECT\r\n")
            for at in range(0, size, 50):
                port.write(data[at : at + 50])
            answer(port, b"OK\r\n")
            port.write(b'AT+QFDWL="RAM:t"\r')
            assert b"CONNECT\r\n" + data + b"\r\n+QFDWL: %d," % size in answer(port, b"\nOK\r\n")
            port.write(b'AT+QFDEL="RAM:t"\r')
            answer(port, b"OK\r\n")
        assert port.read(50) == b""
    finally:
        port.close()
    usable(host)


def test_ctrl_c_puts_back_and_leaves_the_board_usable(host, tmp_path):
    path = tmp_path / "p.json"
    process = subprocess.Popen(
        [*TOOL, "--board", host.repl, "--yes", "--out", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    until(path.exists, 5 * LIMIT_S)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=5 * LIMIT_S)
    assert process.returncode == 130 and "what was set is put back" in err, out + err
    assert "Traceback" not in err
    usable(host)
    before = len(json.loads(path.read_text())["switches"])
    done = learn("--board", host.repl, "--yes", "--out", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(path.read_text())["switches"]) > before


def test_killed_in_the_middle(host):
    # Nobody ends the script on the board: who comes next does.
    port = BoardPort(host.repl)
    port._line.close()
    usable(host)


def test_a_script_that_ends_is_told(host):
    port = BoardPort(host.repl)
    try:
        port._line.write(b"\x03")
        with pytest.raises(Problem, match="has stopped passing lines through"):
            until(lambda: port.read(100))
    finally:
        port.close()
    usable(host)


def test_a_board_without_the_driver(host):
    host.write({"/board.py": "import nothing_here"})
    try:
        done = learn("--board", host.repl, "--yes")
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert "The board has no driver or no board.py (ImportError: " in done.stderr
    finally:
        host.mpremote("exec", "import os; os.remove('/board.py')")
    usable(host)


def test_the_board_switches_the_modem_on(monkeypatch):
    # passing.wake(): a modem that is on stays so; one that is off gets its PWRKEY, if it is wired.
    import time

    from qlearn import passing

    now = [0]
    monkeypatch.setattr(
        time, "sleep_ms", lambda ms: now.__setitem__(0, now[0] + ms), raising=False
    )
    monkeypatch.setattr(time, "ticks_ms", lambda: now[0], raising=False)
    monkeypatch.setattr(time, "ticks_diff", lambda a, b: a - b, raising=False)

    class Modem:
        def __init__(self, on):
            self.ready = 0 if on else None  # ms
            self.pressed = None
            self.pulses = []
            self.waits = b"RDY" if on else b""

        def write(self, data):
            self.waits += b"OK" if self.ready is not None and now[0] >= self.ready else b""
            return len(data)

        def any(self):
            if self.ready and now[0] >= self.ready and not self.waits:
                self.waits, self.ready = b"RDY", 0
            return len(self.waits)

        def read(self, n):
            self.waits = b""

        def on(self):
            self.pressed = now[0]

        def off(self):
            self.pulses.append(now[0] - self.pressed)
            self.ready = now[0] + 5000

    for on, wired, pulses in ((True, True, []), (False, True, [500]), (False, False, [])):
        now[0] = 0
        modem = Modem(on)
        passing.wake(modem, {"pwrkey": modem} if wired else {})
        assert modem.pulses == pulses and modem.waits == b"", (on, wired)
        assert now[0] < 20000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--board", "/dev/nothing", "--yes"], "There is no port /dev/nothing"),
        (["--board", "/dev/null", "--yes"], "/dev/null"),
        (["--board", "x", "--port", "y"], "give one of them"),
        (["--board", "x", "--rtscts"], "--rtscts goes with --port"),
        (["serve", "--board", "x"], "--board goes without serve"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, words, said):
    done = learn(*words, "--out", os.path.join(tmp_path, "p.json"))
    assert done.returncode == 2 and done.stdout == "", done.stdout
    assert done.stderr.startswith("learn.py: ") and done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr
