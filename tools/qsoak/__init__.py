# qsoak - the parts of tools/soak.py: years on the virtual clock, hours in real time.
# SPDX-License-Identifier: MIT
#
# year, both, bill, load and power run on CPython and MicroPython; run is the parent process, and
# verdicts says what they came to. real and restarts run in real time.
