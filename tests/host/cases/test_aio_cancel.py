# test_aio_cancel - coroutines that are cancelled, at any await: nothing is lost, all is in order.
# SPDX-License-Identifier: MIT

import os

from loop import asyncio, run  # isort: skip  before qssl: it brings the virtual time
from aio_kit import PATTERN, SLOW, Hold, connected, made, raised, started, works
from driver_kit import CA, HOST, pattern
from qssl import aio
from ugsim.fakenet import (
    FakeNet,
    SinkPeer,
)

ONLY = "micropython"
WHY = "qssl.aio builds on the insides of MicroPython's asyncio"


async def cancelled_after(coroutine, passes):
    # Cancels it after so many passes of the loop. True if it had ended before.
    task = asyncio.create_task(coroutine)
    for _ in range(passes):
        await asyncio.sleep_ms(0)
        if task.done():
            break
    ended = not task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        assert not ended
    return ended


def test_cancelled_read_loses_nothing():
    async def main():
        peer = Hold()
        rig, modem, ctx, r, w = await connected(FakeNet(peer))
        buf = bytearray(50)
        stream = b""
        expected = b""
        n = 0
        for passes in range(0, 60, 3):
            for op in range(5):
                piece = b"%d:%d;" % (passes, op) * 3
                peer.conn.push(piece)
                expected += piece
                task = asyncio.create_task(
                    r.readexactly(len(piece) + 5)
                    if op == 0
                    else r.readline()
                    if op == 1
                    else r.readinto(buf)
                    if op == 2
                    else r.read(7)
                    if op == 3
                    else r.read()
                )
                for _ in range(passes):
                    await asyncio.sleep_ms(0)
                task.cancel()
                try:
                    data = await task
                    stream += bytes(buf[:data]) if op == 2 else data
                    n += 1
                except asyncio.CancelledError:
                    pass
        stream += await r.readexactly(len(expected) - len(stream))
        assert stream == expected
        assert n > 10, n

    run(main)


def test_cancelled_writes_send_each_byte_once():
    async def main():
        peer = SinkPeer()
        rig, modem, ctx, r, w = await connected(FakeNet(peer))
        expected = b""
        for passes in range(0, 40):
            piece = b"%d," % passes * 1000
            expected += piece
            w.write(piece)
            await cancelled_after(w.flush() if passes & 1 else w.drain(), passes)
        await w.flush()
        assert bytes(peer.received) == expected, (len(peer.received), len(expected))

    run(main)


def test_cancel_connect_at_every_await():
    async def main():
        rig, modem, ctx = await started(FakeNet(latency_ms=2), switches=SLOW)
        passes = 0
        while True:
            modem.epoch += 1  # the context is set up each time: files, settings, handshake
            if await cancelled_after(aio.open_connection(modem, HOST, 1, ctx), passes):
                break
            if passes % 20 == 0:
                await works(modem, ctx)
            passes += 1
        assert passes > 100, passes  # it was cancelled in the middle of each command, too

    run(main)


def test_cancel_start_at_many_places():
    async def main():
        rig, modem, ctx = made(switches=SLOW)
        ms = 0
        while True:
            task = asyncio.create_task(aio.start(modem, apn="internet"))
            await asyncio.sleep_ms(ms)
            ended = not task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            if ended:
                break
            assert not modem.up
            ms += 7
        assert ms > 200, ms
        await works(modem, ctx)

    run(main)


def failures():
    # The list of what reaches the loop's exception handler from now on.
    seen = []
    asyncio.get_event_loop().set_exception_handler(lambda loop, c: seen.append(c))
    return seen


def test_closing_sends_what_was_written():
    # close() alone, with wait_closed(), twice: all of it arrives, as with asyncio's own streams.
    async def main():
        data = pattern(5000)
        for waits, closes in ((False, 1), (True, 1), (True, 2), (True, 0)):
            peer = SinkPeer()
            rig, modem, ctx, r, w = await connected(FakeNet(peer), baud=115200)
            seen = failures()
            w.write(data)
            for _ in range(closes):
                w.close()
            if waits:
                await w.wait_closed()
            else:
                await asyncio.sleep_ms(3000)
            assert peer.received == data and not seen, (waits, closes, len(peer.received), seen)
            assert modem.sockets[0] is None
            await works(modem, ctx)

    run(main)


def test_what_fails_behind_close_is_told_by_wait_closed():
    # And by nobody else: an exception handler that ends the program is not called.
    async def main():
        for waits in (False, True):
            peer = Hold()
            rig, modem, ctx, r, w = await connected(FakeNet(peer))
            seen = failures()
            w.write(pattern(5000))
            peer.conn.peer_close()
            w.close()
            if waits:
                assert "closed" in str(await raised(w.wait_closed()))
            await asyncio.sleep_ms(3000)
            assert not seen, seen
            assert modem.sockets[0] is None
            await works(modem, ctx)

    run(main)


def test_cancel_wait_closed():
    async def main():
        rig, modem, ctx = await started(switches=SLOW)
        for passes in range(0, 40):
            r, w = await aio.open_connection(modem, HOST, 1, ctx)
            w.write(bytes(3000))
            await cancelled_after(w.wait_closed(), passes)
            await w.wait_closed()
        assert modem.sockets == [None, None]

    run(main)


def test_cancel_while_another_task_transfers():
    # One connection's data flows while the other one's operations are cancelled at each place.
    async def main():
        rig, modem, ctx, r, w = await connected()

        async def flow():
            for i in range(150):
                w.write(PATTERN * 4)
                await w.drain()
                assert await r.readexactly(1024) == PATTERN * 4, i
            return True

        task = asyncio.create_task(flow())
        passes = 0
        while not task.done():
            if await cancelled_after(aio.open_connection(modem, HOST, 2, ctx), passes % 60):
                for sock in modem.sockets:
                    if sock is not None and sock is not r.sock:
                        sock.close()
            passes += 1
        assert await task

    run(main)


def test_cancel_in_the_middle_of_an_upload():
    # From a file, which is closed then. What the modem still waits for must not hang anything.
    async def main():
        rig, modem, ctx = made(baud=115200)
        path = "/tmp/qssl-test-%d.pem" % id(rig)
        with open(path, "wb") as f:  # noqa: ASYNC230
            f.write(CA * 20)
        try:
            ctx = modem.tls(0, ca=path, check_time=False)
            await aio.start(modem, apn="internet")
            for ms in (60, 100, 140):
                task = asyncio.create_task(aio.open_connection(modem, HOST, 1, ctx))
                await asyncio.sleep_ms(ms)
                assert task.cancel(), await task
                try:
                    await task
                except asyncio.CancelledError:
                    pass
            assert not rig.net.conns
            await works(modem, ctx)
            assert modem.stats.timeouts >= 1  # it was in the middle
        finally:
            os.remove(path)

    run(main)


def test_wait_for_and_go_on():
    async def main():
        peer = Hold()
        rig, modem, ctx, r, w = await connected(FakeNet(peer))
        for _i in range(20):
            try:
                await asyncio.wait_for_ms(r.readline(), 5)
                raise AssertionError
            except asyncio.TimeoutError:
                pass
            peer.conn.push(b"part,")
        peer.conn.push(b"\n")
        assert await r.readline() == b"part," * 20 + b"\n"

    run(main)
