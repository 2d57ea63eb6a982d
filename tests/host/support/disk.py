# disk - a file system in RAM for qssl.queue: power cuts at any byte, full, read-only, damaged.
# SPDX-License-Identifier: MIT

import errno

from qssl import queue

EROFS = 30  # MicroPython's errno has no name for it


class PowerCut(Exception):
    # Not an OSError: nothing in the program may catch it.
    pass


class Disk:
    # Stands for `os` and `open` of qssl.queue, from mount() on. What write() has taken is on the
    # disk at once: a queue that flushes less often than it must is found by counting flushes.
    def __init__(self):
        self.files = {}  # path -> bytearray
        self.folders = set()
        self.cut = None  # bytes (and removals, and files made) until the power goes; None: never
        self.room = None  # bytes that still fit; None: no end
        self.read_only = False
        self.bad = {}  # path -> errno: it can't be read any more
        self.stuck = 0  # errno: nothing can be removed
        self.written = 0  # bytes and other changes so far
        self.flushed = True
        self.writers = 0  # files that are open for writing
        self.reads = self.most = 0  # read() so far, and the most bytes that one has asked for

    def mount(self, *modules):
        # Also for other modules.
        for module in (queue,) + modules:
            module.os = self
            module.open = self.open

    def copy(self):
        other = Disk()
        other.files = {path: bytearray(data) for path, data in self.files.items()}
        other.folders = set(self.folders)
        return other

    def size(self):
        return sum([len(data) for data in self.files.values()])

    def _change(self, n=1):
        # How many of n units may be written now; 0: then the power goes.
        if self.read_only:
            raise OSError(EROFS, "disk")
        if self.cut is not None:
            if self.cut <= 0:
                raise PowerCut
            n = min(n, self.cut)
            self.cut -= n
        self.written += n
        return n

    # --- os ---

    def mkdir(self, path):
        if path in self.folders:
            raise OSError(errno.EEXIST, "disk")
        self._change()
        self.folders.add(path)

    def listdir(self, path):
        if path not in self.folders and path != "/":
            raise OSError(errno.ENOENT, "disk")
        start = path.rstrip("/") + "/"
        names = list(self.files) + list(self.folders)
        names = [name[len(start) :] for name in names if name.startswith(start)]
        return [name for name in names if name and "/" not in name]

    def stat(self, path):
        if path in self.folders:
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        if path not in self.files:
            raise OSError(errno.ENOENT, "disk")
        return (0x8000, 0, 0, 0, 0, 0, len(self.files[path]), 0, 0, 0)

    def statvfs(self, path):
        free = 1 << 20 if self.room is None else self.room
        return (1, 1, 1 << 21, free, free, 0, 0, 0, 0, 255)

    def rename(self, old, new):
        if old not in self.files:
            raise OSError(errno.ENOENT, "disk")
        self._change()
        self.files[new] = self.files.pop(old)

    def rmdir(self, path):
        if path not in self.folders:
            raise OSError(errno.ENOENT, "disk")
        if self.listdir(path):
            raise OSError(39, "disk")  # ENOTEMPTY
        self._change()
        self.folders.remove(path)

    def remove(self, path):
        if path not in self.files:
            raise OSError(errno.ENOENT, "disk")
        if self.stuck:
            raise OSError(self.stuck, "disk")
        self._change()
        del self.files[path]

    def urandom(self, n):
        return bytes([17 * i + len(self.files) + 1 & 255 for i in range(n)])

    # --- open ---

    def open(self, path, mode="r"):
        folder = path.rpartition("/")[0]
        if mode != "rb" and path not in self.files:
            if folder and folder not in self.folders:
                raise OSError(errno.ENOENT, "disk")
            if self.room == 0:
                raise OSError(28, "disk")
            self._change()
            self.files[path] = bytearray()
        elif mode == "wb":
            self._change()
            self.files[path] = bytearray()
        elif path not in self.files:
            raise OSError(errno.ENOENT, "disk")
        elif self.read_only and mode != "rb":
            raise OSError(EROFS, "disk")
        self.writers += mode != "rb"
        return File(self, path, mode != "rb")


class File:
    def __init__(self, disk, path, writes):
        self._disk = disk
        self._writes = writes
        self._path = path
        self._at = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def readinto(self, buf):
        data = self.read(len(buf))
        buf[: len(data)] = data
        return len(data)

    def seek(self, at):
        self._at = at

    def tell(self):
        return self._at

    def read(self, n):
        if self._path in self._disk.bad:
            raise OSError(self._disk.bad[self._path], "disk")
        self._disk.reads += 1
        self._disk.most = max(self._disk.most, n)
        data = bytes(self._disk.files[self._path][self._at : self._at + n])
        self._at += len(data)
        return data

    def write(self, data):
        disk = self._disk
        n = len(data)
        if disk.room is not None:
            n = min(n, disk.room)
            disk.room -= n
        took = 0
        while took < n:
            k = disk._change(n - took)
            disk.files[self._path].extend(data[took : took + k])
            took += k
        disk.flushed = False
        return n

    def flush(self):
        self._disk.flushed = True

    def close(self):
        self.flush()
        self._disk.writers -= self._writes
        self._writes = False
