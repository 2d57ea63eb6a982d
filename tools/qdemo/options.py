# qdemo.options - the command line of tools/demo.py. Standard library only: it runs first of all.
# SPDX-License-Identifier: MIT

from qshared.options import (
    BAUD_HELP,
    DEFAULT,
    MODEL_HELP,
    Parser,
    baud,
    model,
    number,
    readable,
    seconds,
    writable,
)

_ABOUT = """\
Shows the whole way of telemetry from a microcontroller to a server, with no
hardware: a script on MicroPython drives a simulated Quectel modem over its AT
port, the modem makes a real TLS connection, and a server on this PC takes the
records. Certificates are made for the occasion.
"""
_END = """\
What it needs is fetched at the first run, under .venv and .cache of this
checkout; that takes a minute.

Exit status: 0 every record arrived once and in order, 1 not so, 2 it could not
run.

examples:
  python3 tools/demo.py --at                         and the talk with the modem
  python3 tools/demo.py --mqtt                       MQTT, with a real mosquitto
  python3 tools/demo.py --model eg800k               an LTE modem; a server with
                                                     ECDHE, AES-GCM and another
                                                     name at its address
  python3 tools/demo.py --coverage-hole              no network for a while
  python3 tools/demo.py --restart                    the modem restarts
  python3 tools/demo.py --fleet 5 --records 100      devices, receiver, its page
  python3 tools/demo.py --fault "send_fail ms=2000"  SEND FAIL; all faults:
                                                     python3 tools/ugsim --help
"""


def parse(args):
    p = Parser(
        prog="demo.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("--mqtt", action="store_true", help="MQTT and mosquitto instead of HTTPS")
    p.add_argument("--at", action="store_true", help="show the conversation with the modem")
    p.add_argument("--model", type=model, default=DEFAULT, metavar="NAME", help=MODEL_HELP)
    p.add_argument(
        "--records", type=number(1, 10000), default=10, metavar="N", help="how many (default: 10)"
    )
    p.add_argument(
        "--interval",
        type=seconds(0, 3600),
        default=0.5,
        metavar="S",
        help="seconds between two records (default: 0.5)",
    )
    p.add_argument("--baud", type=baud, default=115200, metavar="N", help=BAUD_HELP)
    p.add_argument(
        "--port",
        type=number(1, 65535),
        default=0,
        metavar="N",
        help="of the server (default: any)",
    )
    p.add_argument(
        "--script", type=readable, metavar="FILE", help="this script instead of the example"
    )
    p.add_argument(
        "--picture", type=writable, metavar="FILE", help="keep the screen as a picture (SVG)"
    )
    p.add_argument(
        "--html",
        type=writable,
        metavar="FILE",
        help="keep the conversation as a page with a picture of it, for any browser",
    )
    p.add_argument(
        "--fleet",
        type=number(1, 50),
        default=0,
        metavar="N",
        help="N devices, the receiver (docs/receiver.md) and its page; --port is the page's",
    )
    _trouble(p.add_argument_group("trouble, after half of the records"))
    chosen = p.parse_args(args)
    alone = ("mqtt", "at", "script", "picture", "html", "coverage_hole", "restart", "fault")
    if chosen.fleet and any(getattr(chosen, name) for name in alone):
        p.error("--fleet goes with --records, --interval, --baud and --port alone")
    return chosen


def _trouble(trouble):
    trouble.add_argument(
        "--coverage-hole",
        type=seconds(0.1, 600),
        nargs="?",
        const=8.0,
        default=0.0,
        metavar="S",
        help="the network is out of reach for S seconds (default: 8)",
    )
    trouble.add_argument("--restart", action="store_true", help="the modem restarts")
    trouble.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar='"NAME KEY=VALUE..."',
        help="a fault of the simulated modem; more than one --fault may be given",
    )
