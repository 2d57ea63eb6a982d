# test_queue_files - records in files: restarts, power cuts, damage, full file systems.
# SPDX-License-Identifier: MIT

import errno
import os
from binascii import crc32, unhexlify

from disk import Disk, PowerCut
from driver_kit import raised
from qssl import queue
from qssl.errors import Refused
from qssl.queue import FileQueue
from queue_kit import ENOSPC, ENOTDIR, EROFS, FOLDER, disk, everything, record
from ugsim.model.base.rng import Rng

INSIDE = (
    "test_an_id_never_comes_twice",
    "test_an_id_never_comes_twice_where_the_oldest_make_room",
    "test_a_file_system_that_stays_full",
    "test_a_file_that_somebody_has_removed",
)


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
    for id, text in q.peek(1000, 1 << 20):
        before = seen.setdefault((q.name, id), text)
        assert before == text, "one id, two records: %d, %r and %r" % (id, before, text)


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


def test_what_is_done_is_not_read_again():
    d = disk()
    q = FileQueue(FOLDER, 8192, "drop", 4096)
    for n in range(60):
        q.put(record(n))
    q.drop(59)
    assert q.peek(9) == [(60, record(59))]
    d.reads = 0
    assert q.peek(9) == [(60, record(59))]
    assert d.reads < 9, d.reads


def test_a_segment_is_filled_to_its_last_byte():
    for size, files in ((43, 1), (44, 2)):  # head and note: 22 bytes; a record: 10 more
        d = disk()
        q = FileQueue(FOLDER, 4096, "drop", 128)
        q.put(record(0, 43))
        q.put(record(1, size))
        assert len(d.files) == files, (size, d.files)
        assert [r for _, r in everything(FileQueue(FOLDER, 4096, "drop", 128))] == [
            record(0, 43),
            record(1, size),
        ]


def test_damage_is_counted_but_of_the_last_record():
    for entry, damaged in ((0, 1), (1, 1), (2, 0)):
        d = disk()
        q = FileQueue(FOLDER)
        for n in range(3):
            q.put(record(n))
        path = next(iter(d.files))
        d.files[path][22 + 30 * entry + 8] ^= 1
        q = FileQueue(FOLDER)
        assert q.damaged == damaged and len(q) == 2, (entry, q.damaged)
        assert [r for _, r in q.peek(9)] == [record(n) for n in range(3) if n != entry]


def test_the_oldest_stays_until_a_newer_one_knows_its_ids():
    # A file system that takes the head of the next segment and no more, nor what drop() notes.
    d = disk()
    q = FileQueue(FOLDER, 4096, "drop", 128)
    while len(d.files) < 2:
        before = d.copy()
        last = q.put(record(1, 30))
    d = before
    d.mount()
    d.room = 22
    q = FileQueue(FOLDER, 4096, "drop", 128)
    assert raised(q.put, record(9, 30)).errno == ENOSPC
    q = FileQueue(FOLDER, 4096, "drop", 128)
    q.drop(q.peek(99)[-1][0])
    d.room = None
    q = FileQueue(FOLDER, 4096, "drop", 128)
    assert q.put(b"new") >= last


def a_dozen():
    # A disk with a queue of twelve records.
    d = disk()
    q = FileQueue(FOLDER, 4096, "drop", 128)
    for n in range(12):
        q.put(record(n))
    return d


def test_damage_at_every_byte():
    # One bit is wrong: at most one segment's rest is lost, nothing wrong is given out, and the
    # queue works on.
    whole = a_dozen()
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
            assert d.most <= 4100  # whatever a length seems to be: a board has no more
    assert counted > 100


def test_truncated_at_every_byte():
    whole = a_dozen()
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
    whole = d.files[path]
    d.files[path] = whole[:4]
    assert "another version" in str(raised(FileQueue, FOLDER))
    d.files[path] = whole
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


