# operations - net heap of each operation in the steady state. Prints one JSON object.
# SPDX-License-Identifier: MIT

import gc
import json
import select
import time

import board
from bench_site import CA, HOST, PORT, utc

m = board.modem(sockets=1)
m.start(apn="bench")
if utc:
    m.clock(utc)
sock = m.connect(HOST, PORT, m.tls(ca=CA))
sock.settimeout(10)
sock.write(b"echo\n")
out = bytearray(500)
buf = bytearray(500)
poll = select.poll()
poll.register(sock, select.POLLIN)


def wait(ms):
    for _ in poll.ipoll(ms):
        return


def send():
    sock.write(out)
    sock.flush()


def receive():
    # With the URC that announces the data.
    sock.readinto(buf)


def polls():
    wait(5)


def pump():
    m.pump()


def timeout():
    sock.setblocking(False)
    sock.recv_into(buf)
    sock.settimeout(10)


def cost(before, *rest):
    # The change of the heap by one call, the least of three: the first may fill a cache.
    least = 1 << 20
    for _ in range(3):
        for step in rest:
            step()
        gc.collect()
        gc.disable()
        at = gc.mem_alloc()
        before()
        least = min(least, gc.mem_alloc() - at)
        gc.enable()
        if before is send:
            receive()
    return least


send()
receive()
found = {"send": cost(send), "receive": cost(receive, send), "poll": cost(polls)}
found["pump"] = cost(pump)
found["time-out"] = cost(timeout)
assert time
print(json.dumps(found))
