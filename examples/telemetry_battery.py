# telemetry_battery - years from a battery: wake, measure, put, sometimes send, sleep.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/power.md; as main.py, so
# that it begins again after a deep sleep and after the watchdog:
#     mpremote cp examples/telemetry_battery.py :main.py
# On a PC, with the simulated modem and a server made for the occasion:
#     python3 tools/run.py examples/telemetry_battery.py -- interval_ms=2000 age_s=10
# What a year of it costs:
#     python3 tools/soak.py power
#
# Between two times to send the modem is off. Each record has the time when it was measured and an
# id; it stays in the queue until the server has confirmed it. With a folder for the queue (the
# setting "queue") it survives power cuts and deep sleep, too.

import json
import time

import board

from qssl.https import Https
from qssl.queue import FileQueue, RamQueue
from qssl.recovery import Recovery
from qssl.timekeeper import Timekeeper, at
from qssl.uplink import Uplink
from qssl.uplink.policy import Policy

host = board.setting("host")
port = board.setting("port", 443)
path = board.setting("path", "/telemetry")
interval_ms = board.setting("interval_ms", 300000)  # between two measurements
every_s = board.setting("every_s", 14400)  # between two times to send
age_s = board.setting("age_s", 0)  # else: when the oldest record is so old
deep = board.setting("deep", 0)  # 1: the board sleeps deeply
between = board.setting("between", "off")  # what the modem does: off, sleep, on
quiet = board.setting("quiet", "")  # hours in which it does not send, such as 22-6
watchdog_s = board.setting("watchdog_s", 0)  # such as 900; 0: none
count = board.setting("count", 0)  # records to send; 0: no end
folder = board.setting("queue", "/queue" if deep else "")  # "": RAM, gone with the power
LOW_V = 3.4  # what is measured below this is urgent


def dated(record, s):
    # What the board's clock did not know yet, the network's time says later.
    return record if b'"at"' in record else at(record, s)


power = board.power()
dog = power.watchdog(watchdog_s)
modem = board.modem(sockets=1, idle=dog.idle)
clock = Timekeeper(modem, utc=board.utc, set=board.set_utc)
up = Uplink(
    modem,
    host,
    port,
    modem.tls(ca=board.setting("ca", "ca.pem")),
    Https(host, path),
    FileQueue(folder) if folder else RamQueue(),
    Recovery(modem, 120, clock=clock, **board.access()),
    batch=50,
    size=4096,
    stamp=dated,
)
policy = Policy(
    up,
    every_s=every_s,
    age_s=age_s,
    quiet=[float(h) for h in quiet.split("-")] if quiet else None,
    between=between,
    memory=power.kept(),
)


def measure():
    # Your sensors come here.
    s = time.ticks_ms() // 1000
    return {"temperature": 20 + s % 30 / 10, "battery": 3.7}


n = told = windows = 0
while not count or told < count:
    dog.alive()
    began = time.ticks_ms()
    if not count or n < count:
        n += 1
        record = measure()
        if board.now():
            record["at"] = board.now()  # it goes on in deep sleep
        policy.put(json.dumps(record), record["battery"] < LOW_V)
        print("record %d: %s" % (n, record))
    if n == count:
        policy.now()  # the last one: all goes
    policy.run()
    while told < up.delivered + up.rejected:
        told += 1
        print("record %d: confirmed" % told)
    if windows != policy.windows:
        windows = policy.windows
        if len(up.queue):
            print("%d records wait for the next time: %s" % (len(up.queue), up.error))
        if policy.error:
            print("the modem stays on: %s" % policy.error)
    ms = interval_ms - time.ticks_diff(time.ticks_ms(), began)
    if ms > 0 and (not count or told < count):
        if deep:
            power.keep(policy.keep(ms // 1000))
        power.sleep(ms, deep=deep == 1)
up.close()
