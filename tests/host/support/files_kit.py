# files_kit - a server with files, and a board that fetches them.
# SPDX-License-Identifier: MIT

from binascii import hexlify
from hashlib import sha256

import driver_kit
from disk import Disk
from driver_kit import Watch, tls
from qssl import uplink
from qssl.https import Https
from qssl.queue import RamQueue
from qssl.uplink import Uplink, fetch
from qssl.uplink import files as files_module
from qssl.uplink.files import Files
from qssl.uplink.inbox import Inbox
from receivers import Mailbox
from rig import clock
from ugsim.fakenet import FakeNet

HOST = "server.example"
uplink.urandom = files_module.urandom = lambda n: b"\x80" * n  # no jitter


def digest(data):
    return str(hexlify(sha256(data).digest()), "ascii")


class FileServer(Mailbox):
    # files: {path: bytes}. fate(n, path, first, last) is asked for the n-th GET: None: as usual;
    # bytes to send; ("cut", n): n bytes of the answer, then the connection ends; "close",
    # "silence"; ("status", 404). ranges=False: it sends all of it.
    def __init__(self, files=None, fate=None, ranges=True, etags=True):
        Mailbox.__init__(self)
        self.files = files or {}
        self.fate = fate or (lambda n, path, first, last: None)
        self.ranges = ranges
        self.etags = etags
        self.gets = []  # (path, first, last)
        self.heads = []
        self.payload = 0  # bytes of files that were sent
        self.uploads = {}  # (name, sha256): bytearray

    def on_data(self, conn, data):
        got = self._parts.get(conn.number, b"") + data
        while got.startswith(b"GET ") and b"\r\n\r\n" in got:
            head, _, got = got.partition(b"\r\n\r\n")
            self._parts[conn.number] = got
            self.get(conn, head)
        self._parts[conn.number] = b""
        if got and not got.startswith(b"GET "):
            Mailbox.on_data(self, conn, got)
        else:
            self._parts[conn.number] = got

    def header(self, name):
        # Of the last GET; None: it had none.
        for line in self.heads[-1].split(b"\r\n")[1:]:
            key, _, value = line.partition(b": ")
            if key == name:
                return value
        return None

    def get(self, conn, head):
        self.heads.append(head)
        path = str(head.split(b" ")[1], "ascii")
        first, last = 0, None
        wanted = self.header(b"Range")
        if wanted:
            first, last = [int(n) for n in wanted[6:].split(b"-")]
        self.gets.append((path, first, last))
        data = self.files.get(path)
        fate = self.fate(len(self.gets), path, first, last)
        if isinstance(fate, bytes):
            conn.push(fate)
            return
        if fate == "silence":
            return
        if fate == "close":
            conn.peer_close()
            return
        if (isinstance(fate, tuple) and fate[0] == "status") or data is None:
            status = fate[1] if fate else 404
            conn.push(b"HTTP/1.1 %d Nothing\r\nContent-Length: 4\r\n\r\nnone" % status)
            return
        answer = self.answered(data, first, last)
        if fate:
            conn.push(answer[: fate[1]])
            conn.peer_close()
        else:
            conn.push(answer)

    def answered(self, data, first, last):
        tag = b'"%s"' % digest(data)[:16].encode()
        etag = b"ETag: %s\r\n" % tag if self.etags else b""
        same = self.header(b"If-Range") in (None, tag)
        if not self.ranges or not same or last is None:
            self.payload += len(data)
            return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (etag, len(data), data)
        if first >= len(data):
            text = b"HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n"
            return text % len(data)
        part = data[first : last + 1]
        self.payload += len(part)
        text = (
            b"HTTP/1.1 206 Part\r\n%sContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n"
        )
        return text % (etag, first, first + len(part) - 1, len(data), len(part)) + part


class Plain:
    # A modem for an Uplink that hands bytes to the peer at once: quick. unreachable: hosts that it
    # does not reach.
    class _At:
        until = None

    class _Stats:
        reconnects = restarts = 0

    def __init__(self, peer, sockets=2, nap_ms=20):
        self.peer = peer
        self.sockets = [None] * sockets
        self.at = Plain._At()
        self.stats = Plain._Stats()
        self.link = self
        self.unreachable = ()
        self.opened = 0
        self.now = 0
        self._nap_ms = nap_ms
        clock.rig = self

    def sleep(self, ms):
        self.now += ms

    def pump(self):
        pass

    def wait(self, due):
        if due is not None and clock.ticks_diff(due, clock.ticks_ms()) <= 0:
            return False
        self.sleep(self._nap_ms)
        return True

    def tls(self):
        return self

    _seclevel = 0

    def connecting(self, host, port, ctx):
        yield
        if host in self.unreachable:
            raise OSError(111)
        n = self.sockets.index(None)
        self.opened += 1
        self.sockets[n] = sock = PlainSock(self, n)
        return sock


