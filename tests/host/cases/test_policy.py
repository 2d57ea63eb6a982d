# test_policy - when the uplink sends: times, counts, ages; quiet hours; failures; deep sleep.
# SPDX-License-Identifier: MIT

import driver_kit
import rig as rig_module
from both_kit import Board, Clock, message
from disk import Disk
from driver_kit import Watch, raised, tls
from mode_kit import Pin
from qssl import uplink
from qssl.errors import Refused
from qssl.https import Https
from qssl.queue import FileQueue, RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink, policy
from qssl.uplink.policy import Policy
from receivers import HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer

INSIDE = (
    "test_every_hour_stays_every_hour",
    "test_off_or_asleep_between_two_windows",
    "test_a_modem_that_can_not_rest_still_sends",
    "test_windows_without_a_network_do_not_leave_the_modem_on",
)

sleep_ms = rig_module.clock.sleep_ms
HOST = "server.example"
HOUR = 3600


class Chance:
    # In the place of urandom: what it gives is set, 0 to 1.
    def __init__(self, at=0.0):
        self.at = at

    def __call__(self, n):
        return bytes([min(int(self.at * 256), 255)] * n)


def chance(at=0.0):
    uplink.urandom = lambda n: b"\x80" * n
    policy.urandom = Chance(at)


