# qssl.queue - bounded queues of records: in RAM, or in files that survive every power cut.
# SPDX-License-Identifier: MIT
#
# A queue has put(record) -> id, peek(records, size) -> [(id, record)] oldest first, drop(id) that
# forgets everything up to id, len(), name (new with every queue, so that (name, id) never comes
# twice), and the counters lost (dropped to make room) and damaged. Ids grow; some are left out
# where a write failed, or the newest file can't be read.
#
# FileQueue: a folder of segments, each only ever appended to and at last deleted; nothing is
# rewritten in place. A segment is a header and entries, each with its CRC-32:
#     file    <sequence number in hex>.q
#     header  "QSQ1" name:4 crc:4
#     entry   size:2 id:4 record crc:4      size 0xffff: no record, everything up to id is dropped
# An entry that a power cut left half written ends its segment; the next put begins a new one.

import errno
import os
from binascii import crc32, hexlify
from struct import pack, unpack

from micropython import const

from .errors import Error, Refused

_HEADER = const(12)
_HEAD = const(6)  # of an entry
_CRC = const(4)
_EXTRA = const(10)  # what an entry has besides its record
_DROP = const(0xFFFF)
_TORN = const(-1)
_DAMAGED = const(-2)
_RECORD_MAX = const(4096)  # bytes of one record
_ENOSPC = const(28)  # MicroPython's errno has no name for it
_MAGIC = const(b"QSQ1")


def _checked(record, most):
    if isinstance(record, str):
        record = record.encode()
    if not isinstance(record, (bytes, bytearray)):
        raise Refused(errno.EINVAL, "queue", "a record is bytes or str")
    most = min(most, _RECORD_MAX)
    if not 0 < len(record) <= most:
        raise Refused(errno.EINVAL, "queue", "a record has 1 to %d bytes here" % most)
    return bytes(record)


