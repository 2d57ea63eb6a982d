# qsoak.telemetry - the program of the real-time soak, on a board: records through the uplink.
# SPDX-License-Identifier: MIT
#
# Settings: host, port, ca; now (UTC, in seconds since 1970); from (number of the first record);
# ms (for how long records come), every (ms between two), rest (s to deliver what is left; 0: the
# power goes at once); folder of the queue. The last line is "@@ done JSON".

import gc
import json
from time import gmtime, sleep_ms, ticks_add, ticks_diff, ticks_ms

import board

from qssl.mqtt import Mqtt
from qssl.queue import FileQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink

began = ticks_ms()
told = {}


def utc():
    s = board.setting("now", 0) + ticks_diff(ticks_ms(), began) // 1000
    return gmtime(s - (946684800 if gmtime(0)[0] == 2000 else 0))[:6]


def tell(word, value):
    told[word] = told.get(word, 0) + 1


modem = board.modem(sockets=1)
queue = FileQueue(board.setting("folder"), 32768, "refuse", 2048)
up = Uplink(
    modem,
    board.setting("host"),
    board.setting("port", 0),
    modem.tls(0, ca=board.setting("ca")),
    Mqtt("board", board.setting("topic")),
    queue,
    Recovery(modem, utc=utc, tell=tell, apn="internet"),
    timeout_s=8,
    pause_s=1,
    pause_max_s=2,
)
n = first = board.setting("from", 0)
worst = 0  # ms, the longest step
refused = 0
end = ticks_add(ticks_ms(), board.setting("ms", 0))
while ticks_diff(end, ticks_ms()) > 0:
    try:
        up.put(b'{"n":%d}' % n)
        n += 1
    except OSError:
        refused += 1
    due = ticks_add(ticks_ms(), board.setting("every", 0))
    while ticks_diff(due, ticks_ms()) > 0:
        before = ticks_ms()
        wait = up.step()
        worst = max(worst, ticks_diff(ticks_ms(), before))
        sleep_ms(min(max(wait, 1), 20))
rest = board.setting("rest", 0)
left = up.run(rest) if rest else len(queue)
gc.collect()
stats = modem.stats
found = {
    "put": n - first,
    "refused": refused,
    "left": left,
    "error": str(up.error),
    "repeats": up.repeats,
    "longest_step_ms": worst,
    "told": told,
    "stats": {
        name: getattr(stats, name)
        for name in ("reconnects", "restarts", "timeouts", "resyncs", "garbled", "late")
    },
    "memory": gc.mem_alloc(),
}
print("@@ done", json.dumps(found))
