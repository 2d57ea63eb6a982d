# work - the processor's work for a stream, at a modem in memory that answers at once.
# SPDX-License-Identifier: MIT
#
# The board counts time by instructions (QEMU's -icount), so microseconds tell instructions. What
# the modem in memory costs is measured by itself and taken off.

import json
import time

import driver_canned
from qssl import Modem

KIB = 60


class Context:
    id = 0

    def __init__(self, modem):
        self._modem = modem

    def applying(self, host, now):
        return
        yield


data = bytes(range(256)) * 6
uart = driver_canned.Canned(data[:1500])


class Headers:
    full = b"\r\n+QSSLRECV: 1500\r\n"

    def __getitem__(self, n):
        return self.full if n == 1500 else b"\r\n+QSSLRECV: %d\r\n" % n


uart.headers = Headers()
m = Modem(uart, sockets=1)
m.up = True


class NoWait:
    # Time spent waiting would be counted as work.
    def ipoll(self, ms):
        return ()


m.link._poll = NoWait()
sock = m.open("server.example", 443, Context(m))
for _ in range(50):
    m.pump()
uart.reply(b"\r\n+QSSLOPEN: 0,0\r\n")
for _ in range(50):
    m.pump()
assert sock.state() == 1
sock.settimeout(10)
buf = bytearray(1500)


def receive(n):
    uart.give = 1500 * n
    uart.reply(b'\r\n+QSSLURC: "recv",0\r\n')
    start = time.ticks_us()
    for _ in range(n):
        sock.readinto(buf)
    return time.ticks_diff(time.ticks_us(), start)


def send(n):
    start = time.ticks_us()
    for _ in range(n):
        sock.write(buf, 0, 1460)
    sock.flush()
    return time.ticks_diff(time.ticks_us(), start)


def modem_reply(n):
    # What the modem in memory does for n answers, with nobody but this loop to read them.
    line = b"AT+QSSLRECV=0,1500\r"
    uart.give = 1500 * n
    start = time.ticks_us()
    for _ in range(n):
        uart.write(line, 0, 19)
        while uart.any():
            uart.readinto(buf, 256)
    return time.ticks_diff(time.ticks_us(), start)


def modem_take(n):
    line = b"AT+QSSLSEND=0,1460\r"
    start = time.ticks_us()
    for _ in range(n):
        uart.write(line, 0, 19)
        uart.write(buf, 0, 1460)
        while uart.any():
            uart.readinto(buf, 256)
    return time.ticks_diff(time.ticks_us(), start)


def settle():
    # So that no exchange of the driver is under way.
    for _ in range(100):
        m.pump()
    assert m.link.job is None and not uart.any()


n = KIB * 1024 // 1500
receive(2)
send(2)
found = {}
for echo in (0, 1):
    uart.echo = bool(echo)
    m.link.echo = echo
    for name, size, driver, modem in (
        ("receive", 1500, receive, modem_reply),
        ("send", 1460, send, modem_take),
    ):
        us = driver(n)
        settle()
        us -= modem(n)
        settle()
        found[name + (" deaf", "")[echo]] = us * 1024 // (n * size)
print(json.dumps(found))
