# contract_poll - what select.poll and asyncio do with a TLS socket, as contract.py.
# SPDX-License-Identifier: MIT

import select
import time

from contract import LIMIT_MS, PATTERN, fill, order, until, waited

# --- poll ----------------------------------------------------------------------------------------


def polled(poll, sock, ms):
    # The events of sock; 0 if none within ms.
    for entry in poll.poll(ms):
        if entry[0] is sock:
            return entry[1]
    return 0


def poll_in(kit):
    s = kit.connect()
    poll = select.poll()
    poll.register(s, select.POLLIN)
    start = time.ticks_ms()
    assert polled(poll, s, 100) == 0
    waited(start, 90)
    order(s, "text 50 abc")
    assert polled(poll, s, LIMIT_MS) == select.POLLIN
    assert s.read(2) == b"ab"
    assert polled(poll, s, 0) == select.POLLIN  # one byte is left
    assert s.read(1) == b"c"
    assert polled(poll, s, 50) == 0
    order(s, "close")
    assert polled(poll, s, LIMIT_MS) & select.POLLIN  # reading does not wait: it gives the end
    assert s.read(1) == b""
    assert polled(poll, s, LIMIT_MS) & select.POLLIN
    poll.unregister(s)
    s.close()


def poll_out(kit):
    s = kit.connect()
    poll = select.poll()
    poll.register(s, select.POLLOUT)
    assert polled(poll, s, LIMIT_MS) == select.POLLOUT
    poll.modify(s, select.POLLIN | select.POLLOUT)
    assert polled(poll, s, LIMIT_MS) == select.POLLOUT
    order(s, "text 0 x")
    until(lambda: polled(poll, s, 10) == select.POLLIN | select.POLLOUT or None)
    assert s.read(1) == b"x"
    s.close()


def poll_out_waits_for_room(kit):
    # So does a write that does not block.
    s = kit.connect()
    total, go = fill(kit, s)
    assert total > 1000
    poll = select.poll()
    poll.register(s, select.POLLOUT)
    # Room may still come about late, on a busy computer: then it is filled again.
    until(lambda: (s.write(PATTERN * 64) is None and polled(poll, s, 100) == 0) or None)
    go()
    # The server takes all of it as an order that it doesn't know, and ends.
    assert polled(poll, s, LIMIT_MS)
    s.close()


def poll_of_two_sockets(kit):
    a = kit.connect()
    b = kit.connect()
    poll = select.poll()
    poll.register(a, select.POLLIN)
    poll.register(b, select.POLLIN)
    order(b, "text 0 for b")
    b.flush() if hasattr(b, "flush") else None
    found = poll.poll(LIMIT_MS)
    assert len(found) == 1 and found[0][0] is b, found
    assert b.read(5) == b"for b"
    order(a, "text 0 for a")
    assert polled(poll, a, LIMIT_MS) == select.POLLIN
    assert a.read(5) == b"for a"
    a.close()
    b.close()


def poll_of_a_closed_socket(kit):
    s = kit.connect()
    s.close()
    poll = select.poll()
    try:
        poll.register(s, select.POLLIN)
        events = polled(poll, s, 100)
    except OSError as e:
        events = -e.args[0]
    assert events, events


# --- asyncio -------------------------------------------------------------------------------------


def asyncio_open_connection(kit):
    # As aiohttp does it.
    if kit.cpython:
        return
    import asyncio

    async def main():
        r, w = await kit.open_connection()
        w.write(b"echo 600\n" + PATTERN)
        await w.drain()
        assert await r.readexactly(256) == PATTERN
        for i in range(10):
            w.write(b"%d\n" % i * 3)
        await w.drain()
        for i in range(10):
            for _ in range(3):
                assert await r.readline() == b"%d\n" % i
        task = asyncio.create_task(r.readexactly(284))
        await asyncio.sleep_ms(20)
        assert not task.done()
        w.write(PATTERN + bytes(28))
        await w.drain()
        assert await task == PATTERN + bytes(28)
        w.write(b"text 50 one\\ntwo\nclose\n")
        await w.drain()
        buf = bytearray(4)
        assert await r.readinto(buf) and buf[:1] == b"o"
        while await r.read(100):
            pass
        w.close()
        await w.wait_closed()
        return True

    asyncio.new_event_loop()
    assert asyncio.run(asyncio.wait_for(main(), 2 * LIMIT_MS // 1000))


def asyncio_stream_of_a_socket(kit):
    if kit.cpython:
        return
    import asyncio

    async def main():
        s = kit.connect()
        s.setblocking(False)
        r = asyncio.StreamReader(s)
        w = asyncio.StreamWriter(s, {})
        n = 0

        async def other():
            nonlocal n
            while True:
                await asyncio.sleep_ms(5)
                n += 1

        task = asyncio.create_task(other())
        w.write(b"text 1000 late\n")
        await w.drain()
        assert await r.readexactly(4) == b"late"
        assert n >= 3, n  # the others ran meanwhile
        try:
            await asyncio.wait_for_ms(r.read(1), 50)
            raise AssertionError
        except asyncio.TimeoutError:
            pass
        w.write(b"text 0 on\n")
        await w.drain()
        assert await r.readexactly(2) == b"on"
        task.cancel()
        await w.wait_closed()
        return True

    asyncio.new_event_loop()
    assert asyncio.run(asyncio.wait_for(main(), 2 * LIMIT_MS // 1000))


def checks():
    # The names of all checks.
    return [n for n, f in globals().items() if callable(f) and n not in _HELPERS]


_HELPERS = ("fill", "order", "waited", "until", "polled", "checks")
