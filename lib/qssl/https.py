# qssl.https - delivers a batch of records as one HTTPS POST, over a connection that is kept.
# SPDX-License-Identifier: MIT
#
# A carrier of qssl.uplink: attach(sock) once for each connection, deliver(name, batch) for each
# batch; both are generators that yield wherever they wait, on a socket that does not block.

import errno

from micropython import const

from .errors import Error, Refused

_LINE_MAX = const(256)  # bytes that are kept of a line of the answer
_LINES_MAX = const(100)  # header lines
_BODY_MAX = const(65536)  # a longer body is not read to its end
_CHUNKED = const(-1)
_UNKNOWN = const(-2)
_PAGE = const(0)  # instead of a status: a web page came, which no receiver sends


class Https:
    """Carries records by HTTPS: one POST a batch. For Uplink.

    host: for the Host header. path, content_type: of the request. pack(name, batch) makes the body
    of a batch, [(id, record)]; the default is {"queue": NAME, "id": FIRST, "records": [RECORD,
    ...]} for records that are JSON themselves. The ids of a batch are consecutive, unless records
    between them were lost; then a batch ends there. A receiver drops what it has already.

    Raises: qssl.Refused for arguments that can't be.
    Blocks: no.
    Allocates: while a batch is made.
    Since: 0.1.
    """

    inbox = None  # a qssl.uplink.inbox.Inbox: what takes the messages in the answers

    def __init__(
        self, host: str, path: str = "/", content_type: str = "application/json", pack=None
    ) -> None:
        self._head = _head(host, path, content_type)
        self._pack = pack or lines
        self._sock = None

    def attach(self, sock):
        self._sock = sock
        return
        yield  # a generator, as that of other carriers

    def alive(self):
        # Before each batch and now and then: a connection that the server closed is of no use.
        if not quiet(self._sock):
            self._sock = None
        return
        yield

    def deliver(self, name, batch):
        # Returns the server's status code once it has answered: 2xx has taken the whole batch; 0
        # where what came with it is a web page. An empty batch only asks for messages.
        inbox = self.inbox
        body = self._pack(name, batch) if batch else inbox.asking()
        sock = self._sock
        failure = None
        try:
            head = self._head + b"%d\r\n%s\r\n" % (len(body), inbox.lines() if inbox else b"")
            yield from send(sock, head)
            if self._pack is not lines:
                # A digit less in Content-Length cuts JSON so that it is none; what other forms
                # would make of it nobody knows.
                yield from flushed(sock)
            yield from whole(sock, body)
        except OSError as e:
            failure = e  # the server may have answered before it closed
        try:
            status = 100
            while status < 200:  # 100 Continue comes before the answer
                status, length, keep, kind = yield from self._header()
            if status == 204 or status == 304:
                length = 0
            good = 200 <= status < 300
            # An answer without a type is looked at where it is read anyway.
            self._look = good and (b"html" in kind or (not kind and keep and length != _UNKNOWN))
            self._sink = inbox.answer() if inbox and good else None
            self._keep = keep and length != _UNKNOWN and length <= _BODY_MAX
            if length == _CHUNKED:
                yield from self._chunks()
            elif length >= 0:
                yield from self._skip(min(length, _BODY_MAX))
            else:
                try:
                    yield from self._skip(_BODY_MAX)
                except OSError:
                    pass  # that is its end
            if self._sink:
                self._sink(b"")
        except OSError as e:
            raise failure or e
        if failure or not self._keep:
            self._sock = None  # the next batch takes a new connection
        return _PAGE if self._look is None else status

    def _header(self):
        # (status, length of the body or _CHUNKED or _UNKNOWN, whether the connection goes on,
        # content type)
        line = yield from self._line()
        try:
            status = int(line.split(b" ", 2)[1])
        except (ValueError, IndexError):
            raise Error(errno.EIO, "uplink", "the server's answer is no HTTP")
        length = _UNKNOWN
        keep = not line.startswith(b"HTTP/1.0")
        kind = b""
        lines = _LINES_MAX
        while True:
            line = (yield from self._line()).lower()
            if not line:
                return status, length, keep, kind
            lines -= 1
            if not lines:
                raise Error(errno.EIO, "uplink", "the server's answer is too long")
            key, _, val = line.partition(b":")
            val = val.strip()
            if key == b"content-length" and val.isdigit() and length != _CHUNKED:
                length = int(val)
            elif key == b"connection":
                keep = val != b"close"
            elif key == b"content-type":
                kind = val
            elif key == b"transfer-encoding":
                length = _CHUNKED

    def _chunks(self):
        # Passes over a chunked body.
        left = _BODY_MAX
        while self._wanted():
            line = yield from self._line()
            try:
                n = int(line.split(b";")[0], 16)
            except ValueError:
                break
            if not n:
                while (yield from self._line()):
                    pass
                return
            left -= n
            if n < 0 or left < 0:
                break
            yield from self._skip(n)
            if self._wanted():
                yield from self._line()
        self._keep = False

    def usable(self):
        return self._sock is not None

    def _line(self):
        # The next line, without its end; of a long one the beginning.
        line = b""
        left = _BODY_MAX
        while left > 0:
            part = self._sock.readline(_LINE_MAX)
            if part is None:
                yield
                continue
            if not part:
                break
            line = (line + part)[:_LINE_MAX]
            if part.endswith(b"\n"):
                return line.strip()
            left -= len(part)
        raise Error(errno.ECONNRESET, "uplink", "the server closed within its answer")

    def _wanted(self):
        # Whether more of the body is of use: for the next answer on this connection, or by itself.
        return self._keep or self._sink or self._look

    def _skip(self, n):
        while n > 0 and self._wanted():
            part = self._sock.recv(min(n, 256))
            if part is None:
                yield
                continue
            if not part:
                raise Error(errno.ECONNRESET, "uplink", "the server closed within its answer")
            n -= len(part)
            if self._look:
                start = part.lstrip(b"\xef\xbb\xbf \t\r\n")  # with the mark of UTF-8
                if start:
                    self._look = False
                if start[:1] == b"<":
                    self._look = self._sink = None
                    self._keep = False
            if self._sink:
                self._sink(part)


