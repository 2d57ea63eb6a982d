# replay - a real modem's words to the simulated modem and to the driver.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qshared.options import Parser

_ABOUT = """\
Replays a transcript of a modem twice:

  ugsim    asks the simulated modem the same questions: are its answers of the same form?
  driver   the driver talks to a modem that answers as recorded where it can, else as the
           simulation: does the driver cope, whatever was said?

FILE is a trace (of ugsim, of a board, of a tool) or a text such as a terminal keeps:

  # model: UG96            what is known about it; "# switches: NAME=VALUE ..." of ugsim
  > AT+CSQ                 what was typed; a line that begins with AT is, too
  < +CSQ: 14,2             what came; other lines are that, too
  < OK

Of a model that ugsim does not know only what all have in common is checked against the simulation,
the rest is told. docs/replay.md says how to send yours.
"""
_END = """\
Exit status: 0 nothing differs and the driver copes, 1 not so, 2 it could not run.
"""


def main(args):
    p = Parser(prog="replay.py", description=_ABOUT, epilog=_END)
    p.add_argument("files", nargs="+", type=_path, metavar="FILE", help="a transcript")
    p.add_argument("--only", choices=("ugsim", "driver"), help="one of the two")
    p.add_argument("-v", action="store_true", help="every exchange, not only what differs")
    chosen = p.parse_args(args)
    python = setup.ensure_venv("ugsim")
    folders = ("lib", "tests/host", "tests/host/support", "tests/host/cpython")
    args = ["-v"] * chosen.v + (["--only", chosen.only] if chosen.only else [])
    os.chdir(setup.ROOT)
    setup.enter(python, "qreplay.worker", [*args, *chosen.files], *folders)


def _path(arg):
    # The worker runs in the checkout's folder.
    return os.path.abspath(arg) if os.path.exists(arg) else arg


if __name__ == "__main__":
    sys.exit(setup.main(main))
