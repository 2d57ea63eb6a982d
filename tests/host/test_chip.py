# test_chip - the bench on an emulated RP2040: its image files, its UART, its time, what it counts.
# SPDX-License-Identifier: MIT

import contextlib
import json
import struct
import subprocess
import sys

import pytest

import setup
from qbench import main, options, report
from qbench.chip import far, measure, uf2
from qbench.chip.board import Chip
from qbench.chip.far import Far
from qbench.rows import Row
from qshared.problem import Problem

HERE = setup.ROOT / "tests/host"
FLASH = b"\1" * 700 + b"MicroPython v1.28.0 on 2026-04-06"


def emulator():
    found = setup.find_rp2040js()
    if found is None:
        pytest.skip("no rp2040js here: run `python3 tools/test.py` once")
    return found


# --- image files ---


@pytest.fixture
def image(tmp_path):
    def write(data):
        path = tmp_path / "image.uf2"
        path.write_bytes(data)
        return path

    return write


def test_an_image_is_the_flash_that_it_holds(image):
    flash, version = uf2.load(image(uf2.make(FLASH)))
    assert flash == FLASH.ljust(768, b"\xff") and version == "1.28.0"


def test_blocks_come_in_any_order_and_with_gaps(image):
    data = uf2.make(b"a" * 256 + b"\xff" * 256 + FLASH)
    blocks = [data[at : at + 512] for at in range(0, len(data), 512)]
    assert uf2.load(image(b"".join(blocks[::-1])))[0][:257] == b"a" * 256 + b"\xff"
    # A block that is not for the flash, as one with a file's name, counts for nothing.
    note = bytearray(blocks[1])
    struct.pack_into("<I", note, 8, 1)
    with pytest.raises(Problem, match=r"not complete, 4 of 5 blocks"):
        uf2.load(image(b"".join([blocks[0], bytes(note), *blocks[2:]])))


def changed(at, value):
    data = bytearray(uf2.make(FLASH))
    struct.pack_into("<I", data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no UF2 file: take the RPI_PICO image"),
        (b"\x7fELF" * 200, "is no UF2 file"),
        (uf2.make(FLASH)[:-1], "is no UF2 file"),
        (uf2.make(FLASH)[:-512], "is not complete, 2 of 3 blocks: fetch it again."),
        (changed(512 + 508, 0), "is damaged at block 1: fetch it again."),
        (changed(512 + 16, 477), "is damaged at block 1"),
        (changed(12, 0x20000000), "is not for the flash of an RP2040"),
        (uf2.make(FLASH, 0xE48BFF59), "is for an RP2350, not for an RP2040"),
        (uf2.make(FLASH, 0x1C5F21B0), "has nothing for an RP2040 in it"),  # ESP32
        (uf2.make(b"x" * 999), "holds no MicroPython"),
        (uf2.make(FLASH.replace(b"28", b"23")), "is MicroPython 1.23.0, too old for the driver"),
    ],
)
def test_what_is_wrong_with_an_image_is_one_sentence(image, data, words):
    with pytest.raises(Problem) as e:
        uf2.load(image(data))
    text = str(e.value)
    assert words in text and text.endswith(".") and "\n" not in text, text


def test_the_tool_says_so_and_ends_with_2(tmp_path):
    path = tmp_path / "none.uf2"
    argv = [sys.executable, "-m", "qbench.main", "--rp2040", str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=setup.ROOT / "tools")
    assert done.returncode == 2 and not done.stdout, done.stdout
    assert done.stderr == "bench.py: Can't read %s: No such file or directory.\n" % path


def test_only_json_goes_with_it(capsys):
    assert options.parse(["--rp2040", "a.uf2", "--json"]).rp2040 == "a.uf2"
    for more in ("sizes", "--check", "--limits", "--write"):
        with pytest.raises(SystemExit):
            options.parse(["--rp2040", "a.uf2", more])
        assert "--rp2040 goes with --json only" in capsys.readouterr().err


# --- the UART by itself ---


