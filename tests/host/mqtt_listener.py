# mqtt_listener - subscribes to everything on a broker and keeps what comes.
# SPDX-License-Identifier: MIT
#
# MQTT 3.1.1, as far as a subscriber needs it; section numbers are those of its specification.

import contextlib
import socket
import threading
import time

from patience import LIMIT_S


class Listener:
    # port: a listener of the broker without TLS. messages: [(topic, payload, qos)] in order.
    def __init__(self, port, topic="#", user=None, password=None):
        self.messages = []
        self.error = None
        self._sock = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        flags, fields = 0x02, [b"test-listener-%d" % id(self)]  # clean session
        if user is not None:
            flags |= 0xC0
            fields += [user.encode(), password.encode()]
        head = b"\0\4MQTT\4" + bytes([flags]) + b"\0\0"  # no keep-alive
        self._send(0x10, head + b"".join(_text(f) for f in fields))  # 3.1 CONNECT
        kind, body = self._packet()
        if kind != 0x20 or body[1]:  # 3.2 CONNACK
            raise ConnectionError("the broker refused the connection: %r" % body)
        self._send(0x82, b"\0\1" + _text(topic.encode()) + b"\1")  # 3.8 SUBSCRIBE, QoS 1
        kind, body = self._packet()
        if kind != 0x90 or body[2] > 2:  # 3.9 SUBACK
            raise ConnectionError("the broker refused the subscription: %r" % body)
        self._sock.settimeout(None)
        self._thread = threading.Thread(target=self._run, name="mqtt-listener", daemon=True)
        self._thread.start()

    def wait(self, count, timeout_s=LIMIT_S):
        # The messages, once there are that many.
        end = time.monotonic() + timeout_s
        while len(self.messages) < count:
            if time.monotonic() > end or self.error:
                raise TimeoutError(
                    "%d messages, not %d (%s)" % (len(self.messages), count, self.error)
                )
            time.sleep(0.005)
        return self.messages

    def publish(self, topic, payload):
        # 3.3 PUBLISH, QoS 0. It comes back, too.
        self._send(0x30, _text(topic.encode()) + payload)

    def close(self):
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _run(self):
        try:
            while True:
                kind, body = self._packet()
                if kind & 0xF0 == 0x30:  # 3.3 PUBLISH
                    self._publish(kind >> 1 & 3, body)
        except (OSError, EOFError) as e:
            self.error = e

    def _publish(self, qos, body):
        end = 2 + int.from_bytes(body[:2], "big")
        topic = body[2:end].decode()
        if qos:
            self._send(0x40, body[end : end + 2])  # 3.4 PUBACK
            end += 2
        self.messages.append((topic, body[end:], qos))

    def _send(self, kind, body):
        size, digits = len(body), bytearray()  # 2.2.3 remaining length
        while True:
            size, digit = divmod(size, 128)
            digits.append(digit | (0x80 if size else 0))
            if not size:
                break
        self._sock.sendall(bytes([kind]) + digits + body)

    def _packet(self):
        kind = self._exactly(1)[0]
        size = shift = 0
        while True:
            digit = self._exactly(1)[0]
            size |= (digit & 0x7F) << shift
            shift += 7
            if digit < 0x80:
                return kind, self._exactly(size)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self._sock.recv(count - len(data))
            if not part:
                raise EOFError("the broker closed the connection")
            data += part
        return data


def _text(data):
    return len(data).to_bytes(2, "big") + data
