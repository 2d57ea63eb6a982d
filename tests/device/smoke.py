# smoke - the shortest way through: start, questions, one connection, one exchange.
# SPDX-License-Identifier: MIT

import time

from kit import clean, connect, context, done, modem

start = time.ticks_ms()
m = modem(sockets=1)
print("up after %d ms, address %s" % (time.ticks_diff(time.ticks_ms(), start), m.address))
assert m.registration() and m.address == m.ip()
assert -113 <= m.signal() <= -51
print("modem:", b" ".join(m.command("ATI")).decode())

ctx = context(m)
assert m.clock() is not None
start = time.ticks_ms()
sock = connect(m, ctx, "echo")
print("TLS connection after %d ms" % time.ticks_diff(time.ticks_ms(), start))
sock.write(b"hello, world\n")
assert sock.readline() == b"hello, world\n"
sock.close()
clean(m)
done()