def test_a_full_queue_whose_oldest_can_not_be_removed():
    # A file system that is full may refuse that too: issue 1080 of littlefs-project/littlefs, 76
    # of joltwallet/esp_littlefs, 82 of pellepl/spiffs. Nothing is forgotten for a record that is
    # not taken.
    for why in (ENOSPC, errno.EIO, EROFS):
        d = disk()
        q = FileQueue(FOLDER, 256, "drop", 96)
        for n in range(30):
            q.put(record(n))
        before = q.peek(99, 9999)
        lost = q.lost
        d.stuck = why
        taken = []
        for n in range(30, 36):
            try:
                taken.append((q.put(record(n)), record(n)))
            except OSError as e:
                assert e.errno == why and "can't write to /q" in str(e), e
        assert len(taken) < 6
        assert q.peek(99, 9999) == before + taken and q.lost == lost, why
        d.stuck = 0
        q.put(b"last")
        assert q.lost > lost and q.peek(99, 9999)[-1][1] == b"last"


def test_what_was_noted_as_done_before_a_removal_that_failed():
    # The newest has its head alone: that the oldest are done stands in it before they go, and is
    # so at the next start. They are counted, and not given out any more.
    d = disk()
    q = FileQueue(FOLDER, 256, "drop", 128)
    while len(d.files) < 2:
        before = d.copy()
        q.put(record(1, 24))
    d = before
    d.mount()
    d.cut = 23  # the next file and its head
    q = FileQueue(FOLDER, 256, "drop", 128)
    try:
        q.put(record(2, 80))
    except PowerCut:
        pass
    d.cut = None
    q = FileQueue(FOLDER, 256, "drop", 128)
    many = len(q)
    assert many > 1 and len(d.files) == 2
    d.stuck = errno.EIO
    try:
        q.put(record(3, 86))
        raise AssertionError("taken")
    except OSError as e:
        assert e.errno == errno.EIO
    d.stuck = 0
    left = q.peek(99)
    assert len(left) + q.lost == many == len(q) + q.lost, (left, q.lost, len(q))
    assert FileQueue(FOLDER, 256, "drop", 128).peek(99) == left


def test_a_file_that_can_not_be_read():
    # Bad blocks: issue 887 of littlefs-project/littlefs. One file does not hold
    # up those behind it: at the next start, or at the second try.
    for why in (errno.EIO, 84):
        for which in range(5):
            d, bad, left = a_bad_file(which)
            q = FileQueue(FOLDER, 4096, "drop", 128)
            d.bad[bad] = why
            if which:  # what is in front of it comes without it
                assert q.peek(99, 9999)[0] == (1, record(0))
            else:
                try:
                    assert not q.peek()
                except OSError as e:
                    assert e.errno == why
                for _ in range(3):  # then it is passed over, and counts once
                    assert q.peek(99, 9999) == left and q.damaged == 1
                continue
            assert delivered(q) == (left, 1) and q.damaged == 1, (why, which)
            new = q.put(b"new")
            assert q.peek() == [(new, b"new")] and new > 20
            # Found so at the start.
            d, bad, left = a_bad_file(which)
            name = FileQueue(FOLDER, 4096, "drop", 128).name
            d.bad[bad] = why
            q = FileQueue(FOLDER, 4096, "drop", 128)
            assert q.name == name and q.damaged == 1
            assert q.peek(99, 9999) == left
            new = q.put(b"new")
            assert new > 20  # no id comes twice
            assert FileQueue(FOLDER, 4096, "drop", 128).peek(99, 9999) == left + [(new, b"new")]


def a_bad_file(which):
    # A disk with 20 records in some files, the path of one of them, and what is in the others.
    d = disk()
    q = FileQueue(FOLDER, 4096, "drop", 128)
    for n in range(20):
        q.put(record(n))
    files = sorted(d.files)
    assert len(files) > 5, len(files)
    other = d.copy()
    other.mount()
    del other.files[files[which]]
    left = FileQueue(FOLDER, 4096, "drop", 128).peek(99, 9999)
    assert 15 < len(left) < 20
    d.mount()
    return d, files[which], left


def delivered(q):
    # What the queue gives to one that tries again after an error, and how many there were.
    found = []
    failed = 0
    while failed < 3 and len(q):
        try:
            part = q.peek(3)
        except OSError:
            failed += 1
            continue
        found += part
        if part:
            q.drop(part[-1][0])
    return found, failed


