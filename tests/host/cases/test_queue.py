# test_queue - records in RAM and in files: what both promise, and what is at the edges.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import raised
from qssl.errors import Refused
from qssl.queue import FileQueue, RamQueue
from queue_kit import ENOSPC, EROFS, FOLDER, disk, everything, record

INSIDE = ("test_files_are_bounded_with_records_that_wait",)


def both(**keywords):
    disk()
    return [RamQueue(**keywords), FileQueue(FOLDER, segment=128, **keywords)]


# --- what both promise ---


def test_records_come_back_in_order_and_once():
    for q in both(limit=4096):
        ids = [q.put(record(n)) for n in range(50)]
        assert len(q) == 50
        assert ids == list(range(1, 51))
        assert everything(q) == [(i, record(i - 1)) for i in ids]
        assert len(q) == 0 and q.peek() == []
        assert q.put("text") == 51
        assert q.peek() == [(51, b"text")]


def test_names_and_counters_of_a_new_queue():
    for q in both(limit=4096):
        assert len(q.name) == 8 and int(q.name, 16) >= 0
        assert q.lost == q.damaged == len(q) == 0


def test_peek_keeps_what_is_not_dropped():
    for q in both(limit=4096):
        for n in range(9):
            q.put(record(n))
        first = q.peek(3)
        assert [i for i, _ in first] == [1, 2, 3]
        assert q.peek(3) == first
        q.drop(2)
        assert [i for i, _ in q.peek(3)] == [3, 4, 5]
        q.drop(1)  # long ago
        assert len(q) == 7
        q.drop(99)
        assert len(q) == 0


def test_one_record_larger_than_the_batch_comes_alone():
    for q in both(limit=4096):
        q.put(b"a" * 40)
        q.put(b"b" * 40)
        assert q.peek(16, 10) == [(1, b"a" * 40)]


def test_bad_records_are_refused():
    for q in both(limit=4096):
        for bad in (b"", "", b"x" * 4097, None, 7, [1]):
            assert isinstance(raised(q.put, bad), Refused)
        assert len(q) == 0
    assert isinstance(raised(RamQueue(10).put, b"x" * 11), Refused)
    assert isinstance(raised(RamQueue, 10, "never"), Refused)
    for keywords in ({"segment": 63}, {"limit": 100, "segment": 64}, {"full": ""}):
        assert isinstance(raised(lambda: FileQueue(FOLDER, **keywords)), Refused)  # noqa: B023


def test_full_refuses():
    for q in both(limit=256, full="refuse"):
        n = 0
        while True:
            try:
                q.put(record(n))
            except OSError as e:
                assert e.errno == ENOSPC and "full" in str(e)
                break
            n += 1
        assert 4 <= n <= 12, n
        assert q.lost == 0 and len(q) == n
        assert [r for _, r in everything(q)] == [record(i) for i in range(n)]
        q.put(record(0))


def test_full_drops_the_oldest_and_counts_them():
    for q in both(limit=256):
        for n in range(100):
            q.put(record(n))
        left = everything(q)
        assert left[-1] == (100, record(99))
        assert left == [(i, record(i - 1)) for i in range(101 - len(left), 101)]
        assert q.lost + len(left) == 100, (q.lost, len(left))
        assert 4 <= len(left) <= 12


def test_files_are_bounded_for_ever():
    d = disk()
    q = FileQueue(FOLDER, limit=400, segment=128)
    for n in range(2000):
        q.put(record(n))
        if n % 3 == 0:
            q.drop(q.peek(1)[0][0])
        assert d.size() <= 400 + 128, d.size()
        assert len(d.files) <= 6
    # And with nothing but drops written:
    for _ in range(500):
        q.drop(q.put(b"x"))
        assert d.size() <= 400 and len(d.files) <= 3
    assert q.peek() == [] and len(q) == 0


def test_files_are_bounded_with_records_that_wait():
    # What waits in RAM fits into one file, and counts.
    for size in (1, 20, 33, 100):
        for batch in (3, 12, 1000):
            d = disk()
            q = FileQueue(FOLDER, limit=700, segment=256, batch=batch)
            for n in range(300):
                q.put(record(n, size))
                assert d.size() + q._held() <= 700, (size, batch, d.size())
                assert max([0] + [len(data) for data in d.files.values()]) <= 256
            q.sync()
            assert d.size() <= 700
            found = everything(q)
            assert found[-1] == (300, record(299, size)) and q.lost == 300 - len(found)


def test_what_nobody_says():
    # The values that docs/api.md gives where a program names none.
    disk()
    for q, limit in ((RamQueue(), 8192), (FileQueue(FOLDER), 65536)):
        assert q.limit == limit
        for n in range(200):
            q.put(record(n, 60))
        assert len(q.peek()) == 16
        q.drop(200)
        for n in range(20):
            q.put(record(n, 128))
        assert len(q.peek()) == 8  # 1024 bytes
    FileQueue("/least", 16384)
    assert raised(FileQueue, "/less", 16383).errno == errno.EINVAL  # a segment has 8192


