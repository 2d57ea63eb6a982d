# qlearn - tools/learn.py: what is true of the modem at hand.
# SPDX-License-Identifier: MIT
