# both_kit - a board with an uplink, an inbox and a server, and messages as servers sign them.
# SPDX-License-Identifier: MIT

import json
from binascii import hexlify

import driver_kit
from disk import Disk
from driver_kit import Watch, tls
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.uplink import Uplink
from qssl.uplink.inbox import Inbox
from qssl.uplink.signed import mac
from receivers import Mailbox
from ugsim.fakenet import FakeNet

HOST = "server.example"
DEVICE = "n1"
KEY = bytes(range(32))
LATER = 4000000000
ENOSPC = 28


class Clock:
    # Stands for a Timekeeper. s: None: the time is not known.
    def __init__(self, s=None):
        self.s = s

    def now(self):
        return self.s

    def confirm(self):
        pass


def message(m, body, kind="message", until=LATER, key=KEY, device=DEVICE):
    # As the server makes it.
    parts = ("qssl1\n%s\n%d\n%s\n%d\n" % (device, m, kind, until), body)
    made = hexlify(mac(key, [p.encode() for p in parts])).decode()
    what = {"m": m, "kind": kind, "until": until, "body": body, "mac": made}
    # The number first, as servers send it; MicroPython's dicts have no order.
    names = ("m", "kind", "until", "body", "mac")
    return ("{%s}" % ",".join(['"%s":%s' % (n, json.dumps(what[n])) for n in names])).encode()


class Board:
    # A board with an uplink and an inbox, the server beside it. restart(): after a power cut.
    def __init__(self, peer=None, clock=None, carrier=None, disk=None, **keywords):
        (disk or Disk()).mount()
        self.peer = peer or Mailbox()
        self.rig, self.modem = driver_kit.bare(FakeNet(self.peer), sockets=2, idle=Watch(20))
        self.modem.start(apn="internet")
        self.clock = clock
        self.carrier = carrier or (lambda: Https(HOST, "/in"))
        self.keywords = dict({"key": KEY, "device": DEVICE}, **keywords)
        self.store = RamQueue()
        self.got = []
        self.recovery = None
        self.make()

    def make(self):
        self.up = Uplink(
            self.modem,
            HOST,
            443,
            tls(self.modem),
            self.carrier(),
            self.store,
            self.recovery,
            clock=self.clock,
        )
        self.inbox = Inbox(self.up, "/inbox", **self.keywords)
        self.up.on_message = lambda number, body: self.got.append((number, body))

    def restart(self):
        for sock in self.modem.sockets:
            if sock is not None:
                sock.close()
        self.make()

    def run(self, s=60, records=1):
        # One record more, and what comes with the answer.
        for n in range(records):
            self.up.put(b'{"n":%d}' % n)
        assert self.up.run(s) == 0, self.up.error
        self.up.step()
        if self.inbox._want:
            self.inbox.ask()  # the server has more

    def told(self):
        # What the device has told about messages.
        return [r for r in self.peer.ledger.values() if "qssl" in r]


class Part:
    # What an inbox sees of its uplink, without a modem: quick. The server sends again whatever the
    # inbox does not acknowledge.
    rejected = delivered = 0
    failures = _silent = 0
    _clock = on_message = _recover = None
    _to = (HOST, 443, None)

    def __init__(self, disk, got, **keywords):
        disk.mount()
        self._carrier = Https(HOST)
        self.queue = RamQueue()
        self.put = self.queue.put
        self.inbox = Inbox(self, "/inbox", KEY, DEVICE, limit=600, size=192, **keywords)
        self.on_message = lambda number, body: got.append((number, body))
        self.inbox.handlers["note"] = lambda number, body: got.append((number, "note"))

    def _once(self):
        yield

    def _drop(self):
        pass

    def serve(self, texts):
        # A delivery, as far as it gets, and what the uplink does then.
        self.inbox.begin()
        for number, text in texts:
            if number > self.inbox.number and not self.inbox.take(text):
                break
        self.inbox._give()
