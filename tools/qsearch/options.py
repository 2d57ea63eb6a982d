# qsearch.options - the command line of tools/search.py.
# SPDX-License-Identifier: MIT

import argparse
import os

from qsearch.plan import ALL_FORMS
from qshared.options import Parser, model, number, readable

_ABOUT = """\
Plays random schedules over driver and simulated modem in one process, on a virtual clock, and
checks after each what docs/guarantees.md promises: G1 every call within its deadline, idle hook
every 100 ms; G2 the ledger of bytes at both ends; G3 memory in bounds; G4 the next start() works;
G5 no connection with less TLS than was asked for; of an uplink G6 and G8, records and messages
once and in order; and no exception outside qssl.Error.
A failure is shown with its seed and as the shortest schedule that still fails."""
_END = "Exit status: 0 all held, 1 a schedule failed, 2 wrong use or set-up."


def parse(args):
    parser = Parser(
        prog="search.py",
        description=_ABOUT,
        epilog=_END,
    )
    many = number(1, 10**9)
    parser.add_argument(
        "--schedules", type=many, default=2000, metavar="N", help="how many (2000)"
    )
    parser.add_argument(
        "--seed", type=number(0, 1 << 31), default=1, metavar="N", help="the first seed (1)"
    )
    parser.add_argument(
        "--interpreter",
        choices=("both", "cpython", "micropython"),
        default="both",
        help="where they run; both: a sixth on MicroPython, which takes longer (both)",
    )
    parser.add_argument(
        "--jobs", type=many, default=os.cpu_count() or 1, metavar="N", help="processes"
    )
    parser.add_argument(
        "--replay", type=readable, metavar="FILE", help="plays one schedule, as it was shown"
    )
    parser.add_argument(
        "--forms",
        type=_forms,
        default="all",
        metavar="LIST",
        help="of schedules, with commas: %s; or all, raw more often (all)" % ", ".join(ALL_FORMS),
    )
    parser.add_argument(
        "--model",
        type=_model,
        default="any",
        metavar="NAME",
        help="of the modem: one of ugsim's; any: UG96 in half of them, one of each family of LTE "
        "modems in the others (any)",
    )
    chosen = parser.parse_args(args)
    if chosen.forms == "aio" and chosen.interpreter == "cpython":
        parser.error("schedules of the form aio need MicroPython")
    return chosen


def _model(text):
    return text if text == "any" else model(text)


def _forms(text):
    for word in text.split(","):
        if text != "all" and word not in ALL_FORMS:
            raise argparse.ArgumentTypeError("there is no form %s" % word)
    return text
