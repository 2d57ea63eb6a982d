# test_aio - coroutines and streams: several tasks, time-outs, guards, garbage.
# SPDX-License-Identifier: MIT

import errno

from loop import asyncio, run  # isort: skip  before qssl: it brings the virtual time
from aio_kit import PATTERN, Hold, connected, made, raised, started, works
from driver_canned import Silent
from driver_kit import HOST
from qssl import aio
from ugsim.fakenet import (
    ClosingPeer,
    FakeNet,
    Peer,
    RefusingPeer,
    SinkPeer,
    SourcePeer,
    StallingPeer,
)

ONLY = "micropython"
WHY = "qssl.aio builds on the insides of MicroPython's asyncio"

# --- the plain way -------------------------------------------------------------------------------


def test_start_connect_echo():
    async def main():
        rig, modem, ctx, r, w = await connected()
        assert modem.up
        w.write(b"hello\nworld\n")
        w.write("str too")
        await w.drain()
        assert await r.readline() == b"hello\n"
        assert await r.readexactly(3) == b"wor"
        assert await r.read(3) == b"ld\n"
        buf = bytearray(100)
        at = 0
        while at < 7:
            n = await r.readinto(buf)
            at += n
        assert buf[:n].endswith(b"too")
        assert await r.read(0) == b"" and await r.readexactly(0) == b""
        w.close()
        await w.wait_closed()
        assert modem.sockets == [None, None]

    run(main)


def test_small_writes_are_one_send():
    async def main():
        rig, modem, ctx, r, w = await connected()
        for i in range(20):
            w.write(b"piece %d," % i)
        await w.drain()
        await r.read(10)
        assert rig.log.count("AT+QSSLSEND=") == 1
        # What is not drained goes out by itself, soon.
        for _ in range(5):
            w.write(b"more")
        await asyncio.sleep_ms(300)
        assert rig.log.count("AT+QSSLSEND=") == 2

    run(main)


def test_who_drains_each_time_is_not_slowed_down():
    # While one exchange is running, what is written meanwhile is merged.
    async def main():
        rig, modem, ctx, r, w = await connected(FakeNet(SinkPeer()), baud=115200)
        for _i in range(20):
            w.write(b"x" * 10)
            await w.drain()
        await w.flush()
        sends = rig.log.count("AT+QSSLSEND=")
        assert 1 <= sends <= 10, sends

    run(main)


def test_several_tasks_on_several_sockets():
    async def main():
        rig, modem, ctx = await started(sockets=4)

        async def echo(k):
            r, w = await aio.open_connection(modem, HOST, 1000 + k, ctx)
            sent = got = 0
            buf = bytearray(2000)
            data = bytes([(i * 7 + k) & 255 for i in range(256)]) * 8
            while got < 30000:
                if sent < 30000:
                    w.write(data[: 500 + 100 * k])
                    sent += 500 + 100 * k
                    await w.drain()
                n = await r.readinto(buf)
                for i in range(0, n, 97):
                    at = (got + i) % (500 + 100 * k)
                    assert buf[i] == data[at], (k, got, i)
                got += n
            w.close()
            await w.wait_closed()
            return got

        counts = await asyncio.gather(*[echo(k) for k in range(4)])
        assert min(counts) >= 30000
        assert modem.sockets == [None] * 4

    run(main)


def test_reader_and_writer_of_one_socket_are_two_tasks():
    async def main():
        rig, modem, ctx, r, w = await connected()

        async def send():
            for _i in range(100):
                w.write(PATTERN * 4)
                await w.drain()
            await w.flush()

        task = asyncio.create_task(send())
        for i in range(100):
            assert await r.readexactly(1024) == PATTERN * 4, i
        await task

    run(main)


def test_larger_than_the_buffers():
    async def main():
        rig, modem, ctx, r, w = await connected()
        data = bytearray(PATTERN * 80)
        w.write(data)
        data[:] = bytes(len(data))  # it was copied
        task = asyncio.create_task(r.readexactly(20480))
        await w.drain()
        assert await task == PATTERN * 80

    run(main)


def test_read_until_eof():
    async def main():
        rig, modem, ctx, r, w = await connected(FakeNet(SourcePeer(5000, PATTERN, True)))
        assert await r.read() == (PATTERN * 20)[:5000]
        assert await r.read() == b"" and await r.read(1) == b"" and await r.readline() == b""
        assert await r.readinto(bytearray(1)) == 0
        assert (await raised(w.awrite(b"x"))).errno == errno.ECONNRESET
        await works(modem, ctx)

    run(main)


def test_eof_within_readexactly_and_readline():
    async def main():
        rig, modem, ctx, r, w = await connected(FakeNet(ClosingPeer(0, b"line\nhalf a l")))
        assert await r.readline() == b"line\n"
        try:
            await r.readexactly(100)
            raise AssertionError
        except EOFError:
            pass
        assert await r.readline() == b"half a l"
        assert await r.readline() == b""

    run(main)


