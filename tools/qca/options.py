# qca.options - the command line of tools/ca.py. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

from pathlib import Path

from qshared.options import Parser, number

_ABOUT = """\
A certificate authority (CA) of your own, in a folder: what TLS through the modem needs.

  init                 makes the CA: ca.pem, which goes onto the boards, and ca.key, which signs
  server HOST [HOST]   a certificate and key for a server, by its names and addresses
  client NAME          a certificate and key for a device, where the server asks for one
  renew NAME           a new certificate for the key that is there; `renew ca` for the CA itself
  list                 what there is, and until when it is good
"""
_END = """\
Keys are RSA 2048, signatures SHA-256: what every modem of the family takes. No key is ever
overwritten. Files can be read by you alone; keep ca.key where nobody else gets at it, with a copy
in another place: without it no certificate can be renewed, who has it can be any of your servers.

Exit status: 0 done, 1 `list` found something that is over or about to be, 2 it could not be done.

examples:
  python3 tools/ca.py init --name "Field devices CA"
  python3 tools/ca.py server broker.example 192.0.2.7
  python3 tools/ca.py client device-17
  python3 tools/ca.py renew broker.example
"""
DAYS = {"init": 7300, "server": 825, "client": 3650}  # how long they are good


def parse(args):
    p = Parser(
        prog="ca.py",
        description=_ABOUT,
        epilog=_END,
    )
    p.add_argument(
        "what",
        choices=("init", "server", "client", "renew", "list"),
        metavar="COMMAND",
        help="see above",
    )
    p.add_argument("names", nargs="*", metavar="NAME", help="see above")
    p.add_argument(
        "--folder",
        type=Path,
        default=Path("tls"),
        metavar="FOLDER",
        help="where the files are (default: tls)",
    )
    p.add_argument(
        "--days",
        type=number(1, 20000),
        metavar="N",
        help="how long it is good (default: CA %d, server %d, client %d days)"
        % (DAYS["init"], DAYS["server"], DAYS["client"]),
    )
    p.add_argument("--name", metavar="TEXT", help="for init: how the CA is called")
    chosen = p.parse_args(args)
    wanted = {"init": (0, 0), "server": (1, 20), "client": (1, 1), "renew": (1, 1), "list": (0, 0)}
    low, high = wanted[chosen.what]
    if len(chosen.names) < low:
        what = {"server": "the server's name or address", "client": "the device's name"}
        p.error(
            "the command %s wants %s"
            % (chosen.what, what.get(chosen.what, "a name; see `ca.py list`"))
        )
    if len(chosen.names) > high:
        p.error("the command %s takes no %s" % (chosen.what, " ".join(chosen.names[high:])))
    if chosen.name is not None and chosen.what != "init":
        p.error("--name goes with init")
    if chosen.days and chosen.what == "list":
        p.error("--days goes with what makes a certificate")
    return chosen
