# soak - rounds of random messages and new connections; the memory must not creep away.
# SPDX-License-Identifier: MIT

import gc
import random

from kit import SET, clean, connect, context, done, modem, pattern

ROUNDS = SET.get("rounds", 6)
SEED = SET.get("seed", 1)

print("seed %d" % SEED)
random.seed(SEED)
m = modem(sockets=2)
ctx = context(m)
free = []
total = 0
for _ in range(ROUNDS):
    sock = connect(m, ctx, "echo")
    for _ in range(5):
        n = random.randint(1, 2000)
        data = pattern(random.randint(0, 1000), n)
        sock.write(data)
        assert sock.read(n) == data
        total += n
        if random.randint(0, 2) == 0:
            assert -113 <= m.signal() <= -51
        if random.randint(0, 3) == 0:
            m.sleep_ms(random.randint(1, 100))
    sock.close()
    gc.collect()
    free.append(gc.mem_free())
print("%d bytes each way, heap free after each round: %s" % (total, free))
# The first round fills caches and slots.
assert free[-1] >= free[1] - 64, "the heap creeps away"
clean(m)
done()
