# soak - years of telemetry on a virtual clock, hours of load and restarts, what a year costs.
# SPDX-License-Identifier: MIT

import sys

import setup
from qsoak.run import main

if __name__ == "__main__":
    sys.exit(setup.main(main))
