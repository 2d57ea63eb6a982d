# qbench - measures the driver: bytes, heap, commands, speed, latency; against its aims.
# SPDX-License-Identifier: MIT
