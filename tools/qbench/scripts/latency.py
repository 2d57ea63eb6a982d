# latency - from the last byte of the "recv" URC to the data in a poll, without the wire's time.
# SPDX-License-Identifier: MIT

import json
import time

import board
from bench_site import BAUD, CA, HOST, PORT, utc

ROUNDS = 15
SIZE = 100
URC = 24  # CR LF +QSSLURC: "recv",0 CR LF
ASK = 19  # AT+QSSLRECV=0,1500 CR
REPLY = 20 + SIZE + 8  # CR LF +QSSLRECV: 100 CR LF, the data, CR LF CR LF OK CR LF

m = board.modem(sockets=1)
m.start(apn="bench")
if utc:
    m.clock(utc)
sock = m.connect(HOST, PORT, m.tls(ca=CA))
sock.settimeout(10)
uart = m.link.uart
buf = bytearray(SIZE)
WIRE_US = (URC - 1 + ASK + REPLY) * 10 * 1000000 // BAUD  # from the URC's first byte on


def once():
    # All is quiet but for the modem, which will report data. Looked at as a program's loop does.
    sock.write("burst %d 300\n" % SIZE)
    sock.flush()
    m.sleep_ms(100)
    while not uart.any():
        pass
    start = time.ticks_us()
    while not sock.ioctl(3, 1):
        pass
    us = time.ticks_diff(time.ticks_us(), start)
    assert sock.readinto(buf) == SIZE
    return us - WIRE_US


once()
found = sorted([once() for _ in range(ROUNDS)])
print(json.dumps({"us": found, "wire_us": WIRE_US}))
