# qfleet.device - a device as the network sees it: TLS as a UGxx speaks it, the uplink's pauses.
# SPDX-License-Identifier: MIT

import asyncio
import json
import random
import ssl
import time

from receiver import messages

_LIMIT_S = 60  # for one try, as the uplink has it
_PAUSE_MAX_S = 300


class Counts:
    # What all devices share. times: seconds that each delivery took from its first try; done_at:
    # when each was through; connected: when each device had a connection; failures: {what: how
    # often}; handshakes, open, most: connections, those that there are, and were at a time.
    def __init__(self):
        self.times = []
        self.done_at = []
        self.connected = []
        self.failures = {}
        self.more = asyncio.Event()  # there is another delivery
        self.handshakes = 0
        self.open = 0  # connections that devices have now
        self.most = 0  # of them, ever

    def failed(self, what):
        self.failures[what] = self.failures.get(what, 0) + 1


def context(ca):
    ctx = ssl.create_default_context(cafile=str(ca))
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    ctx.set_ciphers("AES256-SHA256")
    return ctx


class Device:
    # ports: of receivers, or of the broker: a device comes to any of them, as by a load balancer.
    # key: what signs messages to it. got: the messages that the program was given.
    def __init__(self, name, token, key, by, ports, ctx, chosen, counts):
        self.name = name
        self.got = []
        self.again = 0  # messages that came once more, and were dropped
        self.sent = 0  # messages that wait for it, or did
        self._token = token
        self._key = key
        self._talk = {"https": self._https, "mqtt": self._mqtt}[by]
        self._ports = ports
        self._ctx = ctx
        self._chosen = chosen
        self._counts = counts
        self._ack = 0
        self._next = 1
        self._line = None  # (reader, writer) that is kept
        self._mark = 0

    async def run(self):
        chosen = self._chosen
        begin = time.monotonic()
        starts = sorted(random.random() * chosen.spread for _ in range(chosen.posts))
        for at in starts:
            await asyncio.sleep(max(begin + at - time.monotonic(), 0))
            await self._deliver(chosen.records)
        # What is still on its way to it.
        while len(self.got) < self.sent:
            await asyncio.sleep(chosen.pause * random.uniform(0.75, 1.25))
            await self._deliver(0)
        self.close()

    def close(self):
        if self._line is not None:
            self._counts.open -= 1
            self._line[1].transport.abort()
            self._line = None

    async def _deliver(self, count):
        # One batch, until it is acknowledged.
        begin = time.monotonic()
        pause = self._chosen.pause
        while True:
            try:
                async with asyncio.timeout(_LIMIT_S):
                    await self._once(self._next, count)
                break
            except (OSError, EOFError, ValueError, TimeoutError) as e:
                self.close()
                self._counts.failed(str(e) if type(e) is ValueError else type(e).__name__)
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))
            pause = min(2 * pause, _PAUSE_MAX_S)
        self._next += count
        now = time.monotonic()
        if count:
            self._counts.times.append(now - begin)
            self._counts.done_at.append(now)
            self._counts.more.set()

    async def _once(self, first, count):
        if self._line is None:
            port = random.choice(self._ports)
            line = await asyncio.open_connection("127.0.0.1", port, ssl=self._ctx)
            counts = self._counts
            self._line = line
            self._fresh = True
            counts.handshakes += 1
            counts.open += 1
            counts.most = max(counts.most, counts.open)
            counts.connected.append((time.monotonic(), self.name))
        await self._talk(*self._line, first, count)
        self._fresh = False
        if not self._chosen.stay:
            self.close()

    async def _https(self, reader, writer, first, count):
        records = ",".join('{"t":%d}' % (first + i) for i in range(count))
        body = '{"queue":"q","id":%d,"records":[%s]}' % (first, records)
        ack = "Qssl-Ack: %d\r\n" % self._ack if self.sent else ""
        head = "POST /in/%s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n"
        writer.write((head % (self._token, ack, len(body)) + body).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        if status == 200:
            size = int(head.lower().partition(b"content-length:")[2].split()[0])
            answer = json.loads(await reader.readexactly(size))
            for message in answer["messages"]:
                self._take(message)
        elif status != 204:
            raise ValueError("status %d" % status)

    def _take(self, message):
        # As the inbox does it: what is not signed or not higher counts for nothing.
        m, kind, until, body = [message[n] for n in ("m", "kind", "until", "body")]
        if message["mac"] != messages.sign(self._key, self.name, m, kind, until, body):
            raise ValueError("a message is not signed")
        if m <= self._ack:
            self.again += 1
            return
        self._ack = m
        self.got.append(body)

    async def _mqtt(self, reader, writer, first, count):
        # MQTT 3.1.1: CONNECT (3.1), SUBSCRIBE (3.8), PUBLISH with QoS 1 (3.3), one a record.
        name = self.name.encode()
        wanted = {}  # (kind of the answer, packet identifier)
        if self._fresh:
            fields = [name, name, self._token.encode()]
            flags = b"\xc0" if self.sent else b"\xc2"  # with messages the session is kept
            body = _text(b"MQTT") + b"\4" + flags + b"\0\0" + b"".join(_text(f) for f in fields)
            writer.write(_packet(0x10, body))
            answer = await reader.readexactly(4)
            if answer[3]:
                raise ValueError("login refused: %d" % answer[3])
            if self.sent:
                mark = self._number()
                down = _text(b"qssl/" + name + b"/down") + b"\1"
                writer.write(_packet(0x82, mark + down))
                wanted[0x90, mark] = True
        if self.sent and (self._fresh or not count):
            wanted[0x40, self._publish(writer, b'{"ack":%d}' % self._ack)] = True
        for i in range(first, first + count):
            payload = b'{"queue":"q","id":%d,"record":{"t":%d}}' % (i, i)
            wanted[0x40, self._publish(writer, payload)] = True
        while wanted:
            kind, body = await _read(reader)
            if kind & 0xF0 == 0x30:
                size = int.from_bytes(body[:2], "big")
                self._take(json.loads(body[4 + size :]))
                writer.write(_packet(0x40, body[2 + size : 4 + size]))
                wanted[0x40, self._publish(writer, b'{"ack":%d}' % self._ack)] = True
            else:
                wanted.pop((kind, body[:2]), None)

    def _publish(self, writer, payload):
        # The packet identifier.
        mark = self._number()
        topic = _text(b"qssl/" + self.name.encode() + b"/up")
        writer.write(_packet(0x32, topic + mark + payload))
        return mark

    def _number(self):
        self._mark = self._mark % 65535 + 1
        return self._mark.to_bytes(2, "big")


def _text(data):
    return len(data).to_bytes(2, "big") + data


def _packet(kind, body):
    size = len(body)
    head = bytes([kind])
    while size > 127:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + body


async def _read(reader):
    # (kind with its flags, body)
    kind = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        part = (await reader.readexactly(1))[0]
        size |= (part & 0x7F) << shift
        shift += 7
        if part < 128:
            return kind, await reader.readexactly(size)
