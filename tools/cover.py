# cover - which lines of lib/qssl the cases reach on CPython.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qcover import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("test")
    setup.server("nginx")
    setup.server("mosquitto")
    path = ["tools", "lib", "tests/host", "tests/host/support"]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(str(setup.ROOT / p) for p in path))
    setup.become(python, [python, "-m", "qcover.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
