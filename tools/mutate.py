# mutate - breaks the driver on purpose and tells what no case notices.
# SPDX-License-Identifier: MIT

import sys

import setup
from qmutate import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("test")
    setup.enter(python, "qmutate.main", args, "tests/host")


if __name__ == "__main__":
    sys.exit(setup.main(main))
