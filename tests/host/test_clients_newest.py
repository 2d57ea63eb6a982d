# test_clients_newest - clients as they are written today, in tests/host/clients, on real servers.
# SPDX-License-Identifier: MIT

import contextlib
import json
import re
import socket
import threading
import time

import pytest

import setup
from client_kit import Counter, Script, modem, running, without_connections
from patience import until
from servers import Listener, Mosquitto, Nginx, TlsPeer
from test_clients_mqtt import again, stop

EXAMPLES = setup.ROOT / "examples"
BYTES = bytes(range(256)) * 200

# What every script begins with, whose modem is started by its client's connections.
WITH_START = """\
import sys, time
import board
from qssl import compat
CA = board.setting("ca")
modem = board.modem(sockets=2)
starts = []
def start():
    starts.append(1)
    modem.start(apn="internet")
    if modem.clock() is None:
        modem.clock(board.utc())
compat.install(modem, modem.tls(0, ca=board.setting("program_ca", CA)), start, timeout_s=20)
def say(*words):
    print(*words)
def hear():
    return sys.stdin.readline().rstrip()
"""
TASKS = """\
import sys
import asyncio, board
from qssl import aio, clock, compat
CA = board.setting("ca")
modem = board.modem(sockets=2)
starts = []
async def start():
    starts.append(1)
    await aio.start(modem, apn="internet")
    if await aio.drive(modem, clock.get(modem)) is None:
        await aio.drive(modem, clock.putting(modem, board.utc()))
compat.install(modem, modem.tls(0, ca=board.setting("program_ca", CA)), start)
import aiohttp
url = "https://localhost:%d/" % board.setting("http", 0)
"""
CONTEXT = """\
import ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.verify_mode = ssl.CERT_REQUIRED
context.load_verify_locations(cafile=CA)
"""
MQTT = """\
from umqtt.%s import MQTTClient
c = MQTTClient("device", "localhost", board.setting("mqtt", 0), %s)
"""
HTTP = """\
import requests
url = "https://localhost:%d/" % board.setting("http", 0)
"""


@pytest.fixture(scope="module")
def sim():
    with modem() as sim:
        yield sim


@pytest.fixture(scope="module")
def broker(certs):
    with running(Mosquitto(certs)) as broker:
        yield broker


@pytest.fixture(scope="module")
def nginx(certs):
    files = {"a.txt": b"hello\n", "big.bin": BYTES, "data.json": b'{"on": true}'}
    with running(Nginx(certs, files=files)) as nginx:
        yield nginx


@pytest.fixture
def run(sim, certs):
    def run(text, **settings):
        sim.control().command("clear")
        return Script(sim, certs, text, plain=True, newest=True, **settings)

    return run


# --- umqtt.simple --------------------------------------------------------------------------------


def test_umqtt_with_a_context_of_its_own(run, certs, broker):
    # The program's own CA is another one: that of the client's context counts.
    text = WITH_START + CONTEXT + MQTT % ("simple", "ssl=context, keepalive=30")
    text += (
        "got = []\n"
        "c.set_callback(lambda *m: got.append(m))\n"
        "assert c.connect(timeout=20) == 0\n"
        "c.subscribe(b'in/#', qos=1)\n"
        "c.publish(b'in/x', b'one', qos=1)\n"
        "while not got:\n"
        "    c.check_msg()\n"
        "    time.sleep_ms(10)\n"
        "assert got == [(b'in/x', b'one')], got\n"
        "c.unsubscribe(b'in/#')\n"
        "c.publish(b'out', b'two', qos=1)\n"
        "c.connect()\n"  # closes the old connection first
        "c.publish(b'out', b'three', qos=1)\n"
        "c.ping()\n"
        "assert c.wait_msg() is None\n"
        "c.disconnect()\n"
        "assert starts == [1]\n"
    )
    with Listener(broker.plain_port, "out") as listener:
        with run(text, mqtt=broker.port, program_ca=certs.other_ca) as script:
            script.end()
        assert [m[1] for m in listener.wait(2)] == [b"two", b"three"]


def test_umqtt_with_a_context_that_trusts_somebody_else(run, certs, broker):
    text = WITH_START + CONTEXT.replace("cafile=CA", "cafile=board.setting('other')")
    text += "context.verify_mode = ssl.CERT_NONE\n"  # without effect
    text += MQTT % ("simple", "ssl=context") + (
        "try:\n    c.connect()\n    say('connected')\nexcept OSError as e:\n    say(e.errno)\n"
    )
    with run(text, mqtt=broker.port, other=certs.other_ca) as script:
        assert script.end() == ["111"]


