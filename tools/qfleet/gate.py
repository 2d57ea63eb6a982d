# qfleet.gate - the receiver of qfleet.inside behind a simulated connection.
# SPDX-License-Identifier: MIT

from ugsim.fakenet import Peer


class Gate(Peer):
    # sick: so many answers get lost.
    def __init__(self, inside, rng):
        self._inside = inside
        self._rng = rng
        self._parts = {}
        self.sick = 0
        self.away = lambda: False  # whether the receivers are away

    def on_data(self, conn, data):
        got = self._parts.pop(conn.number, b"") + data
        while b"\r\n\r\n" in got:
            head, _, rest = got.partition(b"\r\n\r\n")
            fields = head.lower().partition(b"content-length:")[2].split()
            size = int(fields[0]) if fields else 0
            if len(rest) < size:
                break
            got = rest[size:]
            self._request(conn, head, rest[:size])
        self._parts[conn.number] = got

    def on_close(self, conn):
        self._parts.pop(conn.number, None)

    def _request(self, conn, head, body):
        if self.away():
            conn.peer_reset()
            return
        sick = self.sick and self._rng.below(3) + 1
        self.sick -= bool(self.sick)
        if sick == 1:  # it never came there
            conn.peer_reset()
            return
        status, lines, answer = self._inside.ask(head, body)
        if sick == 2:  # it did, and the answer got lost
            conn.peer_reset()
            return
        if sick == 3:
            status, answer = 503, b'{"error":"database"}'
            lines = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(answer)
        conn.push(b"HTTP/1.1 %d x\r\n%s\r\n%s" % (status, lines, answer))
