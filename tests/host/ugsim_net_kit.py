# ugsim_net_kit - connections of ugsim's network, with no modem around it.
# SPDX-License-Identifier: MIT

import time

from patience import LIMIT_S
from ugsim.model import TlsSettings


def now_ms():
    return int(time.monotonic() * 1000)


def make(certs=None, **changes):
    settings = TlsSettings()
    settings.version = 3
    settings.suites = (0x0035,)
    settings.clock = time.time()
    settings.ignore_time = False
    if certs:
        settings.seclevel = 1
        settings.ca = certs.ca.read_bytes()
    for name, value in changes.items():
        setattr(settings, name, value)
    return settings


def settle(conn, net, seconds=LIMIT_S):
    # Polls until the handshake is decided.
    end = time.monotonic() + seconds
    while conn.state in ("opening", "handshake") and time.monotonic() < end:
        net.poll(now_ms())
        conn.poll(now_ms())
        time.sleep(0.001)
    return conn


def connect(net, settings, port, host="127.0.0.1"):
    return settle(net.connect(settings, host, port, now_ms()), net)


def drain(conn, seconds=LIMIT_S):
    # Everything up to the peer's end.
    data = bytearray()
    end = time.monotonic() + seconds
    while not conn.eof and time.monotonic() < end:
        conn.poll(now_ms())
        piece = conn.recv(1500)
        data += piece
        if not piece:
            time.sleep(0.0005)
    return bytes(data)


def push(conn, data, seconds=LIMIT_S):
    end = time.monotonic() + seconds
    at = 0
    while at < len(data) and time.monotonic() < end:
        taken = conn.send(data[at : at + 1460])
        at += taken
        if not taken:
            time.sleep(0.0005)
            conn.poll(now_ms())
    assert at == len(data)


def linger(net, link):
    # Lets the closed connection say its last words.
    while not link.done.wait(0.002):
        net.poll(now_ms())
