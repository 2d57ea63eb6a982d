# check_server - would this server take the modem, and if not, what has to be changed?
# SPDX-License-Identifier: MIT

import sys

import setup
from qcheck import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim")
    setup.enter(python, "qcheck.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