class PlainSock:
    # Both ends of a connection: what the program has, and what the peer calls.
    def __init__(self, modem, n):
        self._modem = modem
        self.number = modem.opened
        self.host = ""
        self._n = n
        self._rx = b""
        self._at = 0
        self._state = 1
        self._over = False
        modem.peer.on_open(self)

    def state(self):
        return self._state

    def settimeout(self, s):
        pass

    def pending(self):
        return False

    def flush(self):
        pass

    def write(self, data, off=0, n=None):
        data = bytes(data[off : len(data) if n is None else off + n])
        if not self._over:
            self._modem.peer.on_data(self, data)
        return len(data)

    def _ready(self):
        return len(self._rx) - self._at

    def recv(self, n):
        n = min(n, self._ready())
        if not n:
            return b"" if self._over else None
        self._at += n
        return self._rx[self._at - n : self._at]

    def recv_into(self, buf, n):
        data = self.recv(n)
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def readline(self, limit):
        at = self._rx.find(b"\n", self._at)
        return self.recv(min(limit, at + 1 - self._at if at >= 0 else limit))

    def close(self):
        if self._state == 1:
            self._state = 3
            self._modem.sockets[self._n] = None
            self._modem.peer.on_close(self)

    def push(self, data):
        self._rx = self._rx[self._at :] + data
        self._at = 0

    def peer_close(self):
        self._over = True

    peer_reset = peer_close


class Board:
    # A board with an uplink and its files; restart(): after a power cut.
    def __init__(self, peer, disk=None, inbox=False, sockets=2, nap_ms=20, plain=True, **keywords):
        self.peer = peer
        self.disk = disk or Disk()
        self.mount()
        self.keywords = dict({"piece": 1024, "spare": 0, "token": "secret"}, **keywords)
        self.inbox_wanted = inbox
        if plain:
            self.rig = self.modem = Plain(peer, sockets, nap_ms)
        else:
            net = FakeNet(peer)
            self.rig, self.modem = driver_kit.bare(net, sockets=sockets, idle=Watch(nap_ms))
            self.modem.start(apn="internet")
        self.store = RamQueue()
        self.recovery = None
        self.make()

    def mount(self):
        self.disk.mount(fetch)

    def make(self):
        carrier = Https(HOST, "/in")
        ctx = self.modem if isinstance(self.modem, Plain) else tls(self.modem)
        to = (self.modem, HOST, 443, ctx)
        self.up = Uplink(*to, carrier, self.store, self.recovery)
        self.inbox = Inbox(self.up, "/inbox") if self.inbox_wanted else None
        self.files = Files(self.up, **self.keywords)

    def restart(self):
        for sock in self.modem.sockets:
            if sock is not None:
                sock.close()
        self.make()

    def fetch(self, data, url="/files/a", to="/a.bin", size=True, timeout_s=600, **keywords):
        size = len(data) if size else None
        return self.files.fetch(url, to, digest(data), size, timeout_s, **keywords)


def noise(n, seed=1):
    # n bytes that do not repeat.
    found = []
    x = seed * 2654435761 & 0xFFFFFFFF or 1
    for _ in range(n):
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        found.append(x & 255)
    return bytes(found)


def parts(disk):
    # What has come of files that are not whole: {path: bytes}.
    return {path: len(data) for path, data in disk.files.items() if path.endswith(".part")}


class Taker(FileServer):
    # A receiver that takes files. puts: (name, range) of each request. refuse(n): bytes of the
    # answer to the n-th, or "close"; None: as usual.
    def __init__(self, fate=None):
        FileServer.__init__(self)
        self.put_fate = fate or (lambda n: None)
        self.puts = []
        self.has = {}  # SHA-256: bytes so far
        self.whole = {}  # name: bytes

    def on_data(self, conn, data):
        got = self._parts.get(conn.number, b"") + data
        while got.startswith(b"PUT ") and b"\r\n\r\n" in got:
            head, _, rest = got.partition(b"\r\n\r\n")
            size = int(head[head.find(b"Content-Length: ") + 16 :].split(b"\r\n")[0])
            if len(rest) < size:
                break
            got = rest[size:]
            self.put(conn, head, rest[:size])
        if got.startswith(b"PUT "):
            self._parts[conn.number] = got
            return
        self._parts[conn.number] = b""
        FileServer.on_data(self, conn, got)

    def put(self, conn, head, body):
        hash, _, name = str(head.split(b" ")[1], "ascii")[4:].partition("?name=")
        span = str(head[head.find(b"Content-Range: bytes ") + 21 :].split(b"\r\n")[0], "ascii")
        self.puts.append((name, span))
        fate = self.put_fate(len(self.puts))
        if isinstance(fate, bytes):
            conn.push(fate)
            return
        has = self.has.setdefault(hash, bytearray())
        first, _, total = span.partition("/")
        if first != "*" and int(first.split("-")[0]) == len(has):
            has.extend(body)
        text = b'{"at":%d}' % len(has)
        status = b"200 OK"
        if len(has) == int(total):
            if digest(has) == hash:
                self.whole[name] = bytes(has)
            else:
                status = b"422 Hash"
                self.has.pop(hash)
        if fate == "close":  # after it has taken it
            conn.peer_close()
            return
        conn.push(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))


class _Quiet:
    def print_exception(self, e):
        pass


def _stub():
    # The source of examples/update/main.py up to where it starts a version.
    folder = __file__.rpartition("tests/")[0]
    with open(folder + "examples/update/main.py") as f:
        return f.read().partition("\nnumber, trial = pick()")[0]


_main = {}
exec(_stub(), _main)
_main["sys"] = _Quiet()


def picked(disk):
    # What main.py would start: (number, whether on trial).
    _main["open"] = disk.open
    _main["os"] = disk
    return _main["pick"]()
