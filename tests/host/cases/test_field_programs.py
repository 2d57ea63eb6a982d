# test_field_programs - unmodified clients in bad weather, over a modem that knows no ugsim.
# SPDX-License-Identifier: MIT

from loop import asyncio, run  # isort: skip  before qssl: it brings the virtual time
from driver_kit import CA
from field_faults import KINDS, Faulty
from field_peers import Broker, Web, message, pattern
from field_server import Served
from installed import Installed
from qssl import aio

ONLY = "micropython"
WHY = "the clients are written for it"

LONG = 900000  # ms


def installed(modem, folder, start=None):
    def starts():
        modem.start("internet", timeout_ms=120000)

    return Installed(modem, [folder], start or starts)


def test_umqtt():
    # A program that connects again after any error, as everybody writes it: what publish() has
    # come back for is there, and nothing that nobody has sent; both ways.
    for seed, clients in (
        (1, "tests/host/clients"),
        (2, ".cache/clients-1"),
        (3, ".cache/umqtt-1.3.4"),
    ):
        broker = Broker()
        field = Faulty(seed, broker)
        modem = field.modem(sockets=3)
        modem.start("internet", timeout_ms=120000)
        done = []
        heard = []
        failed = 0

        def hears(topic, text, heard=heard):
            heard.append(text)

        with installed(modem, clients):
            from umqtt.simple import MQTTClient

            client = None
            n = 0
            while field.now < LONG:
                try:
                    if client is None:
                        client = MQTTClient("id", "broker.example", ssl=True, keepalive=60)
                        client.set_callback(hears)
                        client.connect()
                        client.subscribe(b"t")
                    client.publish(b"t", message(n), qos=1)
                    done.append(n)
                    n += 1
                    for _ in range(3):
                        client.check_msg()
                        modem.sleep_ms(2000)
                except (OSError, IndexError, AssertionError, ValueError, TypeError):
                    # Not all of these clients look whether a read came to its end.
                    failed += 1
                    client = None
                    modem.sleep_ms(1000)
        got = set(broker.got)
        assert [n for n in done if message(n) not in got] == [], (seed, clients)
        assert len(done) > 50 and failed > 5, (len(done), failed)
        assert [text for text in heard if text not in got] == [], (seed, clients)


def test_requests():
    # Whole or an error, however the connection ends.
    kinds = [kind for kind in KINDS if kind != "none"]
    for seed in (1,):
        field = Faulty(seed, Web(), 4000, kinds)
        modem = field.modem(sockets=2)
        modem.start("internet", timeout_ms=120000)
        good = failed = 0
        with installed(modem, "tests/host/clients"):
            import requests

            while field.now < LONG:
                n = 1 + (good * 577 + failed) % 9000
                try:
                    answer = requests.get("https://server.example/%d" % n, timeout=20)
                    body = answer.content
                    # One that ends early shows in its length.
                    assert body == pattern(n)[: len(body)], (seed, n, len(body))
                    if len(body) == n:
                        good += 1
                    else:
                        failed += 1
                except (OSError, ValueError):
                    failed += 1
                modem.sleep_ms(500)
        assert good > 30 and failed > 5, (good, failed)


