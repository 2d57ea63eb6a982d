# telemetry_mqtt - publishes a measurement every few seconds: MQTT over TLS by umqtt, for ever.
# SPDX-License-Identifier: MIT
#
# On a board, which has lib/qssl, its file of boards/ as board.py, and the CA certificate:
#     mpremote mip install umqtt.simple
#     mpremote run examples/telemetry_mqtt.py
# On a PC, with the simulated modem and a broker made for the occasion:
#     python3 tools/run.py examples/telemetry_mqtt.py
#
# umqtt.simple knows nothing of modems: qssl.compat gives it the sockets. Each record is published
# with QoS 1 and kept until the broker confirms it (PUBACK); if that does not come, it is published
# again. So every record arrives at least once and in order. When only the PUBACK was lost it
# arrives twice: who reads them tells by the number ("seq") and drops the second one.

import json
import time

import board

from qssl import compat

host = board.setting("host")
port = board.setting("port", 8883)
user = board.setting("user", "")
password = board.setting("password", "")
topic = board.setting("topic", "telemetry/example-1")
device = board.setting("device", "urn:dev:ser:example-1:")
apn = board.setting("apn", "internet")
interval_ms = board.setting("interval_ms", 5000)
timeout_s = board.setting("timeout_s", 30)
keepalive_s = 60 + 2 * interval_ms // 1000
count = board.setting("count", 0)  # records to send; 0: no end

modem = board.modem(sockets=1)
ctx = modem.tls(ca=board.setting("ca", "ca.pem"))
compat.install(modem, ctx)  # from here on `import socket` and `import ssl` mean the modem

from umqtt.simple import MQTTClient, MQTTException  # noqa: E402

# What umqtt raises when the connection breaks: an answer that does not come is b"" for it.
BROKEN = (OSError, MQTTException, IndexError, AssertionError)


def temperature(n):
    # Your sensor comes here.
    return 20 + (n * 7 % 30) / 10


def senml(n, celsius):
    # One record as SenML (RFC 8428), ready to send.
    first = {"bn": device, "n": "seq", "u": "count", "v": n}
    if board.now():
        first["bt"] = board.now()
    return json.dumps([first, {"n": "temperature", "u": "Cel", "v": celsius}])


def connect(failures):
    # A connection, whatever state the modem is in. The first thing to try after a failure is a new
    # connection; if that fails too, start() looks after the modem and its network.
    if failures > 1 or not modem.up:
        modem.start(apn=apn)
    if modem.clock() is None:  # certificates are checked against it
        modem.clock(board.utc())
    # The broker drops a client that is silent for one and a half times keepalive_s.
    client = MQTTClient(device, host, port, user or None, password or None, keepalive_s, ssl=True)
    try:
        client.connect()
    except BROKEN:
        close(client)
        raise
    return client


def close(client):
    try:
        if client and client.sock:
            client.sock.close()
    except OSError:
        pass  # it is of no use any more


client = None
n = failures = 0
while not count or n < count:
    n += 1
    celsius = temperature(n)
    record = senml(n, celsius)
    while record:
        print("record %d: %s Cel" % (n, celsius))
        try:
            client = client or connect(failures)
            client.sock.settimeout(timeout_s)  # umqtt takes it off again
            client.publish(topic, record, qos=1)  # returns when the broker has it
            record = None
            failures = 0
            print("record %d: confirmed" % n)
        except BROKEN as e:
            close(client)
            client = None
            pause_s = min(1 << failures, 60)
            failures += 1
            print("record %d: not confirmed, again in %d s: %r" % (n, pause_s, e))
            time.sleep(pause_s)
    if n != count:
        time.sleep_ms(interval_ms)
if client:
    client.disconnect()
