# telemetry_https - sends a measurement every few seconds: SenML in an HTTPS POST, for ever.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/boards.md:
#     mpremote run examples/telemetry_https.py
# On a PC, with the simulated modem and a server made for the occasion:
#     python3 tools/run.py examples/telemetry_https.py
#
# qssl.uplink keeps each record until the server has confirmed it; qssl.recovery brings modem and
# network back. So every record arrives, at least once and in order. When only the answer was lost,
# it arrives twice: the server tells by its number ("seq") and drops the second one. With a folder
# for the queue (the setting "queue") records survive a power cut of the board, too.

import json
import time

import board

from qssl.https import Https
from qssl.queue import FileQueue, RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink

host = board.setting("host")
port = board.setting("port", 443)
path = board.setting("path", "/telemetry")
device = board.setting("device", "urn:dev:ser:example-1:")
interval_ms = board.setting("interval_ms", 5000)
timeout_s = board.setting("timeout_s", 30)
count = board.setting("count", 0)  # records to send; 0: no end
folder = board.setting("queue", "")

modem = board.modem(sockets=1)
size = board.setting("trace", 0)  # bytes, such as 4096: what to look at if it does not work
trace = modem.trace(size) if size else None
up = Uplink(
    modem,
    host,
    port,
    modem.tls(ca=board.setting("ca", "ca.pem")),
    # One record a POST, just as it is; without pack= they go out in batches.
    Https(host, path, "application/senml+json", pack=lambda name, batch: batch[0][1]),
    FileQueue(folder) if folder else RamQueue(),
    Recovery(modem, utc=board.utc, **board.access()),
    batch=1,
    timeout_s=timeout_s,
    pause_s=1,
    pause_max_s=60,
)


def temperature(n):
    # Your sensor comes here.
    return 20 + (n * 7 % 30) / 10


def senml(n, celsius):
    # One record as SenML (RFC 8428), ready to send.
    first = {"bn": device, "n": "seq", "u": "count", "v": n}
    if board.now():
        first["bt"] = board.now()
    return json.dumps([first, {"n": "temperature", "u": "Cel", "v": celsius}])


n = told = failures = 0
due = time.ticks_ms()
while not count or told < count:
    if (not count or n < count) and time.ticks_diff(due, time.ticks_ms()) <= 0:
        n += 1
        due = time.ticks_add(time.ticks_ms(), interval_ms)
        celsius = temperature(n)
        print("record %d: %s Cel" % (n, celsius))
        up.put(senml(n, celsius))
    left = up.run(0.2)  # returns at once when all is delivered
    while told < up.delivered + up.rejected:
        told += 1
        print("record %d: confirmed" % told)
    if up.failures > failures:
        print("record %d: not confirmed, again soon: %s" % (told + 1, up.error))
        if trace:
            trace.dump(up.error)  # what driver and modem said last, see docs/trouble.md
    failures = up.failures
    if not left:
        modem.sleep_ms(min(100, interval_ms))
up.close()
