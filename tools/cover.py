# cover - which lines of lib/qssl the cases reach.
# SPDX-License-Identifier: MIT

import sys

import setup
from qcover import options


def main(args):
    options.parse(args)
    python = setup.ensure_venv("test")
    setup.server("nginx")
    setup.server("mosquitto")
    setup.enter(python, "qcover.main", args, "lib", "tests/host", "tests/host/support")


if __name__ == "__main__":
    sys.exit(setup.main(main))
