# qsoak.power - a year of examples/telemetry_battery.py on the virtual clock: what it costs.
# SPDX-License-Identifier: MIT
#
#     power.py JSON     {"days", "seed", "tail_s", "wake_s", "chain", "trouble", "settings"}
#
# It prints "@@ at JSON" each 30 days, at the end "@@ done JSON".
#
# The example runs as it is, with a module `board` of this file's: RAM and modem object are new
# after each deep sleep, files and what power.keep() was given are not. With trouble: coverage
# holes of hours, a server that is away for hours or answers 503, a modem that hangs, a modem whose
# last word gets lost, and PDP contexts that the network takes.

import json
import os
import sys

if sys.implementation.name != "micropython":
    import upy

    upy.install()

import disk as _disk
import driver_kit
import rig as rig_module
from qsearch.pin import Pin
from qsoak.happens import Happens
from qssl import Modem, sitepower, uplink
from qssl.clock import civil
from qssl.uplink import policy
from qssl.uplink.bill import Bill
from receivers import HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer
from ugsim.model.base.rng import Rng
from ugsim.model.commands.power import BOOTING, OFF, STOPPING

_START = 1767225600  # 2026-01-01 00:00:00 UTC
_DAY_MS = 86400000
_NAP_MS = 20  # the board looks so often while it waits
_EVER = 1 << 60
_SWITCHES = {
    "boot_ms": 4500,
    "register_ms": 8000,
    "act_ms": 1200,
    "down_ms": 4000,
    "reply_ms": 5,
}


class Asleep(BaseException):
    # The board sleeps deeply: its RAM is gone.
    pass


class Over(BaseException):
    # The time to look at has passed.
    pass


class Meter:
    # How long the modem was in which state, by the model's own steps of time.
    def __init__(self, model, net, tail_s):
        self.ms = {}
        self.registered = self.starts = 0
        self._model = model
        self._net = net
        self._tail = int(tail_s * 1000)
        self._air = -1 << 40  # when something was on the air last
        self._seen = None
        self._up = False
        self._run = model.run
        model.run = self.run

    def run(self, now):
        at = self._model.now
        while at < now:
            state, until = self._state(self._model, at)
            until = min(until, now)
            self.ms[state] = self.ms.get(state, 0) + until - at
            at = until
        self._run(now)

    def _state(self, model, at):
        # (state, until when it is that if nothing happens)
        power = model.power.state
        if power == OFF:
            self._up = False
            return "off", _EVER
        if power == BOOTING:
            return "starting", _EVER
        if power == STOPPING:
            return "leaving", _EVER
        up = model.radio.up()
        self.registered += up and not self._up
        self._up = up
        if not up:
            return "searching", _EVER
        net = self._net
        seen = (net.bytes_up, net.bytes_down, net.made, net.live())
        if seen != self._seen or net.opening():
            self._air = at
        self._seen = seen
        if at < self._air + self._tail:
            return "connected", self._air + self._tail
        asleep = model.port.asleep_at
        if asleep is None or at >= asleep:
            return ("idle" if asleep is None else "asleep"), _EVER
        return "idle", asleep


class Net(FakeNet):
    def __init__(self, peer, latency_ms):
        FakeNet.__init__(self, peer, latency_ms)
        self.down = None
        self.good = peer
        self.made = self.tls = 0

    def connect(self, tls, host, port, now_ms):
        self.default = self.down or self.good
        conn = FakeNet.connect(self, tls, host, port, now_ms)
        self.made += 1
        self.tls += self.down is None
        conn.number = self.made
        self.conns = [c for c in self.conns if c.state != "closed"]
        return conn

    def live(self):
        return len([c for c in self.conns if c.state != "closed"])

    def opening(self):
        return [c for c in self.conns if c.state in ("opening", "handshake")]


class Server(HttpServer):
    # Keeps numbers, not records.
    def __init__(self):
        HttpServer.__init__(self, self.fate)
        self.sick = False
        self.highest = {}
        self.arrived = self.repeats = self.undated = 0

    def fate(self, queue, first, records, conn):
        if self.sick:
            return 503
        for i, r in enumerate(records):
            if first + i <= self.highest.get(queue, 0):
                self.repeats += 1
                continue
            self.highest[queue] = first + i
            self.arrived += 1
            self.undated += r["at"] is None
        return 200, False  # the ledger would grow


class Machine:
    # A board's `machine`, as far as qssl.sitepower asks for it. It has an RTC with memory.
    def __init__(self, life):
        self._life = life
        self.RTC = lambda: self
        self.kept = b""

    def memory(self, data=None):
        if data is None:
            return self.kept
        self.kept = data

    def lightsleep(self, ms):
        self._life.rest("light sleep", ms)

    def deepsleep(self, ms):
        self._life.rest("deep sleep", ms)
        raise Asleep


class Idle:
    def __init__(self, rig):
        self._rig = rig

    def __call__(self):
        self._rig.sleep(_NAP_MS)


