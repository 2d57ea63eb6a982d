# qssl.mqtt - delivers records as MQTT 3.1.1 messages of QoS 1, one PUBLISH and PUBACK each.
# SPDX-License-Identifier: MIT
#
# A carrier of qssl.uplink, see qssl.https. It only publishes; messages to the device come by
# qssl.uplink.subscriber. For anything else there is umqtt over qssl.compat.

import errno
from struct import pack
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .errors import Error, Refused
from .https import quiet, send, whole

_CONNECT = const(0x10)  # first byte of what is sent
_PUBLISH = const(0x32)  # QoS 1
_PINGREQ = b"\xc0\x00"
_CONNACK = const(2)  # kind of what is received
_PUBACK = const(4)
_PINGRESP = const(13)
_REASONS = (
    "",
    "protocol version",
    "client id rejected",
    "server unavailable",
    "user or password",
    "not authorized",
)


class Mqtt:
    """Carries records by MQTT: one message of QoS 1 a record. For Uplink.

    client: the client's id. topic: of every record. envelope(name, id, record) makes the payload;
    the default is {"queue": NAME, "id": ID, "record": RECORD} for records that are JSON
    themselves. keepalive_s: the broker drops a client that was silent for one and a half times as
    long.

    Raises: qssl.Refused for a topic with wildcards or control characters.
    Blocks: no.
    Allocates: while a batch is made.
    Since: 0.1.
    """

    def __init__(
        self,
        client: str,
        topic: str,
        user: str | None = None,
        password: str | None = None,
        keepalive_s: int = 300,
        envelope=None,
    ) -> None:
        for what, val in (("client", client), ("topic", topic)):
            if not val or len(val) > 255 or "\0" in val or "+" in val or "#" in val:
                raise Refused(errno.EINVAL, "uplink", "%s is empty, too long or a pattern" % what)
        if not 10 <= keepalive_s <= 65535:
            raise Refused(errno.EINVAL, "uplink", "keepalive_s must be 10 to 65535")
        flags = 2 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
        body = _text("MQTT") + pack(">BBH", 4, flags, keepalive_s) + _text(client)
        for val in (user, password):
            if val is not None:
                body += _text(val)
        self._hello = _packet(_CONNECT, body)
        self._topic = _text(topic)
        self._envelope = envelope or _json
        self._keep_ms = keepalive_s * 1000
        self._due = 0  # when the next PINGREQ must go out
        self._sock = None

    def attach(self, sock):
        self._sock = sock
        yield from send(sock, self._hello)
        sock.flush()
        kind, body = yield from self._receive()
        if kind != _CONNACK or len(body) != 2:
            raise Error(errno.EIO, "uplink", "this is no MQTT broker")
        if body[1]:
            why = _REASONS[body[1]] if body[1] < len(_REASONS) else "code %d" % body[1]
            raise Error(errno.EACCES, "uplink", "the broker refused the login: " + why)
        self._sent()

    def usable(self):
        return self._sock is not None

    def alive(self):
        # Before each batch and now and then. PINGREQ, when it is time.
        if not quiet(self._sock):
            self._sock = None
        else:
            yield from self._ping()

    def _ping(self):
        if ticks_diff(self._due, ticks_ms()) <= 0:
            yield from send(self._sock, _PINGREQ)
            self._sock.flush()
            self._sent()
            kind = 0
            while kind != _PINGRESP:
                kind, _ = yield from self._receive()

    def deliver(self, name, batch):
        # All records go out, then all acknowledgements are awaited. 200 once they are there.
        sock = self._sock
        left = {}
        for number, record in batch:
            mark = (number - 1) % 65534 + 1  # the packet identifier: 1 to 65534
            left[mark] = True
            payload = self._envelope(name, number, record)
            payload = _packet(_PUBLISH, self._topic + pack(">H", mark), len(payload)) + payload
            yield from whole(sock, payload)
        self._sent()
        while left:
            kind, body = yield from self._receive()
            if kind == _PUBACK and len(body) == 2:
                left.pop(body[0] << 8 | body[1], None)
        return 200

    def _sent(self):
        self._due = ticks_add(ticks_ms(), self._keep_ms // 2)

    def _receive(self):
        # (kind, body) of the next packet. What a publisher gets is short.
        head = yield from self._exactly(2)
        if head[1] > 127:
            raise Error(errno.EIO, "uplink", "the broker's packet is too long")
        return head[0] >> 4, (yield from self._exactly(head[1]))

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            part = self._sock.recv(n - len(data))
            if part is None:
                yield
            elif not part:
                raise Error(errno.ECONNRESET, "uplink", "the broker closed the connection")
            else:
                data += part
        return data


def _text(val):
    if isinstance(val, str):
        val = val.encode()
    return pack(">H", len(val)) + val


def _packet(kind, body, more=0):
    # more: bytes of the packet that follow separately.
    size = len(body) + more
    head = bytes((kind,))
    while size > 127:
        head += bytes((size & 0x7F | 0x80,))
        size >>= 7
    return head + bytes((size,)) + body


def _json(name, number, record):
    return b'{"queue":"%s","id":%d,"record":%s}' % (name.encode(), number, record)
