# qsoak.year - a year of telemetry on the virtual clock, with all that happens in a year.
# SPDX-License-Identifier: MIT
#
#     year.py RECORDS SEED       prints "@@ at JSON" now and then, at the end "@@ done JSON"
#
# A record every five minutes goes through qssl.uplink, over MQTT or HTTPS by turns. The queue's
# folder survives power cuts of the board, and so does the file of the last time known; all else of
# the board does not. It has no clock: the network tells the time in three of four weeks, in the
# other one there is NTP, of which one server lies every second time; and now and then the network
# lies, too. The SIM is busy after each start of the modem, and the CA is renewed half-way.

import json
import sys

if sys.implementation.name != "micropython":
    import upy

    upy.install()

import gc
import os

import disk as _disk
import driver_kit
from certificate_kit import certificate
from qsearch.pin import Pin
from qsoak.happens import Happens
from qssl import Modem, timekeeper, uplink
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import FileQueue
from qssl.recovery import Recovery
from qssl.timekeeper import Timekeeper, at
from qssl.uplink import Uplink
from receivers import Broker, HttpServer
from ugsim.fakenet import FakeNet, RefusingPeer, StallingPeer
from ugsim.model.base.rng import Rng

_EVERY_MS = 300000
_HOUR = 12  # records
_WEEK = 2016
_NTP = ("a.example", "b.example", "c.example")
CA = driver_kit.CA
NEXT_CA = certificate("20251201000000Z", "20560101000000Z", issuer=2, ca=True, sign=16)
_OFF_S = 240  # by which the time of a record may be wrong
_START = 1767225600  # 2026-01-01 00:00:00 UTC
FAULTS = (
    "lose at=20",
    "lose in=payload",
    "insert at=9",
    "cut at=30",
    "mute ms=20000",
    "stall ms=5000",
    "delay what=send_ok by=25000",
    "delay what=open by=90000",
    "no_prompt",
    "send_fail n=3",
    "send_error",
    "send_mute",
    "open_never",
    "open_code code=569",
    "recv_miss",
    "recv_error",
    "close_hang",
    "close_error",
    "upload_sum",
    "act_error n=3",
    "before what=garbage",
    "before what=open",
)


class Ledger:
    # What arrived, in bounded memory: a mark for each number, the highest id for each queue.
    def __init__(self, count):
        self.marks = bytearray(count)
        self.dated = self.undated = self.wrong = 0
        self.when = {}  # number -> the true time, until it has arrived
        self.last = {}
        self.arrived = self.repeats = 0
        self.highest = -1

    def add(self, queue, id, record):
        n = record["n"]
        self.arrived += 1
        if id <= self.last.get(queue, 0):
            assert self.marks[n], "an id that was dropped as a repeat brought something new"
            self.repeats += 1
            return
        assert n > self.highest, ("out of order", n, self.highest)
        self.last[queue] = id
        self.highest = n
        self.marks[n] = 1
        when = self.when.pop(n, None)
        if record["at"] is None:
            self.undated += 1
        elif abs(record["at"] - when) <= _OFF_S:
            self.dated += 1
        else:
            self.wrong += 1


class Server:
    # Two ways in: an HTTPS server and an MQTT broker with one ledger. Certificates are good for
    # the modem's clock between `valid` seconds.
    def __init__(self, count, rng):
        self.ledger = Ledger(count)
        self.rng = rng
        self.valid = [_START, _START + 60 * 86400]
        self.ca = CA
        self.expired = 0  # connections refused for it
        self.strange = 0  # for a CA that is not in what the board trusts
        self.http = HttpServer(lambda q, f, r, c: self.answer())
        self.broker = Broker(lambda n: self.fate())
        self.http.ledger = self.broker.ledger = self.ledger
        self.sick = 0  # 0 well, else how many answers go wrong
        self.net = Net(self)

    def answer(self):
        if self.sick:
            self.sick -= 1
            kind = self.rng.below(5)
            return (500, 503, "close", ("close", True), ("reset", True))[kind]
        return 200

    def fate(self):
        if self.sick:
            self.sick -= 1
            return ("close", "lost")[self.rng.below(2)]
        return None


class Net(FakeNet):
    def __init__(self, server):
        FakeNet.__init__(self, RefusingPeer(), 40)
        self.server = server
        self.down = None  # what stands in the server's place
        self.made = 0

    def connect(self, tls, host, port, now_ms):
        server = self.server
        peer = server.broker if port == 8883 else server.http
        if self.down is not None:
            peer = self.down
        elif not tls.ignore_time and not server.valid[0] <= tls.clock < server.valid[1]:
            server.expired += 1
            peer = RefusingPeer(566, "handshake", "certificate not valid now")
        elif server.ca not in tls.ca:
            server.strange += 1
            peer = RefusingPeer(566, "handshake", "unknown CA")
        self.default = peer
        conn = FakeNet.connect(self, tls, host, port, now_ms)
        self.conns.clear()  # a year of them is too many
        self.made += 1
        conn.number = self.made
        return conn


