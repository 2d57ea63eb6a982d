# test_clients_docs - the code of the pages about clients, and the examples for them, as they are.
# SPDX-License-Identifier: MIT

import json
import re
import time

import pytest

import setup
import tool
from client_kit import Script
from contract import DIFFERENCES
from servers import Listener, Mosquitto, Nginx
from test_clients_mqtt import again, stop
from ugsim_client import Ugsim

DOCS = setup.ROOT / "docs"
EXAMPLES = setup.ROOT / "examples"


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(), re.S | re.M)


CODE = [
    (page, n) for page in ("mqtt.md", "http.md", "asyncio.md") for n in range(len(blocks(page)))
]


@pytest.fixture(scope="module")
def sim():
    with Ugsim("--tcp", "127.0.0.1:0", "--control", "--baud", "0") as sim:
        yield sim


@pytest.fixture
def broker(certs, start):
    return start(Mosquitto(certs))


@pytest.fixture
def nginx(certs, start):
    return start(Nginx(certs, files={"a.txt": b"hello\n", "big.bin": bytes(100000)}))


@pytest.mark.parametrize("page, n", CODE)
def test_code_of_the_pages(page, n, sim, certs, broker, nginx):
    # Host, port and the CA's path are those of the server here; nothing else is changed.
    text = blocks(page)[n].replace('"ca.pem"', repr(str(certs.ca)))
    text = text.replace("broker.example", "localhost").replace("8883", str(broker.port))
    text = text.replace("https://server.example", "https://localhost:%d" % nginx.port)
    text = text.replace('"server.example", 443', '"localhost", %d' % nginx.port)
    assert ".example" not in re.sub("Host: server.example", "", text)
    with Listener(broker.plain_port) as listener:
        with Script(sim, certs, text, plain=True) as script:
            lines = script.end()
        if page == "mqtt.md":
            messages = [message[1] for message in listener.wait(2 if n == 2 else 1)]
            assert messages == [b"21.5", b"21.6"][: len(messages)]
    if page == "http.md":
        assert lines == (["200 accepted", ""], ["100000"], ["200 b'accepted\\n'"] * 3)[n]
        assert len(nginx.posts()) == (1, 0, 3)[n]
    if page == "asyncio.md":
        assert len(nginx.requests()) == 1
        assert int(lines[-1]) > 100


def test_every_difference_is_told():
    page = (DOCS / "sockets.md").read_text()
    told = re.findall(r"^\| ([a-zA-Z -]+) \|", page, re.M)
    for name in DIFFERENCES:
        assert name in told, name
    assert len(re.findall("50 ms", page)) == 1


# --- examples ------------------------------------------------------------------------------------


def run(folder, name, *settings):
    status, out, err = tool.run(folder, "run.py", "--baud", "0", EXAMPLES / name, "--", *settings)
    assert status == 0, out + err
    return out


def test_mqtt_robust(tmp_path, certs, broker):
    with Listener(broker.plain_port) as listener:
        out = run(
            tmp_path,
            "mqtt_robust.py",
            *("host=127.0.0.1", "port=%d" % broker.port, "ca=%s" % certs.ca),
            *("count=3", "interval_ms=200", "topic=plant/7"),
        )
        assert listener.wait(3) == [("plant/7", b, 1) for b in (b"20.7", b"21.4", b"22.1")]
    assert out.splitlines() == ["starting the modem"] + [
        "measurement %d: confirmed" % n for n in (1, 2, 3)
    ]


def test_mqtt_robust_through_restarts_of_broker_and_modem(sim, certs, broker):
    settings = {"host": "127.0.0.1", "port": broker.port, "interval_ms": 400, "count": 12}
    text = (EXAMPLES / "mqtt_robust.py").read_text()
    with Script(sim, certs, text, plain=True, **settings) as script:
        for wanted, happens in (
            (2, lambda: (stop(broker), time.sleep(1), again(broker))),
            (5, lambda: sim.control().command("restart")),
            (8, lambda: sim.control().command("pdp drop 1")),
            (12, None),
        ):
            line = ""
            while line != "measurement %d: confirmed" % wanted:
                line = script.line(60)
            if happens:
                happens()
        script.end()


def test_mqtt_robust_takes_commands(sim, certs, broker):
    settings = {"host": "127.0.0.1", "port": broker.port, "interval_ms": 60000, "count": 3}
    text = (EXAMPLES / "mqtt_robust.py").read_text()
    sender = """
from umqtt.simple import MQTTClient
c = MQTTClient("sender", "localhost", board.setting("mqtt", 0), ssl=True)
c.connect()
c.publish("telemetry/example-2/set", "interval_ms=100", qos=1)
c.disconnect()
"""
    with Script(sim, certs, text, plain=True, **settings) as script:
        while script.line() != "measurement 1: confirmed":
            pass
        with Ugsim("--tcp", "127.0.0.1:0", "--baud", "0") as other:
            with Script(other, certs, sender, mqtt=broker.port) as second:
                second.end()
        assert script.line() == "command: interval_ms=100"
        # The interval that has begun is the old one.
        script.process.kill()


def test_async_two_sockets(tmp_path, certs, nginx):
    out = run(
        tmp_path,
        "async_two_sockets.py",
        *("host=127.0.0.1", "port=%d" % nginx.port, "ca=%s" % certs.ca),
        *("count=4", "interval_ms=200", "page=/big.bin", "path=/post"),
    )
    lines = out.splitlines()
    assert [s for s in lines if s.startswith("post")] == ["post %d: 200" % n for n in range(1, 5)]
    assert [s for s in lines if s.startswith("get")] == [
        "get %d: 200, 100000 bytes" % n for n in range(1, 5)
    ]
    assert int(lines[-1].split()[0]) >= 12  # heartbeats in at least 800 ms
    assert [json.loads(body)[0]["v"] for body in nginx.posts()] == [1, 2, 3, 4]
    assert len([r for r in nginx.requests() if "big.bin" in r]) == 4


def test_async_two_sockets_goes_on_after_a_restart(sim, certs, nginx):
    settings = {"host": "127.0.0.1", "port": nginx.port, "interval_ms": 300, "count": 6}
    settings.update(page="/a.txt", path="/post")
    text = (EXAMPLES / "async_two_sockets.py").read_text()
    with Script(sim, certs, text, plain=True, **settings) as script:
        while not script.line().endswith(" 2: 200"):
            pass
        sim.control().command("restart")
        lines = script.end(60)
    assert "post 6: 200" in lines and "get 6: 200, 6 bytes" in lines
