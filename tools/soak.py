# soak - a year of telemetry on a virtual clock, and twelve sockets under continuous faults.
# SPDX-License-Identifier: MIT

import sys

import setup
from qsoak.run import main

if __name__ == "__main__":
    sys.exit(setup.main(main))
