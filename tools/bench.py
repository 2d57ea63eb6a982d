# bench - measures the driver against its aims.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qbench import options


def main(args):
    chosen = options.parse(args)
    python = setup.ensure_venv("test", "board")
    if chosen.rp2040:
        setup.rp2040js()
    else:
        setup.micropython()
        setup.micropython(32)
        setup.clients()
        setup.arm_tools()
        setup.micropython_source()
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", "qbench.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
