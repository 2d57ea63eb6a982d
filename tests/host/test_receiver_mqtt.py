# test_receiver_mqtt - the receiver behind a real mosquitto: nothing acknowledged is lost, nothing
# is there twice.
# SPDX-License-Identifier: MIT

import contextlib
import json
import re
import shutil
import signal
import sqlite3
import threading
import time

import pytest

import servers
import tool
from patience import LIMIT_S, until
from receiver_kit import Broker, Client, Receiver, batch

_SCRIPT = """\
import board
from qssl.mqtt import Mqtt
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink

modem = board.modem(sockets=1)
name = board.setting("name")
carrier = Mqtt(name, "qssl/%s/up" % name, name, board.setting("token"))
to = (board.setting("host"), board.setting("port", 8883), modem.tls(ca=board.setting("ca")))
recovery = Recovery(modem, utc=board.utc, **board.access())
up = Uplink(modem, *to, carrier, RamQueue(), recovery, batch=4, pause_s=1)
for n in range(10):
    up.put('{"t":%d}' % n)
print(up.run(60), up.delivered, up.rejected, up.error)
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    # (receiver, broker, a device)
    certs = servers.Certificates(tmp_path_factory.mktemp("receiver"))
    r = Receiver(certs)
    device = r.device("n1")
    r.other = r.device("n2")
    try:
        with Broker(r) as broker:
            r.options = ["--mqtt", "mqtts://127.0.0.1:%d" % broker.port, "--mqtt-ca", certs.ca]
            with r:
                until(lambda: "connected, topic qssl/+/up" in r.log())
                yield r, broker, device
    except servers.MissingServer as e:
        pytest.skip(str(e))


def test_the_uplink_delivers(both, tmp_path, tmp_path_factory):
    receiver, broker, device = both
    script = tmp_path_factory.mktemp("script") / "script.py"
    script.write_text(_SCRIPT)
    settings = ["host=127.0.0.1", "port=%d" % broker.port, "ca=%s" % receiver.certs.ca]
    settings += ["name=" + device.name, "token=" + device.token]
    status, out, err = tool.run(tmp_path, "run.py", "--baud", "0", script, "--", *settings)
    assert (status, out) == (0, "0 10 0 None\n"), out + err
    until(lambda: len(receiver.ids()) == 10)
    assert receiver.ids() == list(range(1, 11))
    assert receiver.rows("SELECT carrier, repeats FROM devices WHERE name = 'n1'") == [("mqtt", 0)]


def test_a_device_has_its_own_topics_alone(both):
    receiver, broker, device = both
    count = len(receiver.ids())
    with Client(broker, "n1", device.token, "x", ["qssl/+/up", "qssl/n2/down", "#"]) as c:
        assert c.code == 0
        c.publish("qssl/n2/up", batch(1, 1, "foreign"))
        c.publish("qssl/n1/up", batch(900, 1, "own"))
        until(lambda: len(receiver.ids()) == count + 1)
        assert receiver.rows("SELECT count(*) FROM records WHERE queue = 'foreign'") == [(0,)]
        assert c.got == []
    with Client(broker, "n1", "wrong", "y") as c:
        assert c.code != 0


def test_what_nobody_can_use_does_not_stop_the_rest(both):
    receiver, broker, device = both
    count = len(receiver.ids())
    bad = [
        b"",
        b"no JSON",
        b"\xff",
        b"[" * 30000,
        b"x" * 70000,
        {"queue": "<b>", "id": 1, "record": 1},
    ]
    with Client(broker, "n1", device.token) as c:
        c.publish("qssl/n1/up", *bad, batch(1, 1, "after"), batch(1, 1, "after"))
        until(lambda: len(receiver.ids()) == count + 1)
        until(lambda: receiver.rows("SELECT repeats FROM devices WHERE name = 'n1'") == [(1,)])
    # A device that is known to the broker and no longer to the receiver.
    gone = receiver.other
    receiver.run("device", "remove", "n2")
    with Client(broker, "n2", gone.token) as c:
        c.publish("qssl/n2/up", batch(1, 1))
    until(lambda: "there is no such device" in receiver.log())
    assert len(receiver.ids()) == count + 1


def test_a_stolen_token_is_locked_out(both):
    # The broker has the tokens in a file: until that is made anew, the thief goes on.
    receiver, broker, _ = both

    def reload():
        assert receiver.run("broker", *receiver.cert())[0] == 0
        broker.process.send_signal(signal.SIGHUP)

    status, out, _ = receiver.run("device", "add", "stolen")
    assert status == 0 and "knows nothing of that: run `broker`" in out
    token = re.search("token +(.*)", out)[1]
    reload()

    def code(token, id):
        with Client(broker, "stolen", token, id) as c:
            return int(c.code.value)

    until(lambda: code(token, "t") == 0)
    with Client(broker, "stolen", token, "thief") as thief:
        lost = threading.Event()
        thief.paho.on_disconnect = lambda *_: lost.set()
        status, out, _ = receiver.run("device", "token", "stolen")
        assert status == 0 and "still lets the old token in: run `broker`" in out
        reload()
        assert lost.wait(LIMIT_S)
        assert code(token, "t") != 0
        assert code(re.search("token +(.*)", out)[1], "u") == 0


def test_messages_go_down_and_are_acknowledged(both):
    receiver, broker, device = both
    with Client(broker, "n1", device.token, topics=["qssl/n1/down"]) as c:
        c.publish("qssl/n1/up", {"ack": 0})
        receiver.send(device, "message", "one")
        receiver.send(device, "settings", '{"a":1}')
        sent = "SELECT m, state, sent_at IS NULL FROM messages ORDER BY m"
        until(lambda: len(c.got) == 1)
        # The second waits for the word on the first: else the first, lost by the broker, would be
        # acknowledged with it.
        one = [(1, "waiting", 0), (2, "waiting", 1)]
        until(lambda: receiver.rows(sent) == one)
        time.sleep(2.5)
        assert receiver.rows(sent) == one
        c.publish("qssl/n1/up", {"ack": 1})
        until(lambda: len(c.got) == 2)
        found = [(topic, json.loads(text)) for topic, text in c.got]
        assert [(topic, m["m"], m["body"]) for topic, m in found] == [
            ("qssl/n1/down", 1, "one"),
            ("qssl/n1/down", 2, '{"a":1}'),
        ]
        c.publish("qssl/n1/up", {"ack": 2})
        states = "SELECT m, state FROM messages ORDER BY m"
        until(lambda: receiver.rows(states) == [(1, "taken"), (2, "taken")])
    # One that comes while the device is away: the broker keeps it, as its session goes on.
    receiver.send(device, "message", "three")
    until(lambda: receiver.rows("SELECT count(sent_at) FROM messages") == [(3,)])
    with Client(broker, "n1", device.token) as c:
        until(lambda: len(c.got) == 1)
        assert json.loads(c.got[0][1])["body"] == "three"


def test_a_database_that_is_locked_delays_all_and_loses_nothing(both):
    receiver, broker, device = both
    count = len(receiver.ids())
    path = receiver.folder / "receiver.db"
    with Client(broker, "n1", device.token) as c:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            c.publish("qssl/n1/up", *[batch(n, 1, "locked") for n in range(1, 30)])
            until(lambda: "the database can't be used" in receiver.log())
            other.execute("ROLLBACK")
        until(lambda: len(receiver.ids()) == count + 29)
    kept = receiver.rows("SELECT id FROM records WHERE queue = 'locked' ORDER BY id")
    assert kept == [(n,) for n in range(1, 30)]


def test_one_that_goes_for_good_leaves_nothing_at_the_broker(both):
    # Two share a subscription; one dies, and what the broker keeps for it is fetched from there.
    receiver, broker, device = both
    words = [*receiver.options, "--mqtt-share", "pair", "--mqtt-prefix", "pair"]
    two = [Receiver(receiver.certs, *words, "--mqtt-id", name, like=receiver) for name in "ab"]
    rights = broker.receiver.folder / "mosquitto/rights"
    text = rights.read_text()
    rights.write_text(text + text.replace("qssl/", "pair/"))
    broker.process.send_signal(signal.SIGHUP)
    kept = "SELECT id FROM records WHERE queue = 'pair' ORDER BY id"
    with contextlib.ExitStack() as stack:
        for one in two:
            shutil.copy(receiver.folder / "broker.key", one.folder)
            stack.enter_context(one)
            until(lambda: "connected, topic $share/pair/pair/+/up" in one.log())  # noqa: B023
        two[0].process.kill()
        two[0].process.wait()
        with Client(broker, "n1", device.token) as c:
            c.publish("pair/n1/up", *[batch(n, 1, "pair") for n in range(1, 21)])
            until(lambda: len(receiver.rows(kept)) == 10)
            status, out, err = two[0].run("retire", *two[0].options)
            assert (status, out) == (0, "") and "keeps nothing for this receiver" in err
            assert receiver.rows(kept) == [(n,) for n in range(1, 21)]
            # From now on the other one gets all.
            c.publish("pair/n1/up", *[batch(n, 1, "pair") for n in range(21, 41)])
            until(lambda: len(receiver.rows(kept)) == 40)
        assert two[0].run("retire")[::2] == (
            2,
            "receiver: Say --mqtt: which broker is it to leave?\n",
        )


def test_a_receiver_that_is_killed_while_records_come(both):
    receiver, broker, device = both
    count = len(receiver.ids())
    with Client(broker, "n1", device.token) as c:
        for round in range(2):
            first = 1 + round * 40
            c.publish("qssl/n1/up", *[batch(n, 1, "kill") for n in range(first, first + 20)])
            receiver.process.send_signal(signal.SIGKILL)
            receiver.process.wait()
            c.publish("qssl/n1/up", *[batch(n, 1, "kill") for n in range(first + 20, first + 40)])
            receiver.start()
        until(lambda: len(receiver.ids()) >= count + 80)
    kept = receiver.rows("SELECT id FROM records WHERE queue = 'kill' ORDER BY id")
    assert [id for (id,) in kept] == list(range(1, 81))
    # In order it ends by itself, and what it has is written.
    with Client(broker, "n1", device.token) as c:
        c.publish("qssl/n1/up", *[batch(n, 1, "end") for n in range(1, 50)])
        assert receiver.end() == 0
        assert "stopped" in receiver.log()
        receiver.start()
        until(lambda: receiver.rows("SELECT count(*) FROM records WHERE queue = 'end'") == [(49,)])
    assert "Traceback" not in receiver.log()
