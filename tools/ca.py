# ca - a certificate authority of your own: makes the certificates of servers and devices.
# SPDX-License-Identifier: MIT

import sys

import setup
from qca import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim")
    setup.enter(python, "qca.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