def test_an_event_loop_after_the_other():
    rig, modem, ctx = made()

    async def first():
        await aio.start(modem, apn="internet")
        return await aio.open_connection(modem, HOST, 1, ctx)

    r, w = run(first, rig=rig)

    async def second():
        w.write(b"again")
        await w.drain()
        assert await r.readexactly(5) == b"again"

    run(second, rig=rig)
    # and without a new loop
    asyncio.run(second())
    # and without any
    r.sock.setblocking(True)
    r.sock.write(b"blocking")
    assert r.sock.read(8) == b"blocking"


def test_two_connects_at_once_set_up_the_context_once():
    async def main():
        rig, modem, ctx = await started()
        pairs = await asyncio.gather(
            aio.open_connection(modem, HOST, 1, ctx), aio.open_connection(modem, HOST, 2, ctx)
        )
        assert len(pairs) == 2
        tasks = [asyncio.create_task(r.read(1)) for r, _ in pairs]  # those have their places
        e = await raised(aio.open_connection(modem, HOST, 3, ctx))
        assert e.errno == errno.ENOBUFS
        for task in tasks:
            task.cancel()

    run(main)


# --- what goes wrong -----------------------------------------------------------------------------


def test_refused_and_stalled_connections():
    async def main():
        net = FakeNet()
        net.add("refusing", RefusingPeer(566))
        net.add("stalling", StallingPeer())
        rig, modem, ctx = await started(net)
        e = await raised(aio.open_connection(modem, "refusing", 1, ctx))
        assert e.errno == errno.ECONNREFUSED and e.code == 566
        start = rig.now
        e = await raised(aio.open_connection(modem, "stalling", 1, ctx, 500))
        assert e.errno == errno.ETIMEDOUT, e
        assert 450 <= rig.now - start < 8000
        try:
            await asyncio.wait_for(aio.open_connection(modem, "stalling", 1, ctx), 0.5)
            raise AssertionError
        except asyncio.TimeoutError:
            pass
        await works(modem, ctx)
        await works(modem, ctx)

    run(main)


def test_connect_while_another_task_starts_the_modem():
    # It waits for that, but not longer than it was told.
    async def main():
        rig, modem, ctx = made()
        modem.link.uart = Silent()
        task = asyncio.create_task(raised(aio.start(modem, apn="internet", timeout_ms=6000)))
        await asyncio.sleep_ms(10)
        start = rig.now
        e = await raised(aio.open_connection(modem, HOST, 1, ctx, 300))
        assert e.errno == errno.ETIMEDOUT, e
        assert 250 <= rig.now - start <= 4000
        e = await raised(aio.open_connection(modem, HOST, 1, ctx, 20000))
        assert task.done()

    run(main)


def test_any_job_of_the_driver_as_a_task():
    async def main():
        from qssl import clock
        from qssl.start import network as query

        rig, modem, ctx = await started()
        assert await aio.drive(modem, query.signal(modem)) is not None
        await aio.drive(modem, clock.putting(modem, (2026, 1, 2, 3, 4, 5)))
        assert (await aio.drive(modem, clock.get(modem)))[:3] == (2026, 1, 2)
        rig.model.command("fault mute ms=500")
        e = await raised(aio.drive(modem, query.signal(modem), 200))
        assert e.errno == errno.ETIMEDOUT, e

    run(main)


def test_not_started():
    async def main():
        rig, modem, ctx = made()
        await aio.start(modem, apn="internet")
        modem.up = False
        assert (await raised(aio.open_connection(modem, HOST, 1, ctx))).errno == errno.ENOTCONN

    run(main)


def test_no_modem():
    async def main():
        rig, modem, ctx = made()
        rig.model.set_line("pwrkey", True)
        modem.link.uart = Silent()
        ticks = 0

        async def other():
            nonlocal ticks
            while True:
                await asyncio.sleep_ms(5)
                ticks += 1

        task = asyncio.create_task(other())
        start = rig.now
        e = await raised(aio.start(modem, apn="internet", timeout_ms=2000))
        assert e.errno == errno.ETIMEDOUT, e
        assert rig.now - start < 20000
        assert ticks > 100, ticks
        task.cancel()

    run(main)


def test_restart_wakes_who_waits():
    async def main():
        peer = Hold()
        rig, modem, ctx, r, w = await connected(FakeNet(peer))
        task = asyncio.create_task(raised(r.readline()))
        await asyncio.sleep_ms(50)
        rig.model.command("restart")
        e = await task
        assert e.errno == errno.ECONNRESET
        assert (await raised(w.awrite(b"x"))).errno == errno.ECONNRESET
        await aio.start(modem, apn="internet")
        await works(modem, ctx)

    run(main)


