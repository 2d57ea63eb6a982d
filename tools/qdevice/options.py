# qdevice.options - the command line of tools/device.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import os
from pathlib import Path

from qdemo import run_options
from qshared.options import BAUD_HELP, Parser, baud

FILES = ("ca", "cert", "key")  # settings that name a file
_ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = _ROOT / "tests" / "device"
_ABOUT = """\
Runs the tests of tests/device on a microcontroller with the driver on it: on an emulated one, or
on a real board whose UART is wired to a serial port of this PC. In both cases this PC is the modem
(the simulated UGxx) and the TLS server.
"""
_END = """\
Without SCRIPT all tests run: %s.
SCRIPT is one of these names, or a file, such as examples/telemetry_https.py. A file gets a server
of its own on this PC (HTTPS, or mosquitto if it has umqtt or qssl.mqtt in it), unless host= is
given; board.setting() then has host, port, ca and what NAME=VALUE says. A file of this PC after
ca=, cert= or key= goes onto the board.

On the emulated board, driver and board file are frozen into its firmware, which is built when they
have changed. That and the first set-up take a minute or two; all is kept under .cache.

A real board runs the driver of this checkout from a folder of this PC (mpremote mount): nothing
on the board changes. With --installed it runs what the board has in :/lib. Its UART goes to a
USB-UART adapter of 3.3 V at this PC, RX and TX crossed:

    board.py  tx  -----------  RX   adapter        --board boards/pico.py: tx GP4, rx GP5,
              rx  -----------  TX                  rts GP7, cts GP6
              rts -----------  CTS  (with --wired rts)
              cts -----------  RTS
              GND -----------  GND  never its 5 V or 3.3 V pin

Exit status: 0 all passed, 1 a test failed, 2 it could not run.

examples:
  python3 tools/device.py                      all tests on the emulated board
  python3 tools/device.py smoke uart           two of them
  python3 tools/device.py --repl               its REPL; Ctrl-] leaves
  python3 tools/device.py --at examples/telemetry_https.py count=3
  python3 tools/device.py --port /dev/ttyACM0 --modem /dev/ttyUSB0 --board boards/pico.py
"""


def names():
    return sorted(p.stem for p in SCRIPTS.glob("*.py") if p.stem != "kit")


def parse(args):
    p = Parser(
        prog="device.py",
        usage="device.py [option ...] [SCRIPT ...] [NAME=VALUE ...]",
        description=_ABOUT,
        epilog=_END % ", ".join(names()),
    )
    p.add_argument("words", nargs="*", metavar="SCRIPT", help="what to run, see below")
    p.add_argument("--repl", action="store_true", help="the board's REPL instead of a script")
    p.add_argument("--at", action="store_true", help="show the conversation with the modem")
    p.add_argument("--baud", type=baud, default=115200, metavar="N", help=BAUD_HELP)
    real = p.add_argument_group("a real board")
    real.add_argument("--port", metavar="PORT", help="the board's REPL, such as /dev/ttyACM0")
    real.add_argument("--modem", metavar="PORT", help="the adapter that is wired to its UART")
    real.add_argument("--board", metavar="FILE", help="its file of boards/")
    real.add_argument("--installed", action="store_true", help="use the driver it has")
    real.add_argument(
        "--wired", choices=("rts", "none"), default="none", help="rts: RTS and CTS are wired, too"
    )
    chosen = p.parse_args(args)
    _check(p, chosen)
    return chosen


def _check(p, chosen):
    chosen.settings = {}
    chosen.scripts = []
    for word in chosen.words:
        name, equal, value = word.partition("=")
        if equal and name.isidentifier():
            chosen.settings[name] = value
        elif word in names():
            chosen.scripts.append(SCRIPTS / (word + ".py"))
        elif Path(word).is_file():
            chosen.scripts.append(Path(word))
        else:
            p.error("there is no test and no file %s; the tests are %s" % (word, _list()))
    if bool(chosen.port) != bool(chosen.modem):
        p.error("--port and --modem go together: the board's REPL, and the adapter at its UART")
    if chosen.port:
        for path in (chosen.port, chosen.modem):
            if not os.path.exists(path) and "://" not in path:
                p.error("there is no %s: plug it in, or name another port" % path)
        if not chosen.installed and not chosen.board:
            p.error("say --board boards/FILE.py, or --installed if the board has its board.py")
        if chosen.board and not Path(chosen.board).is_file():
            p.error("there is no board file %s" % chosen.board)
    elif chosen.board or chosen.installed or chosen.wired != "none":
        p.error(
            "--board, --installed and --wired are for a real board: say --port and --modem, too"
        )
    if chosen.repl and chosen.scripts:
        p.error("--repl goes without a script")
    if chosen.settings and not chosen.scripts:
        p.error("the setting %s goes with a SCRIPT that asks for it" % next(iter(chosen.settings)))
    _check_settings(p, chosen)


def _check_settings(p, chosen):
    # Tests take what they like. What is on a real board is not known here.
    scripts = chosen.scripts
    if any(path.resolve().parent == SCRIPTS for path in scripts):
        return
    try:
        texts = [(path, path.read_text(encoding="utf-8")) for path in scripts]
    except (OSError, UnicodeDecodeError) as e:
        p.error("can't read a script: %s" % (getattr(e, "strerror", None) or e))
    run_options.asked_for(p, chosen.settings, texts)
    for name in ("ca", "cert"):  # key= may be what messages are signed with
        path = chosen.settings.get(name)
        if path and not chosen.port and not Path(path).is_file():
            p.error("there is no file %s, which %s= names" % (path, name))


def _list():
    return ", ".join(names())
