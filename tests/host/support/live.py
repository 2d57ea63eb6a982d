# live - driver and simulated modem on the real clock, for asyncio as it is built in.
# SPDX-License-Identifier: MIT
#
# loop.py has asyncio on a virtual clock, for all that takes time.

import time

from certificate_kit import certificate
from qssl import Modem
from ugsim.fakenet import EchoPeer, FakeNet
from ugsim.model import UGxx
from ugsim.model.base.bytequeue import ByteQueue

CA = certificate("20200101000000Z", "20491231235959Z")


class Live:
    def __init__(self, net=None):
        self.net = FakeNet(EchoPeer()) if net is None else net
        self.model = UGxx(self.net)
        self.uart = Uart(self)
        self._start = time.ticks_ms()

    def run(self):
        self.model.run(time.ticks_diff(time.ticks_ms(), self._start))


class Uart:
    def __init__(self, live):
        self._live = live
        self._ring = ByteQueue()

    def any(self):
        live = self._live
        live.run()
        data = live.model.take(4096)
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
        done = min(n, 256, self._live.model.space())
        self._live.model.feed(bytes(memoryview(buf)[off : off + done]))
        self._live.run()
        return done


def live(net=None):
    # (live, modem, ctx), not started.
    rig = Live(net)
    modem = Modem(rig.uart, sockets=2)
    return rig, modem, modem.tls(0, ca=CA, check_time=False)
