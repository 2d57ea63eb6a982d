# mqtt_as - a double of Peter Hinch's client (micropython-mqtt, version 0.8.3), MQTT 3.1.1 and 5.
# SPDX-License-Identifier: MIT
#
# No package index has it. Names, config and what a subclass may override are its own, and so are
# the calls on socket, ssl and network: which, in which order, with which arguments, how often, and
# what follows an error. The code is not. (The original imports machine.unique_id, too.)

import asyncio
import socket
import struct
from errno import EINPROGRESS, ETIMEDOUT
from time import ticks_diff, ticks_ms

import network

VERSION = (0, 8, 3)
BUSY = (EINPROGRESS, ETIMEDOUT)


async def _nothing(*_):
    await asyncio.sleep_ms(0)


config = {
    "client_id": b"double",
    "server": None,
    "port": 0,
    "user": "",
    "password": "",
    "keepalive": 60,
    "ping_interval": 0,
    "ssl": False,
    "ssl_params": {},
    "response_time": 10,
    "clean_init": True,
    "clean": True,
    "max_repubs": 4,
    "will": None,
    "subs_cb": lambda *_: None,
    "wifi_coro": _nothing,
    "connect_coro": _nothing,
    "ssid": None,
    "wifi_pw": None,
    "queue_len": 0,
    "gateway": False,
    "mqttv5": False,
    "mqttv5_con_props": None,
}


class MQTTException(Exception):
    pass


class _Queue:
    def __init__(self):
        self._items = []
        self._event = asyncio.Event()

    def put(self, *item):
        self._items.append(item)
        self._event.set()

    def __aiter__(self):
        return self

    async def __anext__(self):
        while not self._items:
            self._event.clear()
            await self._event.wait()
        return self._items.pop(0)


def _size(n):
    out = b""
    while True:
        digit = n & 127
        n >>= 7
        out += bytes((digit | 128 if n else digit,))
        if not n:
            return out


def _text(text):
    if isinstance(text, str):
        text = text.encode()
    return struct.pack("!H", len(text)) + text


