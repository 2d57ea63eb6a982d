# qboard.install - clears, copies, checks: what `board.py install` and `remove` do.
# SPDX-License-Identifier: MIT

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import setup
from qboard import facts as _facts
from qboard import needs
from qboard.facts import join
from qboard.link import BoardError
from qboard.options import BOARDS
from qpackage import check
from qpackage.mpy import LIB, compile_driver
from qshared.problem import Problem

_EXAMPLE = BOARDS / "settings.json"
_REMOVE = """
import os
for p in %r:
    os.remove(p)
print(repr(0))
"""
_FOLDER = """
import os
try:
    os.mkdir(%r)
except OSError as e:
    if e.errno != 17:
        raise
print(0)
"""
# Compiling leaves garbage. A collector that runs only when the heap is full then finds what stays
# all over it, and no room for what is longer.
_SOON = "import gc; gc.threshold(16384)"
_IMPORT = """
import qssl
from qssl import Modem
import qssl.start.bringup, qssl.tls, qssl.connect.sslcfg
print(repr((qssl.__version__, qssl.__file__)))
"""
_BOARD = """
import board
print(repr([n for n in ('modem', 'setting', 'utc', 'now') if not hasattr(board, n)]))
"""


class Plan:
    # What an installation removes and copies. remove: paths; copy: [(path, bytes)]; notes: lines
    # that tell what is left to do.
    def __init__(self, board, facts, chosen):
        self.facts = facts
        self.version = check.version(setup.ROOT)
        self.remove = sorted(facts.copies)
        self.notes = []
        self.driver = _driver(chosen.source, join(facts.lib, "qssl"))
        self.copy = []
        self._board_file(board, chosen)
        self._settings(board, chosen)
        if facts.others:
            self.notes.append("left alone, as it is not the driver's: %s" % _list(facts.others))

    def _board_file(self, board, chosen):
        there = sorted(self.facts.boards)
        source = chosen.board
        if source is None:
            name = _facts.board_file(self.facts.machine)
            source = BOARDS / (name + ".py") if name else None
        if source is None and not there:
            self.notes.append(
                "no file of boards/ is known to fit this board: copy one, change its pins, and "
                "install it with --board"
            )
        if source is None:
            return
        data = source.read_bytes()
        hashes = board.hashes(there)
        if list(hashes.values()) == [hashlib.sha256(data).digest()]:
            return
        if there and not (chosen.board and (chosen.replace or _ours(hashes))):
            if chosen.board:
                raise Problem(
                    "The board's %s is not one of boards/: were its pins changed? Leave out "
                    "--board to keep it, or add --replace." % there[0]
                )
            self.notes.append("%s stays as it is" % there[0])
            return
        self.remove += there
        self.copy.append((join(self.facts.lib, "board.py"), data))

    def _settings(self, board, chosen):
        if chosen.settings:
            self.copy.append(("/settings.json", chosen.settings.read_bytes()))
        elif not self.facts.settings:
            self.copy.append(("/settings.json", _EXAMPLE.read_bytes()))
            self.notes.append(
                "/settings.json is an example: put in your APN and host with "
                "`mpremote edit :settings.json`"
            )
        if chosen.ca:
            self.copy.append(("/ca.pem", chosen.ca.read_bytes()))
        coming = dict(self.copy)
        data = coming.get("/settings.json") or needs.settings(board)
        if data is not None:
            lacking = needs.sentences(board, data, coming)
            if data == _EXAMPLE.read_bytes() and "/settings.json" in coming:
                lacking = [s for s in lacking if "host" not in s]  # it says so above
            self.notes += lacking
        if chosen.source:
            self.notes.append("sources need `%s` before `import qssl`" % _SOON)

    def check_room(self):
        block = self.facts.block
        need = sum(-(-len(data) // block) * block + 64 for _, data in self.driver + self.copy)
        gain = sum(-(-size // block) * block for size in self.facts.copies.values())
        need += 4 * block  # folders
        if need > self.facts.free + gain:
            raise Problem(
                "The board is full: the driver takes %s, %s are free after the old copy has gone. "
                "Delete files there." % (_kb(need), _kb(self.facts.free + gain))
            )

    def tell(self):
        # What would be done.
        for path in self.remove:
            print("would remove  %s" % path)
        for path, data in [*self.copy, *self.driver]:
            print("would copy    %s, %d bytes" % (path, len(data)))
        for note in self.notes:
            print("note          %s" % note)


def _ours(hashes):
    # Whether all of them are files of boards/ as they are.
    known = [hashlib.sha256(path.read_bytes()).digest() for path in BOARDS.glob("*.py")]
    return all(digest in known for digest in hashes.values())


def install(board, facts, chosen):
    facts.check(chosen.source)
    if facts.frozen:
        raise Problem(
            "This firmware has the driver in it (version %s), which comes before any copy in %s: "
            "flash a firmware with the new one, or one without." % (facts.frozen, facts.lib)
        )
    if facts.rom:
        raise Problem(
            "The board has the driver in its ROM partition, which comes before any copy in %s: "
            "deploy a new image (docs/boards.md), or one without." % facts.lib
        )
    plan = Plan(board, facts, chosen)
    plan.check_room()
    if chosen.dry_run:
        plan.tell()
        return 0
    clear(board, facts, plan.remove)
    try:
        _copy(board, facts, plan)
    except BoardError as e:
        full = "ENOSPC" in e.last or "OSError: 28" in e.last
        raise Problem(
            "%s, and has no whole driver now: %s, and run it again."
            % (
                ("The board is full", "delete files there")
                if full
                else ("The board does not take a file (%s)" % e.last, "press its reset button")
            )
        ) from None
    _verify(board, plan, chosen.source)
    for note in plan.notes:
        print("note: " + note)
    return 0


def clear(board, facts, paths):
    # Removes files, and then the folders of the driver that are empty. That without which it can't
    # be imported goes first: what an interruption leaves is no driver, rather than half of one.
    # A folder that is empty goes too: the board would import it, as a package without a content.
    if paths:
        print("removing an old copy: %d files" % len(paths))
    paths = sorted(paths, key=lambda path: "/__init__." not in path)
    for at in range(0, len(paths), 10):
        board.run(_REMOVE % (paths[at : at + 10],))
    for folder in reversed(facts.folders):
        if not any(path.startswith(folder + "/") for path in facts.others):
            board.run("import os\nos.rmdir(%r)\nprint(0)" % folder)


def _driver(source, folder):
    # [(path on the board, bytes)], __init__ last: a copy that ends early can't be imported.
    with tempfile.TemporaryDirectory(prefix="qssl-board-") as temp:
        where = LIB
        if not source:
            where = compile_driver(Path(temp)) / "qssl"
        names = sorted(check.files(setup.ROOT), key=lambda name: name == "__init__.py")
        names = [name if source else name[:-3] + ".mpy" for name in names]
        return [(join(folder, name), (where / name).read_bytes()) for name in names]


def _copy(board, facts, plan):
    if not facts.lib_there:
        board.run("import os\nos.mkdir(%r)\nprint(0)" % facts.lib)
    files = plan.copy + plan.driver
    for folder in sorted({path.rpartition("/")[0] for path, _ in plan.driver}):
        board.run(_FOLDER % folder)
    whole = sum(len(data) for _, data in files)
    bar = Bar(len(files), whole)
    try:
        for path, data in files:
            bar.file(path)
            board.write(path, data, bar.bytes)
    finally:
        bar.end()
    hashes = board.hashes([path for path, _ in files])
    for path, data in files:
        if hashes[path] != hashlib.sha256(data).digest():
            raise Problem(
                "%s came out damaged on the board: check the cable, and run it again." % path
            )


def _verify(board, plan, source):
    board.reset()
    try:
        version, path = board.run((_SOON if source else "") + _IMPORT)
    except BoardError as e:
        if "MemoryError" in e.last and source:
            raise Problem(
                "The driver is there, but this board has too little memory to compile it: install "
                "it without --source."
            ) from None
        raise Problem("The driver is there, but can't be imported: %s." % e.last) from None
    if version != plan.version or not path.startswith(join(plan.facts.lib, "qssl/")):
        raise Problem("The board imports another driver: version %s of %s." % (version, path))
    print("qssl %s is on the board: %s" % (version, path))
    if plan.facts.boards or any(path.endswith("/board.py") for path, _ in plan.copy):
        try:
            lacks = board.run(_BOARD)
        except BoardError as e:
            raise Problem("The board file can't be imported: %s." % e.last) from None
        if lacks:
            raise Problem("The board file has no %s." % ", no ".join(lacks))
        print("board.py is there")


class Bar:
    # Progress: a line that moves on a terminal, two lines elsewhere.
    def __init__(self, count, whole):
        self._count, self._whole = count, whole
        self._n = self._done = self._last = 0
        self._name = ""
        self._moves = sys.stdout.isatty()
        print("copying %d files, %s" % (count, _kb(whole)), flush=True)

    def file(self, path):
        self._done += self._last
        self._last = 0
        self._n += 1
        self._name = os.path.basename(path)
        self._show()

    def bytes(self, done):
        self._last = done
        self._show()

    def _show(self):
        if self._moves:
            part = (self._done + self._last) * 100 // max(1, self._whole)
            text = "%3d %%  %d of %d  %s" % (part, self._n, self._count, self._name)
            print("\r" + text.ljust(50), end="", flush=True)

    def end(self):
        if self._moves:
            print("\r" + " " * 50 + "\r", end="", flush=True)


def _list(paths):
    return ", ".join(paths[:3]) + (", ..." if len(paths) > 3 else "")


def _kb(n):
    return "%d kB" % -(-n // 1000)
