# test_time_kept - the time over power cuts: its file, stamps of records, a board without a clock.
# SPDX-License-Identifier: MIT

from driver_kit import CA, HOST, raised, tls
from qssl import timekeeper, uplink
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.timekeeper import Timekeeper, at, opened
from qssl.uplink import Uplink
from time_kit import DAY, THREE, Flash, cut, looked, made, near, noted, true
from ugsim.fakenet import RefusingPeer

uplink.urandom = lambda n: b"\x80" * n


# --- the file ---


def test_never_behind_the_last_time_known():
    flash = Flash()
    rig, modem = made()
    keeper = Timekeeper(modem, path="/time")
    keeper.sync()
    assert not flash.files and keeper.last == 0  # one voice is not sure
    keeper.confirm()
    known = keeper.last
    assert near(known, true(rig)) and len(flash.files) == 1
    # The network says it is a year earlier: an attacker, or a fault.
    before = true(rig)
    rig.model.network.set_time(before - 365 * DAY, 0)
    modem, keeper = cut(rig, modem, keeper)
    assert keeper.last == known and keeper.sync() is None and keeper.source is None
    assert noted(keeper)[:1] == [("network", "behind the last time known")]
    # Two servers say so as well: still not.
    modem, keeper = cut(rig, modem, keeper, THREE)
    assert keeper.sync() is None
    assert ("ntp", "behind the last time known") in noted(keeper)
    # A minute earlier is no lie.
    rig.model.network.set_time(known - 60, 0)
    modem, keeper = cut(rig, modem, keeper)
    assert near(keeper.sync(), true(rig))
    rig.model.network.set_time(before + 3 * 365 * DAY, 0)
    modem, keeper = cut(rig, modem, keeper)
    assert near(keeper.sync(), true(rig))


def test_a_lie_ahead_is_not_kept():
    # Else nobody could ever correct it.
    flash = Flash()
    rig, modem = made(nitz_time="year")
    keeper = Timekeeper(modem, path="/time")
    assert near(keeper.sync(), true(rig) + 365 * DAY) and not flash.files
    modem, keeper = cut(rig, modem, keeper, nitz_time="true")
    assert near(keeper.sync(), true(rig))


def test_a_damaged_file():
    flash = Flash()
    rig, modem = made()
    keeper = Timekeeper(modem, path="/time")
    keeper.sync()
    keeper.confirm()
    whole = dict(flash.files)
    (path,) = whole
    data = whole[path]
    bad = [b"", b"x", data[:-1], data + b"\0", b"{}" * 100, b"\xff" * 64, bytes(len(data))]
    for i in range(len(data)):
        bad.append(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :])
    for other in bad:
        flash.files = {path: other}
        again = Timekeeper(modem, path="/time")
        assert again.last == 0 and again.rejected == [("file", None, "damaged")], other
    # It works all the same, and makes the file good again.
    assert near(again.sync(), true(rig))
    again.confirm()
    assert Timekeeper(modem, path="/time").last == again.last > 0
    # A power cut while the newer one is written leaves the older one.
    flash.files = dict(whole)
    keeper = Timekeeper(modem, path="/time")
    keeper.sync()
    keeper.confirm()
    assert len(flash.files) == 2
    newer = next(p for p in flash.files if p != path)
    for n in range(len(flash.files[newer])):
        files = dict(flash.files)
        files[newer] = files[newer][:n]
        outer, flash.files = flash.files, files
        torn = Timekeeper(modem, path="/time")
        flash.files = outer
        assert torn.last == unpacked(data), n
    # A year that can't be, with a right checksum.
    for last in (5, 4107542400):
        head = data[:8] + bytes([last >> k & 255 for k in (24, 16, 8, 0)])
        sum = timekeeper.crc32(head)
        flash.files = {path: head + bytes([sum >> k & 255 for k in (24, 16, 8, 0)])}
        again = Timekeeper(modem, path="/time")
        assert again.last == 0 and again.rejected[0][2] == "no year that can be"


def unpacked(data):
    return timekeeper.unpack(">I", data[8:12])[0]


def test_the_file_is_written_rarely_and_may_fail():
    flash = Flash()
    rig, modem = made()
    keeper = Timekeeper(modem, path="/time", every_s=3600)
    for _ in range(5 * 24):
        looked(modem, keeper)
        for _ in range(10):
            keeper.confirm()
        rig.sleep(3600000)
    assert 4 <= flash.writes <= 6, flash.writes
    assert len(flash.files) == 2
    flash.full = True
    rig.sleep(90000000)
    looked(modem, keeper)
    keeper.confirm()
    assert keeper.rejected[-1][0] == "file" and "can't be written" in keeper.rejected[-1][2]
    assert near(keeper.now(), true(rig))


# --- stamps ---


def stamped(rig, modem, keeper, queue, **more):
    ladder = Recovery(modem, 60, clock=keeper, apn="internet")
    return Uplink(
        modem,
        HOST,
        443,
        tls(modem, 0, ca=CA),
        Https(HOST),
        queue,
        ladder,
        pause_max_s=4,
        stamp=at,
        **more,
    )


