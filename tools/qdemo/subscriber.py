# qdemo.subscriber - reads what is published on a broker.
# SPDX-License-Identifier: MIT

import threading

import paho.mqtt.client as paho

_LIMIT_S = 30


class Subscriber:
    # on_message(topic, bytes, qos): called for each message, in a thread of its own. context: an
    # ssl.SSLContext; None: no TLS. login: (user, password). Raises OSError.
    def __init__(self, host, port, topic, on_message, context=None, login=None, qos=0):
        self.error = None
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._topic, self._qos = topic, qos
        self._client = client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, reconnect_on_failure=False
        )
        if context:
            client.tls_set_context(context)
        if login:
            client.username_pw_set(*login)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = lambda client, data, m: on_message(m.topic, m.payload, m.qos)
        client.connect_timeout = _LIMIT_S
        client.connect(host, port, 0)  # no keep-alive
        client.loop_start()
        if not self._ready.wait(_LIMIT_S):
            self.error = "it does not answer"
        if self.error:
            self.close()
            raise ConnectionError(self.error)

    def publish(self, topic, payload):
        # With QoS 0.
        self._client.publish(topic, payload)

    def drain(self, timeout_s=60):
        # Once the broker has gone: reads what it has sent, to the end.
        self._ended.wait(timeout_s)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client, data, flags, reason, properties):
        if reason.is_failure:
            self._fail("it refused the connection: %s" % reason)
        else:
            client.subscribe(self._topic, self._qos)

    def _subscribed(self, client, data, mid, reasons, properties):
        if reasons[0].is_failure:
            self._fail("it refused the subscription: %s" % reasons[0])
        self._ready.set()

    def _disconnected(self, client, data, flags, reason, properties):
        self._fail("the connection ended: %s" % reason)
        self._ended.set()

    def _fail(self, text):
        self.error = self.error or text
        self._ready.set()
