# uplink_kit - what the cases of the uplink share.
# SPDX-License-Identifier: MIT

import driver_kit
import rig as rig_module
from driver_kit import Watch, tls
from qssl import uplink
from qssl.https import Https
from qssl.mqtt import Mqtt
from qssl.queue import RamQueue
from qssl.uplink import Uplink
from receivers import Broker, HttpServer
from ugsim.fakenet import FakeNet

sleep_ms = rig_module.clock.sleep_ms
uplink.urandom = lambda n: b"\x80" * n  # no jitter

HOST = "server.example"


def bare(net, **keywords):
    # Waiting is cheap: 20 ms a look.
    return driver_kit.bare(net, sockets=3, idle=Watch(20), **keywords)


def up(net, **keywords):
    rig, modem = bare(net, **keywords)
    modem.start(apn="internet")
    return rig, modem


def record(n):
    return b'{"n":%d}' % n


def https(server=None, path="/in", **keywords):
    # (rig, modem, server, uplink), the modem started.
    server = server or HttpServer()
    rig, modem = up(FakeNet(server))
    return rig, modem, server, made(modem, Https(HOST, path), **keywords)


def mqtt(broker=None, **keywords):
    broker = broker or Broker()
    rig, modem = up(FakeNet(broker))
    return rig, modem, broker, made(modem, Mqtt("board-1", "site/1/in"), **keywords)


def made(modem, carrier, store=None, host=HOST, **keywords):
    return Uplink(
        modem, host, 443, tls(modem), carrier, RamQueue() if store is None else store, **keywords
    )


def fill(link, count, first=0):
    for n in range(first, first + count):
        link.put(record(n))


def numbers(peer):
    return [r["n"] for r in peer.ledger.values()]
