# qdemo.run_options - the command line of tools/run.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import argparse
import difflib
import os
import re
from pathlib import Path

from qshared.options import BAUD_HELP, DEFAULT, MODEL_HELP, Parser, baud, model

_ABOUT = """\
Runs a script for a board on this PC: on MicroPython's unix port, with
boards/unix.py as board.py, a simulated modem, and a server on this PC whose
certificate is made for the occasion.
"""
# What boards/unix.py asks for, what a server here gives, and what a receiver prints for a device:
# no mistake in a script that does without.
_USUAL = ("modem", "baud", "flow", "apn", "apn_user", "apn_password", "apn_auth", "pin", "kept")
_USUAL += ("host", "port", "ca", "topic", "device", "token", "key", "cert")
_END = """\
Settings are what the script asks board.setting() for. Those of the server
(host, port, ca, for MQTT topic) are there already; with host=... of your own no
server is started. Each may also be an environment variable: $QSSL_HOST etc.

What it needs is fetched at the first run, under .venv and .cache of this
checkout; that takes a minute.

Exit status: the script's, or 2 if it could not run.

examples:
  python3 tools/run.py examples/https_get.py
  python3 tools/run.py --at examples/telemetry_mqtt.py -- interval_ms=500
  python3 tools/run.py examples/https_get.py -- host=test.example ca=ca.pem
  python3 tools/run.py --switch sim=pin examples/https_get.py -- pin=1234
  python3 tools/run.py --modem /dev/ttyUSB0 --baud 115200 \\
      examples/https_get.py -- host=test.example ca=ca.pem apn=internet
"""


def parse(args):
    # The options. .server is "https", "mqtt" or "none", .settings a dict, .clients tells which the
    # script wants it.
    p = Parser(
        prog="run.py",
        usage="run.py [option ...] SCRIPT [-- NAME=VALUE ...]",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument("script", metavar="SCRIPT", help="a script such as those of examples/")
    p.add_argument("settings", nargs="*", default=[], metavar="NAME=VALUE", help="see below")
    p.add_argument(
        "--server",
        choices=("https", "mqtt", "none"),
        help="what to start (default: mqtt if the script has umqtt, mqtt_as or qssl.mqtt in it)",
    )
    p.add_argument("--at", action="store_true", help="show the conversation with the modem")
    p.add_argument("--model", type=model, metavar="NAME", help=MODEL_HELP)
    p.add_argument("--baud", type=baud, metavar="N", help=BAUD_HELP)
    p.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar='"NAME KEY=VALUE..."',
        help="a fault of the simulated modem; `python3 tools/ugsim --help` lists them",
    )
    p.add_argument(
        "--switch",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="how the simulated modem, SIM or network is, such as sim=none; it lists them, too",
    )
    p.add_argument(
        "--modem",
        metavar="PORT",
        help="this modem instead of a simulated one: a serial port or tcp:HOST:PORT",
    )
    chosen = p.parse_args(args)
    text = _read(p, chosen.script)
    chosen.clients = clients(text)
    chosen.settings = _settings(p, chosen.settings, chosen.script, text)
    if chosen.modem and (chosen.at or chosen.fault or chosen.switch or chosen.model):
        p.error(
            "--at, --fault, --switch and --model are of the simulated modem and don't go with "
            "--modem"
        )
    chosen.model = chosen.model or DEFAULT
    if chosen.server is None:
        if chosen.modem or "host" in chosen.settings:
            chosen.server = "none"
        else:
            chosen.server = server(text)
    return chosen


def _pair(text):
    if not all(text.partition("=")):
        raise argparse.ArgumentTypeError("%s is not NAME=VALUE" % text)
    return text


def clients(script):
    # The function of setup that fetches the clients which the text of a script wants; "": none.
    if "urequests" in script or "simple2" in script:
        return "clients"
    return "umqtt" if "umqtt" in script else ""


def server(script):
    # What the text of a script wants to talk to.
    return "mqtt" if any(w in script for w in ("umqtt", "mqtt_as", "qssl.mqtt")) else "https"


def _read(p, path):
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        p.error("the script %s is no text" % path)
    except OSError as e:
        p.error("can't read the script %s: %s" % (path, e.strerror))


def _asked(text):
    # The settings that a script asks for by their names.
    return set(re.findall(r"""setting\(\s*["'](\w+)""", text))


def _examples():
    # Their settings, such as count: no mistake in one of them that does without.
    folder = Path(__file__).resolve().parents[2] / "examples"
    return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))]


def _words(script, text):
    # All words of a script and of what it imports from beside it: what it asks for is among them.
    words = set()
    texts = [text]
    seen = set()
    while texts:
        text = texts.pop()
        words.update(re.findall(r"\w+", text.lower()))
        for name in re.findall(r"^\s*(?:import|from) +(\w+)", text, re.M):
            path = Path(script).parent / (name + ".py")
            if path not in seen and path.is_file():
                seen.add(path)
                texts.append(path.read_text(encoding="utf-8", errors="replace"))
    return words


def asked_for(p, names, scripts):
    # Refuses settings that none of the scripts can ask for: most are written wrong. scripts: their
    # paths and texts.
    if not names:
        return
    words = set(_USUAL).union(*map(_asked, _examples()), *(_words(*s) for s in scripts))
    asked = set(_USUAL).union(*(_asked(text) for _, text in scripts))
    for name in names:
        if name not in words:
            near = difflib.get_close_matches(name, asked, 1)
            hint = "; %s is the nearest" % near[0] if near else ""
            who = scripts[0][0] if len(scripts) == 1 else "none of the scripts"
            p.error("%s asks for no setting %s%s" % (who, name, hint))


def _settings(p, texts, script, text):
    found = {}
    for name, value in os.environ.items():
        if name.startswith("QSSL_"):
            found[name[5:].lower()] = value
    for given in texts:
        name, equal, value = given.partition("=")
        if not equal or not name.isidentifier():
            p.error("'%s' is not NAME=VALUE" % given)
        name = name.lower()
        asked_for(p, [name], [(script, text)])
        found[name] = value
    return found
