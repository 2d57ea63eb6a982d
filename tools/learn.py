# learn - what is true of the modem at hand: settles the switches of ugsim, writes a profile.
# SPDX-License-Identifier: MIT

import sys

import setup
from qlearn import options


def main(args):
    chosen = options.parse(args)
    python = setup.ensure_venv("ugsim", *(["board"] if chosen.board else []))
    setup.enter(python, "qlearn.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