def test_a_newest_file_that_has_lost_its_bytes():
    # It has its name, and not its length: issue 908 of littlefs-project/littlefs, 48 of
    # joltwallet/esp_littlefs. The ids of its records were seen outside.
    for why in (0, 5, 12, 21, "bad"):
        for cut in range(70):
            d = disk()
            q = FileQueue(FOLDER, 4096, "drop", 128)
            for n in range(12):
                q.put(record(n))
            newest = sorted(d.files)[-1]
            if why == "bad":
                d.bad[newest] = errno.EIO
            else:
                d.files[newest] = d.files[newest][:why]
            d.mount()
            # The power goes at any place of the next record, and of its file's head.
            d.cut = cut
            try:
                FileQueue(FOLDER, 4096, "drop", 128).put(record(12))
            except PowerCut:
                pass
            d.cut = None
            d.mount()
            q = FileQueue(FOLDER, 4096, "drop", 128)
            found = q.peek(99, 9999)
            assert len(q) == len(found), (why, cut)
            assert not [i for i, r in found if r != record(min(i - 1, 12))], (why, cut)
            new = q.put(b"new")
            assert 12 < new < 40, (why, cut, new)
            assert q.peek(99, 9999) == found + [(new, b"new")]
            q = FileQueue(FOLDER, 4096, "drop", 128)  # it counts what is there, not ids
            assert len(q) == len(found) + 1, (why, cut)
            q.drop(new)
            assert len(q) == 0 and FileQueue(FOLDER, 4096, "drop", 128).put(b"x") == new + 1


def test_a_file_that_somebody_has_removed():
    for which in range(4):
        d = disk()
        q = FileQueue(FOLDER, 512, "drop", 96)
        for n in range(20):
            q.put(record(n))
        del d.files[sorted(d.files)[which]]
        if which & 1:
            for n in range(20, 60):
                q.put(record(n))  # and makes room
        found, failed = delivered(q)
        assert found[-1] == (q._next - 1, record(q._next - 2)), (which, found)
        assert len(found) > 6, (which, len(found))
        assert failed == (1 if which in (0, 2) else 0), (which, failed)
        assert len(d.files) == 1 and q.damaged == 1


def test_files_that_are_not_ours():
    # What other programs and damaged folders leave.
    for name in (
        "settings.q",
        "._000001.q",
        "0000000g.q",
        "-0000001.q",
        " 000000a.q",
        "0x000001.q",
    ):
        d = disk()
        FileQueue(FOLDER).put(b"one")
        d.files[FOLDER + "/" + name + ".q"] = bytearray(b"what is it")
        q = FileQueue(FOLDER)
        assert q.put(b"two") == 2, name
        assert everything(q) == [(1, b"one"), (2, b"two")] and q.damaged == 0
    d = disk()
    FileQueue(FOLDER).put(b"one")
    d.folders.add(FOLDER + "/0000000a.q")
    assert FileQueue(FOLDER).put(b"two") > 1
    assert [r for _, r in everything(FileQueue(FOLDER))] == [b"one", b"two"]


def test_a_tail_of_zeros_is_no_record():
    # A file whose last write got its size, and not its bytes: issue 268 of
    # littlefs-project/littlefs; FAT does it too.
    for n in range(1, 45):
        d = disk()
        q = FileQueue(FOLDER)
        for k in range(5):
            q.put(record(k))
        d.files[sorted(d.files)[-1]] += bytes(n)
        q = FileQueue(FOLDER)
        assert q.put(b"new") == 6
        q = FileQueue(FOLDER)
        assert q.damaged == 0, n
        assert everything(q) == [(k + 1, record(k)) for k in range(5)] + [(6, b"new")]


def test_the_files_are_as_documented():
    # Those of an older driver are read by a newer one.
    d = disk()
    q = FileQueue(FOLDER)
    q.put(b"abc")
    q.drop(1)
    name = unhexlify(q.name)
    entries = (
        b"QSQ1" + name,
        b"\xff\xff\0\0\0\0",
        b"\0\x03\0\0\0\x01abc",
        b"\xff\xff\0\0\0\x01",
    )
    whole = b"".join([part + crc32(part).to_bytes(4, "big") for part in entries])
    assert d.files == {FOLDER + "/00000001.q": bytearray(whole)}
    # What was told once is not told again.
    q.drop(1)
    q.drop(0)
    assert d.files == {FOLDER + "/00000001.q": bytearray(whole)}
    # What begins otherwise is no queue's of another version, but damage.
    d.files[FOLDER + "/00000002.q"] = bytearray(b"JUNK" + whole[4:])
    q = FileQueue(FOLDER)
    assert q.put(b"new") > 1 and [r for _, r in everything(q)] == [b"new"]


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
