# qssl.queue - bounded queues of records: in RAM, or in files that survive every power cut.
# SPDX-License-Identifier: MIT
#
# A queue has put(record) -> id, peek(records, size) -> [(id, record)] oldest first, drop(id) that
# forgets everything up to id, len(), name (new with every queue, so that (name, id) never comes
# twice), and the counters lost (dropped to make room) and damaged. Ids are consecutive.
#
# FileQueue: a folder of segments, each only ever appended to and at last deleted; nothing is
# rewritten in place. A segment is a header and entries, each with its CRC-32:
#     file    <sequence number in hex>.q
#     header  "QSQ1" name:4 first_id:4 crc:4
#     entry   size:2 id:4 record crc:4      size 0xffff: no record, everything up to id is dropped
# An entry that a power cut left half written ends its segment; the next put begins a new one.

import errno
import os
from binascii import crc32, hexlify
from struct import pack, unpack

from micropython import const

from .errors import Error, Refused

_HEADER = const(16)
_HEAD = const(6)  # of an entry
_CRC = const(4)
_DROP = const(0xFFFF)
_RECORD_MAX = const(4096)  # bytes of one record
_MAGIC = b"QSQ1"


def _checked(record):
    if isinstance(record, str):
        record = record.encode()
    if not 0 < len(record) <= _RECORD_MAX:
        raise Refused(errno.EINVAL, "queue", "a record has 1 to %d bytes" % _RECORD_MAX)
    return bytes(record)


class RamQueue:
    # Gone with the power. limit: bytes of all records. full: "drop" the oldest, or "refuse".
    def __init__(self, limit=8192, full="drop"):
        self.name = str(hexlify(os.urandom(4)), "ascii")
        self.limit = limit
        self._drop = _policy(full)
        self._records = []
        self._size = 0
        self._first = 1  # id of the oldest
        self.lost = 0
        self.damaged = 0

    def put(self, record):
        record = _checked(record)
        n = len(record)
        while self._size + n > self.limit and self._records and self._drop:
            self._forget()
            self.lost += 1
        if self._size + n > self.limit:
            raise Error(errno.ENOSPC, "queue", "it is full; the record was not taken")
        self._records.append(record)
        self._size += n
        return self._first + len(self._records) - 1

    def _forget(self):
        self._size -= len(self._records.pop(0))
        self._first += 1

    def peek(self, records=16, size=1024):
        found = []
        for record in self._records:
            size -= len(record)
            if found and (size < 0 or len(found) >= records):
                break
            found.append((self._first + len(found), record))
        return found

    def drop(self, upto):
        while self._records and self._first <= upto:
            self._forget()

    def __len__(self):
        return len(self._records)


