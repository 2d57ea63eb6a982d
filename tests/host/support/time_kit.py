# time_kit - what the cases of the time share: clocks that lie, a file for the last time known.
# SPDX-License-Identifier: MIT

import errno

from driver_kit import MODEL, Watch, bare
from qssl import timekeeper, uplink
from qssl.timekeeper import Timekeeper
from receivers import HttpServer
from ugsim.fakenet import FakeNet

uplink.urandom = lambda n: b"\x80" * n


TRUE = 1786111200  # 2026-08-07 14:00:00 UTC, at virtual ms 0
DAY = 86400
THREE = ("a.example", "b.example", "c.example")


class Flash:
    # Stands for `open` of qssl.timekeeper: files that survive the board's power.
    def __init__(self):
        self.files = {}
        self.writes = 0
        self.full = False
        timekeeper.open = self.open

    def open(self, path, mode):
        return _File(self, path, mode)


class _File:
    def __init__(self, flash, path, mode):
        self.flash, self.path = flash, path
        if mode == "rb" and path not in flash.files:
            raise OSError(errno.ENOENT, "flash")
        if mode == "wb":
            if flash.full:
                raise OSError(28, "flash")
            flash.writes += 1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def read(self, n):
        return self.flash.files[self.path][:n]

    def write(self, data):
        self.flash.files[self.path] = bytes(data)
        return len(data)


NTP_S = 6 if MODEL in ("ec200u", "eg915u") else 0  # what AT+QNTP takes, as was seen


def made(zone="0", now=TRUE, start=True, **switches):
    # (rig, modem): board and modem had no power; the network's true time is `now`.
    rig, modem = bare(FakeNet(HttpServer()), idle=Watch(50), switches=switches)
    rig.model.command("network-time %d %s" % (now, zone))
    rig.model.command("restart")
    if start:
        modem.start(apn="internet")
    return rig, modem


def true(rig):
    return rig.model.network.unix()


def near(a, b, by=3):
    return a is not None and abs(a - b) <= by


def noted(keeper):
    # (source, why) of what was rejected.
    return [(source, why) for source, _, why in keeper.rejected]


def looked(modem, keeper):
    # One look, as a Recovery has once a minute.
    return modem.link.drive(keeper.steps())


def cut(rig, modem, keeper, ntp=(), **switches):
    # Power cut of board and modem: a new modem object, a new keeper on the same flash.
    for name, word in switches.items():
        rig.model.command("switch %s %s" % (name, word))
    rig.model.command("restart")
    rig.sleep(100)
    modem = type(modem)(rig.uart, idle=modem.link._idle if hasattr(modem.link, "_idle") else None)
    modem.start(apn="internet")
    return modem, Timekeeper(modem, ntp=ntp, path="/time")
