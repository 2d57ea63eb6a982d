# test_compat - the socket, ssl and tls modules that existing clients are given.
# SPDX-License-Identifier: MIT

import errno
import sys

from rig import Rig
from ugsim.fakenet import ClosingPeer, FakeNet, RefusingPeer, ScriptPeer, SinkPeer, StallingPeer

from qssl import Modem, compat

CA = b"-----BEGIN CERTIFICATE-----\nnot read by the simulated network\n-----END CERTIFICATE-----\n"
NAMES = ("socket", "usocket", "ssl", "ussl", "tls")


def made(net=None, start=True, sockets=2, **settings):
    # (rig, modem, shim): a modem that is started, and the module for it.
    rig = Rig(net or FakeNet())
    modem = Modem(rig.uart, sockets=sockets)
    if start:
        modem.start(apn="internet")
    if not settings:
        settings = {"ca": CA, "check_time": False}
    return rig, modem, compat.socket_for(modem, modem.tls(0, **settings))


def refused(function, *args, **params):
    # The errno of the OSError that the call raises.
    try:
        function(*args, **params)
    except OSError as e:
        assert str(e), e
        return e.errno
    raise AssertionError("no OSError")


def test_umqtt_connect_and_publish():
    # What umqtt.simple does, call by call.
    ack = b"\x20\x02\0\0"
    connect = b"\x10\x0e\0\x04MQTT\x04\x02\0\0\0\x02id"
    publish = b"\x30\x05\0\x01ton"
    peer = ScriptPeer([("expect", connect), ("send", ack), ("expect", publish)])
    net = FakeNet()
    net.add("broker.example", peer)
    rig, modem, shim = made(net)
    sock = shim.socket()
    sock.settimeout(None)
    address = shim.getaddrinfo("broker.example", 8883)[0][-1]
    sock.connect(address)
    assert not net.conns
    sock = shim.wrap_socket(sock, server_hostname="broker.example")
    assert len(net.conns) == 1
    sock.write(bytearray(connect[:2] + b"\0\0\0"), 2)
    sock.write(connect[2:12])
    sock.write(b"\0\x02")
    sock.write("id")
    assert sock.read(4) == ack
    sock.write(bytearray(b"\x30\x05\0\0"), 2)
    sock.write(b"\0\x01")
    sock.write("t")
    sock.write(b"on")
    sock.setblocking(False)
    assert sock.read(1) is None
    sock.setblocking(True)
    sock.close()
    assert peer.error is None and peer.done(), peer.error
    assert len(net.conns) == 1 and net.conns[0].host == "broker.example"
