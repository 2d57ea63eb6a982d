# mqtt_robust - publishes measurements and takes commands over MQTT by umqtt.robust, for ever.
# SPDX-License-Identifier: MIT
#
# On a board that `python3 tools/board.py install` has prepared, see docs/boards.md:
#     mpremote mip install umqtt.simple umqtt.robust
#     mpremote run examples/mqtt_robust.py
# On a PC, with the simulated modem and a broker made for the occasion:
#     python3 tools/run.py examples/mqtt_robust.py
#
# umqtt.robust connects again when the connection is lost; qssl.compat starts the modem again when
# it is that which was lost. A message to <topic>/set, such as b"interval_ms=1000", is a command.

import time

import board

from qssl import compat

host = board.setting("host")
port = board.setting("port", 8883)
user = board.setting("user", "") or None
password = board.setting("password", "") or None
topic = board.setting("topic", "telemetry/example-2")
interval_ms = board.setting("interval_ms", 5000)
count = board.setting("count", 0)  # measurements to send; 0: no end

modem = board.modem(sockets=2)


def start():
    # Called whenever a connection is wanted and the modem is not up: at first, after a restart.
    print("starting the modem")
    modem.start(**board.access())
    if modem.clock() is None:  # certificates are checked against it
        modem.clock(board.utc())


ctx = modem.tls(ca=board.setting("ca", "ca.pem"))
compat.install(modem, ctx, start, timeout_s=30)  # umqtt sets no time-out of its own

from umqtt import robust, simple  # noqa: E402


class Client(robust.MQTTClient):
    # umqtt.robust connects again within wait_msg() too, and publish() would then wait for the
    # confirmation of a message that the new connection has never carried.
    wait_msg = simple.MQTTClient.wait_msg

    def log(self, in_reconnect, e):
        print("%s: %r" % ("no connection" if in_reconnect else "connection lost", e))

    def connect(self, clean_session=True):
        try:
            simple.MQTTClient.connect(self, clean_session)
            self.subscribe(topic + "/set", qos=1)
        except (AssertionError, IndexError):
            raise OSError("the broker closed the connection")  # robust only knows OSError

    def reconnect(self):
        pause_s = 1
        while True:
            try:
                return self.connect(False)
            except OSError as e:
                self.log(True, e)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 60)


def command(_, message):
    global interval_ms
    name, _, value = message.decode().partition("=")
    print("command: %s" % message.decode())
    if name == "interval_ms":
        interval_ms = int(value)


def temperature(n):
    # Your sensor comes here.
    return 20 + (n * 7 % 30) / 10


client = Client("qssl-" + topic.replace("/", "-"), host, port, user, password, 120, ssl=True)
client.set_callback(command)
client.reconnect()
n = 0
while not count or n < count:
    n += 1
    # QoS 1: returns when the broker has it; if the connection breaks meanwhile, it is sent again.
    client.publish(topic, "%.1f" % temperature(n), qos=1)
    print("measurement %d: confirmed" % n)
    due = time.ticks_add(time.ticks_ms(), interval_ms)
    while n != count and time.ticks_diff(due, time.ticks_ms()) > 0:
        try:
            client.check_msg()
        except OSError as e:
            client.log(False, e)
            client.reconnect()
        modem.sleep_ms(100)  # like time.sleep_ms(), but the modem's work goes on
client.disconnect()
