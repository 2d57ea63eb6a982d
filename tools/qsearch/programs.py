# qsearch.programs - programs as people write them, on qssl.compat, while trouble comes and goes.
# SPDX-License-Identifier: MIT
#
# Each repeats what failed. Whatever happened, once the trouble is over they must go on by
# themselves, and the other end must have got every record in its order.

from mqtt_packets import published, split
from qsearch.player import Player, Violation, pattern
from qssl import compat
from ugsim.fakenet import Peer

_RECORDS = 5
_LIMIT_MS = 30 * 60000  # of virtual time for a program: with a way out, all is done long before
_TROUBLE_MS = 60000  # after so long there is power and coverage again
_PAUSE_MS = 1000  # before the next try
_HOST = "server.example"


class Broker(Peer):
    # As much of MQTT 3.1.1 as it takes; sections are the standard's.
    def __init__(self):
        self.records = []
        self._rest = {}

    def on_open(self, conn):
        self._rest[conn.number] = b""

    def on_data(self, conn, data):
        packets, self._rest[conn.number] = split(self._rest[conn.number] + data)
        for kind, body in packets:
            self._packet(conn, kind, body)

    def _packet(self, conn, kind, body):
        if kind == 0x10:  # 3.1 CONNECT
            conn.push(b"\x20\x02\0\0")
        elif kind == 0x32:  # 3.3 PUBLISH at QoS 1
            _, message, mark = published(kind, body)
            self.records.append(message)
            conn.push(b"\x40\x02" + mark)
        else:
            conn.peer_reset()


class Web(Peer):
    # GET /N gives pattern(size of N, N) and closes.
    def __init__(self):
        self.asked = []
        self._rest = {}

    def on_open(self, conn):
        self._rest[conn.number] = b""

    def on_data(self, conn, data):
        data = self._rest[conn.number] + data
        self._rest[conn.number] = data
        if data.endswith(b"\r\n\r\n"):
            words = data.split(b" ")
            try:
                n = int(words[1][1:])
            except (ValueError, IndexError):
                n = -1
            if n < 0 or words[0] != b"GET":
                conn.push(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            else:
                self.asked.append(n)
                body = page(n)
                conn.push(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            conn.peer_close()


def page(n):
    return pattern(1 + n * 977 % 4000, n)


def record(n):
    return b"record %d " % n + pattern(n * 397 % 1900, n)


def judge(records):
    # What a broker got: every record, in order; some twice.
    last = -1
    for data in records:
        word = data.split(b" ")[1] if data.startswith(b"record ") else b""
        n = int(word) if word.isdigit() else -1
        if n < 0 or data != record(n):
            raise Violation("G2: the broker got %r" % data[:40])
        if n > last + 1:
            raise Violation("G2: record %d came after %d" % (n, last))
        last = max(last, n)
    if last != _RECORDS - 1:
        raise Violation("G2: the last record at the broker is %d" % last)


def strike(player, n, trouble=True):
    # The trouble that the plan has for record n. With the last one all is well again.
    for op in player.plan["ops"] if trouble else ():
        if op[:2] == ["trouble", n]:
            player.rig.model.command(op[2])
            player.trouble = player.rig.now
    if n == _RECORDS - 1:
        for text in ("clear", "coverage on", "power on"):
            player.rig.model.command(text)


class Program(Player):
    def __init__(self, plan):
        Player.__init__(self, plan)
        self.peer = self.rig.net.add(_HOST, Broker() if plan["form"] == "mqtt" else Web())
        self.shim = compat.socket_for(self.modem, self.context, self._start, 20)
        self.sock = None
        self.trouble = None  # since when, if it is one that has to be ended

    def _start(self):
        # As the docs have it: compat calls it when a connection is wanted and the modem is not up.
        self.modem.start("internet")
        self.modem.clock((2026, 11, 22, 10, 0, 0))

    def run(self):
        exchange = self.publish if self.form == "mqtt" else self.get
        for n in range(_RECORDS):
            strike(self, n)
            self.repeat(exchange, n)
        if self.form == "mqtt":
            judge(self.peer.records)
        self.comes_back()
        if self.ran is not None:
            raise Violation("G2: payload was run as a command: %r" % self.ran)

    def repeat(self, exchange, n):
        end = self.rig.now + _LIMIT_MS
        error = None
        while self.rig.now < end:
            self.calls += 1
            try:
                exchange(n)
                return
            except OSError as e:
                error = e
                self.errors += 1
                self.hang_up()
            self.modem.sleep_ms(_PAUSE_MS)
            if self.trouble is not None and self.rig.now - self.trouble > _TROUBLE_MS:
                self.trouble = None
                self.rig.model.command("power on")
                self.rig.model.command("coverage on")
        raise Violation("G4: a %s program never comes back: %s" % (self.form, error))

    def connect(self, *data):
        sock = self.shim.socket()
        self.sock = sock
        sock.connect(self.shim.getaddrinfo(_HOST, 443)[0][-1])
        sock = self.shim.wrap_socket(sock, server_hostname=_HOST)
        for piece in data:
            sock.write(piece)
        return sock

    def hang_up(self):
        if self.sock is not None:
            sock = self.sock
            self.sock = None
            try:
                sock.close()
            except OSError:
                pass

    def publish(self, n):
        sock = self.sock
        if sock is None:
            sock = self.connect(b"\x10\x0e\0\4MQTT\4\2\0\x3c", b"\0\2id")
            if sock.read(4) != b"\x20\2\0\0":
                raise OSError(1)
        data = record(n)
        size = 2 + 1 + 2 + len(data)
        sock.write(bytes([0x32, size & 127 | 128, size >> 7]))
        sock.write(b"\0\1t")
        sock.write(bytes([0, n + 1]))
        sock.write(data)
        if sock.read(4) != bytes([0x40, 2, 0, n + 1]):
            raise OSError(1)

    def get(self, n):
        sock = self.connect(b"GET /%d HTTP/1.0\r\n" % n, b"Host: ", _HOST.encode(), b"\r\n\r\n")
        if sock.readline() != b"HTTP/1.0 200 OK\r\n":
            raise OSError(1)
        size = int(sock.readline().split()[1])
        sock.readline()
        data = sock.read(size)
        if len(data) != size:
            raise OSError(1)
        self.hang_up()
        if data != page(n):
            raise Violation("G2: another page than the server sent")
