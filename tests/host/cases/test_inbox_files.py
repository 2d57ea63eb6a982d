# test_inbox_files - messages in the device's files: power cuts at every byte, files that can't be
# read or written, an inbox that is full.
# SPDX-License-Identifier: MIT

from both_kit import ENOSPC, Board, Part, message
from disk import Disk, PowerCut
from qssl import uplink
from receivers import Mailbox

INSIDE = (
    "test_power_cut_at_every_byte",
    "test_a_file_that_can_not_be_read",
    "test_a_full_file_system",
    "test_a_refusal_that_can_not_be_told_yet_is_told_later",
    "test_what_is_told_does_not_wait_for_records_that_never_were",
)

uplink.urandom = lambda n: b"\x80" * n  # no jitter
TEXTS = [(n, message(n, "m%d" % n, "note" if n == 3 else "message")) for n in (1, 2, 3, 6, 7)]
NUMBERS = [n for n, _ in TEXTS]


def script(part):
    for upto in (3, 4, 5, 5):
        part.serve(TEXTS[:upto])


def test_power_cut_at_every_byte():
    # Everything that was sent is given, in order, and twice only what was just being given.
    d = Disk()
    script(Part(d, []))
    total = d.written
    assert total > 100
    twice = 0
    for cut in range(total):
        d = Disk()
        d.cut = cut
        got = []
        acknowledged = 0
        part = None
        try:
            part = Part(d, got)
            for upto in (3, 4, 5, 5):
                acknowledged = part.inbox.number
                part.serve(TEXTS[:upto])
        except PowerCut:
            pass
        else:
            raise AssertionError(cut)
        d.cut = None
        before = list(got)
        part = Part(d, got)
        assert part.inbox.number >= acknowledged, cut
        script(part)
        order = [n for n, _ in got if n != 3]  # that one is handled at once
        again = [n for n in NUMBERS if [m for m, _ in got].count(n) > 1]
        assert sorted({n for n, _ in got}) == NUMBERS and order == sorted(order), (cut, got)
        assert len(again) <= 1 and (not again or again[0] == before[-1][0]), (cut, got)
        twice += bool(again)
        assert part.inbox.number == 7 and part.inbox.refused == 0, cut
        assert Part(d, got).inbox.number == 7
    assert 0 < twice < total // 2, (twice, total)


def test_a_file_that_can_not_be_read():
    # What was in it is gone, and may come again; what the server sends next is no repeat.
    for newest in (True, False):
        got = []
        d = Disk()
        part = Part(d, got)
        script(part)
        n = 7
        while len(d.files) < 2:
            n += 1
            assert part.inbox.take(message(n, "m%d" % n)) is True
        d.bad[sorted(d.files)[-1 if newest else 0]] = 5
        part = Part(d, got)
        assert part.inbox.number == (n - 1 if newest else n)
        m = part.inbox.number + 1
        part.serve([(m, message(m, "new"))])
        assert part.inbox.number == m and part.inbox.repeats == 0
        assert got[-1] == (m, "new")


def test_a_full_file_system():
    # At every byte: the message is not acknowledged, and it comes once there is room.
    d = Disk()
    script(Part(d, []))
    for room in range(d.written):
        d = Disk()
        got = []
        part = Part(d, got)
        d.room = room
        script(part)
        given = [n for n, _ in got if n != 3]
        assert part.inbox.number >= max(given + [0])
        assert part.inbox.number == 7 or part.inbox.error is not None, room
        d.room = None
        script(part)
        assert sorted([n for n, _ in got if n != 3]) == [1, 2, 6, 7], (room, got)
        assert part.inbox.number == 7
        script(Part(d, got))
        # What was done when even that could not be noted comes once more after a power cut.
        again = [n for n, _ in got if n != 3][4:]
        assert len(again) <= 1, (room, got)


