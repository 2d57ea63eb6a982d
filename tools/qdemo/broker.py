# qdemo.broker - mosquitto as a process, and what arrives there.
# SPDX-License-Identifier: MIT

import os
import socket
import ssl
import time

import setup
from qdemo import senml
from qdemo.https_server import ORDINARY, SUITES
from qdemo.subscriber import Subscriber
from qshared import process
from qshared.problem import Problem, port_problem

TOPIC = "telemetry/demo"
_START_S = 60


class Broker:
    # MQTT over TLS; with certs.other as today, but mosquitto has one certificate at a port.
    # on_record and on_note: as for qdemo.https_server.
    def __init__(self, certs, folder, on_record, on_note, port=0):
        self.host = "127.0.0.1"
        self.port = _free_port(port)
        self.settings = {"topic": TOPIC}
        self._on_record = on_record
        self._on_note = on_note
        lines = [
            "log_dest stderr",
            "persistence false",
            "allow_anonymous true",
            "listener %d %s" % (self.port, self.host),
            "certfile %s" % certs.cert,
            "keyfile %s" % certs.key,
            "tls_version tlsv1.2",
            "ciphers " + (ORDINARY if certs.other else SUITES),
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # or it gives up the right to read the key
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self._log = folder / "mosquitto.log"
        argv = [setup.server("mosquitto"), "-c", folder / "mosquitto.conf"]
        with open(self._log, "wb") as log:
            self._process = process.start(argv, stdout=log, stderr=log)
        self._subscriber = None
        try:
            self._wait()
            self._subscribe(certs.ca)
        except BaseException:
            self.close()
            raise

    def _subscribe(self, ca):
        context = ssl.create_default_context(cafile=ca)
        context.set_ciphers("ALL")  # the broker has those of a modem
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        at = self.host, self.port
        try:
            self._subscriber = Subscriber(*at, TOPIC, self._on_message, context)
        except OSError as e:
            raise Problem("Can't subscribe at the broker: %s." % e) from None

    def alive(self):
        return self._process.poll() is None

    def close(self):
        if self._subscriber:
            self._subscriber.close()
        process.stop(self._process)

    def _on_message(self, topic, data, qos):
        try:
            self._on_record(senml.parse(data))
        except ValueError as e:
            self._on_note(str(e))

    def _wait(self):
        end = time.monotonic() + _START_S
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as s:
                if s.connect_ex((self.host, self.port)) == 0 and self._process.poll() is None:
                    return
            time.sleep(0.02)
        text = self._log.read_text(errors="replace")
        last = text.strip().splitlines()[-1:] or ["it printed nothing"]
        raise Problem("mosquitto did not start: %s" % last[0])


def _free_port(wanted):
    # The port, or any if it is 0, if nobody has it.
    try:
        with socket.create_server(("127.0.0.1", wanted)) as s:
            return s.getsockname()[1]
    except OSError as e:
        raise port_problem(wanted, e) from None
