# qssl.https - delivers a batch of records as one HTTPS POST, over a connection that is kept.
# SPDX-License-Identifier: MIT
#
# A carrier of qssl.uplink: attach(sock) once for each connection, deliver(name, batch) for each
# batch; both are generators that yield wherever they wait, on a socket that does not block.

import errno

from micropython import const

from .errors import Error, Refused
from .quote import quoted

_LINE_MAX = const(512)
_BODY_MAX = const(65536)


class Https:
    # host: for the Host header. path, content_type: of the request. pack(name, batch) makes the
    # body of a batch, [(id, record)]; the default is lines():
    #     {"queue": NAME, "id": FIRST, "records": [RECORD, ...]}
    # for records that are JSON themselves. The ids of a batch are consecutive, unless records
    # between them were lost; then a batch ends there. A receiver drops what it has already.

    def __init__(self, host, path="/", content_type="application/json", pack=None):
        host = str(quoted(host, "uplink", "host"), "ascii")
        path = str(quoted(path, "uplink", "path"), "ascii")
        if " " in path or " " in host:
            raise Refused(errno.EINVAL, "uplink", "host or path holds a blank")
        self._head = (
            "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: "
            % (path, host, str(quoted(content_type, "uplink", "content_type"), "ascii"))
        ).encode()
        self._pack = pack or lines
        self._sock = None

    def attach(self, sock):
        self._sock = sock
        return
        yield  # a generator, as that of other carriers

    def alive(self):
        # Keeps an idle connection; nothing to do for HTTP.
        return
        yield

    def deliver(self, name, batch):
        # Returns the server's status code once it has answered: 2xx has taken the whole batch.
        body = self._pack(name, batch)
        sock = self._sock
        yield from send(sock, self._head + b"%d\r\n\r\n" % len(body))
        yield from send(sock, body)
        sock.flush()
        status = 100
        while status == 100:  # 100 Continue comes before the answer
            line = yield from self._line()
            try:
                status = int(line.split(b" ", 2)[1])
            except (ValueError, IndexError):
                raise Error(errno.EIO, "uplink", "the server's answer is no HTTP")
            length = 0
            keep = not line.startswith(b"HTTP/1.0")
            while True:
                line = yield from self._line()
                if not line:
                    break
                key, _, val = line.partition(b":")
                key = key.lower()
                val = val.strip().lower()
                if key == b"content-length" and val.isdigit():
                    length = int(val)
                elif key == b"connection":
                    keep = val != b"close"
                elif key == b"transfer-encoding":
                    length = -1
        if length < 0 or length > _BODY_MAX:
            keep = False
        elif keep:
            yield from self._skip(length)
        if not keep:
            self._sock = None  # the next batch takes a new connection
            sock.close()
        return status

    def usable(self):
        return self._sock is not None

    def _line(self):
        line = b""
        while not line.endswith(b"\n"):
            part = self._sock.readline(_LINE_MAX - len(line))
            if part is None:
                yield
            elif not part or len(line) >= _LINE_MAX:
                raise Error(errno.ECONNRESET, "uplink", "the server closed within its answer")
            else:
                line += part
        return line.strip()

    def _skip(self, n):
        while n > 0:
            part = self._sock.recv(min(n, 256))
            if part is None:
                yield
            elif not part:
                raise Error(errno.ECONNRESET, "uplink", "the server closed within its answer")
            else:
                n -= len(part)


def send(sock, data):
    # Writes all of data on a socket that does not block.
    at = 0
    while at < len(data):
        n = sock.write(data, at, len(data) - at)
        if n:
            at += n
        else:
            yield


def lines(name, batch):
    # The default body of a batch.
    records = b",".join([record for _, record in batch])
    return b'{"queue":"%s","id":%d,"records":[%s]}' % (name.encode(), batch[0][0], records)
