# test_families_clients - programs that people have, on each family of LTE modems: unmodified MQTT
# and HTTP clients from the package index, and the uplink.
# SPDX-License-Identifier: MIT

import driver_kit
from driver_kit import CA, Watch, pattern
from installed import Installed
from mqtt_packets import publish, published, split
from qssl import uplink
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import RamQueue
from qssl.recovery import Recovery
from qssl.uplink import Uplink
from receivers import Broker, HttpServer
from ugsim.fakenet import FakeNet, Peer

ONLY = "micropython"
WHY = "the clients are written for it"

HOST = "server.example"
MODELS = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")
TROUBLE = ("", "restart quiet", "pdp drop 1", "close 0", "fault lose in=final at=3")
uplink.urandom = lambda n: b"\x80" * n  # no jitter


class Hub(Peer):
    # An MQTT 3.1.1 broker whose clients get what they publish.
    def __init__(self):
        self.got = []  # (topic, message, QoS)
        self.connects = 0
        self._parts = {}

    def on_data(self, conn, data):
        packets, rest = split(self._parts.get(conn.number, b"") + data)
        self._parts[conn.number] = rest
        for kind, body in packets:
            self.packet(conn, kind, body)

    def packet(self, conn, kind, body):
        if kind == 0x10:
            self.connects += 1
            conn.push(b"\x20\x02\0\0")
        elif kind == 0x82:
            conn.push(b"\x90\x03" + body[:2] + b"\0")
        elif kind == 0xC0:
            conn.push(b"\xd0\0")
        elif kind & 0xF0 == 0x30:
            topic, message, mark = published(kind, body)
            self.got.append((topic, message, kind >> 1 & 3))
            if mark:
                conn.push(b"\x40\x02" + mark)
            conn.push(publish(topic, message))


class Web(Peer):
    # GET /N: N bytes; POST: the body; HTTP/1.0 and 1.1. Closes.
    def __init__(self):
        self._parts = {}

    def on_data(self, conn, data):
        got = self._parts[conn.number] = self._parts.get(conn.number, b"") + data
        at = got.find(b"\r\n\r\n")
        if at < 0:
            return
        size = 0
        for line in got[:at].split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                size = int(line[15:])
        if len(got) < at + 4 + size:
            return
        body = got[at + 4 :]
        if got.startswith(b"GET /"):
            body = pattern(int(got.split(b" ")[1][1:]))
        conn.push(b"HTTP/1.0 200 OK\r\nX-Kind: test\r\nContent-Length: %d\r\n\r\n" % len(body))
        conn.push(body)
        conn.peer_close()


def up(model, net, sockets=2, **keywords):
    rig, modem = driver_kit.bare(net, model=model, sockets=sockets, idle=Watch(20), **keywords)
    modem.start(apn="internet")
    return rig, modem


def installed(modem):
    # Clients of the package index, and as they are written today.
    folders = (".cache/clients-1", "tests/host/clients")
    return Installed(modem, folders, lambda: modem.start(apn="internet"))


def test_mqtt_by_umqtt():
    for model in MODELS:
        hub = Hub()
        rig, modem = up(model, FakeNet(hub))
        with installed(modem):
            from umqtt.simple import MQTTClient

            heard = []
            client = MQTTClient("id", HOST, ssl=True, keepalive=60)
            client.set_callback(lambda topic, message, heard=heard: heard.append((topic, message)))
            for turn in range(2):
                client.connect()
                client.subscribe(b"t")
                for n in (5, 700, 3000):
                    client.publish(b"t", pattern(n, turn), qos=n > 5)
                    while len(heard) < len(hub.got):
                        client.wait_msg()
                client.ping()
                client.wait_msg()
                if turn:
                    client.disconnect()
                else:
                    # Nobody says goodbye: the next connect() starts the modem again.
                    rig.model.command("restart quiet")
            want = [pattern(n, turn) for turn in range(2) for n in (5, 700, 3000)]
            assert [message for _, message in heard] == want, model
            assert [message for _, message, _ in hub.got] == want, model
            assert [qos for _, _, qos in hub.got] == [0, 1, 1] * 2 and hub.connects == 2, model
        assert not modem.stats.garbled, model


def test_http_by_urequests_and_requests():
    for model in MODELS:
        rig, modem = up(model, FakeNet(Web()), switches={"id_busy_ms": 1500})
        with installed(modem):
            import requests
            import urequests

            for client in (urequests, requests):
                answer = client.get("https://%s/5000" % HOST)
                assert answer.status_code == 200 and answer.content == pattern(5000), model
                answer = client.post("https://%s/in" % HOST, json={"n": [1, 2.5, None]})
                assert answer.json() == {"n": [1, 2.5, None]}, model
                answer.close()
        for conn in rig.net.conns:
            assert conn.tls.suites == (0xC02F,) and conn.tls.ca == CA and conn.tls.seclevel == 1
            assert conn.tls.server_name == HOST, model
        assert len(rig.net.conns) == 4 and not modem.stats.garbled, model


def test_uplink_delivers_whatever_happens():
    # At least once and in order, by the one carrier or the other: while the modem restarts unseen,
    # the network takes the context, the server hangs up, a byte is lost.
    for i, model in enumerate(MODELS):
        peer, carrier = (HttpServer(), Https(HOST, "/in"))
        if i % 2:
            peer, carrier = Broker(), Mqtt("board-1", "site/1/in")
        rig, modem = up(model, FakeNet(peer), sockets=3)
        ctx = modem.tls(0, ca=CA, check_time=False)
        recover = Recovery(modem, apn="internet")
        link = Uplink(modem, HOST, 443, ctx, carrier, RamQueue(), recover=recover)
        n = 0
        for trouble in TROUBLE:
            if trouble:
                rig.model.command(trouble)
            for _ in range(4):
                link.put(b'{"n":%d}' % n)
                n += 1
            assert link.run(600) == 0, (model, trouble, link.error)
        assert [r["n"] for r in peer.ledger.values()] == list(range(n)), model
        assert link.delivered == n
