# test_clients_mqtt - unmodified MQTT clients from the package index against a real mosquitto.
# SPDX-License-Identifier: MIT

import time

import pytest

from client_kit import Counter, Script, modem, running, without_connections
from patience import until
from servers import Listener, Mosquitto

BIG = 100 * 1024

SIMPLE = """
from umqtt.simple import MQTTClient, MQTTException
def client(name="device", **params):
    return MQTTClient(name, "localhost", board.setting("mqtt", 0), ssl=True, **params)
"""
ROBUST = SIMPLE.replace("umqtt.simple", "umqtt.robust").replace(", MQTTException", "")
SIMPLE2 = SIMPLE.replace("umqtt.simple", "umqtt.simple2")


@pytest.fixture(scope="module")
def sim():
    with modem() as sim:
        yield sim


@pytest.fixture(scope="module")
def broker(certs):
    with running(Mosquitto(certs)) as broker:
        yield broker


@pytest.fixture
def run(sim, certs, broker):
    # run(text): the script with the broker's port in its settings.
    def run(text, **settings):
        return Script(sim, certs, text, mqtt=settings.pop("mqtt", broker.port), **settings)

    return run


def stop(server):
    server.process.terminate()
    server.process.wait()


def again(server):
    # Starts a stopped server once more, on the same ports.
    argv = server.process.args
    server.prepare = lambda: argv
    server.start()


# --- umqtt.simple --------------------------------------------------------------------------------


def test_simple_publishes_at_both_qos(run, broker):
    text = SIMPLE + (
        "c = client()\n"
        "assert c.connect() == 0\n"
        "c.publish(b'a/0', b'bytes')\n"
        "c.publish('a/1', 'str', qos=1)\n"
        "c.publish(b'a/2', b'')\n"
        "c.publish(b'a/3', bytes(range(256)), qos=1)\n"
        "c.disconnect()\n"
    )
    with Listener(broker.plain_port) as listener, run(text) as script:
        script.end()
        assert listener.wait(4) == [
            ("a/0", b"bytes", 0),
            ("a/1", b"str", 1),
            ("a/2", b"", 0),
            ("a/3", bytes(range(256)), 1),
        ]


def test_one_send_for_each_publish(sim, run, broker):
    # Nothing is flushed by hand; what is not awaited goes out while the program waits. On a busy
    # computer the 50 ms may pass in the middle of a publish: the least of ten tries counts.
    text = SIMPLE + (
        "c = client()\n"
        "c.connect()\n"
        "for i in range(50):\n"
        "    say('ready')\n"
        "    hear()\n"
        "    if i % 5 < 4:\n"
        "        c.publish(b'sensor/temperature', b'{\"celsius\": 21.5}', qos=i % 5 % 2)\n"
        "    else:\n"
        "        c.ping()\n"
        "    while c.sock._n:\n"
        "        modem.sleep_ms(5)\n"
        "say('ready')\n"
        "hear()\n"
    )
    with Listener(broker.plain_port) as listener, run(text) as script:
        counter = Counter(sim)
        counts = []
        assert script.line() == "ready"
        counter.look()
        for _ in range(50):
            script.say()
            assert script.line() == "ready"
            counts.append(counter.look().get("+QSSLSEND", 0))
        assert [min(counts[i::5]) for i in range(5)] == [1, 1, 1, 1, 1]
        script.say()
        script.end()
        assert len(listener.wait(40)) == 40


def test_a_publish_is_out_before_the_next_one(run, broker):
    # The program sleeps without the pump: what it wrote goes out as soon as it does anything.
    text = SIMPLE + (
        "c = client()\n"
        "c.connect()\n"
        "c.publish(b'a', b'1')\n"
        "time.sleep_ms(100)\n"
        "c.publish(b'a', b'2')\n"
        "say('written')\n"
        "hear()\n"
        "c.disconnect()\n"
    )
    with Listener(broker.plain_port) as listener, run(text) as script:
        assert script.line() == "written"
        script.say()
        script.end()
        assert [m[1] for m in listener.wait(2)] == [b"1", b"2"]


