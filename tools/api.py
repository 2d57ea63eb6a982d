# api - the API reference: checks the docstrings of the public names, writes docs/api.md.
# SPDX-License-Identifier: MIT

import sys

import setup
from qshared.options import Parser

_ABOUT = """\
The API reference, docs/api.md, made from the docstrings of lib/qssl.

  check     every public name has a docstring with all its parts, and docs/api.md is up to date
  update    writes docs/api.md
  help      shows the docstring of NAME, such as Modem.connect
"""
_END = """\
A docstring begins with a sentence and ends with its parts, one a line:

    Returns: what, in which unit.     (functions)
    Raises: which error, and when.
    Blocks: no, or how long at most.
    Allocates: nothing, or what.
    Since: the version.

Exit status: 0 all is well, 1 the check found something, 2 it could not run.
"""


def main(args):
    p = Parser(
        prog="api.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("what", nargs="?", default="check", choices=("check", "update", "help"))
    p.add_argument("name", nargs="?", metavar="NAME", help="for help")
    chosen = p.parse_args(args)
    if (chosen.what == "help") != bool(chosen.name):
        p.error("a NAME, such as Modem.connect, goes with help, and help with one")
    python = setup.ensure_venv("test")
    setup.enter(python, "qapi.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
