# esp32_c3 - an ESP32-C3 as the board: pins and wiring.
# SPDX-License-Identifier: MIT
"""Copied onto the board as board.py, which scripts import (see docs/boards.md):

    modem = board.modem(sockets=1)           # a qssl.Modem on these pins
    host = board.setting("host", "test")     # from /settings.json on the board
    modem.start(**board.access())            # APN, its user and password, PIN: settings as well
    power = board.power()                    # sleep, watchdog: see docs/power.md
    board.utc(), board.now()                 # the time: a tuple, and seconds since 1970; or None
    board.set_utc((y, m, d, h, mi, s))       # sets this board's clock

What is marked with ? is not in PINS below: add it if you wire it. Set to None what you don't wire:
a line that hangs in the air stops the modem or switches it off.

    pin here  line    at modem  level, and what it is for
    --------  ------  --------  -------------------------
    IO4       TX      RXD       1.8 V at the modem: level shifter; commands
    IO5       RX      TXD       the same, the other way; answers
    IO6       RTS     RTS       the same; low: the modem may send
    IO3       PWRKEY  PWRKEY    by an NPN transistor: high pulls it low: switches on
    IO10      STATUS  STATUS    by the level shifter; high: the modem is on
    IO1?      DTR     DTR       the same; low: asserted. Ends transparent mode
    IO0?      RESET   RESET_N   by an NPN transistor, as PWRKEY; restarts it
    IO7       OFF     PWRDWN_N  by an NPN transistor, as PWRKEY: switches off, even if it hangs
    GND               GND       one ground for all
                      VBAT      3.3 to 4.3 V, 3.8 V is best, peaks of 2 A: see below

    supply 3.8 V, 2 A -----+-----------+--------------------- VBAT
                           |           |                 +---------+
                         100 uF      100 nF              |  UG95   |
                           |           |                 |  UG96   |
    +----------+          GND         GND                |         |
    |      IO4 |----------------[ level ]--------------->| RXD     |
    |      IO5 |<---------------[shifter]----------------| TXD     |
    |      IO6 |----------------[ 3.3 V ]--------------->| RTS     |
    |     IO10 |<---------------[ 1.8 V ]----------------| STATUS  |
    |      IO3 |-------[ 4k7, NPN, emitter at GND ]----->| PWRKEY  |
    |      IO7 |-------[ 4k7, NPN, emitter at GND ]----->|PWRDWN_N |
    |      GND |-----------------------------------------| GND     |
    +----------+                                         +---------+

The modem's logic is 1.8 V and does not stand 3.3 V: use a level shifter (TXS0108E: 8 channels),
its 1.8 V side and its OE pin fed by the modem's VDD_EXT, with 100 k from STATUS to GND at the
board's side. Breakout boards often have one, and some turn PWRKEY or STATUS round: then put their
names into LOW. A resistor of 47k from each transistor's base to GND keeps it off while the board
starts. docs/wiring.md has all parts.

PWRKEY switches a UG95 or UG96 on, never off, and does nothing to one that hangs. What gets that
back, with nobody there to pull the plug, is PWRDWN_N and then PWRKEY, or RESET_N.

A modem that gets no 2 A when it transmits restarts just then. Feed VBAT from a supply or a cell of
its own, never from the board's 3.3 V pin, by short thick wires; 100 uF with low ESR and 100 nF go
close to the modem, 1000 uF more if the supply is further away than a hand.

Not to be used: IO18, IO19 (USB), IO12 to IO17 (flash), IO2, IO8, IO9 (they choose how it starts),
IO20 and IO21 (UART 0).

CTS is left out on purpose: MicroPython's write() on an ESP32 waits for ever if the modem never
releases it. RTS protects what the modem sends; what the driver sends at once, the modem takes.
"""

import machine

from qssl import site
from qssl.site import access, now, setting, utc

UART = 1
PINS = {
    "tx": 4,
    "rx": 5,
    "rts": 6,
    "cts": None,
    "pwrkey": 3,
    "status": 10,
    "dtr": None,
    "dcd": None,
    "reset": None,
    "off": 7,
}
LOW = "dtr dcd"  # asserted at low level, as seen from the board
WATCHDOG_MS = 600000  # any time will do


def modem(**options):
    # options: those of qssl.Modem.
    return site.modem(machine, UART, PINS, LOW, options)


def power():
    from qssl.sitepower import Power

    return Power(machine, WATCHDOG_MS)


def set_utc(t):
    site.set_utc(machine, t)


__all__ = ("access", "modem", "now", "power", "set_utc", "setting", "utc")
