# qcover.options - the command line of tools/cover.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT


from qshared.options import Parser

LEAST = 95  # per cent of the lines
_ABOUT = """\
Runs the cases of tests/host/cases on CPython and tells which lines of lib/qssl they reach. Cases
for MicroPython alone (asyncio is another there) run on it, with a copy that notes its lines.
"""
_END = """\
Takes some minutes, more than the tests themselves, so the tests don't include it.

Exit status: 0 at least %d %% of the lines, 1 fewer, or a case failed, 2 it could not run.
"""


def parse(args):
    p = Parser(
        prog="cover.py",
        usage="cover.py [option ...] [NAME ...]",
        description=_ABOUT,
        epilog=_END % LEAST,
    )
    p.add_argument("names", nargs="*", metavar="NAME", help="only these, such as test_files")
    p.add_argument("--html", metavar="FOLDER", help="a report with the sources, too")
    return p.parse_args(args)
