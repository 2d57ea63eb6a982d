# ugsim.fakenet - network of scripted peers for tests in one process, without sockets.
# SPDX-License-Identifier: MIT

from ugsim.fakepeers import (
    ClosingPeer,
    EchoPeer,
    Peer,
    RefusingPeer,
    ScriptPeer,
    SinkPeer,
    SourcePeer,
    StallingPeer,
)
from ugsim.model.base.bytequeue import ByteQueue

__all__ = [
    "ClosingPeer",
    "EchoPeer",
    "FakeNet",
    "Peer",
    "RefusingPeer",
    "ScriptPeer",
    "SinkPeer",
    "SourcePeer",
    "StallingPeer",
]


class FakeConn:
    # The model's end of a connection (see UGxx), and push, peer_close, peer_reset for the peer.

    def __init__(self, net, number, tls, host, port, peer, now_ms):
        self.net = net
        self.number = number
        self.tls = tls
        self.host = host
        self.port = port
        self.peer = peer
        self.now = now_ms
        self.state = "opening"
        self.error = 0
        self.eof = False
        self.ip = ""
        self.local_port = 4100 + number % 60000  # manual 3.3.1 prints 4100
        self.version = (
            "TLS1.2" if tls is None or tls.version > 2 else "TLS1.%d" % (tls.version - 1)
        )
        self.suite = "0x%04X" % tls.suites[0] if tls is not None and tls.suites else ""
        self.why = ""
        self.security = 0
        self.sent = 0  # bytes that the modem sent
        self.still = False  # until something happens, poll() and recv() change nothing
        self._passive = type(peer).on_room is Peer.on_room  # it never writes by itself
        self._rx = ByteQueue()
        self._closing = False
        self._due = now_ms + net.latency_ms
        self._open_next()

    def _open_next(self):
        if self.net.latency_ms:
            self.net.wake_at(self._due)

    def poll(self, now_ms):
        self.now = now_ms
        if self.state == "opening" or self.state == "handshake":
            self._handshake(now_ms)
        elif self.state == "open":
            if not self._passive:
                self.peer.on_room(self)
            elif not self._rx.size and not self._closing:
                self.still = True
        self._end()

    def _end(self):
        # The peer has closed and everything is read.
        if self._closing and not self._rx.size:
            self.eof = True
            self.state = "closed"

    def _handshake(self, now_ms):
        if now_ms < self._due:
            return
        stuck = getattr(self.peer, "state", None)
        if stuck == self.state:
            if getattr(self.peer, "error", None):
                self.error = self.peer.error
                self.why = self.peer.why
                self.state = "closed"
            return
        if self.state == "opening":
            self.ip = self.net.address(self.host)
            self.state = "handshake"
            self._due = now_ms + self.net.latency_ms
            self._open_next()
            if self.net.latency_ms == 0:
                self._handshake(now_ms)
        else:
            self.state = "open"
            self.peer.on_open(self)

    def send(self, data):
        if self.state != "open" or self._closing:
            return 0
        count = min(len(data), self.peer.accepts(self, len(data)))
        if count > 0:
            self.sent += count
            self.net.bytes_up += count
            self.peer.on_data(self, bytes(data[:count]))
        return count

    def recv(self, n):
        data = self._rx.take(n)
        if data:
            self.net.bytes_down += len(data)
        self._end()
        return data

    def available(self):
        return len(self._rx)

    def close(self):
        if self.state != "closed":
            self.state = "closed"
            self.peer.on_close(self)

    # For the peer

    def push(self, data):
        self.still = False
        self._rx.append(bytes(data))

    def waiting(self):
        return len(self._rx)

    def peer_close(self):
        # Orderly end: the modem can still read what was pushed.
        self.still = False
        self._closing = True

    def peer_reset(self):
        # The connection breaks; what was not read is lost.
        self.still = False
        self._rx.clear()
        self._closing = True


class Lookup:
    def __init__(self, result, due_ms, net):
        self._result = result
        self._due = due_ms
        self._net = net

    def poll(self):
        return self._result if self._net.now >= self._due else None


class FakeNet:
    # Peers by (host, port) or host; `default` serves everything else (None: refused with 566).
    # latency_ms: time of the TCP connect, and again of the handshake.

    def __init__(self, default=None, latency_ms=0):
        self.default = default if default is not None else EchoPeer()
        self.latency_ms = latency_ms
        self.names = {}  # host -> list of addresses; an empty list: does not resolve
        self.clocks = {}  # NTP server -> what it does, see ntp(); the others are honest
        # For modems that send and check names: host -> names of its certificate, "*." for any one
        # label; hosts that refuse who does not name them.
        self.certificates = {}
        self.shared = set()
        self.alpn = {}  # host: protocols, of servers that look at that
        self.conns = []  # every connection ever made, for tests to look at
        self.bytes_up = 0
        self.bytes_down = 0
        self.now = 0
        self._peers = {}
        self._wakes = []

    def add(self, host, peer, port=None):
        self._peers[(host, port)] = peer
        return peer

    def address(self, host):
        if self.names.get(host):
            return self.names[host][0]
        for c in host:
            if c not in "0123456789.":
                return "192.0.2.%d" % (sum(host.encode()) % 250 + 1)
        return host

    def resolve(self, host, now_ms):
        self.now = now_ms
        self.wake_at(now_ms + self.latency_ms)
        if host in self.names:
            found = self.names[host]
            result = (0, list(found)) if found else (565, [])
        else:
            result = (0, [self.address(host)])
        return Lookup(result, now_ms + self.latency_ms, self)

    def ntp(self, host):
        # (seconds by which the server's time is wrong, ms until it answers, error). clocks[host]
        # is "honest", "silent", seconds (a liar), ("late", ms) or ("error", code).
        does = self.clocks.get(host, "honest")
        if host in self.names and not self.names[host]:
            return 0, self.latency_ms, 565
        if does == "silent":
            return 0, 1 << 30, 0
        if isinstance(does, int):
            return does, self.latency_ms, 0
        if does != "honest":
            kind, n = does
            return (0, n, 0) if kind == "late" else (0, self.latency_ms, n)
        return 0, self.latency_ms, 0

    def connect(self, tls, host, port, now_ms):
        self.now = now_ms
        peer = self._peers.get((host, port)) or self._peers.get((host, None)) or self.default
        if host in self.names and not self.names[host]:
            peer = RefusingPeer(565, "opening", "the name does not resolve")
        elif tls is not None:
            peer = self._refuses(tls, host) or peer
        conn = FakeConn(self, len(self.conns), tls, host, port, peer, now_ms)
        self.conns.append(conn)
        return conn

    def _refuses(self, tls, host):
        # A peer that refuses, as names do not fit; or None.
        if host in self.shared and not tls.server_name:
            return RefusingPeer(566, "handshake", "the server wants to know whom is meant")
        speaks = self.alpn.get(host)
        if speaks and tls.alpn and tls.alpn not in speaks:
            return RefusingPeer(566, "handshake", "the server does not speak " + tls.alpn)
        names = self.certificates.get(host)
        if not names or not tls.check_name:
            return None
        name = tls.check_name
        if name in names or "*." + name.partition(".")[2] in names:
            return None
        return RefusingPeer(566, "handshake", "the certificate is not for " + name)

    def wake_at(self, ms):
        # Something is due then; the model must be run.
        self._wakes.append(ms)

    def poll(self, now_ms):
        self.now = now_ms
        if self._wakes:
            self._wakes = [ms for ms in self._wakes if ms > now_ms]

    def next_ms(self):
        return min(self._wakes) if self._wakes else None
