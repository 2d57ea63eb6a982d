# qtap.options - the command line of tools/tap.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

from pathlib import Path

from qshared.options import Parser, number

_ABOUT = """\
Between board and modem: what the two say to each other passes untouched, is shown, and
is recorded with its times. Beside it the simulated modem is asked the same; where the
real one answers in another form, the line is marked, and in the end all such are listed.

  tap.py BOARD MODEM        the ports of this PC that lead to them
  tap.py measure            how long this PC makes a byte wait, and whether all pass: both
                            ways at once, between two ptys

A port is a serial port (/dev/ttyUSB0), pty or pty:LINK for one that tap.py makes (for a
program on this PC), socket://HOST:PORT (what ugsim --tcp listens on), or
listen://HOST:PORT (for who connects to it, as the emulated board does).
"""
_END = """\
Payload is counted and not kept, unless --keep asks for its first bytes; PINs, passwords,
keys and long numbers are masked before they are shown or written. Host names, file names
and the APN are not.

The recording is read by `ugsim trace FILE`, with --html as a picture, and by replay.py.
Ctrl-C is the end; what was found is told then.

AT+IPR that passes changes the rate of both ports behind its OK. A board that tries other
rates by itself can't be followed (a program at a pty can).

Exit status: 0 the two agree, 1 they differ in something, 2 it could not be done, or not
to the end: a port has gone, the recording is not whole.

examples:
  python3 tools/tap.py /dev/ttyUSB0 /dev/ttyUSB1 --baud 921600
  python3 tools/tap.py pty:/tmp/board /dev/ttyUSB1 --profile profile.json
  python3 tools/tap.py pty socket://127.0.0.1:7000 --out talk.jsonl --seconds 60
"""


def parse(args):
    p = Parser(
        prog="tap.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("board", metavar="BOARD", help="where the board is, or measure")
    p.add_argument("modem", nargs="?", metavar="MODEM", help="where the modem is")
    p.add_argument(
        "--baud",
        type=number(1200, 4000000),
        default=115200,
        metavar="N",
        help="rate of both ports (default: 115200)",
    )
    p.add_argument(
        "--rtscts",
        action="store_true",
        help="RTS and CTS are wired at both ports: a side that holds its line holds the other",
    )
    p.add_argument(
        "--dtr",
        action="store_true",
        help="DTR of the board goes to the modem, its DCD to the board (wiring as for ugsim "
        "--serial: board DTR to DSR, DCD to DTR)",
    )
    p.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the recording (default: tap-DATE-TIME.jsonl); - for none",
    )
    p.add_argument(
        "--keep",
        type=number(0, 16384),
        default=0,
        metavar="N",
        help="bytes of each payload that are kept (default: 0)",
    )
    _simulation(p)
    p.add_argument(
        "--seconds", type=number(1, 10000000), metavar="N", help="ends after so long by itself"
    )
    p.add_argument("--quiet", action="store_true", help="show nothing but the end")
    p.add_argument(
        "--mib", type=number(1, 1000), default=1, metavar="N", help="for measure (default: 1)"
    )
    chosen = p.parse_args(args)
    _check(p, chosen)
    return chosen


def _simulation(p):
    p.add_argument(
        "--profile",
        metavar="FILE",
        help="the simulation is the modem that learn.py has found",
    )
    p.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a switch of the simulation (python3 tools/ugsim --help lists them)",
    )
    p.add_argument(
        "--model",
        metavar="NAME",
        help="the simulation's model (default: what the modem's ATI tells, ug96 before that)",
    )
    p.add_argument("--plain", action="store_true", help="without the simulation")


def _check(p, chosen):
    # What goes with what.
    if chosen.board == "measure":
        if chosen.modem:
            p.error("measure takes no %s" % chosen.modem)
        return
    if not chosen.modem:
        p.error("MODEM is missing: the port that leads to it")
    if chosen.board == chosen.modem and not chosen.board.startswith("pty"):
        p.error("board and modem can't be at the same port")
    ptys = [n for n in (chosen.board, chosen.modem) if n == "pty" or n.startswith("pty:")]
    if chosen.modem in ptys:
        p.error("MODEM can't be a pty that tap.py makes: give the path of the modem's")
    for name in ("rtscts", "dtr"):
        if getattr(chosen, name):
            for port in (chosen.board, chosen.modem):
                if "://" in port or port in ptys:
                    p.error("--%s wants two serial ports, and %s has no such line" % (name, port))
    if chosen.plain and (chosen.profile or chosen.switch or chosen.model):
        p.error("--plain is without a simulation: --profile, --switch, --model mean nothing")
