# qfleet.days - the days of one device: a program on the driver, and all that goes wrong.
# SPDX-License-Identifier: MIT
#
# `inside` is imported first: then the clock of the driver takes the place of `time`.

import json

import qfleet.inside  # noqa: F401
import upy

upy.install()

import disk as _disk  # noqa: E402
import driver_kit  # noqa: E402
from qfleet.gate import Gate  # noqa: E402
from qsearch.pin import Pin  # noqa: E402
from qssl import Modem, timekeeper, uplink  # noqa: E402
from qssl.https import Https  # noqa: E402
from qssl.queue import FileQueue  # noqa: E402
from qssl.recovery import Recovery  # noqa: E402
from qssl.timekeeper import Timekeeper, at  # noqa: E402
from qssl.uplink import Uplink  # noqa: E402
from qssl.uplink.inbox import Inbox  # noqa: E402
from qssl.uplink.settings import Settings  # noqa: E402
from ugsim.fakenet import FakeNet, RefusingPeer, StallingPeer  # noqa: E402
from ugsim.model.base.rng import Rng  # noqa: E402

_DAY_MS = 86400000
_HOUR_MS = 3600000
_FAULTS = (
    "lose at=20",
    "lose in=payload",
    "insert at=9",
    "cut at=30",
    "mute ms=20000",
    "delay what=send_ok by=25000",
    "no_prompt",
    "send_fail n=3",
    "open_never",
    "open_code code=569",
    "recv_miss",
    "close_hang",
)


class Calendar:
    # What happens to all devices at once, in ms from the beginning; when each device connected
    # after it, in seconds. start: the beginning, in seconds since 1970.
    def __init__(self, days, start):
        self.start = int(start)
        self.end = int(days * _DAY_MS)
        self.away = self.end * 3 // 7, self.end * 3 // 7 + min(2 * _HOUR_MS, self.end // 7)
        self.dark = self.end * 5 // 7, self.end * 5 // 7 + _HOUR_MS // 4
        self.came = {"the receivers' outage": [], "the power cut": []}

    def is_away(self, ms):
        return self.away[0] <= ms < self.away[1]

    def marks(self):
        return dict(zip(self.came, (self.away[1], self.dark[1])))


