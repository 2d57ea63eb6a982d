# qdemo.https_server - the HTTPS server that the board talks to, in this process.
# SPDX-License-Identifier: MIT

import contextlib
import http.server
import ssl
import sys
import threading

from qdemo import senml
from qshared.problem import Problem, port_problem

SUITES = "AES256-SHA256:AES256-SHA:AES128-SHA"  # static RSA: all that OpenSSL and a UGxx share
# What a server of today has, and an LTE modem as well.
ORDINARY = "ECDHE+AESGCM"
PATH = "/telemetry"
_MAX = 65536  # bytes of one record
_IDLE_S = 300
_PAGE = """\
Hello from a TLS server.
You came by %s, %s.
"""


class HttpsServer:
    # POST /telemetry takes a SenML record, or a batch as qssl.https makes it; POST /post anything;
    # GET anything gives a short text.
    # on_record(senml.Record): a record has arrived, before its answer goes out.
    # on_note(text): something else that a person may want to know. With certs.other it is an
    # ordinary server of today with two names on its address; who names none gets the other host.
    def __init__(self, certs, on_record, on_note, port=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.set_ciphers(ORDINARY if certs.other else SUITES)
        except ssl.SSLError:
            raise Problem(
                "This system's OpenSSL (%s) refuses RSA key exchange, the only one a UGxx knows: "
                "run it with another Python." % ssl.OPENSSL_VERSION
            ) from None
        context.load_cert_chain(certs.cert, certs.key)
        if certs.other:
            context = _shared(context, certs)
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as e:
            raise port_problem(port, e) from None
        self._server.context = context
        self._server.on_record = on_record
        self._server.on_note = on_note
        self.host, self.port = self._server.server_address
        if certs.other:
            self.host = "localhost"  # by its name
        self.settings = {}
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), daemon=True
        )
        self._thread.start()

    def alive(self):
        return self._thread.is_alive()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def _shared(context, certs):
    # The context of another host, which gives way to this one when localhost is asked for.
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    other.minimum_version = other.maximum_version = ssl.TLSVersion.TLSv1_2
    other.set_ciphers(ORDINARY)
    other.load_cert_chain(certs.other, certs.key)

    def named(sock, name, _):
        if name == "localhost":
            sock.context = context

    other.sni_callback = named
    return other


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if isinstance(error, ssl.SSLError):
            self.on_note("TLS: %s" % (error.reason or error))
        elif not isinstance(error, OSError):  # a connection that breaks is the client's business
            self.on_note("failed: %r" % error)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True

    def setup(self):
        # Here and not in the thread that accepts, which a slow handshake would hold up.
        self.request.settimeout(_IDLE_S)
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()
        with contextlib.suppress(OSError, ValueError):
            self.request.unwrap()  # close_notify

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MAX:
            self.close_connection = True
            self._answer(411 if not length else 413)
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            self.server.on_note("the connection broke in the middle of a record")
            return
        if self.path == "/post":
            self.server.on_note("POST /post, %d bytes" % len(body))
            self._answer(200, b"accepted\n")
            return
        if self.path != PATH:
            self._answer(404)
            return
        try:
            records = senml.parse_all(body)
        except ValueError as e:
            self.server.on_note(str(e))
            self._answer(400)
            return
        for record in records:
            self.server.on_record(record)
        self._answer(204)

    def do_GET(self):
        page = (_PAGE % (self.request.version(), self.request.cipher()[0])).encode()
        self.server.on_note("GET %s" % self.path)
        self._answer(200, page)

    def _answer(self, status, body=b""):
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self):
        return "qssl-demo"

    def log_message(self, *args):
        pass
