# ugsim.net.network - the connections of a modem, and nothing that waits.
# SPDX-License-Identifier: MIT
#
# Implements the same interface as ugsim.fakenet. Whoever runs the model calls `poll` of each
# connection through it; `watch` tells a selector loop which sockets are worth waking up for.

import selectors
import socket

from ugsim.net.conn import Conn
from ugsim.net.lookup import Lookup

# A closed connection still gets its last bytes out, and takes what the peer sends meanwhile: a
# socket that is closed with unread data makes the kernel reset it and throws those bytes away.
LINGER_MS = 10000


class Net:
    # on_event(kind, text, data), if given, is told what happens on the connections:
    # "tls" opened, failed, closed; "up" and "down" payload to and from the peer, the data.
    def __init__(self, on_event=None):
        self.on_event = on_event
        self.connections = []  # all that live
        self.history = []  # one dict for each connection that ever was
        self.stirred = False  # recv() made room: look at the connections again, without an event
        self._now_ms = 0
        self._lingering = []
        self._bell_in, self._bell_out = socket.socketpair()
        self._bell_in.setblocking(False)
        self._bell_out.setblocking(False)

    def resolve(self, host, now_ms):
        return Lookup(host, now_ms, self.wake)

    def connect(self, tls, host, port, now_ms):
        conn = Conn(self, tls, host, port, now_ms)
        self.connections.append(conn)
        self.history.append(conn.summary)
        conn.poll(now_ms)
        return conn

    def poll(self, now_ms):
        # Sees closed connections to their end. The model calls this first, then Conn.poll().
        self._now_ms = now_ms
        self._lingering = [last for last in self._lingering if not last.done(now_ms)]

    def next_ms(self):
        # When poll() is wanted at the latest; None if only a socket can be the reason.
        return min([last.deadline_ms for last in self._lingering], default=None)

    def watch(self):
        # [(socket, selectors events)] for which it is worth to wake up.
        found = [(self._bell_in, selectors.EVENT_READ)]
        # A connection that was not polled has no coverage: nobody would take its bytes.
        polled = [conn for conn in self.connections if conn.now_ms >= self._now_ms]
        for item in polled + self._lingering:
            events = item.interest()
            if events:
                found.append((item.sock, events))
        return found

    def hush(self):
        # Empties the bell after a wake-up.
        try:
            while self._bell_in.recv(64):
                pass
        except BlockingIOError:
            pass

    def close(self):
        for conn in list(self.connections):
            conn.close()
        for last in self._lingering:
            last.sock.close()
        self._lingering = []
        self._bell_in.close()
        self._bell_out.close()

    def wake(self):
        try:
            self._bell_out.send(b"!")
        except OSError:
            pass

    def event(self, kind, text, data=b""):
        if self.on_event:
            self.on_event(kind, text, data)

    def retire(self, conn, outgoing):
        # Takes over the socket of a connection that is closed for the modem.
        self.connections.remove(conn)
        if conn.sock is not None:
            self._lingering.append(_Lingering(conn.sock, outgoing, conn.now_ms + LINGER_MS))
            self.poll(conn.now_ms)


class _Lingering:
    # The socket of a closed connection, until its last bytes are out.
    def __init__(self, sock, outgoing, deadline_ms):
        self.sock = sock
        self.deadline_ms = deadline_ms
        self._outgoing = outgoing
        self._ended = False

    def interest(self):
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)

    def done(self, now_ms):
        try:
            if self._outgoing:
                self._outgoing = self._outgoing[self.sock.send(self._outgoing) :]
            if not self._outgoing and not self._ended:
                self._ended = True
                self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(65536):
                pass
        except BlockingIOError:
            if now_ms < self.deadline_ms:
                return False
        except OSError:
            pass
        self.sock.close()
        return True