def test_the_uart_keeps_its_times_and_levels():
    node, index, _ = emulator()
    argv = [node, HERE / "pl011.mjs", index, setup.ROOT / "tools/qbench/chip/pl011.mjs"]
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    frame = told["frame"]
    assert frame == pytest.approx(10 * 16 * 8.484375 / 125e6 * 1e9)
    # 32 bytes in the FIFO and one on the line, each as long as ten bits, none after a pause.
    assert [byte for byte, _, _ in told["sent"]] == list(range(33)) and told["full"]
    for i, (_, start, end) in enumerate(told["sent"]):
        assert (start, end) == pytest.approx((i * frame, (i + 1) * frame), abs=1)
    assert told["txInterrupt"] == 28  # four bytes are left
    assert told["drained"] == pytest.approx(33, abs=0.2)
    # Received, at the fourth byte; and a time-out 32 bits after the last one.
    assert told["events"] == [[0x10, 4], [0x50, 9.2]]
    assert told["read"] == [1, 2, 3, 4, 5, 6] and told["after"] == 0
    assert told["lost"] == 8
    assert told["held"] == {"count": 5, "lost": 8, "coming": 35} and told["heldLost"] == 8


# --- the emulator with a program of known length ---


class Known:
    # In place of the modem: answers each line with the same words, and keeps all that it heard.
    echo = False
    raw = 0

    def __init__(self, words=b"", delay=0):
        self.words = words
        self.delay = delay
        self.events = []

    def sent(self, event):
        self.events.append(event)
        return [(event["end"] + self.delay, self.words)] if event["said"] == "AT\r" else []

    def waited(self, now):
        return []

    def due(self, now):
        return None


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    if not setup.have_emulator():
        pytest.skip("no ARM compiler here: run `python3 tools/test.py` once")
    folder = tmp_path_factory.mktemp("chip")
    env = setup.arm_tools()
    elf, flash = folder / "known.elf", folder / "known.bin"
    script = folder / "known.ld"
    sections = "*(.start) *(.vectors) *(.text*) *(.rodata*) *(.name)"
    script.write_text(
        "SECTIONS { . = 0x10000000; .text : { %s } "
        ". = 0x20000000; .bss (NOLOAD) : { *(.bss*) } }" % sections
    )
    argv = ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", "-Os", "-nostdlib", "-Wl,-T"]
    argv += [script, "-o", elf, HERE / "chip_firmware.c"]
    subprocess.run([str(a) for a in argv], env=env, check=True)
    argv = ["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", elf, flash]
    subprocess.run([str(a) for a in argv], env=env, check=True)
    path = folder / "known.uf2"
    path.write_bytes(uf2.make(flash.read_bytes()))
    return path


def hear(program, known, lines):
    emulator()
    with contextlib.ExitStack() as stack:
        chip = Chip(stack, program, known)
        assert chip.version == "1.99.0"
        while len(known.events) < lines:
            chip._next()
            assert chip.now < 1e6
        assert chip.lost == 0
    return known.events


def test_the_emulated_time_is_that_of_the_program(program):
    asked, answered = hear(program, Known(b"abcdefghi!", 500), 2)
    byte = 10e6 / asked["baud"]
    assert byte == pytest.approx(10e6 / 115200, rel=1e-3)
    assert asked["end"] - asked["start"] == pytest.approx(3 * byte, abs=0.1)
    # Ten bytes: interrupts at the fourth and the eighth, and the time-out.
    assert answered["said"] == ":3"
    # The far end's bytes begin when they are to, and take the time of ten bits each.
    assert answered["rxEnd"] - asked["end"] == pytest.approx(500 + 10 * byte, abs=1)
    assert answered["rxLeft"] == 0
    # Time-out, then 125 000 turns of three cycles at 125 MHz.
    gap = answered["start"] - answered["rxEnd"]
    assert gap == pytest.approx(32 * byte / 10 + 3000, abs=5)
    # It slept while it waited for all that, but for the interrupts.
    slept = answered["startSlept"] - asked["slept"]
    assert slept == pytest.approx(500 + 10 * byte + 32 * byte / 10, abs=byte + 10)


