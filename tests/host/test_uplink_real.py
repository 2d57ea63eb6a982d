# test_uplink_real - the uplink on MicroPython, through ugsim, to a mosquitto that is killed.
# SPDX-License-Identifier: MIT

import json
import time

import pytest

from client_kit import Script
from servers import Listener, Mosquitto
from ugsim_client import Ugsim

TEXT = """
from qssl.mqtt import Mqtt
from qssl.queue import FileQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink
n = 0
def board_starts():
    # All that RAM held is made anew.
    return Uplink(modem, "localhost", board.setting("mqtt", 0), ctx, Mqtt("device", "up"),
        FileQueue(board.setting("folder")), Recovery(modem, apn="internet", utc=board.utc),
        batch=8, timeout_s=8, pause_s=1, pause_max_s=2)
up = board_starts()
say("ready")
while True:
    word = hear()
    if word == "put":
        for _ in range(60):
            up.put('{"n":%d}' % n)
            n += 1
        say("have", len(up.queue))
    elif word == "some":
        up.run(4)
        say("left", len(up.queue))
    elif word == "all":
        say("left", up.run(60))
    elif word == "cut":
        up = None
        for sock in modem.sockets:
            if sock is not None:
                sock.close()
        up = board_starts()
        say("again", len(up.queue))
    else:
        break
"""


@pytest.fixture
def sim():
    with Ugsim("--tcp", "127.0.0.1:0", "--control", "--baud", "0") as sim:
        yield sim


class Ledger:
    # What subscribers of several lives of the broker saw.
    def __init__(self):
        self.ids = {}
        self.repeats = 0
        self.order = []

    def take(self, listener):
        for _, payload, _ in listener.messages:
            what = json.loads(payload)
            key = (what["queue"], what["id"])
            if key in self.ids:
                self.repeats += 1
                assert self.ids[key] == what["record"]
            else:
                self.ids[key] = what["record"]
                self.order.append(what["record"]["n"])


def test_a_broker_that_is_killed_and_started_again(sim, certs, start, tmp_path):
    broker = start(Mosquitto(certs))
    ledger = Ledger()
    folder = str(tmp_path / "queue")
    with Script(sim, certs, TEXT, mqtt=broker.port, folder=folder) as script:
        assert script.line() == "ready"
        for turn in range(3):
            listener = Listener(broker.plain_port)
            script.say("put")
            assert script.line().startswith("have")
            script.say("some" if turn else "all")
            listener.wait(10)
            if turn:
                broker.process.kill()  # in the midst, or when all is out
            assert script.line(90).startswith("left")
            script.say("cut")
            assert script.line().startswith("again")
            if not turn:
                broker.process.kill()
            broker.process.wait(5)
            script.say("put")
            assert script.line() != "have 0"
            script.say("some")
            left = int(script.line(90).split()[1])
            assert left >= 60  # nobody is there
            listener.close()
            ledger.take(listener)
            argv = broker.process.args
            broker.prepare = lambda argv=argv: argv
            broker.start()
            listener = Listener(broker.plain_port)
            script.say("all")
            assert script.line(90) == "left 0"
            time.sleep(0.3)
            listener.close()
            ledger.take(listener)
        script.say("end")
        script.end()
    assert ledger.order == list(range(360)), ledger.order
    assert ledger.repeats <= 8 * 3
