# manifest - freezes the driver, and your board file, into MicroPython's firmware.
# SPDX-License-Identifier: MIT
#
# A manifest of your own names the port's, then this one, with the folder of your board.py:
#     include("$(PORT_DIR)/boards/manifest.py")
#     include("/path/to/qssl/boards/manifest.py", board="/path/to/folder")
# and goes to make: make -C ports/rp2 BOARD=RPI_PICO_W FROZEN_MANIFEST=/path/to/manifest.py

options.defaults(board=None)
package("qssl", base_path="../lib", opt=3)
if options.board:
    module("board.py", base_path=options.board, opt=3)
