# test_queue - records in RAM and in files, through power cuts, damage and full file systems.
# SPDX-License-Identifier: MIT

import errno
import os

from disk import Disk, PowerCut
from driver_kit import raised
from qssl import queue
from qssl.errors import Refused
from qssl.queue import FileQueue, RamQueue
from ugsim.model.base.rng import Rng

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


# --- files ---


def test_everything_is_there_after_a_restart():
    d = disk()
    for run in range(20):
        q = FileQueue(FOLDER, limit=4096, segment=128)
        name = q.name
        for n in range(5):
            q.put(record(run * 5 + n))
        q.drop(run * 3)
    q = FileQueue(FOLDER, limit=4096, segment=128)
    assert q.name == name
    assert len(q) == 100 - 19 * 3
    assert everything(q) == [(n, record(n - 1)) for n in range(58, 101)]
    assert q.lost == q.damaged == 0
    assert len(d.files) == 1
    # Nothing is left, but ids go on.
    assert FileQueue(FOLDER).put(b"x") == 101


def test_reopening_does_not_fill_the_folder():
    # A board in deep sleep opens the queue for each record.
    d = disk()
    for n in range(100):
        FileQueue(FOLDER).put(record(n))
    assert len(d.files) == 1


def test_a_batch_is_written_at_once():
    d = disk()
    q = FileQueue(FOLDER, segment=1024, limit=4096, batch=8)
    opened = []
    for n in range(16):
        before = d.written
        q.put(record(n))
        opened.append(d.written != before)
    assert opened == [False] * 7 + [True] + [False] * 7 + [True]
    q.put(record(16))
    left = everything(FileQueue(FOLDER))
    assert len(left) == 16
    # What was seen by a receiver never comes under an id of its own again.
    assert [i for i, _ in q.peek(99, 9999)] == list(range(1, 18))
    q.drop(17)
    q = FileQueue(FOLDER)
    assert q.put(b"x") == 18
    q = FileQueue(FOLDER, batch=8)
    q.put(b"y")
    q.close()
    assert [r for _, r in everything(FileQueue(FOLDER))] == [b"x", b"y"]


def test_put_returns_only_when_it_is_flushed():
    d = disk()
    q = FileQueue(FOLDER)
    for n in range(20):
        q.put(record(n))
        assert d.flushed


def script(q, put, dropped):
    # A little life: puts and drops over several segments.
    for n in range(12):
        put.append((q.put(record(n, 5 + n)), record(n, 5 + n)))
        if n % 4 == 3:
            upto = q.peek(3)[-1][0]
            dropped.append(upto)
            q.drop(upto)


def test_power_cut_at_every_byte():
    # Whatever was put is there, in order; what was dropped may come again; what was being put may
    # be there or not. Then it works on, also when the power goes again while it is opened.
    for batch in (1, 3):
        d = disk()
        script(FileQueue(FOLDER, 512, "drop", 96, batch), [], [])
        total = d.written
        assert total > 300
        for cut in range(total + 1):
            d = disk()
            d.cut = cut
            put = []
            dropped = []
            try:
                q = FileQueue(FOLDER, 512, "drop", 96, batch)
                script(q, put, dropped)
            except PowerCut:
                pass
            else:
                assert cut == total
            d.cut = None
            unsaved = batch - 1  # these put() has kept in RAM
            survives(d, put, dropped, unsaved, "cut at %d, batch %d" % (cut, batch))


def survives(d, put, dropped, unsaved, where):
    mark = dropped[-1] if dropped else 0
    q = FileQueue(FOLDER, 512, "drop", 96)
    assert q.damaged == 0, where
    found = q.peek(999, 99999)
    ids = [i for i, _ in found]
    assert ids == sorted(set(ids)), where
    known = dict(put)
    must = [i for i, _ in put if i > mark]
    if unsaved:
        must = must[: max(len(must) - unsaved, 0)]
    for i in must:
        assert i in ids, (where, i, ids)
    for i, r in found:
        # The one that was being written has the next id.
        assert r == known.get(i, record(len(put), 5 + len(put))), (where, i, r)
    new = q.put(b"new")
    assert new > max([0] + ids + [i for i, _ in put][: len(put) - unsaved]), where
    assert q.peek(999, 99999) == found + [(new, b"new")], where
    d.mount()
    again = FileQueue(FOLDER, 512, "drop", 96)
    assert again.peek(999, 99999) == found + [(new, b"new")], where


def test_power_cut_in_a_full_queue():
    # While the oldest segment makes room: at every step.
    d = disk()
    q = FileQueue(FOLDER, 256, "drop", 96)
    for n in range(40):
        q.put(record(n))
    start = d.copy()
    d.written = 0
    for n in range(40, 50):
        q.put(record(n))
    total = d.written
    for cut in range(total):
        d = start.copy()
        d.mount()
        q = FileQueue(FOLDER, 256, "drop", 96)
        d.cut = cut
        n = 40
        try:
            while True:
                q.put(record(n))
                n += 1
        except PowerCut:
            pass
        d.cut = None
        q = FileQueue(FOLDER, 256, "drop", 96)
        found = everything(q)
        assert [r for _, r in found] == [record(i - 1) for i, _ in found]
        assert found[-1][0] in (n, n + 1), (cut, n, found[-1])
        assert len(found) >= 3


