# qcheck.options - the command line of tools/check_server.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import argparse
import re
from pathlib import Path

from qcheck.models import DEFAULT, MODELS
from qshared.options import Parser, seconds

_ABOUT = """\
Would this server take the modem? Connects from this PC and offers exactly what
the modem can, each version and cipher suite alone and all together; looks at the
certificates, asks for the root page, and waits how long an idle connection is
kept. Then it prints the modem.tls(...) line that works, or the lines for the
server that make it work.
"""
_END = """\
It makes about fifteen connections to the server, one after the other, and sends nothing on them
but a GET of --get and an MQTT CONNECT with a made-up client id (--no-ask: neither).

The CA is the one of --ca; else the root that the server itself shows; else the one of this PC's
store of public CAs. --save writes what belongs on the board.

Exit status: 0 the printed modem.tls(...) line works, 1 it does not work as it is (also: no TLS
there, a server that is silent, one that wants a client certificate and none was given), 2 it could
not be tried.

examples:
  python3 tools/check_server.py broker.example:8883
  python3 tools/check_server.py server.example --ca tls/ca.pem --get /big.bin --idle 300
  python3 tools/check_server.py server.example --save ca.pem
  python3 tools/check_server.py broker.example:8883 --cert device.pem --key device.key --json
"""
SERVERS = ("auto", "nginx", "mosquitto", "haproxy", "emqx", "proxy", "all", "none")


def parse(args):
    p = Parser(
        prog="check_server.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument(
        "where", type=_where, metavar="HOST[:PORT]", help="the server (default port: 443)"
    )
    p.add_argument(
        "--model",
        choices=sorted(MODELS),
        default=DEFAULT,
        metavar="NAME",
        help="the modem: %s (default: %s)" % (", ".join(MODELS), DEFAULT),
    )
    p.add_argument("--ca", type=_file, metavar="FILE", help="the CA that the board has, or will")
    p.add_argument("--cert", type=_file, metavar="FILE", help="a client's certificate, in PEM")
    p.add_argument("--key", type=_file, metavar="FILE", help="and its key")
    p.add_argument("--save", type=Path, metavar="FILE", help="write the CA for the board there")
    p.add_argument(
        "--name", type=_name, metavar="NAME", help="the server's name, if HOST is an address"
    )
    p.add_argument(
        "--get", type=_path, default="/", metavar="PATH", help="what to ask for (default: /)"
    )
    p.add_argument("--no-ask", action="store_true", help="send neither GET nor CONNECT")
    p.add_argument(
        "--idle",
        type=seconds(0, 3600),
        default=20,
        metavar="S",
        help="wait so long whether it closes an idle connection; 0: don't (default: 20)",
    )
    p.add_argument(
        "--timeout",
        type=seconds(0.2, 300),
        default=10,
        metavar="S",
        help="for each connection (default: 10)",
    )
    p.add_argument(
        "--lines",
        choices=SERVERS,
        default="auto",
        help="lines for which server; proxy: one in front of a server that can't be changed "
        "(default: auto, the likely ones, if there is something to change)",
    )
    p.add_argument("--json", action="store_true", help="all that was found, as JSON")
    chosen = p.parse_args(args)
    if bool(chosen.cert) != bool(chosen.key):
        p.error("--cert and --key go together")
    return chosen


def _where(text):
    # HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT
    bad = argparse.ArgumentTypeError(
        "'%s' is not HOST or HOST:PORT, such as server.example:8883" % text
    )
    if "://" in text:
        scheme, _, rest = text.partition("://")
        raise argparse.ArgumentTypeError(
            "give the host alone, without %s://: %s" % (scheme, rest.partition("/")[0] or "HOST")
        )
    if text.startswith("["):
        host, end, rest = text[1:].partition("]")
        if not end or (rest and not rest.startswith(":")):
            raise bad
        port = rest[1:] if rest else "443"
    elif text.count(":") > 1:
        host, port = text, "443"  # an IPv6 address
    else:
        host, colon, port = text.partition(":")
        port = port if colon else "443"
    if not host or not host.isprintable() or set(host) & set(' /\\"@?#'):
        raise bad
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise argparse.ArgumentTypeError("'%s' is no port from 1 to 65535" % port)
    try:
        host.encode("ascii")
    except UnicodeEncodeError:
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            raise bad
    if len(host) > 253:
        raise bad
    return host, int(port)


def _file(text):
    path = Path(text)
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as e:
        raise argparse.ArgumentTypeError("can't read %s: %s" % (text, e.strerror))
    return path


def _name(text):
    if not re.fullmatch("[A-Za-z0-9._-]+", text):
        raise argparse.ArgumentTypeError("'%s' is no host name" % text)
    return text


def _path(text):
    if not text.startswith("/") or not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError("'%s' is no path, such as /index.html" % text)
    return text
