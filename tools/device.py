# device - runs the device tests, or a script of yours, on an emulated or a real board.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qdevice import options


def main(args):
    chosen = options.parse(args)
    python = setup.ensure_venv("test", "board")
    if not chosen.port:
        setup.arm_tools()
        setup.micropython_source()
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", "qdevice.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
