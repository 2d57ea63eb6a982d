# http - posts a small document with urequests, so that AT+QSSLSEND can be counted.
# SPDX-License-Identifier: MIT

import board

from qssl import compat

m = board.modem(sockets=1)
m.start(apn="bench")
compat.install(m, m.tls(ca=board.setting("ca"), check_time=False))

import urequests  # noqa: E402

for _ in range(board.setting("count", 0)):
    r = urequests.post("https://http/telemetry", json={"n": "temperature", "v": 21.5})
    assert r.status_code == 200 and r.text == "ok"
    r.close()
