# test_aio_places - asyncio programs whose tasks are cancelled, fail, or drop their connections.
# SPDX-License-Identifier: MIT
#
# Each case runs with the streams of qssl.aio and with those of asyncio over qssl.compat, which
# aiohttp and others use. The loop is strict: whatever waits for the modem, holds up nobody.

import errno
import sys

from loop import asyncio, run  # isort: skip  before qssl: it brings the virtual time
from driver_kit import CA, bare, pattern
from qssl import aio, compat
from ugsim.fakenet import EchoPeer, FakeNet, Peer, RefusingPeer, StallingPeer

ONLY = "micropython"
WHY = "qssl.aio builds on the insides of MicroPython's asyncio"

HOST = "server.example"


class Silent(Peer):
    # Takes everything and says nothing.
    pass


class Deaf(Peer):
    def accepts(self, conn, size):
        return 0


class Program:
    # A modem, and connections of one of the two sorts.
    def __init__(self, sort, sockets=2, start=None, **switches):
        self.sort = sort
        self.net = FakeNet(EchoPeer())
        self.rig, self.modem = bare(self.net, sockets=sockets, switches=switches)
        self.ctx = self.modem.tls(0, ca=CA, check_time=False)
        self.shim = compat.socket_for(self.modem, self.ctx, start)

    async def open(self, peer=None, host=HOST):
        if peer is not None:
            host = "%d.example" % id(peer)
            self.net.add(host, peer)
        if self.sort == "aio":
            return await aio.open_connection(self.modem, host, 443, self.ctx)
        before = sys.modules.get("socket"), sys.modules.get("ssl")
        sys.modules["socket"] = sys.modules["ssl"] = self.shim
        try:
            steps = asyncio.open_connection(host, 443, ssl=True)
            return await steps
        finally:
            for name, module in zip(("socket", "ssl"), before):
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module

    async def request(self, peer=None, body=b"ping"):
        # As many clients: nothing is closed if it does not get to its end.
        r, w = await self.open(peer)
        w.write(body)
        await w.drain()
        answer = await r.readexactly(len(body))
        assert answer == body
        w.close()
        await w.wait_closed()

    async def works(self):
        for _ in range(3):
            await asyncio.wait_for(self.request(), 60)


def both(main, sockets=2, timeout_s=600, **switches):
    for sort in ("aio", "compat"):

        async def started(sort=sort):
            program = Program(sort, sockets, **switches)
            await aio.start(program.modem, apn="internet")
            await main(program)

        run(started, timeout_s=timeout_s)


async def fails(awaitable, kind):
    try:
        await awaitable
    except kind as e:
        return e
    raise AssertionError("it did not fail")


# --- requests that time out ----------------------------------------------------------------------


def test_requests_that_time_out_cost_no_place():
    # In the connect, in the write, in the read.
    async def main(program):
        for peer in (StallingPeer, Deaf, Silent):
            for seconds in (0.01, 0.6):
                for _ in range(3):
                    slow = program.request(peer(), bytes(4000))
                    await fails(asyncio.wait_for(slow, seconds), asyncio.TimeoutError)
                await program.works()

    both(main, timeout_s=2000)


def test_requests_that_are_cancelled_together():
    async def main(program):
        for peer in (StallingPeer, Deaf, Silent):
            both = asyncio.gather(program.request(peer()), program.request(peer()))
            await fails(asyncio.wait_for(both, 3), asyncio.TimeoutError)
            await program.works()

    both(main)


def test_a_request_that_is_cancelled_at_every_await():
    async def main(program):
        cancelled = 0
        for ms in range(0, 400, 13):
            task = asyncio.create_task(program.request())
            await asyncio.sleep_ms(ms)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                cancelled += 1
        assert cancelled > 1  # a request takes some of these moments
        assert program.modem.up and not program.modem.stats.timeouts
        await program.works()
        await asyncio.gather(program.request(), program.request())  # both places
        assert len(program.net.conns) >= cancelled

    both(main, timeout_s=2000)


