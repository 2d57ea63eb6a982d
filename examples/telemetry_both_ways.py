# telemetry_both_ways - a board on mains power, for years: records up, messages and settings down,
# and a watchdog that only a working loop feeds.
# SPDX-License-Identifier: MIT
#
# `python3 tools/receiver device add NAME --files FOLDER` makes the settings and ca.pem that it
# needs; as main.py it starts with the board:
#     python3 tools/board.py install --settings FOLDER/settings.json --ca FOLDER/ca.pem
#     mpremote cp examples/telemetry_both_ways.py :main.py
# On a PC, with a simulated modem and a receiver: docs/operate.md.
#
# Records, messages and settings are in files: a power cut at any moment loses none. What the
# server may change while it runs: interval_s, alarm_celsius, and the way to the server itself.

import json
import os
import time

import board

from qssl.https import Https
from qssl.queue import FileQueue
from qssl.recovery import Recovery
from qssl.timekeeper import Timekeeper, at
from qssl.uplink import Uplink
from qssl.uplink.health import Health
from qssl.uplink.inbox import Inbox
from qssl.uplink.settings import Settings

_STUCK_S = 120  # so long the loop may take for one turn: a measurement, a page of flash
_SILENT_S = 86400  # so long nothing may get through, until the board tries a restart


class Silence:
    # For how long nothing has got through, in seconds: counted here, as ticks_ms() begins anew
    # after some days.
    def __init__(self):
        self.s = 0
        self.since = time.ticks_ms()

    def turn(self, delivered):
        now = time.ticks_ms()
        if delivered:
            self.s = 0
            self.since = now
        passed = time.ticks_diff(now, self.since) // 1000
        self.s += passed
        self.since = time.ticks_add(self.since, passed * 1000)


folder = board.setting("folder", "")  # of its files; "" is the board's root
count = board.setting("count", 0)  # records to send; 0: no end
token = board.setting("token", "")

settings = Settings(folder + "settings")
settings.add("interval_s", board.setting("interval_s", 60), 1, 86400, "s")
settings.add("alarm_celsius", 40, -50, 100, "Cel")
settings.add("host", board.setting("host"), way=True)
settings.add("port", board.setting("port", 8443), 1, 65535, way=True)

# While you work at the board, set watchdog_s to 0: what runs once can't be stopped.
dog = board.power().watchdog(board.setting("watchdog_s", _STUCK_S))
silence = Silence()
modem = board.modem(sockets=1, idle=dog.idle)
clock = Timekeeper(modem, utc=board.utc, set=board.set_utc, path=folder + "time")
host = settings["host"]
up = Uplink(
    modem,
    host,
    settings["port"],
    modem.tls(ca=board.setting("ca", "ca.pem")),
    Https(host, "/in/" + token),
    FileQueue(folder + "queue"),
    Recovery(modem, clock=clock, **board.access()),
    stamp=at,
)
inbox = Inbox(
    up, folder + "inbox", board.setting("key", ""), board.setting("device", ""), ask_s=900
)
settings.bind(inbox)
health = Health(up, settings=settings)  # a record at the start, daily, and when the server asks
celsius = 20 + os.urandom(1)[0] / 64


def measure():
    # Your sensors come here.
    global celsius
    celsius += (os.urandom(1)[0] - 127.5) / 256
    return {"temperature": round(celsius, 2), "alarm": celsius > settings["alarm_celsius"]}


def on_message(number, body):
    print("message %d: %s" % (number, body))
    if body == "health":
        health.put("asked")


up.on_message = on_message
settings.watch("interval_s", lambda name, value: print("%s is %s now" % (name, value)))

# After a power cut everywhere all boards start in the same second: each waits a moment of its own.
start_ms = int.from_bytes(os.urandom(2), "big") * board.setting("spread_s", 60) // 66
print("connects in %d s" % (start_ms // 1000))
begin = due = time.ticks_ms()
n = before = 0
while not count or up.delivered + up.rejected < count or len(up.queue):
    now = time.ticks_ms()
    if (not count or n < count) and time.ticks_diff(now, due) >= 0:
        n += 1
        due = time.ticks_add(now, settings["interval_s"] * 1000)
        up.put(json.dumps(measure()))
    if time.ticks_diff(now, begin) >= start_ms:
        start_ms = 0
        begin = now
        up.run(0.2)
    modem.sleep_ms(50)
    silence.turn(up.delivered != before)
    before = up.delivered
    # The watchdog is fed while the driver waits, as long as the loop says that it is alive: one
    # that hangs in a sensor does not, and one that gets nothing through must not.
    if silence.s < _SILENT_S:
        dog.alive()
up.close()
print("%d records delivered" % up.delivered)
