# qsoak.both - a year both ways on the virtual clock: settings, messages and updates to a device,
# with all that happens in a year; the receiver's own code at the other end.
# SPDX-License-Identifier: MIT
#
#     both.py DAYS SEED       prints "@@ at JSON" now and then, at the end "@@ done JSON"
#
# A record every half an hour or so; eight of them go together. Its files survive power cuts of the
# board, all else of it does not. As examples/update/main.py does, the board starts the newest
# version that has proved itself, or a new one, once. Settings are right ones, wrong ones, and ways
# to the server that lead nowhere. Of the updates two are bad: one crashes when it is imported, one
# reaches no server. Whoever sends them looks once a day, and sends again what came to nothing
# without its fault (a power cut in its trial, say).

import contextlib
import json
import sys
import tempfile
import time as _time
from pathlib import Path

from qfleet.inside import Inside  # isort: skip  before the virtual clock: it is the server's

import upy

upy.install()

import disk as _disk  # noqa: E402
import driver_kit  # noqa: E402
from files_kit import noise, picked  # noqa: E402
from qfleet.gate import Gate  # noqa: E402
from qsearch.pin import Pin  # noqa: E402
from qsoak.happens import Happens  # noqa: E402
from qsoak.year import FAULTS  # noqa: E402
from qssl import Modem, timekeeper, uplink  # noqa: E402
from qssl.https import Https  # noqa: E402
from qssl.queue import FileQueue  # noqa: E402
from qssl.recovery import Recovery  # noqa: E402
from qssl.timekeeper import Timekeeper, at  # noqa: E402
from qssl.uplink import Uplink, fetch, files, update  # noqa: E402
from qssl.uplink.files import Files  # noqa: E402
from qssl.uplink.inbox import Inbox  # noqa: E402
from qssl.uplink.settings import Settings  # noqa: E402
from qssl.uplink.update import Update  # noqa: E402
from ugsim.fakenet import FakeNet, RefusingPeer, StallingPeer  # noqa: E402
from ugsim.model.base.rng import Rng  # noqa: E402

_DAY_MS = 86400000
_HOUR_MS = 3600000
_YEAR = 365
_SETTINGS = 1000  # of a year
_UPDATES = 12
_LEAST = 3  # updates of a shorter time
_NAME = "north-1"
_BOARD = "pico"
_HOME, _OTHER, _NOBODY = "server.example", "other.example", "nobody.example"
_COMMON = noise(6000)  # of each version
_BATCH = 8  # records that wait: then they go
_CUT = (60, 60, 600, 25000)  # a power cut comes within so many bytes


class Reset(Exception):
    # The board restarts.
    pass


class Net(FakeNet):
    def __init__(self, peer):
        FakeNet.__init__(self, peer, 40)
        self.peer = peer
        self.mute = False  # the program that runs reaches nobody
        self.down = None  # what stands in the receivers' place
        self.made = self.opened = 0

    def connect(self, tls, host, port, now_ms):
        peer = self.peer if self.down is None else self.down
        if self.mute or host not in (_HOME, _OTHER):
            peer = (RefusingPeer, StallingPeer)[self.made % 2]()
        self.opened += peer is self.peer
        self.default = peer
        conn = FakeNet.connect(self, tls, host, port, now_ms)
        self.conns.clear()
        self.made += 1
        conn.number = self.made
        return conn


