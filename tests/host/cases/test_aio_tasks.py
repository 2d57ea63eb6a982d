# test_aio_tasks - tasks beside each other: deadlines, events, an uplink, a loop that goes on.
# SPDX-License-Identifier: MIT

from loop import asyncio, each_pass, run  # isort: skip  before qssl: it brings the virtual time
import errno

from driver_kit import HOST, Log, arm, bare, tls
from mode_kit import Pin
from qssl import aio, power, uplink
from qssl.errors import Error
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.start import network as query
from qssl.uplink import Uplink
from qssl.uplink.policy import Policy
from receivers import HttpServer
from ugsim.fakenet import EchoPeer, FakeNet, Peer, SourcePeer

ONLY = "micropython"
WHY = "qssl.aio builds on the insides of MicroPython's asyncio"
INSIDE = (
    "test_the_deadline_of_one_task_is_not_that_of_another",
    "test_off_sleep_and_wake_beside_other_tasks",
    "test_an_uplink_with_a_policy_as_a_task",
)

PATTERN = bytes(range(256))
uplink.urandom = lambda n: b"\x80" * n  # no jitter


async def started(net=None, **options):
    rig, modem = bare(net or FakeNet(EchoPeer()), **options)
    await aio.start(modem, apn="internet")
    return rig, modem, tls(modem)


async def raised(awaitable):
    try:
        value = await awaitable
    except Error as e:
        return e
    raise AssertionError("no error, but %r" % (value,))


# --- deadlines -----------------------------------------------------------------------------------


def test_the_deadline_of_one_task_is_not_that_of_another():
    # A modem that takes 3 s to answer; two tasks that wait, one of them 1 s at most.
    async def main():
        rig, modem, ctx = await started()
        at = modem.at
        arm(rig, "delay by=3000 n=1")

        async def first():
            return await aio.drive(modem, at.want(b"AT+CSQ", "a", "b", b"+CSQ:"), 20000)

        async def several():
            # Needs several commands, with more than one deadline's time between them.
            found = []
            for _ in range(3):
                found.append(await aio.drive(modem, at.want(b"AT+CREG?", "a", "b", b""), 20000))
            return found

        tasks = [asyncio.create_task(t()) for t in (first, several)]
        await asyncio.sleep_ms(20)
        start = rig.now
        e = await raised(aio.drive(modem, at.want(b"AT+CGREG?", "a", "b", b""), 1000))
        assert e.errno == errno.ETIMEDOUT and 1000 <= rig.now - start <= 1060, rig.now - start
        assert len(await tasks[0]) == 1 and rig.now - start >= 2900
        assert len(await tasks[1]) == 3
        assert modem.stats.timeouts == 0 and at.until is None

    run(main)


def test_connections_that_time_out_beside_those_that_do_not():
    async def main():
        net = FakeNet(EchoPeer(), latency_ms=2000)
        rig, modem, ctx = await started(net, sockets=3)
        results = []

        async def connect(limit_ms):
            try:
                r, w = await aio.open_connection(modem, HOST, 1, ctx, limit_ms)
                w.write(b"%d" % limit_ms)
                await w.drain()
                results.append((limit_ms, len(await r.readexactly(4))))
            except OSError as e:
                results.append((limit_ms, e.errno))

        await asyncio.gather(connect(9000), connect(1000), connect(8000))
        assert sorted(results) == [(1000, errno.ETIMEDOUT), (8000, 4), (9000, 4)], results
        assert modem.at.until is None

    run(main)


# --- events --------------------------------------------------------------------------------------


def test_connections_of_one_context_of_which_one_is_cancelled_as_it_opens():
    # What one finds of the settings is in doubt by that, while the other is still opening.
    async def main(at):
        net = FakeNet(EchoPeer(), latency_ms=400)
        rig, modem, ctx = await started(net, sockets=3)
        arm(rig, "gap cmd=+QSSLCFG by=40 n=0")

        async def connect():
            reader, writer = await aio.open_connection(modem, HOST, 1, ctx)
            writer.write(b"abc")
            assert await reader.readexactly(3) == b"abc"
            writer.close()
            await writer.wait_closed()

        await connect()
        tasks = [asyncio.create_task(connect()) for _ in range(3)]
        await asyncio.sleep_ms(at)
        tasks[1].cancel()
        await tasks[0]
        await tasks[2]

    for at in range(100, 800, 30):
        run(main, at)


