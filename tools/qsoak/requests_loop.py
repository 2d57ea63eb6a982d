# requests_loop - a page again and again by urequests, as people write it. For `soak.py restarts`.
# SPDX-License-Identifier: MIT

import sys
import time

import board

from qssl import compat

url = "https://%s:%d/" % (board.setting("host"), board.setting("port", 443))
count = board.setting("count", 5)
interval_ms = board.setting("interval_ms", 1000)
sys.path.append(board.setting("clients"))

modem = board.modem(sockets=2)


def start():
    print("starting the modem")
    modem.start(apn="internet")
    modem.clock(board.utc())


compat.install(modem, modem.tls(ca=board.setting("ca")), start, timeout_s=30)

import urequests  # noqa: E402

n = 0
while n < count:
    try:
        r = urequests.get(url)
        print("page %d: %d, %d bytes" % (n + 1, r.status_code, len(r.content)))
        r.close()
        n += 1
    except (OSError, ValueError, IndexError) as e:  # the last two: an answer that breaks off
        print("no page: %r" % e)
    time.sleep_ms(interval_ms)
