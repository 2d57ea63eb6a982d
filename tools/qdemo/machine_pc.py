# qdemo.machine_pc - the module `machine` for scripts of boards that run on this PC.
# SPDX-License-Identifier: MIT
#
# Whatever pins a script names: its UART is the modem's port, which tools/run.py tells. Pins are
# remembered and move nothing; a watchdog bites nobody; the clock is the PC's.

import os
import sys
import time

import unix


class UART(unix.UART):
    RTS, CTS = 1, 2

    def __init__(self, id, baudrate=115200, *args, **options):
        # A simulated modem goes along with any rate; a real one has the script's.
        baud = os.getenv("QSSL_BAUD")
        rate = 0 if baud is None else int(baud) or baudrate
        super().__init__(unix.setting("modem"), rate, unix.setting("flow", 0) == 1)

    def init(self, baudrate=115200, *args, **options):
        super().init(baudrate)


class Pin:
    IN, OUT, OPEN_DRAIN, PULL_UP, PULL_DOWN = 0, 1, 2, 1, 2

    def __init__(self, id, mode=-1, pull=-1, *, value=0, **options):
        self._value = value or 0

    def value(self, value=None):
        if value is None:
            return self._value
        self._value = 1 if value else 0

    __call__ = value

    def on(self):
        self._value = 1

    def off(self):
        self._value = 0


class Signal(Pin):
    def __init__(self, pin, *args, invert=False, **options):
        super().__init__(pin)


class WDT:
    def __init__(self, id=0, timeout=5000):
        pass

    def feed(self):
        pass


class RTC:
    def datetime(self, set=None):
        # (year, month, day, weekday, hours, minutes, seconds, subseconds), UTC
        t = time.gmtime()
        return t[:3] + (t[6],) + t[3:6] + (0,)


def unique_id():
    return b"qssl-pc"


def freq():
    return 1000000000


def idle():
    time.sleep_ms(1)


def lightsleep(ms=0):
    time.sleep_ms(ms)


def reset():
    sys.exit(0)


deepsleep = soft_reset = reset
