# ugsim.net - the network behind the modem: names, TCP and TLS for real, and nothing that waits.
# SPDX-License-Identifier: MIT
#
# Implements the same interface as ugsim.fakenet. Whoever runs the model calls `poll` of each
# connection through it; `watch` tells a selector loop which sockets are worth waking up for.

import errno
import ipaddress
import os
import selectors
import socket
import threading

from ugsim.tls import TlsClient

# TCP/IP error codes.
ERR_DNS = 565
ERR_CONNECT = 566
ERR_TIMEOUT = 569

TCP_TIMEOUT_MS = 75000
DNS_TIMEOUT_MS = 60000
# A closed connection still gets its last bytes out, and takes what the peer sends meanwhile: a
# socket that is closed with unread data makes the kernel reset it and throws those bytes away.
LINGER_MS = 5000

# Small on purpose, so that a modem that does not read is felt by the peer soon, and a peer that
# does not read by the modem.
_KERNEL_BUFFER = 16384
_SEND_LIMIT = 4096
_WAITING_LIMIT = 4096


class Lookup:
    # One name on its way to addresses. poll() -> None, or (error code, [address, ...]).
    def __init__(self, host, now_ms, wake=None):
        self._deadline_ms = now_ms + DNS_TIMEOUT_MS
        self._answer = None
        try:
            self._answer = (0, [str(ipaddress.IPv4Address(host))])
        except ValueError:
            # The system's resolver has no non-blocking call.
            threading.Thread(target=self._ask, args=(host, wake), daemon=True).start()

    def _ask(self, host, wake):
        try:
            found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
            self._answer = (0, [entry[4][0] for entry in found])
        except (OSError, UnicodeError):
            self._answer = (ERR_DNS, [])
        if wake:
            wake()

    def poll(self, now_ms=None):
        if self._answer is None and now_ms is not None and now_ms >= self._deadline_ms:
            self._answer = (ERR_DNS, [])
        return self._answer


class Net:
    # on_event(kind, text), if given, is told what happens on the connections (kind "tls").
    def __init__(self, on_event=None):
        self.on_event = on_event
        self.connections = []  # all that live
        self.history = []  # one dict for each connection that ever was
        self.stirred = False  # recv() made room: look at the connections again, without an event
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
        # Sees closed connections to their end.
        self._lingering = [last for last in self._lingering if not last.done(now_ms)]

    def next_ms(self):
        # When poll() is wanted at the latest; None if only a socket can be the reason.
        return min([last.deadline_ms for last in self._lingering], default=None)

    def watch(self):
        # [(socket, selectors events)] for which it is worth to wake up.
        found = [(self._bell_in, selectors.EVENT_READ)]
        for item in self.connections + self._lingering:
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

    def event(self, text):
        if self.on_event:
            self.on_event("tls", text)

    def retire(self, conn, outgoing):
        # Takes over the socket of a connection that is closed for the modem.
        self.connections.remove(conn)
        if conn.sock is not None:
            self._lingering.append(_Lingering(conn.sock, outgoing, conn.now_ms + LINGER_MS))
            self.poll(conn.now_ms)


