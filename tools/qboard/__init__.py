# qboard - the parts of tools/board.py: finds a board, clears and copies files, checks them there.
# SPDX-License-Identifier: MIT
