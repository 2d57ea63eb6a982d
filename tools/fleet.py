# fleet - thousands of devices against real receivers, which are killed.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qfleet import options


def main(args):
    chosen = options.parse(args)
    python = setup.ensure_venv("test")
    if chosen.database == "postgresql":
        setup.server("postgres")
    if chosen.by != "https":
        setup.server("mosquitto")
    folders = ["tools", "tests/host"]
    if chosen.drivers:
        folders += ["tests/host/support", "tests/host/cpython", "lib"]
    path = [str(setup.ROOT / p) for p in folders]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(path))
    main = "drivers" if chosen.drivers else "main"
    setup.become(python, [python, "-m", "qfleet." + main, *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