def _head(host, path, content_type):
    # What each request begins with. It loads what is let go with the next connection.
    from .connect.arguments import quoted

    host = quoted(host, "uplink", "host")
    path = quoted(path, "uplink", "path", 500)
    if path[0] != 47 or b" " in path + host or b"/" in host:
        raise Refused(errno.EINVAL, "uplink", "host is a name, path is /..., no blanks")
    kind = quoted(content_type, "uplink", "content_type")
    how = b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: "
    return how % (path, host, kind)


def quiet(sock):
    # True if the connection is open and nothing has come, as it must be between two batches.
    try:
        return sock.recv(1) is None
    except OSError:
        return False


def whole(sock, data):
    # Sends all of data so that nothing else can make it whole. A byte that is lost on the way to
    # the modem is made up for by another one at the end, see wire.resync; many readers of JSON
    # pass over what stands there. So the last byte goes alone, once the modem surely has the
    # others.
    n = max(len(data) - 1, 0)
    yield from send(sock, data, 0, n)
    yield from flushed(sock)
    yield from send(sock, data, n)
    sock.flush()


def flushed(sock):
    # Until the modem surely has all that was written.
    sock.flush()
    while sock.pending():
        yield
    sock.flush()  # raises, if it has not


def send(sock, data, at=0, end=None):
    # Writes data, or data[at:end], on a socket that does not block.
    if end is None:
        end = len(data)
    while at < end:
        n = sock.write(data, at, end - at)
        if n:
            at += n
        else:
            yield


def lines(name, batch):
    # The default body of a batch.
    records = b",".join([record for _, record in batch])
    return b'{"queue":"%s","id":%d,"records":[%s]}' % (name.encode(), batch[0][0], records)
