# qdemo.subscriber - reads what is published on a broker, as far as the demo needs MQTT.
# SPDX-License-Identifier: MIT
#
# Section numbers are those of MQTT 3.1.1.

import contextlib
import socket
import ssl
import threading

from qdemo.problem import Problem

_CONNECT, _CONNACK = 0x10, 0x20
_PUBLISH = 0x30
_SUBSCRIBE, _SUBACK = 0x82, 0x90


class Subscriber:
    # on_message(bytes): called for each message on the topic, in a thread of its own.
    def __init__(self, host, port, ca, topic, on_message):
        context = ssl.create_default_context(cafile=ca)
        context.set_ciphers("ALL")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._on_message = on_message
        self._sock = self._thread = None
        try:
            plain = socket.create_connection((host, port), 10)
            self._sock = context.wrap_socket(plain, server_hostname=host)
            self._join(topic)
        except (OSError, EOFError) as e:
            self.close()
            raise Problem("Can't subscribe at the broker: %s." % e) from None
        self._sock.settimeout(None)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def drain(self, timeout_s=60):
        # Once the broker has gone: reads what it has sent, to the end.
        self._thread.join(timeout_s)

    def close(self):
        if self._sock:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            self._sock.close()

    def _join(self, topic):
        # 3.1: clean session, no keep-alive
        self._send(_CONNECT, _text(b"MQTT") + b"\x04\x02\0\0" + _text(b"qssl-demo"))
        kind, body = self._packet()
        if kind != _CONNACK or body[1]:
            raise EOFError("it refused the connection")
        self._send(_SUBSCRIBE, b"\0\1" + _text(topic.encode()) + b"\0")  # 3.8, QoS 0
        kind, body = self._packet()
        if kind != _SUBACK or body[2] > 2:
            raise EOFError("it refused the subscription")

    def _run(self):
        with contextlib.suppress(OSError, EOFError, ValueError):
            while True:
                kind, body = self._packet()
                if kind & 0xF0 == _PUBLISH:
                    self._on_message(body[2 + int.from_bytes(body[:2], "big") :])

    def _send(self, kind, body):
        # The bodies here are shorter than 128 bytes: one byte of length (2.2.3).
        self._sock.sendall(bytes([kind, len(body)]) + body)

    def _packet(self):
        # (first byte, body)
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
                raise EOFError("it closed the connection")
            data += part
        return data


def _text(data):
    return len(data).to_bytes(2, "big") + data
