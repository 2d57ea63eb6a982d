# emulated - the emulated board of tools/emuboard: a Cortex-M3 in QEMU with a real machine.UART.
# SPDX-License-Identifier: MIT
"""Its UART(1) is a TCP connection to the simulated modem, so there are no pins, no power lines and
no RTS or CTS. It has a flash that lives as long as the emulator runs, and a clock that the PC has
set. `python3 tools/device.py --help` tells how to start it.

    import board

    modem = board.modem(sockets=1)           # a qssl.Modem
    host = board.setting("host", "test")     # from /settings.json on the board
    modem.start(**board.access())            # APN, its user and password, PIN: settings as well
    power = board.power()                    # sleep, watchdog: see docs/power.md
    board.utc(), board.now()                 # the time: a tuple, and seconds since 1970; or None
    board.set_utc((y, m, d, h, mi, s))       # nothing: the PC's clock is not this board's to set
"""

import machine

from qssl import site
from qssl.site import access, now, setting, utc

PINS = {"tx": 1, "rx": 0}  # any number will do
WATCHDOG_MS = 0  # there is none


def modem(**options):
    return site.modem(machine, 1, PINS, "", options)


def power():
    from qssl.sitepower import Power

    return Power(machine, WATCHDOG_MS)


def set_utc(t):
    pass


__all__ = ("access", "modem", "now", "power", "set_utc", "setting", "utc")
