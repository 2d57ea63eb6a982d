# learn - what is true of the modem at hand: settles the switches of ugsim, writes a profile.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qlearn import options


def main(args):
    chosen = options.parse(args)
    python = setup.ensure_venv("ugsim", *(["board"] if chosen.board else []))
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", "qlearn.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
