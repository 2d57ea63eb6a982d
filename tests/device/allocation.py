# allocation - the steady state allocates nothing: receive, send, poll, pump, time-out not raised.
# SPDX-License-Identifier: MIT

import gc
import select
import time

import micropython
from kit import clean, connect, context, done, modem, pattern

micropython.alloc_emergency_exception_buf(100)
m = modem(sockets=1)
sock = connect(m, context(m), "echo")
sock.setblocking(False)
out = pattern(0, 700)
buf = bytearray(700)
poll = select.poll()
poll.register(sock, select.POLLIN)


def exchange():
    # 700 bytes there and back; what a loop of a program would call.
    sock.write(out)
    got = 0
    while got < 700:
        for _ in poll.ipoll(1000):
            pass
        n = sock.recv_into(buf)
        if n:
            got += n


def idle():
    end = time.ticks_add(time.ticks_ms(), 300)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        m.pump()
        sock.recv_into(buf)


def measured(what):
    # Bytes that five rounds leave behind; raises MemoryError if anything is allocated meanwhile.
    gc.collect()
    before = gc.mem_alloc()
    micropython.heap_lock()
    try:
        for _ in range(5):
            what()
    finally:
        micropython.heap_unlock()
    return gc.mem_alloc() - before


gc.disable()
for what in (exchange, idle):
    what()  # the first one fills caches
    n = measured(what)
    print("%s: %d bytes in 5 rounds" % (what.__name__, n))
    assert n == 0
gc.enable()
sock.setblocking(True)
sock.close()
clean(m)
done()