def test_events_are_told_while_tasks_wait():
    # None of these tasks ever calls the driver: the loop tells them.
    async def main():
        class Hold(Peer):
            def on_open(self, conn):
                self.conn = conn

        peer = Hold()
        rig, modem, ctx = await started(FakeNet(peer))
        told = []
        modem.on_event = lambda kind, id, value: told.append((kind, id, value))
        r, w = await aio.open_connection(modem, HOST, 1, ctx)
        peer.conn.push(b"x")
        await asyncio.sleep_ms(100)
        peer.conn.peer_close()
        await asyncio.sleep_ms(100)
        rig.model.command("pdp drop 1")
        await asyncio.sleep_ms(100)
        rig.model.command("restart")
        await asyncio.sleep_ms(5000)
        assert told == [
            ("open", 0, 0),
            ("recv", 0, -1),
            ("closed", 0, -1),
            ("pdpdeact", 1, -1),
            ("restart", -1, -1),
        ], told

    run(main)


# --- the loop is never held up -------------------------------------------------------------------


def test_each_pass_of_the_loop_moves_one_chunk():
    # Nowhere in starting, connecting, reading and writing does a task take more than one chunk
    # from the UART, or wait: loop.py fails what sleeps.
    async def main():
        net = FakeNet(SourcePeer(20000, PATTERN, True))
        rig, modem = bare(net, switches={"reply_ms": 1})
        reads = [0, 0]
        readinto = rig.uart.readinto

        def counted(buf, n=None):
            reads[0] += 1
            return readinto(buf, n)

        def look():
            reads[1] = max(reads)
            reads[0] = 0

        rig.uart.readinto = counted
        each_pass(look)
        await aio.start(modem, apn="internet")
        ctx = tls(modem)
        r, w = await aio.open_connection(modem, HOST, 1, ctx)
        w.write(bytes(3000))
        await w.drain()
        got = n = 0
        buf = bytearray(5000)
        while True:
            n = await r.readinto(buf)
            if not n:
                break
            got += n
        assert got == 20000
        w.close()
        await w.wait_closed()
        # One by the poll, one by the driver's beat if it is due, and one each before and after a
        # task has taken what was there.
        assert 1 <= reads[1] <= 4, reads

    run(main)


# --- power ---------------------------------------------------------------------------------------


def test_off_sleep_and_wake_beside_other_tasks():
    async def main():
        rig, modem, _ = await started()
        modem.pins = (Pin(rig, "pwrkey"), None, Pin(rig, "dtr"), None, None, None)
        beats = [0, 0]  # how many, and the longest time between two

        async def beat():
            last = rig.now
            while True:
                await asyncio.sleep_ms(50)
                beats[0] += 1
                beats[1] = max(beats[1], rig.now - last)
                last = rig.now

        task = asyncio.create_task(beat())
        await aio.drive(modem, power.sleep_steps(modem))
        await asyncio.sleep_ms(20000)
        assert rig.model.port.asleep()
        await aio.drive(modem, power.wake_steps(modem))
        assert not rig.model.port.asleep()
        assert await aio.drive(modem, query.registration(modem))
        await aio.drive(modem, power.off_steps(modem))
        assert rig.model.power.state == "off"
        await aio.start(modem, apn="internet")
        assert modem.up and beats[0] > 400 and beats[1] <= 100
        task.cancel()

    run(main)


def test_an_uplink_with_a_policy_as_a_task():
    async def main(between):
        server = HttpServer()
        rig, modem, ctx = await started(FakeNet(server))
        modem.pins = (Pin(rig, "pwrkey"), None, Pin(rig, "dtr"), None, None, None)
        up = Uplink(
            modem,
            HOST,
            443,
            ctx,
            Https(HOST),
            RamQueue(),
            Recovery(modem, apn="internet"),
        )
        policy = Policy(up, every_s=120, spread_s=0, between=between)
        task = asyncio.create_task(up.task())
        off = 0
        for n in range(40):
            policy.put(b'{"n":%d}' % n)
            await asyncio.sleep(10)
            off += rig.model.power.state == "off" or rig.model.port.asleep()
        assert policy.windows == 3 and off >= 25, (policy.windows, off)
        await asyncio.sleep(200)
        assert [r["n"] for r in server.ledger.values()] == list(range(40))
        assert policy.error is None and server.ledger.repeats == 0
        task.cancel()

    for between in ("off", "sleep"):
        run(main, between, timeout_s=1000)


# --- an uplink beside other tasks ----------------------------------------------------------------


def made(modem, ctx, **options):
    return Uplink(
        modem, "uplink.example", 443, ctx, Https("uplink.example"), RamQueue(), **options
    )


