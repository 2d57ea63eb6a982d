# qsearch.mail - an uplink with inbox and settings, while trouble comes and goes, both ways.
# SPDX-License-Identifier: MIT
#
# By HTTPS or MQTT, from files that survive restarts and power cuts of the board at any byte. Once
# the trouble is over: each record that put() has taken is there, once and in order; each message
# was given, once (once more where the board stopped before it was done) and in order, or the
# server was told why not; the right settings are in force, and a way to nowhere is not.

import json

from qsearch.player import CA, Player, Violation  # isort: skip  it brings the virtual time

import disk as _disk
import rig as _rig
from both_kit import DEVICE, KEY, message
from qsearch.pin import Pin
from qssl import Modem, uplink
from qssl.https import Https
from qssl.queue import FileQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink
from qssl.uplink.inbox import Inbox
from qssl.uplink.settings import Settings
from qssl.uplink.subscriber import Subscriber
from receivers import Mailbox, Postbox
from ugsim.fakenet import RefusingPeer, StallingPeer
from ugsim.model.base.rng import Rng

_HOSTS = ("server.example", "other.example")
_NOBODY = "nobody.example"
_AGAIN_MS = 600000  # by MQTT a message that is not acknowledged goes out again
_TROUBLE_MS = 60000  # after so long there is power and coverage again
_LIMIT_MS = 4 * 3600000  # with a way out all is done long before
_NAP_MS = 200
_FORGED = bytes(32)  # a key


class Sends:
    # What both servers have: messages that are sent until they are acknowledged, or refused.
    def begin(self):
        self.all = {}  # number: text
        self.open = []  # numbers
        self.told = {}  # number: why it was refused
        self.sick = []  # what goes wrong with the next answers
        # The board has stopped in the midst of a record: what it types when it starts gets there,
        # or what it types for a byte that got lost. That is no record any more.
        self.torn = False
        plain = self.ledger.add

        def add(queue, id, record):
            plain(queue, id, record)
            if record.get("qssl") == "inbox" and record["m"] in self.all:
                self.told[record["m"]] = record["refused"]
                if record["m"] in self.open:
                    self.aside(record["m"])

        self.ledger.add = add

    def post(self, number, text):
        self.all[number] = text
        self.open.append(number)

    def aside(self, number):
        self.open.remove(number)

    def body(self, number):
        return json.loads(self.all[number])["body"]

    def acknowledged(self, ack):
        for m in [m for m in self.open if m <= ack]:
            self.aside(m)


class Web(Sends, Mailbox):
    def __init__(self):
        Mailbox.__init__(self, lambda *args: self.sick.pop(0) if self.sick else 200)
        self.begin()

    def post(self, number, text):
        Sends.post(self, number, text)
        self.send(number, text)

    def aside(self, number):
        Sends.aside(self, number)
        self.messages.pop(number, None)

    def request(self, conn, body):
        if body.startswith(b'{"ack":') and self.sick:
            fate = self.sick.pop(0)
            if fate == "silence":
                return
            if not isinstance(fate, int):
                conn.peer_close()
                return
        Mailbox.request(self, conn, body)
        if self.acks[-1] is not None:
            self.acknowledged(self.acks[-1])

    def tick(self, now):
        pass


class Queue(Sends, Postbox):
    # Only the first message that is not acknowledged is at the broker.
    def __init__(self):
        Postbox.__init__(self, lambda n: self.sick.pop(0) if self.sick else None)
        self.begin()
        self._out = (0, 0)  # number, when it went out

    def tick(self, now):
        first = self.open[0] if self.open else None
        if self.waiting or first is None:
            return
        if first != self._out[0] or now - self._out[1] >= _AGAIN_MS:
            self._out = (first, now)
            self.send(self.all[first])

    def packet(self, conn, kind, body):
        try:
            Postbox.packet(self, conn, kind, body)
        except ValueError:
            if not self.torn:
                raise
            conn.peer_close()  # the receiver would refuse it
        if self.acks:
            self.acknowledged(self.acks[-1])


