# test_board_files - the files of boards/ for real boards: wired as documented, sound.
# SPDX-License-Identifier: MIT

import ast
import re
import subprocess

import pytest

import setup

BOARDS = setup.ROOT / "boards"
REAL = ("esp32", "esp32_s3", "esp32_c3", "pico", "pico_w")
NAMES = ("access", "setting", "modem", "utc", "now", "power", "set_utc")
LINES = ("tx", "rx", "rts", "cts", "pwrkey", "status", "dtr", "dcd", "reset", "off")

# A machine that notes what it is asked for. Pins above 48 don't exist.
MACHINE = """
made = []

class Pin:
    IN, OUT = 0, 1

    def __init__(self, pin, mode, value=None):
        if not 0 <= pin <= 48:
            raise ValueError("invalid pin")
        made.append(("pin", pin, mode, value))

class Signal:
    def __init__(self, pin, invert=False):
        made.append(("signal", made[-1][1], invert))

    def value(self, value=None):
        return 0

class UART:
    RTS, CTS = 1, 2

    def __init__(self, id, baud, **options):
        made.append(("uart", id, baud, options))

    def any(self):
        return 0

    def readinto(self, buf, n):
        return None

    def write(self, buf, off, n):
        return n
"""


def assigned(name):
    # {constant: value} at the top of a board file, without running it.
    tree = ast.parse((BOARDS / (name + ".py")).read_text())
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    }, ast.get_docstring(tree)


@pytest.fixture
def board(tmp_path):
    # Runs a script on MicroPython with a board file as `board` and a machine that takes notes.
    program = setup.find_micropython()
    if program is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    (tmp_path / "machine.py").write_text(MACHINE)

    def run(name, script, settings=None):
        text = (BOARDS / (name + ".py")).read_text()
        (tmp_path / "board.py").write_text(text)
        lines = ["import qssl.site"]
        if settings is not None:
            data = settings if isinstance(settings, bytes) else settings.encode()
            (tmp_path / "settings.json").write_bytes(data)
        lines.append("qssl.site._FILE = %r" % str(tmp_path / "settings.json"))
        env = {"MICROPYPATH": ".frozen:%s:%s" % (tmp_path, setup.ROOT / "lib")}
        argv = [str(program), "-c", "\n".join([*lines, "import board", "import machine", script])]
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)

    return run


@pytest.mark.parametrize("name", REAL)
def test_the_wiring_table_is_what_the_file_does(name):
    constants, text = assigned(name)
    pins = constants["PINS"]
    assert tuple(pins) == LINES
    rows = re.findall(r"^ {4}(?:IO|GP)(\d+)(\??) +(\w+) +\w+ ", text, re.MULTILINE)
    shown = {line.lower(): (int(number), bool(mark)) for number, mark, line in rows}
    for line in LINES:
        if line == "dcd" or (name, line) == ("esp32_c3", "cts"):  # there are not enough pins
            assert pins[line] is None
        elif pins[line] is None:
            assert shown[line][1], "%s is not marked as left out" % line
        else:
            assert shown[line] == (pins[line], False), line
            assert re.search(r"\| +(IO|GP)%d \|" % pins[line], text), "%s is not drawn" % line
    numbers = [number for number, _ in shown.values()]
    assert len(set(numbers)) == len(numbers) == (8 if name == "esp32_c3" else 9)
    for word in ("3.3 to 4.3 V", "2 A", "1.8 V", "level shifter", "100 uF", "GND"):
        assert word in text


@pytest.mark.parametrize("name", REAL)
def test_uart_and_lines(board, name):
    done = board(name, "board.modem(sockets=1)\nprint(machine.made)")
    assert done.returncode == 0, done.stdout + done.stderr
    made = ast.literal_eval(done.stdout)
    constants, _ = assigned(name)
    pins = constants["PINS"]
    wires = {line: pins[line] for line in LINES[:4] if pins[line] is not None}
    flow = ("rts" in wires) * 1 + ("cts" in wires) * 2
    want = dict(wires, rxbuf=2048, txbuf=2048, timeout=0, flow=flow)
    assert made[0] == ("uart", constants["UART"], 115200, want)
    # PWRKEY and PWRDWN_N are outputs that begin released, STATUS is an input.
    assert made[1:] == [
        ("pin", pins["pwrkey"], 1, False),
        ("signal", pins["pwrkey"], False),
        ("pin", pins["status"], 0, None),
        ("signal", pins["status"], False),
        ("pin", pins["off"], 1, False),
        ("signal", pins["off"], False),
    ]


