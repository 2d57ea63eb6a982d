# receiver.mqtt - the MQTT side: what comes is acknowledged once the database has it, not before.
# SPDX-License-Identifier: MIT
#
# The session at the broker is persistent: what was not acknowledged comes again, and is dropped as
# a repeat if it was kept all the same.

import logging
import secrets
import socket
import ssl
import threading
import time
import urllib.parse

import paho.mqtt.client as paho

from qshared.problem import Problem
from receiver import forms, keys, options
from receiver import store as db

_LOOK_S = 1  # for messages to send, and for what the database did not take
_LEAVE_S = 30
_QUIET_S = 3  # without a message: the broker has no more of them
_log = logging.getLogger("receiver")


class Mqtt:
    # leaving: only takes what the broker keeps for this receiver, see leave().
    def __init__(self, chosen, store, intake, metrics, leaving=False):
        self._leaving = leaving
        self._again_s = chosen.mqtt_again  # if the device was seen since
        self._open = 0  # messages that came and are not acknowledged
        self._heard = None  # when there was one, or the connection
        self._store = store
        self._intake = intake
        self._metrics = metrics
        self._prefix = chosen.mqtt_prefix
        self._max = chosen.max_body
        self._topic = "%s/+/up" % self._prefix
        if chosen.mqtt_share:
            self._topic = "$share/%s/%s" % (chosen.mqtt_share, self._topic)
        metrics.broker.set(0)
        self._life = 0  # which connection it is
        self._again = []  # messages that the database did not take: [(life, message)]
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._told = {}  # reason: when the log had it
        to = options.broker(chosen.mqtt)
        self._to = "%s:%d" % (to.hostname, to.port)
        self._chosen = chosen
        client = self._client = _client(chosen, False)
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._connected
        client.on_connect_fail = self._failed
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_message = self._came
        client.connect_async(to.hostname, to.port)
        client.loop_start()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def leave(self):
        # Returns when the session at the broker has ended, and nothing of it is left there.
        begin = time.monotonic()
        while self._heard is None or self._open or time.monotonic() < self._heard + _QUIET_S:
            if self._heard is None and time.monotonic() > begin + _LEAVE_S:
                self.close()
                raise Problem("The broker %s can't be used; nothing has changed." % self._to)
            time.sleep(0.1)
        self.close()
        client = _client(self._chosen, True)  # ends the session that there is
        gone = threading.Event()
        client.on_connect = lambda *_: client.disconnect()
        client.on_disconnect = lambda *_: gone.set()
        to = options.broker(self._chosen.mqtt)
        client.connect(to.hostname, to.port)
        client.loop_start()
        if not gone.wait(_LEAVE_S):
            raise Problem("The broker %s does not end the session: try again." % self._to)
        client.loop_stop()
        _log.info("the broker %s keeps nothing for this receiver any more", self._to)

    def close(self):
        # What has come and is not yet written stays unacknowledged at the broker.
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    # --- in paho's thread ---

    def _connected(self, client, _, flags, code, properties):
        if code.is_failure:
            self._tell("login", "the broker %s refuses the login: %s" % (self._to, code))
            return
        with self._lock:
            self._life += 1
            self._open = 0
            self._again.clear()  # comes again by itself
        if self._leaving:
            client.unsubscribe(self._topic)
        else:
            client.subscribe(self._topic, 1)
        self._heard = time.monotonic()

    def _subscribed(self, client, _, mid, codes, properties):
        # From now on the broker keeps what devices send; before the first time it does not.
        if any(code.is_failure for code in codes):
            _log.error("the broker %s does not let the receiver subscribe", self._to)
            return
        self._metrics.broker.set(1)
        _log.info("broker %s: connected, topic %s", self._to, self._topic)

    def _failed(self, client, _):
        self._tell("connect", "the broker %s can't be reached; trying again" % self._to)

    def _disconnected(self, client, _, flags, code, properties):
        self._metrics.broker.set(0)
        if not self._stop.is_set():
            self._tell("lost", "the connection to the broker %s is lost: %s" % (self._to, code))

    def _came(self, client, _, message):
        self._heard = time.monotonic()
        with self._lock:
            self._open += 1
        self._take(self._life, message)

    def _take(self, life, message):
        try:
            name = _device(message.topic, self._prefix)
            if len(message.payload) > self._max:
                raise forms.Bad("size", "a delivery has %d bytes at most" % self._max)
            delivery = forms.read(message.payload)
        except (forms.Bad, UnicodeDecodeError) as e:
            self._refuse(getattr(e, "word", "topic"), str(e))
            self._acknowledge(life, message)
            return
        future = self._intake.deliver(name, delivery, "mqtt")
        future.add_done_callback(lambda done: self._written(life, message, done))

    # --- in the thread of the intake ---

    def _written(self, life, message, done):
        error = done.exception()
        if isinstance(error, db.Gone):
            with self._lock:
                if life == self._life:
                    self._again.append((life, message))
            return
        if isinstance(error, forms.Bad):
            self._refuse(error.word, str(error))
        elif error is not None:
            # Acknowledged it would be lost; so it comes again with the next connection.
            _log.error("a message was not kept: %r", error)
            return
        self._acknowledge(life, message)

    def _acknowledge(self, life, message):
        # Not on another connection: there the number may be another message's.
        with self._lock:
            if life == self._life:
                self._client.ack(message.mid, message.qos)
                self._open -= 1

    # --- in a thread of its own ---

    def _run(self):
        while not self._stop.wait(_LOOK_S):
            with self._lock:
                again, self._again = self._again, []
            for life, message in again:
                self._take(life, message)
            try:
                self._publish()
            except db.Gone:
                pass  # the log has it
            except Exception as e:
                _log.error("messages could not be sent: %r", e)

    def _publish(self):
        if not self._client.is_connected() or self._leaving:
            return
        with self._store.reading() as c:
            if not db.any_to_publish(c):
                return
        found = self._intake.submit(lambda c: db.to_publish(c, time.time(), self._again_s))
        for name, text in found.result():
            self._client.publish("%s/%s/down" % (self._prefix, name), text, 1)

    # --- words ---

    def _refuse(self, word, text):
        self._metrics.refused.labels("mqtt", word).inc()
        self._tell("refused " + word, "refused by MQTT: %s" % text)

    def _tell(self, what, text):
        # The same at most once a minute.
        now = time.monotonic()
        if now > self._told.get(what, 0):
            self._told[what] = now + 60
            _log.warning("%s (more of this within a minute is not told)", text)


