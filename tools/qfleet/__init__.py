# qfleet - the parts of tools/fleet.py: devices at the protocol's level, servers, figures.
# SPDX-License-Identifier: MIT
