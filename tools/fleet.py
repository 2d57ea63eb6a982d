# fleet - thousands of devices at the protocol's level against real receivers, which are killed.
# SPDX-License-Identifier: MIT

import os
import sys

import setup
from qfleet import options


def main(args):
    chosen = options.parse(args)
    python = setup.ensure_venv("test")
    setup.server("postgres")
    if chosen.mqtt:
        setup.server("mosquitto")
    path = [str(setup.ROOT / p) for p in ("tools", "tests/host")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(path))
    setup.become(python, [python, "-m", "qfleet.main", *args], env)


if __name__ == "__main__":
    sys.exit(setup.main(main))
