# live - driver and simulated modem in one process on the real clock, for asyncio and select.
# SPDX-License-Identifier: MIT
#
# rig.py has a virtual clock, which the parts of asyncio that are written in C don't know.

import time

from qssl import Modem
from ugsim.fakenet import EchoPeer, FakeNet
from ugsim.model import UGxx
from ugsim.model.base.bytequeue import ByteQueue

CA = b"-----BEGIN CERTIFICATE-----\nnot read by the simulated network\n-----END CERTIFICATE-----\n"


class Live:
    # net: FakeNet, an echo if None. baud: 0 moves bytes in no time, else baud/10 a second.
    def __init__(self, net=None, baud=0, switches=None):
        self.net = FakeNet(EchoPeer()) if net is None else net
        self.model = UGxx(self.net, switches)
        self.sends = 0  # AT+QSSLSEND that reached it
        self.model.on_event = self._event
        self.uart = Uart(self, baud)
        self._start = time.ticks_ms()

    def run(self):
        self.model.run(time.ticks_diff(time.ticks_ms(), self._start))

    def _event(self, kind, text):
        if kind == "at" and text.startswith("AT+QSSLSEND="):
            self.sends += 1


class Uart:
    def __init__(self, live, baud):
        self._live = live
        self._baud = baud
        self._ring = ByteQueue()
        self._down = Pace(baud)
        self._up = Pace(baud)

    def any(self):
        live = self._live
        live.run()
        n = self._down.room() if self._baud else 4096
        data = live.model.take(n)
        self._down.used(n, len(data))
        if data:
            self._ring.append(data)
        return len(self._ring)

    def readinto(self, buf, n=None):
        data = self._ring.take(min(len(buf) if n is None else n, self.any()))
        buf[: len(data)] = data
        return len(data) or None

    def write(self, buf, off=None, n=None):
        if n is None:
            n = len(buf) if off is None else off
            off = 0
        room = min(256, self._up.room() if self._baud else 256, self._live.model.space())
        done = min(n, room)
        self._up.used(room, done)
        self._live.model.feed(bytes(memoryview(buf)[off : off + done]))
        self._live.run()
        return done


class Pace:
    # baud/10 bytes a second; what was not used is gone, but for what a buffer of 128 bytes holds.
    def __init__(self, baud):
        self._rate = baud // 10
        self._then = time.ticks_us()
        self._credit = 0  # millionths of a byte

    def room(self):
        now = time.ticks_us()
        self._credit += time.ticks_diff(now, self._then) * self._rate
        self._then = now
        return self._credit // 1000000

    def used(self, room, n):
        self._credit -= n * 1000000
        if n < room:
            self._credit = min(self._credit, 128000000)


def live(net=None, sockets=2, **options):
    # (live, modem, ctx), not started.
    rig = Live(net, **options)
    modem = Modem(rig.uart, sockets=sockets)
    return rig, modem, modem.tls(0, ca=CA, check_time=False)