def test_lines_that_are_low_when_asserted(board):
    script = """
board.PINS["dtr"] = 10
m = board.modem(sockets=1, baud=921600)
print(machine.made[0][2], m.flow, m.baud, [x for x in machine.made if x[1] == 10])
"""
    done = board("pico", script)
    assert done.stdout == "921600 True 921600 [('pin', 10, 1, True), ('signal', 10, True)]\n"


def test_a_line_handed_in_is_not_made(board):
    done = board("pico", "board.modem(pwrkey=None)\nprint([x[1] for x in machine.made[1:]])")
    assert done.stdout == "[9, 9, 12, 12]\n", done.stdout + done.stderr


@pytest.mark.parametrize("name", (*REAL, "emulated"))
def test_every_board_has_the_same_names(board, name):
    done = board(name, "print(*[callable(getattr(board, n)) for n in %r])" % (NAMES,))
    assert done.stdout == " ".join(["True"] * len(NAMES)) + "\n", done.stderr


def test_settings_and_time(board):
    script = """
print(board.setting("host"), board.setting("port", 1) + 1, board.setting("x", "y"))
print(board.setting("flag", 0))
import time
t = board.utc()
print(abs(board.now() - time.time()) <= 1 and t == time.gmtime()[:6])
class Clock:
    # An ESP32 counts from 2000; this one was set to 2026-01-01, that one never.
    def __init__(self, now, year):
        self.now, self.year = now, year
    def time(self):
        return self.now
    def gmtime(self, at=None):
        return (2000 if at == 0 else self.year, 1, 1, 0, 0, 0, 0, 1)
qssl.site.time = Clock(820454400, 2026)
print(board.utc(), board.now())
qssl.site.time = Clock(5, 2000)
print(board.utc(), board.now())
"""
    done = board("pico", script, '{"host": "a.example", "port": 8883, "flag": "1"}')
    want = "a.example 8884 y\n1\nTrue\n(2026, 1, 1, 0, 0, 0) 1767139200\nNone None\n"
    assert done.stdout == want, done.stdout + done.stderr


def test_access_is_what_start_takes(board):
    script = "print(sorted(board.access().items()))"
    found = ast.literal_eval(board("pico", script, "{}").stdout)
    plain = [("apn", "internet"), ("auth", 0), ("password", ""), ("pin", ""), ("user", "")]
    assert found == plain
    text = '{"apn": "a.b", "apn_user": "u", "apn_password": 7, "apn_auth": "1", "pin": "0042",}'
    found = dict(ast.literal_eval(board("pico", script, text).stdout))
    assert found == {"apn": "a.b", "auth": 1, "password": "7", "pin": "0042", "user": "u"}


@pytest.mark.parametrize(
    ("script", "settings", "said"),
    [
        ("board.setting('host')", "{}", "the setting host is missing; put it into "),
        ("board.setting('port', 1)", '{"port": "x"}', "the setting port must be a number, not x"),
        ("board.setting('a', 1)", "apn=x", "is not JSON like"),
        ("board.setting('a', 1)", "[]", "is not JSON like"),
        ("board.setting('a', 1)", "", "is not JSON like"),
        ("board.access()", '{"apn": "x"}'.encode("utf-16"), " is UTF-16; save it as UTF-8"),
        ("board.access()", '{"apn": "x"}'.encode("utf-16-be"), " is UTF-16; save it as UTF-8"),
        ("board.access()", b'\xef\xbb\xbf{"apn": "x"}', " begins with a byte order mark; save it"),
        ("board.access()", "{'apn': 'x'}", "is not JSON like"),
        ("del board.PINS['tx']; board.modem()", None, "names no pin for tx, which goes to the"),
        ("board.PINS['rx'] = None; board.modem()", None, "names no pin for rx, which goes to"),
        ("board.PINS['rst'] = 2; board.modem()", None, "a pin rst, which is no line"),
        ("board.PINS['status'] = 99; board.modem()", None, "status can't be on the pins"),
    ],
)
def test_a_mistake_in_file_or_settings_is_one_sentence(board, script, settings, said):
    done = board("pico", script, settings)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Refused: ") and said in last