def test_umqtt_connects_again_through_its_old_socket(run, sim, broker):
    # connect() closes what is left of the last connection: that must not be an error.
    text = (
        WITH_START
        + MQTT % ("simple", "ssl=True")
        + (
            "for n in range(6):\n"
            "    c.connect()\n"
            "    c.publish(b't', b'%d' % n, qos=1)\n"
            "    c.sock.write(b'\\xc0')\n"  # half a ping, which is never sent
            "    say('published')\n"
            "    hear()\n"
            "    try:\n"
            "        while True:\n"
            "            c.ping()\n"
            "            c.wait_msg()\n"
            "    except (OSError, IndexError, AssertionError):\n"
            "        pass\n"
        )
    )
    with run(text, mqtt=broker.port) as script:
        for n in range(6):
            assert script.line(60) == "published", n
            if n & 1:
                sim.control().command("restart")
            else:
                stop(broker)
                again(broker)
            script.say()
        script.end(60)


def test_umqtt_robust_with_a_context(run, sim, broker):
    text = WITH_START + CONTEXT + MQTT % ("robust", "ssl=context")
    text += (
        "c.DELAY = 0.2\n"
        "c.connect()\n"
        "for n in range(3):\n"
        "    c.publish(b't', b'%d' % n, qos=1)\n"
        "    say('published')\n"
        "    hear()\n"
        "    modem.sleep_ms(500)\n"  # robust waits for ever if it is lost within publish()
        "c.disconnect()\n"
    )
    with run(text, mqtt=broker.port) as script:
        for n in range(3):
            assert script.line(60) == "published"
            if n == 0:
                sim.control().command("restart")
                without_connections(sim)
                until(lambda: "power on" in sim.control().command("state"))
            elif n == 1:
                stop(broker)
                without_connections(sim)
                again(broker)
            script.say()
        script.end(60)


# --- requests ------------------------------------------------------------------------------------


def test_requests(run, nginx):
    text = (
        WITH_START
        + HTTP
        + (
            "for n in range(4):\n"
            "    r = requests.get(url + 'a.txt', timeout=20)\n"
            "    assert r.status_code == 200 and r.text == 'hello\\n'\n"
            "assert requests.get(url + 'data.json').json() == {'on': True}\n"
            "r = requests.post(url + 'post', json={'celsius': 21.5})\n"
            "assert (r.status_code, r.text) == (200, 'accepted\\n')\n"
            "r = requests.get(url + 'big.bin')\n"
            "size = 0\n"
            "while True:\n"
            "    part = r.raw.read(512)\n"
            "    if not part:\n"
            "        break\n"
            "    size += len(part)\n"
            "r.close()\n"
            "assert size == 51200 and starts == [1]\n"
            "assert requests.get(url + 'none').status_code == 404\n"
        )
    )
    with run(text, http=nginx.port) as script:
        script.end(60)
    assert json.loads(nginx.posts()[-1]) == {"celsius": 21.5}


def test_requests_reads_an_early_answer(run, certs):
    def serve(link):
        request = b""
        while b"\r\n\r\n" not in request:
            request += link.recv(1024)
        link.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad")

    text = (
        WITH_START
        + HTTP
        + (
            "for n in range(20):\n"
            "    r = requests.post(url, data=bytes(20000))\n"
            "    assert (r.status_code, r.content) == (400, b'bad'), n\n"
        )
    )
    with TlsPeer(certs.server, serve) as peer, run(text, http=peer.port) as script:
        script.end(60)


# --- aiohttp -------------------------------------------------------------------------------------


def test_aiohttp(run, nginx):
    text = (
        TASKS
        + CONTEXT
        + (
            "async def one(session, n):\n"
            "    async with session.get(url + 'a.txt', ssl=context if n & 1 else None) as r:\n"
            "        assert r.status == 200 and await r.text() == 'hello\\n'\n"
            "async def main():\n"
            "    async with aiohttp.ClientSession() as session:\n"
            "        for n in range(4):\n"
            "            await one(session, n)\n"
            "        async with session.post(url + 'post', json={'on': True}) as r:\n"
            "            assert r.status == 200 and await r.text() == 'accepted\\n'\n"
            "        async with session.get(url + 'big.bin') as r:\n"
            "            assert len(await r.read()) == 51200\n"
            "    assert starts == [1]\n"
            "asyncio.run(main())\n"
        )
    )
    with run(text, http=nginx.port) as script:
        script.end(60)