def test_simple_subscribes(run):
    text = SIMPLE + (
        "got = []\n"
        "c = client()\n"
        "c.set_callback(lambda topic, message: got.append((topic, message)))\n"
        "c.connect()\n"
        "c.subscribe(b'in/#', qos=1)\n"
        "assert c.check_msg() is None and not got\n"
        "c.publish(b'in/x', b'one')\n"
        "c.wait_msg()\n"
        "c.publish(b'in/y', b'two', qos=1)\n"
        "while len(got) < 2:\n"
        "    c.check_msg()\n"
        "    time.sleep_ms(10)\n"
        "assert got == [(b'in/x', b'one'), (b'in/y', b'two')], got\n"
        "c.disconnect()\n"
    )
    with run(text) as script:
        script.end()


def test_simple_gets_a_retained_message(run):
    text = SIMPLE + (
        "a = client()\n"
        "a.connect()\n"
        "a.publish(b'state', b'on', retain=True, qos=1)\n"
        "a.disconnect()\n"
        "got = []\n"
        "b = client('other')\n"
        "b.set_callback(lambda *m: got.append(m))\n"
        "b.connect()\n"
        "b.subscribe(b'state')\n"
        "while not got:\n"
        "    b.wait_msg()\n"
        "assert got == [(b'state', b'on')], got\n"
        "b.publish(b'state', b'', retain=True, qos=1)\n"  # for the next test
        "b.disconnect()\n"
    )
    with run(text) as script:
        script.end()


def test_simple_two_clients_at_once(run):
    text = SIMPLE + (
        "got = []\n"
        "a, b = client('a'), client('b')\n"
        "b.set_callback(lambda *m: got.append(m[1]))\n"
        "a.connect()\n"
        "b.connect()\n"
        "b.subscribe(b't')\n"
        "for i in range(10):\n"
        "    a.publish(b't', b'%d' % i)\n"
        "    a.ping()\n"
        "    a.wait_msg()\n"
        "    b.wait_msg()\n"
        "assert got == [b'%d' % i for i in range(10)], got\n"
        "a.disconnect()\n"
        "b.disconnect()\n"
    )
    with run(text) as script:
        script.end()


def test_last_will_when_the_device_goes_without_a_word(run, broker):
    text = SIMPLE + (
        "c = client()\n"
        "c.set_last_will('gone', b'device lost', qos=1)\n"
        "c.connect()\n"
        "c.sock.close()\n"
        "c = client()\n"
        "c.set_last_will('gone', b'not this one')\n"
        "c.connect()\n"
        "c.disconnect()\n"
    )
    with Listener(broker.plain_port) as listener, run(text) as script:
        script.end()
        assert listener.wait(1) == [("gone", b"device lost", 1)]
        time.sleep(0.2)
        assert len(listener.messages) == 1


def test_keep_alive(run, broker):
    # Of two clients the broker drops the one that does not ping; mosquitto looks each 5 s. A busy
    # computer may keep the other one from it for some seconds.
    text = SIMPLE + (
        "lively, silent = client('lively', keepalive=20), client('silent', keepalive=1)\n"
        "lively.connect()\n"
        "silent.connect()\n"
        "try:\n"
        "    while True:\n"
        "        lively.ping()\n"
        "        lively.check_msg()\n"
        "        silent.check_msg()\n"
        "        time.sleep_ms(50)\n"
        "except OSError as e:\n"
        "    assert e.args[0] == -1, e\n"  # umqtt's own number for a connection that was closed
        "lively.publish(b'alive', b'yes', qos=1)\n"
        "lively.disconnect()\n"
    )
    with Listener(broker.plain_port, "alive") as listener, run(text) as script:
        script.end()
        assert listener.wait(1) == [("alive", b"yes", 1)]
    assert broker.log().count("PINGREQ from lively") > 1


