# test_bill - bytes on the air: by day and month, through restarts, and a budget.
# SPDX-License-Identifier: MIT
#
# Against real sockets: tests/host/test_bill_air.py.


import errno

import rig
from both_kit import Board, Clock
from disk import Disk
from driver_kit import raised
from qssl.uplink.bill import Bill
from qssl.uplink.policy import Policy
from ugsim.fakenet import FakeNet, RefusingPeer

INSIDE = (
    "test_days_and_months",
    "test_without_a_clock_a_day_is_24_hours",
    "test_sums_survive_a_restart",
)

DAY = 86400
START = 20000 * DAY  # 2024-10-04


def board(**keywords):
    made = Board(clock=Clock(START), messages=False)
    return made, Bill(made.up, **keywords)


def test_what_a_batch_costs():
    b, bill = board()
    assert bill.report()["air"] == 0 and bill.may()
    b.run()
    first = bill.air
    # A handshake and all that belongs to it, and one POST with its answer.
    assert bill.connects == 1 and 2700 < first < 3600, first
    assert bill.payload < 300 and bill.today == bill.month == first == b.modem.stats.air
    b.run()
    assert bill.connects == 1 and 500 < bill.air - first < 900, bill.air - first
    # Each byte of payload is one on the air, but for what a block of the cipher takes.
    before = bill.air
    b.up.put(b'"%s"' % (b"x" * 2000))
    assert b.up.run(60) == 0
    assert 2500 < bill.air - before < 3200, bill.air - before


def test_longer_certificates_cost_more():
    sums = []
    for keywords in ({}, {"chain": 3000}, {"cert": 800}, {"ip": 60}):
        b, bill = board(**keywords)
        b.run()
        sums.append(bill.air)
    assert sums[1] - sums[0] == 2000 + 2 * 40  # two packets more
    assert 1100 < sums[2] - sums[0] < 1400
    assert sums[3] - sums[0] > 300


def test_days_and_months():
    b, bill = board()
    b.run()
    one = bill.today
    b.clock.s = START + DAY
    b.run()
    two = bill.today
    assert bill.before == (one, 0) and bill.month == one + two
    b.clock.s = START + 3 * DAY  # a day without anything
    assert bill.report()["today"] == 0 and bill.before == (0, 0)
    b.run()
    three = bill.today
    b.clock.s = START + 28 * DAY  # the first of November
    b.run()
    assert bill.before == (0, one + two + three) and bill.month == bill.today
    found = bill.report()
    assert found["last_month"] == one + two + three and found["today"] == bill.today


def test_without_a_clock_a_day_is_24_hours():
    b, bill = board()
    b.clock.s = None
    b.run()
    bill._turn()
    one = bill.today
    for _ in range(25):
        rig.clock.sleep_ms(3600000)
        bill.may()
    assert bill.report()["today"] == 0
    assert bill.air == one


def test_a_failed_connection_costs_too():
    b, bill = board()
    b.rig.net = b.rig.model.net = FakeNet(RefusingPeer())
    b.up.put(b"1")
    b.up.run(5)
    assert bill.failed >= 1 and bill.connects == 0
    assert bill.today > 1000 * bill.failed


def test_sums_survive_a_restart():
    b, bill = board(folder="/bill")
    b.run()
    first = bill.today
    b.restart()
    bill = Bill(b.up, folder="/bill")
    # Kept when the connection opened: what came behind is known to the next one only.
    assert 2000 < bill.today <= first and bill.air == 0
    b.run()
    assert bill.today > first
    b.clock.s += DAY
    b.restart()
    bill = Bill(b.up, folder="/bill")
    assert bill.today == 0 and bill.before[0] > first


def test_a_full_file_system_stops_nothing():
    disk = Disk()
    b = Board(clock=Clock(START), messages=False, disk=disk)
    bill = Bill(b.up, folder="/bill")
    disk.room = 0
    for _ in range(3):
        b.run()
        b.up.close()
    assert bill.connects == 3


def test_over_the_budget_only_what_is_urgent_goes():
    b, bill = board(day=3000)
    policy = Policy(b.up, records=1, spread_s=0, may=bill.may)
    b.up.put(b'{"n":1}')
    assert policy.run() == 0 and not bill.may() and bill.report()["over"]
    b.up.put(b'{"n":2}')
    for _ in range(5):
        policy.run()
        b.modem.sleep_ms(60000)
    assert len(b.up.queue) == 1 and policy.wait_s() is None
    policy.put(b'{"n":3}', True)
    assert policy.run() == 0
    assert [r["n"] for r in b.peer.ledger.values()] == [1, 2, 3]
    b.up.put(b'{"n":4}')
    policy.run()
    assert len(b.up.queue) == 1
    b.clock.s += DAY  # a new day
    assert bill.may() and policy.run() == 0
    b, bill = board(month=3000)
    b.run()
    b.clock.s += DAY
    assert not bill.may()
    b.clock.s += 31 * DAY
    assert bill.may()


def test_wrong_arguments_are_refused():
    b = Board(messages=False)
    for keywords in ({"day": -1}, {"chain": "800"}, {"ip": 1.5}):
        assert raised(Bill, b.up, **keywords).errno == errno.EINVAL
