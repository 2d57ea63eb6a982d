# latency - from the last byte of the "recv" URC to the data in a poll, without the wire's time.
# SPDX-License-Identifier: MIT

import json
import time

import board
from bench_site import BAUD, CA, HOST, PORT, utc

ROUNDS = 15
SIZE = 100
URC = len('\r\n+QSSLURC: "recv",0\r\n')
ASK = len("AT+QSSLRECV=0,1500\r")
REPLY = len("\r\n+QSSLRECV: 100\r\n") + SIZE + len("\r\n\r\nOK\r\n")

m = board.modem(sockets=1)
m.start(apn="bench")
if utc:
    m.clock(utc)
sock = m.connect(HOST, PORT, m.tls(ca=CA))
sock.settimeout(10)
uart = m.link.uart
buf = bytearray(SIZE)
WIRE_US = (URC - 1 + ASK + REPLY) * 10 * 1000000 // BAUD  # from the URC's first byte on


def once(look):
    # All is quiet but for the modem, which will report data.
    sock.write("burst %d 300\n" % SIZE)
    sock.flush()
    m.sleep_ms(100)
    while not uart.any():
        pass
    start = time.ticks_us()
    look()
    return time.ticks_diff(time.ticks_us(), start) - WIRE_US


def polled():
    # Looked at as a program's loop does.
    while not sock.ioctl(3, 1):
        pass


def bare():
    # The same exchange by a loop that only counts bytes: what board and modem can do.
    take(URC)
    uart.write(b"AT+QSSLRECV=%d,1500\r" % sock.id)
    take(REPLY + (ASK if m.link.echo else 0))


def take(n):
    start = time.ticks_ms()
    while n > 0:
        if uart.any():
            n -= uart.readinto(chunk, min(n, uart.any())) or 0
        assert time.ticks_diff(time.ticks_ms(), start) < 5000


def rounds(look, after):
    found = []
    for _ in range(ROUNDS + 1):
        found.append(once(look))
        after()
    return sorted(found[1:])


def read():
    assert sock.readinto(buf) == SIZE


def empty():
    # As the driver does: only when the modem has said 0, it will report again.
    uart.write(b"AT+QSSLRECV=%d,1500\r" % sock.id)
    time.sleep_ms(100)
    while uart.any():
        uart.readinto(chunk, min(uart.any(), len(chunk)))


chunk = bytearray(256)
print(json.dumps({"us": rounds(polled, read), "bare": rounds(bare, empty)}))
