# board - puts the driver onto a board, so that no old copy stays behind; tells what a board has.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qboard import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim", "board")
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", "qboard.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