def test_requests_that_fail_in_the_middle():
    # The program's own mistake, after an answer: no call was in vain.
    async def main(program):
        for _ in range(5):

            async def faulty():
                r, w = await program.open()
                w.write(b"ping")
                await w.drain()
                assert await r.readexactly(4) == b"ping"
                raise ValueError

            await fails(faulty(), ValueError)
        begun = program.rig.now
        await program.request()
        assert program.rig.now - begun < 12000
        await asyncio.sleep(11)
        begun = program.rig.now
        await program.works()
        assert program.rig.now - begun < 3000

    both(main)


def test_refused_connections_cost_no_place():
    async def main(program):
        for _ in range(5):
            e = await fails(program.request(RefusingPeer(566)), OSError)
            assert e.errno == errno.ECONNREFUSED and "566" in str(e), e
        await program.works()

    both(main)


def test_one_socket_for_all():
    async def main(program):
        for _ in range(3):
            await fails(asyncio.wait_for(program.request(Silent()), 2), asyncio.TimeoutError)
            await program.request()
        # Who comes while it is in use is told.
        busy = asyncio.create_task(program.request(Silent()))
        await asyncio.sleep(1)
        e = await fails(program.request(), OSError)
        assert e.errno == errno.ENOBUFS
        busy.cancel()
        await program.works()

    both(main, sockets=1)


# --- whose place is taken ------------------------------------------------------------------------


def test_those_that_are_waited_on_stay():
    async def main(program):
        got = []

        async def reader(n):
            r, w = await program.open()
            await asyncio.sleep(n / 10)
            w.write(b"late")
            await w.drain()
            got.append(await r.readexactly(8))

        class Slow(Peer):
            def on_data(self, conn, data):
                self.conn = conn

        slow = Slow()
        program.net.add(HOST, slow)
        conns = []
        tasks = []
        for n in range(2):
            tasks.append(asyncio.create_task(reader(n)))
            while len(program.net.conns) <= n or not getattr(slow, "conn", None):
                await asyncio.sleep_ms(50)
            conns.append(slow.conn)
            slow.conn = None
        await asyncio.sleep(12)
        for _ in range(2):
            begun = program.rig.now
            e = await fails(program.request(EchoPeer()), OSError)
            assert e.errno == errno.ENOBUFS and program.rig.now - begun < 2000, e
        for conn in conns:
            conn.push(b"answered")
        await asyncio.gather(*tasks)
        assert got == [b"answered"] * 2

    both(main)


def test_those_that_are_used_now_and_then_stay():
    async def main(program):
        async def user(seconds):
            r, w = await program.open()
            for _ in range(8):
                w.write(b"tick")
                await w.drain()
                assert await r.readexactly(4) == b"tick"
                await asyncio.sleep(seconds)
            w.close()
            await w.wait_closed()

        tasks = [asyncio.create_task(user(s)) for s in (1, 2)]
        await asyncio.sleep(1)
        for _ in range(3):
            e = await fails(program.request(EchoPeer()), OSError)
            assert e.errno == errno.ENOBUFS
        await asyncio.gather(*tasks)
        await program.works()

    both(main)


def test_the_one_that_lost_its_place_is_told():
    async def main(program):
        r, w = await program.open()
        reading = asyncio.create_task(r.read(1))
        await asyncio.sleep(1)
        reading.cancel()
        r2, w2 = await program.open()
        await asyncio.sleep(1)
        w2.write(b"x")
        await w2.drain()
        assert await r2.read(1) == b"x"
        r3, w3 = await program.open()
        e = await fails(r.read(1), OSError)
        assert e.errno == errno.ECONNABORTED and "place" in str(e), e
        try:
            w.write(b"x")
            await w.drain()
            raise AssertionError
        except OSError as e:
            assert e.errno == errno.ECONNABORTED, e
        for r, w in ((r2, w2), (r3, w3)):
            w.write(b"y")
            await w.drain()
            assert await r.read(1) == b"y"

    both(main)


def test_other_sockets_stay():
    # One of the modem's own, which no task uses; and one of compat that blocks between its calls.
    async def main(program):
        sock = program.modem.open(HOST, 443, program.ctx)
        while not sock.state():
            await asyncio.sleep_ms(10)
        other = program.shim.socket()
        other.setblocking(False)
        other.connect((HOST, 443))
        other = program.shim.wrap_socket(other)
        while not other.ioctl(3, 4):
            await asyncio.sleep_ms(10)
        other.setblocking(True)
        await asyncio.sleep(15)
        e = await fails(asyncio.wait_for(program.request(), 60), OSError)
        assert e.errno == errno.ENOBUFS and sock.state() == other.state() == 1

    both(main)


