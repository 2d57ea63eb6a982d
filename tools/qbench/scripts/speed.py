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


def wire():
    return m.stats.rx + m.stats.tx


def receive():
    sock = m.connect("source", 1, ctx)
    buf = bytearray(CHUNK)
    before = wire()
    got = sock.readinto(buf)
    start = time.ticks_us()
    while True:
        n = sock.readinto(buf)
        if not n:
            break
        got += n
        end = time.ticks_us()
    used = wire() - before
    sock.close()
    assert got == TOTAL, got
    return {"us": time.ticks_diff(end, start), "bytes": got - CHUNK, "share": got / used}


def send():
    sock = m.connect("sink", 1, ctx)
    buf = bytearray(SEND)
    sock.write(buf)
    sock.flush()
    before = wire()
    start = time.ticks_us()
    sent = 0
    while sent < TOTAL:
        sent += sock.write(buf)
    sock.flush()
    us = time.ticks_diff(time.ticks_us(), start)
    used = wire() - before
    sock.close()
    return {"us": us, "bytes": sent, "share": sent / used}


print(json.dumps({"receive": receive(), "send": send()}))
