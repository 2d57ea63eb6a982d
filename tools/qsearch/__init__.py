# qsearch - random schedules of operations, faults and timing over driver and simulated modem.
# SPDX-License-Identifier: MIT
#
# plan, player, shrink and worker run on CPython and MicroPython; run is the parent process.
