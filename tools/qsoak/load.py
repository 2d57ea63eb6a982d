# qsoak.load - twelve sockets under continuous faults; memory must be flat at the end.
# SPDX-License-Identifier: MIT
#
#     load.py OPERATIONS SEED       prints "@@ at JSON" now and then, at the end "@@ done JSON"

import json
import sys

if sys.implementation.name != "micropython":
    import upy

    upy.install()

import gc
import os

import driver_kit
import qssl
from driver_kit import Watch, pattern
from qssl.errors import Error
from ugsim.fakenet import EchoPeer, FakeNet
from ugsim.model.base.rng import Rng

_SOCKETS = 12
_FAULTS = (
    "lose at=30",
    "insert at=9",
    "stall ms=3000",
    "mute ms=4000",
    "delay what=send_ok by=9000",
    "delay what=open by=9000",
    "no_prompt",
    "send_fail n=3",
    "send_error",
    "send_mute",
    "open_code code=566",
    "recv_miss",
    "recv_dup",
    "recv_error",
    "close_error",
    "before what=garbage",
    "before what=long",
)


def load():
    # All that the driver loads on demand: in the rig it stays, and would look like a leak.
    top = qssl.__file__.rsplit("/", 1)[0]
    for room in ("start", "connect", "ask"):
        for name in sorted(os.listdir(top + "/" + room)):
            if name.endswith(".py") and name != "__init__.py":
                __import__("qssl.%s.%s" % (room, name[:-3]))
    for name in ("hints", "files", "clock"):
        __import__("qssl." + name)


class Net(FakeNet):
    def connect(self, tls, host, port, now_ms):
        conn = FakeNet.connect(self, tls, host, port, now_ms)
        self.conns.clear()
        return conn


class Load:
    def __init__(self, seed):
        self.rng = Rng(seed)
        load()
        self.rig, self.modem = driver_kit.bare(Net(EchoPeer()), sockets=_SOCKETS, idle=Watch(20))
        self.modem.start("internet", timeout_ms=60000)
        self.context = driver_kit.tls(self.modem)
        self.socks = [None] * _SOCKETS
        self.left = [b""] * _SOCKETS  # bytes that the echo owes
        self.done = self.errors = self.wrong = self.moved = 0

    def operate(self):
        # One operation on one socket; every 40th time a fault.
        rng = self.rng
        self.done += 1
        if rng.below(40) == 0:
            self.rig.model.command("fault " + _FAULTS[rng.below(len(_FAULTS))])
        if rng.below(4000) == 0:
            self.rig.model.command(("restart", "pdp drop 1")[rng.below(2)])
        k = rng.below(_SOCKETS)
        try:
            if not self.modem.up:
                self.socks = [None] * _SOCKETS
                self.modem.start("internet", timeout_ms=60000)
            elif self.socks[k] is None:
                self.socks[k] = self.modem.connect("a.example", 443, self.context, 30000)
                self.socks[k].settimeout(20)
                self.left[k] = b""
            elif self.left[k] and rng.below(2):
                data = self.socks[k].recv(1500)
                self.moved += len(data)
                if not self.left[k].startswith(data) or not data:
                    self.wrong += 1
                self.left[k] = self.left[k][len(data) :]
            elif len(self.left[k]) < 3000:
                data = pattern(1 + rng.below(800), k)
                self.left[k] += data
                self.socks[k].write(data)
                self.socks[k].flush()
        except Error:
            self.errors += 1
            sock = self.socks[k]
            self.socks[k] = None
            if sock is not None:
                try:
                    sock.close()
                except Error:
                    self.errors += 1

    def run(self, count, progress):
        # Memory is looked at with nothing armed and every socket closed.
        marks = []
        part = max(count // 10, 1)
        while self.done < count:
            self.operate()
            if self.done % part == 0:
                marks.append(self.memory())
                progress({"operations": self.done, "memory": marks[-1]})
        return {
            "operations": self.done,
            "errors": self.errors,
            "wrong": self.wrong,
            "bytes": self.moved,
            "hours": self.rig.now // 3600000,
            "memory": marks,
        }

    def memory(self):
        self.rig.model.command("clear")
        for k in range(_SOCKETS):
            sock = self.socks[k]
            self.socks[k] = None
            self.left[k] = b""
            if sock is not None:
                try:
                    sock.close()
                except Error:
                    pass
        self.modem.start("internet", timeout_ms=60000)
        gc.collect()
        gc.collect()
        return gc.mem_alloc()


def main(args):
    def say(kind, what):
        print("@@", kind, json.dumps(what))
        if sys.implementation.name != "micropython":
            sys.stdout.flush()

    say("done", Load(int(args[1])).run(int(args[0]), lambda what: say("at", what)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
