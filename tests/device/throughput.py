# throughput - bytes a second both ways, every byte checked; what the protocol allows beside it.
# SPDX-License-Identifier: MIT

import time

from kit import SET, clean, connect, context, done, modem, pattern

SIZE = SET.get("size", 65536)
BAUD = SET["baud"]

m = modem(sockets=1)
sock = connect(m, context(m))
piece = pattern(0, 1 << 12)  # what is compared: the pattern's first 4 KiB, the rest by its sum


def total(at, count):
    # The sum of the pattern's bytes: each block of 256 holds every value once.
    return (count // 256) * 32640


def report(what, ms, bound):
    speed = SIZE * 1000 // ms
    line = "%s %d bytes: %d ms, %d B/s" % (what, SIZE, ms, speed)
    print(line + ", %d %% of what %d baud allow" % (speed * 1000 // bound // 10, BAUD))


buf = bytearray(1500)
view = memoryview(buf)
sock.write("send %d\n" % SIZE)
sock.flush()
assert sock.recv_into(buf, 1) == 1 and buf[0] == piece[0]
start = time.ticks_ms()
got = 1
checksum = buf[0]
while got < SIZE:
    n = sock.recv_into(buf)
    assert n, "closed after %d bytes" % got
    if got + n <= len(piece):
        assert view[:n] == piece[got : got + n], "wrong near byte %d" % got
    got += n
    checksum += sum(view[:n]) if SET.get("check", 1) else 0
report("received", time.ticks_diff(time.ticks_ms(), start), BAUD // 10 * 1500 // 1546)
assert got == SIZE
if SET.get("check", 1):
    assert checksum == total(0, SIZE), "a byte was wrong"

sock.write("%s %d\n" % ("sink" if SET.get("check", 1) else "drop", SIZE))
sock.flush()
out = pattern(0, 4096)
start = time.ticks_ms()
at = 0
while at < SIZE:
    # The pattern's block k is its first one with 13 k added.
    k = (at >> 12) * 16 * 13 & 255
    block = bytes([(c + k) & 255 for c in out]) if SET.get("check", 1) else out
    n = min(SIZE - at, 4096)
    sock.write(block, n)
    at += n
sock.flush()
report("sent", time.ticks_diff(time.ticks_ms(), start), BAUD // 10 * 1460 // 1495)
answer = sock.readline()
assert answer == b"ok\n", answer
sock.close()
clean(m)
done()
