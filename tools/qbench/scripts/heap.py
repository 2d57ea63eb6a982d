# heap - bytes of heap in use after each step to an open socket. Prints one JSON object.
# SPDX-License-Identifier: MIT
#
# The UART is made first: its rings are not the driver's.

import gc
import io
import json
import sys

import board
from bench_site import CA, HOST, PORT, make_uart, utc

from micropython import RingIO, qstr_info

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
qstr_info()
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


def modules():
    return sorted(n for n in sys.modules if n.startswith("qssl"))


def cost(make):
    # Bytes of heap of what make() gives.
    gc.collect()
    before = gc.mem_alloc()
    made = make()
    gc.collect()
    return gc.mem_alloc() - before if made else 0


qstr_info()
found["resident"] = modules()

# What the objects are made of: their buffers, and all of them together.
from qssl.socket import Socket  # noqa: E402
from qssl.wire.connection import slot  # noqa: E402
from qssl.wire.dialect import RECV_MAX, SEND_MAX  # noqa: E402
from qssl.wire.parser import LINE_MAX  # noqa: E402

one = slot(1, RingIO(RECV_MAX), io.BytesIO(SEND_MAX))
found["buffers"] = (
    ("received bytes of a socket: RingIO(%d)" % RECV_MAX, cost(lambda: RingIO(RECV_MAX))),
    ("written bytes of a socket: BytesIO(%d)" % SEND_MAX, cost(lambda: io.BytesIO(SEND_MAX))),
    ("from the UART and to it: 2 x bytearray(256)", 2 * cost(lambda: bytearray(256))),
    (
        "a line in pieces, and whole: RingIO(%d), bytearray(%d)" % (LINE_MAX, LINE_MAX),
        cost(lambda: (RingIO(LINE_MAX), bytearray(LINE_MAX))),
    ),
)
found["objects"] = (
    cost(lambda: Modem(uart, sockets=1))
    + cost(lambda: slot(1, RingIO(RECV_MAX), io.BytesIO(SEND_MAX)))
    + cost(lambda: Socket(m, 1, one, None))
)

# All that was loaded on the way, whether it stayed or not.
import qssl  # noqa: E402

qssl.unload = lambda names, often=False: None
sock.close()
m.start(apn="bench")
m.connect(HOST, PORT, m.tls(ca=CA))
found["path"] = modules()
print(json.dumps(found))