def test_uart_that_goes_away_ends_the_tasks_not_the_loop():
    async def main():
        rig, modem, ctx, r, w = await connected(FakeNet(Hold()))
        task = asyncio.create_task(raised(r.readline()))
        await asyncio.sleep_ms(50)

        class Gone:
            def any(self):
                raise OSError(errno.ENODEV)

            write = readinto = any

        seen = []
        asyncio.get_event_loop().set_exception_handler(lambda loop, c: seen.append(c))
        modem.link.uart = Gone()
        assert (await task).errno == errno.ENODEV
        await asyncio.sleep_ms(200)
        assert not seen

    run(main)


def test_a_callback_that_fails_is_reported():
    async def main():
        peer = Hold()
        rig, modem, ctx, r, w = await connected(FakeNet(peer))
        seen = []
        asyncio.get_event_loop().set_exception_handler(lambda loop, c: seen.append(c))

        def event(*args):
            raise ValueError(args)

        modem.on_event = event
        peer.conn.push(b"data\n")
        assert await r.readline() == b"data\n"
        await asyncio.sleep_ms(200)
        assert isinstance(seen[0]["exception"], ValueError)
        modem.on_event = None
        await works(modem, ctx)

    run(main)


# --- one reader, one writer ----------------------------------------------------------------------


def test_second_reader_gets_an_error_and_the_first_its_data():
    async def main():
        peer = Hold()
        rig, modem, ctx, r, w = await connected(FakeNet(peer))
        task = asyncio.create_task(r.readline())
        await asyncio.sleep_ms(20)
        for other in (
            r.read(1),
            r.read(),
            r.readinto(bytearray(4)),
            r.readexactly(2),
            r.readline(),
        ):
            assert (await raised(other)).errno == errno.EALREADY
        peer.conn.push(b"for the first\n")
        assert await task == b"for the first\n"
        peer.conn.push(b"x")
        assert await r.read(1) == b"x"

    run(main)


def test_second_writer_gets_an_error():
    async def main():
        class Stuck(Peer):
            def accepts(self, conn, size):
                return 0

        rig, modem, ctx, r, w = await connected(FakeNet(Stuck()))
        w.write(bytes(20000))
        task = asyncio.create_task(w.drain())
        await asyncio.sleep_ms(20)
        assert (await raised(w.drain())).errno == errno.EALREADY
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    run(main)


# --- the loop goes on ----------------------------------------------------------------------------


def test_a_pump_takes_one_chunk():
    async def main():
        source = SourcePeer(60000, PATTERN, True)
        rig, modem, ctx, r, w = await connected(FakeNet(source))
        link = modem.link
        uart = Counting(link.uart)
        worst = 0
        pump = link.pump

        def counted():
            nonlocal worst
            before = uart.reads
            pump()
            worst = max(worst, uart.reads - before)

        link.pump = counted
        link.uart = uart
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep_ms(0)

        task = asyncio.create_task(other())
        recv = r.sock.recv
        since = most = 0

        def counting(n):
            nonlocal since, most
            data = recv(n)
            since = since + 1 if turns == seen[0] else 1
            seen[0] = turns
            most = max(most, since)
            return data

        seen = [0]
        r.sock.recv = counting
        for _ in range(30000 // 30):
            assert len(await r.read(30)) == 30
        assert most <= 2, most  # data that is there already doesn't keep the others from it
        turns = 0
        got = n = 1
        buf = bytearray(700)
        while n:
            n = await r.readinto(buf)
            got += n
        task.cancel()
        assert got == 30001 and uart.reads > 100
        assert worst == 1, worst
        assert turns >= 30000 // 700, turns

    run(main)


class Counting:
    def __init__(self, uart):
        self.any = uart.any
        self.write = uart.write
        self._readinto = uart.readinto
        self.reads = 0

    def readinto(self, buf, n=None):
        self.reads += 1
        return self._readinto(buf, n)


def test_cancelled_commands_are_not_sent():
    async def main():
        from qssl.start import network as query

        rig, modem, ctx = await started()
        seen = []
        rig.model.on_event = lambda kind, text: seen.append(text) if kind == "at" else None
        running = asyncio.create_task(aio.drive(modem, modem.at.ask(b"AT+COPS=?", None, 20000)))
        queued = asyncio.create_task(aio.drive(modem, modem.at.ask(b"AT+CSQ")))
        await asyncio.sleep_ms(20)
        for task in (queued, running):
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
        assert await aio.drive(modem, query.registration(modem), 30000)
        assert seen[0] == "AT+COPS=?" and "AT+CSQ" not in seen, seen
        assert modem.stats.late == 0 and modem.stats.timeouts == 0

    run(main)
