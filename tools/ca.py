# ca - a certificate authority of your own: makes the certificates of servers and devices.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qca import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("ugsim")
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", "qca.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
