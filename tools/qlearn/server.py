# qlearn.server - the TLS server of `learn.py serve`: does what the lines of qlearn.script say.
# SPDX-License-Identifier: MIT

import contextlib
import datetime
import os
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path

from qca import make
from qlearn import script
from qshared.problem import Problem

_CIPHERS = "AES256-SHA256:AES256-SHA:AES128-SHA:@SECLEVEL=0"
_IDLE_S = 180  # without a byte, then a connection is given up
_MOST = 32  # connections at a time
_BYTES = 400000  # sent to one connection at most
_LINE = 500


def certificates():
    # ([own, the one between, root], own key), in PEM.
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = now - datetime.timedelta(days=2), now + datetime.timedelta(days=365)
    root, middle, own = make.key(), make.key(), make.key()
    names = [make.name("qlearn " + text) for text in ("root", "middle", "server")]
    certs = [
        make.sign(names[0], names[0], root.public_key(), root, make.CA, begin, end, (), 1),
        make.sign(names[1], names[0], middle.public_key(), root, make.CA, begin, end),
        make.sign(names[2], names[1], own.public_key(), middle, make.SERVER, begin, end),
    ]
    return [make.pem(cert) for cert in reversed(certs)], make.key_pem(own)


class Server:
    # address: (host, port); port 0 takes a free one. tell(text): what happens. close() ends it.
    def __init__(self, address, tell=lambda text: None):
        self.tell = tell
        pems, key = certificates()
        self._pems = b"".join(pems)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._context.set_ciphers(_CIPHERS)
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (("cert", pems[0] + pems[1]), ("key", key)):
                (Path(folder) / name).write_bytes(data)
            self._context.load_cert_chain(Path(folder) / "cert", Path(folder) / "key")
        try:
            self._listener = socket.create_server(address, backlog=8)
        except OSError as error:
            raise Problem(
                "Can't listen on %s port %d: %s."
                % (*address, str(error.strerror or error).partition(" (while")[0])
            ) from None
        self.port = self._listener.getsockname()[1]
        self._live = set()
        self._lock = threading.Lock()
        self.thread = threading.Thread(target=self._accept, name="learn-server", daemon=True)
        self.thread.start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            live = list(self._live)
        for sock in live:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self.thread.join(5)

    def _accept(self):
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                full = len(self._live) >= _MOST
            if full:
                sock.close()
                continue
            threading.Thread(target=self._run, args=(sock, peer), daemon=True).start()

    def _run(self, sock, peer):
        sock.settimeout(30)
        self._keep(sock)
        try:
            with self._context.wrap_socket(
                sock, server_side=True, do_handshake_on_connect=False
            ) as tls:
                self._keep(tls, sock)
                tls.do_handshake()
                self.tell("%s: %s, %s" % (peer[0], tls.version(), tls.cipher()[0]))
                tls.settimeout(_IDLE_S)
                self._serve(tls)
        except (OSError, ValueError) as error:
            self.tell("%s: %s" % (peer[0], getattr(error, "reason", None) or error))
        finally:
            with self._lock:
                self._live = {live for live in self._live if live.fileno() >= 0}

    def _keep(self, sock, instead=None):
        with self._lock:
            self._live.discard(instead)
            self._live.add(sock)

    def _serve(self, tls):
        typed = b""
        left = _BYTES
        while True:
            data = tls.recv(4096)
            if not data:
                return
            typed += data
            while b"\n" in typed:
                line, _, typed = typed.partition(b"\n")
                # In front of it may stand what probes have sent to nobody.
                at = line.rfind(script.HELLO + b" ")
                if at < 0:
                    continue
                for word, number in script.parse(line[at:]):
                    if word == "wait":
                        time.sleep(number / 1000)
                    elif word == "close":
                        return
                    elif word == "break":
                        os.write(tls.fileno(), b"\x17\x03\x03\x00\x40" + os.urandom(64))
                    else:
                        out = script.payload(number)
                        if word == "certs":
                            out = script.certificates(self._pems)
                        left -= len(out)
                        if left < 0:
                            return
                        tls.sendall(out)
            typed = typed[-_LINE:]
