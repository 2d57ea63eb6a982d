# qdevice.peer - the TLS server that device scripts talk to: does what the first line asks for.
# SPDX-License-Identifier: MIT
#
# echo        sends back all that comes
# send N      sends N bytes of the pattern, then waits for the next line
# sink N      takes N bytes of the pattern, answers "ok" or where it differs, then the next line
# drop N      the same with any bytes
# burst N MS  the same as send, MS milliseconds later
# close       closes
# POST        an HTTP request with Content-Length: answers 200, then the next one

import contextlib
import socket
import ssl
import threading
import time

from qdemo.https_server import SUITES

_IDLE_S = 300


def pattern(start, count):
    # Every 256 bytes hold every value, and no two blocks are alike for long.
    return bytes((i * 7 + (i >> 8) * 13) & 255 for i in range(start, start + count))


_WHOLE = pattern(0, 1 << 16)  # it repeats after that


class Peer:
    def __init__(self, certs):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = self._context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._context.set_ciphers(SUITES)
        self._context.load_cert_chain(certs.cert, certs.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # or accept() goes on
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(_IDLE_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        # What goes wrong with a connection shows on the board.
        with contextlib.suppress(OSError, ValueError):
            with self._context.wrap_socket(sock, server_side=True) as tls:
                stream = tls.makefile("rb")
                while self._obey(tls, stream):
                    pass
        sock.close()

    def _obey(self, tls, stream):
        words = stream.readline().decode().split()
        if not words or words[0] == "close":
            return False
        if words[0] == "POST":
            length = 0
            while header := stream.readline().strip().lower():
                if header.startswith(b"content-length:"):
                    length = int(header.partition(b":")[2])
            stream.read(length)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return True
        if words[0] == "echo":
            while data := stream.read1(4096):
                tls.sendall(data)
            return False
        count = int(words[1])
        if words[0] in ("sink", "drop"):
            at = 0
            while at < count:
                data = stream.read(min(4096, count - at))
                if not data or (words[0] == "sink" and data != _part(at, len(data))):
                    tls.sendall(b"wrong near byte %d\n" % at)
                    return False
                at += len(data)
            tls.sendall(b"ok\n")
        else:
            if words[0] == "burst":
                time.sleep(int(words[2]) / 1000)
            for at in range(0, count, 4096):
                tls.sendall(_part(at, min(4096, count - at)))
        return True


def _part(at, count):
    at %= len(_WHOLE)
    return (_WHOLE + _WHOLE[:8192])[at : at + count]