def test_power_cuts_and_a_full_file_system_with_a_server():
    # The same with all there is between them, at some places.
    for what in ("cut", "room"):
        for at in range(0, 130, 26):
            d = Disk()
            peer = Mailbox()
            b = Board(peer, disk=d)
            for n in (1, 2, 5):
                peer.send(n, message(n, "m%d" % n))
            setattr(d, what, at)
            try:
                b.run()
                b.run()
            except PowerCut:
                pass
            d.cut = d.room = None
            if what == "cut":
                got = b.got
                b.restart()
                b.got = got
            else:
                b.up.run(300, 140)  # two minutes later it tries again
            b.run()
            b.run()
            assert sorted({n for n, _ in b.got}) == [1, 2, 5], (what, at, b.got)
            assert len(b.got) <= 4 and not peer.messages and b.up.failures == 0


def test_a_refusal_that_can_not_be_told_yet_is_told_later():
    # While the records' queue takes nothing: one of who has the key is not even acknowledged.
    for text, word, number in (
        (message(1, "{}", "ask"), "kind", 1),
        (message(1, "x", key=bytes(32)), "mac", 0),
        (message(1, "x" * 500), "size", 0),
    ):
        part = Part(Disk(), [])
        taken = part.put
        full = [True]

        def put(record, taken=taken, full=full):
            if full[0]:
                raise OSError(ENOSPC)
            return taken(record)

        part.put = put
        part.inbox.begin()
        whole = len(text) <= 192 or word != "size"
        for _ in range(2):
            part.inbox.begin()
            assert part.inbox.take(text[:192] if not whole else text, whole) == (word != "kind")
            assert part.inbox.number == 0 and len(part.queue) == 0
        full[0] = False
        for _ in range(2):
            part.inbox.begin()
            assert part.inbox.take(text[:192] if not whole else text, whole)
        told = b'{"qssl":"inbox","m":1,"refused":"%s"}' % word.encode()
        assert [r for _, r in part.queue.peek()] == [told] and part.inbox.number == number
        assert part.inbox.taken == 0


def test_what_is_told_does_not_wait_for_records_that_never_were():
    # A queue gives out a number for what it could not write.
    part = Part(Disk(), [])
    part.inbox.refuse("mac", 1)
    part.queue.drop(1)
    part.delivered = 0  # nobody has delivered that
    part.inbox.refuse("mac", 2)
    assert [r for _, r in part.queue.peek()] == [b'{"qssl":"inbox","m":2,"refused":"mac"}']


def test_an_inbox_that_is_full_waits_for_the_program():
    b = Board(limit=1024, size=256)
    b.up.on_message = None
    assert b.up.receive() is None
    for n in range(1, 41):
        b.peer.send(n, message(n, "z" * 60))
    b.inbox.ask()
    for _ in range(5):
        b.run()
    assert b.peer.acks[-1] is None and "full" in str(b.inbox.error)
    had = b.inbox.number
    assert 3 < had < 40
    got = []
    for _ in range(200):
        entry = b.up.receive()
        if entry:
            got.append(entry[0])
        else:
            b.inbox.ask()
    assert got == list(range(1, 41))
    assert b.inbox.repeats == 0 and b.told() == []


def test_a_program_that_takes_no_messages_refuses_them():
    b = Board(limit=1024, size=256, messages=False)
    done = []
    b.inbox.handlers["settings"] = lambda m, body: done.append(m)
    for n in range(1, 41):
        b.peer.send(n, message(n, "z" * 60))
    b.peer.send(41, message(41, "{}", "settings"))
    b.inbox.ask()
    assert done == [41] and b.inbox.number == 41 and b.got == []
    assert b.inbox.refused == 40 and b.up.receive() is None
    b.run()
    assert b.told() == [{"qssl": "inbox", "m": n, "refused": "kind"} for n in range(1, 41)]


def test_what_is_handled_at_once_does_not_wait_for_what_is_not_read():
    b = Board()
    b.up.on_message = None
    done = []
    b.inbox.handlers["settings"] = lambda m, body: done.append((m, body))
    b.peer.send(1, message(1, "unread"))
    b.peer.send(2, message(2, '{"a":1}', "settings"))
    b.run()
    assert done == [(2, b'{"a":1}')] and b.inbox.number == 2
    b.restart()
    b.inbox.handlers["settings"] = lambda m, body: done.append((m, body))
    assert b.inbox.number == 2
    b.run()
    assert b.got == [(1, "unread")] and len(done) == 1
