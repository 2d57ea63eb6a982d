# qdevice - runs the scripts of tests/device on a board: the emulated one, or one on a serial port.
# SPDX-License-Identifier: MIT
