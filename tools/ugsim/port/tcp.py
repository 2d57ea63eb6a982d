# ugsim.port.tcp - the AT port as a TCP socket.
# SPDX-License-Identifier: MIT

import errno
import socket

from ugsim.port.base import Port, PortError, reason


class TcpPort(Port):
    # One client at a time; a second one is turned away.

    def __init__(self, host, port):
        try:
            self._listener = socket.create_server((host, port), backlog=4)
        except OSError as error:
            hint = "HOST must be an address of this PC."
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                hint = "Choose another port, or 0 for a free one."
            raise PortError(
                "can't listen on %s:%d: %s. %s" % (host, port, reason(error), hint)
            ) from None
        self._listener.setblocking(False)
        self.address = "%s:%d" % self._listener.getsockname()[:2]
        self._client = None

    def watch(self):
        return [self._listener] + ([self._client] if self._client else [])

    def fileno_out(self):
        return self._client

    def read(self, n):
        self._accept()
        if not self._client:
            return b""
        try:
            data = self._client.recv(n)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up()
        return data

    def write(self, data):
        if not self._client:
            return len(data)
        try:
            return self._client.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._hang_up()
            return len(data)

    def close(self):
        self._hang_up()
        self._listener.close()

    def _accept(self):
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        if self._client:
            # The old client may have gone a moment ago, unnoticed.
            try:
                if self._client.recv(1, socket.MSG_PEEK):
                    client.close()
                    return
                self._hang_up()
            except BlockingIOError:
                client.close()
                return
            except OSError:
                self._hang_up()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client

    def _hang_up(self):
        if self._client:
            self._client.close()
            self._client = None
