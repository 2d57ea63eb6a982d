# mutate - breaks the driver on purpose and tells what no case notices.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qmutate import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("test")
    path = ["tools", "tests/host"]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(str(setup.ROOT / p) for p in path))
    setup.become(python, [python, "-m", "qmutate.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
