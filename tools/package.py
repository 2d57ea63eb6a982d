# package - checks the package for boards, writes package.json, makes the .mpy files.
# SPDX-License-Identifier: MIT

import argparse
import os
import shutil
import sys
from pathlib import Path

import setup
from qdemo.options import Parser
from qpackage import check

_ABOUT = """\
The driver as a package for boards.

  check     package.json lists exactly the files of lib/qssl, and every version is the same
  update    writes package.json
  build     compiles lib/qssl to FOLDER/qssl/*.mpy, with a package.json of its own; private
            names become short ones, which cost a board less memory: FOLDER/names.txt says which
            function of a traceback is which
"""
_END = """\
Install onto a board, from this checkout:
  mpremote mip install ./package.json               the .py files
  python3 tools/package.py build && mpremote mip install build/package.json    the .mpy files

Exit status: 0 all is well, 1 the check found something, 2 it could not run.
"""
BUILD = setup.ROOT / "build"


def _parse(args):
    p = Parser(
        prog="package.py",
        description=_ABOUT,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("what", nargs="?", default="check", choices=("check", "update", "build"))
    p.add_argument("--folder", default=BUILD, help="for build (default: build)", metavar="FOLDER")
    return p.parse_args(args)


def build(folder):
    # folder/package.json and folder/qssl/*.mpy; what was in folder/qssl before goes.
    python = setup.ensure_venv("board")
    shutil.rmtree(folder / "qssl", ignore_errors=True)
    env = dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools"))
    setup.run([python, "-m", "qdevice.stage", folder], "compile the driver", env)
    size = sum(path.stat().st_size for path in (folder / "qssl").rglob("*.mpy"))
    (folder / "package.json").write_text(check.manifest(setup.ROOT, ".mpy", "qssl"))
    print("%s: %d files, %d bytes" % (folder, len(check.files(setup.ROOT)), size))


def main(args):
    chosen = _parse(args)
    if chosen.what == "update":
        (setup.ROOT / "package.json").write_text(check.manifest(setup.ROOT))
    if chosen.what == "build":
        build(Path(chosen.folder))
    found = check.problems(setup.ROOT)
    for sentence in found:
        print("package.py: " + sentence, file=sys.stderr)
    if chosen.what == "check" and not found:
        print("Version %s everywhere, all files listed." % check.version(setup.ROOT))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(setup.main(main))