def numbers(server):
    return [record["n"] for record in server.ledger.values()]


async def echoes(modem, ctx, count):
    # The second task: a connection of its own.
    r, w = await aio.open_connection(modem, HOST, 1, ctx)
    for i in range(count):
        w.write(PATTERN * (1 + i % 5))
        await w.drain()
        assert await r.readexactly(256 * (1 + i % 5)) == PATTERN * (1 + i % 5), i
    w.close()
    await w.wait_closed()
    return count


async def until(condition, limit_s=60):
    for _ in range(limit_s * 100):
        if condition():
            return
        await asyncio.sleep_ms(10)
    raise AssertionError("not within %d s" % limit_s)


def test_uplink_beside_a_task_with_its_own_socket():
    async def main():
        server = HttpServer()
        net = FakeNet(EchoPeer(), latency_ms=100)
        net.add("uplink.example", server)
        rig, modem, ctx = await started(net, sockets=3, switches={"reply_ms": 2})
        link = made(modem, ctx)
        task = asyncio.create_task(link.task())
        echo = asyncio.create_task(echoes(modem, ctx, 60))
        for n in range(40):
            link.put(b'{"n":%d}' % n)
            await asyncio.sleep_ms(n)
        await until(lambda: not len(link.queue))
        assert await echo == 60
        assert numbers(server) == list(range(40)) and link.repeats == 0
        assert link.failures == 0 and link.error is None, link.error
        assert not task.done()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        await until(lambda: modem.sockets == [None] * 3)

    run(main)


def test_uplink_starts_the_modem_and_others_wait_for_it():
    # Recovery brings the modem up, again after a restart; the second task connects when it is up.
    async def main():
        server = HttpServer()
        net = FakeNet(EchoPeer())
        net.add("uplink.example", server)
        rig, modem = bare(net, sockets=3, switches={"reply_ms": 2})
        ctx = tls(modem)
        link = made(modem, ctx, recover=Recovery(modem, apn="internet"))
        task = asyncio.create_task(link.task())
        done = 0

        async def second():
            nonlocal done
            while True:
                await until(lambda: modem.up)
                try:
                    done += await echoes(modem, ctx, 5)
                except (OSError, EOFError):
                    await asyncio.sleep_ms(500)

        def settled():
            return not len(link.queue) and done >= 20

        other = asyncio.create_task(second())
        for round in range(3):
            for n in range(10):
                link.put(b'{"n":%d}' % (round * 10 + n))
            done = 0
            await until(settled, 200)
            rig.model.command("restart")
            await asyncio.sleep_ms(50)
        assert numbers(server) == list(range(30))
        assert not task.done() and not other.done()
        task.cancel()
        other.cancel()

    run(main)


def test_uplink_that_is_cancelled_at_any_time_goes_on_where_it_was():
    async def main():
        server = HttpServer()
        net = FakeNet(EchoPeer(), latency_ms=5)
        net.add("uplink.example", server)
        rig, modem, ctx = await started(net, sockets=2, switches={"reply_ms": 2})
        log = Log(rig)
        link = made(modem, ctx)
        await aio.drive(modem, ctx.applying())
        n = 0
        for ms in range(0, 60, 2):
            link.put(b'{"n":%d}' % n)
            n += 1
            task = asyncio.create_task(link.task())
            await asyncio.sleep_ms(ms)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            assert modem.at.until is None
        task = asyncio.create_task(link.task())
        await until(lambda: not len(link.queue))
        assert numbers(server) == list(range(n))
        assert await aio.drive(modem, query.registration(modem))
        assert modem.stats.late == 0, modem.stats.late
        assert log.count("AT+QSSLOPEN") > 10
        task.cancel()

    run(main)


def test_uplink_and_the_limit_for_a_batch():
    # The server is silent for good: that ends a batch by its time-out, and nothing else.
    async def main():
        server = HttpServer(lambda queue, first, records, conn: "silence")
        net = FakeNet(EchoPeer())
        net.add("uplink.example", server)
        rig, modem, ctx = await started(net, sockets=2)
        link = made(modem, ctx, timeout_s=5)
        link.put(b'{"n":0}')
        task = asyncio.create_task(link.task())
        start = rig.now
        echo = asyncio.create_task(echoes(modem, ctx, 200))
        await until(lambda: link.failures)
        assert 5000 <= rig.now - start <= 5500 and link.error.errno == errno.ETIMEDOUT
        assert await echo == 200
        task.cancel()

    run(main)
