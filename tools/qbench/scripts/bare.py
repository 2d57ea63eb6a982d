# bare - the exchanges of speed.py by loops that only count bytes: no line is read, nothing is
# checked. What they miss of the protocol's bound is missed by the PC and its modem, not by qssl.
# SPDX-License-Identifier: MIT

import json
import select
import time

import board

TOTAL = board.setting("total", 0)
CHUNK, SEND = 1500, 1460
m = board.modem(sockets=1)
m.start(apn="bench")
ctx = m.tls(ca=board.setting("ca"), check_time=False)
uart = m.link.uart
poll = select.poll()
poll.register(uart, select.POLLIN)
buf = bytearray(2048)


def take(n):
    # Until n bytes have come.
    while n > 0:
        if not uart.any():
            for _ in poll.ipoll(5000):
                break
            else:
                raise OSError("the modem does not answer as it should")
        n -= uart.readinto(buf) or 0


def rate(host, chunk, exchange):
    sock = m.connect(host, 1, ctx)
    m.sleep_ms(0)
    while m.link.job is not None:
        m.pump()
    uart.write(b"ATE0\r")
    time.sleep_ms(300)
    while uart.any():
        uart.readinto(buf)
    exchange(sock.id)
    start = time.ticks_us()
    for _ in range(TOTAL // chunk - 2):
        exchange(sock.id)
    us = time.ticks_diff(time.ticks_us(), start)
    return {"us": us, "bytes": (TOTAL // chunk - 2) * chunk}


def receive(id):
    uart.write(b"AT+QSSLRECV=%d,1500\r" % id)
    take(19 + CHUNK + 8)  # CR LF +QSSLRECV: 1500 CR LF, data, CR LF CR LF OK CR LF


def send(id):
    uart.write(b"AT+QSSLSEND=%d,1460\r" % id)
    take(4)  # CR LF > blank
    at = 0
    while at < SEND:
        at += uart.write(data, at, SEND - at) or 0
    take(11)  # CR LF SEND OK CR LF


data = bytearray(SEND)
found = {"send": rate("sink", SEND, send)}
m.start(apn="bench")  # as nothing else did look after the connection
found["receive"] = rate("source", CHUNK, receive)
print(json.dumps(found))
