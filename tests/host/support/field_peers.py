# field_peers - servers for the modem of field_faults: a web server and an MQTT broker.
# SPDX-License-Identifier: MIT

import json

from mqtt_packets import publish, published, split


class Server:
    # What came on each connection since it was opened.
    def __init__(self):
        self.parts = {}
        self.bad = []

    def reset(self):
        self.parts = {}

    def begins(self, id):
        self.parts[id] = b""

    def ends(self, id):
        self.parts.pop(id, None)

    def gets(self, id, data):
        # (answer, whether it closes then)
        if id not in self.parts:
            return b"", False
        self.parts[id] += data
        return self.answer(id, self.parts[id])


class Web(Server):
    # POSTs of an uplink, and GET /N for N bytes; closes behind a GET.
    def __init__(self):
        super().__init__()
        self.ledger = {}

    def answer(self, id, got):
        at = got.find(b"\r\n\r\n")
        if at < 0:
            return b"", False
        size = 0
        for line in got[:at].split(b"\r\n"):
            if line.lower().startswith(b"content-length: "):
                size = int(line[15:])
        if len(got) < at + 4 + size:
            return b"", False
        body = got[at + 4 : at + 4 + size]
        self.parts[id] = got[at + 4 + size :]
        try:
            if got.startswith(b"GET /"):
                n = int(got[5 : got.find(b" ", 5)])
                head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % n
                return head + pattern(n), True
            what = json.loads(body)
            for i, record in enumerate(what["records"]):
                key = what["queue"], what["id"] + i
                assert self.ledger.setdefault(key, record["n"]) == record["n"]
        except (ValueError, KeyError):
            self.bad.append(body)
            return b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", True
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", False


def pattern(n):
    return bytes([(i * 7 + n) & 255 for i in range(n)])


class Broker(Server):
    # MQTT 3.1.1: everybody gets what anybody publishes.
    def __init__(self):
        super().__init__()
        self.got = []

    def answer(self, id, got):
        out = b""
        packets, self.parts[id] = split(got)
        for kind, body in packets:
            if kind == 0x10:
                out += b"\x20\x02\0\0"
            elif kind == 0x82:
                out += b"\x90\x03" + body[:2] + b"\0"
            elif kind == 0xC0:
                out += b"\xd0\0"
            elif kind & 0xF0 == 0x30:
                topic, message, mark = published(kind, body)
                if not whole(message):
                    self.bad.append(message)
                    return b"", True
                self.got.append(message)
                if mark:
                    out += b"\x40\x02" + mark
                out += publish(topic, message)
            elif kind != 0x40:
                self.bad.append(bytes((kind,)) + body)
                return b"", True
        return out, False


def message(n):
    text = b"%d:" % n + pattern(n % 900)
    return b"%06d" % len(text) + text


def whole(text):
    if len(text) < 8 or int(text[:6]) != len(text) - 6:
        return False
    return text == message(int(text[6 : text.find(b":")]))
