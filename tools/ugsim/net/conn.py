# ugsim.net.conn - one of the modem's TLS connections, over a real TCP socket.
# SPDX-License-Identifier: MIT

import errno
import os
import selectors
import socket

from ugsim.net.lookup import ERR_DNS, Lookup
from ugsim.net.tls import ERR_CONNECT_FAILED, TlsClient

ERR_TIMEOUT = 569  # TCP/IP error code: operation timeout
TCP_TIMEOUT_MS = 75000

# Small on purpose, so that a modem that does not read is felt by the peer soon, and a peer that
# does not read by the modem.
_KERNEL_BUFFER = 16384
_SEND_LIMIT = 4096
_WAITING_LIMIT = 4096

_SHOWN = 48  # bytes of payload that an event quotes


class Conn:
    # One TLS connection of the modem.
    #   state  "opening" | "handshake" | "open" | "closed"; closed also means failed
    #   error  0 or the modem's code   why  text for people   security  0 or 1..3 (manual 2.3.3)
    #   still  there is nothing to poll() for; never known here
    still = False

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
        self._lookup = Lookup(host, now_ms, net.wake)
        self._deadline_ms = 0
        self._reset = ""  # why nothing more goes out: what came before is read still

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
        self._show("up", data)
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
        if data:
            self._show("down", data)
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
                self._end(ERR_DNS, "the name %s can't be resolved" % self.host)
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
            self._end(ERR_CONNECT_FAILED, text)
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
            self._reset = error.strerror or str(error)
        if self._reset and self._hungry():
            tls.lost(self._reset)  # all that came before has been read
        if self.state == "handshake" and tls.version:
            # A server that has its say and closes at once is open for one poll all the same.
            self.state = "open"
            self.summary.update(state="open", version=tls.version, suite=tls.suite)
            self._net.event(
                "tls", "%s:%d: %s, %s" % (self.host, self.port, tls.version, tls.suite)
            )
            self._net.stirred = True
        elif tls.state == "closed":
            self._end(tls.error, tls.why)

    def _flush(self):
        # A peer that does not read, or has gone, must not keep us from reading.
        try:
            if self._tls.outgoing:
                sent = self.sock.send(self._tls.outgoing)
                del self._tls.outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError as error:
            self._reset = error.strerror or str(error)
            self._tls.outgoing.clear()

    def _show(self, kind, data):
        # Payload for the view: its size and how it begins.
        head = repr(bytes(data[:_SHOWN]))[1:] + ("..." if len(data) > _SHOWN else "")
        text = "%s:%d: %d bytes %s" % (self.host, self.port, len(data), head)
        self._net.event(kind, text, data)

    def _end(self, code, text):
        self.state = "closed"
        self.error = code
        self.why = text
        self.summary.update(state="closed", error=code, why=text)
        self._net.event("tls", "%s:%d: %s" % (self.host, self.port, text))
        self._net.retire(self, bytes(self._tls.outgoing) if self._tls else b"")
