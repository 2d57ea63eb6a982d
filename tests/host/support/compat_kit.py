# compat_kit - what the cases of qssl.compat share.
# SPDX-License-Identifier: MIT

from driver_kit import CA, up
from qssl import compat
from ugsim.fakenet import EchoPeer, FakeNet

HOST = "broker.example"


def made(peer=None, start=None, sockets=2, **settings):
    # (rig, modem, shim): a started modem and the module for it.
    net = FakeNet(peer or EchoPeer())
    rig, modem = up(net, sockets=sockets)
    if not settings:
        settings = {"ca": CA, "check_time": False}
    return rig, modem, compat.socket_for(modem, modem.tls(0, **settings), start)


def opened(shim, host=HOST, port=8883, **params):
    # As every client does it.
    sock = shim.socket()
    sock.connect(shim.getaddrinfo(host, port)[0][-1])
    return shim.wrap_socket(sock, **params)
