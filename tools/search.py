# search - looks for a schedule of operations, faults and timing under which a promise breaks.
# SPDX-License-Identifier: MIT

import sys

import setup
from qsearch.run import main

if __name__ == "__main__":
    sys.exit(setup.main(main))
