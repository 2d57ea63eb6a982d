# telemetry - examples/telemetry_https.py for three records: heap in use then. Prints one JSON
# object.
# SPDX-License-Identifier: MIT
#
# bench puts a line before this text: FREE, bytes of heap before the program; 0: all there is. The
# program is telemetry_https.mpy; the UART is made first: its rings are not the driver's.

import gc
import json
import sys

import board
from bench_site import CA, HTTP, make_uart, utc

uart = make_uart(board)
settings = {"host": HTTP[0], "port": HTTP[1], "ca": CA, "count": 3, "interval_ms": 10}


class Board:
    # What the program asks of the board.
    def setting(self, name, default=None):
        return settings.get(name, default)

    def modem(self, **options):
        from qssl import Modem

        return Modem(uart, **options)

    def access(self):
        return {"apn": "bench"}

    def utc(self):
        return utc

    def now(self):
        return None


sys.modules["board"] = Board()
del board
found = {"passed": False}
gc.collect()
gc.collect()
ballast = [None] * 1200
for i in range(1200 if FREE else 0):  # noqa: F821  # small ones, see need.py
    n = min(gc.mem_free() - FREE - 32, 240)  # noqa: F821
    if n <= 0:
        break
    ballast[i] = bytearray(n)
gc.collect()
before = gc.mem_alloc()
try:
    import telemetry_https

    gc.collect()
    gc.collect()
    found["heap"] = gc.mem_alloc() - before
    found["passed"] = telemetry_https.up.failures == 0 and telemetry_https.up.delivered == 3
except MemoryError:
    pass
ballast = None
gc.collect()
print()
print(json.dumps(found))
