# qsoak.options - the command line of tools/soak.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import argparse

from qshared.options import Parser, number

_ABOUT = """\
year: telemetry every five minutes through qssl.uplink, on a virtual clock, with coverage holes,
modem restarts, PDP losses, broker outages, answers that get lost, expired certificates, wrong
clocks, power cuts of the board at any byte that it writes, and faults of every kind. The board has
no clock: the network tells the time, or NTP does, and now and then one of them lies. The CA is
renewed half-way, and the SIM is busy after each start. At the end
the receiver's ledger must show every record, but for those that the bounded queue dropped and
counted.
bill: what a day of telemetry (a time and 3 values every five minutes) costs on the air, by form
and carrier, as qssl.uplink.bill reckons it; the server's certificate is that of tools/receiver.
load: twelve sockets under continuous faults; the memory in use must be flat (MicroPython).
real: in real time, over ugsim, with a mosquitto that is killed and started again, restarts of the
modem, faults, and a board that stops in the midst and begins anew: on MicroPython's unix port and
on the emulated microcontroller.
restarts: in real time, over ugsim: mqtt_robust.py, async_two_sockets.py and a loop of urequests,
each with a restart of the modem at a random place, which the modem may tell of or not; they must
go on by themselves.
power: a year of examples/telemetry_battery.py on the virtual clock: how long the modem was on, how
often it registered and opened TLS, how many bytes that is, and what it costs in mAh, by a table of
currents that you can change (tools/qsoak/currents.json).
both: a year both ways on the virtual clock, with the receiver's own code at the other end: 1000
settings, of which some are wrong and some lead away from the server, a message a day, 12 updates,
two of them bad, and trouble as in a year; power cuts at any byte of files and updates, too. All
must be there once, or have been told of, and the right version run in the end. A shorter time has
fewer settings, and three updates at least."""

_OF = (  # option, what it is for, the value without it
    ("records", "year", 105120),
    ("day", "bill", 288),
    ("operations", "load", 100000),
    ("seconds", "real", 60),
    ("on", "real", None),
    ("places", "restarts", 50),
    ("program", "restarts", None),
    ("days", ("power", "both"), 365),
    ("interval", "power", 300),
    ("every", "power", 14400),
    ("between", "power", "off"),
    ("deep", "power", False),
    ("quiet", "power", ""),
    ("currents", "power", None),
    ("no_trouble", "power", False),
)


def _parser():
    parser = Parser(
        prog="soak.py",
        description=_ABOUT,
        epilog="Exit status: 0 all is well, 1 it is not, 2 wrong use or set-up.",
    )
    many = number(1, 10**9)
    parser.add_argument(
        "what",
        choices=("year", "both", "bill", "load", "real", "restarts", "power"),
        nargs="?",
        default="year",
    )
    parser.add_argument("--records", type=many, metavar="N", help="of the year (105120)")
    parser.add_argument(
        "--day", type=number(4, 10**4), metavar="N", help="records of bill's (288)"
    )
    parser.add_argument("--operations", type=many, metavar="N", help="of the load (100000)")
    parser.add_argument(
        "--seconds", type=number(2, 10**6), metavar="N", help="of real, on each (60)"
    )
    parser.add_argument(
        "--places", type=many, metavar="N", help="of restarts, for each program (50)"
    )
    parser.add_argument(
        "--program",
        choices=("mqtt", "async", "requests"),
        help="restarts of one of the three only",
    )
    parser.add_argument("--on", choices=("unix", "board"), help="real on one of the two only")
    parser.add_argument("--days", type=many, metavar="N", help="of power and both (365)")
    parser.add_argument(
        "--interval", type=number(10, 86400), metavar="S", help="between two measurements (300)"
    )
    parser.add_argument(
        "--every", type=number(10, 10**7), metavar="S", help="between two times to send (14400)"
    )
    parser.add_argument(
        "--between", choices=("off", "sleep", "on"), help="what the modem does meanwhile (off)"
    )
    parser.add_argument(
        "--deep", action="store_const", const=True, help="the board sleeps deeply, not lightly"
    )
    parser.add_argument("--quiet", type=_hours, metavar="H-H", help="hours (UTC) without sending")
    parser.add_argument("--currents", metavar="FILE", help="your table, or what differs in it")
    parser.add_argument(
        "--no-trouble", action="store_const", const=True, help="a year in which nothing happens"
    )
    parser.add_argument(
        "--seed", type=number(0, 1 << 31), default=1, metavar="N", help="of all that is random (1)"
    )
    parser.add_argument(
        "--interpreter",
        choices=("cpython", "micropython"),
        help="default: cpython; load: micropython",
    )
    return parser


def parse(args):
    parser = _parser()
    chosen = parser.parse_args(args)
    for name, what, usual in _OF:
        if getattr(chosen, name) is None:
            setattr(chosen, name, usual)
        elif chosen.what not in (what if isinstance(what, tuple) else (what,)):
            what = what if isinstance(what, str) else " or ".join(what)
            parser.error("--%s goes with %s" % (name.replace("_", "-"), what))
    if chosen.what == "both" and chosen.interpreter == "micropython":
        parser.error("both is for cpython")
    return chosen


def _hours(text):
    begin, dash, end = text.partition("-")
    try:
        if dash and 0 <= float(begin) <= 24 and 0 <= float(end) <= 24:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError("%s is not like 22-6" % text)