class Days:
    def __init__(self, number, chosen, calendar, inside):
        self.name = "dev-%05d" % number
        self._number = number
        self.sums = {}
        self._chosen = chosen
        self._calendar = calendar
        self._inside = inside
        self._token, self._key = inside.add(self.name)
        self._rng = Rng(chosen.seed * 100003 + number)
        self._disk = _disk.Disk()
        self._disk.mount()
        timekeeper.open = self._disk.open
        uplink.urandom = lambda n: bytes([self._rng.below(256) for _ in range(n)])
        self._peer = Gate(inside, self._rng)
        self._net = _Net(self._peer, calendar)
        self._rig, _ = driver_kit.bare(self._net, seed=number, switches={"sim_busy_ms": 9000})
        self._put = {}  # n: True once put() came back
        self._got = []  # numbers of messages, as the program got them
        self._cuts = 0
        self._sent = 0  # messages that were sent to it
        self._told = 0  # of them, those to the program
        self._interval = 0
        self._ends = []  # (ms, what ends then)
        self._lost = 0
        self._up = None
        self._peer.away = lambda: calendar.is_away(self._rig.now)
        self._rig.model.network.set_time(calendar.start, 0)
        self._board()

    def _board(self):
        # The board starts: only its files are there.
        rig = self._rig
        pins = [Pin(rig.model, name) for name in ("pwrkey", "status", "reset")]
        modem = self._modem = Modem(rig.uart, pwrkey=pins[0], status=pins[1], reset=pins[2])
        self._queue = FileQueue("/q", 16384, "drop", 2048)
        settings = self._settings = Settings("/s")
        settings.add("interval_s", 900, 10, 86400, "s")
        clock = Timekeeper(modem, path="/t")
        self._up = Uplink(
            modem,
            "server.example",
            443,
            modem.tls(0, ca=driver_kit.CA),
            Https("server.example", "/in/" + self._token),
            self._queue,
            Recovery(modem, 60, None, None, clock, apn="internet"),
            batch=16,
            timeout_s=60,
            stamp=at,
        )
        inbox = Inbox(self._up, "/i", self._key, self.name)
        settings.bind(inbox)
        self._up.on_message = lambda number, body: self._got.append(number)
        now = self._calendar.start + rig.now // 1000
        rig.model.network.set_time(now, 0)

    # --- what happens ---

    def run(self):
        # Faults, as texts.
        rig, chosen, end = self._rig, self._chosen, self._calendar.end
        every = chosen.every * 1000
        rig.sleep(self._rng.below(every))
        n = 0
        day = -1
        while rig.now < end:
            start = rig.now
            if start // _DAY_MS > day:
                day = start // _DAY_MS
                self._write(day)
            self._happen(n)
            self._record(n)
            n += 1
            if (n + self._number) % chosen.batch == 0 or self._up.failures:
                self._work(every - min(rig.now - start, every - 1000))
            if rig.now - start < every:
                self._rest(every - (rig.now - start))
        self._well()
        self._work(6 * _HOUR_MS)
        self._lost += self._queue.lost + self._queue.damaged
        return self._faults(n)

    def _write(self, day):
        # Messages to it, one a day, and a setting every second day.
        self._inside.send(self.name, "message", "good morning %d" % day)
        self._sent += 1
        self._told += 1
        if day % 2 == 0:
            self._interval = 300 + day
            self._inside.send(self.name, "settings", '{"interval_s":%d}' % self._interval)
            self._sent += 1

    def _record(self, n):
        self._put[n] = False
        self._up.put(b'{"n":%d,"t":%d}' % (n, n % 40))
        self._put[n] = True

    def _work(self, ms):
        # The uplink's turn, until the queue is empty, at most ms; then the connection is closed.
        rig, up = self._rig, self._up
        end = rig.now + ms
        while rig.now < end:
            wait = up.step()
            if not len(self._queue) and wait:
                up.close()
                break
            nap = 250 if up.failures else 50
            rig.sleep(min(max(wait, nap), end - rig.now) or 1)
            self._dark()
            if up is not self._up:
                return

    def _rest(self, ms):
        # Time passes; the power cut that all have comes in its moment.
        rig = self._rig
        dark = self._calendar.dark[0]
        if rig.now < dark <= rig.now + ms:
            end = rig.now + ms
            rig.sleep(dark - rig.now)
            self._dark()
            ms = end - rig.now
        if ms > 0:
            rig.sleep(ms)

    def _dark(self):
        begin, end = self._calendar.dark
        rig = self._rig
        if begin <= rig.now < end:
            rig.model.command("power off")
            self._lost += self._queue.lost + self._queue.damaged
            rig.sleep(end - rig.now)
            rig.model.command("power on")
            rig.rx.clear()
            self._board()
            self._up.put(b'{"start":1}')
            rig.sleep(self._rng.below(int(self._chosen.start * 1000) + 1))
            self._work(_HOUR_MS)

    def _happen(self, n):
        model, rng = self._rig.model, self._rng
        for entry in [e for e in self._ends if e[0] <= self._rig.now]:
            self._ends.remove(entry)
            entry[1]()
        if rng.below(200) == 0:
            self._note("coverage holes")
            model.command("coverage off" + (" quiet" if rng.below(2) else ""))
            later = self._rig.now + (1 + rng.below(180)) * 60000
            self._ends.append((later, lambda: model.command("coverage on")))
        if rng.below(150) == 0:
            self._note("modem restarts")
            model.command("restart")
        if rng.below(150) == 0:
            self._note("PDP losses")
            model.command("pdp drop 1" + (" quiet" if rng.below(2) else ""))
        if rng.below(100) == 0:
            self._note("answers that get lost")
            self._peer.sick = 1 + rng.below(3)
        if rng.below(100) == 0:
            self._note("faults of the modem")
            model.command("fault " + _FAULTS[rng.below(len(_FAULTS))])
        if rng.below(150) == 0:
            self._note("power cuts of a board")
            self._power_cut(n)

    def _power_cut(self, n):
        # At any byte of what is written next, or a while later.
        self._cuts += 1
        self._disk.cut = self._rng.below(120)
        try:
            self._up.put(b'{"extra":%d}' % n)
            self._work(20000)
        except _disk.PowerCut:
            pass
        self._lost += self._queue.lost + self._queue.damaged
        self._disk.cut = None
        self._rig.sleep(self._rng.below(5000))
        self._rig.rx.clear()
        self._board()

    def _note(self, what):
        self.sums[what] = self.sums.get(what, 0) + 1

    def _well(self):
        for _, function in self._ends:
            function()
        model = self._rig.model
        for word in ("clear", "coverage on", "power on"):
            model.command(word)
        self._peer.sick = 0
        # The messages of the last day come with a record.
        self._up.put(b'{"last":1}')

    # --- what came of it ---

    def _faults(self, count):
        texts, states, told = self._inside.kept(self.name)
        records = [json.loads(text) for text in texts]
        found = [r["n"] for r in records if "n" in r]
        faults = []
        missing = [n for n in range(count) if self._put[n] and n not in set(found)]
        if missing:
            faults.append("%d records are missing, such as %s" % (len(missing), missing[:5]))
        if len(set(found)) != len(found):
            faults.append("%d records are there twice" % (len(found) - len(set(found))))
        if found != sorted(found):
            faults.append("records are out of order")
        if self._lost:
            faults.append("%d entries of the queue lost" % self._lost)
        first = sorted(set(self._got))
        again = len(self._got) - len(first)
        if len(first) != self._told:
            faults.append("%d messages of %d came" % (len(first), self._told))
        if again > self._cuts or self._got != sorted(self._got):
            faults.append("messages came as %s" % self._got)
        if states.count("taken") != self._sent:
            faults.append("states of messages: %s" % states)
        force = json.loads(told or "{}").get("values", {}).get("interval_s")
        if force != self._interval or self._settings["interval_s"] != self._interval:
            faults.append("interval_s is %s, not %d" % (force, self._interval))
        for what, mark in self._calendar.marks().items():
            after = [ms for ms in self._net.came if ms >= mark]
            # Who had nothing to send while the receivers were away did not notice it.
            if after and (what == "the power cut" or self._net.refused):
                self._calendar.came[what].append((after[0] - mark) / 1000)
        self.sums.update(
            {
                "records": len(found),
                "messages": len(first),
                "messages again": again,
                "repeats, dropped": self._inside.repeats(self.name),
                "connections": len(self._net.came),
                "bytes of TLS up": self._net.bytes_up,
                "bytes of TLS down": self._net.bytes_down,
            }
        )
        return faults


class _Net(FakeNet):
    def __init__(self, peer, calendar):
        FakeNet.__init__(self, peer, 40)
        self.came = []  # ms of each connection
        self.refused = 0  # those that the outage did not let be
        self._peer = peer
        self._calendar = calendar
        self._made = 0

    def connect(self, tls, host, port, now_ms):
        if self._calendar.is_away(now_ms):
            # Nobody is there, or something that does not speak.
            self.refused += 1
            self.default = (RefusingPeer, StallingPeer)[self._made % 2]()
        else:
            self.default = self._peer
            self.came.append(now_ms)
        conn = FakeNet.connect(self, tls, host, port, now_ms)
        self.conns.clear()
        self._made += 1
        conn.number = self._made
        return conn
