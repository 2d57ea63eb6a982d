# tap - between board and modem: passes their bytes, shows and records them, asks ugsim the same.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qtap import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim")
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", "qtap.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
