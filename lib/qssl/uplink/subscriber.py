# qssl.uplink.subscriber - MQTT both ways: records up, as qssl.mqtt, and messages into the inbox.
# SPDX-License-Identifier: MIT
#
# The session at the broker is persistent: what comes while the device is away waits there, and
# what is not acknowledged (PUBACK) comes again with the next connection. It is acknowledged once
# it is in the inbox. The server is told by {"ack":NUMBER}, after each connect and each message.

import errno

from micropython import const

from ..errors import Error, Refused
from ..https import send, whole
from ..mqtt import Mqtt, _packet, _text

_MESSAGE = const(3)  # kinds of packets that come
_SUBACK = const(9)
_MARK = b"\xff\xff"  # packet identifier of what is no record
_SHIFT_MAX = const(21)
_TOPIC_MAX = const(255)


class Subscriber(Mqtt):
    """Carries records by MQTT, and messages to the device, for an Uplink with an Inbox.

    down: the topic of the messages; the others as for Mqtt. client is the name of the session at
    the broker: always the same one for a device, and no other's.

    Raises: qssl.Refused for a topic with wildcards or control characters.
    Blocks: no.
    Allocates: while a batch is made.
    Since: 0.1.
    """

    inbox = None

    def __init__(
        self,
        client: str,
        topic: str,
        down: str,
        user: str | None = None,
        password: str | None = None,
        keepalive_s: int = 300,
        envelope=None,
    ) -> None:
        Mqtt.__init__(self, client, down, user, password, keepalive_s, envelope)
        self._down = down.encode()
        Mqtt.__init__(self, client, topic, user, password, keepalive_s, envelope)
        hello = bytearray(self._hello)
        hello[hello.find(b"MQTT\4") + 5] &= 0xFD  # no clean session
        self._hello = bytes(hello)
        self._owed = False  # the server is to be told what came
        self._stuck = False  # something could not be kept: it comes with another connection

    def attach(self, sock):
        inbox = self.inbox
        if inbox is None:
            raise Refused(errno.EINVAL, "uplink", "a Subscriber needs an Inbox")
        inbox.begin()
        self._stuck = False
        yield from Mqtt.attach(self, sock)
        yield from send(sock, _packet(0x82, _MARK + _text(self._down) + b"\1"))
        sock.flush()
        kind = 0
        while kind != _SUBACK:
            kind, body = yield from self._receive()
        if len(body) != 3 or body[2] > 1:
            raise Error(errno.EACCES, "uplink", "the broker does not let it subscribe")
        self._owed = True

    def usable(self):
        return self._sock is not None and (self._stuck is False or self.inbox.shut())

    def alive(self):
        yield from self._drain()
        if self._sock is not None:
            yield from self._ping()

    def deliver(self, name, batch):
        if batch:
            yield from Mqtt.deliver(self, name, batch)
        yield from self._drain()
        return 200

    def _drain(self):
        # All that has come, without waiting for more.
        while True:
            part = self._sock.recv(1)
            if part is None:
                break
            if not part:
                self._sock = None
                return
            yield from self._packet(part[0])
        if self._owed:
            self._owed = False
            ack = b'{"ack":%d}' % self.inbox.number
            ack = _packet(0x32, self._topic + _MARK + ack)
            yield from whole(self._sock, ack)
            self._sent()

    def _receive(self):
        kind = _MESSAGE
        while kind == _MESSAGE:
            kind, body = yield from self._packet((yield from self._exactly(1))[0])
        return kind, body

    def _packet(self, first):
        # (kind, body) of a packet; of a message only the kind: it is in the inbox.
        size = shift = 0
        more = 128
        while more & 128:
            if shift > _SHIFT_MAX:
                raise _wrong()
            more = (yield from self._exactly(1))[0]
            size |= (more & 127) << shift
            shift += 7
        kind = first >> 4
        if kind == _MESSAGE:
            yield from self._message(first >> 1 & 3, size)
            return kind, b""
        if size > 127:
            raise _wrong()
        return kind, (yield from self._exactly(size))

    def _message(self, qos, size):
        inbox = self.inbox
        head = yield from self._exactly(2)
        n = head[0] << 8 | head[1]
        size -= 2 + n + (2 if qos else 0)
        if n > _TOPIC_MAX or size < 0 or qos > 1:
            raise _wrong()
        topic = yield from self._exactly(n)
        mark = (yield from self._exactly(2)) if qos else b""
        buf = inbox.buf
        n = 0
        left = size
        while left:
            part = yield from self._exactly(min(left, 256))
            left -= len(part)
            part = part[: len(buf) - n]
            buf[n : n + len(part)] = part
            n += len(part)
        if topic != self._down:
            inbox.refuse("topic")
        elif not inbox.take(memoryview(buf)[:n], n == size):
            self._stuck = True
            return
        self._owed = True
        if qos:
            yield from send(self._sock, _packet(0x40, mark))
            self._sock.flush()


def _wrong():
    return Error(errno.EIO, "uplink", "the broker sends what is no MQTT, or too long")
