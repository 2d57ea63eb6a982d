# qmutate.options - the command line of tools/mutate.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import argparse
import os
import re

import setup
from qshared.options import Parser, number

_ABOUT = """\
Changes the driver in one place at a time (a comparison turned round, a number
off by one, "and" for "or", a statement or a call left out), runs on CPython the
cases of tests/host/cases that pass that place, and shows each change that none
of them notices: each is a test that is missing, or a line that is not needed,
or a change that makes no difference.
"""
_END = """\
Which case passes which line is measured first, and kept in .cache until driver,
simulated modem or case change. What does not end within several times its usual
time is noticed, too. Cases that need MicroPython or servers don't take part, nor
do those that take longer than some seconds.

Exit status: 0 every change was noticed, 1 some were not, 2 it could not run.

examples:
  python3 tools/mutate.py                          five minutes, anywhere in the driver
  python3 tools/mutate.py --file queue --minutes 20
  python3 tools/mutate.py --file push:60-90        these lines alone
"""
_FILE = re.compile(r"(?:lib/qssl/)?([\w/]+)(?:\.py)?(?::(\d+)(?:-(\d+))?)?")


def _file(text):
    # (name of the module, first line, last line)
    found = _FILE.fullmatch(text)
    folder = setup.ROOT / "lib/qssl"
    paths = found and sorted(folder.rglob(found[1].rpartition("/")[2] + ".py"))
    paths = [
        p for p in paths or () if ("/%s.py" % p.with_suffix("")).endswith("/%s.py" % found[1])
    ]
    if len(paths) != 1:
        raise argparse.ArgumentTypeError("%s is no file of lib/qssl, or FILE:LINE" % text)
    first = int(found[2] or 0)
    return (
        paths[0].relative_to(folder).with_suffix("").as_posix(),
        first,
        int(found[3] or found[2] or 1 << 30),
    )


def parse(args):
    p = Parser(
        prog="mutate.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument(
        "--file",
        type=_file,
        action="append",
        metavar="NAME",
        help="only this file of lib/qssl, or NAME:LINE, or NAME:FIRST-LAST; may be said again",
    )
    p.add_argument(
        "--minutes",
        type=number(1, 100000),
        default=5,
        metavar="N",
        help="after so long it stops, and says how far it came (5)",
    )
    p.add_argument(
        "--seed", type=number(0, 1 << 31), default=1, metavar="N", help="of the order (1)"
    )
    p.add_argument(
        "--jobs",
        type=number(1, 1000),
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes at a time",
    )
    p.add_argument(
        "--cases",
        action="append",
        metavar="NAME",
        help="only the cases of this file, such as test_queue; may be said again",
    )
    return p.parse_args(args)
