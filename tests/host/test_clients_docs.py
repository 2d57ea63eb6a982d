# test_clients_docs - the code of the pages about clients, and the examples for them, as they are.
# SPDX-License-Identifier: MIT

import json
import re

import pytest

import setup
import tool
from client_kit import Script, modem, running
from contract import DIFFERENCES
from servers import Listener, Mosquitto, Nginx
from test_clients_mqtt import again, stop

DOCS = setup.ROOT / "docs"
EXAMPLES = setup.ROOT / "examples"


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(), re.S | re.M)


CODE = [
    (page, n)
    for page in ("mqtt.md", "http.md", "asyncio.md", "sockets.md")
    for n in range(len(blocks(page)))
]


@pytest.fixture(scope="module")
def sim():
    with modem() as sim:
        yield sim


@pytest.fixture(scope="module")
def broker(certs):
    with running(Mosquitto(certs)) as broker:
        yield broker


@pytest.fixture
def nginx(certs):
    with running(Nginx(certs, files={"a.txt": b"hello\n", "big.bin": bytes(30000)})) as nginx:
        yield nginx


@pytest.mark.parametrize("page, n", CODE)
def test_code_of_the_pages(page, n, sim, certs, broker, nginx):
    # Host, port and the CA's path are those of the server here; nothing else is changed. Where the
    # code asks board.setting() for them, nothing is.
    text = blocks(page)[n].replace('"ca.pem"', repr(str(certs.ca)))
    text = text.replace('"server.example", 443', '"localhost", %d' % nginx.port)
    text = text.replace('server_hostname="server.example"', 'server_hostname="localhost"')
    assert ".example" not in re.sub("Host: server.example", "", text)
    with Listener(broker.plain_port) as listener:
        port = broker.port if page == "mqtt.md" else nginx.port
        with Script(sim, certs, text, plain=True, host="localhost", port=port) as script:
            lines = script.end()
        if page == "mqtt.md":
            messages = [message[1] for message in listener.wait(2 if n == 2 else 1)]
            assert messages == [b"21.5", b"21.6"][: len(messages)]
    if page == "http.md":
        assert lines == (["200 accepted", ""] * 3, ["30000"], ["200 b'accepted\\n'"] * 3)[n]
        assert len(nginx.posts()) == (3, 0, 3)[n]
    if page in ("asyncio.md", "sockets.md"):
        assert len(nginx.requests(1)) == 1
        assert int(lines[-1]) > 100


@pytest.mark.parametrize("page, n", [c for c in CODE if c[0] in ("mqtt.md", "http.md")])
def test_code_of_the_pages_as_it_is(page, n, tmp_path):
    # tools/run.py and its server, as printed.
    path = tmp_path / "script.py"
    path.write_text(blocks(page)[n])
    (tmp_path / "tmp").mkdir()
    status, out, err = tool.run(tmp_path / "tmp", "run.py", "--baud", "0", path)
    assert status == 0, out + err
    if page == "http.md":
        assert out.startswith(("200 accepted", "", "200 b'accepted")[n]), out
        assert n != 1 or int(out) > 40
        assert err.count("POST /post") == (3, 0, 3)[n]
    assert "not sent" not in out


def test_code_of_the_pages_on_the_emulated_board(tmp_path):
    if not setup.have_emulator():
        pytest.skip("no emulated board here: run `python3 tools/device.py` once")
    path = tmp_path / "script.py"
    path.write_text(blocks("http.md")[0])
    (tmp_path / "tmp").mkdir()
    status, out, err = tool.run(tmp_path / "tmp", "device.py", path)
    assert status == 0, out + err
    assert out.count("200 accepted") == 3 and "not sent" not in out, out


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
            *("count=3", "interval_ms=50", "topic=plant/7"),
        )
        assert listener.wait(3) == [("plant/7", b, 1) for b in (b"20.7", b"21.4", b"22.1")]
    assert out.splitlines() == ["starting the modem"] + [
        "measurement %d: confirmed" % n for n in (1, 2, 3)
    ]


def test_mqtt_robust_through_restarts_of_broker_and_modem(sim, certs, broker):
    # It goes on meanwhile, however late something happens to it.
    settings = {"host": "127.0.0.1", "port": broker.port, "interval_ms": 100, "count": 100000}
    text = (EXAMPLES / "mqtt_robust.py").read_text()
    with Script(sim, certs, text, plain=True, **settings) as script:

        def heard(pattern):
            while True:
                found = re.match(pattern, script.line())
                if found:
                    return found

        def goes_on():
            # With a measurement after those before.
            last = int(heard(confirmed)[1])
            assert last > numbers[-1], (last, numbers)
            numbers.append(last)

        numbers = [0]
        confirmed = r"measurement (\d+): confirmed$"
        goes_on()
        stop(broker)
        heard("no connection")
        again(broker)
        goes_on()
        for trouble in ("restart", "pdp drop 1"):
            sim.control().command(trouble)
            heard("starting the modem")
            goes_on()
        assert len(numbers) == 5
        script.process.kill()


def test_mqtt_robust_takes_commands(sim, certs, broker):
    settings = {"host": "127.0.0.1", "port": broker.port, "interval_ms": 60000, "count": 3}
    text = (EXAMPLES / "mqtt_robust.py").read_text()
    with Script(sim, certs, text, plain=True, **settings) as script:
        while script.line() != "measurement 1: confirmed":
            pass
        with Listener(broker.plain_port) as sender:
            sender.publish("telemetry/example-2/set", b"interval_ms=100")
            sender.wait(1)
        assert script.line() == "command: interval_ms=100"
        # The interval that has begun is the old one.
        script.process.kill()


def test_async_two_sockets(tmp_path, certs, nginx):
    out = run(
        tmp_path,
        "async_two_sockets.py",
        *("host=127.0.0.1", "port=%d" % nginx.port, "ca=%s" % certs.ca),
        *("count=3", "interval_ms=50", "page=/big.bin", "path=/post"),
    )
    lines = out.splitlines()
    assert [s for s in lines if s.startswith("post")] == ["post %d: 200" % n for n in range(1, 4)]
    assert [s for s in lines if s.startswith("get")] == [
        "get %d: 200, 30000 bytes" % n for n in range(1, 4)
    ]
    assert int(lines[-1].split()[0]) >= 2  # heartbeats in at least 100 ms
    assert [json.loads(body)[0]["v"] for body in nginx.posts()] == [1, 2, 3]
    assert len([r for r in nginx.requests(6) if "big.bin" in r]) == 3


def test_async_two_sockets_goes_on_after_a_restart(sim, certs, nginx):
    settings = {"host": "127.0.0.1", "port": nginx.port, "interval_ms": 100, "count": 20}
    settings.update(page="/a.txt", path="/post")
    text = (EXAMPLES / "async_two_sockets.py").read_text()
    with Script(sim, certs, text, plain=True, **settings) as script:
        while not script.line().endswith(" 2: 200"):
            pass
        sim.control().command("restart")
        lines = script.end(60)
    assert "post 20: 200" in lines and "get 20: 200, 6 bytes" in lines
