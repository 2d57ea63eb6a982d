# demo - telemetry over TLS through a simulated modem, in one command.
# SPDX-License-Identifier: MIT

import sys

import setup
from qdemo import bootstrap, options


def main(args):
    chosen = options.parse(args)
    groups = ["receiver"] if chosen.fleet else []
    bootstrap.enter("qdemo.demo", args, "umqtt" if chosen.mqtt else "", chosen.mqtt, groups)


if __name__ == "__main__":
    sys.exit(setup.main(main))
