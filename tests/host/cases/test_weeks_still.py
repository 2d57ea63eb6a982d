# test_weeks_still - a board that does nothing for days: ticks come round after 12.4 days, and what
# is past looks as if it were to come after half of that.
# SPDX-License-Identifier: MIT

import rig as rig_module
from both_kit import Board
from driver_kit import HOST, Watch, arm, bare, connected, raised, tls, up, works
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.timekeeper import Timekeeper
from qssl.uplink import Uplink
from qssl.uplink.policy import Policy
from qssl.uplink.seconds import Seconds
from receivers import HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer

INSIDE = ("test_messages_that_are_asked_for_once_a_week",)

DAY_MS = 86400000
DAYS = (5, 7, 9, 12)


def starts_soon(rig, modem, days):
    begun = rig.now
    modem.start("internet", timeout_ms=60000)
    works(modem)
    assert rig.now - begun < 20000, (days, rig.now - begun)


def test_a_modem_that_was_off_is_started():
    # Nothing has come from it for so long.
    for days in DAYS:
        rig, modem = up()
        rig.model.command("off")
        rig.sleep(days * DAY_MS)
        rig.model.command("on")
        rig.sleep(5000)
        starts_soon(rig, modem, days)


def test_a_modem_that_has_died_meanwhile_is_told_and_comes_back():
    for days in DAYS:
        rig, modem, sock = connected()
        rig.sleep(days * DAY_MS)
        arm(rig, "mute")
        begun = rig.now
        raised(modem.connect, HOST, 443, tls(modem), 20000)
        assert rig.now - begun < 20500
        rig.sleep(10000)
        rig.model.command("clear")
        starts_soon(rig, modem, days)


def test_an_uplink_that_runs_once_in_a_while():
    # It was in the pause after a failure when the program left it alone.
    for days in DAYS:
        server = HttpServer()
        net = FakeNet(server)
        rig, modem = bare(net, sockets=3, idle=Watch(20))
        net.add(HOST, RefusingPeer())
        link = Uplink(
            modem,
            HOST,
            443,
            tls(modem),
            Https(HOST, "/in"),
            RamQueue(),
            Recovery(modem, 30, apn="internet"),
        )
        link.put(b'{"n":1}')
        assert link.run(20) == 1 and link.failures
        net.add(HOST, server)
        rig.sleep(days * DAY_MS)
        link.put(b'{"n":2}')
        assert link.run(30) == 0, (days, link.error)
        assert [r["n"] for r in server.ledger.values()] == [1, 2]


def test_seconds_that_nobody_has_asked_for():
    for days in DAYS:
        rig, modem = up()
        modem.clock((2026, 11, 29, 12, 0, 0))
        keeper = Timekeeper(modem)
        keeper.sync()
        count = Seconds()
        before = keeper.now(), keeper.up(), count.now()
        rig_module.clock.sleep_ms(days * DAY_MS)
        after = keeper.now(), keeper.up(), count.now()
        for a, b in zip(before, after):
            assert 0 <= b - a - days * 86400 <= 1, (days, b - a)


def test_a_policy_of_a_week_and_more():
    # The program sleeps until the next window; or for a week, whatever is said.
    for every in (5, 8, 13, 20):
        for own in (False, True):
            server = HttpServer()
            rig, modem = bare(FakeNet(server), sockets=2, idle=Watch(20))
            link = Uplink(
                modem,
                HOST,
                443,
                tls(modem),
                Https(HOST, "/in"),
                RamQueue(),
                Recovery(modem, 30, apn="internet"),
            )
            policy = Policy(link, every_s=every * 86400, spread_s=0)
            end = rig.now + 45 * DAY_MS
            n = 0
            while rig.now < end:
                if not len(link.queue):
                    policy.put(b'{"n":%d}' % n)
                    n += 1
                wait = policy.wait_s()
                assert wait is None or wait <= 5 * 86400
                if wait:
                    rig.sleep(7 * DAY_MS if own and every < 7 else wait * 1000)
                policy.run()
            times = len(server.ledger.values())
            assert times >= (45 // 7 if own and every < 7 else 45 // every) - 1, (
                every,
                own,
                times,
            )


def test_times_that_ticks_can_not_count():
    # They are six days then, and no error in the midst of the work.
    server = HttpServer()
    net = FakeNet(server)
    net.add(HOST, RefusingPeer())
    rig, modem = bare(net, sockets=3, idle=Watch(20))
    recovery = Recovery(modem, start_s=10000000, apn="internet")
    times = {"timeout_s": 10000000, "pause_s": 1000000, "pause_max_s": 10000000}
    link = Uplink(modem, HOST, 443, tls(modem), Https(HOST, "/in"), RamQueue(), recovery, **times)
    link.put(b'{"n":1}')
    assert link.run(30) == 1 and link.failures
    net.add(HOST, server)
    rig.sleep(6 * DAY_MS)
    assert link.run(30) == 0


def test_messages_that_are_asked_for_once_a_week():
    for every in (7, 20):
        board = Board(ask_s=every * 86400)
        for _ in range(9):
            rig_module.clock.sleep_ms(5 * DAY_MS)
            board.up.run(30, 20)
        assert board.inbox._asks == 1 + 45 // (-(-every // 5) * 5), (every, board.inbox._asks)
        assert board.inbox.ask(10000000)


def test_a_program_that_sleeps_for_weeks():
    for ms in (DAY_MS, DAY_MS + 1, 6 * DAY_MS, 7 * DAY_MS + 5000, 30 * DAY_MS):
        watch = Watch()
        rig, modem = up(idle=watch)
        begun = rig.now
        watch.nap_ms = 3600000
        modem.sleep_ms(ms)
        watch.nap_ms = 0
        assert 0 <= rig.now - begun - ms < 31 * 3600000, (ms, rig.now - begun)
        works(modem)