# --- closing -------------------------------------------------------------------------------------


def test_closed_while_it_opens():
    async def main(program):
        for ms in (0, 1, 20, 200, 1000):
            sock = program.shim.socket()
            sock.setblocking(False)
            sock.connect((HOST, 443))
            sock = program.shim.wrap_socket(sock)
            await asyncio.sleep_ms(ms)
            sock.close()
            try:
                sock.read(1)
                raise AssertionError
            except OSError as e:
                assert e.errno == errno.EBADF, e
        await asyncio.sleep(2)
        assert program.modem.sockets == [None, None]
        await program.works()

    both(main)


def test_a_call_that_blocks_while_it_opens():
    async def main(program):
        sock = program.shim.socket()
        sock.setblocking(False)
        sock.connect((HOST, 443))
        sock = program.shim.wrap_socket(sock)
        sock.settimeout(5)
        try:
            sock.read(1)
            raise AssertionError
        except OSError as e:
            assert e.errno == errno.EALREADY, e
        sock.setblocking(False)
        assert sock.read(1) is None and sock.write(b"x") is None and sock.flush() is None
        while not sock.ioctl(3, 4):
            await asyncio.sleep_ms(10)
        assert sock.write(b"x") == 1

    both(main)


# --- start ---------------------------------------------------------------------------------------


def restarts(sort_of_start):
    # Two tasks that request again and again; the modem, which boots in no time, restarts.
    async def main():
        calls = []

        async def start():
            calls.append(1)
            await aio.start(program.modem, apn="internet")

        def spoilt():
            calls.append(1)
            if len(calls) < 3:
                raise RuntimeError("not yet")
            return start()

        quick = {"boot_ms": 100, "register_ms": 100, "act_ms": 20}
        program = Program("compat", start=start if sort_of_start == "plain" else spoilt, **quick)
        done = [0, 0]

        async def loop(i):
            while done[i] < 20:
                try:
                    await asyncio.wait_for(program.request(), 20)
                    done[i] += 1
                except (OSError, EOFError, RuntimeError, asyncio.TimeoutError):
                    await asyncio.sleep_ms(100)

        tasks = [asyncio.create_task(loop(i)) for i in range(2)]
        for n in (5, 10, 15):
            while min(done) < n:
                await asyncio.sleep_ms(20)
            program.rig.model.command("restart")
        await asyncio.gather(*tasks)
        assert done == [20, 20]
        return calls

    return run(main, timeout_s=2000)


def test_start_is_called_in_a_task():
    assert len(restarts("plain")) >= 4


def test_a_start_that_fails_is_told_to_the_client():
    assert len(restarts("spoilt")) >= 6


def test_a_restart_that_shows_while_connecting():
    async def main():
        calls = []

        async def start():
            calls.append(1)
            await aio.start(program.modem, apn="internet")

        class Restarting(Peer):
            done = False

            def on_open(self, conn):
                if not self.done:
                    self.done = True
                    program.rig.model.command("restart")

            def on_data(self, conn, data):
                conn.push(data)

        program = Program("compat", start=start)
        peer = Restarting()
        await asyncio.wait_for(program.request(peer), 100)
        assert calls == [1, 1]

    run(main)


# --- an early answer -----------------------------------------------------------------------------


def test_an_early_answer_is_read():
    refusal = b"HTTP/1.0 413 Too large\r\n\r\n" + pattern(1600)

    class Early(Peer):
        answered = False

        def on_data(self, conn, data):
            if not self.answered:
                self.answered = True
                conn.push(refusal)
                conn.peer_close()

    async def main(program):
        for size in (500, 3000, 20000):
            for pause in (0, 300):
                r, w = await program.open(Early())
                for _ in range(2):
                    w.write(bytes(size // 2))
                    await w.drain()
                    await asyncio.sleep_ms(pause)
                assert await r.readline() == refusal[:24]
                assert await r.read() == refusal[24:]
                e = await fails(late(w), OSError)
                assert e.errno == errno.ECONNRESET
                w.close()
                try:
                    await w.wait_closed()
                except OSError:
                    pass

    async def late(w):
        w.write(b"x")
        await w.drain()

    both(main)
