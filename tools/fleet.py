# fleet - thousands of devices against real receivers, which are killed.
# SPDX-License-Identifier: MIT

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
    folders = ["tests/host"]
    if chosen.drivers:
        folders += ["tests/host/support", "tests/host/cpython", "lib"]
    setup.enter(python, "qfleet.drivers" if chosen.drivers else "qfleet.main", args, *folders)


if __name__ == "__main__":
    sys.exit(setup.main(main))