def test_a_message_of_100_kib_both_ways(run, broker):
    text = SIMPLE + (
        "got = []\n"
        "c = client()\n"
        "c.set_callback(lambda *m: got.append(m))\n"
        "c.connect()\n"
        "c.subscribe(b'big')\n"
        "data = bytes(range(256)) * (%d // 256)\n"
        "c.publish(b'big', data, qos=1)\n"
        "while not got:\n"
        "    c.wait_msg()\n"
        "assert got[0] == (b'big', data)\n"
        "c.disconnect()\n" % BIG
    )
    with Listener(broker.plain_port) as listener, run(text, heap="4m") as script:
        script.end(60)
        assert listener.wait(1) == [("big", bytes(range(256)) * (BIG // 256), 1)]


def test_refused_login(run, certs, start):
    broker = start(Mosquitto(certs, passwords={"device": "secret"}))
    text = SIMPLE + (
        "for user, password, code in (('device', 'wrong', 5), ('nobody', 'secret', 5),\n"
        "                             ('device', 'secret', 0)):\n"
        "    c = client(user=user, password=password)\n"
        "    try:\n"
        "        c.connect()\n"
        "        result = 0\n"
        "        c.disconnect()\n"
        "    except MQTTException as e:\n"
        "        result = e.args[0]\n"
        "    assert result == code, (user, password, result)\n"
        "for i in range(3):\n"  # the sockets that umqtt dropped are not in the way
        "    c = client(user='device', password='wrong')\n"
        "    try:\n"
        "        c.connect()\n"
        "        assert False\n"
        "    except MQTTException:\n"
        "        pass\n"
    )
    with run(text, mqtt=broker.port) as script:
        script.end()


def test_nobody_listens_and_wrong_ca(run, certs):
    text = SIMPLE + (
        "from qssl.errors import Error\n"
        "for port, settings in ((1, {'ca': CA}), (board.setting('mqtt', 0), "
        "{'ca': board.setting('other')})):\n"
        "    compat.install(modem, modem.tls(1, **settings))\n"
        "    c = MQTTClient('x', 'localhost', port, ssl=True)\n"
        "    try:\n"
        "        c.connect()\n"
        "        assert False\n"
        "    except OSError as e:\n"
        "        assert isinstance(e, Error) and e.errno > 0 and e.phase == 'open', repr(e)\n"
        "        say(e)\n"
    )
    # umqtt has the module by its name then, so it is imported after install().
    text = text.replace(SIMPLE, "from umqtt.simple import MQTTClient\nimport umqtt.simple\n")
    text = text.replace(
        "    c = MQTT", "    umqtt.simple.socket = sys.modules['socket']\n    c = MQTT"
    )
    with run(text, other=certs.other_ca) as script:
        first, second = script.end()
        assert "localhost:1" in first
        assert "localhost:" in second


# --- umqtt.robust --------------------------------------------------------------------------------


def test_robust_goes_on_after_the_broker_restarted(sim, run, broker):
    text = ROBUST + (
        "c = client()\n"
        "c.DELAY = 0.2\n"
        "c.connect()\n"
        "for i in range(5):\n"  # more often than there are sockets
        "    c.publish(b't', b'%d' % i, qos=1)\n"
        "    say('published')\n"
        "    hear()\n"
        "c.disconnect()\n"
    )
    with run(text) as script:
        for i in range(5):
            assert script.line(60) == "published", i
            if i < 4:
                stop(broker)
                # The modem has said that the connection is closed before the client goes on. What
                # is lost between its publish and the answer, this client waits for for ever: it
                # connects anew, and does not send it again.
                without_connections(sim)
                if i == 2:
                    script.say()  # it tries in vain for a while
                    time.sleep(0.5)
                    again(broker)
                    continue
                again(broker)
            script.say()
        script.end()


def test_robust_survives_a_restart_of_the_modem(sim, run, broker):
    # start(): what compat calls when a connection is wanted and the modem is not up.
    text = (
        "def start():\n"
        "    modem.start(apn='internet')\n"
        "    modem.clock(board.utc())\n"
        "compat.install(modem, ctx, start)\n"
    )
    text += ROBUST + (
        "c = client()\n"
        "c.DELAY = 0.2\n"
        "c.connect()\n"
        "for i in range(4):\n"
        "    c.publish(b't', b'%d' % i, qos=1)\n"
        "    say('published')\n"
        "    hear()\n"
        "c.disconnect()\n"
    )
    with Listener(broker.plain_port) as listener, run(text) as script:
        control = sim.control()
        for i in range(4):
            assert script.line(60) == "published"
            if i < 3:
                control.command(("restart", "pdp drop 1", "restart")[i])
                # umqtt.robust waits for ever if it is lost within publish().
                without_connections(sim)
                until(lambda: "power on" in control.command("state"))
            script.say()
        script.end()
        assert [m[1] for m in listener.wait(4)] == [b"0", b"1", b"2", b"3"]


# --- umqtt.simple2 -------------------------------------------------------------------------------


def test_simple2_publishes_and_subscribes(run):
    text = SIMPLE2 + (
        "got, sent = [], []\n"
        "c = client(keepalive=30, socket_timeout=30, message_timeout=60)\n"
        "c.set_callback(lambda *m: got.append(m))\n"
        "c.set_callback_status(lambda pid, status: sent.append((pid, status)))\n"
        "c.set_last_will('gone', 'x')\n"
        "assert c.connect() == 0\n"
        "pid = c.subscribe(b'in/#', qos=1)\n"
        "c.publish('in/0', 'zero')\n"
        "other = c.publish(b'in/1', b'one', qos=1, retain=True)\n"
        "end = time.ticks_add(time.ticks_ms(), 60000)\n"
        "while (len(got) < 2 or len(sent) < 2) and time.ticks_diff(end, time.ticks_ms()) > 0:\n"
        "    c.check_msg()\n"
        "assert got == [(b'in/0', b'zero', False, False), (b'in/1', b'one', False, False)], got\n"
        "assert sent == [(pid, 1), (other, 1)], sent\n"
        "c.ping()\n"
        "assert c.check_msg() is None\n"
        "c.publish(b'in/1', b'', retain=True)\n"  # for the next test
        "c.disconnect()\n"
        "while modem.sockets != [None, None]:\n"  # what it closes without blocking
        "    modem.sleep_ms(5)\n"
    )
    with run(text) as script:
        script.end()


def test_simple2_receives_100_kib_and_sends_what_one_write_takes(run, broker):
    # simple2 takes a short write() for an error, so a message must fit the send buffer.
    text = SIMPLE2 + (
        "import umqtt.simple\n"
        "got = []\n"
        "c = client(socket_timeout=20)\n"
        "c.set_callback(lambda *m: got.append(m[1]))\n"
        "c.connect()\n"
        "c.subscribe(b'in')\n"
        "while c.check_msg() != 0x90:\n"
        "    pass\n"
        "data = bytes(range(256)) * (%d // 256)\n"
        "a = umqtt.simple.MQTTClient('a', 'localhost', board.setting('mqtt', 0), ssl=True)\n"
        "a.connect()\n"
        "a.publish(b'in', data)\n"
        "a.disconnect()\n"
        "while not got:\n"
        "    c.check_msg()\n"
        "assert got == [data]\n"
        "c.publish(b'out', data[:1400])\n"
        "modem.sleep_ms(500)\n"
        "try:\n"
        "    c.publish(b'out', data[:1500])\n"
        "    assert False\n"
        "except MQTTException as e:\n"
        "    assert e.args[0] == 3, e\n"  # EWRITELEN
        "c.disconnect()\n" % BIG
    )
    with Listener(broker.plain_port, "out") as listener, run(text, heap="4m") as script:
        script.end(60)
        assert [len(m[1]) for m in listener.wait(1)] == [1400]


def test_simple2_connects_again_after_the_broker_restarted(run, broker):
    text = SIMPLE2 + (
        "c = client()\n"
        "for i in range(3):\n"
        "    c.connect()\n"
        "    c.publish(b't', b'%d' % i, qos=1)\n"
        "    say('published')\n"
        "    try:\n"
        "        while True:\n"
        "            c.check_msg()\n"
        "    except (OSError, MQTTException) as e:\n"
        "        say('lost', e.args[0])\n"
        "    hear()\n"
    )
    with run(text) as script:
        for _ in range(3):
            assert script.line() == "published"
            stop(broker)
            assert script.line().startswith("lost ")
            again(broker)
            script.say()
        script.end()
