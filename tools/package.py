# package - checks the package for boards, writes package.json, makes .mpy files and ROM images;
# reads their tracebacks.
# SPDX-License-Identifier: MIT

import setup  # first: from here on Ctrl-C shows no traceback

# isort: split
import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from qpackage import check, rom, traceback
from qshared.options import Parser

_ABOUT = """\
The driver as a package for boards.

  check     package.json lists exactly the files of lib/qssl, and every version is the same
  update    writes package.json
  build     compiles lib/qssl to FOLDER/qssl/*.mpy, with a package.json of its own; private
            names become short ones, which cost a board less memory: FOLDER/names.txt says which
            function of a traceback is which
  romfs     makes an image of them for a board's ROM partition, where they run in place
  traceback says which functions a traceback of such a build, or of frozen firmware, means: it
            reads FILE, or what you paste
"""
_END = """\
Install onto a board, from this checkout:
  mpremote mip install ./package.json               the .py files
  python3 tools/package.py build && mpremote mip install build/package.json    the .mpy files
  python3 tools/package.py romfs && mpremote romfs deploy build/qssl.romfs     the ROM image

docs/boards.md says which boards have a ROM partition; `mpremote romfs query` tells its size.

Exit status: 0 all is well, 1 the check found something, 2 it could not run.
"""
BUILD = setup.ROOT / "build"
_WHAT = ("check", "update", "build", "romfs", "traceback")


def _parse(args):
    p = Parser(
        prog="package.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("what", nargs="?", default="check", choices=_WHAT)
    p.add_argument("file", nargs="?", metavar="FILE", help="for traceback (default: from stdin)")
    p.add_argument("--folder", type=Path, help="for build (default: build)", metavar="FOLDER")
    p.add_argument(
        "--names",
        metavar="FILE",
        help="for traceback: the names.txt of that build (default: this checkout's)",
    )
    image = p.add_argument_group("romfs")
    image.add_argument(
        "--image", type=Path, metavar="FILE", help="what to write (default: build/qssl.romfs)"
    )
    image.add_argument("--board", type=Path, metavar="FILE", help="a board file, as board.py")
    image.add_argument(
        "--add",
        type=Path,
        metavar="FOLDER",
        help="what lies in it goes along; the partition holds one image",
    )
    image.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="MODULE",
        help="of the driver, such as aio: your program must not use it",
    )
    image.add_argument(
        "--size", type=_size, metavar="BYTES", help="of the partition, such as 128k: must fit"
    )
    chosen = p.parse_intermixed_args(args)
    for name in ("image", "board", "add", "without", "size"):
        if chosen.what != "romfs" and getattr(chosen, name):
            p.error("--%s goes with romfs" % name)
    if chosen.folder and chosen.what != "build":
        p.error("--folder goes with build")
    if chosen.what != "traceback" and (chosen.file or chosen.names):
        p.error("%s goes with traceback" % ("--names" if chosen.names else "a FILE"))
    if chosen.board and not chosen.board.is_file():
        p.error("there is no file %s" % chosen.board)
    if chosen.add and not chosen.add.is_dir():
        p.error("there is no folder %s" % chosen.add)
    return chosen


def _size(text):
    try:
        return rom.size(text)
    except ValueError:
        raise argparse.ArgumentTypeError("%r is no number of bytes" % text) from None


def compiled(python, folder):
    # folder/qssl/*.mpy and folder/names.txt
    env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
    setup.run([python, "-m", "qpackage.mpy", folder], "compile the driver", env)


def _free(folder):
    # Only what this command made may go from the folder.
    made = folder / "qssl"
    others = [path for path in made.rglob("*") if path.is_file() and path.suffix != ".mpy"]
    if made.exists() and not made.is_dir():
        others.append(made)
    if folder != BUILD and not (folder / "names.txt").exists():
        others += [path for path in (made, folder / "package.json") if path.exists()]
    if others:
        how = "%s is in the way, and was not made by `build`: give another --folder."
        raise setup.SetupError(how % others[0])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise setup.SetupError("Can't make the folder %s: %s." % (folder, e.strerror)) from None


def build(folder):
    # folder/package.json and folder/qssl/*.mpy; what was in folder/qssl before goes.
    _free(folder)
    python = setup.ensure_venv("board")
    shutil.rmtree(folder / "qssl", ignore_errors=True)
    compiled(python, folder)
    size = sum(path.stat().st_size for path in (folder / "qssl").rglob("*.mpy"))
    (folder / "package.json").write_text(check.manifest(setup.ROOT, ".mpy", "qssl"))
    print("%s: %d files, %d bytes" % (folder, len(check.files(setup.ROOT)), size))


def romfs(chosen):
    python = setup.ensure_venv("board")
    target = chosen.image or BUILD / "qssl.romfs"
    length = rom.image(
        target,
        lambda folder: compiled(python, folder),
        python,
        chosen.board,
        chosen.add,
        chosen.without,
        chosen.size,
    )
    print("%s: %d bytes" % (target, length))
    print("mpremote romfs deploy %s + soft-reset" % target)


def _text(name):
    # Of a file that a person named.
    try:
        if name in (None, "-"):
            if sys.stdin.isatty():
                setup.say("paste the traceback, then Ctrl-D", "package.py")
            return sys.stdin.buffer.read().decode(errors="replace")
        return Path(name).read_text(encoding="utf-8", errors="replace")
    except OSError as e:
        raise setup.SetupError("Can't read %s: %s." % (name, e.strerror)) from None


def _names(chosen):
    if chosen:
        try:
            return traceback.read(_text(chosen))
        except ValueError:
            raise setup.SetupError("%s is no names.txt of `build`." % chosen) from None
    with tempfile.TemporaryDirectory(prefix="qssl-") as temp:
        compiled(setup.ensure_venv("board"), Path(temp) / "build")
        return traceback.read((Path(temp) / "build/names.txt").read_text())


def explain(chosen):
    names = _names(chosen.names)
    text, count = traceback.translated(_text(chosen.file), names, setup.ROOT)
    if not count:
        raise setup.SetupError("No line of it is the driver's, built or frozen.")
    print(text, end="")


def main(args):
    chosen = _parse(args)
    if chosen.what == "traceback":
        explain(chosen)
        return 0
    if chosen.what == "update":
        (setup.ROOT / "package.json").write_text(check.manifest(setup.ROOT))
    if chosen.what == "build":
        build(chosen.folder or BUILD)
    if chosen.what == "romfs":
        romfs(chosen)
    found = check.problems(setup.ROOT)
    for sentence in found:
        print("package.py: " + sentence, file=sys.stderr)
    if chosen.what == "check" and not found:
        print("Version %s everywhere, all files listed." % check.version(setup.ROOT))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(setup.main(main))
