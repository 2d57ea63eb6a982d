# tap - between board and modem: passes their bytes, shows and records them, asks ugsim the same.
# SPDX-License-Identifier: MIT

import sys

import setup
from qtap import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim")
    setup.enter(python, "qtap.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
