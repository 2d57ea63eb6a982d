# test_policy_fleet - many devices with one policy do not come at once, whatever has held them up.
# SPDX-License-Identifier: MIT

import driver_kit
from qssl.uplink import policy
from qssl.uplink.policy import Policy
from ugsim.fakenet import FakeNet, RefusingPeer
from ugsim.model.base.rng import Rng

INSIDE = (
    "test_a_fleet_does_not_come_at_once_after_an_outage",
    "test_a_fleet_does_not_come_at_once_after_quiet_hours",
)

HOUR = 3600


class Phantom:
    # What a Policy wants of an Uplink, without one: hundreds of them fit into a test.
    class _Modem:
        pins = (None,) * 6

    class _Carrier:
        pass

    def __init__(self):
        self._modem = self._Modem()
        self._carrier = self._Carrier()
        self._recover = self._clock = None
        self._pause_max_ms = 300000
        self.delivered = self.rejected = self._silent = 0
        self.queue = []
        self.on_message = None

    def put(self, record):
        self.queue.append(record)
        return self.delivered + len(self.queue)

    def close(self):
        pass

    def _drop(self):
        pass


class Noise:
    def __init__(self, seed):
        self._rng = Rng(seed)

    def __call__(self, n):
        return bytes([self._rng.below(256) for _ in range(n)])


def crowd(policies, works, hours, rig):
    # Lets them go their way: [seconds of the windows of all]. works(now): whether the server does.
    found = []
    while rig.now < hours * 3600000:
        waits = [p.wait_s() for p in policies]
        waits = [w for w in waits if w is not None]
        if not waits:
            break
        rig.sleep(max(min(waits), 1) * 1000)
        now = rig.now // 1000
        for p in policies:
            if p.wait_s() == 0:
                p._begin()
                found.append(now)
                if works(now):
                    p._up.delivered += len(p._up.queue)
                    p._up.queue = []
                p._ended()
                p._busy = False
    return found


def most(times, s):
    # Most windows within s seconds.
    best = 0
    for i, t in enumerate(times):
        n = len([u for u in times[i:] if u < t + s])
        best = max(best, n)
    return best


def test_a_fleet_does_not_come_at_once_after_an_outage():
    rig, _ = driver_kit.bare(FakeNet(RefusingPeer()))
    policy.urandom = Noise(1)
    fleet = []
    for _ in range(40):
        up = Phantom()
        p = Policy(up, every_s=600, spread_s=120)
        p.put(b"x")
        fleet.append(p)
    # All were switched on at one moment; the server is away for the first two hours.
    times = crowd(fleet, lambda now: now > 2 * HOUR, 6, rig)
    assert not [p for p in fleet if len(p._up.queue)]
    first = [t for t in times if t < 800]
    assert len(first) == 40 and most(first, 10) <= 10, most(first, 10)
    after = [t for t in times if t > 2 * HOUR]
    assert len(after) == 40 and most(after, 60) <= 6, most(after, 60)
    # And none waits longer than it has to.
    assert max(after) < 2 * HOUR + 10800


def test_a_fleet_does_not_come_at_once_after_quiet_hours():
    rig, _ = driver_kit.bare(FakeNet(RefusingPeer()))
    policy.urandom = Noise(7)

    class Running:
        def now(self):
            return rig.now // 1000

    fleet = []
    for _ in range(40):
        p = Policy(Phantom(), quiet=(0, 2), spread_s=300, clock=Running())
        p.put(b"x")
        fleet.append(p)
    times = crowd(fleet, lambda now: True, 3, rig)
    assert len(times) == 40 and min(times) >= 2 * HOUR and max(times) <= 2 * HOUR + 320
    assert most(times, 10) <= 8, most(times, 10)
