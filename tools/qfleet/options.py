# qfleet.options - the command line of tools/fleet.py. Standard library only: it runs first of all.
# SPDX-License-Identifier: MIT

import argparse

from qshared.options import Parser, number, seconds

_ABOUT = """\
Many devices against real receivers. At the protocol's level (real TLS, HTTP or
MQTT, the uplink's pauses after failures, no modem), with one real PostgreSQL and
by MQTT a real mosquitto, in real time. Or, with --drivers, each a whole driver
with a simulated modem and a virtual clock, through days in which networks, modems,
boards and receivers fail. Counts what is lost and what is there twice, and says
how fast it was.
"""
_END = """\
Exit status: 0 each record and message is there once, 1 not so, 2 it could not run.

examples:
  python3 tools/fleet.py 1000 --kill                 receivers are killed in turn
  python3 tools/fleet.py 1000 --kill --by both       a half of them behind mosquitto
  python3 tools/fleet.py 10000 --spread 120 --outage 30
  python3 tools/fleet.py 500 --drivers --days 7      on the virtual clock
  python3 tools/fleet.py 500 --drivers --part 2/5    the second fifth of these
"""
_ONLY = {  # option: (whether it is of --drivers, the value without it)
    "by": (False, "https"),
    "receivers": (False, 3),
    "posts": (False, 3),
    "records": (False, 10),
    "spread": (False, 20.0),
    "pause": (False, 2.0),
    "kill": (False, False),
    "outage": (False, 0.0),
    "messages": (False, 0),
    "stay": (False, False),
    "days": (True, 7.0),
    "every": (True, 900),
    "batch": (True, 16),
    "start": (True, 0.0),
    "part": (True, (1, 1)),
    "seed": (True, 1),
}


def parse(args):
    p = Parser(prog="fleet.py", description=_ABOUT, epilog=_END)
    p.add_argument("devices", type=number(1, 100000), metavar="N", help="how many devices")
    p.add_argument(
        "--database",
        choices=("postgresql", "sqlite"),
        default="postgresql",
        help="of the receivers (default: postgresql; sqlite with one receiver)",
    )
    _protocol(p)
    p.add_argument(
        "--drivers", action="store_true", help="whole drivers, simulated modems, virtual time"
    )
    _drivers(p)
    chosen = p.parse_args(args)
    for name, (drivers, usual) in _ONLY.items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, usual)
        elif drivers != chosen.drivers:
            p.error("--%s goes %s --drivers" % (name, "with" if drivers else "without"))
    if chosen.kill and chosen.outage:
        p.error("--kill or --outage, not both")
    if chosen.database == "sqlite" and not chosen.drivers:
        if chosen.receivers != 1:
            p.error("--database sqlite goes with --receivers 1")
    return chosen


def _protocol(p):
    p.add_argument("--by", choices=("https", "mqtt", "both"), help="how (default: https)")
    p.add_argument("--receivers", type=number(1, 8), metavar="N", help="how many (default: 3)")
    p.add_argument(
        "--posts", type=number(1, 1000), metavar="N", help="deliveries of a device (default: 3)"
    )
    p.add_argument(
        "--records", type=number(1, 100), metavar="N", help="records of a delivery (default: 10)"
    )
    p.add_argument(
        "--messages", type=number(0, 100), metavar="N", help="messages to each (default: none)"
    )
    p.add_argument(
        "--spread",
        type=seconds(0, 86400),
        metavar="S",
        help="seconds in which the deliveries begin, each at a random moment (default: 20)",
    )
    p.add_argument(
        "--pause",
        type=seconds(0.01, 60),
        metavar="S",
        help="after a failure; it doubles, give or take a quarter (default: 2)",
    )
    p.add_argument(
        "--stay", action="store_true", default=None, help="connections are kept between deliveries"
    )
    p.add_argument(
        "--kill", action="store_true", default=None, help="the receivers are killed in turn"
    )
    p.add_argument(
        "--outage",
        type=seconds(0, 3600),
        metavar="S",
        help="in the middle all receivers are away for S seconds",
    )


def _drivers(p):
    p.add_argument(
        "--days",
        type=seconds(0.1, 400, "number of days"),
        metavar="D",
        help="of them (default: 7)",
    )
    p.add_argument(
        "--every", type=number(1, 86400), metavar="S", help="a record (default: 900 seconds)"
    )
    p.add_argument(
        "--batch", type=number(1, 100), metavar="N", help="records sent at a time (default: 16)"
    )
    p.add_argument(
        "--start",
        type=seconds(0, 3600),
        metavar="S",
        help="after a power cut everywhere each waits up to S seconds (default: 0)",
    )
    p.add_argument("--part", type=_part, metavar="K/N", help="only these (default: 1/1)")
    p.add_argument("--seed", type=number(0, 1 << 31), metavar="N", help="of what fails")


def _part(text):
    k, _, n = text.partition("/")
    if not k.isdigit() or not n.isdigit() or not 1 <= int(k) <= int(n) <= 10000:
        raise argparse.ArgumentTypeError("%s is not like 2/5" % text)
    return int(k), int(n)
