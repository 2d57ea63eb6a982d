# qbench.chip.measure - the bench on the emulated RP2040: rows as those of the other places.
# SPDX-License-Identifier: MIT

import json
import statistics

import setup
from qbench.chip.board import Chip
from qbench.chip.far import Far, Turn
from qbench.rows import Row
from qbench.unix import _CA, SCRIPTS
from qpackage.mpy import compile_driver, compile_mpy

_BAUDS = (115200, 460800, 921600)
_LATENCY_US = 300  # of the modem's answers and prompts, as in the computed numbers
_ROUNDS = 20
_SKIPPED = 3  # of them, until all is in its stride
_SIZES = (1460, 4096, 500)  # of the program's writes
_TURNS = {
    "recv": ("from the last byte of an answer to the next command", 400),
    "send": ("from SEND OK to the next command", 400),
    "prompt": ("from the prompt to the payload", 350),
}
# Payload of a full command, what of it the wire carries, and how often it waits for the modem. The
# echo comes while the command is being typed.
_FULL = {"recv": (1500, 19 + 19 + 1500 + 8, 1), "send": (1460, 19 + 4 + 1460 + 11, 2)}
_STEPS = (
    "the import of board and qssl",
    "a Modem",
    "start()",
    "a TLS context and a connection",
    "100 bytes there and back",
)
_HEAP = ("import", "modem", "context", "start", "socket")
_HEAP_WORDS = (
    "after `from qssl import Modem`",
    "and a Modem",
    "and a TLS context",
    "and start()",
    "and an open socket",
)
_SITE = """\
CA, HOST, PORT, BAUD, utc = "/ca.pem", "echo", 7, 115200, (2026, 1, 1, 0, 0, 0)
def make_uart(board):
    from machine import UART
    pins = {k: board.PINS[k] for k in ("tx", "rx", "rts", "cts")}
    return UART(1, 115200, rxbuf=2048, txbuf=2048, timeout=0, flow=UART.RTS | UART.CTS, **pins)
"""
# Nothing of these is needed here, and each file takes the emulator a while.
_LEFT_OUT = ("uplink/", "https", "mqtt", "queue", "recovery", "timekeeper", "ntp", "aio", "site")


def measure(stack, image, folder, say):
    # Rows. image: the .uf2 file. folder: a temporary one.
    chip = Chip(stack, image, Far())
    place = "RP2040, MicroPython " + chip.version
    say("MicroPython %s starts on the emulated RP2040" % chip.version)
    chip.boot()
    say("the driver goes onto the board")
    chip.put(_files(folder), say)
    rows = []
    heap = json.loads(_run(chip, "heap.py", Far(_LATENCY_US)).splitlines()[-1])
    for key, words in zip(_HEAP, _HEAP_WORDS):
        aim = 32000 if key == "socket" else None
        rows.append(Row("rp2040 heap " + key, "heap " + words, heap[key], "B", aim))
    steps = None
    for baud, latency in [(baud, _LATENCY_US) for baud in _BAUDS] + [(_BAUDS[-1], 0)]:
        say("at %d baud, a modem that answers %s" % (baud, _ago(latency)))
        far = Far(latency, baud)
        sizes = _SIZES if latency and baud == _BAUDS[-1] else _SIZES[:1]
        chip.put({"/settings.json": json.dumps({"baud": baud}).encode()})
        head = "ROUNDS, SIZES = %d, %r\n" % (_ROUNDS + _SKIPPED + 1, sizes)
        found = json.loads(_run(chip, "stream.py", far, head).splitlines()[-1])
        steps = steps or found
        rows += _streams(far, baud, latency, sizes)
    for words, ms in zip(_STEPS, steps):
        rows.append(Row("rp2040 start " + words, "from nothing until " + words, ms, "ms"))
    rows.append(Row("rp2040 lost", "bytes that the UART lost", chip.lost, "B", 0))
    for row in rows:
        row.exact, row.place = False, place
    return rows


def _ago(latency):
    return "after %.1f ms" % (latency / 1000) if latency else "at once"


def _run(chip, script, far, head=""):
    chip.far = far
    chip.restart()
    return chip.execute(head + (SCRIPTS / script).read_text(), script)


def _files(folder):
    # What goes onto the board: the driver, boards/pico.py, what the scripts ask for.
    compile_driver(folder / "driver")
    top = folder / "driver"
    files = {"/ca.pem": _CA, "/lib/bench_site.py": _SITE.encode()}
    for path in sorted((top / "qssl").rglob("*.mpy")):
        name = path.relative_to(top).as_posix()
        if not name.startswith(tuple("qssl/" + n for n in _LEFT_OUT)) or name == "qssl/site.mpy":
            files["/lib/" + name] = path.read_bytes()
    board = folder / "board.mpy"
    compile_mpy(setup.ROOT / "boards/pico.py", "board.py", board, "-O3")
    files["/lib/board.mpy"] = board.read_bytes()
    return files


def _streams(far, baud, latency, sizes):
    # Rows of what `far` has heard of scripts/stream.py.
    rows = []
    key = "%d %s" % (baud, "" if latency else "at once")
    end = " at %d baud%s" % (baud, "" if latency else ", a modem that answers at once")
    for kind, runs in stretches(far.turns).items():
        text, aim = _TURNS[kind]
        gap = statistics.median(t.gap for t in runs[0])
        rows.append(Row("rp2040 us %s %s" % (kind, key), text + end, round(gap), "us", aim))
        if kind == "prompt":
            continue
        way = "receiving" if kind == "recv" else "sending"
        for size, run in zip(sizes if kind == "send" else (1500,), runs):
            share, busy = told(run, kind, far.baud, latency, size)
            what = (
                way
                + end
                + (", in writes of %d bytes" % size if size > 1500 or size < 1460 else "")
            )
            aim = 0.98 if baud == 115200 else 0.96
            aim = {500: 0.78, 4096: 0.91}.get(size, aim)
            name = "rp2040 share %s %d %s" % (kind, size, key)
            rows.append(Row(name, what + ", of the bound", share, "%", aim, False))
            if size in (1460, 1500):
                text = "of the time the processor does not sleep, " + what
                aim = 0.3 if baud == 115200 else None
                rows.append(Row("rp2040 busy %s %s" % (kind, key), text, busy, "%", aim))
    return rows


def stretches(turns):
    # {kind: [turns of a stream, for each stream]}, without those in which it begins and ends.
    found = {}
    streams = {"recv": [], "send": [], "prompt": []}
    for turn in [*turns, Turn("other", 0, 0, 0)]:
        if turn.kind == "other":
            for kind, run in streams.items():
                if len(run) > _ROUNDS // 2:
                    found.setdefault(kind, []).append(run[_SKIPPED:-1])
            streams = {kind: [] for kind in streams}
        else:
            streams[turn.kind].append(turn)
    return found


def told(run, kind, baud, latency, size=1460):
    # (share of the bound, share of the time that the processor does not sleep)
    first, last = run[0], run[-1]
    _, wire, waits = _FULL[kind]
    bound = wire * 1e7 / baud + waits * latency
    time = last.at - first.at
    return bound * (len(run) - 1) / time, 1 - (last.slept - first.slept) / time
