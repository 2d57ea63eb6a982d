# qssl.uplink.files - files from a server and to it, a piece at a time, between the records.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.files import Files

files = Files(up, board.setting("token"))
files.fetch("https://server.example/map.bin", "/map.bin", "9f86d081...")
files.send("/log.txt")
"""
#
# A job (.fetch, .send) does a piece at a time: step(files) is a generator for one request and what
# comes of it; it returns True once the job is done. Over HTTPS to the uplink's own server it goes
# over the connection that the records have; to another one over its own.
#
# Uplink knows nothing of this: Files stands in the place of its _once(), as the inbox does.

import errno
from os import urandom
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..connect.arguments import quoted
from ..errors import Error, Refused
from ..https import flushed, quiet, send

_BUFFER = const(1024)
_LINE_MAX = const(1024)
_LINES_MAX = const(100)
_DRAIN_MAX = const(2048)  # of a body that is of no use, so that the connection is kept
_CHUNKED = const(-1)
_UNKNOWN = const(-2)  # it ends with the connection
_LONG = const(262144)  # what such a body is taken for, in its deadline
_SLOW = const(8)  # ms a byte
_LONGEST_S = const(536870)  # ticks_add() takes no more
_RECORDS_MS = const(60000)  # so often at least the uplink has its turn, and its connection
_SILENT_MAX = const(7)  # what failures elsewhere lead to: all but a restart, see qssl.recovery
_WANTED = (
    b"content-length",
    b"content-range",
    b"content-type",
    b"content-encoding",
    b"transfer-encoding",
    b"connection",
    b"location",
    b"etag",
)


class Trouble(Exception):
    # What is wrong with a job, but not with the way to the server. word: for programs and
    # records; text: for people. final: trying again changes nothing; None: it passes, and does not
    # count.
    def __init__(self, word, text, final=False):
        super().__init__(text)
        self.word = word
        self.text = text
        self.final = final


class Files:
    """Fetches and sends files while an Uplink works, a piece at a time, between the records.

    token: the device's own at the receiver; it goes to the uplink's server alone. ctx: an SSL
    context for other servers, else the uplink's. piece: bytes of a request; so many are sent again
    after a break, and so long an urgent record waits. spare: bytes that stay free on the file
    system.

    Files that are asked for go one after the other, over all breaks and restarts of the modem,
    while up.run(), step() or task() works. After a power cut ask for them again: each goes on
    where it was. error: the last one of the file system, outside of jobs.

    Raises: qssl.Refused for arguments.
    Blocks: no.
    Allocates: a buffer of 1 kB.
    Since: 0.2.
    """

    def __init__(
        self, up, token: str | None = None, ctx=None, piece: int = 16384, spare: int = 16384
    ) -> None:
        if not 256 <= piece <= 1 << 20:
            raise Refused(errno.EINVAL, "files", "piece must be 256 to 1048576 bytes")
        self._up = up
        self._token = token and quoted(token, "files", "token")
        self._ctx = ctx
        self.piece = piece
        self.spare = spare
        self.buf = bytearray(_BUFFER)
        self._view = memoryview(self.buf)
        self.jobs = up.jobs = []  # also for a Policy
        self.look = None  # is called before and after each step of the uplink
        self._plain = up._once
        up._once = self._once
        self._sock = None  # to another server than the uplink's
        self._whom = None  # host and port of that
        self._shared = False  # the last request went over the uplink's connection
        self._cramped = False  # there is no place for two connections
        self._records = False  # it is the records' turn
        self._due = self._again = ticks_ms()
        self.error = None

    def start(
        self,
        url: str,
        to: str,
        sha256: str,
        size: int | None = None,
        done=None,
        tries: int = 3,
        like: str | None = None,
    ):
        """Fetches a file while the uplink works.

        url: https://..., or a path or the name of a file at the uplink's own server. to: where it
        goes, once its hash is right; before that nothing is changed there. sha256: its hash, 64
        hexadecimal digits; size: its bytes, if known: then what is none of it is seen at once.
        tries: how often in a row the server may answer that it has no such file, or with something
        else; a break of the connection does not count. done(job) is called at the end: job.error
        is None if all is well. like: a file of the board that may be the same.

        Returns: the job; .finished, .error, .word, .at (bytes that are there) may be looked at.
        Raises: qssl.Refused for arguments.
        Blocks: no.
        Allocates: little.
        Since: 0.2.
        """
        from .fetch import Fetch

        return self.add(Fetch(url, to, sha256, size, done, tries, like))

    def fetch(
        self,
        url: str,
        to: str,
        sha256: str,
        size: int | None = None,
        timeout_s: float | None = None,
        tries: int = 3,
    ) -> int:
        """Fetches a file; records go meanwhile. Not for callbacks of the uplink: see start().

        Returns: its size.
        Raises: qssl.Error: why it can't be had; ETIMEDOUT once the time is over: what has come so
            far stays, and the next call goes on from there.
        Blocks: timeout_s at most; None: until it is here.
        Allocates: while it works.
        Since: 0.2.
        """
        return self.wait(self.start(url, to, sha256, size, None, tries), timeout_s)

    def send(
        self, path: str, name: str | None = None, timeout_s: float | None = None, tries: int = 3
    ) -> int:
        """Sends a file to the receiver, which goes on where it was after a break, a restart or a
        power cut. The file must not change meanwhile. name: else that of the file.

        Returns: its size.
        Raises: qssl.Error: why the server does not take it; ETIMEDOUT once the time is over.
        Blocks: timeout_s at most; None: until the server has it.
        Allocates: while it works.
        Since: 0.2.
        """
        return self.wait(self.post(path, name, None, tries), timeout_s)

    def post(self, path: str, name: str | None = None, done=None, tries: int = 3):
        """Sends a file while the uplink works: as send(), and what start() says of jobs.

        Returns: the job.
        Raises: qssl.Refused for arguments.
        Blocks: no.
        Allocates: little.
        Since: 0.2.
        """
        from .send import Send

        return self.add(Send(path, name, done, tries))

    def cancel(self, job) -> None:
        """Gives up a job. What has come so far stays.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        if job in self.jobs:
            self.jobs.remove(job)
            self.drop()  # it may be in the midst of an answer

    def add(self, job):
        if not self.jobs:
            self._due = ticks_ms()
            self._again = ticks_add(self._due, _RECORDS_MS)
        self.jobs.append(job)
        return job

    def wait(self, job, timeout_s: float | None = None) -> int:
        """Waits for a job of start() or post(). Not for callbacks of the uplink.

        Returns: the size of the file.
        Raises: as fetch() and send().
        Blocks: timeout_s at most; None: until it has ended.
        Allocates: while it works.
        Since: 0.2.
        """
        up = self._up
        due = (
            None
            if timeout_s is None
            else ticks_add(ticks_ms(), int(min(timeout_s, _LONGEST_S) * 1000))
        )
        while not job.finished:
            up.step()
            if not job.finished and not up._modem.link.wait(due):
                up.close()  # also the file that it writes
                self.cancel(job)
                raise Error(
                    errno.ETIMEDOUT,
                    "files",
                    "%s: time is over; call again, it goes on" % job,
                )
        if job.error is not None:
            raise job.error
        return job.size

    # --- in the place of Uplink._once() ---

    def _once(self):
        self._looks()
        yield from self._one()
        self._looks()  # a Policy may let nothing come after this for hours

    def _looks(self):
        if self.look is not None:
            try:
                self.look()
            except OSError as e:
                self.error = e

    def _one(self):
        up = self._up
        now = ticks_ms()
        turn = self._records and len(up.queue) and not self._cramped
        if (
            not self.jobs
            or turn
            or 0 < ticks_diff(self._due, now) <= 2 * up._pause_max_ms  # more: it is days ago
            or ticks_diff(self._again, now) <= 0
        ):
            self._records = False
            self._again = ticks_add(now, _RECORDS_MS)
            if self._cramped or not self.jobs:
                self._leave()
            yield from self._plain()
            return
        self._records = True
        yield from self._work(self.jobs[0])

    def _work(self, job):
        up = self._up
        try:
            done = yield from job.step(self)
        except Trouble as e:
            if e.final is not None:
                job.struck += 1
            job.word = e.word
            job.error = Error(errno.EIO, "files", "%s: %s" % (job, e.text))
            if e.final or job.struck >= job.tries:
                self._end(job)
            else:
                self._later(job)
            return
        except OSError as e:
            job.error = e
            self._later(job)
            shared = self._shared
            self.drop()
            if shared:
                raise  # the uplink counts it, and brings its way back
            if up._silent < _SILENT_MAX:
                up._silent += 1  # the modem may be at fault: its recovery is to have a look
            return
        if done:
            job.error = job.word = None
            self._end(job)

    def _later(self, job):
        up = self._up
        ms = min(up._pause_ms << min(job.failures, 16), up._pause_max_ms)
        ms += ms * (urandom(1)[0] - 128) // 512  # so that a fleet does not come at once
        job.failures += 1
        self._due = ticks_add(ticks_ms(), ms)

    def _end(self, job):
        if job in self.jobs:
            self.jobs.remove(job)
        job.finished = True
        self._due = ticks_ms()
        if job.done is not None:
            job.done(job)

    def drop(self):
        self._leave()
        if self._shared:
            self._up._drop()

    def _leave(self):
        # Closes the connection of its own.
        sock = self._sock
        self._sock = None
        if sock is not None:
            try:
                sock.close()  # in the background
            except OSError:
                pass

    # --- for jobs: one request ---

    def target(self, url):
        # (host, port, path) of a URL, or of a path or name at the uplink's server.
        host, port, _ = self._up._to
        if url.startswith("https://"):
            host, _, path = url[8:].partition("/")
            path = "/" + path.partition("#")[0]
            host, _, port = host.partition(":")
            port = port or "443"
            if not port.isdigit() or not 0 < int(port) < 65536:
                raise Trouble("url", "its address has no port %s" % port, True)
            port = int(port)
        elif "://" in url:
            raise Trouble("url", "its address is not https: %s" % url[:60], True)
        else:
            path = url if url.startswith("/") else "/files/" + url
        return host, port, path

    def ask(self, verb, url, lines, body=None):
        # Generator: sends a request; returns (status, {header: value}), with the socket in
        # self.sock. body: (size, generator function(socket)).
        up = self._up
        host, port, path = self.target(url)
        try:
            path = quoted(path, "files", "path", _LINE_MAX)
            whom = quoted(host, "files", "host")
        except Refused as e:
            raise Trouble("url", e.hint, True)
        if b" " in path or b" " in whom:
            raise Trouble("url", "its address holds a blank", True)
        yield from self._reach(host, port)
        head = b"%s %s HTTP/1.1\r\nHost: %s" % (verb, path, whom)
        if port != 443:
            head += b":%d" % port
        head += b"\r\nAccept-Encoding: identity\r\n" + lines
        if self._token and (host, port) == up._to[:2]:
            head += b"Authorization: Bearer %s\r\n" % self._token
        if body is not None:
            head += b"Content-Length: %d\r\n" % body[0]
        yield from up._within(send(self.sock, head + b"\r\n"))
        if body is not None and body[0]:
            # A digit less in Content-Length would cut it.
            yield from up._within(flushed(self.sock))
            yield from body[1](self.sock)
        self.sock.flush()
        status, found = yield from up._within(self._head())
        up._silent = 0
        if self._shared:
            up.failures = 0
            up.error = None
        length = _length(found)
        if status in (204, 304):
            length = 0
        if found.get(b"connection", b"").lower() == b"close" or length == _UNKNOWN:
            self._keep = False
        self.length = length
        return status, found

    def _reach(self, host, port):
        # Generator: self.sock is a connection to that server.
        up = self._up
        modem = up._modem
        carrier = up._carrier
        self._shared = (
            (host, port) == up._to[:2] and self._ctx is None and hasattr(carrier, "_head")
        )
        self._keep = True
        if self._shared:
            self._cramped = False
            sock = up._sock
            if sock is not None and sock.state() == 1 and carrier.usable():
                yield from up._within(carrier.alive())
            if sock is None or sock.state() != 1 or not carrier.usable():
                up._drop()
                up._sock = yield from self._connected(host, port, up._to[2])
                modem.stats.reconnects += up._linked
                up._linked = True
                yield from up._within(carrier.attach(up._sock))
            self.sock = up._sock
            return
        sock = self._sock
        if sock is None or self._whom != (host, port) or sock.state() != 1 or not quiet(sock):
            self._leave()
            if up._sock is not None and None not in modem.sockets:
                up._drop()
            self._sock = yield from self._connected(host, port, self._ctx or up._to[2])
            self._cramped = up._sock is None and None not in modem.sockets
            self._whom = (host, port)
        self.sock = self._sock

    def _connected(self, host, port, ctx):
        up = self._up
        sock = yield from up._within(up._modem.connecting(host, port, ctx))
        sock.settimeout(0)
        return sock

    def _head(self):
        status = 100
        while status < 200:
            line = yield from self._line()
            try:
                if not line.startswith(b"HTTP/1."):
                    raise ValueError
                status = int(line.split(b" ", 2)[1])
            except (ValueError, IndexError):
                raise Error(errno.EIO, "files", "the server's answer is no HTTP")
            self._keep = not line.startswith(b"HTTP/1.0")
            found = {}
            for _ in range(_LINES_MAX):
                line = yield from self._line()
                if not line:
                    break
                name, _, value = line.partition(b":")
                name = name.strip().lower()
                if name in _WANTED:
                    found[name] = value.strip()
            else:
                raise Error(errno.EIO, "files", "the server's answer is too long")
        return status, found

    def _line(self):
        line = b""
        while len(line) < _LINE_MAX * 4:
            part = self.sock.readline(_LINE_MAX)
            if part is None:
                yield
                continue
            if not part:
                raise _closed()
            line += part
            if part.endswith(b"\n"):
                return line.strip()
        raise Error(errno.EIO, "files", "the server's answer is too long")

    def done_with(self):
        # Generator: the rest of an answer whose body is of no use. A long one, or one without an
        # end, ends the connection.
        if self._keep and 0 <= self.length <= _DRAIN_MAX:
            yield from self._bytes(self.length, _nothing)
        else:
            self.drop()

    def body(self, take):
        # Generator: the answer's body, by parts of the buffer: take(part).
        if self.length != _CHUNKED:
            yield from self._bytes(self.length, take)
        else:
            while True:
                line = yield from self._up._within(self._line())
                try:
                    n = int(line.split(b";")[0], 16)
                    if n < 0:
                        raise ValueError
                except ValueError:
                    raise Error(errno.EIO, "files", "the server's answer is no HTTP")
                if not n:
                    break
                yield from self._bytes(n, take)
                yield from self._up._within(self._line())
            while (yield from self._up._within(self._line())):
                pass
        if not self._keep:
            self.drop()

    def _bytes(self, n, take):
        wait_ms = self._up._timeout_ms
        last = ticks_add(ticks_ms(), wait_ms + (n if n >= 0 else _LONG) * _SLOW)
        due = ticks_add(ticks_ms(), wait_ms)
        while n:
            k = _BUFFER if n < 0 else min(n, _BUFFER)
            k = self.sock.recv_into(self.buf, k)
            if k is None:
                if not (yield due):
                    raise Error(errno.ETIMEDOUT, "files", "the server did not go on in time")
                continue
            if not k:
                if n < 0:
                    return
                raise _closed()
            if n > 0:
                n -= k
            take(self._view[:k])
            now = ticks_ms()
            due = ticks_add(now, wait_ms)
            if ticks_diff(last, due) < 0:
                due = last
            if ticks_diff(due, now) <= 0:
                raise Error(errno.ETIMEDOUT, "files", "the server is too slow")
            yield due


def _length(found):
    if b"transfer-encoding" in found:
        return _CHUNKED
    value = found.get(b"content-length", b"")
    try:
        return max(int(value), 0)
    except ValueError:
        return _UNKNOWN


def _closed():
    return Error(errno.ECONNRESET, "files", "the server closed within its answer")


def _nothing(part):
    pass
