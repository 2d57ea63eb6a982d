# run - runs a script for a board on this PC: MicroPython's unix port, simulated modem, server.
# SPDX-License-Identifier: MIT

import sys

import setup
from qdemo import bootstrap, run_options


def main(args):
    chosen = run_options.parse(args)
    bootstrap.enter("qdemo.run", args, chosen.clients, chosen.server == "mqtt")


if __name__ == "__main__":
    sys.exit(setup.main(main))
