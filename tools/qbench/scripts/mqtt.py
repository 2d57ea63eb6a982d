# mqtt - publishes three times with umqtt, so that AT+QSSLSEND can be counted.
# SPDX-License-Identifier: MIT

import board

from qssl import compat

m = board.modem(sockets=1)
m.start(apn="bench")
compat.install(m, m.tls(ca=board.setting("ca"), check_time=False))

from umqtt.simple import MQTTClient  # noqa: E402

c = MQTTClient("bench", "mqtt", 8883, ssl=True)
c.connect()
for _ in range(board.setting("count", 0)):
    c.publish(b"a/topic", b'[{"n":"temperature","u":"Cel","v":21.5}]', qos=1)
c.disconnect()
