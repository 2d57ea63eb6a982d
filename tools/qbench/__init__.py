# qbench - measures the driver: bytes, heap, commands, speed, latency; against what was promised.
# SPDX-License-Identifier: MIT
