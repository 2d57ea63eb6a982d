# qboard.facts - what a board is and has, asked by code that runs there.
# SPDX-License-Identifier: MIT

import re

from qboard.link import BoardError
from qshared.problem import Problem

NEWEST_TOO_OLD = (1, 23)  # of MicroPython
_ROM = "/rom/"  # where MicroPython mounts it
_MPY = 6  # version of the .mpy files that mpy-cross makes

_ASK = """
import sys, os
i = sys.implementation
try:
    v = os.statvfs('/')
except (OSError, AttributeError):
    v = None
print(repr((i.name, tuple(i.version)[:3], getattr(i, '_machine', sys.platform),
    getattr(i, '_mpy', 0) & 255, sys.path, os.getcwd(), v and (v[1], v[2], v[4]))))
"""
_FROZEN = """
import sys
p = sys.path[:]
sys.path[:] = ['.frozen']
try:
    import qssl
    print(repr(qssl.__version__))
except ImportError:
    print(repr(None))
sys.path[:] = p
"""
_LIST = """
import os
r = []
for p in %r:
    try:
        for f in os.ilistdir(p):
            r.append((p, f[0], f[1] == 0x4000, f[3] if len(f) > 3 else 0))
    except OSError:
        pass
print(repr(r))
"""
_VERSION = """
try:
    import qssl
    print(repr((qssl.__version__, qssl.__file__)))
except (ImportError, AttributeError, SyntaxError, ValueError) as e:
    print(repr((None, repr(e))))
"""


_FILES = (
    (r"pico ?2? w\b", "pico_w"),
    (r"raspberry pi pico", "pico"),
    (r"esp32s3", "esp32_s3"),
    (r"esp32c3", "esp32_c3"),
    (r"\bwith esp32(d0wd|pico|u4wd|$)", "esp32"),
    (r"mps2an385", "emulated"),
)


class Facts:
    # .name, .version, .machine: of the MicroPython there. .places: the folders that it imports
    # from, in order. .copies: {path: size} of every file of a driver. .others: what else lies in
    # folders of a driver. .drivers: the folders that are one; .folders: those and what is in them,
    # each before its own. .boards: {path: size} of board files. .settings: whether there is a
    # settings.json. .frozen: the version of a driver in the firmware, None: it has none. .rom:
    # files of a driver in the ROM partition, which can't be removed one by one. .free, .size:
    # bytes of the file system. .block: its unit.
    def __init__(self, board):
        self.name, self.version, self.machine, self.mpy, path, cwd, room = board.run(_ASK)
        self.block, blocks, free = room or (1, 0, 0)
        self.size, self.free = self.block * blocks, self.block * free
        self.formatted = room is not None
        self.places = []
        for folder in path:
            folder = (folder or cwd).rstrip("/") or "/"
            if not folder.startswith((".", "/remote")) and folder not in self.places:
                self.places.append(folder)
        self.frozen = board.run(_FROZEN)
        self._look(board)

    def _look(self, board):
        self.copies, self.boards, self.others, self.drivers = {}, {}, [], []
        for place, name, is_folder, size in board.run(_LIST % (self.places,)):
            path = join(place, name)
            stem, _, suffix = name.rpartition(".")
            if name == "qssl" and is_folder:
                self.drivers.append(path)
            elif suffix in ("py", "mpy") and stem == "qssl":
                self.copies[path] = size
            elif suffix in ("py", "mpy") and stem == "board":
                self.boards[path] = size
        self.folders = level = self.drivers
        while level:
            deeper = []
            for folder, name, is_folder, size in board.run(_LIST % (level,)):
                path = join(folder, name)
                if is_folder:
                    deeper.append(path)
                elif name.endswith((".py", ".mpy")):
                    self.copies[path] = size
                else:
                    self.others.append(path)
            self.folders = self.folders + deeper
            level = deeper
        self.rom = [path for path in self.copies if path.startswith(_ROM)]
        for path in self.rom:
            del self.copies[path]
        self.drivers, self.folders, self.others = [
            [path for path in paths if not path.startswith(_ROM)]
            for paths in (self.drivers, self.folders, self.others)
        ]
        root = [name for _, name, _, _ in board.run(_LIST % (["/"],))]
        self.settings = "settings.json" in root
        self.lib = "/lib" if "/lib" in self.places else self.places[-1] if self.places else None
        self.lib_there = self.lib == "/" or self.lib.lstrip("/") in root if self.lib else False

    def words(self):
        return "%s, MicroPython %s" % (self.machine, ".".join(str(n) for n in self.version))

    def check(self, source):
        # What makes the driver impossible here, as a Problem.
        if self.name != "micropython":
            raise Problem(
                "This board runs %s; the driver needs MicroPython: "
                "https://micropython.org/download has it." % self.name
            )
        if self.version[:2] <= NEWEST_TOO_OLD:
            raise Problem(
                "This board runs MicroPython %s; the driver needs 1.24 or newer: flash one from "
                "https://micropython.org/download." % ".".join(str(n) for n in self.version)
            )
        if not source and self.mpy != _MPY:
            raise Problem(
                "This MicroPython takes .mpy files of version %d, not %d: use --source."
                % (self.mpy, _MPY)
            )
        if not self.formatted or not self.lib:
            raise Problem("This board has no file system to copy to.")

    def installed(self, board):
        # (version, file) of what `import qssl` gets after a reset; (None, why) if it fails.
        board.reset()
        try:
            return board.run(_VERSION)
        except BoardError as e:
            return None, e.last


def join(folder, name):
    return folder.rstrip("/") + "/" + name


def board_file(machine):
    # The name of the file of boards/ for what sys.implementation._machine says; None: none fits.
    text = machine.lower().replace("-", "").replace("_", "")
    for pattern, name in _FILES:
        if re.search(pattern, text):
            return name
    return None  # an ESP32-S2, -C6, -H2, ... has other pins
