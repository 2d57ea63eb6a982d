# test_receiver_door - how tools/receiver lets devices in when more come than it can serve.
# SPDX-License-Identifier: MIT

import asyncio
import concurrent.futures
import contextlib
import socket
import ssl
import time

import pytest

import servers
from patience import LIMIT_S
from receiver import devices, door, keys, serve, wire
from receiver.metrics import Metrics

_ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_POST = b"POST /in/t HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"


async def _hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@contextlib.asynccontextmanager
async def opened(app, room, tls=None):
    # A door.Server with its address.
    sock = socket.create_server(("127.0.0.1", 0), backlog=door.QUEUE)
    sock.setblocking(False)
    server = door.Server(serve.config(app, tls), room)
    task = asyncio.create_task(server.serve([sock]))
    try:
        yield server, sock.getsockname()
    finally:
        server.should_exit = True
        await task


def run(steps):
    async def bounded():
        async with asyncio.timeout(LIMIT_S):
            await steps()

    asyncio.run(bounded())


def client(address):
    sock = socket.create_connection(address)
    sock.setblocking(False)
    return sock


async def answer(sock):
    return await asyncio.get_running_loop().sock_recv(sock, 1000)


async def turns(n):
    for _ in range(n):
        await asyncio.sleep(0)


def test_nobody_gets_in_while_there_is_no_room():
    async def steps():
        room = asyncio.Event()
        async with opened(_hello, room) as (server, address):
            with client(address) as sock:
                sock.sendall(_ASK)
                await turns(50)
                assert not server.server_state.connections and not server._entering
                room.set()
                assert (await answer(sock)).startswith(b"HTTP/1.1 204")

    run(steps)


def test_one_at_a_time_and_none_that_has_left():
    async def steps():
        room = asyncio.Event()
        async with opened(_hello, room) as (server, address), contextlib.AsyncExitStack() as stack:
            some = [stack.enter_context(client(address)) for _ in range(40)]
            for sock in some[:10]:
                sock.sendall(_ASK)
                sock.close()  # has waited for too long
            room.set()
            before = 0
            while before < 30:
                await asyncio.sleep(0)
                now = len(server.server_state.connections)
                assert before <= now <= before + 1
                before = now
            await turns(50)
            assert server.server_state.total_requests == 0
            some[-1].sendall(_ASK)
            assert (await answer(some[-1])).startswith(b"HTTP/1.1 204")

    run(steps)


def test_who_says_nothing_keeps_nobody_out(tmp_path, monkeypatch):
    monkeypatch.setattr(door, "_ENTERING", 3)
    certs = servers.Certificates(tmp_path)
    tls = keys.context(certs.server.cert, certs.server.key, True)

    async def steps():
        room = asyncio.Event()
        room.set()
        async with opened(_hello, room, tls) as (_, address), contextlib.AsyncExitStack() as stack:
            silent = [stack.enter_context(client(address)) for _ in range(5)]
            for sock in silent[:2]:
                assert await answer(sock) == b""  # the two that were there first
            ctx = ssl.create_default_context(cafile=str(certs.ca))
            reader, writer = await asyncio.open_connection(*address, ssl=ctx)
            writer.write(_ASK)
            assert (await reader.readline()).startswith(b"HTTP/1.1 204")
            writer.transport.abort()

    run(steps)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_device_with_another_ca_is_told(tmp_path, caplog, version):
    # It does not come, and nothing else would show why. Once in a minute.
    certs = servers.Certificates(tmp_path)
    tls = keys.context(certs.server.cert, certs.server.key, True)

    def comes(ctx, address):
        with socket.create_connection(address, LIMIT_S) as sock, pytest.raises(ssl.SSLError):
            ctx.wrap_socket(sock, server_hostname="localhost")

    async def steps():
        room = asyncio.Event()
        room.set()
        async with opened(_hello, room, tls) as (server, address):
            ctx = ssl.create_default_context(cafile=str(certs.other_ca))
            ctx.minimum_version = ctx.maximum_version = ssl.TLSVersion[version]
            for _ in range(2):
                await asyncio.to_thread(comes, ctx, address)
            with client(address) as scanner:
                scanner.sendall(b"no TLS at all, but long enough for a record\r\n" * 9)
                await answer(scanner)
            await asyncio.gather(*server._entering)

    run(steps)
    said = [r.getMessage() for r in caplog.records if r.name == "receiver"]
    assert len(said) == 1, said
    assert said[0].startswith("127.0.0.1 does not take the certificate (UNKNOWN_CA): has it this")


