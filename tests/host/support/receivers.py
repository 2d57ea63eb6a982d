# receivers - scripted HTTPS server and MQTT broker for the uplink, with a ledger of records.
# SPDX-License-Identifier: MIT

import json

from mqtt_packets import publish, split
from ugsim.fakenet import Peer


class Ledger:
    # What arrived, as a receiver should keep it: by queue and id, repeats dropped.
    def __init__(self):
        self.records = {}  # (queue, id) -> record
        self.order = []  # keys as they came first
        self.arrived = 0
        self.repeats = 0
        self._last = {}  # queue -> highest id

    def add(self, queue, id, record):
        key = (queue, id)
        self.arrived += 1
        if key in self.records:
            assert self.records[key] == record, ("one id, two records", key, record)
            self.repeats += 1
            return
        assert id > self._last.get(queue, 0), ("out of order", key, self._last.get(queue))
        self._last[queue] = id
        self.records[key] = record
        self.order.append(key)

    def values(self):
        return [self.records[key] for key in self.order]


class HttpServer(Peer):
    # answer(queue, first id, records, conn) says what comes of a POST: a status; bytes to send;
    # "close" or "reset" without an answer, "silence". Only a 2xx is entered in the ledger, and
    # what `taken` names: a request whose answer gets lost.
    def __init__(self, answer=None):
        self.answer = answer or (lambda queue, first, records, conn: 200)
        self.ledger = Ledger()
        self.posts = 0
        self.bad = 0  # requests that could not be understood
        self.head = b""  # of the last request
        self._parts = {}

    def on_data(self, conn, data):
        got = self._parts.get(conn.number, b"") + data
        while True:
            at = got.find(b"\r\n\r\n")
            if at < 0:
                break
            size = -1
            for line in got[:at].split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    size = int(line[15:])
            if size < 0 or not got.startswith(b"POST "):
                self.bad += 1
                conn.push(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                conn.peer_close()
                return
            if len(got) < at + 4 + size:
                break
            body = got[at + 4 : at + 4 + size]
            self.head = got[:at]
            got = got[at + 4 + size :]
            self.request(conn, body)
        self._parts[conn.number] = got

    def on_close(self, conn):
        self._parts.pop(conn.number, None)

    def request(self, conn, body):
        self.posts += 1
        try:
            what = json.loads(body)
            queue, first, records = what["queue"], what["id"], what["records"]
        except (ValueError, KeyError):
            self.bad += 1
            self.reply(conn, 400)
            return
        answer = self.answer(queue, first, records, conn)
        taken = True
        if isinstance(answer, tuple):
            answer, taken = answer
        elif isinstance(answer, int):
            taken = 200 <= answer < 300
        elif answer in ("close", "reset", "silence"):
            taken = False
        if taken:
            for i, record in enumerate(records):
                self.ledger.add(queue, first + i, record)
        if answer == "close":
            conn.peer_close()
        elif answer == "reset":
            conn.peer_reset()
        elif isinstance(answer, bytes):
            conn.push(answer)
        elif answer != "silence":
            self.reply(conn, answer)

    def reply(self, conn, status):
        conn.push(b"HTTP/1.1 %d So be it\r\nContent-Length: 3\r\n\r\nyes" % status)


class Broker(Peer):
    # An MQTT 3.1.1 broker for one publisher. refuse: the return code of CONNACK. fate(n) says
    # what comes of the n-th PUBLISH: None PUBACK, "silence", "close", "lost" (taken, then closed).
    def __init__(self, fate=None, refuse=0):
        self.fate = fate or (lambda n: None)
        self.refuse = refuse
        self.ledger = Ledger()
        self.published = self.pings = self.connects = 0
        self.hello = None  # the last CONNECT
        self.topics = set()
        self._parts = {}
        self._deaf = set()  # connections that nobody listens to any more

    def on_data(self, conn, data):
        if conn.number in self._deaf:
            return
        packets, rest = split(self._parts.get(conn.number, b"") + data)
        self._parts[conn.number] = rest
        for kind, body in packets:
            if conn.number in self._deaf:
                break
            self.packet(conn, kind, body)

    def on_close(self, conn):
        self._parts.pop(conn.number, None)
        self._deaf.discard(conn.number)

    def packet(self, conn, kind, body):
        if kind == 0x10:
            self.connects += 1
            self.hello = body
            conn.push(bytes((0x20, 2, 0, self.refuse)))
            if self.refuse:
                conn.peer_close()
        elif kind == 0xC0:
            self.pings += 1
            conn.push(b"\xd0\x00")
        elif kind & 0xF6 == 0x32:
            n = body[0] << 8 | body[1]
            self.topics.add(bytes(body[2 : 2 + n]))
            mark = body[2 + n : 4 + n]
            self.published += 1
            fate = self.fate(self.published)
            if fate is None or fate == "lost":
                what = json.loads(body[4 + n :])
                self.ledger.add(what["queue"], what["id"], what["record"])
            if fate is None:
                conn.push(b"\x40\x02" + mark)
                return
            self._deaf.add(conn.number)
            if fate != "silence":
                conn.peer_close()
        else:
            conn.peer_close()


class Mailbox(HttpServer):
    # One with messages to a device: {number: text}, each sent until it is acknowledged.
    def __init__(self, answer=None):
        HttpServer.__init__(self, answer)
        self.messages = {}
        self.acks = []  # numbers, as they came; None: the device takes no messages
        self.asked = 0
        self.sent = 0
        self.room = 1024
        self.form = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s"

    def send(self, number, text):
        self.messages[number] = text

    def request(self, conn, body):
        ack, self.room = None, 1024
        for line in self.head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b": ")
            if name == b"Qssl-Ack":
                ack = int(value)
            elif name == b"Qssl-Room":
                self.room = int(value)
        self.acks.append(ack)
        if ack is not None:
            for m in list(self.messages):
                if m <= ack:
                    del self.messages[m]
        if not body.startswith(b'{"ack":'):
            HttpServer.request(self, conn, body)
        else:
            self.asked += 1
            self.reply(conn, 200)

    def reply(self, conn, status):
        found = []
        more = False
        if self.acks[-1] is not None and status == 200:
            for m in sorted(self.messages):
                if found and sum([len(t) for t in found]) + len(self.messages[m]) > self.room:
                    more = True
                    break
                found.append(self.messages[m])
        if not found:
            HttpServer.reply(self, conn, status)
            return
        self.sent += len(found)
        text = b'{"messages":[%s]%s}' % (b",".join(found), b',"more":true' if more else b"")
        conn.push(self.form % (b"Content-Length: %d\r\n\r\n%s" % (len(text), text)))