def lives(limit, full, batch, seed, seen):
    # A power cut in each life. What peek() has shown is known outside.
    rng = Rng(seed)
    d = Disk()
    d.mount()
    n = 0
    q = None
    for life in range(12):
        d.cut = rng.below(70) if life else None
        try:
            q = FileQueue("/q", limit, full, 128, batch)
            for _ in range(rng.below(4)):
                record = b"%d" % n + b"x" * rng.below(30)
                n += 1
                try:
                    q.put(record)
                except OSError as e:
                    assert e.errno == ENOSPC and full == "refuse", e
                if rng.below(2):
                    known(q, seen)
                if rng.below(2):
                    q.drop(q._next - 1)
        except PowerCut:
            pass
        d.cut = None
    q = FileQueue("/q", limit, full, 128)
    known(q, seen)


def known(q, seen):
    for id, record in q.peek(1000, 1 << 20):
        before = seen.setdefault((q.name, id), record)
        assert before == record, "one id, two records: %d, %r and %r" % (id, before, record)


def test_an_id_never_comes_twice():
    # Whatever the next power cuts hit: what is begun, noted and deleted after the last one.
    for seed in range(240):
        limit = (256, 384, 1024)[seed % 3]
        lives(limit, ("drop", "refuse")[seed // 3 % 2], 1 + seed // 6 % 3, seed, {})


def test_an_id_never_comes_twice_where_the_oldest_make_room():
    # The newest segment has its head alone, and the oldest goes for the next record.
    for cut in range(120):
        seen = {}
        d = disk()
        q = FileQueue(FOLDER, 256, "drop", 128)
        while len(d.files) < 2:
            start = d.copy()
            q.put(record(q._next, 40))
        d = start
        d.mount()
        q = FileQueue(FOLDER, 256, "drop", 128)
        known(q, seen)
        # The file and its head; then at any place; then never.
        for life, n in enumerate((23, cut, None)):
            d.cut = n
            try:
                q = FileQueue(FOLDER, 256, "drop", 128)
                q.put(record(100 * life, 80))
            except PowerCut:
                pass
        known(q, seen)


def test_damage_at_every_byte():
    # One bit is wrong: at most one segment's rest is lost, nothing wrong is given out, and the
    # queue works on.
    d = disk()
    q = FileQueue(FOLDER, 4096, "drop", 128)
    for n in range(12):
        q.put(record(n))
    whole = d.copy()
    counted = 0
    for path in sorted(whole.files):
        for at in range(len(whole.files[path])):
            d = whole.copy()
            d.mount()
            d.files[path][at] ^= 0x10
            try:
                q = FileQueue(FOLDER, 4096, "drop", 128)
            except Refused:
                assert at < 4, at  # taken for another version
                continue
            found = q.peek(99, 9999)
            assert len(found) >= 9
            counted += q.damaged
            for i, r in found:
                assert r == record(i - 1), (path, at)
            new = q.put(b"new")
            assert q.peek(99, 9999) == found + [(new, b"new")]
            everything(q)
            assert len(q) == 0
    assert counted > 100


def test_truncated_at_every_byte():
    d = disk()
    q = FileQueue(FOLDER, 4096, "drop", 128)
    for n in range(12):
        q.put(record(n))
    whole = d.copy()
    for path in sorted(whole.files):
        for size in range(len(whole.files[path])):
            d = whole.copy()
            d.mount()
            d.files[path] = d.files[path][:size]
            q = FileQueue(FOLDER, 4096, "drop", 128)
            found = q.peek(99, 9999)
            assert len(found) >= 8
            for i, r in found:
                assert r == record(i - 1)
            assert q.put(b"new") > found[-1][0]


def test_other_versions_and_other_queues_are_refused():
    d = disk()
    FileQueue(FOLDER).put(b"x")
    path = next(iter(d.files))
    d.files[path][3] = ord("2")
    e = raised(FileQueue, FOLDER)
    assert isinstance(e, Refused) and "another version" in str(e) and path in str(e)
    d.files[path][3] = ord("1")
    d.files[FOLDER + "/readme.txt"] = bytearray(b"not ours")
    d.files[FOLDER + "/note.q"] = bytearray(b"not ours")
    assert len(FileQueue(FOLDER)) == 1
    other = Disk()
    other.files["filler"] = bytearray()  # so that its queue gets another name
    other.mount()
    FileQueue(FOLDER).put(b"y")
    d.files[FOLDER + "/00000002.q"] = other.files[FOLDER + "/00000001.q"]
    d.mount()
    assert "another queue" in str(raised(FileQueue, FOLDER))


def test_a_file_system_that_stays_full():
    # However long: no file more, no byte counted that is not there, and room makes it work again.
    for room in (0, 1, 8, 20, 30, 50):
        for full in ("drop", "refuse"):
            d = disk()
            q = FileQueue(FOLDER, 256, full, 96)
            for n in range(3):
                q.put(record(n))
            files, taken = len(d.files), 3
            for n in range(3, 60):
                d.room = room
                try:
                    q.put(record(n))
                    taken += 1
                except OSError as e:
                    assert e.errno == ENOSPC and "can't write" in str(e), (room, full, n, e)
                if n == 30:
                    q.drop(1)
                assert taken < 9 and len(d.files) <= files + 1 and len(q._segments) <= files + 1
            d.room = None
            assert sum([s[2] for s in q._segments]) <= d.size() + 60
            q.put(b"last")
            assert FileQueue(FOLDER, 256, full, 96).peek(9)[-1][1] == b"last"
            found = everything(q)
            assert found[0][1] == record(1) and found[-1] == (q._next - 1, b"last")


def test_a_full_file_system():
    # put() says so; nothing that it had taken is lost; room makes it work again.
    d = disk()
    q = FileQueue(FOLDER, 65536, "drop", 128)
    for n in range(6):
        q.put(record(n))
    for room in range(40):
        d.room = room
        e = None
        try:
            q.put(b"too much" * 4)
        except OSError as error:
            e = error
        assert e is not None and e.errno == ENOSPC, (room, e)
    d.room = None
    q.put(b"last")
    found = everything(q)
    assert [r for _, r in found if not r.startswith(b"too")] == [record(n) for n in range(6)] + [
        b"last"
    ]
    ids = [i for i, _ in found]
    assert ids == sorted(set(ids))
    # Delivering goes on where nothing can be written.
    q.put(b"a")
    d.room = 0
    assert [r for _, r in everything(q)] == [b"a"]
    assert len(q) == 0


def test_a_write_that_failed_but_was_written():
    # The record was refused, and is there: its id must not be given to another one.
    d = disk()
    q = FileQueue(FOLDER)
    q.put(b"one")
    real = d.open(next(iter(d.files))).__class__.flush

    def failing(self):
        raise OSError(errno.EIO, "disk")

    d.open(next(iter(d.files))).__class__.flush = failing
    try:
        assert raised(q.put, b"two").errno == errno.EIO
    finally:
        d.open(next(iter(d.files))).__class__.flush = real
    assert q.put(b"three") == 3
    for each in (q, FileQueue(FOLDER)):
        assert each.peek() == [(1, b"one"), (2, b"two"), (3, b"three")]


def test_a_batch_survives_a_write_that_failed():
    d = disk()
    q = FileQueue(FOLDER, batch=3)
    q.put(b"one")
    q.put(b"two")
    for room in (0, 5, 20, 50, 59):
        d.room = room
        assert raised(q.put, b"no").errno == ENOSPC
    d.room = None
    q.put(b"three")
    found = everything(q)
    assert [r for _, r in found if r != b"no"] == [b"one", b"two", b"three"]
    d = disk()
    q = FileQueue(FOLDER, batch=3)
    q.put(b"one")
    d.room = 0
    assert raised(q.peek).errno == ENOSPC  # not even shown: its id is not safe
    d.room = None
    assert q.peek() == [(1, b"one")]


def test_a_read_only_file_system():
    d = disk()
    q = FileQueue(FOLDER)
    q.put(b"one")
    q.put(b"two")
    d.read_only = True
    for each in (q, FileQueue(FOLDER)):
        assert raised(each.put, b"three").errno == EROFS
        assert each.peek() == [(1, b"one"), (2, b"two")]
        each.drop(2)
        assert each.peek() == [] and len(each) == 0
    d = disk()
    d.read_only = True
    e = raised(FileQueue, FOLDER)
    assert e.errno == EROFS and FOLDER in str(e)


def test_dropping_is_remembered_at_the_next_start():
    disk()
    q = FileQueue(FOLDER)
    for n in range(4):
        q.put(record(n))
    q.drop(3)
    assert FileQueue(FOLDER).peek() == [(4, record(3))]


def test_on_a_real_file_system():
    queue.os = os
    queue.open = open
    folder = "/tmp/qssl-queue-%d" % int.from_bytes(os.urandom(4), "big")
    try:
        for run in range(5):
            q = FileQueue(folder, 4096, "drop", 256)
            for n in range(6):
                q.put(record(run * 6 + n))
            q.close()
        q = FileQueue(folder + "/", 4096, "drop", 256)
        assert everything(q) == [(n, record(n - 1)) for n in range(1, 31)]
        q.close()
        q = FileQueue(folder, 4096, "drop", 256)
        assert q.put(b"x") == 31
        q.close()
        assert raised(FileQueue, folder + "/00000001.q/none").errno in (
            ENOTDIR,
            errno.ENOENT,
        )
    finally:
        for name in os.listdir(folder):
            os.remove(folder + "/" + name)
        os.rmdir(folder)
