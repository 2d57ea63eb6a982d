# receiver.options - the command line and the settings. Standard library only: it runs first.
# SPDX-License-Identifier: MIT
#
# A setting comes from its flag, else from the environment (QSSL_RECEIVER_LISTEN for --listen),
# else from receiver.toml in the folder, else it is the default.

import argparse
import difflib
import os
import re
import sys
import urllib.parse
from pathlib import Path

from qshared.options import Parser

_ABOUT = """\
Takes the records of devices by HTTPS and MQTT, keeps each once in a database,
shows them on a page, and sends messages and settings back.
"""
_END = """\
commands (receiver COMMAND --help):
  serve                     the server; also without any command
  device add NAME           a device; prints its token and its key, once
  device add NAME... --files FOLDER --address HOST:PORT
                            devices; writes what each board needs into FOLDER/NAME
  device list, device token NAME (a new one), device remove NAME
  user add NAME             who may log in to the page; asks for the password,
                            or reads it from standard input; again: a new one
  user list, user remove NAME
  program add NAME          a token for a program (API, metrics); prints it once
  send NAME TEXT            a message to a device; --kind settings '{"a": 1}'
  broker                    files for mosquitto: configuration, accounts, rights
  prune DAYS                deletes records that came before; repeats stay known
  retire                    before a receiver with --mqtt-share goes for good: takes
                            what the broker keeps for it, and ends its session

Each setting is also read from receiver.toml in the folder (listen = "...") and
from the environment (QSSL_RECEIVER_LISTEN=...); a flag comes before these.

Exit status: 0 it ended as it was told to, 2 it could not run.
"""
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_ENV = "QSSL_RECEIVER_"
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")  # a name, an address, one of IPv6
HOURS_MAX = 24 * 366  # for which a message is of use
# name: (kind, default, what it is)
SETTINGS = {
    "database": (
        str,
        "",
        "sqlite:///PATH or postgresql://USER@HOST/NAME (default: in the folder)",
    ),
    "listen": ("address", "0.0.0.0:8443", "where devices come by HTTPS (default: 0.0.0.0:8443)"),
    "page": (
        "address",
        "127.0.0.1:8080",
        "the page (default: 127.0.0.1:8080); HTTPS if not local",
    ),
    "cert": (str, "", "the server's certificate, PEM (default: one is made)"),
    "key": (str, "", "its key, PEM"),
    "names": (str, "localhost,127.0.0.1", "names for the certificate that is made, with commas"),
    "mqtt": (
        "broker",
        "",
        "the broker: mqtts://USER:PASSWORD@HOST:8883, or mqtt:// (default: none)",
    ),
    "mqtt-ca": (str, "", "the CA of the broker's certificate (default: the folder's)"),
    "mqtt-prefix": (str, "qssl", "topics are PREFIX/DEVICE/up and /down (default: qssl)"),
    "mqtt-share": (str, "", "name of a shared subscription, for more than one receiver"),
    "mqtt-id": (str, "", "this receiver's name at the broker (default: in the folder)"),
    "mqtt-again": (int, 600, "seconds until a message without an answer is sent again"),
    "max-body": ("body", 65536, "bytes of one delivery (default: 65536)"),
    "keep-days": ("days", 0, "delete records after so many days (default: never)"),
}


def parse(args):
    # A Namespace: command, what the command wants, and every setting.
    args = _command_first(args)
    p = Parser(prog="receiver", description=_ABOUT, epilog=_END)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--folder",
        type=Path,
        default=Path(os.environ.get(_ENV + "FOLDER", "receiver-data")),
        help="database, keys, certificates, receiver.toml (default: receiver-data)",
    )
    for name, (kind, _, text) in SETTINGS.items():
        common.add_argument("--" + name, type=_kind(kind), help=text, metavar="X")
    commands = p.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name, **more):
        return commands.add_parser(name, parents=[common], **more)

    command("serve")
    for name, verbs in (
        ("device", ("add", "list", "token", "remove")),
        ("user", ("add", "list", "remove")),
        ("program", ("add", "list", "remove")),
    ):
        one = command(name)
        one.add_argument("verb", choices=verbs, metavar="|".join(verbs))
        one.add_argument("who", nargs="*", default=[], metavar="NAME")
        if name == "device":
            one.add_argument(
                "--files", type=Path, metavar="FOLDER", help="settings and CA for its board"
            )
            one.add_argument("--address", metavar="HOST:PORT", help="where the board comes to")
            one.add_argument(
                "--like", type=Path, metavar="FILE", help="settings that all boards have (JSON)"
            )
    one = command("send")
    one.add_argument("name", metavar="NAME")
    one.add_argument("text", metavar="TEXT")
    one.add_argument("--kind", default="message", help="message, settings, update or ask")
    one.add_argument(
        "--hours", type=_hours, default=24, help="it is of no use later (default: 24)", metavar="N"
    )
    command("broker")
    command("retire")
    one = command("prune")
    one.add_argument("days", type=_prune_days, metavar="DAYS", help='or "all"')
    chosen = p.parse_args(args)
    _check(p, chosen)
    _settle(chosen, p)
    return chosen