class Conn:
    # One TLS connection of the modem.
    #   state  "opening" | "handshake" | "open" | "closed"; closed also means failed
    #   error  0 or the modem's code   why  text for people   security  0 or 1..3 (manual 2.3.3)
    def __init__(self, net, tls, host, port, now_ms):
        self.now_ms = now_ms
        self.sock = None
        self.state = "opening"
        self.error = 0
        self.why = ""
        self.ip = ""
        self.local_port = 0
        self.host = host
        self.port = port
        # The line of the summary that people and tests get to see.
        self.summary = {
            "host": host,
            "port": port,
            "state": "opening",
            "version": "",
            "suite": "",
            "sent": 0,
            "received": 0,
            "error": 0,
            "why": "",
        }
        self._net = net
        self._settings = tls
        self._tls = None
        self._lookup = Lookup(host, now_ms, net._wake)
        self._deadline_ms = 0

    @property
    def version(self):
        return self._tls.version if self._tls else ""

    @property
    def suite(self):
        return self._tls.suite if self._tls else ""

    @property
    def security(self):
        return self._tls.security if self._tls else 0

    @property
    def eof(self):
        return self.state == "closed" and not self.available()

    def poll(self, now_ms):
        self.now_ms = now_ms
        if self.state == "opening":
            self._open()
        if self.state == "handshake" or self.state == "open":
            self._exchange()
            if self.state == "handshake" and now_ms >= self._deadline_ms:
                seconds = self._settings.negotiate_ms / 1000
                self._end(
                    ERR_TIMEOUT, "the handshake took more than %g s (negotiatetime)" % seconds
                )

    def send(self, data):
        # Takes all or nothing; 0 while the peer or the path does not take more.
        if self.state != "open" or len(self._tls.outgoing) >= _SEND_LIMIT:
            return 0
        self._tls.write(data)
        self.summary["sent"] += len(data)
        self._exchange()
        return len(data)

    def available(self):
        return len(self._tls.plain) if self._tls else 0

    def recv(self, n):
        if not self._tls:
            return b""
        data = bytes(self._tls.plain[:n])
        del self._tls.plain[:n]
        self.summary["received"] += len(data)
        if data and self.state == "open":
            # There is room again: no socket event would tell about records that wait here.
            self._exchange()
            self._net.stirred = True
        return data

    def close(self):
        if self.state == "closed":
            return
        if self.state == "open":
            self._tls.close()
        self._end(0, "closed by the modem")

    def interest(self):
        # The selector's events that would let this connection progress.
        if self.sock is None:
            return 0
        if self.state == "opening":
            return selectors.EVENT_WRITE
        events = selectors.EVENT_WRITE if self._tls.outgoing else 0
        if self._hungry():
            events |= selectors.EVENT_READ
        return events

    def _open(self):
        # DNS, then TCP.
        if self.sock is None:
            answer = self._lookup.poll(self.now_ms)
            if answer is None:
                return
            code, addresses = answer
            if code or not addresses:
                self._end(ERR_DNS, "the name %s cannot be resolved" % self.host)
                return
            self.ip = addresses[0]
            self._deadline_ms = self.now_ms + TCP_TIMEOUT_MS
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.sock.setblocking(False)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self.sock.connect_ex((self.ip, self.port))
        if code in (0, errno.EISCONN):
            self._connected()
        elif code not in (errno.EINPROGRESS, errno.EALREADY, errno.EAGAIN):
            text = "TCP to %s:%d: %s" % (self.ip, self.port, os.strerror(code))
            self._end(ERR_CONNECT, text)
        elif self.now_ms >= self._deadline_ms:
            seconds = TCP_TIMEOUT_MS // 1000
            self._end(
                ERR_TIMEOUT, "TCP to %s:%d: no answer in %d s" % (self.ip, self.port, seconds)
            )

    def _connected(self):
        self.local_port = self.sock.getsockname()[1]
        self.state = "handshake"
        self._deadline_ms = self.now_ms + self._settings.negotiate_ms
        self._tls = TlsClient(self._settings)

    def _hungry(self):
        # Whether more bytes of the peer are wanted; if not, TCP holds the peer back.
        return self._tls.hungry and self._tls.waiting < _WAITING_LIMIT

    def _exchange(self):
        # Moves bytes between the socket and TLS as far as both go.
        tls = self._tls
        try:
            tls.step()
            self._flush()
            while self._hungry():
                data = self.sock.recv(4096)
                if data:
                    tls.feed(data)
                else:
                    tls.feed_eof()
                tls.step()
                self._flush()
                if not data:
                    break
        except BlockingIOError:
            pass
        except OSError as error:
            # A reset: what the peer sent before it is lost to us as well.
            tls.lost(error.strerror or str(error))
        if self.state == "handshake" and tls.version:
            # A server that has its say and closes at once is open for one poll all the same.
            self.state = "open"
            self.summary.update(state="open", version=tls.version, suite=tls.suite)
            self._net.event("%s:%d: %s, %s" % (self.host, self.port, tls.version, tls.suite))
            self._net.stirred = True
        elif tls.state == "closed":
            self._end(tls.error, tls.why)

    def _flush(self):
        # A peer that does not read must not keep us from reading.
        try:
            if self._tls.outgoing:
                sent = self.sock.send(self._tls.outgoing)
                del self._tls.outgoing[:sent]
        except BlockingIOError:
            pass

    def _end(self, code, text):
        self.state = "closed"
        self.error = code
        self.why = text
        self.summary.update(state="closed", error=code, why=text)
        self._net.event("%s:%d: %s" % (self.host, self.port, text))
        self._net.retire(self, bytes(self._tls.outgoing) if self._tls else b"")


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
