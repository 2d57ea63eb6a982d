# receiver_kit - tools/receiver as a process on loopback, and how tests talk to it.
# SPDX-License-Identifier: MIT
"""
with Receiver() as r:
    device = r.device("n1")
    r.post(device, {"queue": "q", "id": 1, "records": [{"t": 20}]})
    assert r.rows("SELECT record FROM records") == [('{"t":20}',)]
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time

import paho.mqtt.client as paho

import servers
import setup
from patience import LIMIT_S, until
from receiver import accounts, keys, login, messages
from receiver import store as db
from receiver.devices import hashed

_PATH = "import sys; sys.path.insert(0, %r); sys.argv[0] = 'receiver'; " % str(
    setup.ROOT / "tools"
)
PASSWORD = "correct horse battery"
_MAIN = _PATH + "from receiver import main; sys.exit(main.main(sys.argv[1:]))"


class Device:
    def __init__(self, name, token, key):
        self.name = name
        self.token = token
        self.key = key


class Receiver(servers.Process):
    # options: of the command line. url: the database's, SQLite if left out. certs: whose
    # certificate it has. like: another receiver, whose database and master.key it shares.
    def __init__(self, certs, *options, url=None, like=None):
        super().__init__("receiver")
        if like is not None:
            url = like.url
            keys.master(like.folder)
            shutil.copy(like.folder / "master.key", self.folder)
        self.certs = certs
        self.options = [str(o) for o in options]
        self.url = url or "sqlite:///%s" % (self.folder / "receiver.db")
        self.port = self.page_port = 0
        self.keep = False  # the ports that it had
        self._store = None

    def argv(self, *words):
        # Without the set-up of tools/receiver/__main__.py, which takes its time.
        return [sys.executable, "-c", _MAIN, *words, "--folder", self.folder]

    def prepare(self):
        if not self.port or not self.keep:
            self.port, self.page_port = servers.free_port(), servers.free_port()
        self.ports = (self.port, self.page_port)
        words = ["--listen", "127.0.0.1:%d" % self.port, "--page", "127.0.0.1:%d" % self.page_port]
        words += self.cert()
        return self.argv("serve", *words, "--database", self.url, *self.options)

    def again(self):
        # After its end, on the same ports.
        self.keep = True
        self.start()

    def stop(self):
        if self._store:
            self._store.close()
        super().stop()

    def end(self, number=signal.SIGTERM):
        # The exit status after a signal.
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)

    def run(self, *words, stdin=None):
        # (exit status, output, errors) of a command.
        argv = [str(a) for a in self.argv(*words, "--database", self.url)]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=LIMIT_S)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    @property
    def store(self):
        if self._store is None:
            self._store = db.Store(self.url)
            self._store.open()
        return self._store

    def cert(self):
        # The options that name its certificate.
        return ["--cert", self.certs.server.cert, "--key", self.certs.server.key]

    def device(self, name):
        # A device that is made here, quicker than by the command.
        token = keys.new_token()
        with self.store.writing() as c:
            db.add_device(c, name, hashed(token), keys.mosquitto_password(token))
        key = messages.device_key(keys.master(self.folder), name)
        return Device(name, token, key)

    def known(self, name):
        # A device that somebody else has made; its token is not known here.
        return Device(name, None, messages.device_key(keys.master(self.folder), name))

    def user(self, name, password):
        with self.store.writing() as c:
            accounts.add(c, name, "person", login.hashed_password(password))

    def send(self, device, kind, body, hours=1):
        # Its number.
        with self.store.writing() as c:
            row = db.by_name(c, device.name)
            end = int(time.time() + hours * 3600)
            return db.add_message(c, row, kind, body, end, "test", device.key)

    def rows(self, sql):
        with self.store.reading() as c:
            return [tuple(row) for row in c.exec_driver_sql(sql)]

    def ids(self):
        # Of all records that are there, in the order of their coming.
        return [id for (id,) in self.rows("SELECT id FROM records ORDER BY n")]

    def kept(self, device, what="id"):
        # Of each record of a device, in the order of their coming.
        sql = "SELECT r.%s FROM records r, devices d WHERE d.id = r.device AND d.name = '%s'"
        return [value for (value,) in self.rows(sql % (what, device.name) + " ORDER BY n")]

    def connect(self):
        ctx = ssl.create_default_context(cafile=str(self.certs.ca))
        ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        ctx.set_ciphers("AES256-SHA256")
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=LIMIT_S, context=ctx)

    def post(self, device, body, headers=(), connection=None, path=None):
        # (status, what the answer's JSON is or None)
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        head = {"Content-Type": "application/json", **dict(headers)}
        if device is not None and path is None:
            head.setdefault("Authorization", "Bearer " + device.token)
        with contextlib.ExitStack() as stack:
            if connection is None:
                connection = stack.enter_context(contextlib.closing(self.connect()))
            connection.request("POST", path or "/in", body, head)
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, json.loads(text) if text else None

    def get(self, path, headers=(), method="GET", body=None):
        # (status, headers, text) of the page's side.
        connection = http.client.HTTPConnection("127.0.0.1", self.page_port, timeout=LIMIT_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()


class Broker(servers.Process):
    # mosquitto with the files that a receiver has made for its devices.
    def __init__(self, receiver):
        super().__init__("mosquitto")
        self.receiver = receiver
        self.port = servers.free_port()
        self.ports = (self.port,)

    def prepare(self):
        status, _, err = self.receiver.run("broker", *self.receiver.cert())
        assert status == 0, err
        text = (self.receiver.folder / "mosquitto/mosquitto.conf").read_text()
        text = text.replace("listener 8883", "listener %d 127.0.0.1" % self.port)
        if os.geteuid() == 0:
            text += "user root\n"  # or it gives up the right to read the files
        conf = self.folder / "mosquitto.conf"
        conf.write_text(text)
        return [servers.program("mosquitto"), "-c", conf]


class Client:
    # A device at the protocol's level. got: [(topic, payload)].
    def __init__(self, broker, user, password, id=None, topics=()):
        self.got = []
        self.code = None
        self.granted = []
        client = self.paho = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=id or user, clean_session=False
        )
        client.username_pw_set(user, password)
        ctx = ssl.create_default_context(cafile=str(broker.receiver.certs.ca))
        ctx.set_ciphers("AES256-SHA256")
        client.tls_set_context(ctx)
        client.on_connect = lambda c, u, flags, code, p: setattr(self, "code", code)
        client.on_subscribe = lambda c, u, mid, codes, p: self.granted.extend(codes)
        client.on_message = lambda c, u, m: self.got.append((m.topic, m.payload))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        until(lambda: self.code is not None)
        for topic in topics:
            client.subscribe(topic, 1)
        until(lambda: len(self.granted) == len(topics))

    def publish(self, topic, *values):
        # Returns when the broker has acknowledged all of them.
        payloads = [v if isinstance(v, bytes) else json.dumps(v) for v in values]
        for sent in [self.paho.publish(topic, p, 1) for p in payloads]:
            sent.wait_for_publish(LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.paho.disconnect()
        self.paho.loop_stop()


def batch(first, count, queue="q1"):
    return {"queue": queue, "id": first, "records": [{"t": first + i} for i in range(count)]}


def let_in(r):
    # anna and ben may log in to the page, and r.token is that of a program, robot.
    assert r.run("user", "add", "anna", stdin=PASSWORD + "\n")[0] == 0
    r.user("ben", PASSWORD)
    _, out, _ = r.run("program", "add", "robot")
    r.token = re.search(r"token +(\S+)", out)[1]