def _command_first(args):
    # As some put settings before the command. Each has a value.
    if args[:1] in (["-h"], ["--help"]):
        return args
    i = 0
    while i < len(args) and args[i].startswith("--"):
        i += 1 if "=" in args[i] else 2
    if i < len(args) and not args[i].startswith("-"):
        return [args[i], *args[:i], *args[i + 1 :]]
    return ["serve", *args]


def _check(p, chosen):
    # What goes with what.
    if chosen.command in ("device", "user", "program"):
        many = chosen.command == "device" and chosen.verb == "add"
        least, most = (0, 0) if chosen.verb == "list" else (1, 1000000 if many else 1)
        if not least <= len(chosen.who) <= most:
            p.error(
                "say `%s %s NAME`, or `%s list`" % (chosen.command, chosen.verb, chosen.command)
            )
        chosen.name = chosen.who[0] if chosen.who else None
    if chosen.command == "device":
        files = chosen.files is not None
        if files != (chosen.address is not None) or (chosen.like and not files):
            p.error("--files and --address go together, --like with them")
        if files and chosen.verb not in ("add", "token"):
            p.error("--files goes with add and token")
        if len(chosen.who) > 1 and not files:
            p.error("more than one device goes with --files")
        if files:
            address = chosen.address
            try:
                chosen.address = _address(address if ":" in address else address + ":8443")
            except argparse.ArgumentTypeError as e:
                p.error("--address: %s" % e)
            if not chosen.address[1]:
                p.error("--address: %s has no port that a board can come to" % address)


def _settle(chosen, parser):
    # Fills in what no flag has told.
    path = chosen.folder / "receiver.toml"
    found = _file(path, parser)
    for name, (kind, default, _) in SETTINGS.items():
        attribute = name.replace("-", "_")
        if getattr(chosen, attribute) is not None:
            continue
        variable = _ENV + attribute.upper()
        value, where = default, "default"
        if variable in os.environ:
            value, where = os.environ[variable], "$" + variable
        elif name in found:
            value, where = found[name], "the setting %s in %s" % (name, path)
        try:
            value = _kind(kind)(str(value))
        except argparse.ArgumentTypeError as e:
            parser.error("%s: %s" % (where, e))
        setattr(chosen, attribute, value)
    if not chosen.database:
        chosen.database = "sqlite:///%s" % (chosen.folder / "receiver.db")
    if bool(chosen.cert) != bool(chosen.key):
        parser.error("--cert and --key go together")


def _file(path, parser):
    try:
        import tomllib
    except ImportError:
        return {}  # the set-up tells that this Python is too old
    try:
        with open(path, "rb") as f:
            found = tomllib.load(f)
    except FileNotFoundError:
        return {}
    except OSError as e:
        parser.error("can't read %s: %s" % (path, e.strerror))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        parser.error("the file %s is no TOML: %s" % (path, e))
    for name in found:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, 1)
            hint = " (is it %s?)" % near[0] if near else ""
            parser.error("the file %s: there is no setting %s%s" % (path, name, hint))
    return found


def _kind(kind):
    kinds = {str: str, int: _count, "address": _address, "broker": _broker}
    return {**kinds, "body": _body, "days": _days}[kind]


def _count(text):
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise argparse.ArgumentTypeError("%s is no number" % text)
    return int(text)


def _hours(text):
    return _within(text, 1, HOURS_MAX)


def _body(text):
    # With less, devices would set aside records that are fine.
    return _within(text, 4096, 1 << 24)


def _days(text):
    return _within(text, 0, 36525)


def _prune_days(text):
    # --keep-days 0 deletes nothing, so that 0 is no way to say all.
    if text == "all":
        return 0
    if text == "0":
        raise argparse.ArgumentTypeError('0 is no number from 1 to 36525; "all" deletes all')
    return _within(text, 1, 36525)


def _within(text, low, high):
    if not low <= _count(text) <= high:
        raise argparse.ArgumentTypeError("%s is no number from %d to %d" % (text, low, high))
    return int(text)


def _broker(text):
    if text:
        broker(text)
    return text


def broker(text):
    # What --mqtt says, with a port in any case.
    try:
        to = urllib.parse.urlsplit(text)
        if to.scheme in _PORTS and to.hostname and to.path in ("", "/"):
            if to.port is None:
                to = to._replace(netloc=to.netloc + ":%d" % _PORTS[to.scheme])
            return to
    except ValueError:
        pass
    raise argparse.ArgumentTypeError("it has to be like mqtts://USER:PASSWORD@HOST:8883")


def _address(text):
    # (host, port)
    host, _, port = text.rpartition(":")
    if not _HOST.fullmatch(host) or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise argparse.ArgumentTypeError("%s is not HOST:PORT" % text)
    return host.strip("[]"), int(port)


if __name__ == "__main__":
    parse(sys.argv[1:])
