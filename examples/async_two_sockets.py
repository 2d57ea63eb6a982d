# async_two_sockets - two TLS connections and a heartbeat at once, by asyncio.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/boards.md:
#     mpremote run examples/async_two_sockets.py
# On a PC, with the simulated modem and a server made for the occasion:
#     python3 tools/run.py examples/async_two_sockets.py

import asyncio
import json

import board

from qssl import aio, clock

host = board.setting("host")
port = board.setting("port", 443)
page = board.setting("page", "/")
path = board.setting("path", "/telemetry")
interval_ms = board.setting("interval_ms", 2000)
count = board.setting("count", 0)  # requests of each task; 0: no end

modem = board.modem(sockets=2)
ctx = modem.tls(ca=board.setting("ca", "ca.pem"))
beats = 0


async def heartbeat():
    # The event loop never waits for the modem: this runs on time, whatever the others do.
    global beats
    while True:
        beats += 1  # toggle your LED here
        await asyncio.sleep_ms(50)


async def request(stream, head, body=b""):
    # One request of HTTP/1.1 on a connection that stays open; gives status and body.
    stream.write("%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (head, host, len(body)))
    stream.write(body)
    await stream.drain()  # all of it went out as one, if it is short
    line = await stream.readline()
    if not line:
        raise OSError("the server closed the connection")
    status = int(line.split()[1])
    size = 0
    while line.strip():
        line = await stream.readline()
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    return status, await stream.readexactly(size)


async def repeat(name, one):
    # Does one(stream, n) again and again, with a new connection whenever something went wrong.
    n = 0
    while not count or n < count:
        stream = None
        try:
            if not modem.up:
                await start()
            stream, _ = await aio.open_connection(modem, host, port, ctx)
            while not count or n < count:
                print("%s %d: %s" % (name, n + 1, await asyncio.wait_for(one(stream, n + 1), 60)))
                n += 1
                await asyncio.sleep_ms(interval_ms)
        except (OSError, EOFError, asyncio.TimeoutError) as e:
            print("%s: %r" % (name, e))
            await asyncio.sleep(2)
        finally:
            if stream:
                stream.close()


async def post(stream, n):
    record = [{"bn": "urn:dev:ser:example-3:", "n": "seq", "u": "count", "v": n}]
    record.append({"n": "temperature", "u": "Cel", "v": 20 + (n * 7 % 30) / 10})
    if board.now():
        record[0]["bt"] = board.now()
    status, _ = await request(stream, "POST " + path, json.dumps(record).encode())
    return status


async def get(stream, n):
    status, body = await request(stream, "GET " + page)
    return "%d, %d bytes" % (status, len(body))


starting = asyncio.Lock()


async def start():
    async with starting:
        if not modem.up:
            await aio.start(modem, **board.access())
            # Certificates are checked against the modem's clock. Many networks set it.
            if await aio.drive(modem, clock.get(modem)) is None:
                await aio.drive(modem, clock.putting(modem, board.utc()))


async def main():
    pulse = asyncio.create_task(heartbeat())
    await asyncio.gather(repeat("post", post), repeat("get", get))
    pulse.cancel()
    print("%d heartbeats" % beats)


asyncio.run(main())
