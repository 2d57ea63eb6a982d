# ugsim.cli - the command line of the simulated modem.
# SPDX-License-Identifier: MIT

import argparse
import json
import os
import signal
import sys
import textwrap

import ugsim
from ugsim import control, trace
from ugsim.control import parse_address
from ugsim.model import FAULTS, SWITCHES, faults, switches
from ugsim.model.errors import ControlError
from ugsim.model.family import DEFAULT, MODELS, load
from ugsim.model.faults import usage
from ugsim.port.base import PortError
from ugsim.port.pty import PtyPort
from ugsim.port.stdio import StdioPort
from ugsim.port.tcp import TcpPort
from ugsim.session import Session
from ugsim.trace import Trace, TraceError

_INTRO = """\
A simulated Quectel UG95, UG96 or LTE modem. Connect any terminal program, the
driver or a board to its AT port; its sockets make real TLS connections.
"""

_EXAMPLES = """\
other commands:
  ugsim control ADDRESS [COMMAND]      steer a running modem; try: help
  ugsim trace FILE                     show what --trace has recorded; with --html
                                       as a page with a picture of it

examples ("ugsim" stands for: python3 tools/ugsim):
  ugsim --stdio --view                 type AT commands by hand
  ugsim --pty --link /tmp/modem        for picocom, MicroPython's unix port, ...
  ugsim --serial /dev/ttyUSB0          be the modem of a real board
  ugsim --stdio --model bg96           an LTE modem
  ugsim --tcp 127.0.0.1:7000 --control 127.0.0.1:7001 \\
        --fault "send_fail ms=2000"
"""


_OFF_HINT = "ugsim: the modem is off. Ctrl-C ends this program; %s."


class UsageError(Exception):
    # What is wrong with the options, as one sentence.
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UsageError(message[0].upper() + message[1:] + ". See --help.")


def parser():
    p = _Parser(
        prog="ugsim",
        description=_INTRO,
        epilog=_EXAMPLES + "\n" + _faults() + "\n" + _switches(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    port = p.add_argument_group("AT port (default: --pty)").add_mutually_exclusive_group()
    port.add_argument("--pty", action="store_true", help="a pseudo terminal; its path is printed")
    port.add_argument("--tcp", metavar="HOST:PORT", help="a TCP socket; port 0 takes a free one")
    port.add_argument("--serial", metavar="DEVICE", help="a serial port of this PC")
    port.add_argument("--stdio", action="store_true", help="this terminal, to type by hand")
    line = p.add_argument_group("line")
    line.add_argument("--link", metavar="PATH", help="with --pty: make PATH a link to it")
    line.add_argument(
        "--baud",
        type=_count,
        default=115200,
        metavar="N",
        help="pace both directions like a UART of N baud, and later of AT+IPR's rate; "
        "0: as fast as it goes (default: 115200)",
    )
    line.add_argument(
        "--chunk", type=_count, default=0, metavar="N", help="write at most N bytes at a time"
    )
    line.add_argument(
        "--wired",
        metavar="LINES",
        help="with --serial: which of the board's outputs are wired: rts, dtr, rts,dtr or none "
        "(default: rts)",
    )
    _modem(p.add_argument_group("modem"))
    _watching(p.add_argument_group("watching and steering"))
    p.add_argument("--version", action="version", version="ugsim " + ugsim.__version__)
    return p


def _modem(modem):
    modem.add_argument(
        "--model",
        default=DEFAULT,
        metavar="NAME",
        help="which modem to be: %s (default: %s)" % (", ".join(MODELS), DEFAULT),
    )
    modem.add_argument("--off", action="store_true", help="start switched off (PWRKEY starts it)")
    modem.add_argument("--seed", type=_count, default=1, metavar="N", help="of all that is random")
    modem.add_argument(
        "--profile",
        metavar="FILE",
        help="be the modem that tools/learn.py has found: its switches, before those of --switch",
    )
    modem.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an answer to what is uncertain about the real modem, see below",
    )
    modem.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar='"NAME KEY=VALUE..."',
        help="something that goes wrong, see below; while it runs: the control channel",
    )


def _watching(tell):
    tell.add_argument(
        "--control",
        nargs="?",
        const="127.0.0.1:0",
        metavar="ADDRESS",
        help="open the control channel at HOST:PORT or a socket path "
        "(default: a free port); used by: ugsim control ADDRESS",
    )
    tell.add_argument(
        "--view",
        action="store_true",
        help="show what happens (default on a terminal); with --stdio what the terminal does not "
        "show anyway",
    )
    tell.add_argument("--quiet", action="store_true", help="show nothing but the ready line")
    tell.add_argument("--trace", metavar="FILE", help="record to FILE; shown by: ugsim trace FILE")
    tell.add_argument("--ready-json", action="store_true", help="print the ready line as JSON")
    tell.add_argument("--ready-file", metavar="FILE", help="write that JSON to FILE")


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["control"]:
        return control.main(argv[1:])
    if argv[:1] == ["trace"]:
        return trace.main(argv[1:])
    try:
        return _run(parser().parse_args(argv))
    except (UsageError, PortError, TraceError) as error:
        print("ugsim: %s" % error, file=sys.stderr)
        return 2


