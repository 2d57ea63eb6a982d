# qsoak.bill - what a day of telemetry costs on the air, by form and carrier; virtual clock.
# SPDX-License-Identifier: MIT
#
#     bill.py RECORDS SEED       prints "@@ done JSON": {way: [bytes, of payload, connections]}

import json
import sys

if sys.implementation.name != "micropython":
    import upy

    upy.install()

import driver_kit
from compact_kit import telemetry
from driver_kit import CA, Watch, tls
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import RamQueue
from qssl.uplink import Uplink
from qssl.uplink.batch import batched
from qssl.uplink.bill import Bill
from qssl.uplink.senml import Senml
from receivers import Broker, HttpServer
from ugsim.fakenet import FakeNet

_HOST = "server.example"
_TOKEN = "t" * 32  # as long as the receiver's
_PATH = "/in/" + _TOKEN
_CHAIN = 770  # bytes of the certificate that tools/receiver makes for this host
_WINDOWS = 4


class Server(HttpServer):
    # Answers as tools/receiver does.
    def request(self, conn, body):
        conn.push(b"HTTP/1.1 204 No Content\r\n\r\n")


class Acknowledger(Broker):
    def packet(self, conn, kind, body):
        if kind & 0xF6 == 0x32:
            n = body[0] << 8 | body[1]
            conn.push(b"\x40\x02" + body[2 + n : 4 + n])
        else:
            Broker.packet(self, conn, kind, body)


def mqtt():
    return Mqtt("north-1", "qssl/north-1/up", "north-1", _TOKEN)


def senml(cbor):
    form = Senml("north-1:", {"t": "Cel", "h": "%RH", "p": "hPa"}, cbor)
    return Https(_HOST, _PATH, form.kind, form.pack)


# What a day is called, its carrier, the windows in which records go; 0: each at once.
WAYS = (
    ("JSON, each at once by HTTPS", lambda: Https(_HOST, _PATH), 0),
    ("JSON, each at once by MQTT", mqtt, 0),
    ("JSON, 4 times by HTTPS", lambda: Https(_HOST, _PATH), _WINDOWS),
    ("JSON, 4 times by MQTT", mqtt, _WINDOWS),
    ("SenML in JSON, 4 times by HTTPS", lambda: senml(False), _WINDOWS),
    ("SenML in CBOR, 4 times by HTTPS", lambda: senml(True), _WINDOWS),
    ("batch, 4 times by HTTPS", lambda: batched(Https(_HOST, _PATH)), _WINDOWS),
    ("the same, suite=AES256-SHA", lambda: batched(Https(_HOST, _PATH)), _WINDOWS),
    ("default suite, host=192.0.2.7", lambda: batched(Https("192.0.2.7", _PATH)), _WINDOWS),
    ("batch, 4 times by MQTT", lambda: batched(mqtt()), _WINDOWS),
)


def day(records, carrier, windows, host, suite):
    peer = Acknowledger() if isinstance(carrier, Mqtt) else Server()
    _, modem = driver_kit.bare(FakeNet(peer), sockets=1, idle=Watch(20))
    modem.start(apn="internet")
    up = Uplink(
        modem,
        host,
        443,
        tls(modem, ca=CA, check_time=False, suite=suite),
        carrier,
        RamQueue(1 << 16),
        batch=100,
        size=4096,
    )
    bill = Bill(up, chain=_CHAIN)
    if not windows:
        for record in records:
            up.put(record)
            assert up.run(60) == 0
    n = len(records) // max(windows, 1)
    for i in range(windows):
        for record in records[i * n : i * n + n]:
            up.put(record)
        assert up.run(60) == 0
        up.close()
        modem.sleep_ms(1000)
    return [bill.air, bill.payload, bill.connects]


def main(count):
    records = telemetry(count // _WINDOWS * _WINDOWS)
    found = {}
    for name, carrier, windows in WAYS:
        host, suite = [name.partition(what)[2] or None for what in ("host=", "suite=")]
        found[name] = day(records, carrier(), windows, host or _HOST, suite)
    print("@@ done " + json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
