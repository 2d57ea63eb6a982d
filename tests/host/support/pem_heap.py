# pem_heap - checks and cleans the PEM file $QSSL_PEM on a heap that is smaller than the file;
# prints its cleaned size, and the most heap in use beyond what the modules take.
# SPDX-License-Identifier: MIT

import gc
import os
from binascii import crc32

from qssl.connect import pemcheck, pemhints, sslcfg
from qssl.connect.pem import Clean

path = os.getenv("QSSL_PEM")
words = pemhints.refuse  # loaded before it is measured
gc.collect()
gc.threshold(1024)  # so that what is in use is what is needed
base = gc.mem_alloc()
most = 0
passed = Clean.passed


def watch(self, text):
    global most
    most = max(most, gc.mem_alloc() - base)
    return passed(self, text)


Clean.passed = watch
try:
    found = pemcheck.load(path, None, None)[0]
    assert sslcfg._stamp(path) == found[1:3]
    source = Clean(path, "ca", found[3:])
    source.rewind()
    buf = bytearray(100)
    total = crc = 0
    while True:
        n = source.typed(buf)
        if not n:
            break
        crc = crc32(memoryview(buf)[:n], crc)
        total += n
    source.close()
    assert (total, crc) == (found[3], found[5])
    print(total, most)
except OSError as e:
    print(e)
    print(0, most)
