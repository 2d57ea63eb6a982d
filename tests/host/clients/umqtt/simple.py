# umqtt.simple - a double of the client in micropython-lib, main branch, version 1.7.0.
# SPDX-License-Identifier: MIT
#
# No package index has that version. Names and arities are its own, and so are the calls on socket
# and ssl: which, in which order, with which arguments. The code is not.

import socket
import struct


class MQTTException(Exception):
    pass


def _head(kind, size):
    # Fixed header: (buffer, bytes of it).
    buf = bytearray(6)
    buf[0] = kind
    n = 1
    while True:
        buf[n] = size & 127 | (128 if size > 127 else 0)
        size >>= 7
        n += 1
        if not size:
            return buf, n


class MQTTClient:
    def __init__(
        self,
        client_id,
        server,
        port=0,
        user=None,
        password=None,
        keepalive=0,
        ssl=None,
        ssl_params=None,
    ):
        self.sock = None
        self.client_id, self.server = client_id, server
        self.port = port or (8883 if ssl else 1883)
        self.user, self.pswd = user, password
        self.keepalive = keepalive
        self.ssl, self.ssl_params = ssl, ssl_params or {}
        self.pid = 0
        self.cb = None
        self.will = None

    def set_callback(self, f):
        self.cb = f

    def set_last_will(self, topic, msg, retain=False, qos=0):
        self.will = topic, msg, retain, qos

    def _text(self, text):
        self.sock.write(struct.pack("!H", len(text)))
        self.sock.write(text)

    def connect(self, clean_session=True, timeout=None):
        if self.sock:
            self.sock.close()
        self.sock = socket.socket()
        self.sock.settimeout(timeout)
        addr = socket.getaddrinfo(self.server, self.port)[0][-1]
        self.sock.connect(addr)
        if self.ssl is True:
            import ssl

            self.sock = ssl.wrap_socket(self.sock, **self.ssl_params)
        elif self.ssl:
            self.sock = self.ssl.wrap_socket(self.sock, server_hostname=self.server)
        flags = clean_session << 1
        texts = [self.client_id]
        if self.will:
            topic, msg, retain, qos = self.will
            texts += [topic, msg]
            flags |= 4 | qos << 3 | retain << 5
        if self.user:
            texts += [self.user, self.pswd]
            flags |= 0xC0
        buf, n = _head(0x10, 10 + sum(2 + len(text) for text in texts))
        self.sock.write(buf, n)
        self.sock.write(struct.pack("!H4sBBH", 4, b"MQTT", 4, flags, self.keepalive))
        for text in texts:
            self._text(text)
        answer = self.sock.read(4)
        code = -1
        if answer and len(answer) == 4 and answer[:2] == b"\x20\x02":
            code = answer[3]
        if code:
            raise MQTTException(code)
        return answer[2] & 1

    def disconnect(self):
        self.sock.write(b"\xe0\0")
        self.sock.close()

    def ping(self):
        self.sock.write(b"\xc0\0")

    def publish(self, topic, msg, retain=False, qos=0):
        buf, n = _head(0x30 | qos << 1 | retain, 2 + len(topic) + 2 * (qos > 0) + len(msg))
        self.sock.write(buf, n)
        self._text(topic)
        if qos:
            pid = self._next()
            struct.pack_into("!H", buf, 0, pid)
            self.sock.write(buf, 2)
        self.sock.write(msg)
        while qos:
            if self.wait_msg() == 0x40:
                assert self.sock.read(1) == b"\x02"
                if struct.unpack("!H", self.sock.read(2))[0] == pid:
                    return

    def _next(self):
        self.pid = self.pid % 65535 + 1
        return self.pid

    def _ask(self, kind, topic, acknowledged, size, more=b""):
        pid = self._next()
        buf, n = _head(kind, 4 + len(topic) + len(more))
        self.sock.write(buf, n)
        struct.pack_into("!H", buf, 0, pid)
        self.sock.write(buf, 2)
        self._text(topic)
        if more:
            self.sock.write(more)
        while self.wait_msg() != acknowledged:
            pass
        answer = self.sock.read(size)
        assert struct.unpack_from("!H", answer, 1)[0] == pid
        return answer

    def subscribe(self, topic, qos=0):
        if self._ask(0x82, topic, 0x90, 4, bytes((qos,)))[3] == 0x80:
            raise MQTTException(0x80)

    def unsubscribe(self, topic):
        self._ask(0xA2, topic, 0xB0, 3)

    def wait_msg(self):
        first = self.sock.read(1)
        self.sock.setblocking(True)
        if first is None:
            return None
        if first == b"":
            raise OSError(-1)
        kind = first[0]
        if kind == 0xD0:
            assert self.sock.read(1) == b"\0"
            return None
        if kind & 0xF0 != 0x30:
            return kind
        size = shift = 0
        while True:
            digit = self.sock.read(1)[0]
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        n = struct.unpack("!H", self.sock.read(2))[0]
        topic = self.sock.read(n)
        size -= 2 + n
        pid = None
        if kind & 6:
            pid = self.sock.read(2)
            size -= 2
        self.cb(topic, self.sock.read(size))
        if pid:
            self.sock.write(b"\x40\x02" + pid)
        return kind

    def check_msg(self):
        self.sock.setblocking(False)
        return self.wait_msg()
