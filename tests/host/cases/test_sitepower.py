# test_sitepower - sleep and watchdog of a board, on a machine of the virtual clock.
# SPDX-License-Identifier: MIT

import os

import driver_kit
import rig as rig_module
from driver_kit import Watch
from qssl import sitepower
from qssl.errors import Refused
from qssl.sitepower import Power
from ugsim.fakenet import EchoPeer, FakeNet

clock = rig_module.clock


class Woken(Exception):
    pass


class Bitten(Exception):
    pass


def machine(rig, watched_in_sleep=True, memory=False):
    # Its watchdog bites where the clock moves on; ESP32: not in sleep, and an RTC that remembers.
    class Machine:
        slept = []
        bites = None
        kept = b""

        class WDT:
            def __init__(self, timeout):
                self.timeout = timeout
                Machine.dog = self
                self.feed()

            def feed(self):
                Machine.bites = rig.now + self.timeout

        @staticmethod
        def lightsleep(ms):
            Machine.slept.append(ms)
            pause(ms, watched_in_sleep)

        @staticmethod
        def deepsleep(ms):
            Machine.slept.append(-ms)
            pause(ms, watched_in_sleep)
            raise Woken

        class _Rtc:
            def memory(self, data=None):
                if data is None:
                    return Machine.kept
                Machine.kept = data

        RTC = _Rtc if memory else object

    def pause(ms, watched):
        rig.sleep(ms)
        if not watched and Machine.bites is not None:
            Machine.bites += ms
        if Machine.bites is not None and rig.now > Machine.bites:
            raise Bitten

    sitepower.sleep_ms = clock.sleep_ms
    return Machine


def site():
    return driver_kit.bare(FakeNet(EchoPeer()), idle=Watch(0))[0]


def test_light_sleep():
    rig = site()
    m = machine(rig)
    power = Power(m, 8388)
    power.sleep(300000)
    assert rig.now == 300000 and m.slept == [300000]
    power.sleep(0)
    power.sleep(5 * 3600000)  # longer than an RP2040 can at once
    assert rig.now == 300000 + 5 * 3600000 and max(m.slept) == 3600000
    begun = rig.now
    power.sleep(20 * 86400000)  # longer than ticks can tell
    assert rig.now == begun + 20 * 86400000


def test_light_sleep_with_a_watchdog():
    rig = site()
    m = machine(rig)
    power = Power(m, 8388)
    power.watchdog(900)
    assert m.dog.timeout == 8388
    power.sleep(300000)
    assert rig.now == 300000 and max(m.slept) <= 4194


def test_light_sleep_with_a_watchdog_of_less_than_the_board_has():
    rig = site()
    m = machine(rig)
    power = Power(m, 600000)
    power.watchdog(60)
    assert m.dog.timeout == 60000
    power.sleep(300000)
    assert rig.now == 300000 and max(m.slept) <= 30000


def test_deep_sleep():
    for watched, most, dog in ((True, 8388, 900), (True, 8388, 0), (False, 600000, 900)):
        rig = site()
        m = machine(rig, watched)
        power = Power(m, most)
        power.watchdog(dog)
        try:
            power.sleep(300000, True)
            raise AssertionError("it went on")
        except Woken:
            pass
        assert abs(rig.now - 300000) <= 1
        # Where the watchdog waits for long, or there is none, it is one deep sleep.
        assert (m.slept == [-300000]) == (most > 60000 or not dog), m.slept


def test_only_a_working_loop_feeds():
    rig = site()
    m = machine(rig)
    dog = Power(m, 600000).watchdog(120)
    assert m.dog.timeout == 120000
    for _ in range(10):  # it goes round
        dog.alive()
        for _ in range(100):
            rig.sleep(1000)
            dog.idle()
    fed = m.bites
    assert fed == rig.now + 120000
    for _ in range(300):  # it waits in a call that never ends
        rig.sleep(1000)
        dog.idle()
    assert m.bites < rig.now and m.bites <= fed + 120000


def test_without_a_watchdog_nothing_is_fed():
    rig = site()
    m = machine(rig)
    for power in (Power(m, 0), Power(None)):
        dog = power.watchdog(900)
        dog.alive()
        dog.idle()
    Power(m, 8388).watchdog(0).alive()
    assert m.bites is None


def test_a_pc_sleeps_and_ends():
    rig = site()
    machine(rig)
    power = Power(None)
    power.sleep(5000)
    assert rig.now == 5000
    try:
        power.sleep(5000, True)
        raise AssertionError("it went on")
    except SystemExit:
        pass
    assert rig.now == 10000


def test_what_is_kept():
    rig = site()
    m = machine(rig, memory=True)
    power = Power(m, 0, "/nowhere/kept")
    assert power.kept() == b""
    power.keep(b"abc")
    assert Power(m, 0, "/nowhere/kept").kept() == b"abc"
    path = "/tmp/qssl-kept-%d" % (id(rig) & 0xFFFFFF)
    m = machine(rig)
    power = Power(m, 0, path)
    assert power.kept() == b""
    power.keep(b"x" * 29)
    assert Power(m, 0, path).kept() == b"x" * 29
    assert Power(m, 0, path).kept() == b""  # once
    # All of it or nothing, on each board: what was there before stays.
    for remembers in (True, False):
        power = Power(machine(rig, memory=remembers), 0, path)
        power.keep(b"y" * 512)
        try:
            power.keep(b"z" * 513)
            raise AssertionError("it was taken")
        except Refused as e:
            assert "takes 512 bytes, not 513" in str(e)
        assert power.kept() == b"y" * 512
    for name in os.listdir("/tmp"):
        assert "/tmp/" + name != path
