# test_both_ways - messages and settings from the receiver to a device, and what comes back: over
# HTTPS by the program in docs/inbox.md, over MQTT with a real mosquitto.
# SPDX-License-Identifier: MIT

import json
import re
import subprocess
import sys

import pytest

import servers
import setup
import tool
from patience import LIMIT_S, until
from receiver_kit import Broker, Receiver

_PAGE = (setup.ROOT / "docs" / "inbox.md").read_text()
(_HTTPS,) = re.findall(r"^```python\n(.*?)^```$", _PAGE, re.S | re.M)
_SUBSCRIBER = """Subscriber(
    board.setting("device"), "qssl/n2/up", "qssl/n2/down", "n2", board.setting("token")
)"""
_SMILE = "good morning \U0001f600"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    certs = servers.Certificates(tmp_path_factory.mktemp("receiver"))
    r = Receiver(certs)
    r.one, r.two = r.device("n1"), r.device("n2")
    try:
        with Broker(r) as r.broker:
            r.options = ["--mqtt", "mqtts://127.0.0.1:%d" % r.broker.port, "--mqtt-ca", certs.ca]
            with r:
                until(lambda: "connected, topic qssl/+/up" in r.log())
                yield r
    except servers.MissingServer as e:
        pytest.skip(str(e))


def run(receiver, device, port, text, folder):
    # What the program prints.
    script = folder / "program.py"
    script.write_text(text)
    words = ["host=127.0.0.1", "port=%d" % port, "ca=%s" % receiver.certs.ca]
    words += ["token=" + device.token, "key=" + device.key.hex(), "device=" + device.name]
    argv = [sys.executable, setup.ROOT / "tools/run.py", "--baud", "0", script, "--", *words]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=tool.LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def states(receiver, device):
    sql = "SELECT m, state FROM messages m, devices d WHERE d.id = m.device AND d.name = '%s'"
    return dict(receiver.rows(sql % device.name))


def sent(receiver, device):
    sql = "SELECT count(*) FROM messages m, devices d WHERE d.id = m.device AND d.name = '%s'"
    return receiver.rows(sql % device.name + " AND sent_at IS NOT NULL")[0][0]


def report(receiver, device):
    sql = "SELECT settings FROM devices WHERE name = '%s'" % device.name
    ((text,),) = receiver.rows(sql)
    return json.loads(text or "null")


def test_the_page_and_the_receiver(receiver, tmp_path):
    device = receiver.one
    receiver.send(device, "message", _SMILE)
    receiver.send(device, "settings", '{"interval_s":60,"led":true}')
    want = ["message 1 " + _SMILE, "interval 60"]
    assert run(receiver, device, receiver.port, _HTTPS, tmp_path) == want
    found = report(receiver, device)
    assert found["m"] == 2 and found["values"]["interval_s"] == 60
    assert found["refused"] == {"led": "is unknown"}
    assert states(receiver, device) == {1: "taken", 2: "taken"}
    # Another start: nothing comes twice, and the setting is still there.
    assert run(receiver, device, receiver.port, _HTTPS, tmp_path) == ["interval 60"]


def test_mosquitto_and_the_receiver(receiver, tmp_path):
    device = receiver.two
    text = _HTTPS.replace("from qssl.https import Https", "")
    text = text.replace('Https(host, "/in/" + board.setting("token"))', _SUBSCRIBER)
    text = "from qssl.uplink.subscriber import Subscriber\n" + text

    def heard():
        # On a busy computer the program's time may be over before it has said anything.
        assert run(receiver, device, receiver.broker.port, text, tmp_path) == ["interval 300"]
        return receiver.rows("SELECT carrier FROM devices WHERE name = 'n2'") == [("mqtt",)]

    # The receiver sends by MQTT to who was heard by MQTT: the first one says that it is there.
    until(heard, seconds=5 * LIMIT_S)
    receiver.send(device, "message", _SMILE)
    receiver.send(device, "settings", '{"interval_s":60}')
    until(lambda: sent(receiver, device) == 1)
    # What waits at the broker comes with the next connection; then the second, after its ack.
    text = text.replace("up.run(60)", "up.run(60, 8)")
    lines = []

    def taken():
        # On a busy computer the second may come with another run.
        lines.extend(run(receiver, device, receiver.broker.port, text, tmp_path))
        return lines[-1] == "interval 60"

    until(taken, seconds=5 * LIMIT_S)
    assert [line for line in lines if line.startswith("message")] == ["message 1 " + _SMILE]
    until(lambda: states(receiver, device) == {1: "taken", 2: "taken"})
    until(lambda: report(receiver, device)["values"]["interval_s"] == 60)
