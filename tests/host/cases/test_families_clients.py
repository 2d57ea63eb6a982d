# test_families_clients - programs that people have, on each family of LTE modems: unmodified MQTT
# and HTTP clients from the package index, and the uplink.
# SPDX-License-Identifier: MIT

import sys

import driver_kit
from driver_kit import CA, Watch, pattern
from qssl import compat, uplink
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
SHIMMED = ("socket", "usocket", "ssl", "ussl", "tls")
uplink.urandom = lambda n: b"\x80" * n  # no jitter


class Hub(Peer):
    # An MQTT 3.1.1 broker whose clients get what they publish.
    def __init__(self):
        self.got = []  # (topic, message, QoS)
        self.connects = 0
        self._parts = {}

    def on_data(self, conn, data):
        got = self._parts.get(conn.number, b"") + data
        while len(got) > 1:
            size, at = got[1] & 127, 2
            if got[1] > 127:
                if len(got) < 3:
                    break
                size, at = size | got[2] << 7, 3
            if len(got) < at + size:
                break
            self.packet(conn, got[0], got[at : at + size])
            got = got[at + size :]
        self._parts[conn.number] = got

    def packet(self, conn, kind, body):
        if kind == 0x10:
            self.connects += 1
            conn.push(b"\x20\x02\0\0")
        elif kind == 0x82:
            conn.push(b"\x90\x03" + body[:2] + b"\0")
        elif kind == 0xC0:
            conn.push(b"\xd0\0")
        elif kind & 0xF0 == 0x30:
            qos = kind >> 1 & 3
            n = 2 + (body[0] << 8 | body[1])
            rest = body[n + 2 :] if qos else body[n:]
            self.got.append((body[2:n], rest, qos))
            if qos:
                conn.push(b"\x40\x02" + body[n : n + 2])
            text = body[:n] + rest
            conn.push(b"\x30" + bytes((len(text) & 127 | 128, len(text) >> 7)) + text)


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


class Installed:
    # Inside of it, imports of sockets are the modem's; clients are imported anew.
    def __init__(self, modem):
        def start():
            modem.start(apn="internet")

        self._args = modem, modem.tls(0, ca=CA, check_time=False), start, 30

    def __enter__(self):
        self._before = {name: sys.modules.get(name) for name in SHIMMED}
        self._path = list(sys.path)
        for name in list(sys.modules):
            if name.split(".")[0] in ("umqtt", "urequests", "requests"):
                del sys.modules[name]
        # Of the package index; as they are written today.
        checkout = __file__.rpartition("tests/")[0]
        sys.path[:0] = [checkout + name for name in (".cache/clients-1", "tests/host/clients")]
        compat.install(*self._args)

    def __exit__(self, *_):
        sys.path[:] = self._path
        for name in SHIMMED:
            del sys.modules[name]
            if self._before[name]:
                sys.modules[name] = self._before[name]


def test_mqtt_by_umqtt():
    for model in MODELS:
        hub = Hub()
        rig, modem = up(model, FakeNet(hub))
        with Installed(modem):
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
        with Installed(modem):
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
