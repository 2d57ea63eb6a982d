# qdemo.servers - the server that a script of examples/ talks to.
# SPDX-License-Identifier: MIT

import sys

from qdemo.broker import Broker
from qdemo.certificates import Certificates
from qdemo.https_server import HttpsServer


def start(which, folder, stack):
    # Starts it; what board.setting() has to say then. Records that arrive are told on stderr, so
    # that the script's output stays clean.
    certs = Certificates(folder)
    if which == "mqtt":
        server = Broker(certs, folder, _say_record, _say)
    else:
        server = HttpsServer(certs, _say_record, _say)
    stack.callback(server.close)
    _say("listens on %s:%d, TLS 1.2, static RSA" % (server.host, server.port))
    return dict(server.settings, host=server.host, port=server.port, ca=certs.ca)


def _say_record(record):
    _say("record %d: %s, %d bytes" % (record.n, record.text, record.size))


def _say(text):
    print("server: " + text, file=sys.stderr, flush=True)