def _run(args):
    changes = _changes(args)
    try:
        load(args.model)
    except ControlError as error:
        raise UsageError("%s." % error) from None
    address = _control_address(args)
    recorder = None
    view = None
    session = None
    port = _open_port(args)
    try:
        if args.trace:
            recorder = Trace(args.trace, args.baud)
        view = _view(args, port)
        listeners = [each for each in (recorder, view) if each]
        session = _session(args, port, address, changes, listeners)
        signal.signal(signal.SIGTERM, lambda *_: session.loop.stop())
        _say_ready(args, session)
        if args.stdio:
            port.hint = _OFF_HINT % _way_on(session)
        if view and not args.stdio:
            view.start(session.status)
        session.run()
    except KeyboardInterrupt:
        pass
    finally:
        if view:
            view.close()
        if session:
            session.close()
        else:
            port.close()
        if recorder:
            recorder.close()
        if args.ready_file and os.path.exists(args.ready_file):
            os.unlink(args.ready_file)
    return 0


def _control_address(args):
    if args.control is None:
        return None
    try:
        return parse_address(args.control)
    except ValueError as error:
        raise UsageError("--control: %s." % error) from None


def _view(args, port):
    # What shows what happens, or None.
    if not args.view and (args.quiet or args.stdio or not sys.stderr.isatty()):
        return None
    from ugsim.view import Beside, on_stderr

    view = on_stderr()
    if args.stdio and sys.stdout.isatty() and sys.stderr.isatty():
        return Beside(view, port)
    return view


def _session(args, port, address, changes, listeners):
    try:
        return Session(
            port,
            baud=args.baud,
            chunk=args.chunk,
            control=address,
            switches=changes,
            faults=args.fault,
            seed=args.seed,
            powered=not args.off,
            listeners=listeners,
            model=args.model,
        )
    except (ControlError, ValueError) as error:
        # The control channel would list what there is; here --help does.
        text = str(error).partition("; '")[0].rstrip(".")
        raise UsageError("%s. See --help." % text) from None


def _open_port(args):
    if args.link and (args.tcp or args.serial or args.stdio):
        raise UsageError("--link goes with --pty only.")
    if args.wired and not args.serial:
        raise UsageError("--wired goes with --serial only.")
    if args.tcp:
        try:
            where = parse_address(args.tcp)
        except ValueError:
            where = ""
        if isinstance(where, str):
            raise UsageError("--tcp: '%s' is not HOST:PORT, such as 127.0.0.1:7000." % args.tcp)
        return TcpPort(*where)
    if args.serial:
        from ugsim.port.serialport import SerialPort

        wired = [name for name in (args.wired or "rts").split(",") if name != "none"]
        unknown = [name for name in wired if name not in ("rts", "dtr")]
        if unknown:
            raise UsageError("--wired: '%s' is neither rts nor dtr." % unknown[0])
        return SerialPort(args.serial, args.baud or 115200, wired)
    if args.stdio:
        return StdioPort()
    return PtyPort(args.link)


def _changes(args):
    changes = {}
    if args.profile:
        from qlearn import profile
        from qshared.problem import Problem

        try:
            changes.update(profile.switches(args.profile))
        except Problem as error:
            raise UsageError(str(error)) from None
    for text in args.switch:
        name, equal, value = text.partition("=")
        if not equal:
            raise UsageError("--switch: '%s' is not NAME=VALUE. See --help." % text)
        changes[name] = value
    return changes


def _say_ready(args, session):
    addresses = dict(session.addresses(), ready=True, pid=os.getpid())
    if args.ready_file:
        try:
            with open(args.ready_file + ".part", "w", encoding="utf-8") as file:
                json.dump(addresses, file)
            os.replace(args.ready_file + ".part", args.ready_file)
        except OSError as error:
            raise UsageError("can't write %s: %s." % (args.ready_file, error.strerror)) from None
    if args.ready_json:
        text = json.dumps(addresses)
    else:
        text = "ready at=%s" % addresses["at"]
        if addresses["control"]:
            text += " control=%s" % addresses["control"]
    print(text, file=sys.stderr if args.stdio else sys.stdout, flush=True)


def _way_on(session):
    # How the modem can be switched on again.
    address = session.addresses()["control"]
    if address:
        return "to switch it on: ugsim control %s power on" % address
    return "with --control it can be switched on again, by: ugsim control ADDRESS power on"


def _count(text):
    if not text.isdigit():
        raise argparse.ArgumentTypeError("'%s' is not a whole number" % text)
    return int(text)


def _faults():
    lines = ["faults (name, parameters with their defaults first):"]
    for name in sorted(FAULTS):
        lines += _item(usage(name), FAULTS[name][0])
    lines.append("of LTE models alone:")
    for name in sorted(faults.LTE):
        lines += _item(usage(name), faults.LTE[name][0])
    return "\n".join(lines) + "\n"


def _switches():
    lines = ["switches (the first value is UG96's default):"]
    lines += _table(SWITCHES)
    lines.append(
        "of LTE models alone (each model has its own defaults: control command switches):"
    )
    lines += _table(switches.LTE)
    return "\n".join(lines) + "\n"


def _table(table):
    lines = []
    for name in sorted(table):
        default, choices, meaning = table[name]
        if choices is None:
            values = "number, %s" % default
        else:
            values = "|".join([default] + [c for c in choices if c != default])
        lines += _item("%s=%s" % (name, values), meaning)
    return lines


def _item(head, text):
    wide = "        "
    shown = textwrap.wrap("  " + head, 80, subsequent_indent=wide, break_long_words=False)
    return shown + textwrap.wrap(text, 80, initial_indent=wide, subsequent_indent=wide)
