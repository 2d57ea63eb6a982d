# device - runs the device tests, or a script of yours, on an emulated or a real board.
# SPDX-License-Identifier: MIT

import sys

import setup
from qdevice import options


def main(args):
    chosen = options.parse(args)
    python = setup.ensure_venv("test", "board")
    if not chosen.port:
        setup.arm_tools()
        setup.micropython_source()
    setup.enter(python, "qdevice.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