def _device(topic, prefix):
    # PREFIX/NAME/up
    name = topic[len(prefix) + 1 : -3]
    if topic != "%s/%s/up" % (prefix, name) or not db.NAME.fullmatch(name):
        raise forms.Bad("topic", "the topic is not %s/DEVICE/up" % prefix)
    return name


def _login(to, folder):
    # Of the address, else what `receiver broker` has made.
    if to.username:
        unquote = urllib.parse.unquote
        return unquote(to.username), unquote(to.password or "")
    try:
        return keys.BROKER_USER, (folder / "broker.key").read_text().strip()
    except OSError:
        return None, None


def _client(chosen, clean):
    to = options.broker(chosen.mqtt)
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2,
        client_id=chosen.mqtt_id or _client_id(chosen.folder),
        clean_session=clean,
        manual_ack=True,
    )
    user, password = _login(to, chosen.folder)
    if user:
        client.username_pw_set(user, password)
    if to.scheme == "mqtts":
        client.tls_set_context(_context(chosen))
    return client


def _context(chosen):
    path = chosen.mqtt_ca or chosen.folder / "ca.pem"
    try:
        if not chosen.mqtt_ca and not path.exists():
            path = None  # the system's
        ctx = ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as e:
        why = getattr(e, "reason", None) or e.strerror
        raise Problem("--mqtt-ca %s can't be used: %s." % (path, why)) from None
    ctx.set_ciphers(keys.SUITES)  # a broker for modems may have no others
    return ctx


def _client_id(folder):
    # The same with each start: the session at the broker is this receiver's.
    path = folder / "client-id"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        name = "receiver-%s-%s" % (socket.gethostname()[:12], secrets.token_hex(4))
        keys.write(path, name.encode())
        return name
