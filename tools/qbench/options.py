# qbench.options - the command line of tools/bench.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT


from qshared.options import Parser

_ABOUT = """\
Measures the driver: bytes of code, heap, AT commands, bytes on the wire, speed, latency. Each
number stands beside its aim. Needs no hardware: it runs on MicroPython's unix port, on the 32-bit
one, and on the emulated board.
"""
_END = """\
Sizes, heap, counts and shares are exact: the same sources give the same numbers. Speed, latency
and work depend on how busy this PC is; measure them on an idle one.

--check measures what is exact, and fails if a number is above its limit, which is what has been
reached (tools/qbench/limits.json), or if an aim that was met is missed. Lower the limits with
--limits when the driver has become leaner.

--rp2040 measures turns, shares of the line, start and heap on a cycle-accurate RP2040 (rp2040js,
from npm) with MicroPython's own image for the Raspberry Pi Pico, which you fetch yourself: see
docs/numbers.md. It takes some minutes, and how busy this PC is changes nothing.

Exit status: 0, or 1 if --check found something, or 2 if it could not run.

examples:
  python3 tools/bench.py                    everything, as a table (2 minutes)
  python3 tools/bench.py sizes heap         two parts of it
  python3 tools/bench.py --write            and docs/numbers.md, README.md
  python3 tools/bench.py --json > now.json
  python3 tools/bench.py --rp2040 RPI_PICO-20260406-v1.28.0.uf2
"""
PARTS = (
    "sizes",
    "heap",
    "need",
    "operations",
    "commands",
    "wire",
    "turns",
    "speed",
    "board",
    "work",
)
EXACT = ("sizes", "heap", "need", "operations", "commands", "wire", "turns")


def parse(args):
    p = Parser(
        prog="bench.py",
        usage="bench.py [option ...] [PART ...]",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("parts", nargs="*", metavar="PART", help="what: " + ", ".join(PARTS))
    p.add_argument("--check", action="store_true", help="what is exact, against its limits")
    p.add_argument("--limits", action="store_true", help="write what is exact as the new limits")
    p.add_argument("--json", action="store_true", help="the numbers as JSON instead of a table")
    p.add_argument("--write", action="store_true", help="write them into docs and README.md")
    p.add_argument("--rp2040", metavar="FILE", help="on an emulated RP2040 with this .uf2 image")
    chosen = p.parse_args(args)
    for part in chosen.parts:
        if part not in PARTS:
            p.error("there is no part %s; the parts are %s" % (part, ", ".join(PARTS)))
    if chosen.rp2040:
        if chosen.parts or chosen.check or chosen.limits or chosen.write:
            p.error("--rp2040 goes with --json only")
        return chosen
    if chosen.parts and (chosen.write or chosen.limits):
        p.error("--write and --limits need all parts")
    if chosen.write and (chosen.limits or chosen.check):
        p.error("--write goes alone: it measures more than what is exact")
    if not chosen.parts:
        chosen.parts = list(EXACT if chosen.check or chosen.limits else PARTS)
    return chosen
