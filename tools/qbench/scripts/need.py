# need - whether start, tls, connect and traffic pass with FREE bytes of heap before the import.
# SPDX-License-Identifier: MIT
#
# qbench.need puts a line before this text: FREE, SOCKETS. Prints one JSON object: passed, or where
# the memory was at its end; "free": what was there.

import gc
import json

import board
from bench_site import CA, HOST, PORT, make_uart, utc

uart = make_uart(board)
where = "import"
ca, host, port, apn, name = CA, HOST, PORT, "bench", "echo"
back = bytearray(600)
gc.collect()
gc.collect()
ballast = [None] * 1200
for i in range(1200):  # small ones: they fill the gaps that compiling this has left, too
    n = min(gc.mem_free() - FREE - 32, 240)  # noqa: F821
    if n <= 0:
        break
    ballast[i] = bytearray(n)
gc.collect()
found = {"free": gc.mem_free(), "passed": False}
try:
    from qssl import Modem

    where = "modem"
    m = Modem(uart, sockets=SOCKETS)  # noqa: F821
    where = "start"
    m.start(apn="bench")
    if utc:
        m.clock(utc)
    where = "tls"
    ctx = m.tls(ca=ca)
    socks = []
    for _ in range(SOCKETS):  # noqa: F821
        where = "connect"
        sock = m.connect(host, port, ctx)
        sock.settimeout(10)
        socks.append(sock)
        where = "traffic"
        sock.write(b"echo\n")
    for _ in range(3):
        for sock in socks:
            sock.write(back)
            sock.readinto(back)
    found["passed"] = True
except MemoryError:
    pass
ballast = None
gc.collect()
found["where"] = where
print(json.dumps(found))