def test_aiohttp_requests_that_time_out(run, certs, nginx):
    # Nobody closes what was cancelled: in the connect, in the headers, in the body.
    def serve(link):
        request = link.recv()
        if b"GET /body" in request:
            link.send(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n")
        while link.recv():
            pass

    text = TASKS + (
        "slow = 'https://localhost:%d/' % board.setting('slow', 0)\n"
        "async def get(session, url):\n"
        "    async with session.get(url) as r:\n"
        "        return await r.text()\n"
        "async def main():\n"
        "    async with aiohttp.ClientSession() as session:\n"
        "        assert await get(session, url + 'a.txt') == 'hello\\n'\n"
        "        for path, ms in (('', 5), ('head', 500), ('body', 500)) * 2:\n"
        "            for _ in range(2):\n"
        "                try:\n"
        "                    await asyncio.wait_for_ms(get(session, slow + path), ms)\n"
        "                    assert False\n"
        "                except asyncio.TimeoutError:\n"
        "                    pass\n"
        "            text = await asyncio.wait_for(get(session, url + 'a.txt'), 30)\n"
        "            assert text == 'hello\\n'\n"
        "        pairs = [get(session, slow), get(session, slow)]\n"
        "        try:\n"
        "            await asyncio.wait_for_ms(asyncio.gather(*pairs), 500)\n"
        "            assert False\n"
        "        except asyncio.TimeoutError:\n"
        "            pass\n"
        "        for _ in range(3):\n"
        "            text = await asyncio.wait_for(get(session, url + 'a.txt'), 30)\n"
        "            assert text == 'hello\\n'\n"
        "asyncio.run(main())\n"
    )
    with TlsPeer(certs.server, serve) as peer:
        with run(text, http=nginx.port, slow=peer.port) as script:
            script.end(90)


# --- mqtt_as -------------------------------------------------------------------------------------


@pytest.fixture
def async_mqtt(run, broker):
    text = (EXAMPLES / "async_mqtt.py").read_text()

    def start(changes=(), **settings):
        changed = text
        for old in changes:
            assert changed.count(old) == 1
            changed = changed.replace(old, changes[old])
        settings = {"host": "localhost", "port": broker.port, "interval_ms": 50, **settings}
        return run(changed, **settings)

    return start


class Slow:
    # A way to a server on which the first bytes take so many seconds.
    def __init__(self, port, delay_s):
        self._to = port
        self._delay_s = delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._socks = [self._listener]
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            near = self._listener.accept()[0]
            time.sleep(self._delay_s)
            far = socket.create_connection(("127.0.0.1", self._to))
            self._socks += [near, far]
            threading.Thread(target=self._copy, args=(far, near), daemon=True).start()
            self._copy(near, far)

    def _copy(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for sock in self._socks:
            sock.close()


def heard(script, start, timeout_s=60):
    while not script.line(timeout_s).startswith(start):
        pass


@pytest.mark.parametrize("version", [3, 5])
def test_mqtt_as(async_mqtt, broker, version):
    with Listener(broker.plain_port, "plant/+") as listener:
        with async_mqtt(count=4, topic="plant/7", mqtt=version) as script:
            lines = script.end(60)
        assert [m[:2] for m in listener.wait(4)] == [
            ("plant/7", b) for b in (b"20.7", b"21.4", b"22.1", b"22.8")
        ]
    assert lines == ["starting the modem"] + ["measurement %d: confirmed" % n for n in range(1, 5)]


@pytest.mark.parametrize("version", [3, 5])
def test_mqtt_as_through_restarts_of_broker_and_modem(async_mqtt, sim, broker, version):
    with async_mqtt(mqtt=version) as script:
        heard(script, "measurement 2: confirmed")
        stop(broker)
        heard(script, "no connection")
        again(broker)
        heard(script, "measurement")
        sim.control().command("restart")
        heard(script, "starting the modem")
        heard(script, "measurement")
        with Listener(broker.plain_port) as sender:
            # The subscription is there again; the clock, too, or there would be no connection.
            def taken():
                sender.publish("telemetry/example-4/set", b"interval_ms=77")
                return script.line().startswith("command")

            until(taken, every=0.1)
        script.process.kill()


def test_mqtt_as_does_not_storm(async_mqtt, sim, certs, start):
    # A broker that refuses each connection: a handshake now and then, not one a second.
    broker = start(Mosquitto(certs, passwords={"device": "secret"}))
    counter = Counter(sim)
    with async_mqtt(port=broker.port, user="device", password="wrong") as script:
        pauses = []
        while len(pauses) < 4:
            match = re.search(r"in (\d+) s", script.line(60))
            if match:
                pauses.append(int(match[1]))
        assert pauses == [1, 2, 4, 8]
        assert counter.look()["+QSSLOPEN"] == 4
        script.process.kill()


def test_mqtt_as_waits_for_a_slow_handshake(async_mqtt, sim, broker):
    # 2G: longer than mqtt_as's own time-outs of 10 s.
    counter = Counter(sim)
    with Slow(broker.port, 13) as slow, async_mqtt(count=1, port=slow.port) as script:
        lines = script.end(90)
    assert counter.look()["+QSSLOPEN"] == 1
    assert lines[-1] == "measurement 1: confirmed", lines


def test_mqtt_as_and_a_session_that_is_kept(async_mqtt, broker):
    # clean=False: the first connection of MQTT 3.1.1 is made twice, its first socket never closed.
    changes = {
        'config["port"] = port\n': 'config["port"] = port\n    config["clean"] = False\n',
        "modem(sockets=2)": "modem(sockets=1)",
    }
    with Listener(broker.plain_port) as listener:
        with async_mqtt(changes, count=1, interval_ms=1) as script:
            assert script.end(60)[-1] == "measurement 1: confirmed"
        assert len(listener.wait(1)) == 1
