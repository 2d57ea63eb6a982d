# speed - bytes a second and bytes on the wire, both ways. Prints one JSON object.
# SPDX-License-Identifier: MIT

import json
import time

import board

TOTAL = board.setting("total", 0)
CHUNK, SEND = 1500, 1460
m = board.modem(sockets=1)
m.start(apn="bench")
ctx = m.tls(ca=board.setting("ca"), check_time=False)


class Wire:
    # For how many bytes the line is in use. The echo of a command comes while it is being typed:
    # it takes no time of its own.
    def __init__(self):
        self._rx = m.stats.rx
        self._tx = m.stats.tx

    def used(self, payload):
        # payload: bytes that were typed and are not echoed.
        rx = m.stats.rx - self._rx
        tx = m.stats.tx - self._tx
        return rx + (payload if m.link.echo else tx)


def receive():
    sock = m.connect("source", 1, ctx)
    buf = bytearray(CHUNK)
    wire = Wire()
    got = sock.readinto(buf)
    start = time.ticks_us()
    while True:
        n = sock.readinto(buf)
        if not n:
            break
        got += n
        end = time.ticks_us()
    used = wire.used(0)
    sock.close()
    assert got == TOTAL, got
    return {"us": time.ticks_diff(end, start), "bytes": got - CHUNK, "share": got / used}


def send():
    sock = m.connect("sink", 1, ctx)
    buf = bytearray(SEND)
    sock.write(buf)
    sock.flush()
    wire = Wire()
    start = time.ticks_us()
    sent = 0
    while sent < TOTAL:
        sent += sock.write(buf)
    sock.flush()
    us = time.ticks_diff(time.ticks_us(), start)
    used = wire.used(sent)
    sock.close()
    return {"us": us, "bytes": sent, "share": sent / used}


print(json.dumps({"receive": receive(), "send": send()}))
