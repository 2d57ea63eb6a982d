# qdevice.cable - a TCP connection as a serial port of this PC, for programs that want one.
# SPDX-License-Identifier: MIT

import contextlib
import os
import select
import socket
import threading
import tty


class Cable:
    # with Cable("socket://127.0.0.1:4321") as port: a pty that leads there.
    def __init__(self, url):
        host, _, port = url[len("socket://") :].rpartition(":")
        self._sock = socket.create_connection((host, int(port)), 5)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self.port

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._sock.close()
        os.close(self._slave)
        os.close(self._master)

    def _carry(self):
        with contextlib.suppress(OSError):
            while True:
                for end in select.select([self._sock, self._master], [], [])[0]:
                    if end is self._sock:
                        data = self._sock.recv(4096)
                        os.write(self._master, data)
                    else:
                        data = os.read(self._master, 4096)
                        self._sock.sendall(data)
                    if not data:
                        return
