# stream - on an emulated RP2040: from nothing to traffic, then full commands both ways. Prints one
# JSON object; what is between the commands is measured at the far end.
# SPDX-License-Identifier: MIT
#
# qbench.chip puts a line before this text: ROUNDS, SIZES.

import json
import time

start = time.ticks_ms()
steps = []


def mark():
    steps.append(time.ticks_diff(time.ticks_ms(), start))


import board  # noqa: E402

from qssl import Modem  # noqa: E402

mark()
m = board.modem(sockets=1)
assert isinstance(m, Modem)
mark()
m.start(**board.access())
m.clock((2026, 1, 1, 0, 0, 0))
mark()
ctx = m.tls(ca="/ca.pem")
sock = m.connect("echo", 7, ctx)
sock.settimeout(10)
mark()
sock.write(b"x" * 100)
assert len(sock.read(100)) == 100
mark()
sock.close()

sock = m.connect("source", 7, ctx)
sock.settimeout(10)
buf = bytearray(1500)
for _ in range(ROUNDS):  # noqa: F821
    sock.readinto(buf)
sock.close()

for size in SIZES:  # noqa: F821
    sock = m.connect("sink", 7, ctx)
    sock.settimeout(10)
    buf = bytearray(size)
    for _ in range(ROUNDS * 1460 // size):  # noqa: F821
        sock.write(buf)
    sock.flush()
    sock.close()
print(json.dumps(steps))
