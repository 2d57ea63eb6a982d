# qboard.options - the command line of tools/board.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

from pathlib import Path

from qshared.options import Parser

BOARDS = Path(__file__).resolve().parents[2] / "boards"
_ABOUT = """\
Puts the driver onto a board with MicroPython, by mpremote.

  install    removes every copy of the driver that the board has, copies this one, and the board
             file; settings.json and the CA's certificate, if given; then imports it there
  check      tells what the board has: MicroPython, driver, board file, settings, room
  remove     removes the driver; board file, settings and certificates stay
  ports      lists the serial ports of this PC
"""
_END = """\
The board file is chosen by what the board says it is; --board names another. One that is on the
board and was changed there (its pins) stays, unless --board and --replace ask for it.

.mpy files take least of the board's memory. --source copies the .py files: tracebacks have line
numbers then, but each start compiles them, which takes seconds and up to 90 kB of heap, if your
program begins with `import gc; gc.threshold(16384)`; without it, more than an RP2040 has.

Exit status: 0 done, 1 the check found something, 2 it could not be done; nothing was changed then,
unless the sentence says so.

examples:
  python3 tools/board.py install
  python3 tools/board.py install --settings settings.json --ca ca.pem
  python3 tools/board.py install --port /dev/ttyACM0 --board boards/pico.py --dry-run
  python3 tools/board.py check
"""
_WHAT = ("install", "check", "remove", "ports")


def parse(args):
    p = Parser(
        prog="board.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("what", choices=_WHAT, metavar="COMMAND", help="see above")
    p.add_argument(
        "--port",
        metavar="PORT",
        help="the board's serial port, such as /dev/ttyACM0 (default: the only one there is)",
    )
    p.add_argument("--dry-run", action="store_true", help="only say what would be done")
    install = p.add_argument_group("install")
    install.add_argument("--source", action="store_true", help=".py files instead of .mpy")
    install.add_argument("--board", type=Path, metavar="FILE", help="a file of boards/, or yours")
    install.add_argument(
        "--replace", action="store_true", help="with --board: also one that was changed there"
    )
    install.add_argument(
        "--settings", type=Path, metavar="FILE", help="becomes /settings.json on the board"
    )
    install.add_argument("--ca", type=Path, metavar="FILE", help="becomes /ca.pem on the board")
    chosen = p.parse_args(args)
    if chosen.what != "install":
        for name in ("source", "board", "replace", "settings", "ca"):
            if getattr(chosen, name):
                p.error("--%s goes with install" % name)
    if chosen.dry_run and chosen.what not in ("install", "remove"):
        p.error("--dry-run goes with install and remove")
    if chosen.replace and not chosen.board:
        p.error("--replace goes with --board")
    for path in (chosen.board, chosen.settings, chosen.ca):
        if path and not path.is_file():
            near = BOARDS / (path.stem + ".py")
            hint = ", but boards/%s" % near.name if path == chosen.board and near.exists() else ""
            p.error("there is no file %s%s" % (path, hint))
    return chosen
