# heap - bytes of heap in use after each step to an open socket. Prints one JSON object.
# SPDX-License-Identifier: MIT
#
# The UART is made first: its rings are not the driver's.

import gc
import json
import sys

import board
from bench_site import CA, HOST, PORT, make_uart, utc

uart = make_uart(board)
steps = [None] * 8
at = 0


def mark():
    global at
    gc.collect()
    gc.collect()
    steps[at] = gc.mem_alloc()
    at += 1


mark()
from qssl import Modem  # noqa: E402

mark()
m = Modem(uart, sockets=1)
mark()
ctx = m.tls(ca=CA)
mark()
m.start(apn="bench")
if utc:
    m.clock(utc)
mark()
sock = m.connect(HOST, PORT, ctx)
mark()
sock.write(b"echo\n")
sock.settimeout(10)
sock.write(b"x" * 100)
assert len(sock.read(100)) == 100
mark()
names = ("import", "modem", "context", "start", "socket", "traffic")
found = {names[i]: steps[i + 1] - steps[0] for i in range(6)}
found["modules"] = sorted(n for n in sys.modules if n.startswith("qssl"))
print(json.dumps(found))