class MQTT_base:
    REPUB_COUNT = 0

    def __init__(self, config):
        self._config = config
        self._events = config["queue_len"] > 0
        self._ssl = config["ssl"]
        self._response_time = config["response_time"] * 1000
        self._v5 = config["mqttv5"]
        self.port = config["port"] or (8883 if self._ssl else 1883)
        self.server = config["server"]
        if self.server is None:
            raise ValueError("no server specified.")
        self._cb = config["subs_cb"]
        if self._events:
            self.up = asyncio.Event()
            self.down = asyncio.Event()
            self.queue = _Queue()
            self._cb = self.queue.put
        self._sock = None
        self._sta_if = network.WLAN(network.STA_IF)
        self._sta_if.active(True)
        self._pid = 0
        self.rcv_pids = set()
        self.last_rx = ticks_ms()
        self.lock = asyncio.Lock()

    def _late(self, t):
        return ticks_diff(ticks_ms(), t) > self._response_time

    async def _as_read(self, n):
        buf = bytearray(n)
        view = memoryview(buf)
        size = 0
        t = ticks_ms()
        while size < n:
            if self._late(t) or not self.isconnected():
                raise OSError(-1, "Timeout on socket read")
            try:
                got = self._sock.readinto(view[size:], n - size)
            except OSError as e:
                got = None
                if e.args[0] not in BUSY:
                    raise
            if got == 0:
                raise OSError(-1, "Connection closed by host")
            if got:
                size += got
                t = self.last_rx = ticks_ms()
            await asyncio.sleep_ms(0)
        return buf

    async def _as_write(self, data):
        data = memoryview(data)
        t = ticks_ms()
        while data:
            if self._late(t) or not self.isconnected():
                raise OSError(-1, "Timeout on socket write")
            try:
                n = self._sock.write(data)
            except OSError as e:
                n = 0
                if e.args[0] not in BUSY:
                    raise
            if n:
                t = ticks_ms()
                data = data[n:]
            await asyncio.sleep_ms(0)

    async def _length(self):
        # (value, bytes it took)
        n = shift = count = 0
        while True:
            digit = (await self._as_read(1))[0]
            count += 1
            n |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return n, count

    async def _packet(self, kind, *parts):
        # In the pieces in which the original writes it.
        await self._as_write(bytes((kind,)) + _size(sum(len(part) for part in parts)))
        for part in parts:
            if part:
                await self._as_write(part)

    async def _connect(self, clean):
        self._sock = socket.socket()
        self._sock.setblocking(False)
        try:
            self._sock.connect(self._addr)
        except OSError as e:
            if e.args[0] not in BUSY:
                raise
        await asyncio.sleep_ms(0)
        if self._ssl:
            import ssl

            self._sock = ssl.wrap_socket(self._sock, **self._config["ssl_params"])
        c = self._config
        flags = clean << 1
        texts = [_text(c["client_id"])]
        if c["will"]:
            topic, msg, retain, qos = c["will"]
            texts += [b"\0" if self._v5 else b"", _text(topic), _text(msg)]
            flags |= 4 | qos << 3 | retain << 5
        if c["user"]:
            texts += [_text(c["user"]), _text(c["password"])]
            flags |= 0xC0
        level = 5 if self._v5 else 4
        head = struct.pack("!H4sBBH", 4, b"MQTT", level, flags, c["keepalive"])
        await self._packet(0x10, head, b"\0" if self._v5 else b"", *texts)
        if (await self._as_read(1))[0] != 0x20:
            raise OSError(-1, "CONNACK not received")
        size, _ = await self._length()
        flags, code = await self._as_read(2)
        if flags or code:
            raise OSError(-1, "CONNACK reason code 0x%x" % code)
        if self._v5:
            size, _ = await self._length()
            await self._as_read(size)

    async def _ping(self):
        async with self.lock:
            await self._as_write(b"\xc0\0")

    async def wan_ok(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.close()

    async def disconnect(self):
        if self._sock is not None:
            await self._kill_tasks(False)
            try:
                async with self.lock:
                    self._sock.write(b"\xe0\0")
                    await asyncio.sleep_ms(100)
            except OSError:
                pass
            self._close()
        self._has_connected = False

    def _close(self):
        if self._sock is not None:
            self._sock.close()

    def _next(self):
        self._pid = self._pid % 65535 + 1
        return self._pid

    async def _acknowledged(self, pid):
        t = ticks_ms()
        while pid in self.rcv_pids:
            if self._late(t) or not self.isconnected():
                return False
            await asyncio.sleep_ms(100)
        return True

    async def _publish(self, topic, msg, retain, qos):
        pid = self._next()
        if qos:
            self.rcv_pids.add(pid)
        for dup in range(self._config["max_repubs"] + 1):
            async with self.lock:
                await self._packet(
                    0x30 | qos << 1 | retain | (8 if dup else 0),
                    _text(topic),
                    struct.pack("!H", pid) if qos else b"",
                    b"\0" if self._v5 else b"",
                    msg if isinstance(msg, bytes) else msg.encode(),
                )
            if not qos or await self._acknowledged(pid):
                return
            if not self.isconnected():
                break
            self.REPUB_COUNT += 1
        raise OSError(-1)

    async def _subscribe(self, topic, qos):
        pid = self._next()
        self.rcv_pids.add(pid)
        async with self.lock:
            await self._packet(
                0x82,
                struct.pack("!H", pid),
                b"\0" if self._v5 else b"",
                _text(topic),
                bytes((qos,)),
            )
        if not await self._acknowledged(pid):
            raise OSError(-1)

    async def wait_msg(self):
        try:
            first = self._sock.read(1)
        except OSError as e:
            if e.args[0] in BUSY:
                await asyncio.sleep_ms(0)
                return
            raise
        if first is None:
            return
        if first == b"":
            raise OSError(-1, "Empty response")
        kind = first[0]
        if kind == 0xD0:
            await self._as_read(1)
            return
        size, _ = await self._length()
        if kind in (0x40, 0x90):
            pid = struct.unpack("!H", await self._as_read(2))[0]
            if size > 2:
                rest = await self._as_read(size - 2)
                if rest[-1] >= 0x80:
                    raise OSError(-1, "refused")
            if pid not in self.rcv_pids:
                raise OSError(-1, "Invalid pid")
            self.rcv_pids.discard(pid)
        if kind & 0xF0 != 0x30:
            return
        n = struct.unpack("!H", await self._as_read(2))[0]
        topic = bytes(await self._as_read(n))
        size -= 2 + n
        pid = None
        if kind & 6:
            pid = bytes(await self._as_read(2))
            size -= 2
        more = ()
        if self._v5:
            n, count = await self._length()
            await self._as_read(n)
            size -= n + count
            more = (None,)
        msg = bytes(await self._as_read(size))
        self._cb(topic, msg, bool(kind & 1), *more)
        if pid:
            await self._as_write(b"\x40\x02" + pid)


class MQTTClient(MQTT_base):
    def __init__(self, config):
        super().__init__(config)
        self._isconnected = False
        keepalive = 1000 * config["keepalive"]
        self._ping_interval = keepalive // 4 if keepalive else 20000
        wanted = config["ping_interval"] * 1000
        if wanted and wanted < self._ping_interval:
            self._ping_interval = wanted
        self._in_connect = False
        self._has_connected = False
        self._tasks = []

    async def wifi_connect(self, quick=False):
        self._sta_if.active(True)
        self._sta_if.connect(self._config["ssid"], self._config["wifi_pw"])
        for _ in range(60):
            await asyncio.sleep(1)
            if self._sta_if.isconnected():
                return
        raise OSError("Wi-Fi connect timed out")

    async def connect(self, *, quick=False):
        if not self._has_connected:
            await self.wifi_connect(quick)
            self._addr = socket.getaddrinfo(self.server, self.port)[0][-1]
        self._in_connect = True
        try:
            clean = self._config["clean"]
            if not self._has_connected and self._config["clean_init"] and not clean:
                if self._v5:
                    clean = True
                else:
                    # The session of an earlier life goes. This socket is not closed.
                    await self._connect(True)
                    try:
                        async with self.lock:
                            self._sock.write(b"\xe0\0")
                    except OSError:
                        pass
                    await asyncio.sleep(2)
            await self._connect(clean)
        except Exception:
            self._close()
            self._in_connect = False
            raise
        self.rcv_pids.clear()
        self._isconnected = True
        self._in_connect = False
        if not self._events:
            asyncio.create_task(self._config["wifi_coro"](True))
        if not self._has_connected:
            self._has_connected = True
            asyncio.create_task(self._keep_connected())
        asyncio.create_task(self._handle_msg())
        self._tasks.append(asyncio.create_task(self._keep_alive()))
        if self._events:
            self.up.set()
        else:
            asyncio.create_task(self._config["connect_coro"](self))

    async def _handle_msg(self):
        try:
            while self.isconnected():
                async with self.lock:
                    await self.wait_msg()
                await asyncio.sleep_ms(0)
        except OSError:
            pass
        self._reconnect()

    async def _keep_alive(self):
        while self.isconnected():
            if ticks_diff(ticks_ms(), self.last_rx) // self._ping_interval >= 4:
                break
            await asyncio.sleep_ms(self._ping_interval)
            try:
                await self._ping()
            except OSError:
                break
        self._reconnect()

    async def _kill_tasks(self, kill_skt):
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        await asyncio.sleep_ms(0)
        if kill_skt:
            self._close()

    def isconnected(self):
        if self._in_connect:
            return True
        if self._isconnected and not self._sta_if.isconnected():
            self._reconnect()
        return self._isconnected

    def _reconnect(self):
        if self._isconnected:
            self._isconnected = False
            asyncio.create_task(self._kill_tasks(True))
            if self._events:
                self.down.set()
            else:
                asyncio.create_task(self._config["wifi_coro"](False))

    async def _connection(self):
        while not self._isconnected:
            await asyncio.sleep(1)

    async def _keep_connected(self):
        while self._has_connected:
            if self.isconnected():
                await asyncio.sleep(1)
                continue
            try:
                self._sta_if.disconnect()
            except OSError:
                pass
            await asyncio.sleep(1)
            try:
                await self.wifi_connect()
            except OSError:
                continue
            if not self._has_connected:
                break
            try:
                await self.connect()
            except OSError:
                self._close()
                self._in_connect = False
                self._isconnected = False

    async def _until_done(self, action, *args):
        while True:
            await self._connection()
            try:
                return await action(*args)
            except OSError:
                pass
            self._reconnect()

    async def publish(self, topic, msg, retain=False, qos=0, properties=None):
        await self._until_done(self._publish, topic, msg, retain, qos)

    async def subscribe(self, topic, qos=0, properties=None):
        await self._until_done(self._subscribe, topic, qos)
