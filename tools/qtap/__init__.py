# qtap - the parts of tools/tap.py: the wire, what goes over it, and the simulated modem beside it.
# SPDX-License-Identifier: MIT
