# emuboard - an emulated microcontroller: MicroPython with a real machine.UART, in QEMU.
# SPDX-License-Identifier: MIT
"""A Cortex-M3 (QEMU's mps2-an385) with 32-bit objects, a heap of the size of an RP2040's, and an
interrupt-driven machine.UART with receive and transmit rings, a 32-byte FIFO, baud pacing and
overruns, as an RP2040 has it; a file system, and a ROM partition of 256 KiB. Its REPL is on a TCP
port, for mpremote; its UART(1) is connected to a TCP port, for ugsim.

    from emuboard import Board, firmware

    board = Board(firmware(), uart="127.0.0.1:5522")   # firmware(frozen=True): qssl in it
    board.repl                      # "socket://127.0.0.1:41234" for mpremote connect
    board.close()
"""

from .build import firmware
from .machine import Board

__all__ = ["Board", "firmware"]