class Life(Happens):
    # The board, which is also the module `board`.
    def __init__(self, what):
        super().__init__()
        self.what = what
        self.rng = Rng(what["seed"])
        self.server = Server()
        self.net = Net(self.server, 350)
        self.rig, _ = driver_kit.bare(self.net, seed=what["seed"], switches=_SWITCHES, baud=115200)
        model = self.rig.model
        model.command("power off")
        self.meter = Meter(model, self.net, what["tail_s"])
        self.end = what["days"] * _DAY_MS
        self.disk = _disk.Disk()
        self.disk.mount()
        self.machine = Machine(self)
        self.slept = {}
        self.knows = False  # the board's clock was set
        self.put = self.wakes = self.windows = self.vain = 0
        self.stats = {}
        self.modems = None
        self.day = 0
        uplink.urandom = policy.urandom = lambda n: bytes([self.rng.below(256) for _ in range(n)])
        sitepower.sleep_ms = rig_module.clock.sleep_ms
        self.bill = None
        self.air = 0  # bytes, of bills before this one
        uplink.Uplink = self.billed(uplink.Uplink)
        self.program = None

    def billed(self, plain):
        # The example's Uplink, with a bill.
        def make(*args, **keywords):
            up = plain(*args, **keywords)
            self.air = self.spent()
            self.bill = Bill(up, chain=self.what["chain"])
            return up

        return make

    def spent(self):
        return self.air + (self.bill.air if self.bill else 0)

    # --- the module `board` ---

    def setting(self, name, default=None):
        return self.what["settings"].get(name, default)

    def access(self):
        return {"apn": "internet"}

    def power(self):
        return sitepower.Power(self.machine, 600000)

    def modem(self, **options):
        rig = self.rig
        pins = {n: Pin(rig.model, n) for n in ("pwrkey", "status", "dtr", "reset")}
        options["idle"] = Idle(rig)
        modem = Modem(rig.uart, **dict(options, **pins))
        modem.link._poll = rig_module.RigPoll(rig)
        return modem

    def utc(self):
        return civil(self.true())[:6] if self.knows else None

    def now(self):
        return self.true() if self.knows else None

    def set_utc(self, t):
        self.knows = True

    # --- time ---

    def true(self):
        return _START + self.rig.now // 1000

    def rest(self, kind, ms):
        # The board sleeps: of what comes at its UART nothing is left.
        self.count()
        rig = self.rig
        rig.sleep(int(self.what["wake_s"] * 1000))
        ms = max(ms - int(self.what["wake_s"] * 1000), 1)
        self.slept[kind] = self.slept.get(kind, 0) + ms
        self.wakes += 1
        while ms > 0:
            step = min(ms, 600000)
            rig.sleep(step)
            ms -= step
            if self.what["trouble"]:
                self.trouble()
        rig.rx.clear()
        rig.model.network.set_time(self.true(), 0)
        if rig.now >= self.end:
            raise Over
        if rig.now // _DAY_MS >= self.day + 30:
            self.day = rig.now // _DAY_MS
            say("at", self.summary())

    def count(self):
        # What the program has counted since it began.
        ns = self.program
        p = ns["policy"]
        if p is not self.modems:
            self.modems = p
            self._windows = self._failed = 0
        self.windows += p.windows - self._windows
        self._windows = p.windows

    # --- what happens in a year ---

    def chance(self, days):
        # Once in so many days; asked every ten minutes at most.
        return super().chance(days * 144)

    def later(self, hours, function):
        super().later(hours * 3600000, function)

    def trouble(self):
        model = self.rig.model
        self.over()
        if self.chance(30):
            self.note("coverage hole")
            model.command("coverage off")
            self.later(1 + self.rng.below(24), lambda: model.command("coverage on"))
        if self.chance(30):
            self.note("server away")
            self.net.down = RefusingPeer()
            self.later(1 + self.rng.below(12), self.back)
        if self.chance(30):
            self.note("server sick")
            self.server.sick = True
            self.later(1 + self.rng.below(12), self.well)
        self.maybe(60, "modem hangs", "fault mute")
        self.maybe(60, "last word lost", "fault lose_urc what=down")
        self.maybe(60, "PDP context lost", "pdp drop 1 quiet")

    def back(self):
        self.net.down = None

    def well(self):
        self.server.sick = False

    # --- the year ---

    def run(self, path):
        with open(path, encoding="utf-8") as f:
            code = compile(f.read(), path, "exec")
        sys.modules["board"] = self
        ca = self.what["settings"]["ca"]
        with open(ca, "wb") as f:
            f.write(driver_kit.CA)
        try:
            while True:
                self.program = {"__name__": "__main__", "print": self.said}
                try:
                    exec(code, self.program)
                except Asleep:
                    pass
        except Over:
            pass
        finally:
            os.remove(ca)
        return self.summary()

    def said(self, *words):
        text = " ".join([str(w) for w in words])
        if text.startswith("record ") and not text.endswith("confirmed"):
            self.put += 1
        elif "wait for the next time" in text:
            self.vain += 1

    def summary(self):
        up = self.program["up"]
        ms = dict(self.slept)
        ms["awake"] = self.rig.now - sum(ms.values())
        return {
            "days": self.rig.now / _DAY_MS,
            "put": self.put,
            "arrived": self.server.arrived,
            "repeats": self.server.repeats,
            "undated": self.server.undated,
            "waiting": len(up.queue),
            "lost": up.queue.lost,
            "wakes": self.wakes,
            "windows": self.windows,
            "in_vain": self.vain,
            "registered": self.meter.registered,
            "starts": self.rig.model.power.starts,
            "connections": self.net.made,
            "tls": self.net.tls,
            "bytes_up": self.net.bytes_up,
            "bytes_down": self.net.bytes_down,
            "air": self.spent(),
            "modem_ms": self.meter.ms,
            "board_ms": ms,
            "happened": self.happened,
        }


def say(kind, what):
    print("@@", kind, json.dumps(what), flush=True)


def main(args):
    what = json.loads(args[0])
    say("done", Life(what).run(what["example"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
