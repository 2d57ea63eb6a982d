# qfleet.device - a device as the network sees it: TLS as a UGxx speaks it, the uplink's pauses.
# SPDX-License-Identifier: MIT

import asyncio
import random
import ssl
import time

_LIMIT_S = 60  # for one try, as the uplink has it
_PAUSE_MAX_S = 300


class Counts:
    # What all devices share. times: seconds that each delivery took from its first try; done_at:
    # when each was through; failures: {what: how often}.
    def __init__(self):
        self.times = []
        self.done_at = []
        self.failures = {}

    def failed(self, what):
        self.failures[what] = self.failures.get(what, 0) + 1


def context(ca):
    ctx = ssl.create_default_context(cafile=str(ca))
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    ctx.set_ciphers("AES256-SHA256")
    return ctx


class Device:
    # ports: of receivers, or of the broker: a device comes to any of them, as by a load balancer.
    def __init__(self, name, token, ports, ctx, chosen, counts):
        self.name = name
        self._token = token
        self._ports = ports
        self._ctx = ctx
        self._chosen = chosen
        self._counts = counts
        self._next = 1

    async def run(self):
        chosen = self._chosen
        begin = time.monotonic()
        starts = sorted(random.random() * chosen.spread for _ in range(chosen.posts))
        for at in starts:
            await asyncio.sleep(max(begin + at - time.monotonic(), 0))
            await self._deliver()

    async def _deliver(self):
        # One batch, until it is acknowledged.
        count = self._chosen.records
        begin = time.monotonic()
        pause = self._chosen.pause
        while True:
            try:
                async with asyncio.timeout(_LIMIT_S):
                    await self._once(self._next, count)
                break
            except (OSError, EOFError, ValueError, TimeoutError) as e:
                self._counts.failed(str(e) if isinstance(e, ValueError) else type(e).__name__)
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))
            pause = min(2 * pause, _PAUSE_MAX_S)
        self._next += count
        now = time.monotonic()
        self._counts.times.append(now - begin)
        self._counts.done_at.append(now)

    async def _once(self, first, count):
        port = random.choice(self._ports)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self._ctx)
        try:
            talk = self._mqtt if self._chosen.mqtt else self._https
            await talk(reader, writer, first, count)
        finally:
            writer.transport.abort()

    async def _https(self, reader, writer, first, count):
        records = ",".join('{"t":%d}' % (first + i) for i in range(count))
        body = '{"queue":"q","id":%d,"records":[%s]}' % (first, records)
        head = "POST /in/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        writer.write((head % (self._token, len(body)) + body).encode())
        line = await reader.readuntil(b"\r\n")
        status = int(line.split()[1])
        if status != 204:
            raise ValueError("status %d" % status)

    async def _mqtt(self, reader, writer, first, count):
        # MQTT 3.1.1: CONNECT (3.1), PUBLISH with QoS 1 (3.3), one a record.
        name = self.name.encode()
        fields = [name, name, self._token.encode()]
        body = _text(b"MQTT") + b"\4\xc2\0\0" + b"".join(_text(f) for f in fields)
        writer.write(_packet(0x10, body))
        answer = await reader.readexactly(4)
        if answer[3]:
            raise ValueError("login refused: %d" % answer[3])
        topic = _text(b"qssl/" + name + b"/up")
        for i in range(first, first + count):
            payload = b'{"queue":"q","id":%d,"record":{"t":%d}}' % (i, i)
            writer.write(_packet(0x32, topic + _mark(i) + payload))
        left = {_mark(i) for i in range(first, first + count)}
        while left:
            packet = await reader.readexactly(4)  # PUBACK
            left.discard(packet[2:])


def _mark(n):
    return ((n - 1) % 65535 + 1).to_bytes(2, "big")


def _text(data):
    return len(data).to_bytes(2, "big") + data


def _packet(kind, body):
    size = len(body)
    head = bytes([kind])
    while size > 127:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + body