def test_the_longest_record_always_fits():
    for segment in (64, 128, 4096, 8192):
        disk()
        q = FileQueue(FOLDER, limit=2 * segment, segment=segment)
        longest = min(segment - 42, 4096)
        for _ in range(9):
            q.put(b"x" * longest)
        assert isinstance(raised(q.put, b"x" * (longest + 1)), Refused)
        assert everything(q)[-1] == (9, b"x" * longest)


# --- the edges, which tools/mutate.py found open ---


def test_peek_takes_what_just_fits_and_a_kilobyte_unless_told():
    for q in both(limit=4096):
        for n in range(3):
            q.put(record(n))
        assert len(q.peek(16, 40)) == 2 and len(q.peek(16, 39)) == 1
    q = RamQueue(40)
    q.put(record(0))
    q.put(record(1))
    assert len(q) == 2 and q.lost == 0  # the limit itself is allowed
    for q in (RamQueue(), FileQueue(FOLDER + "2")):
        for n in range(3):
            q.put(record(n, 500))
        assert len(q.peek()) == 2
        q.put(record(3, 24))
        q.drop(1)
        assert len(q.peek()) == 3


def test_lost_counts_what_was_neither_delivered_nor_damaged():
    # Of the segment that makes room, only those records are lost that somebody still waited for.
    for done in range(5):
        d = disk()
        q = FileQueue(FOLDER, limit=384, segment=128)
        n = 0
        while len(d.files) < 2:
            n += 1
            q.put(record(n))
        first = n - 1  # records in the first segment
        q.drop(done)
        while "/queue/00000001.q" in d.files:
            n += 1
            q.put(record(n))
        assert q.lost == max(0, first - done), (done, first, q.lost)
        left = everything(q)
        assert [i for i, _ in left] == list(range(max(first, done) + 1, n + 1))
        assert q.lost + len(left) + done == n
    d = disk()
    q = FileQueue(FOLDER, limit=384, segment=128)
    q.put(record(1))
    q.put(record(2))
    d.files["/queue/00000001.q"][-1] ^= 1  # the last of the segment: not the last of the queue
    while "/queue/00000001.q" in d.files:
        q.put(record(3))
    assert q.lost < 4 and q.peek(1)[0][0] == q.lost + 2


def test_the_next_segment_is_read_from_its_beginning():
    # The place where reading stopped in a segment that made room means nothing in the next one.
    for done in (1, 2):
        d = disk()
        q = FileQueue(FOLDER, limit=384, segment=128)
        n = 0
        while "/queue/00000001.q" in d.files or not n:
            n += 1
            q.put(record(n, 20 + n % 3))
            if n == 3:
                q.drop(done)
                assert q.peek(1)[0][0] == done + 1
        found = everything(q)
        assert [i for i, _ in found] == list(range(n - len(found) + 1, n + 1))
        assert found[0][0] <= 5, found[0][0]


def test_a_full_queue_has_room_for_the_next_drop():
    # And its length is right.
    for size in range(1, 60):
        d = disk()
        q = FileQueue(FOLDER, limit=256, full="refuse", segment=128)
        n = 0
        try:
            while True:
                q.put(b"x" * size)
                n += 1
                assert d.size() <= 256
        except OSError as e:
            assert e.errno == ENOSPC
        assert len(q) == n and d.size() <= 256, d.size()
        q.drop(1)
        assert len(q) == n - 1 and d.size() <= 256, (size, d.size())


def test_a_folder_that_can_not_be_written_from_the_first_record_on():
    d = disk()
    q = FileQueue(FOLDER)
    d.read_only = True
    assert raised(q.put, b"one").errno == EROFS
    assert q.peek() == []
    d.read_only = False
    q.put(b"two")
    assert [r for _, r in q.peek()] == [b"two"]


def test_segments_that_are_done_go_at_the_next_start():
    # The power was cut after the note of the last drop, before the files of it were deleted.
    d = disk()
    q = FileQueue(FOLDER, limit=1024, segment=128)
    for n in range(12):
        q.put(record(n))
    old = dict(d.files)
    assert len(old) >= 4
    q.drop(12)
    for path, data in old.items():
        d.files.setdefault(path, data)
    q = FileQueue(FOLDER, limit=1024, segment=128)
    assert len(d.files) == 1 and len(q) == 0
    assert q.put(b"x") == 13


def test_a_file_at_a_time_is_open_for_writing():
    d = disk()
    q = FileQueue(FOLDER, limit=4096, segment=128)
    for n in range(40):
        q.put(record(n))
        assert d.writers == 1
    q.close()
    assert d.writers == 0
