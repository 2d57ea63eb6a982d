# qdemo.servers - the server that a script of examples/ talks to.
# SPDX-License-Identifier: MIT

import sys

from qdemo.broker import Broker
from qdemo.certificates import Certificates
from qdemo.https_server import HttpsServer


def words(certs):
    # What is told of the server's TLS.
    return "TLS 1.2, %s" % ("ECDHE and AES-GCM" if certs.other else "static RSA")


def start(which, folder, stack, ordinary=False):
    # Starts it; what board.setting() has to say then. Records that arrive are told on stderr, so
    # that the script's output stays clean. ordinary: as servers of today are, for LTE modems.
    certs = Certificates(folder, ordinary)
    if which == "mqtt":
        server = Broker(certs, folder, _say_record, _say)
    else:
        server = HttpsServer(certs, _say_record, _say)
    stack.callback(server.close)
    _say("listens on %s:%d, %s" % (server.host, server.port, words(certs)))
    return dict(server.settings, host=server.host, port=server.port, ca=certs.ca)


def _say_record(record):
    _say("record %d: %s, %d bytes" % (record.n, record.text, record.size))


def _say(text):
    print("server: " + text, file=sys.stderr, flush=True)
