# test_queue_flash - qssl.queue on MicroPython's own file systems, littlefs and FAT, on a block
# device whose power goes at every one of its operations.
# SPDX-License-Identifier: MIT

import builtins
import os

from qssl import queue
from qssl.queue import FileQueue

ONLY = "micropython"
WHY = "its file systems are MicroPython's"

BLOCK = 512
BLOCKS = 96
WHERE = "/flash"


class PowerCut(Exception):
    pass


class Flash:
    # left: operations until the power goes; None: never. torn: the last one is done in part.
    def __init__(self, data=None, torn=False):
        self.data = bytearray(data) if data else bytearray(b"\xff" * (BLOCK * BLOCKS))
        self.left = None
        self.torn = torn
        self.done = 0
        self.dead = False

    def readblocks(self, n, buf, off=0):
        at = n * BLOCK + off
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, n, buf, off=0):
        self._change(n * BLOCK + off, buf)

    def _change(self, at, buf):
        if self.dead:
            return  # files that are collected later write no more
        n = len(buf)
        self.done += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead = True
                n = n // 2 + 1 if self.torn else 0
        self.data[at : at + n] = memoryview(buf)[:n]
        if self.dead:
            raise PowerCut

    def ioctl(self, op, arg):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            self._change(arg * BLOCK, b"\xff" * BLOCK)
            return 0
        return None


def mounted(kind, flash):
    os.mount(kind(flash), WHERE)


def made(kind, torn=False):
    flash = Flash(torn=torn)
    kind.mkfs(flash)
    return flash


def record(n):
    return b"record %04d " % n + b"x" * (n % 23)


def opened():
    return FileQueue(WHERE + "/q", 1024, "drop", 256)


def life(put, dropped):
    # What a device does: records come, some are delivered, the oldest make room.
    q = opened()
    n = len(put)
    for i in range(n, n + 16):
        put.append(None)  # it is begun
        put[i] = q.put(record(i))
        if i % 5 == 4:
            dropped.append(None)
            upto = q.peek(3)[-1][0]
            q.drop(upto)
            dropped[-1] = upto


def survived(kind, flash, put, dropped, why):
    # The power comes back: what put() has come back for is there, but what was dropped, or made
    # room; and it works on.
    mounted(kind, flash)
    try:
        q = opened()
        found = q.peek(99, 9999)
        ids = [i for i, _ in found]
        assert ids == sorted(set(ids)), (why, ids)
        known = {number: record(i) for i, number in enumerate(put) if number}
        for number, text in found:
            assert known.get(number, record(len(put) - 1)) == text, (why, number, text)
        mark = max([number or 0 for number in dropped] or [0])
        if not dropped or dropped[-1] is not None:
            must = [n for n in known if n > mark]
            missing = [n for n in must if n not in ids]
            # Only the oldest may have made room.
            assert not missing or max(missing) < min(ids), (why, missing, ids)
            assert len(missing) <= max(0, len(must) - 8), (why, missing, ids)
        assert q.damaged == 0, why
        new = q.put(b"new")
        assert new > max(ids + [n or 0 for n in put] + [0]), why
        assert q.peek(99, 9999) == found + [(new, b"new")], why
    finally:
        os.umount(WHERE)
    mounted(kind, flash)
    try:
        assert opened().peek(99, 9999) == found + [(new, b"new")], why
    finally:
        os.umount(WHERE)


def cuts(kind, torn):
    queue.os = os
    queue.open = builtins.open
    flash = made(kind, torn)
    mounted(kind, flash)
    start = flash.done
    life([], [])
    total = flash.done - start
    os.umount(WHERE)
    assert total > 40, total
    for cut in range(total):
        flash = made(kind, torn)
        mounted(kind, flash)
        flash.left = cut
        put = []
        dropped = []
        try:
            life(put, dropped)
        except PowerCut:
            pass
        os.umount(WHERE)
        assert flash.dead, cut
        survived(kind, Flash(flash.data), put, dropped, (kind, torn, cut))


def filled(kind, before, limit):
    # A file system that is full of other files: what put() has taken is there or counted as lost,
    # and room makes it work again. littlefs needs to be mounted anew for that, says issue 993 of
    # littlefs-project/littlefs.
    queue.os = os
    queue.open = builtins.open
    flash = made(kind)
    mounted(kind, flash)
    q = FileQueue(WHERE + "/q", limit, "drop", 256)
    taken = {}
    for n in range(before):
        taken[q.put(record(n))] = record(n)
    with open(WHERE + "/filler", "wb") as f:
        try:
            while True:
                f.write(b"z" * 128)
                f.flush()
        except OSError:
            pass
    refused = 0
    for n in range(before, before + 60):
        try:
            taken[q.put(record(n))] = record(n)
        except OSError as e:
            assert "can't write to /flash/q" in str(e), e
            refused += 1
    lost = q.lost
    assert refused or lost
    found = q.peek(999, 99999)
    q.close()
    os.umount(WHERE)
    mounted(kind, flash)
    q = FileQueue(WHERE + "/q", limit, "drop", 256)
    why = kind, before, limit, lost
    assert q.peek(999, 99999) == found and not q.damaged, why
    ids = [i for i, _ in found]
    assert len(taken) - len(found) == lost, why
    assert found == [(i, taken[i]) for i in sorted(taken)[lost:]], why
    if ids:
        q.drop(ids[-1])  # nothing may be written for that
        assert not q.peek()
    q.close()
    os.remove(WHERE + "/filler")
    os.umount(WHERE)
    mounted(kind, flash)
    q = FileQueue(WHERE + "/q", limit, "drop", 256)
    new = q.put(b"new")
    assert new > max(list(taken) + [0]), why
    assert q.peek(999, 99999)[-1] == (new, b"new"), why
    q.close()
    os.umount(WHERE)


def test_a_full_file_system():
    for kind in (os.VfsLfs2, os.VfsFat):
        for before in (0, 5, 20, 40):
            for limit in (1024, 2048):
                filled(kind, before, limit)


def test_littlefs():
    # Operations that end half way, too.
    cuts(os.VfsLfs2, False)
    cuts(os.VfsLfs2, True)


def test_fat():
    cuts(os.VfsFat, False)
    cuts(os.VfsFat, True)