def test_what_is_typed_comes_back_at_once_but_payload_does_not(program):
    known = Known(b"0123456789!", 0)
    known.echo = True
    asked, answered = hear(program, known, 2)
    # The echo of the last byte and eleven more: none before the line was free.
    byte = 10e6 / asked["baud"]
    assert answered["said"] == ">4"  # 14 bytes; three times four, and the time-out
    assert answered["rxEnd"] - asked["end"] == pytest.approx(12 * byte, abs=1)
    # What has no end, as those two bytes, is told when it has been still for a while ...
    assert answered["t"] > answered["end"] + 20000
    # ... and payload when it is complete.
    known = Known(b"0123456789!", 0)
    known.echo, known.raw = True, 2
    asked, answered = hear(program, known, 2)
    assert (asked["said"], answered["said"]) == ("AT\r", ">4")
    assert answered["t"] == pytest.approx(answered["end"])


def test_payload_is_told_whole_however_long_it_takes(program):
    class Slow(Known):
        # The emulator asks in between.
        def due(self, now):
            return now + 50

        raw = 2

    asked, answered = hear(program, Slow(b"0123456789!", 0), 2)
    assert (asked["said"], answered["said"]) == ("AT\r", ";3")


def test_a_firmware_that_does_not_speak_is_told(program, monkeypatch):
    emulator()
    monkeypatch.setattr("qbench.chip.board._BOOT_S", 0.05)
    with contextlib.ExitStack() as stack:
        chip = Chip(stack, program, Known())
        with pytest.raises(Problem, match=r"MicroPython 1\.99\.0 does not speak on the USB port"):
            chip.boot()


def test_an_emulator_that_ends_is_told(program):
    emulator()
    with contextlib.ExitStack() as stack:
        chip = Chip(stack, program, Known())
        chip._next()
        chip._node.kill()
        with pytest.raises(Problem, match="The emulator of the RP2040 has ended"):
            chip.boot()


# --- what is typed at MicroPython's prompt ---


class Prompt(Chip):
    # A board whose raw REPL answers from a table: {the beginning of what is typed: (out, error)}
    def __init__(self, answers):
        self.answers = answers
        self.now, self.version = 0.0, "1.28.0"
        self._out = self._typing = ""
        self._poke = None
        self.typed, self.poked = [], []

    def _next(self):
        self.now += 1e5
        text, self._typing = self._typing, ""
        if self._poke:
            self.poked.append(self._poke)
            self._poke = None
        if text.startswith("\r\x03"):
            self._out += "\r\n>>> \r\nraw REPL; CTRL-B to exit\r\n>"
        elif text == "\x04":
            self._out += "OK\r\nMPY: soft reboot\r\nraw REPL; CTRL-B to exit\r\n>"
        elif text:
            self.typed.append(text)
            for begin, (out, error) in self.answers.items():
                if text.startswith(begin):
                    self._out += "OK%s\x04%s\x04>" % (out, error)
                    return


def test_a_script_gives_what_it_prints_or_why_it_fails():
    board = Prompt({"print": ("1\r\n", ""), "bad": ("", "Traceback:\r\nOSError: 28\r\n")})
    board.boot()
    board.restart()
    assert board.execute("print(1)") == "1\r\n" and board.typed == ["print(1)\x04"]
    with pytest.raises(Problem, match=r"^x\.py fails on the board: OSError: 28$"):
        board.execute("bad", "x.py")
    assert board.execute("print(1)") == "1\r\n"
    with pytest.raises(Problem, match=r"y\.py does not end within 2 emulated seconds; the last"):
        board.execute("loop", "y.py", 2)


def test_files_go_into_the_boards_memory_in_pieces():
    board = Prompt({"import": ("536872960\r\n", ""), "folder": ("", ""), "put": ("", "")})
    board.put({"/lib/a/b.mpy": b"\xff" * 20000, "/c": b""})
    assert [text.rstrip("\x04") for text in board.typed[1:]] == [
        "put('/c', 'wb', 0)",
        "folder('/lib')",
        "folder('/lib/a')",
        "put('/lib/a/b.mpy', 'wb', 16384)",
        "put('/lib/a/b.mpy', 'ab', 3616)",
    ]
    assert [(at, len(text)) for at, text in board.poked if text] == [
        (0x20000800, 16384),
        (0x20000800, 3616),
    ]


# --- the far end, and what is made of it ---


def line(end, text, start, rx_end, left=0):
    # The board sends text, 10 us a byte; rx_end: when the last byte of the modem had come.
    event = {"said": text, "start": start, "end": start + 10 * len(text), "baud": 1e6}
    return end.sent(dict(event, startSlept=start / 2, rxEnd=rx_end, rxLeft=left))


