# rig - driver and simulated modem in one process on a virtual clock.
# SPDX-License-Identifier: MIT
#
# Import this module before qssl: it puts a virtual `time` into sys.modules.

import sys
import time as _real

from ugsim.fakenet import FakeNet
from ugsim.model import UGxx
from ugsim.model.base.bytequeue import ByteQueue

# Ticks of 32-bit ports wrap at 2**30, which is no small integer there: so that the clock allocates
# nothing, no step of its arithmetic may reach it.
_MASK = (1 << 30) - 1
_HALF = 1 << 29
_SPIN = 10000  # ticks_ms() calls without a sleep after which the clock moves on by itself


class _Nobody:
    # In place of a rig, before there is one.
    now = 0

    def sleep(self, ms, wakes=False):
        pass


nobody = _Nobody()


class _Time:
    # The virtual clock. It belongs to the Rig that was made last.

    def __init__(self):
        self.rig = nobody
        self.offset = -5000  # so that ticks wrap five seconds after a rig's start
        self.calls = 0

    def __getattr__(self, name):
        return getattr(_real, name)

    def ticks_ms(self):
        self.calls += 1
        if self.calls > _SPIN:
            self.sleep_ms(1)
        return (self.rig.now + self.offset) & _MASK

    def ticks_us(self):
        return (self.ticks_ms() * 1000) & _MASK

    def ticks_cpu(self):
        return self.ticks_us()

    def ticks_diff(self, a, b):
        return ((a - b & _MASK) ^ _HALF) - _HALF

    def ticks_add(self, a, b):
        if not -_HALF < b < _HALF:
            raise OverflowError("ticks interval overflow")
        return (a - _MASK - 1 + b if b >= 0 else a + b) & _MASK

    def sleep_ms(self, ms):
        self.calls = 0
        self.rig.sleep(ms)

    def sleep_us(self, us):
        self.sleep_ms((us + 999) // 1000)

    def sleep(self, s):
        self.sleep_ms(int(s * 1000))

    def time(self):
        return 1735689600 + self.rig.now // 1000  # 2025-01-01 00:00:00 UTC

    def time_ns(self):
        return self.time() * 1000000000


clock = _Time()
for _name in ("ticks_ms", "ticks_us", "ticks_cpu", "ticks_diff", "ticks_add", "sleep_ms") + (
    "sleep_us",
    "sleep",
    "time",
    "time_ns",
):
    # `from time import ...`: MicroPython imports no bound method that it finds in the class.
    setattr(clock, _name, getattr(clock, _name))
sys.modules["time"] = clock
sys.modules["utime"] = clock


class RigUart:
    # machine.UART as the driver sees it: any, readinto(buf[, n]), write(buf[, n | off, n]).

    def __init__(self, rig):
        self._rig = rig

    def any(self):
        rig = self._rig
        rig.pull()
        n = rig.rx.size
        return n if rig.chunk is None or n < rig.chunk else rig.chunk

    def readinto(self, buf, n=None):
        rig = self._rig
        rig.pull()
        if n is None or n > len(buf):
            n = len(buf)
        if rig.chunk is not None and n > rig.chunk:
            n = rig.chunk
        data = rig.rx.take(n)
        if not data:
            return None
        buf[: len(data)] = data
        return len(data)

    def read(self, n=None):
        buf = bytearray(self.any() if n is None else n)
        got = self.readinto(buf)
        return None if not got else bytes(memoryview(buf)[:got])

    def write(self, buf, off=None, n=None):
        # write(buf), write(buf, n) or write(buf, off, n). Returns the bytes taken, maybe fewer.
        if off is None:
            data = bytes(buf)
        elif n is None:
            data = bytes(memoryview(buf)[:off])
        else:
            data = bytes(memoryview(buf)[off : off + n])
        return self._rig.push(data)

    def init(self, baudrate=None, **kw):
        if baudrate is not None:
            self._rig.set_baud(baudrate)

    def flush(self):
        while self._rig.tx.size:
            self._rig.sleep(1)

    def txdone(self):
        return not self._rig.tx.size


class RigPoll:
    # What select.poll() of a board is for the driver: waits for bytes, in virtual time.

    def __init__(self, rig):
        self._rig = rig

    def ipoll(self, ms):
        rig = self._rig
        rig.pull()
        if not rig.rx.size:
            clock.calls = 0
            rig.sleep(ms, True)
        return ()


class Rig:
    # net: FakeNet (one with an echo peer when None). baud: 0 moves bytes in no time, else baud/10
    # bytes a virtual second each way. chunk: most bytes one read gives. write_max: most bytes one
    # write takes. rxbuf: size of the host's receive ring; with flow=True RTS holds the modem back
    # when it is 3/4 full, without it bytes are lost. echo: ATE at start. The modem's own rate is
    # the host's, unless the switch baud_default says otherwise. More keywords as UGxx.

    def __init__(
        self,
        net=None,
        baud=0,
        switches=None,
        seed=1,
        chunk=None,
        echo=True,
        rxbuf=None,
        flow=False,
        write_max=None,
        powered=True,
        model=None,
    ):
        self.now = 0
        self.baud = baud
        self.chunk = chunk
        self.rxbuf = rxbuf
        self.flow = flow
        self.write_max = write_max
        self.rx = ByteQueue()
        self.tx = ByteQueue()
        self.lost = 0  # bytes that found the host's ring full
        self._down = 0  # thousandths of a byte that may pass
        self._up = 0
        self.net = FakeNet() if net is None else net
        changes = dict(switches or {})
        if baud and "baud_default" not in changes:
            changes["baud_default"] = baud
        self.model = UGxx(self.net, changes, seed, 0, powered, model)
        self.model.host_baud = baud
        if not echo:
            self.model.echo = False
        self.uart = RigUart(self)
        clock.rig = self
        self.model.run(0)

    def set_baud(self, baud):
        # The host changes its rate (UART.init).
        self.model.host_baud = baud
        if self.baud:
            self.baud = baud

    def push(self, data):
        # Bytes from the host's write(). Returns how many were taken.
        if self.write_max is not None:
            data = data[: self.write_max]
        if self.baud:
            self.tx.append(data)
            return len(data)
        model = self.model
        sent = 0
        while sent < len(data):
            part = data[sent : sent + 1024]
            if model.space() < len(part):
                part = part[: model.space()]
                if not part:
                    break
            model.feed(part)
            sent += len(part)
            model.run(self.now)
        return sent

    def pull(self):
        # Unpaced: fetches what the modem has.
        if self.baud:
            return
        model = self.model
        if model.stirs():
            model.run(self.now)
        if model.out.queue.size and model.pending():
            room = 1 << 30 if self.rxbuf is None else self.rxbuf - self.rx.size
            if room > 0:
                self.rx.append(model.take(room))

    def sleep(self, ms, wakes=False):
        # Virtual time passes; the modem and the line work meanwhile. wakes: bytes for the host end
        # it.
        end = self.now + ms
        model = self.model
        while self.now < end:
            if self.baud and (self.tx.size or model.out.pending()):  # also what RTS holds
                step = self.now + 1
            else:
                step = end
                if step > self.now + 1:
                    due = model.next_ms()
                    if due is not None and due < step:
                        step = due if due > self.now else self.now + 1
            passed = step - self.now
            self.now = step
            model.run(step)
            if self.baud:
                self._move(passed)
            elif wakes:
                self.pull()
            if wakes and self.rx.size:
                return
        if not (self.baud or wakes):
            self.pull()

    def _move(self, ms):
        # Bytes cross the line, baud/10 a second each way.
        model = self.model
        gain = self.baud // 10 * ms
        if self.tx.size:
            self._up += gain
            n = self._up // 1000
            self._up -= n * 1000
            n = min(n, model.space())
            data = self.tx.take(n)
            if data:
                model.feed(data)
                model.run(self.now)
        else:
            self._up = 0
        if self.flow and self.rxbuf is not None:
            model.set_line("rts", self.rx.size < self.rxbuf * 3 // 4)
        if model.pending():
            self._down += gain
            n = self._down // 1000
            self._down -= n * 1000
            data = model.take(n)
            if self.rxbuf is not None and len(data) > self.rxbuf - self.rx.size:
                room = max(0, self.rxbuf - self.rx.size)
                self.lost += len(data) - room
                data = data[:room]
            self.rx.append(data)
            if not model.pending():
                model.run(self.now)
        else:
            self._down = 0