class Mail(Player):
    def __init__(self, plan):
        Player.__init__(self, plan)
        self.rig.model.on_event = None  # the recovery restarts modems, too
        self.way = plan["carrier"]
        self.reads = plan["reads"]
        self.peer = Web() if self.way == "https" else Queue()
        self.rig.net.default = RefusingPeer()
        self.join(self.peer)
        self.rng = Rng(plan["rig"].get("seed", 1))
        uplink.urandom = lambda n: bytes([self.rng.below(256) for _ in range(n)])
        self.disk = _disk.Disk()
        self.disk.mount()
        self.n = 0
        self.put = {}  # n: whether put() came back
        self.number = 0  # of the newest message
        self.texts = []  # numbers of messages to the program
        self.forged = []
        self.strange = []
        self.got = []  # (life, number)
        self.life = 0
        self.wanted = {}  # what has to be in force
        self.trouble = None
        self.board()

    def join(self, peer):
        for host in _HOSTS:
            self.rig.net.add(host, peer)

    def board(self):
        # Only its files are there.
        rig = self.rig
        rig.rx.clear()
        pins = [Pin(rig.model, name) for name in ("pwrkey", "status", "reset")]
        self.modem = modem = Modem(
            rig.uart, sockets=2, idle=self.watch, pwrkey=pins[0], status=pins[1], reset=pins[2]
        )
        modem.link._poll = _rig.RigPoll(rig)
        if rig.chunk is None:
            modem.link.rate = 1000
        self.context = modem.tls(0, ca=CA)
        settings = Settings("/s", limit=2048)
        settings.add("interval_s", 300, 10, 86400)
        settings.add("label", "none")
        settings.add("host", _HOSTS[0], way=True)
        host = settings["host"]
        if self.way == "https":
            carrier = Https(host, "/in")
        else:
            carrier = Subscriber(DEVICE, "up", "down", keepalive_s=120)
        self.queue = FileQueue("/q", 8192, "refuse", 1024)
        self.up = Uplink(
            modem,
            host,
            443,
            self.context,
            carrier,
            self.queue,
            Recovery(modem, 60, lambda: (2026, 11, 22, 10, 0, 0), apn="internet"),
            pause_max_s=60,
        )
        self.inbox = Inbox(self.up, "/i", KEY, DEVICE, 60, 384, 2048)
        settings.bind(self.inbox)
        self.settings = settings
        self.life += 1
        life = self.life
        if not self.reads:
            self.up.on_message = lambda number, body: self.gets(life, number, body)

    def gets(self, life, number, body):
        if body != self.peer.body(number):
            raise Violation("G8: message %d came as %r" % (number, body[:40]))
        self.got.append((life, number))

    def again(self):
        # The board starts once more; what it counted is gone.
        self.peer.torn = True
        for queue in (self.queue, self.inbox._queue):
            if queue.lost or queue.damaged:
                raise Violation("G6: %d entries lost, %d damaged" % (queue.lost, queue.damaged))
        while True:
            try:
                self.board()
                return
            except _disk.PowerCut:
                self.disk.cut = None

    def guarded(self, function, *args):
        # What the program does, until the power goes.
        try:
            return function(*args)
        except _disk.PowerCut:
            self.disk.cut = None
            self.again()

    def work(self, ms, done=None):
        rig = self.rig
        end = rig.now + ms
        while rig.now < end and not (done and done()):
            if self.trouble is not None and rig.now - self.trouble > _TROUBLE_MS:
                self.trouble = None
                self.well("power on", "coverage on")
            self.peer.tick(rig.now)
            wait = self.guarded(self.turn) or 0
            rig.sleep(min(max(wait, _NAP_MS), max(end - rig.now, 1)))

    def turn(self):
        wait, error = self.call(0, "step", self.up.step)
        if error is not None:
            raise Violation("G6: step() raised %r" % error)
        if self.reads:
            try:
                entry = self.up.receive()
            except OSError:
                entry = None  # full
            if entry is not None:
                self.gets(self.life, *entry)
        return wait

    # --- operations ---

    def op_record(self):
        self.guarded(self._record)

    def _record(self):
        n = self.n
        self.n += 1
        self.put[n] = False
        try:
            self.up.put('{"n":%d}' % n)
        except OSError:
            return  # full: the program knows
        self.put[n] = True

    def _send(self, kind, body, key=KEY):
        self.number += 1
        self.peer.post(self.number, message(self.number, body, kind, key=key))
        return self.number

    def op_message(self, size):
        self.texts.append(self._send("message", ("%d " % self.number + "x" * size)[:size]))

    def op_strange(self):
        # Of a kind that nobody here handles.
        self.strange.append(self._send("ask", '{"what":"health"}'))

    def op_forged(self):
        self.forged.append(self._send("message", "forged", _FORGED))

    def op_settings(self, what):
        m = self._send("settings", json.dumps(what))
        right = {"interval_s": what.get("interval_s"), "label": what.get("label")}
        if right["interval_s"] == 0:
            right["interval_s"] = None  # refused
        for name, value in right.items():
            if value is not None:
                self.wanted[name] = m, value

    def op_trouble(self, text):
        self.peer.torn = self.peer.torn or text.startswith("fault")
        self.rig.model.command(text)
        self.trouble = self.rig.now

    def op_sick(self, fate, n):
        if self.way == "https":
            fate = {"lost": ("close", True), "error": 503}.get(fate, fate)
        elif fate == "error":
            fate = "close"
        self.peer.sick = [fate] * n

    def op_away(self, how, s):
        self.join(RefusingPeer() if how == "refuse" else StallingPeer())
        self.work(s * 1000)
        self.join(self.peer)

    def op_cut(self, n):
        self.disk.cut = n

    def op_again(self):
        self.guarded(self.again)

    def op_full(self, n):
        self.disk.room = n

    def op_free(self):
        self.disk.room = None

    def op_work(self, s):
        self.work(s * 1000)

    # --- the end ---

    def well(self, *words):
        for word in words:
            self.rig.model.command(word)

    def run(self):
        for op in self.plan["ops"]:
            getattr(self, "op_" + op[0])(*op[1:])
        self.calm_down()
        self.peer.sick = []
        self.disk.cut = self.disk.room = self.trouble = None
        self.op_record()
        self.work(_LIMIT_MS, self.done)
        if not self.done():
            raise Violation(
                "G4: an uplink never comes back: %d records, messages %s wait; %s"
                % (len(self.queue), self.peer.open, self.up.error)
            )
        self.judge()

    def done(self):
        waits = [m for m in self.peer.open if m not in self.forged]
        trial = "old" in self.settings._state or self.settings._owed is not None
        return not (waits or trial or len(self.queue) or self.inbox._first())

    def judge(self):
        records = self.peer.ledger.values()
        found = [r["n"] for r in records if "n" in r]
        missing = [n for n, sure in self.put.items() if sure and n not in found]
        if missing or found != sorted(found) or len(set(found)) != len(found):
            raise Violation("G6: records %s arrived, %s are missing" % (found, missing))
        if self.queue.lost or self.queue.damaged or self.up.rejected:
            raise Violation("G6: records were lost, damaged or rejected")
        last = (0, 0)
        for life, number in self.got:
            if number < last[1] or (number == last[1] and life == last[0]):
                raise Violation("G8: messages came as %s" % self.got)
            last = life, number
        got = [number for _, number in self.got]
        for m in self.texts:
            if m not in got and m not in self.peer.told:
                raise Violation("G8: message %d neither came nor was told of" % m)
        if [m for m in self.forged + self.strange if m in got]:
            raise Violation("G8: a forged message was given, or one of another kind: %s" % got)
        if [m for m in self.strange if m not in self.peer.told]:
            raise Violation(
                "G8: nobody was told of %s, only of %s" % (self.strange, self.peer.told)
            )
        self.settle(records)

    def settle(self, records):
        told = [r for r in records if r.get("qssl") == "settings"]
        force = self.settings.values()
        if force["host"] == _NOBODY:
            raise Violation("G8: the way leads nowhere")
        if told and told[-1].get("values") != force:
            raise Violation("G8: in force is %s, told was %s" % (force, told[-1]))
        reported = [r["m"] for r in told]
        for name, (m, value) in self.wanted.items():
            if m not in self.peer.told and (m not in reported or force[name] != value):
                raise Violation("G8: message %d: %s is %r, not %r" % (m, name, force[name], value))