def arrived(rig):
    # [(n, at)] of what the server has.
    return [(r["n"], r["at"]) for r in rig.net.default.ledger.records]


class Ledger:
    def __init__(self):
        self.records = []

    def add(self, queue, id, record):
        self.records.append(record)


def test_a_record_from_before_the_time_was_known_gets_its_stamp():
    rig, modem = made(start=False, nitz="no")
    rig.net.default.ledger = Ledger()
    queue = RamQueue()
    keeper = Timekeeper(modem, ntp=THREE)
    rig.net.clocks = dict.fromkeys(THREE, ("error", 61))
    link = stamped(rig, modem, keeper, queue)
    when = []
    for n in range(3):
        when.append(true(rig))
        link.put(b'{"n":%d}' % n)
        link.run(100)
    assert len(queue) == 3 and "never set" in str(link.error)
    rig.net.clocks = {}
    assert link.run(900) == 0, (str(link.error), keeper.rejected)
    when.append(true(rig))
    link.put('{"n":3}')
    assert link.run(60) == 0
    got = arrived(rig)
    assert [n for n, _ in got] == [0, 1, 2, 3]
    for (n, s), want in zip(got, when):
        assert near(s, want, 4), (n, s - want)


def test_across_a_power_cut_it_stays_unknown_and_says_so():
    flash = Flash()
    rig, modem = made(start=False, nitz="no")
    rig.net.default.ledger = Ledger()
    queue = RamQueue()  # stands for one in flash
    link = stamped(rig, modem, Timekeeper(modem, path="/time"), queue)
    link.put(b'{"n":0}')
    link.run(60)
    assert len(queue) == 1 and not flash.files
    # Power cut; now the network tells the time.
    modem, keeper = cut(rig, modem, None, nitz="yes")
    link = stamped(rig, modem, keeper, queue)
    link.put(b'{"n":1}')
    assert link.run(120) == 0, str(link.error)
    (a, b) = arrived(rig)
    assert a == (0, None) and b[0] == 1 and near(b[1], true(rig), 120)


def test_a_time_that_was_known_before_the_power_cut_is_kept_for_its_records():
    flash = Flash()
    rig, modem = made(start=False, nitz="no")
    rig.net.default.ledger = Ledger()
    queue = RamQueue()
    rig.net.clocks = dict.fromkeys(THREE, ("error", 61))
    keeper = Timekeeper(modem, ntp=THREE, path="/time")
    link = stamped(rig, modem, keeper, queue)
    when = true(rig)
    link.put(b'{"n":0}')
    link.run(30)
    rig.net.clocks = {}
    rig.net.default, server = RefusingPeer(), rig.net.default
    assert link.run(300) == 1 and near(keeper.now(), true(rig))
    assert flash.files
    modem, keeper = cut(rig, modem, keeper, nitz="no")
    rig.net.default = server
    rig.model.command("clock set %d" % true(rig))
    link = stamped(rig, modem, keeper, queue)
    assert link.run(120) == 0, str(link.error)
    assert arrived(rig)[0][0] == 0 and near(arrived(rig)[0][1], when, 4)


def test_stamps_by_themselves():
    rig, modem = made()
    keeper = Timekeeper(modem)
    early = keeper.stamp()
    assert len(early) == 14 and keeper.at(early) is None
    keeper.sync()
    assert near(keeper.at(early), true(rig), 5)
    late = keeper.stamp()
    other = Timekeeper(modem)
    assert other.at(early) is None and other.at(late) is None  # it was not sure
    keeper.confirm()
    late = keeper.stamp()
    assert other.at(early) is None and near(other.at(late), true(rig), 5)
    for wrong in (b"", b"\xf5\xfe", b'{"n":1234567890}', bytes(14)):
        assert keeper.at(wrong) is None
        assert opened(keeper, wrong) == (wrong, None)
    assert opened(keeper, late + b"x")[0] == b"x"
    assert at(b'{"n":1}', 5) == b'{"at":5,"n":1}' and at(b"{ }", None) == b'{"at":null}'
    assert at(b"[1]", 5) == b"[1]"
    link = stamped(rig, modem, keeper, RamQueue(100))
    for bad in (b"", "", 5, None):
        assert "a record is" in str(raised(link.put, bad))


# --- the whole of it ---


def test_a_board_without_a_clock_after_a_power_cut():
    # The uplink alone, and a network that tells the time: nothing else is needed.
    for switches in ({}, {"rtc_digits": "utc", "qlts_year": "4"}, {"nitz_ms": 200000}):
        rig, modem = made("32", start=False, **switches)
        words = []
        ladder = Recovery(modem, 60, tell=lambda w, v, words=words: words.append(w), apn="i")
        link = Uplink(modem, HOST, 443, tls(modem, 0, ca=CA), Https(HOST), RamQueue(), ladder)
        link.put(b"1")
        assert link.run(600) == 0, (switches, str(link.error))
        assert near(rig.net.conns[-1].tls.clock, true(rig), 60)
        assert ladder.clock.sure