class RamQueue:
    """Records in RAM, gone with the power.

    limit: bytes of all records. full: "drop" the oldest and count them in .lost, or "refuse".

    Raises: qssl.Refused for arguments.
    Blocks: no.
    Allocates: the records.
    Since: 0.1.
    """

    damaged = 0

    def __init__(self, limit: int = 8192, full: str = "drop") -> None:
        self.name = str(hexlify(os.urandom(4)), "ascii")
        self.limit = limit
        self._drop = _policy(full)
        self._records = []
        self._size = 0
        self._first = 1  # id of the oldest
        self.lost = 0

    def put(self, record: bytes) -> int:
        """Takes a record (bytes or str).

        Returns: its id.
        Raises: qssl.Error if it is full and full="refuse", or the record is too long.
        Blocks: no.
        Allocates: the record.
        Since: 0.1.
        """
        record = _checked(record, self.limit)
        n = len(record)
        while self._size + n > self.limit:
            if not self._drop:
                raise _full()
            self._forget()
            self.lost += 1
        self._records.append(record)
        self._size += n
        return self._first + len(self._records) - 1

    def _forget(self):
        self._size -= len(self._records.pop(0))
        self._first += 1

    def peek(self, records: int = 16, size: int = 1024) -> list:
        """The oldest records: at least one if there is one.

        records, size: at most so many, and so many bytes.

        Returns: [(id, record)], oldest first.
        Raises: nothing.
        Blocks: no.
        Allocates: the list.
        Since: 0.1.
        """
        found = []
        for record in self._records:
            size -= len(record)
            if found and (size < 0 or len(found) >= records):
                break
            found.append((self._first + len(found), record))
        return found

    def drop(self, upto: int) -> None:
        """Forgets everything up to this id: it was delivered.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        while self._records and self._first <= upto:
            self._forget()

    def __len__(self):
        return len(self._records)


class FileQueue:
    """Records in files, which survive a power cut.

    folder: made if it is not there. limit: bytes of all segments; notes of what was dropped may
    need one more for a while. full: "drop" the oldest segment and count in .lost, or "refuse".
    segment: bytes of one. batch: records that put() collects in RAM before they are written
    together, which is kinder to flash; they are safe only then, or after sync() or peek(). An
    error of put() other than "full" leaves it open whether the record will be found in the queue.

    Raises: qssl.Refused for arguments or files of another version; OSError of the file system.
    Blocks: while it reads the files.
    Allocates: little, and `batch` records.
    Since: 0.1.
    """

    def __init__(
        self,
        folder: str = "/queue",
        limit: int = 65536,
        full: str = "drop",
        segment: int = 8192,
        batch: int = 1,
    ) -> None:
        if not 64 <= segment <= limit // 2:
            raise Refused(errno.EINVAL, "queue", "segment must be 64 bytes to half of limit")
        self._folder = folder.rstrip("/")
        self.limit = limit
        self._drop = _policy(full)
        self._segment = segment
        self._batch = batch
        self._pending = []  # encoded entries that are not written yet
        self._file = None  # the segment that is written to, the newest
        self.lost = 0
        self.damaged = 0  # records that can't be read any more
        # [sequence number, last id, size of the file, highest id it knows of], the oldest first
        self._segments = []
        self._number = 0  # sequence number of the newest
        self._next = 1
        self._dropped = 0  # everything up to this id is done
        self._at = _HEADER  # in the oldest segment: where peek() begins
        self._sick = 0  # number of the segment that could not be read the last time
        try:
            self._open()
        except OSError as e:
            if isinstance(e, Error):
                raise
            raise Error(e.errno, "queue", "can't use the folder %s" % folder)

    # --- at the start: what is there ---

    def _open(self):
        try:
            os.mkdir(self._folder)
        except OSError as e:
            if e.errno != errno.EEXIST:
                raise
        self._name = None
        self._gaps = []  # (from, to): ids of no record, found at the start
        sound = False
        self._skipped = 0  # ids that the newest files may hold, which can't be read
        for file in sorted(os.listdir(self._folder)):
            try:
                number = int(file[:8], 16)
            except ValueError:
                continue
            path = self._path(number)
            if not path.endswith("/" + file):
                continue  # not ours
            self._number = number
            try:
                sound = self._read_segment(path)
            except Error:
                raise
            except OSError:
                self.damaged += 1  # it stays where it is
                sound = False
                self._skipped += self._segment // _EXTRA
        self._gap(self._skipped)
        self._next += self._skipped
        self._name = self._name or os.urandom(4)
        self.name = str(hexlify(self._name), "ascii")
        if sound:
            try:
                self._file = open(path, "ab")
            except OSError:  # read-only: what is there can be delivered all the same
                pass
        self._spent()

    def _read_segment(self, path):
        # Of the number that was found last. Whether it can be appended to.
        size = os.stat(path)[6]
        with open(path, "rb") as f:
            head = f.read(_HEADER)
            if len(head) > 3 and head[:3] == _MAGIC[:3] and head[3] != _MAGIC[3]:
                raise Refused(
                    errno.EINVAL, "queue", "%s is of another version; move it away" % path
                )
            sound = len(head) == _HEADER and _sound(head)
            if sound:
                if self._name and self._name != head[4:8]:
                    raise Refused(
                        errno.EINVAL, "queue", "%s is another queue's; move it away" % path
                    )
                self._name = head[4:8]
            last, known = self._scan(f)
            at = f.tell()
            if at <= _HEADER:  # not even what each begins with: it may have lost all it had
                self._skipped += self._segment // _EXTRA
            sound = sound and at == size
        self._segments.append([self._number, last, size, known])
        return sound

    def _path(self, number):
        return "%s/%08x.q" % (self._folder, number)

    def _scan(self, f):
        # Runs through the entries behind the header; returns the last id of a record, and of all.
        last = known = damaged = 0
        while True:
            kind, number, _ = _read(f)
            if kind == _TORN:
                return last, known
            if kind == _DAMAGED:
                damaged += 1  # unless it is the last one: the power was cut while it was written
                continue
            self.damaged += damaged
            damaged = 0
            known = max(known, number)
            if kind == _DROP:
                self._dropped = max(self._dropped, number)
            else:
                last = max(last, number)
                self._skipped = 0
                self._gap(number - self._next)
            self._next = max(self._next, number + 1)

    def _gap(self, n):
        # The next n ids belong to no record that is there.
        if n > 0:
            self._gaps.append((self._next, self._next + n))

    def _spent(self):
        # Deletes segments of which every record is done. The newest stays; the others go as far as
        # it knows of their ids: the power may have been cut before it had its first entry.
        while (
            len(self._segments) > 1
            and self._segments[0][1] <= self._dropped
            and self._segments[0][3] <= self._segments[-1][3]
        ):
            try:
                self._remove()
            except OSError:
                return  # read-only; later, perhaps

    def _remove(self):
        # The oldest segment.
        try:
            os.remove(self._path(self._segments[0][0]))
        except OSError as e:
            if e.errno != errno.ENOENT:
                raise
        self._segments.pop(0)
        self._at = _HEADER

    # --- writing ---

    def put(self, record: bytes) -> int:
        """Takes a record (bytes or str).

        Returns: its id.
        Raises: qssl.Error if it is full and full="refuse", or the record is too long; OSError of
            the file system.
        Blocks: while the file system writes.
        Allocates: the record.
        Since: 0.1.
        """
        record = _checked(record, self._segment - _HEADER - 3 * _EXTRA)
        n = len(record) + _EXTRA
        if self._held() + n > self._segment - _HEADER - _EXTRA:
            self.sync()
        self._room(n)
        number = self._next
        self._pending.append(_encode(len(record), number, record))
        self._next += 1
        if len(self._pending) >= self._batch:
            try:
                self.sync()
            except OSError:
                self._pending.pop()  # this one is refused; earlier ones stay in RAM
                raise
        return number

    def _held(self):
        return sum([len(e) for e in self._pending])

    def _room(self, n):
        total = n + self._held() + sum([s[2] for s in self._segments])
        total += _HEADER + 2 * _EXTRA  # a new segment and the next drop()
        while total > self.limit:
            if not self._drop or len(self._segments) < 2:
                raise _full()
            number, last, size, known = self._segments[0]
            gone = 0
            try:
                with open(self._path(number), "rb") as f:
                    f.seek(_HEADER)
                    kind = 0
                    while kind != _TORN:
                        kind, id, _ = _read(f)
                        gone += kind >= 0 and kind != _DROP and id > self._dropped
            except OSError:
                self.damaged += 1
            before = self._dropped
            self._dropped = max(before, last)
            noted = self._segments[-1][3] < known and self._note(self._dropped)
            try:
                self._remove()
            except OSError as e:
                if noted:
                    self.lost += gone  # at the next start they are done
                else:
                    self._dropped = before  # no room is made: they are still there
                raise self._unwritable(e.errno)
            self.lost += gone
            total -= size

    def sync(self) -> None:
        """Writes what put() has collected. If it can't, it raises, and nothing is lost from RAM.

        Returns: None.
        Raises: OSError of the file system.
        Blocks: while the file system writes.
        Allocates: little.
        Since: 0.1.
        """
        if self._pending:
            self._append(b"".join(self._pending), self._next - 1)
            self._pending = []

    def _append(self, data, last):
        # Writes entries; last: the highest id that is given out by now, 0: of a note.
        number = self._number
        n = 0
        why = _ENOSPC
        try:
            if self._file is None or self._segments[-1][2] + len(data) > self._segment:
                self._begin()
            n = len(data)
            whole = self._file.write(data) == n
            self._file.flush()
        except OSError as e:
            whole = False
            why = e.errno
        if not whole:
            # What is in the file now is not known: never append behind it. One that was just begun
            # is begun anew, so that a full file system does not fill up with them.
            self._finish()
            if self._number != number:
                self._number = number
                self._segments.pop()
                n = 0
        if n:
            newest = self._segments[-1]
            newest[2] += n
            newest[1] = max(newest[1], last)
            if whole:
                newest[3] = max(newest[3], last or self._dropped)
        if not whole:
            raise self._unwritable(why)

    def _unwritable(self, why):
        return Error(why, "queue", "can't write to %s; is it full, or read-only?" % self._folder)

    def _note(self, upto):
        # That everything up to this id is done. Whether it could be written.
        try:
            self._append(_encode(_DROP, upto, b""), 0)
            return True
        except OSError:
            return False

    def _begin(self):
        # A new segment. What is done stands at its start again: older segments may be deleted.
        self._finish()
        head = _MAGIC + self._name
        head += pack(">I", crc32(head)) + _encode(_DROP, self._dropped, b"")
        number = self._number + 1
        self._file = open(self._path(number), "wb")
        if self._file.write(head) != len(head):
            raise OSError(_ENOSPC, "")
        self._number = number
        self._segments.append([number, 0, len(head), self._dropped])

    def _finish(self):
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                pass
            self._file = None

    # --- reading ---

    def peek(self, records: int = 16, size: int = 1024) -> list:
        """[(id, record)], oldest first: at least one if there is one. What put() has only in RAM
        is written first, so that no id is ever seen that a power cut makes come again.

        Returns: [(id, record)].
        Raises: OSError of the file system.
        Blocks: while the file system reads.
        Allocates: the list.
        Since: 0.1.
        """
        failure = None
        try:
            self.sync()
        except OSError as e:
            failure = e
        found = []
        last = self._dropped
        for i, segment in enumerate(self._segments):
            if segment[1] <= last:
                continue
            try:
                with open(self._path(segment[0]), "rb") as f:
                    f.seek(_HEADER if i else self._at)
                    while True:
                        kind, number, record = _read(f)
                        if kind == _TORN:
                            break
                        if kind < 0 or kind == _DROP or number <= last:
                            if not found and not i:
                                self._at = f.tell()
                            continue
                        size -= len(record)
                        if found and (size < 0 or len(found) >= records):
                            return found
                        found.append((number, record))
                        last = number
            except OSError:
                if found:
                    break
                if self._sick != segment[0]:
                    self._sick = segment[0]  # perhaps it is well the next time
                    raise
                self.damaged += 1
                segment[1] = 0
        if not found:
            if failure:
                raise failure
            self._dropped = self._next - 1  # ids that writing failed for, or damaged records
        return found

    def drop(self, upto: int) -> None:
        """Everything up to this id was delivered. Where that can't be written it is known until
        the power goes; then what is left comes once more.

        Returns: None.
        Raises: nothing.
        Blocks: while the file system writes.
        Allocates: little.
        Since: 0.1.
        """
        upto = min(upto, self._next - 1)
        if upto > self._dropped:
            self._dropped = upto
            self._note(upto)
            self._spent()

    def __len__(self):
        first = self._dropped + 1
        return self._next - first - sum([max(0, b - max(a, first)) for a, b in self._gaps])

    def close(self) -> None:
        """Writes what put() has collected and closes the files.

        Returns: None.
        Raises: OSError of the file system.
        Blocks: while the file system writes.
        Allocates: little.
        Since: 0.1.
        """
        self.sync()
        self._finish()


def _full():
    return Error(_ENOSPC, "queue", "it is full; the record was not taken")


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
    # (size or _DROP, id, record) of the next entry; _TORN at the end, also where it is cut off;
    # _DAMAGED: what is there is as long as it says, but not what was written.
    at = f.tell()
    head = f.read(_HEAD)
    if len(head) == _HEAD:
        size, number = unpack(">HI", head)
        n = 0 if size == _DROP else size
        if size and n <= _RECORD_MAX:
            rest = f.read(n + _CRC)
            if len(rest) == n + _CRC:
                if _sound(head + rest):
                    return size, number, rest[:n]
                return _DAMAGED, 0, None
    f.seek(at)
    return _TORN, 0, None
