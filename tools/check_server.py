# check_server - would this server take the modem, and if not, what has to be changed?
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qcheck import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim")
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", "qcheck.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