class FileQueue:
    # folder: made if it is not there. limit: bytes of all segments. full: as above; dropping takes
    # the whole oldest segment. segment: bytes after which a new one is begun. batch: records that
    # put() collects in RAM before they are written together (kinder to flash; they are safe only
    # then, or after sync()).

    def __init__(self, folder="/queue", limit=65536, full="drop", segment=8192, batch=1):
        if limit < 2 * segment:
            raise Refused(errno.EINVAL, "queue", "limit must be two segments at least")
        self._folder = folder.rstrip("/")
        self.limit = limit
        self._drop = _policy(full)
        self._segment = segment
        self._batch = batch
        self._pending = []  # encoded entries that are not written yet
        self._file = None  # the segment that is written to
        self._written = 0  # its size
        self.lost = 0
        self.damaged = 0  # records that can't be read any more
        self._open()

    # --- at the start: what is there ---

    def _open(self):
        try:
            os.mkdir(self._folder)
        except OSError as e:
            if e.errno != errno.EEXIST:
                raise Error(e.errno, "queue", "can't make the folder %s" % self._folder)
        names = sorted([n for n in os.listdir(self._folder) if n.endswith(".q")])
        self._segments = []  # [sequence number, first id, size of the file], the oldest first
        self._number = 0  # sequence number of the newest segment
        self._next = 1
        name = None
        dropped = 0
        for file in names:
            path = self._folder + "/" + file
            found = self._scan(path)
            if found is None:
                continue
            label, first, last, drop, size = found
            if name is not None and label != name:
                raise Refused(errno.EINVAL, "queue", "%s holds another queue's file" % path)
            name = label
            self._number = int(file[:-2], 16)
            self._segments.append([self._number, first, size])
            if len(self._segments) > 1:
                self.damaged += max(first - self._next, 0)
            self._next = max(self._next, last + 1, first)
            dropped = max(dropped, drop)
        self._name = name or os.urandom(4)
        self.name = str(hexlify(self._name), "ascii")
        self._dropped = dropped  # everything up to this id is done
        self._at = _HEADER  # in the oldest segment: where peek() begins
        self._spent()

    def _path(self, number):
        return "%s/%08x.q" % (self._folder, number)

    def _scan(self, path):
        # (name, first id, last id, dropped up to, file size) of a segment; None: it is no use.
        size = os.stat(path)[6]
        with open(path, "rb") as f:
            head = f.read(_HEADER)
            if head[:3] == _MAGIC[:3] and head[:4] != _MAGIC:
                raise Refused(
                    errno.EINVAL, "queue", "%s is of another version; move it away" % path
                )
            if len(head) < _HEADER or not _sound(head):
                return None
            first = unpack(">I", head[8:12])[0]
            last = first - 1
            drop = 0
            while True:
                entry = _read(f)
                if not entry:
                    break
                if entry[0] == _DROP:
                    drop = max(drop, entry[1])
                else:
                    last = entry[1]
        return head[4:8], first, last, drop, size

    def _spent(self):
        # Deletes segments of which every record is done; the newest stays: it knows the next id.
        while len(self._segments) > 1 and self._segments[1][1] <= self._dropped + 1:
            os.remove(self._path(self._segments.pop(0)[0]))
            self._at = _HEADER

    # --- writing ---

    def put(self, record):
        record = _checked(record)
        entry = _encode(len(record), self._next, record)
        self._room(len(entry))
        self._pending.append(entry)
        number = self._next
        self._next += 1
        if len(self._pending) >= self._batch:
            try:
                self.sync()
            except OSError:
                self._pending.pop()  # this record is refused; earlier ones stay in RAM
                self._next -= 1
                raise
        return number

    def _room(self, n):
        total = n + sum([s[2] for s in self._segments]) + sum([len(e) for e in self._pending])
        while total > self.limit:
            if not self._drop or len(self._segments) < 2:
                raise Error(errno.ENOSPC, "queue", "it is full; the record was not taken")
            number, first, size = self._segments.pop(0)
            upto = self._segments[0][1] - 1
            self.lost += upto - max(first - 1, self._dropped)
            self._dropped = max(self._dropped, upto)
            self._at = _HEADER
            os.remove(self._path(number))
            total -= size

    def sync(self):
        # Writes what put() has collected. Raises if it can't; then nothing is lost from RAM.
        if self._pending:
            first = self._next - len(self._pending)
            self._append(b"".join(self._pending), first)
            self._pending = []

    def _append(self, data, first):
        try:
            if self._file is None or self._written >= self._segment:
                self._begin(first)
            n = self._file.write(data)
            self._file.flush()
        except OSError as e:
            self._finish()  # what is in the file now is not known: never append behind it
            raise Error(e.errno, "queue", "can't write to %s" % self._folder)
        if n != len(data):
            self._finish()
            raise Error(errno.ENOSPC, "queue", "the file system is full; the record was not taken")
        self._written += n
        self._segments[-1][2] += n

    def _begin(self, first):
        # A new segment. What is done stands at its start again: older segments may be deleted.
        self._finish()
        head = _MAGIC + self._name + pack(">I", first)
        head += pack(">I", crc32(head)) + _encode(_DROP, self._dropped, b"")
        self._number += 1
        self._file = open(self._path(self._number), "wb")
        self._segments.append([self._number, first, len(head)])
        self._written = self._file.write(head)

    def _finish(self):
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                pass
            self._file = None

    # --- reading ---

    def peek(self, records=16, size=1024):
        # [(id, record)], oldest first: at least one if there is one.
        found = []
        at = self._at
        for i in range(len(self._segments)):
            with open(self._path(self._segments[i][0]), "rb") as f:
                f.seek(at)
                while True:
                    entry = _read(f)
                    if not entry:
                        break
                    kind, number, record = entry
                    if kind == _DROP or number <= self._dropped:
                        if not found and not i:
                            self._at = f.tell()
                        continue
                    size -= len(record)
                    if found and (size < 0 or len(found) >= records):
                        return found
                    found.append((number, record))
            at = _HEADER
        for entry in self._pending:
            kind, number = unpack(">HI", entry[:_HEAD])
            size -= kind
            if number > self._dropped:
                if found and (size < 0 or len(found) >= records):
                    break
                found.append((number, entry[_HEAD:-_CRC]))
        return found

    def drop(self, upto):
        # Everything up to this id was delivered.
        upto = min(upto, self._next - 1)
        if upto <= self._dropped:
            return
        self._dropped = upto
        self._pending = [e for e in self._pending if unpack(">HI", e[:_HEAD])[1] > upto]
        try:
            self._append(_encode(_DROP, upto, b""), self._next - len(self._pending))
        finally:
            self._spent()

    def __len__(self):
        return self._next - 1 - self._dropped

    def close(self):
        self.sync()
        self._finish()


def _policy(full):
    if full not in ("drop", "refuse"):
        raise Refused(errno.EINVAL, "queue", 'full must be "drop" or "refuse"')
    return full == "drop"


def _encode(size, number, record):
    data = pack(">HI", size, number) + record
    return data + pack(">I", crc32(data))


def _sound(data):
    return crc32(data[:-_CRC]) == unpack(">I", data[-_CRC:])[0]


def _read(f):
    # (size or _DROP, id, record) of the next entry; None at the end, also at one that is torn.
    head = f.read(_HEAD)
    if len(head) < _HEAD:
        return None
    size, number = unpack(">HI", head)
    n = 0 if size == _DROP else size
    if n > _RECORD_MAX:
        return None
    rest = f.read(n + _CRC)
    if len(rest) < n + _CRC or not _sound(head + rest):
        return None
    return size, number, rest[:n]
