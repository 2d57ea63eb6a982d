# qfleet.options - the command line of tools/fleet.py. Standard library only: it runs first of all.
# SPDX-License-Identifier: MIT


from qdemo.options import Parser, number, seconds

_ABOUT = """\
Many devices at the protocol's level (real TLS, HTTP or MQTT, the uplink's pauses
after failures, no modem) against real receivers with one real PostgreSQL, and by
MQTT a real mosquitto. Counts what is lost and what is there twice, and says how
fast it was.
"""
_END = """\
Exit status: 0 each record is there once, 1 not so, 2 it could not run.

examples:
  python3 tools/fleet.py 1000 --kill                 receivers are killed in turn
  python3 tools/fleet.py 1000 --kill --mqtt          the same behind mosquitto
  python3 tools/fleet.py 10000 --spread 120 --outage 30
"""


def parse(args):
    p = Parser(
        prog="fleet.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("devices", type=number(1, 100000), metavar="N", help="how many devices")
    p.add_argument("--mqtt", action="store_true", help="MQTT and mosquitto instead of HTTPS")
    p.add_argument(
        "--receivers", type=number(1, 8), default=3, metavar="N", help="how many (default: 3)"
    )
    p.add_argument(
        "--posts",
        type=number(1, 1000),
        default=3,
        metavar="N",
        help="deliveries of a device (default: 3)",
    )
    p.add_argument(
        "--records",
        type=number(1, 100),
        default=10,
        metavar="N",
        help="records of a delivery (default: 10)",
    )
    p.add_argument(
        "--spread",
        type=seconds(0, 86400),
        default=20.0,
        metavar="S",
        help="seconds in which the deliveries begin, each at a random moment (default: 20)",
    )
    p.add_argument(
        "--pause",
        type=seconds(0.01, 60),
        default=2.0,
        metavar="S",
        help="after a failure; it doubles, give or take a quarter (default: 2)",
    )
    p.add_argument("--kill", action="store_true", help="the receivers are killed in turn")
    p.add_argument(
        "--outage",
        type=seconds(0, 3600),
        default=0.0,
        metavar="S",
        help="in the middle all receivers are away for S seconds",
    )
    return p.parse_args(args)
