# manifest - freezes the driver, and your board file, into MicroPython's firmware.
# SPDX-License-Identifier: MIT
#
# A manifest of your own names the port's, then this one, with the folder of your board.py:
#     include("$(PORT_DIR)/boards/manifest.py")
#     include("/path/to/qssl/boards/manifest.py", board="/path/to/folder")
# and goes to make: make -C ports/rp2 BOARD=RPI_PICO_W FROZEN_MANIFEST=/path/to/manifest.py
#
# What is frozen are the sources as `tools/package.py build` compiles them, with short private
# names; they, and names.txt for the reader of a traceback, are in `folder`.

import os
import sys

options.defaults(board=None, folder=os.path.abspath("../build/frozen"))
sys.path.insert(0, os.path.abspath("../tools"))
from qpackage.freeze import write  # noqa: E402

package("qssl", base_path=write(options.folder), opt=3)
if options.board:
    module("board.py", base_path=options.board, opt=3)
