# qlearn.options - the command line of tools/learn.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import argparse
from pathlib import Path

from qshared.options import Parser, number

_ABOUT = """\
What is true of the modem at hand? Asks a UG95 or UG96 on a port of this PC, and
writes a profile: for the simulated modem (ugsim --profile), for the driver's
tests (tools/test.py --profile), and to send to the project.

  learn.py --port PORT      asks the modem
  learn.py --board PORT     the same, through a board with MicroPython that has it on its UART
  learn.py serve            is the server that the modem is to connect to (--server)
  learn.py show FILE        a profile, for a person
"""
_END = """\
Nothing that lasts is changed: settings are put back in the end, also after
Ctrl-C; files that are made are deleted. Running it again with the same --out
goes on where it was. Numbers that tell who you are (IMEI, SIM, addresses, cells,
APN, host names) are replaced before anything is written.

Exit status: 0 done, 1 something is contradictory or was not put back, 2 it
could not be done.

examples:
  python3 tools/learn.py --port /dev/ttyUSB0
  python3 tools/learn.py --port /dev/ttyUSB2 --apn internet --server my.example:8443 \\
          --ntp pool.ntp.org --restart --out ug96.json
  python3 tools/learn.py --board /dev/ttyACM0 --apn internet
  python3 tools/learn.py serve --port 8443
  python3 tools/learn.py --port socket://127.0.0.1:7000 --yes
"""


def parse(args):
    p = Parser(
        prog="learn.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument(
        "what",
        nargs="?",
        choices=("ask", "serve", "show"),
        default="ask",
        metavar="COMMAND",
        help="see above",
    )
    p.add_argument("file", nargs="?", type=Path, metavar="FILE", help="for show")
    _modem(p)
    _network(p)
    p.add_argument(
        "--restart",
        action="store_true",
        help="also what a restart tells and forgets: it leaves the network and restarts once",
    )
    p.add_argument(
        "--out",
        type=Path,
        default=Path("profile.json"),
        metavar="FILE",
        help="the profile (default: profile.json)",
    )
    p.add_argument("--yes", action="store_true", help="begin without asking")
    p.add_argument("--anyway", action="store_true", help="ask a modem of another family, too")
    p.add_argument(
        "--listen", default="", metavar="ADDRESS", help="for serve: of this PC (default: all)"
    )
    chosen = p.parse_args(args)
    _check(p, chosen)
    return chosen


def _modem(p):
    p.add_argument(
        "--port",
        metavar="PORT",
        help="the modem's: /dev/ttyUSB0, COM3, socket://HOST:PORT; for serve the one to listen on "
        "(default: 8443)",
    )
    p.add_argument(
        "--board",
        metavar="PORT",
        help="the board's serial port (its REPL), such as /dev/ttyACM0: it needs driver and "
        "board.py (tools/board.py install), and its own program is stopped",
    )
    p.add_argument(
        "--baud",
        type=number(1200, 4000000),
        metavar="N",
        help="rate of the modem (default: 115200; with --board what is set there)",
    )
    p.add_argument(
        "--rtscts", action="store_true", help="RTS and CTS are wired, and AT+IFC=2,2 is set"
    )


def _network(p):
    p.add_argument(
        "--apn",
        metavar="APN",
        help="of the SIM; without it nothing is asked that takes the network",
    )
    p.add_argument("--user", default="", help="of the APN")
    p.add_argument("--password", default="", help="of the APN")
    p.add_argument(
        "--server",
        type=_server,
        metavar="HOST:PORT",
        help="where learn.py serve runs, as the modem reaches it",
    )
    p.add_argument("--ntp", type=_host, metavar="HOST", help="a time server")


def _check(p, chosen):
    # What goes with what.
    if chosen.what == "show":
        if chosen.file is None:
            p.error("show wants a FILE")
    elif chosen.file is not None:
        p.error("%s takes no %s" % (chosen.what, chosen.file))
    if chosen.what == "ask":
        if not chosen.port and not chosen.board:
            p.error("--port is missing: say which one the modem is on")
        if chosen.port and chosen.board:
            p.error("--port is the direct way, --board the one through a board: give one of them")
        if chosen.board and chosen.rtscts:
            p.error("--rtscts goes with --port: with --board the pins of its board.py say it")
        if (chosen.server or chosen.ntp) and chosen.apn is None:
            p.error("--apn is missing: --server and --ntp take the network")
        for name in ("apn", "user", "password"):
            text = getattr(chosen, name)
            if text and (not text.isascii() or not text.isprintable() or '"' in text):
                p.error("--%s can't have quotes, or what is not ASCII" % name)
    elif chosen.board:
        p.error("--board goes without %s" % chosen.what)
    if chosen.what == "serve":
        chosen.port = chosen.port or "8443"
        if not chosen.port.isdigit() or not 0 <= int(chosen.port) <= 65535:
            p.error("--port %s is no port to listen on" % chosen.port)


def _server(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError("'%s' is not HOST:PORT, such as my.example:8443" % text)
    return _host(host), int(port)


def _host(text):
    good = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
    if not text or set(text) - good or len(text) > 150:
        raise argparse.ArgumentTypeError("'%s' is no host name" % text)
    return text
