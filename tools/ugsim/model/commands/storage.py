# ugsim.model.commands.storage - files in RAM: and in flash (UFS), of finite size.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import Refused

NAME_MAX = 80  # bytes of a file name
_OPEN_MAX = 10
_FIRST_HANDLE = 3000  # as seen on UG96

# Modes of AT+QFOPEN
OPEN = 0
OVERWRITE = 1
READ_ONLY = 2


def checksum(data):
    # 16-bit XOR of the big-endian 16-bit words; an odd last byte is a high byte. (FILE manual,
    # AT+QFUPL.) Three halvings of a large number do the work of a loop over each word.
    size = len(data)
    if size % 2:
        data = bytes(data) + b"\0"
        size += 1
    total = 0
    for start in range(0, size, 1024):
        part = data[start : start + 1024]
        width = len(part)
        x = int.from_bytes(part, "big")
        while width > 2:
            half = (width // 2 + 1) // 2 * 2
            bits = half * 8
            x = (x >> bits) ^ (x & ((1 << bits) - 1))
            width = half
        total ^= x
    return total


class Store:
    # One storage: name -> contents, in order of creation.

    def __init__(self, name, total, taken=0, block=1):
        self.name = name
        self.total = total
        self._taken = taken  # bytes that are never free
        self._block = block  # a file takes a multiple of so many bytes
        self.names = []
        self.contents = {}
        self.blocked = 0  # bytes that something else takes (control command "storage full")

    def used(self):
        return sum([len(data) for data in self.contents.values()])

    def free(self):
        block = self._block
        used = self.used()
        if block > 1:
            used = sum([-(-len(data) // block) * block for data in self.contents.values()])
        return max(0, self.total - self._taken - used - self.blocked)

    def put(self, name, data):
        if name not in self.contents:
            self.names.append(name)
        self.contents[name] = data

    def remove(self, name):
        del self.contents[name]
        self.names.remove(name)

    def clear(self):
        self.names = []
        self.contents = {}


class Handle:
    # An open file.

    def __init__(self, number, store, name, read_only):
        self.number = number
        self.store = store
        self.name = name
        self.read_only = read_only
        self.position = 0

    def data(self):
        return self.store.contents[self.name]


class Files:
    # Both storages and the open files.

    def __init__(self, switches, family):
        self.ufs = Store("UFS", switches["ufs_total"], family.ufs_taken, family.block)
        self.ram = Store("RAM", switches["ram_total"])
        self._paths = family.paths
        self._has_ram = "RAM" in family.stores
        self.handles = {}
        self._next = _FIRST_HANDLE

    def find(self, path):
        # "RAM:x" -> (ram, "x"); "UFS:x" and "x" -> (ufs, "x"). Refused with 406.
        store, name = self._split(path)
        if not name or len(name.encode()) > NAME_MAX:
            raise Refused(406)
        for c in name:
            if ord(c) < 32 or c in ':*?"<>|\\' or (c == "/" and not self._paths):
                raise Refused(406)
        return store, name

    def _split(self, path):
        # What stands in front of the name is the storage.
        if path[:4].upper() == "RAM:" and self._has_ram:
            return self.ram, path[4:]
        if path[:4].upper() == "UFS:":
            path = path[4:]
        if self._paths and path[:1] == "/":
            path = path[1:]
        return self.ufs, path

    def read(self, path):
        # Contents, or None when there is no such file.
        if not path:
            return None
        try:
            store, name = self.find(path)
        except Refused:
            return None
        data = store.contents.get(name)
        return None if data is None else bytes(data)

    def match(self, pattern):
        # (store, names) for "*", "RAM:*", "UFS:a*" or a plain name.
        store, name = self._split(pattern)
        if name.endswith("*"):
            return store, [n for n in store.names if n.startswith(name[:-1])]
        return store, [name] if name in store.contents else []

    def is_open(self, store, name):
        for handle in self.handles.values():
            if handle.store is store and handle.name == name:
                return True
        return False

    def open(self, path, mode):
        # -> Handle. Refused with 405, 413 or 426.
        store, name = self.find(path)
        if self.is_open(store, name):
            raise Refused(426)
        if len(self.handles) >= _OPEN_MAX:
            raise Refused(413)
        if name not in store.contents:
            if mode == READ_ONLY:
                raise Refused(405)
            store.put(name, bytearray())
        elif mode == OVERWRITE:
            store.put(name, bytearray())
        handle = Handle(self._next, store, name, mode == READ_ONLY)
        self._next += 1
        self.handles[handle.number] = handle
        return handle

    def handle(self, number):
        if number not in self.handles:
            raise Refused(416)
        return self.handles[number]

    def write(self, handle, data):
        # Writes at the handle's position, as much as there is room for. Returns the count.
        old = handle.data()
        room = len(old) - handle.position + handle.store.free()
        data = data[: max(0, room)]
        end = handle.position + len(data)
        new = bytes(old[: handle.position]) + data + bytes(old[end:])
        handle.store.put(handle.name, bytearray(new))
        handle.position = end
        return len(data)

    def reset(self, keep_ram):
        # A restart: open files are closed, RAM: is empty.
        self.handles = {}
        if not keep_ram:
            self.ram.clear()
