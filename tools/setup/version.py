# setup.version - an old Python says so itself, before it stumbles over what only newer ones have.
# SPDX-License-Identifier: MIT

import os
import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "%s: The tools need Python 3.11 or newer, this is %d.%d: run them with a newer one, such "
        "as `python3.11`.\n" % ((os.path.basename(sys.argv[0]),) + tuple(sys.version_info[:2]))
    )
    sys.exit(2)