class Postbox(Broker):
    # A broker with a persistent session for a device, which it sends messages to.
    def __init__(self, fate=None, granted=1):
        Broker.__init__(self, fate)
        self.waiting = []  # payloads that no PUBACK has come for, the oldest first
        self.acks = []  # what the device has told
        self.granted = granted  # what SUBACK says
        self.subscribed = None
        self.down = b""
        self.retopic = None  # the topic that messages are sent with
        self.pubacks = 0
        self._conn = None
        self._first = 1  # packet identifier of the oldest

    def send(self, payload):
        self.waiting.append(payload)
        if self._conn is not None:
            self._publish(len(self.waiting) - 1)

    def _publish(self, i):
        mark = self._first + i
        text = publish(self.retopic or self.down, self.waiting[i], bytes((mark >> 8, mark & 255)))
        self._conn.push(text)

    def on_close(self, conn):
        Broker.on_close(self, conn)
        if conn is self._conn:
            self._conn = None

    def packet(self, conn, kind, body):
        if kind == 0x82:
            n = body[2] << 8 | body[3]
            self.down = bytes(body[4 : 4 + n])
            self.subscribed = body[4 + n]
            conn.push(b"\x90\x03" + body[:2] + bytes((self.granted,)))
            if self._conn is not conn:
                self._conn = conn
                for i in range(len(self.waiting)):
                    self._publish(i)
        elif kind == 0x40:
            self.pubacks += 1
            if body[0] << 8 | body[1] == self._first:
                self.waiting.pop(0)
                self._first += 1
        elif kind == 0x32 and b'{"ack":' in body:
            n = body[0] << 8 | body[1]
            assert body[2 + n : 4 + n] == b"\xff\xff"
            self.acks.append(json.loads(body[4 + n :])["ack"])
            conn.push(b"\x40\x02\xff\xff")
        else:
            Broker.packet(self, conn, kind, body)
