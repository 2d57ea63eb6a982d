# modules - bytes of heap that each module costs, imported after those that it needs.
# SPDX-License-Identifier: MIT

import gc
import json

import board
from bench_site import NAMES

found = []
for name in NAMES.split():
    gc.collect()
    before = gc.mem_alloc()
    try:
        __import__("qssl." + name)
    except ImportError as e:
        print(name, e)
        continue
    gc.collect()
    cost = gc.mem_alloc() - before
    found.append((name, cost))
assert board
print(json.dumps(found))