class Year(Happens):
    def __init__(self, days, seed, inside):
        super().__init__()
        self.days = days
        self.end = days * _DAY_MS
        self.start = int(_time.time()) - days * 86400
        self.rng = Rng(seed)
        self.inside = inside
        self.token, self.key = inside.add(_NAME)
        self.disk = _disk.Disk()
        self.disk.mount(fetch, update)
        self.disk.folders |= {"/app", "/app/0"}
        self.disk.files["/app/0/app.py"] = bytearray(b"0")
        timekeeper.open = self.disk.open
        uplink.urandom = files.urandom = lambda n: bytes([self.rng.below(256) for _ in range(n)])
        self.gate = Gate(inside, self.rng)
        self.net = Net(self.gate)
        self.rig, _ = driver_kit.bare(self.net, seed=seed, switches={"sim_busy_ms": 9000})
        # What was sent, and what came of it.
        self.put = {}  # n: whether put() came back
        self.n = 0
        self.texts = []  # numbers of messages to the program
        self.got = []  # those that it got
        self.told = {}  # number of a message with settings: {name: value, or None if it is wrong}
        self.force = {}  # what must be in force at the end
        self.updates = []  # [version, "good", "crash" or "mute", id, times it was sent]
        self.behave = {}
        self.lost = self.damaged = self.cuts = self.trials = self.worst = 0
        self.booting = False
        self.due = 0
        self.batch = _BATCH
        self.boot()

    # --- the board ---

    def boot(self):
        # From power on to where the program works, through trials that crash.
        self.booting = True
        while True:
            slot, trial = picked(self.disk)
            self.trials += trial
            path = "/app/%d" % slot
            sys.path[:] = [p for p in sys.path if not p.startswith("/app/")]
            sys.path.insert(0, path)
            version = bytes(self.disk.files[path + "/app.py"]).decode()
            does = self.behave.get(version)
            if does != "crash":
                break
            assert trial, "a version that crashes was kept"
            self.rig.sleep(3000)
        self.net.mute = does == "mute"
        rig = self.rig
        rig.rx.clear()
        pins = [Pin(rig.model, name) for name in ("pwrkey", "status", "reset")]
        modem = Modem(rig.uart, pwrkey=pins[0], status=pins[1], reset=pins[2])
        rig.model.network.set_time(self.now_s(), 0)
        self.queue = FileQueue("/q", 32768, "drop", 2048)
        settings = self.settings = Settings("/s")
        settings.add("interval_s", 1800, 600, 7200, "s")
        settings.add("led", False)
        settings.add("gain", 1.0, 0, 10)
        settings.add("label", "none", 1, 20)
        settings.add("host", _HOME, way=True)
        settings.watch("gain", self.gain)
        host = settings["host"]
        self.up = Uplink(
            modem,
            host,
            443,
            modem.tls(0, ca=driver_kit.CA),
            Https(host, "/in/" + self.token),
            self.queue,
            Recovery(modem, 60, None, None, Timekeeper(modem, path="/t"), apn="internet"),
            stamp=at,
        )
        self.inbox = Inbox(self.up, "/i", self.key, _NAME, 3600)
        settings.bind(self.inbox)
        jobs = self.jobs = Files(self.up, self.token, piece=4096, spare=0)
        self.update = Update(jobs, self.inbox, _BOARD, self.reset, version="0")
        assert self.update.version == version
        self.up.on_message = lambda number, body: self.got.append(number)
        self.booting = False
        self.busy = True  # the uplink works, until all has gone that there is

    def reset(self):
        raise Reset

    def gain(self, name, value):
        if value > 9:
            raise ValueError("too loud")

    def now_s(self):
        return self.start + self.rig.now // 1000

    def retire(self):
        # Counters of a board that restarts.
        for queue in (self.queue, self.inbox._queue, self.settings._queue, self.update._queue):
            self.lost += queue.lost
            self.damaged += queue.damaged

    def again(self):
        # It starts once more; the power may go in that, too.
        while True:
            if not self.booting:
                self.retire()
            try:
                self.boot()
                return
            except _disk.PowerCut:
                self.dark()

    def dark(self):
        # The power has gone.
        self.cuts += 1
        self.disk.cut = None
        self.rig.sleep(self.rng.below(5000))
        if self.chance(3):
            self.note("the modem's power, too")
            self.rig.model.command("power off")
            self.rig.model.command("power on")

    def live(self, end):
        # The board works until then, through its restarts.
        while self.rig.now < end:
            try:
                self.program(end)
            except Reset:
                self.note("restarts for an update")
                self.again()
            except _disk.PowerCut:
                self.dark()
                self.again()

    def program(self, end):
        rig, up = self.rig, self.up
        while rig.now < end:
            if rig.now >= self.due:
                self.record()
            until = min(self.due, end)
            if not self.busy and len(self.queue) < self.batch:
                rig.sleep(max(until - rig.now, 1))
                continue
            before = rig.now
            wait = up.step()
            self.worst = max(self.worst, rig.now - before)
            self.busy = not wait or not self.idle()
            if not self.busy:
                up.close()
                continue
            nap = (3000 if wait else 500) if up.failures else 200
            rig.sleep(max(min(nap, until - rig.now), 1))

    def idle(self):
        busy = len(self.queue) or self.jobs.jobs or self.update.trial or self.update.ready
        return not busy and not self.inbox._want and not self.inbox._new

    def record(self):
        n = self.n
        self.n += 1
        self.due = self.rig.now + 1000 * self.settings["interval_s"]
        self.put[n] = False
        self.up.put(b'{"n":%d,"t":%d}' % (n, n % 40))
        self.put[n] = True

    # --- what the server sends ---

    def send_settings(self):
        rng = self.rng
        right = {
            "interval_s": (1200, 1800, 2400, 3600)[rng.below(4)],
            "led": bool(rng.below(2)),
            "gain": rng.below(80) / 10 + 0.5,
            "label": "place %d" % rng.below(1000),
        }
        wrong = {"interval_s": (599, 7201, 1800.5, "1800")[rng.below(4)]}
        wrong.update(led=1, gain=("9.5", 9.5, -1)[rng.below(3)], label="", volume=11)
        names = [name for name in sorted(right) if rng.below(2)] or ["interval_s"]
        body = {name: right[name] for name in names}
        good = dict(body)
        if self.chance(6):
            name = sorted(wrong)[rng.below(len(wrong))]
            body[name] = wrong[name]
            good[name] = None
            self.note("settings that are wrong")
        if self.chance(30):
            body["host"] = (_NOBODY, _NOBODY, _OTHER, _HOME)[rng.below(4)]
            self.note("ways to nowhere" if body["host"] == _NOBODY else "ways to the server")
        m = self.inside.send(_NAME, "settings", json.dumps(body))
        self.told[m] = good
        self.force.update({name: value for name, value in good.items() if value is not None})

    def send_text(self):
        self.texts.append(self.inside.send(_NAME, "message", "message %d" % len(self.texts)))

    def send_update(self, count):
        i = len(self.updates)
        does = {count // 3: "crash", count * 2 // 3: "mute"}.get(i, "good")
        version = str(i + 1)
        self.behave[version] = does
        parts = {"app.py": version.encode(), "lib/common.bin": _COMMON}
        parts["lib/own.bin"] = noise(4000 + self.rng.below(12000), i + 2)
        id = self.inside.publish(version, _BOARD, parts)
        self.updates.append([version, does, id, 1])
        self.inside.roll_out(id, _NAME)

    def look(self):
        # Whoever sends updates looks how far the newest one is. Whether more is to come of it.
        _, does, id, _ = self.updates[-1]
        state = self.inside.how_far(id)
        if state.startswith("failed") or (state == "back" and does == "good"):
            self.note("updates sent again")
            self.updates[-1][3] += 1
            self.inside.roll_out(id, _NAME)
            return True
        return state not in ("kept", "back")

    # --- what happens ---

    def back(self):
        self.net.down = None

    def happen(self):
        # Each half an hour.
        model, rng = self.rig.model, self.rng
        self.over()
        self.maybe_no_coverage(300, "coverage holes", lambda: rng.below(4 * _HOUR_MS))
        self.maybe(60, "modem restarts", "restart")
        self.maybe(400, "modem off", "power off")
        self.maybe_quiet(60, "PDP losses", "pdp drop 1")
        if self.chance(300):
            self.note("receivers away")
            self.net.down = RefusingPeer() if self.chance(2) else StallingPeer()
            self.later(rng.below(3 * _HOUR_MS), self.back)
        if self.chance(40):
            self.note("answers that get lost")
            self.gate.sick = 1 + rng.below(3)
        if self.chance(40):
            self.note("faults of the modem")
            model.command("fault " + FAULTS[rng.below(len(FAULTS))])
        if self.disk.cut is None and self.chance(12 if self.jobs.jobs else 50):
            self.disk.cut = rng.below(_CUT[rng.below(len(_CUT))])

    # --- the year ---

    def run(self, progress):
        many = max(self.days * _SETTINGS // _YEAR, 1)
        updates = max(self.days * _UPDATES // _YEAR, _LEAST)
        calendar = [
            (self.rng.below(self.end // 1000) * 1000, self.send_settings) for _ in range(many)
        ]
        calendar += [(i * _DAY_MS + _HOUR_MS, self.send_text) for i in range(self.days)]
        calendar += [(i * _DAY_MS + _DAY_MS // 2, self.look) for i in range(self.days)]
        for i in range(updates):
            ms = self.end * i // updates + 2 * _HOUR_MS
            calendar.append((ms, lambda: self.send_update(updates)))
        calendar.sort(key=lambda entry: entry[0])
        step = 0
        while self.rig.now < self.end:
            while calendar and calendar[0][0] <= self.rig.now:
                calendar.pop(0)[1]()
            self.happen()
            self.live(self.rig.now + _HOUR_MS // 2)
            step += 1
            if step % (48 * 30) == 0:
                progress(self.summary())
        self.well()
        for _ in range(9):
            again = self.look()
            self.live(self.rig.now + 3 * _HOUR_MS)
            if not again:
                break
        self.retire()
        found = self.summary()
        found["faults"] = self.faults()
        return found

    def well(self):
        self.over(all=True)
        for word in ("clear", "coverage on", "power on"):
            self.rig.model.command(word)
        self.gate.sick = 0
        self.disk.cut = None
        self.batch = 1
        self.rig.model.network.set_time(self.now_s(), 0)

    def summary(self):
        return {
            "days": self.rig.now // _DAY_MS,
            "records": self.n,
            "settings": len(self.told),
            "messages": len(self.texts),
            "messages_again": len(self.got) - len(set(self.got)),
            "updates": sum(one[3] for one in self.updates),
            "versions": len(self.updates),
            "trials": self.trials,
            "power_cuts": self.cuts,
            "connections": self.net.opened,
            "repeats": self.inside.repeats(_NAME),
            "lost": self.lost,
            "damaged": self.damaged,
            "longest_step_ms": self.worst,
            "happened": self.happened,
        }

    def faults(self):
        # What did not hold, as texts.
        texts, states, _ = self.inside.kept(_NAME)
        states = dict(enumerate(reversed(states), 1))
        records = [json.loads(text) for text in texts]
        found = []
        numbers = [r["n"] for r in records if "n" in r]
        missing = [n for n, sure in self.put.items() if sure and n not in set(numbers)]
        if missing:
            found.append("records are missing: %s" % missing[:5])
        if numbers != sorted(set(numbers)):
            found.append("records are there twice, or out of order")
        if self.lost or self.damaged:
            found.append("%d entries lost, %d damaged" % (self.lost, self.damaged))
        if sorted(set(self.got)) != self.texts or self.got != sorted(self.got):
            found.append("messages %s came as %s" % (self.texts[-5:], self.got[-9:]))
        if len(self.got) - len(self.texts) > self.cuts:
            found.append("%d messages came again" % (len(self.got) - len(self.texts)))
        bad = [m for m in self.texts + sorted(self.told) if states[m] != "taken"]
        if bad:
            found.append("messages with another state: %s" % [(m, states[m]) for m in bad[:5]])
        return found + self._settings(records) + self._updates(records)

    def _settings(self, records):
        found = []
        reports = {}
        last = {}
        for r in records:
            if r.get("qssl") == "settings":
                last = r["values"]
                reports.setdefault(r["m"], []).append(r)
        for m, good in self.told.items():
            if m not in reports:
                found.append("nobody has told of the settings in message %d" % m)
                continue
            refused = {name for r in reports[m] for name in r.get("refused", ()) if name != "host"}
            if refused != {name for name, value in good.items() if value is None}:
                found.append("message %d: %s were refused" % (m, sorted(refused)))
        force = self.settings.values()
        if last and last != force:
            found.append("in force is %s, told was %s" % (force, last))
        for name, value in self.force.items():
            if force[name] != value:
                found.append("%s is %r, not %r" % (name, force[name], value))
        if force["host"] == _NOBODY:
            found.append("the way leads nowhere")
        return found

    def _updates(self, records):
        found = []
        told = [(r["version"], r["state"]) for r in records if r.get("qssl") == "update"]
        newest = "0"
        for version, does, id, _ in self.updates:
            want = "kept" if does == "good" else "back"
            state = self.inside.how_far(id)
            if state != want or (version, want) not in told:
                found.append("update %s, %s: %s" % (version, does, state))
            if does != "good" and (version, "kept") in told:
                found.append("update %s, %s, was kept" % (version, does))
            if does == "good":
                newest = version
        if self.update.version != newest or self.update.trial:
            found.append("version %s runs, not %s" % (self.update.version, newest))
        return found


def say(kind, what):
    print("@@", kind, json.dumps(what), flush=True)


def main(args):
    with tempfile.TemporaryDirectory(prefix="qssl-both-") as folder:
        url = "sqlite:///%s" % (Path(folder) / "receiver.db")
        with contextlib.closing(Inside(Path(folder), url)) as inside:
            found = Year(int(args[0]), int(args[1]), inside).run(lambda what: say("at", what))
    say("done", found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
