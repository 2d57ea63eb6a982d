# demo - telemetry over TLS through a simulated modem, in one command.
# SPDX-License-Identifier: MIT

import sys

import setup
from qdemo import bootstrap, options


def main(args):
    chosen = options.parse(args)
    bootstrap.enter("qdemo.demo", args, "umqtt" if chosen.mqtt else "", chosen.mqtt)


if __name__ == "__main__":
    sys.exit(setup.main(main))
