# qsearch.tasks - an asyncio program of two connections on qssl.aio, while trouble comes and goes.
# SPDX-License-Identifier: MIT
#
# On MicroPython only. One task publishes records, one gets pages, and a heartbeat shows that
# nothing holds up the event loop. Each repeats what failed, as docs/asyncio.md has it.

from loop import asyncio, run  # isort: skip  before qssl: it brings the virtual time

from qsearch.player import Player, Violation
from qsearch.programs import (
    _LIMIT_MS,
    _PAUSE_MS,
    _RECORDS,
    _TROUBLE_MS,
    Broker,
    Web,
    judge,
    page,
    record,
    strike,
)
from qssl import aio, clock

_BEAT_MS = 50
_LATE_MS = 25  # a heartbeat that comes later was held up
_CALL_MS = 60000  # for an exchange


class Tasks(Player):
    def __init__(self, plan):
        Player.__init__(self, plan)
        self.broker = self.rig.net.add("broker.example", Broker())
        self.rig.net.add("web.example", Web())
        self.trouble = None  # since when, if it is one that has to be ended
        self.late = 0  # ms
        self.left = 2  # tasks that are not done

    def run(self):
        run(self.main, timeout_s=2 * _LIMIT_MS // 1000, rig=self.rig)
        judge(self.broker.records)
        if self.late > _LATE_MS:
            raise Violation("G1: the event loop was held up for %d ms" % self.late)
        self.comes_back()
        if self.ran is not None:
            raise Violation("G2: payload was run as a command: %r" % self.ran)

    async def main(self):
        self.starting = asyncio.Lock()
        pulse = asyncio.create_task(self.heartbeat())
        await asyncio.gather(
            self.repeat("broker.example", self.publish), self.repeat("web.example", self.get)
        )
        pulse.cancel()

    async def heartbeat(self):
        while True:
            due = self.rig.now + _BEAT_MS
            await asyncio.sleep_ms(_BEAT_MS)
            self.late = max(self.late, self.rig.now - due)

    async def bring_up(self):  # start() is what checks, when the tasks are done
        async with self.starting:
            if not self.modem.up:
                await aio.start(self.modem, "internet", timeout_ms=_CALL_MS)
                await aio.drive(self.modem, clock.putting(self.modem, (2026, 11, 22, 10, 0, 0)))

    async def repeat(self, host, exchange):
        stream = None
        for n in range(_RECORDS):
            strike(self, n, exchange == self.publish)
            end = self.rig.now + _LIMIT_MS
            while True:
                self.calls += 1
                try:
                    if not self.modem.up:
                        await self.bring_up()
                    fresh = stream is None
                    if fresh:
                        stream, _ = await aio.open_connection(self.modem, host, 443, self.context)
                    keep = await asyncio.wait_for_ms(exchange(stream, n, fresh), _CALL_MS)
                    if not keep:
                        stream.close()
                        stream = None
                    break
                except (OSError, EOFError, asyncio.TimeoutError) as e:
                    self.errors += 1
                    if self.rig.now > end:
                        raise Violation("G4: a task of a program never comes back: %r" % e)
                    if stream is not None:
                        stream.close()
                        stream = None
                await asyncio.sleep_ms(_PAUSE_MS)
                if self.trouble is not None and self.rig.now - self.trouble > _TROUBLE_MS:
                    self.trouble = None
                    self.rig.model.command("power on")
                    self.rig.model.command("coverage on")

    async def publish(self, stream, n, fresh):
        # The connection stays: True.
        if fresh:
            stream.write(b"\x10\x0e\0\4MQTT\4\2\0\x3c")
            stream.write(b"\0\2id")
            await stream.drain()
            if await stream.readexactly(4) != b"\x20\2\0\0":
                raise OSError(1)
        data = record(n)
        size = 2 + 1 + 2 + len(data)
        stream.write(bytes([0x32, size & 127 | 128, size >> 7]))
        stream.write(b"\0\1t" + bytes([0, n + 1]))
        stream.write(data)
        await stream.drain()
        if await stream.readexactly(4) != bytes([0x40, 2, 0, n + 1]):
            raise OSError(1)
        return True

    async def get(self, stream, n, fresh):
        stream.write("GET /%d HTTP/1.0\r\nHost: web.example\r\n\r\n" % n)
        await stream.drain()
        if await stream.readline() != b"HTTP/1.0 200 OK\r\n":
            raise OSError(1)
        size = int((await stream.readline()).split()[1])
        await stream.readline()
        data = await stream.readexactly(size)
        if data != page(n):
            raise Violation("G2: another page than the server sent")
        return False
