# board - puts the driver onto a board, so that no old copy stays behind; tells what a board has.
# SPDX-License-Identifier: MIT

import sys

import setup
from qboard import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim", "board")
    setup.enter(python, "qboard.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
