# async_mqtt - publishes measurements and takes commands over MQTT by mqtt_as, for ever.
# SPDX-License-Identifier: MIT
#
# On a board, which has lib/qssl, its file of boards/ as board.py, and the CA certificate:
#     mpremote mip install github:peterhinch/micropython-mqtt
#     mpremote run examples/async_mqtt.py
#
# mqtt_as is made for Wi-Fi. Here the modem stands in its place, also on boards that have none. A
# message to <topic>/set, such as b"interval_ms=1000", is a command.

import asyncio
import sys
import time

import board

from qssl import aio, clock, compat

host = board.setting("host")
port = board.setting("port", 8883)
topic = board.setting("topic", "telemetry/example-4")
interval_ms = board.setting("interval_ms", 5000)
count = board.setting("count", 0)  # measurements to send; 0: no end

modem = board.modem(sockets=2)
ctx = modem.tls(ca=board.setting("ca", "ca.pem"))
compat.install(modem, ctx)


class Interface:
    # What mqtt_as asks of the Wi-Fi interface.
    def __init__(self, which):
        pass

    def isconnected(self):
        return modem.up

    def active(self, on=None):
        return True

    def disconnect(self):
        pass


class network:
    WLAN = Interface
    STA_IF = 0


sys.modules["network"] = network  # while mqtt_as is imported

try:
    import mqtt_as
except ImportError:
    print("mqtt_as is missing: mpremote mip install github:peterhinch/micropython-mqtt")
    sys.exit(1)

del sys.modules["network"]


class Client(mqtt_as.MQTTClient):
    # mqtt_as calls wifi_connect() before its first connection, and again once a second while it
    # has none. Each attempt is a whole TLS handshake: the pause in between grows.
    pause_s = 0
    since = time.ticks_ms()

    async def wifi_connect(self, quick=False):
        if self.pause_s:
            if time.ticks_diff(time.ticks_ms(), self.since) > 60000:
                self.pause_s = 1  # the last connection was a good one
            print("no connection; the next attempt in %d s" % self.pause_s)
            await asyncio.sleep(self.pause_s)
        self.pause_s = min(2 * self.pause_s or 1, 60)
        self.since = time.ticks_ms()
        if not modem.up:
            print("starting the modem")
            await aio.start(modem, **board.access())
            # Certificates are checked against the modem's clock, which a restart has taken.
            if await aio.drive(modem, clock.get(modem)) is None:
                await aio.drive(modem, clock.putting(modem, board.utc()))

    async def connect(self, **options):
        await super().connect(**options)
        self.since = time.ticks_ms()


async def subscribe(client):
    # Whenever there is a new connection.
    while True:
        await client.up.wait()
        client.up.clear()
        await client.subscribe(topic + "/set", 1)


async def commands(client):
    global interval_ms
    async for _, message, *_ in client.queue:
        print("command: %s" % message.decode())
        name, _, value = message.decode().partition("=")
        if name == "interval_ms":
            interval_ms = int(value)


def temperature(n):
    # Your sensor comes here.
    return 20 + (n * 7 % 30) / 10


async def main():
    config = mqtt_as.config
    config["server"] = host
    config["port"] = port
    config["client_id"] = "qssl-" + topic.replace("/", "-")
    config["user"] = board.setting("user", "")
    config["password"] = board.setting("password", "")
    config["ssl"] = True
    config["ssl_params"] = {}
    config["keepalive"] = 120
    config["response_time"] = 60  # seconds; it includes the TLS handshake, 20 s over 2G
    config["queue_len"] = 4  # messages that wait for commands()
    config["mqttv5"] = board.setting("mqtt", 3) == 5
    client = Client(config)
    tasks = [asyncio.create_task(task(client)) for task in (subscribe, commands)]
    while not client.isconnected():
        try:
            await client.connect()
        except OSError as e:  # later on it connects again by itself
            print("no connection: %r" % e)
    n = 0
    while not count or n < count:
        n += 1
        # QoS 1: returns when the broker has it; if the connection breaks meanwhile, it is sent
        # again.
        await client.publish(topic, "%.1f" % temperature(n), qos=1)
        print("measurement %d: confirmed" % n)
        await asyncio.sleep_ms(interval_ms)
    await client.disconnect()
    for task in tasks:
        task.cancel()


asyncio.run(main())