def test_streams():
    # Several tasks that talk to a broker's echo: each byte in order, or an error.
    class Echo(Broker):
        def answer(self, id, got):
            self.parts[id] = b""
            return got, False

    async def talks(modem, ctx, field, k, counts):
        n = 0
        while field.now < LONG:
            writer = None
            try:
                reader, writer = await asyncio.wait_for(
                    aio.open_connection(modem, "server.example", 443, ctx), 100
                )
                while field.now < LONG:
                    n += 1
                    text = bytes([(i * 3 + n * k) & 255 for i in range(1 + n * 131 % 2500)])
                    writer.write(text)
                    await asyncio.wait_for(writer.drain(), 60)
                    got = await asyncio.wait_for(reader.readexactly(len(text)), 60)
                    assert got == text, (k, n)
                    counts[k] += 1
                    await asyncio.sleep_ms(1000)
            except (OSError, EOFError, asyncio.TimeoutError):
                counts[0] += 1
            finally:
                if writer is not None:
                    writer.close()
            await asyncio.sleep_ms(500)

    async def starts(modem, field):
        while field.now < LONG:
            if not modem.up:
                try:
                    await aio.start(modem, "internet", timeout_ms=120000)
                except OSError:
                    pass
            await asyncio.sleep_ms(500)

    async def main(field, modem, ctx, counts):
        tasks = [asyncio.create_task(talks(modem, ctx, field, k, counts)) for k in (1, 2, 3)]
        tasks.append(asyncio.create_task(starts(modem, field)))
        for task in tasks:
            await task

    for seed in (1,):
        field = Faulty(seed, Echo(), 15000)
        modem = field.modem(sockets=4)
        ctx = modem.tls(0, ca=CA, check_time=False)
        counts = [0, 0, 0, 0]
        run(main, field, modem, ctx, counts, timeout_s=3 * LONG // 1000, rig=field)
        assert min(counts[1:]) > 25 and counts[0] > 5, counts


def test_aiohttp():
    # Two tasks that fetch pages; one that fails closes nothing. Whole, or an error, and there is
    # always a place for the next one.
    kinds = [kind for kind in KINDS if kind != "none"]

    async def fetches(session, field, k, counts):
        n = 0
        while field.now < LONG:
            n += 1
            size = 1 + (n * 577 + k) % 5000
            try:
                body = await asyncio.wait_for(fetch(session, size), 100)
                # One that ends early shows in its length.
                assert body == pattern(size)[: len(body)], (k, n)
                counts[len(body) == size] += 1
            except (OSError, ValueError, IndexError, asyncio.TimeoutError) as e:
                assert "all sockets" not in str(e), e
                counts[0] += 1
            await asyncio.sleep_ms(1000)

    async def fetch(session, size):
        async with session.get("https://server.example/%d" % size) as answer:
            return await answer.read()

    async def main(field, counts):
        import aiohttp

        async with aiohttp.ClientSession() as one:
            async with aiohttp.ClientSession() as two:
                tasks = [
                    asyncio.create_task(fetches(session, field, k, counts))
                    for k, session in enumerate((one, two))
                ]
                for task in tasks:
                    await task

    field = Faulty(5, Web(), 10000, kinds)
    modem = field.modem(sockets=3)

    async def start():
        await aio.start(modem, "internet", timeout_ms=120000)

    counts = [0, 0]
    with installed(modem, "tests/host/clients", start):
        run(main, field, counts, timeout_s=3 * LONG // 1000, rig=field)
    assert counts[1] > 60 and counts[0] > 5, counts


def test_ends_of_streams():
    # All of it before the end, whatever way a task reads: issue 788 of
    # micropython/micropython-lib.
    async def whole(reader):
        return await reader.read(-1)

    async def parts(reader):
        got = b""
        while True:
            part = await reader.read(700)
            if not part:
                return got
            got += part

    async def lines(reader):
        got = b""
        while True:
            part = await reader.readline()
            if not part:
                return got
            got += part

    async def into(reader):
        got = b""
        buf = bytearray(900)
        while True:
            n = await reader.readinto(buf)
            if not n:
                return got
            got += buf[:n]

    async def exactly(reader):
        try:
            while True:
                await reader.readexactly(99999)
        except EOFError as e:
            return e.partial if hasattr(e, "partial") else None

    async def main(field, modem, ctx, way):
        await aio.start(modem, "internet")
        reader, writer = await aio.open_connection(modem, "server.example", 443, ctx)
        got = await way(reader)
        writer.close()
        await writer.wait_closed()
        return got

    data = pattern(5000)
    for plan in (
        [(0, "fin", b"")],
        [(0, "data", data[:2500]), (500, "fin", b"")],
        [(0, "fin", b""), (1, "data", data)],
        [(0, "data", data[:1000]), (10, "fin", b""), (70, "data", data[1000:])],
        [(30000 * i, "data", data[i : i + 1]) for i in range(4)] + [(100000, "fin", b"")],
    ):
        want = b"".join([part for _, _, part in plan])
        for way in (whole, parts, lines, into, exactly):
            field = Served(plan)
            modem = field.modem()
            ctx = modem.tls(0, ca=CA, check_time=False)
            got = run(main, field, modem, ctx, way, rig=field)
            assert got is None or got == want, (way, plan, len(got), len(want))
