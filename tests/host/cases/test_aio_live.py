# test_aio_live - qssl.aio on the asyncio that is built in, which is C for the most part.
# SPDX-License-Identifier: MIT
#
# Everything that takes time is in test_aio.py, on a virtual clock.

import asyncio
import gc

from driver_canned import Silent
from live import live
from qssl import aio
from ugsim.fakenet import EchoPeer, FakeNet, Peer

ONLY = "micropython"
WHY = "qssl.aio builds on the insides of MicroPython's asyncio"
INSIDE = (
    "test_a_life",
    "test_idle_waiting_makes_no_garbage",
)

HOST = "server.example"


def run(main, *args):
    asyncio.new_event_loop()
    return asyncio.run(asyncio.wait_for(main(*args), 60))


def test_a_life():
    # start, connect, two tasks on one socket, a cancelled read, a time-out, a second loop.
    rig, modem, ctx = live(FakeNet(EchoPeer()))

    async def first():
        await aio.start(modem, apn="internet")
        r, w = await aio.open_connection(modem, HOST, 8883, ctx)

        async def send():
            for i in range(20):
                w.write(b"line %d\n" % i)
                await w.drain()

        task = asyncio.create_task(send())
        for i in range(20):
            assert await r.readline() == b"line %d\n" % i
        await task
        reading = asyncio.create_task(r.readexactly(8))
        w.write(b"half")
        await w.drain()
        while not len(r._part) and not r.sock._ready:
            await asyncio.sleep_ms(1)
        reading.cancel()
        try:
            await reading
            raise AssertionError
        except asyncio.CancelledError:
            pass
        try:
            await asyncio.wait_for_ms(r.readexactly(8), 20)
            raise AssertionError
        except asyncio.TimeoutError:
            pass
        w.write(b"gone")
        await w.drain()
        assert await r.readexactly(8) == b"halfgone"
        return r, w

    r, w = run(first)

    async def second():
        w.write(b"again")
        await w.drain()
        assert await r.readexactly(5) == b"again"
        w.close()
        await w.wait_closed()
        assert modem.sockets == [None, None]

    run(second)


def test_idle_waiting_makes_no_garbage():
    async def main():
        rig, modem, ctx = live(FakeNet(Peer()))
        await aio.start(modem, apn="internet")
        r, w = await aio.open_connection(modem, HOST, 8883, ctx)
        while modem.link.job is not None:  # the first look for data
            await r.turn
        modem.link.uart = Silent()

        async def line():
            return await r.readline()

        task = asyncio.create_task(line())
        await asyncio.sleep_ms(100)  # everything was done once
        turn = r.turn
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        for _ in range(8):  # of these, some end by the hub's own beat
            await turn
        after = gc.mem_alloc()
        gc.enable()
        task.cancel()
        assert after == before, after - before

    run(main)
