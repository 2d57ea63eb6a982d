# queue_kit - records and a disk for the cases of queues.
# SPDX-License-Identifier: MIT

from disk import Disk

FOLDER = "/queue"
ENOSPC, EROFS, ENOTDIR = 28, 30, 20  # not all are in MicroPython's errno


def record(n, size=20):
    return (b"record %05d " % n + b"x" * size)[:size]


def disk():
    made = Disk()
    made.mount()
    return made


def everything(q, records=7, size=200):
    # All that is in the queue, as a receiver gets it.
    found = []
    while True:
        batch = q.peek(records, size)
        if not batch:
            return found
        assert len(batch) <= records
        assert len(batch) == 1 or sum([len(r) for _, r in batch]) <= size
        found += batch
        q.drop(batch[-1][0])