async def _echo(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await _hello(scope, receive, send)


@pytest.mark.parametrize(
    "begin, limit",
    [
        (b"", "_KEEP_S"),
        (_ASK + b"GET", "_HEAD_S"),
        (b"GET", "_HEAD_S"),
        (_POST % (99, b""), "_BODY_S"),
    ],
)
def test_no_connection_stays_for_ever(monkeypatch, begin, limit):
    # A modem whose network has gone, or who sends a byte now and then: uvicorn alone would wait.
    monkeypatch.setattr(serve if limit == "_KEEP_S" else wire, limit, 0.5)

    async def steps():
        room = asyncio.Event()
        room.set()
        async with opened(_echo, room) as (_, address), contextlib.AsyncExitStack() as stack:
            some = [stack.enter_context(client(address)) for _ in range(10)]
            for sock in some:
                sock.sendall(begin)
            await asyncio.gather(*(dribble(sock, begin) for sock in some))

    async def dribble(sock, begin):
        # Until it is closed.
        while True:
            try:
                async with asyncio.timeout(0.05):
                    if not await answer(sock):
                        return
            except TimeoutError:
                pass
            except ConnectionError:
                return
            if begin:
                with contextlib.suppress(ConnectionError):
                    sock.send(b"x")

    run(steps)


def test_a_connection_that_is_used_stays(monkeypatch):
    monkeypatch.setattr(wire, "_HEAD_S", 0.3)
    monkeypatch.setattr(wire, "_BODY_S", 0.3)

    async def steps():
        room = asyncio.Event()
        room.set()
        async with opened(_echo, room) as (_, address):
            with client(address) as sock:
                for _ in range(4):
                    for part in (
                        b"POST / HTTP/1.1\r\nHost: x\r\n",
                        b"Content-Length: 2\r\n\r\na",
                        b"b",
                    ):
                        sock.sendall(part)
                        await asyncio.sleep(0.1)
                    assert (await answer(sock)).startswith(b"HTTP/1.1 204")
                    await asyncio.sleep(0.5)

    run(steps)


def test_a_request_with_two_lengths():
    # What a proxy and this server read in different ways smuggles a request past the proxy.
    async def steps():
        room = asyncio.Event()
        room.set()
        async with opened(_echo, room) as (server, address):
            with client(address) as sock:
                head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                sock.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _ASK)
                got = b""
                while part := await answer(sock):
                    got += part
                assert got.startswith(b"HTTP/1.1 400") and got.count(b"HTTP/1.1") == 1
                assert b"send one of them" in got

    run(steps)


class Slow:
    # An intake whose database takes its time.
    def __init__(self):
        self._futures = []
        self.full = asyncio.Event()

    def deliver(self, device, delivery, carrier):
        self._futures.append(concurrent.futures.Future())
        if len(self._futures) > devices._WAITING:
            self.full.set()
        return self._futures[-1]

    def end(self, error):
        while self._futures:
            future = self._futures.pop()
            if error is None:
                future.set_result(([], False))
            else:
                future.set_exception(error)


@pytest.mark.parametrize("good", [True, False])
def test_who_waits_for_the_database_fills_the_room(good):
    async def steps():
        intake = Slow()
        made = devices.Devices(None, intake, Metrics(), 1000)
        made._known[devices.hashed("t")] = 1, time.monotonic() + LIMIT_S
        room = made.room
        body = b'{"queue":"q","id":1,"records":[1]}'
        async with opened(made.app, room) as (_, address), contextlib.AsyncExitStack() as stack:
            stack.callback(intake.end, None)
            inside = [stack.enter_context(client(address)) for _ in range(devices._WAITING + 1)]
            for sock in inside:
                sock.sendall(_POST % (len(body), body))
            await intake.full.wait()
            await turns(5)
            assert not room.is_set()
            # The door was open already: one more comes through.
            more, outside = [stack.enter_context(client(address)) for _ in range(2)]
            for sock in (more, outside):
                sock.sendall(b"GET /no HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"404" in await answer(more)
            await turns(50)
            with pytest.raises(BlockingIOError):
                outside.recv(1)
            intake.end(None if good else devices.db.Gone("locked"))
            assert b"404" in await answer(outside)
            status = b"HTTP/1.1 204" if good else b"HTTP/1.1 503"
            assert (await answer(inside[0])).startswith(status)

    run(steps)