def test_the_modem_answers_after_its_time():
    end = Far(300)
    assert end.echo
    assert line(end, "AT\r", 1000, 0) == [(1330, b"\r\nOK\r\n")]
    assert end.turns == []
    line(end, "AT+QSSLCFG=0\r", 2000, 1990)
    assert [(t.kind, t.gap, t.at, t.slept) for t in end.turns] == [("other", 10, 2000, 1000)]
    # Typed before the answer had come
    line(end, "AT\r", 3000, 2990, 4)
    assert end.turns[-1].gap == 0
    line(end, "ATE0\r", 4000, 3990)
    assert not end.echo
    assert line(end, "AT\r", 5000, 4990) == [(5330, b"\r\nOK\r\n")]


_OPENING = ("AT+QISDE=0", 'AT+QICSGP=1,1,"x"', "AT+QIACT=1", 'AT+QSSLOPEN=1,0,0,"sink",7,0')


def test_payload_is_what_the_command_says_and_has_no_echo():
    end = Far(0)
    for now, text in enumerate(_OPENING):
        line(end, text + "\r", 2e7 * (now + 1), 2e7 * now)
        end.waited(2e7 * (now + 1) + 1e7)
    assert b"+QSSLOPEN: 0,0" in end._said
    said = line(end, "AT+QSSLSEND=0,200\r", 1.1e8, 1e8)
    assert said[-1][1].endswith(b"\r\n> ") and end.raw == 200
    assert line(end, "x" * 200, 1.2e8, 1.1e8)[-1][1] == b"\r\nSEND OK\r\n"
    assert end.raw == 0 and end.turns[-1].kind == "prompt"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"\r\n> ", "prompt"),
        (b"\r\nSEND OK\r\n", "send"),
        (b"\r\n+QSSLRECV: 3\r\nabc\r\n\r\nOK\r\n", "recv"),
        (b"\r\n+QSSLRECV: 0\r\n\r\nOK\r\n", "other"),
        (b'\r\n+QSSLURC: "recv",0\r\n', "other"),
        (b"\r\n+QSSLRECV: 3\r\nabc", "other"),
    ],
)
def test_what_the_modem_said_is_told_by_its_end(said, kind):
    end = Far()
    end._answers(0, said)
    assert end._kind == kind


def test_shares_are_those_of_the_rounds_between():
    # A full command each way at 1 Mbaud, each with 0.3 ms of the modem and a gap of 0.4 ms.
    for kind, wire, waits in (("recv", 1546, 1), ("send", 1494, 2)):
        bound = wire * 10 + waits * 300
        run = [far.Turn(kind, 400, i * (bound + 400), i * 1000) for i in range(20)]
        share, busy = measure.told(run, kind, 1e6, 300)
        assert share == pytest.approx(bound / (bound + 400))
        assert busy == pytest.approx(1 - 1000 / (bound + 400))


def test_streams_are_found_among_the_rest():
    def turns(*kinds):
        return [far.Turn(kind, 1, i, 0) for i, kind in enumerate(kinds)]

    few = ["other"] * 4 + ["recv"] * 3 + ["send", "prompt"] * 2 + ["other"]
    both = ["prompt", "send"] * 24 + ["other"]
    found = measure.stretches(turns(*few, *["recv"] * 24, "other", *both, *both[:-1]))
    assert {kind: [len(run) for run in runs] for kind, runs in found.items()} == {
        "recv": [20],
        "send": [20, 20],
        "prompt": [20, 20],
    }


def test_what_was_measured_stands_beside_what_is_computed():
    limits = json.loads(main.LIMITS.read_text())
    rows = [Row(key, "about " + key, 0.5, "%") for key in limits if key.startswith("turns ")]
    lines = "\n".join(report._chip(rows)).splitlines()
    assert "| about turns share recv 921600 | 99.1 % | 50.0 % |" in lines
    gap = dict(report._CHIP_ROWS)["us send"]
    assert "| about turns instructions send | %d.0 %% | 50.0 %% |" % (100 * gap) in lines
    text = (setup.ROOT / "docs/numbers.md").read_text()
    assert report._CHIP in text and "| receiving at 921600 baud, of the bound | 99.1 % |" in text
