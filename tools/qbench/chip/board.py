# qbench.chip.board - a board in the emulator: its files, and scripts that run on it.
# SPDX-License-Identifier: MIT

import json
import subprocess
import tempfile
from pathlib import Path

import setup
from qbench.chip import uf2
from qshared import process
from qshared.problem import Problem

_EMULATOR = Path(__file__).with_name("emulator.mjs")
_STATUS_PIN = 9  # of boards/pico.py: the modem is on
_BOOT_S = 5  # emulated: MicroPython has made its file system and speaks
_SCRIPT_S = 300
_READY = "raw REPL; CTRL-B to exit\r\n>"
_PUT = """\
import os, uctypes
room = bytearray(%d)
def put(path, mode, n):
    with open(path, mode) as f:
        f.write(memoryview(room)[:n])
def folder(path):
    try:
        os.mkdir(path)
    except OSError:
        pass
print(uctypes.addressof(room))
"""
_ROOM = 16384


class Chip:
    # A started board with the image of `path`. far: see qbench.chip.far; it may be changed while
    # the board stands still, between two calls.
    def __init__(self, stack, path, far):
        self.far = far
        self.now = 0.0  # emulated us
        self.lost = 0  # bytes for which the board's UART had no room
        self._out = ""
        self._typing = ""
        self._poke = None
        flash, self.version = uf2.load(path)
        node, index, bootrom = setup.rp2040js()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-chip-")))
        image = folder / "flash.bin"
        image.write_bytes(flash)
        argv = [node, _EMULATOR, index, bootrom, image, str(_STATUS_PIN)]
        self._errors = stack.enter_context(open(folder / "errors.txt", "w+"))
        self._node = process.start(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )
        stack.callback(process.stop, self._node)
        self._event = None

    # --- the emulator ---

    def _next(self):
        # Answers what the emulator has asked, and waits for what it asks next.
        if self._event is not None:
            answer = {"rx": [(at, data.decode("latin-1")) for at, data in self._answer()]}
            answer["echo"], answer["raw"] = self.far.echo, self.far.raw
            due = self.far.due(self.now)
            if due is not None:
                answer["due"] = due
            if self._poke:
                answer["poke"], self._poke = self._poke, None
            if self._typing:
                answer["in"], self._typing = self._typing, ""
            try:
                self._node.stdin.write(json.dumps(answer).encode() + b"\n")
                self._node.stdin.flush()
            except OSError:
                pass  # what it says last tells more
        line = self._node.stdout.readline()
        if not line:
            self._errors.seek(0)
            words = self._errors.read().strip().splitlines()
            found = [w for w in words if "Error" in w] or words or ["it said nothing"]
            raise Problem("The emulator of the RP2040 has ended: %s" % found[0].strip())
        event = self._event = json.loads(line)
        self.now = event["t"]
        if "stopped" in event:
            raise Problem(
                "The firmware has run into a breakpoint at 0x%08x: take an image for an RP2040 "
                "without further hardware." % event["stopped"]
            )
        self._out += event.get("out", "")
        self.lost = event.get("lost", self.lost)

    def _answer(self):
        event = self._event
        if "said" in event:
            return self.far.sent(event)
        return self.far.waited(self.now)

    def _until(self, text, seconds, what):
        # What the board prints up to `text`, which is taken away. seconds: emulated.
        end = self.now + seconds * 1e6
        while text not in self._out:
            if self.now > end:
                said = self._out.strip().splitlines()[-1:] or ["nothing"]
                raise Problem(
                    "%s within %d emulated seconds; the last the board said: %s"
                    % (what, seconds, said[0])
                )
            self._next()
        found, _, self._out = self._out.partition(text)
        return found

    # --- MicroPython's raw REPL on the USB port ---

    def boot(self):
        # Waits until MicroPython answers.
        self._typing = "\r\x03\x03\x01"
        what = "MicroPython %s does not speak on the USB port (is it an RPI_PICO image?)"
        self._until(_READY, _BOOT_S, what % self.version)

    def restart(self):
        # With an empty heap.
        self._typing = "\x04"
        self._until("soft reboot\r\n", _BOOT_S, "MicroPython does not restart")
        self._until(_READY, _BOOT_S, "MicroPython does not restart")

    def execute(self, text, name="a script", seconds=_SCRIPT_S):
        # What the script prints.
        self._typing = text + "\x04"
        what = "%s does not end" % name
        self._until("OK", seconds, what)
        out = self._until("\x04", seconds, what)
        error = self._until("\x04", seconds, what)
        self._until(">", seconds, what)
        if error.strip():
            raise Problem("%s fails on the board: %s" % (name, error.strip().splitlines()[-1]))
        return out

    def put(self, files, say=None):
        # {path on the board: bytes}. They go straight into the board's memory: typing them would
        # take the emulator minutes.
        address = int(self.execute(_PUT % _ROOM))
        made = set()
        for i, (path, data) in enumerate(sorted(files.items())):
            parts = path.strip("/").split("/")[:-1]
            for n in range(len(parts)):
                folder = "/" + "/".join(parts[: n + 1])
                if folder not in made:
                    self.execute("folder(%r)" % folder)
                    made.add(folder)
            for at in range(0, max(len(data), 1), _ROOM):
                piece = data[at : at + _ROOM]
                self._poke = address, piece.decode("latin-1")
                self.execute("put(%r, %r, %d)" % (path, "ab" if at else "wb", len(piece)), path)
            if say and i % 20 == 19:
                say("%d of %d files are on the board" % (i + 1, len(files)))
