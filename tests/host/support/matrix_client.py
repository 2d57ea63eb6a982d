# matrix_client - the driver on MicroPython's unix port, told what to do line by line in JSON.
# SPDX-License-Identifier: MIT
#
#     matrix_client.py PATH      PATH: the pty of ugsim. See test_matrix.py, the other end.

import json
import sys
import time

from unix import UART  # boards/unix.py

from qssl import Modem, files
from qssl.errors import Error


class Worker:
    def __init__(self, path):
        self.modem = Modem(UART(path), sockets=2)
        self.modem.start(apn="internet")
        self.ctx = None

    def clock(self, t):
        self.modem.clock(t)
        return self.modem.clock()

    def exchange(self, host, port, ctx, tls, send, count=None):
        # One connection: sends, reads `count` bytes or until EOF, closes. Returns what came.
        self.ctx = self.modem.tls(ctx, **tls)
        start = time.ticks_ms()
        try:
            sock = self.modem.connect(host, port, self.ctx)
        finally:
            self.spent = time.ticks_diff(time.ticks_ms(), start)
        sock.settimeout(20)
        sock.write(send)
        data = sock.read() if count is None else sock.read(count)
        sock.close()
        return data.decode()

    def spent_ms(self):
        return self.spent

    def diagnose(self, host):
        return [list(finding) for finding in self.modem.diagnose(host, self.ctx)]

    def probe(self):
        return sorted([k for k, v in self.modem.probe().items() if v is not None])

    def files(self):
        return files.listed(self.modem, "RAM:*")

    def states(self):
        return [list(s) for s in self.modem.state()]


def main(path):
    worker = Worker(path)
    print(json.dumps({"value": "ready"}))
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        name, args = json.loads(line)
        try:
            answer = {"value": getattr(worker, name)(*args)}
        except Error as e:
            answer = {"error": str(e), "code": e.code, "phase": e.phase}
        print(json.dumps(answer))


main(sys.argv[1])
