# memory_net - a network for the simulated modem: real TLS to servers in this process, no sockets.
# SPDX-License-Identifier: MIT
"""
net = MemoryNet()
net.serve("a.example", context)       # an ssl.SSLContext; echoes what comes
terminal = Terminal(net, model="ec25")
net.seen[0].name, .suite, .version    # what the server saw of the first connection
"""

import ssl

from ugsim.fakenet import Lookup
from ugsim.net.tls import TlsClient


class Seen:
    # One connection as the server has it.
    def __init__(self, host):
        self.host = host
        self.name = None  # server name of the hello; None: it had none
        self.suite = ""
        self.version = ""
        self.error = ""
        self.got = bytearray()


class _Conn:
    still = False
    ip = "192.0.2.1"
    local_port = 4100

    def __init__(self, settings, seen, context, now_ms):
        self.now = now_ms
        self.error = 0
        self.why = ""
        self._seen = seen
        self._tls = TlsClient(settings)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = context.wrap_bio(self._in, self._out, server_side=True)
        self._shaken = False

    @property
    def state(self):
        return "handshake" if self._tls.state == "handshake" else self._tls.state

    @property
    def eof(self):
        return self.state == "closed" and not self.available()

    version = property(lambda self: self._tls.version)
    suite = property(lambda self: self._tls.suite)
    security = property(lambda self: self._tls.security)

    def poll(self, now_ms):
        self.now = now_ms
        for _ in range(20):
            self._tls.step()
            moved = bool(self._tls.outgoing)
            self._in.write(bytes(self._tls.outgoing))
            self._tls.outgoing.clear()
            self._serve()
            data = self._out.read()
            if data:
                self._tls.feed(data)
            elif not moved:
                break
        self.error, self.why = self._tls.error, self._tls.why

    def _serve(self):
        try:
            if not self._shaken:
                self._server.do_handshake()
                self._shaken = True
                self._seen.suite = self._server.cipher()[0]
                self._seen.version = self._server.version()
            while True:
                data = self._server.read(4096)
                if not data:
                    return
                self._seen.got += data
                self._server.write(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._seen.error = self._seen.error or str(error)

    def send(self, data):
        self._tls.write(data)
        self.poll(self.now)
        return len(data)

    def available(self):
        return len(self._tls.plain)

    def recv(self, n):
        data = bytes(self._tls.plain[:n])
        del self._tls.plain[:n]
        return data

    def close(self):
        self._tls.close()


class MemoryNet:
    def __init__(self):
        self.seen = []
        self.settings = []
        self._servers = {}

    def serve(self, host, context):
        self._servers[host] = context

    def connect(self, tls, host, port, now_ms):
        seen = Seen(host)
        self.seen.append(seen)
        self.settings.append(tls)
        context = self._servers[host]

        def named(sock, name, context):
            seen.name = name
            return context.pick(sock, name) if hasattr(context, "pick") else None

        context.sni_callback = named
        conn = _Conn(tls, seen, context, now_ms)
        self.settings[-1].conn = conn
        return conn

    def resolve(self, host, now_ms):
        self.now = now_ms
        return Lookup((0, ["192.0.2.1"]), now_ms, self)

    def poll(self, now_ms):
        self.now = now_ms

    def next_ms(self):
        return None