class Year(Happens):
    def __init__(self, count, seed):
        super().__init__()
        self.count = count
        self.rng = Rng(seed)
        self.server = Server(count, self.rng)
        self.disk = _disk.Disk()
        self.disk.mount()
        timekeeper.open = self.disk.open
        self.rig, _ = driver_kit.bare(self.server.net, seed=seed, switches={"sim_busy_ms": 9000})
        self.ca = "/tmp/soak-%d-%d.pem" % (count, seed)
        self.trust(CA)
        self.put = bytearray(count)  # 1: put() came back, 2: the power went in it
        self.n = 0
        self.lost = self.damaged = 0
        self.told = {}
        self.worst = 0  # ms, the longest step
        self.stats = {}
        self.sources = {}
        self.rejected = {}
        self.week = None
        self.renewals = 0
        self.season()
        uplink.urandom = lambda n: bytes([self.rng.below(256) for _ in range(n)])
        self.board()

    # --- the board ---

    def true(self):
        return _START + self.rig.now // 1000

    def season(self):
        # Who tells the time this week.
        week = self.n // _WEEK
        if week == self.week:
            return
        self.week = week
        silent = week % 4 == 3
        lie = ("year", "hour", "1980", "day", "2070")[week // 4 % 5] if week % 4 == 2 else "true"
        self.rig.model.command("switch nitz " + ("no" if silent else "yes"))
        self.rig.model.command("switch nitz_time " + lie)
        self.server.net.clocks = {"a.example": 600 if week % 8 == 7 else "honest"}
        self.note("week of " + ("NTP" if silent else "network time"))
        if lie != "true":
            self.note("week of a lying network")
        elif week % 8 == 7:
            self.note("week of a lying server")

    def board(self):
        # The board starts: everything is made anew, only the queue's folder is there.
        rig = self.rig
        model = rig.model
        pins = [Pin(model, name) for name in ("pwrkey", "status", "reset")]
        modem = Modem(rig.uart, pwrkey=pins[0], status=pins[1], reset=pins[2])
        self.modem = modem
        self.queue = FileQueue("/q", 16384, "drop", 2048)
        if self.rng.below(2):
            carrier, port = Mqtt("board-1", "t", keepalive_s=1200), 8883
        else:
            carrier, port = Https("server.example", "/in"), 443
        self.keeper = Timekeeper(modem, ntp=_NTP, path="/t")
        ladder = Recovery(modem, 60, None, self.tell, self.keeper, apn="internet")
        self.up = Uplink(
            modem,
            "server.example",
            port,
            modem.tls(0, ca=self.ca),
            carrier,
            self.queue,
            ladder,
            timeout_s=60,
            stamp=at,
        )
        model.network.set_time(self.true(), 0)

    def trust(self, pem):
        # The file with the CA is replaced, while the program runs.
        with open(self.ca, "wb") as f:
            f.write(pem)

    def renew(self):
        # The CA is renewed: the board trusts both, then the server takes the new one, then the old
        # one goes.
        step = self.n * 10 // self.count - 3
        if step == self.renewals + 1 and step < 4:
            self.renewals = step
            if step == 1:
                self.trust(CA + NEXT_CA)
            elif step == 2:
                self.server.ca = NEXT_CA
                self.note("CA renewed")
            else:
                self.trust(NEXT_CA)

    def tell(self, word, value):
        self.told[word] = self.told.get(word, 0) + 1

    def retire(self):
        # Counters of a board whose power goes.
        for name in ("timeouts", "resyncs", "restarts", "late", "garbled", "reconnects"):
            self.stats[name] = self.stats.get(name, 0) + getattr(self.modem.stats, name)
        source = self.keeper.source or "nobody"
        self.sources[source] = self.sources.get(source, 0) + 1
        for _, _, why in self.keeper.rejected:
            self.rejected[why] = self.rejected.get(why, 0) + 1
        self.lost += self.queue.lost
        self.damaged += self.queue.damaged

    def power_cut(self):
        # At any byte of what is written next, or at once.
        self.disk.cut = self.rng.below(60)
        try:
            self.record()
            self.work(20000)
        except _disk.PowerCut:
            pass
        self.retire()
        self.disk.cut = None
        # The RAM is gone: the sockets' memory too, and what the modem says meanwhile.
        self.rig.sleep(self.rng.below(5000))
        self.rig.rx.clear()
        if self.chance(2):
            self.note("the modem's power, too")
            self.rig.model.command("power off")
            self.rig.model.command("power on")
        self.board()

    def record(self):
        n = self.n
        self.n += 1
        self.put[n] = 2
        self.server.ledger.when[n] = self.true()
        self.up.put(b'{"n":%d,"t":%d}' % (n, n % 40))
        self.put[n] = 1

    def work(self, ms):
        # The uplink's share of the time: until the queue is empty, at most ms.
        rig = self.rig
        end = rig.now + ms
        while rig.now < end:
            start = rig.now
            wait = self.up.step()
            self.worst = max(self.worst, rig.now - start)
            if not len(self.queue) and wait:
                break
            nap = 100 if self.up.failures else 20
            rig.sleep(min(max(wait, nap), end - rig.now) or 1)

    # --- what happens ---

    def moment(self):
        return self.n

    def happen(self):
        model = self.rig.model
        self.season()
        self.renew()
        self.over()
        self.maybe_no_coverage(2500, "coverage hole", lambda: 1 + self.rng.below(3 * _HOUR))
        self.maybe(400, "modem restart", "restart")
        self.maybe(2000, "modem off", "power off")
        self.maybe_quiet(400, "PDP loss", "pdp drop 1")
        if self.chance(2000):
            self.note("broker outage")
            self.server.net.down = RefusingPeer() if self.chance(2) else StallingPeer()
            self.later(1 + self.rng.below(2 * _HOUR), self.broker_back)
        if self.chance(300):
            self.note("answers that go wrong")
            self.server.sick = 1 + self.rng.below(4)
        if self.chance(1500):
            self.note("clock set wrong")
            wrong = (_START + self.rig.now // 1000) + (self.rng.below(2000) - 1000) * 86400
            model.command("clock reset" if self.chance(3) else "clock set %d" % wrong)
        if self.chance(300):
            self.note("fault")
            model.command("fault " + FAULTS[self.rng.below(len(FAULTS))])
        if self.chance(500):
            self.note("board power cut")
            self.power_cut()
        now = _START + self.rig.now // 1000
        if now > self.server.valid[1] + self.rng.below(3) * 3600:
            self.note("certificate expired and renewed")
            self.server.valid = [now - 86400, now + (20 + self.rng.below(60)) * 86400]

    def broker_back(self):
        self.server.net.down = None

    # --- the year ---

    def run(self, progress):
        rig = self.rig
        while self.n < self.count:
            start = rig.now
            self.happen()
            if self.n >= self.count:
                break
            self.record()
            self.work(_EVERY_MS - min(rig.now - start, _EVERY_MS - 1000))
            if rig.now - start < _EVERY_MS:
                rig.sleep(_EVERY_MS - (rig.now - start))
            if self.n % 5000 == 0:
                gc.collect()
                progress(self.summary())
        # What is left goes out when all is well again.
        self.over(all=True)
        rig.model.command("clear")
        rig.model.command("coverage on")
        rig.model.command("power on")
        self.server.sick = 0
        self.server.net.clocks = {}
        rig.model.command("switch nitz yes")
        rig.model.command("switch nitz_time true")
        now = _START + rig.now // 1000
        self.server.valid = [now - 86400, now + 86400 * 60]
        rig.model.network.set_time(now, 0)
        rig.model.command("clock set %d" % now)
        self.work(6 * 3600000)
        self.retire()
        os.remove(self.ca)
        found = self.summary()
        found["missing"] = len(
            [n for n in range(self.n) if self.put[n] == 1 and not self.server.ledger.marks[n]]
        )
        return found

    def summary(self):
        ledger = self.server.ledger
        return {
            "records": self.n,
            "days": self.rig.now // 86400000,
            "arrived": sum(ledger.marks),
            "repeats": ledger.repeats,
            "lost": self.lost,
            "damaged": self.damaged,
            "queued": len(self.queue),
            "longest_step_ms": self.worst,
            "happened": self.happened,
            "told": self.told,
            "stats": self.stats,
            "refused_for_dates": self.server.expired,
            "refused_for_ca": self.server.strange,
            "dated": ledger.dated,
            "undated": ledger.undated,
            "wrong_date": ledger.wrong,
            "time_from": self.sources,
            "time_rejected": self.rejected,
            "memory": gc.mem_alloc(),
        }


def say(kind, what):
    print("@@", kind, json.dumps(what))
    if sys.implementation.name != "micropython":
        sys.stdout.flush()


def main(args):
    found = Year(int(args[0]), int(args[1])).run(lambda what: say("at", what))
    say("done", found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
