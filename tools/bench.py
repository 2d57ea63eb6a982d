# bench - measures the driver against its aims.
# SPDX-License-Identifier: MIT

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
    setup.enter(python, "qbench.main", args)


if __name__ == "__main__":
    sys.exit(setup.main(main))
