# qpackage.freeze - the driver with short private names, as boards/manifest.py freezes it.
# SPDX-License-Identifier: MIT
#
# Runs in MicroPython's build too: standard library only.

from pathlib import Path

from qpackage.outside import looked_at
from qpackage.shorten import listed, shorten

_ROOT = Path(__file__).resolve().parents[2]
_LIB = _ROOT / "lib/qssl"


def modules():
    # {"wire.link": its source}, every file of the driver; "wire.__init__" is the folder's own
    return {
        ".".join(path.relative_to(_LIB).with_suffix("").parts): path
        for path in sorted(_LIB.rglob("*.py"))
    }


def inputs():
    # All that the sources depend on.
    tools = sorted(Path(__file__).parent.glob("*.py")) + [_ROOT / "tools/qapi/public.py"]
    return [*modules().values(), *tools, *looked_at(_ROOT)]


def _names(there):
    # A module that nobody imports. MicroPython keeps the whole name of each module that was loaded
    # in the heap, for ever, unless the firmware has that word.
    names = [name.removesuffix(".__init__") for name in there if name != "__init__"]
    return "def names():\n" + "".join("    import qssl.%s\n" % name for name in names)


def write(folder):
    # Makes folder/qssl/*.py and folder/names.txt, which says which function of a traceback is
    # which. Files that are right already keep their date: make compiles the others only.
    folder = Path(folder)
    there = modules()
    texts, functions = shorten(
        _ROOT, {name: path.read_text(encoding="utf-8") for name, path in there.items()}
    )
    wanted = {folder / "qssl" / there[n].relative_to(_LIB): text for n, text in texts.items()}
    for path in set((folder / "qssl").rglob("*.py")).difference(wanted):
        path.unlink()
    wanted[folder / "names.txt"] = listed(functions)
    wanted[folder / "qssl/names.py"] = _names(there)
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return str(folder)
