# telemetry_receiver - sends measurements to tools/receiver: batches, times, the device's health.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/boards.md; the setting
# "token" is what `python3 tools/receiver device add NAME` has printed:
#     mpremote run examples/telemetry_receiver.py
# Five of them on a PC, with simulated modems, the receiver and its page:
#     python3 tools/demo.py --fleet 5
#
# Each record has the time when it was measured, and an id: the receiver drops repeats by it, and
# shows gaps. With a folder for the queue (the setting "queue") records survive a power cut.

import json
import os
import sys
import time

import board

from qssl.https import Https
from qssl.queue import FileQueue, RamQueue
from qssl.recovery import Recovery
from qssl.timekeeper import at
from qssl.uplink import Uplink

host = board.setting("host")
port = board.setting("port", 8443)
token = board.setting("token", "")
interval_ms = board.setting("interval_ms", 60000)
count = board.setting("count", 0)  # records to send; 0: no end
folder = board.setting("queue", "")

modem = board.modem(sockets=1)
recovery = Recovery(modem, utc=board.utc, **board.access())
up = Uplink(
    modem,
    host,
    port,
    modem.tls(ca=board.setting("ca", "ca.pem")),
    Https(host, "/in/" + token),
    FileQueue(folder) if folder else RamQueue(),
    recovery,
    pause_s=1,
    stamp=at,
)
celsius = 20 + os.urandom(1)[0] / 64


def measure():
    # Your sensors come here.
    global celsius
    celsius += (os.urandom(1)[0] - 127.5) / 256
    return {"temperature": round(celsius, 2), "battery": 3.7 - os.urandom(1)[0] / 2560}


def health():
    # About the device itself; the receiver shows the newest one.
    s = modem.stats
    return {
        "qssl": "health",
        "python": sys.implementation[0] + " %d.%d" % sys.implementation[1][:2],
        "uptime_s": time.ticks_ms() // 1000,
        "waiting": len(up.queue),
        "restarts": s.restarts,
        "reconnects": s.reconnects,
        "timeouts": s.timeouts,
    }


up.put(json.dumps(health()))
n = 0
due = time.ticks_ms()
while not count or up.delivered + up.rejected <= count:  # the first one is health
    if (not count or n < count) and time.ticks_diff(due, time.ticks_ms()) <= 0:
        n += 1
        due = time.ticks_add(time.ticks_ms(), interval_ms)
        up.put(json.dumps(measure()))
        if n % 100 == 0:
            up.put(json.dumps(health()))
    if not up.run(0.2):
        modem.sleep_ms(min(100, interval_ms))
    if up.error:
        print("not confirmed, again soon:", up.error)
        modem.sleep_ms(500)
up.close()
print("%d records delivered" % up.delivered)
