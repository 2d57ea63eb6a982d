# ugsim_case - for cases with NEEDS_UGSIM = True: the simulated modem's UART and the servers.
# SPDX-License-Identifier: MIT
"""
NEEDS_UGSIM = True
import ugsim_case

modem = Modem(ugsim_case.UART())             # ugsim, a process of its own, not paced
ugsim_case.control("fault send_fail ms=500") # its control channel; returns the answer
ctx = modem.tls(1, ca=ugsim_case.path("ca"), ...)      # also client_cert, client_key, other_ca
sock = modem.connect("127.0.0.1", ugsim_case.port("echo"), ctx)
# ports: echo, script (does what script_peer.py says), nginx (GET /mib.bin is data(1 << 20),
# POST /post, PUT /put/NAME), nginx_auth (wants client_cert), mqtt, mqtt_plain
"""

import os
import socket

_RXBUF = 2048


def path(name):
    return os.getenv("QSSL_" + name.upper())


def port(name):
    return int(os.getenv("QSSL_%s_PORT" % name.upper()))


def data(n, start=0):
    # n bytes, the part from start on of an endless sequence that repeats nowhere near.
    return bytes((i ^ i >> 8 ^ (i >> 16) * 3) & 255 for i in range(start, start + n))


def _connect(address):
    host, _, number = address.rpartition(":")
    sock = socket.socket()
    sock.connect(socket.getaddrinfo(host, int(number))[0][-1])
    return sock


def control(text):
    # Gives ugsim one command of its control channel and returns the answer.
    sock = _connect(os.getenv("QSSL_CONTROL"))
    sock.send(text.encode() + b"\n")
    answer = b""
    while not (answer == b".\n" or answer.endswith(b"\n.\n")):
        part = sock.recv(4096)
        if not part:
            break
        answer += part
    sock.close()
    return answer[:-2].decode()


class UART:
    # What qssl uses of machine.UART, on the TCP connection to ugsim's AT port.
    _open = None

    def __init__(self, chunk=None):
        from micropython import RingIO  # late: servers.py imports this file for data()

        # chunk: at most so many bytes a read, to see that the driver copes with any cut.
        # One at a time: the one of a test that failed is still there.
        if UART._open:
            UART._open.close()
        self._sock = _connect(os.getenv("QSSL_MODEM")[4:])
        UART._open = self
        self._sock.setsockopt(6, 1, b"\1\0\0\0")  # TCP_NODELAY
        self._sock.setblocking(False)
        self._ring = RingIO(_RXBUF)
        self._chunk = chunk or _RXBUF

    def any(self):
        room = _RXBUF - self._ring.any()
        if room:
            try:
                self._ring.write(self._sock.recv(room))
            except OSError:  # nothing there
                pass
        return min(self._ring.any(), self._chunk)

    def readinto(self, buf, n=None):
        n = min(len(buf) if n is None else n, self._chunk)
        return self._ring.readinto(buf, n) if self.any() else None

    def write(self, buf, *span):
        view = memoryview(buf)
        if len(span) == 1:
            view = view[: span[0]]
        elif span:
            view = view[span[0] : span[0] + span[1]]
        try:
            return self._sock.send(view)
        except OSError:  # no room
            return None

    def close(self):
        UART._open = None
        self._sock.close()