class Site:
    # A board whose uplink has a policy, with a server. `sent`: [(second, number)] as they came.
    def __init__(self, store=None, clock=None, net=None, inbox=False, **keywords):
        chance()
        self.sent = []
        self.fate = 200
        self.server = HttpServer(self.answer)
        self.net = net or FakeNet(self.server)
        self.rig, self.modem = driver_kit.bare(self.net, sockets=2, idle=Watch(20))
        recovery = Recovery(self.modem, 30, apn="internet")
        self.up = Uplink(
            self.modem,
            HOST,
            443,
            tls(self.modem),
            Https(HOST, "/in"),
            RamQueue() if store is None else store,
            recovery,
            pause_s=2,
            clock=clock,
        )
        keywords.setdefault("spread_s", 0)
        self.policy = Policy(self.up, **keywords)
        self.n = 0

    def answer(self, queue, first, records, conn):
        if self.fate == 200:
            for r in records:
                self.sent.append((self.rig.now // 1000, r["n"]))
        return self.fate

    def put(self, count=1, urgent=False):
        for _ in range(count):
            self.policy.put(b'{"n":%d}' % self.n, urgent)
            self.n += 1

    def work(self, s, step_s=10):
        # Looks now and then between windows, closely in them.
        end = self.rig.now + s * 1000
        while self.rig.now < end:
            ms = max(self.up.step(), 20)
            if not self.policy._busy:
                ms = max(min((self.policy.wait_s() or step_s) * 1000, step_s * 1000), 20)
            sleep_ms(min(ms, max(end - self.rig.now, 1)))

    def times(self):
        return [s for s, _ in self.sent]

    def connections(self):
        return len(self.net.conns)


def near(found, wanted, within=12):
    # Seconds, and a start of the modem and a connection come on top.
    assert len(found) == len(wanted), (found, wanted)
    for f, w in zip(found, wanted):
        assert w <= f <= w + within, (found, wanted)


# --- when ---


def test_every_so_often():
    site = Site(every_s=600)
    for _ in range(12):
        site.put()
        site.work(300)
    assert len(site.sent) >= 10
    assert site.connections() == site.policy.windows == 5
    near(site.times()[:2], [600, 600])
    assert [n for _, n in site.sent] == list(range(len(site.sent)))
    assert site.policy.failures == 0 and site.policy.error is None


def test_every_hour_stays_every_hour():
    site = Site(every_s=600, spread_s=60)
    policy.urandom = Chance(0.5)
    begun = []
    for _ in range(40):
        site.put()
        site.work(60, 5)
        if site.policy.windows > len(begun):
            begun.append(site.policy._last)
    assert begun == [600, 1200, 1800], begun
    assert all(s % 600 < 60 for s in site.times())


def test_an_empty_queue_opens_no_window():
    site = Site(every_s=60)
    site.work(1000)
    assert site.connections() == 0 and not site.modem.up
    assert site.policy.wait_s() is None
    site.put()
    site.work(40)
    near(site.times(), [1000])


def test_at_so_many_records():
    site = Site(records=5)
    for _ in range(14):
        site.put()
        site.work(100)
    near(site.times(), [400] * 5 + [900] * 5)
    assert len(site.up.queue) == 4


def test_at_an_age():
    site = Site(age_s=1000)
    site.work(500)
    site.put()
    site.work(900)
    assert site.policy.wait_s() in (99, 100)
    site.put()
    site.work(200)
    near(site.times(), [1500, 1500])
    assert site.policy.wait_s() is None


def test_whichever_comes_first():
    site = Site(records=3, age_s=1000, every_s=5000)
    site.put(2)
    site.work(1100)
    near(site.times(), [1000, 1000])
    site.put(3)
    site.work(60)
    near(site.times()[2:], [1100] * 3)


def test_without_any_of_them_all_goes_at_once():
    site = Site()
    site.work(100)
    site.put()
    site.work(20)
    site.put()
    site.work(20)
    near(site.times(), [100, 120])


def test_what_is_urgent_goes_at_once_and_takes_the_others_along():
    site = Site(every_s=100000)
    site.put(3)
    site.work(1000)
    assert not site.sent
    site.put(1, True)
    assert site.policy.wait_s() == 0
    site.work(20)
    near(site.times(), [1000] * 4)
    site.put(2)
    site.work(1000)
    assert len(site.sent) == 4


def test_now():
    site = Site(every_s=100000)
    site.put(2)
    site.policy.now()
    site.work(20)
    near(site.times(), [0, 0])
    site.put()
    site.work(100)
    assert len(site.sent) == 2


def test_it_may_be_changed():
    site = Site(every_s=100000)
    site.put(3)
    site.work(100)
    site.policy.every_s = 200
    site.work(110)
    near(site.times(), [200] * 3)
    site.policy.every_s = 0  # nothing is left of its conditions: at once
    site.put()
    site.work(10)
    assert len(site.sent) == 4


def test_blocking_run_is_one_window():
    site = Site(every_s=600)
    site.put(2)
    assert site.policy.run() == 2 and site.rig.now == 0
    sleep_ms(600000)
    assert site.policy.run() == 0
    near(site.times(), [600, 600])
    assert site.policy.windows == 1 and not any(site.modem.sockets)


def test_uplink_run_waits_for_it_too():
    site = Site(every_s=100)
    site.put(2)
    assert site.up.run(50) == 2 and not site.sent
    assert site.up.run(100) == 0
    near(site.times(), [100, 100])


# --- quiet hours ---


def test_quiet_hours():
    clock = Clock(20 * HOUR)  # 20:00 UTC, 21:00 there

    class Running(Clock):
        def now(self):
            return None if self.s is None else self.s + site.rig.now // 1000

    clock = Running(20 * HOUR)
    site = Site(clock=clock, every_s=1800, quiet=(22.5, 6), zone_min=60)
    for _ in range(30):
        site.put()
        site.work(1200, 60)
    # Local 21:00 to 07:00: windows at 21:30, 22:00, nothing, 06:00, 06:30.
    hours = [(21 + s / HOUR) % 24 for s in site.times()]
    assert not [h for h in hours if h >= 22.5 or h < 6], hours
    assert len([h for h in hours if 6 <= h < 6.1]) > 20
    assert len(site.sent) >= 28


def test_quiet_hours_and_what_is_urgent():
    clock = Clock(HOUR)
    site = Site(clock=clock, quiet=(0, 6))
    site.put()
    site.work(100)
    assert not site.sent
    assert 5 * HOUR - 2 <= site.policy.wait_s() <= 5 * HOUR
    site.put(1, True)
    site.work(20)
    assert len(site.sent) == 2


def test_no_quiet_hours_while_nobody_knows_the_time():
    site = Site(clock=Clock(None), quiet=(0, 23.9))
    site.put()
    site.work(20)
    assert len(site.sent) == 1


# --- failures ---


def test_windows_end_and_come_after_growing_pauses():
    site = Site(window_s=60, again_s=600)
    site.fate = 503
    site.put()
    ends = []
    for _ in range(4 * HOUR // 10):
        site.work(10)
        if site.policy.windows > len(ends):
            ends.append(site.rig.now // 1000)
            assert not any(s is not None and s.state() == 1 for s in site.modem.sockets)
    assert 4 <= len(ends) <= 5, ends
    gaps = [b - a for a, b in zip(ends, ends[1:])]
    for gap, pause in zip(gaps, (600, 1200, 2400, 4800)):
        assert pause + 50 <= gap <= pause + 130, gaps
    assert site.policy.failures == len(ends)
    site.fate = 200
    site.work(3 * HOUR, 60)
    assert len(site.sent) == 1 and site.policy.failures == 0


def test_the_next_window_is_not_late_when_only_some_has_gone():
    site = Site(RamQueue(1 << 16), records=20, window_s=30, again_s=600)
    site.put(200)
    count = [0]

    def answer(queue, first, records, conn):
        count[0] += 1
        return 200 if count[0] % 5 == 0 else 503

    site.server.answer = answer
    site.work(10 * HOUR, 60)
    assert not len(site.up.queue) and site.policy.failures == 0
    assert site.policy.windows > 5


def test_urgent_records_do_not_hammer_a_server_that_is_gone():
    site = Site(net=FakeNet(RefusingPeer()), window_s=60)
    site.put(1, True)
    site.work(6 * HOUR, 60)
    assert 4 <= site.policy.windows <= 6


def test_a_budget():
    site = Site(may=lambda: site.fate == 201)
    site.put()
    site.work(100)
    assert not site.sent and site.policy.wait_s() is None
    site.put(1, True)
    site.work(20)
    assert len(site.sent) == 2


# --- deep sleep ---


def test_what_is_kept_over_deep_sleep():
    disk = Disk()
    disk.mount()
    memory = None
    sent = []
    clock = 0
    for n in range(30):
        site = Site(FileQueue("/q"), every_s=3600, memory=memory)
        site.n = n
        site.put()
        site.policy.run()
        sent += [(clock + s, m) for s, m in site.sent]
        site.up.queue.close()
        clock += site.rig.now // 1000 + 300
        memory = site.policy.keep(300)
        assert len(memory) == 29
    # 30 wakes, 300 s apart: windows after an hour each.
    assert sorted({s // 3600 for s, _ in sent}) == [1, 2], sent
    assert [m for _, m in sent] == list(range(len(sent)))


def test_failures_and_urgency_are_kept():
    disk = Disk()
    disk.mount()
    site = Site(FileQueue("/q"), every_s=3600, window_s=30, again_s=600)
    site.fate = 503
    site.put(1, True)
    site.policy.run()
    wait = site.policy.wait_s()
    assert 550 <= wait <= 600 and site.policy.failures == 1
    site.up.queue.close()
    memory = site.policy.keep(200)
    site = Site(FileQueue("/q"), every_s=3600, window_s=30, again_s=600, memory=memory)
    assert site.policy.failures == 1
    assert wait - 202 <= site.policy.wait_s() <= wait - 198
    # Without it, or with what is damaged, it is as after a power cut.
    for other in (
        None,
        b"",
        b"x" * 29,
        memory[:-1],
        memory[:-1] + b"\0" * (memory[-1] == 0) + b"!",
    ):
        site = Site(FileQueue("/q"), every_s=3600, memory=other)
        assert site.policy.failures == 0 and site.policy.wait_s() in (3599, 3600), other


# --- between two windows ---


def powered(between, **keywords):
    # A site with power lines: between two windows the modem is off or asleep.
    site = Site(between="on", **keywords)
    rig, modem = site.rig, site.modem
    modem.pins = tuple([Pin(rig, name) for name in ("pwrkey", "status", "dtr")] + [None] * 3)
    site.policy._between = between
    return site


def test_off_or_asleep_between_two_windows():
    for between in ("off", "sleep"):
        site = powered(between, every_s=600)
        model = site.rig.model
        rests = 0
        for _ in range(20):
            site.put()
            site.work(150)
            rests += model.power.state == "off" if between == "off" else model.port.asleep()
        assert site.policy.windows == 4 and rests >= 15, (between, site.policy.windows, rests)
        assert [n for _, n in site.sent] == list(range(len(site.sent))) and len(site.sent) > 15
        assert site.policy.error is None and site.up.failures == 0
        assert model.power.starts == (3 if between == "off" else 0)
        assert not site.policy.run() or site.policy.wait_s()


def test_a_modem_that_can_not_rest_still_sends():
    for between, fault in (
        ("off", "down_never n=0"),
        ("off", "lose_urc what=down n=0"),
        ("sleep", "cme cmd=+QSCLK= code=3 n=0"),
        ("sleep", "wake_never n=0"),
    ):
        site = powered(between, every_s=600)
        site.modem.pins = site.modem.pins[:4] + (Pin(site.rig, "reset"), None)
        driver_kit.arm(site.rig, fault)
        for _ in range(8):
            site.put()
            site.work(400)
        assert len(site.sent) >= 5, (between, fault, site.sent)
        assert [n for _, n in site.sent] == list(range(len(site.sent)))
        # Where STATUS tells, the last word is not missed; waking is the next window's matter.
        assert (site.policy.error is None) == (fault[0] in "lw"), (fault, site.policy.error)


def test_windows_without_a_network_do_not_leave_the_modem_on():
    site = powered("off", window_s=60, again_s=600)
    site.rig.model.command("coverage off")
    log = driver_kit.Log(site.rig)
    site.put()
    on = 0
    for _ in range(1200):
        site.work(10)
        on += site.rig.model.power.state != "off"
    assert 3 <= site.policy.windows <= 5 and on * 10 < 900, (site.policy.windows, on)
    # It has been off: there is no ladder to climb.
    assert not log.count("AT+QIDEACT") and not log.count("AT+CFUN=0")
    site.rig.model.command("coverage on")
    site.work(14000, 60)
    assert len(site.sent) == 1


# --- messages ---


def with_inbox(**keywords):
    chance()
    b = Board(ask_s=900)
    b.policy = Policy(b.up, spread_s=0, **keywords)
    return b


def works(b, s):
    end = b.rig.now + s * 1000
    while b.rig.now < end:
        wait = b.up.step()
        sleep_ms(min(max(wait, 20), 500))


def test_messages_are_asked_for_in_windows():
    b = with_inbox(every_s=HOUR)
    works(b, 100)
    asked = b.peer.asked
    b.peer.send(1, message(1, "hello"))
    works(b, 1900)
    assert b.peer.asked - asked in (2, 3) and b.got == [(1, "hello")]
    b.peer.send(2, message(2, "again"))
    assert b.inbox.ask(30) and b.got[-1] == (2, "again")
    b.peer.send(3, message(3, "third"))
    b.policy.now()
    works(b, 30)
    assert b.got[-1] == (3, "third")


# --- arguments ---


def test_arguments_that_can_not_be_right():
    for wrong in (
        {"every_s": -1},
        {"every_s": 1.5},
        {"records": "5"},
        {"window_s": 0},
        {"spread_s": None},
        {"quiet": (5, 5)},
        {"quiet": (0, 24)},
        {"quiet": (22, 25)},
        {"quiet": 22},
        {"quiet": ("22", "6")},
        {"zone_min": 5000},
        {"between": "never"},
        {"between": "sleep"},  # DTR is not wired
    ):
        assert isinstance(raised(Site, **wrong), Refused), wrong
    _, modem = driver_kit.bare(FakeNet(HttpServer()))
    up = Uplink(modem, HOST, 443, tls(modem), Https(HOST, "/in"), RamQueue())
    assert isinstance(raised(Policy, up, between="off"), Refused)
    assert isinstance(raised(Policy, up, quiet=(1, 2)), Refused)
