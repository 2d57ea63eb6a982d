# qssl.uplink.send - a file to the receiver, which says how much of it it has.
# SPDX-License-Identifier: MIT
#
#     PUT /up/SHA256?name=NAME   Content-Range: bytes FIRST-LAST/SIZE   or, to ask: bytes */SIZE
#     200 {"at": N}              N bytes are on its disk; N = SIZE: and their hash is right

import errno
import json
from binascii import hexlify
from hashlib import sha256

from micropython import const

from ..errors import Refused
from ..https import flushed, send
from . import LATER, _answer
from .files import Trouble

_NAME = "._-"
_NAME_MAX = const(64)
_ANSWER_MAX = const(256)
_TURN = const(8)  # buffers that are read at a time


class Send:
    # The job, see Files.post().
    def __init__(self, path, name=None, done=None, tries=3):
        name = path.rpartition("/")[2] if name is None else name
        if not 0 < len(name) <= _NAME_MAX or not all(_fine(c) for c in name):
            how = "its name must have 1 to 64 letters, digits, '.', '_', '-': see name="
            raise Refused(errno.EINVAL, "files", how)
        self._path = path
        self._name = name
        self._hash = None
        self.done = done
        self.tries = tries
        self.size = None
        self.at = None  # bytes that the receiver has; None: it is to be asked
        self.failures = self.struck = 0
        self.finished = False
        self.error = self.word = None

    def __str__(self):
        return self._path

    def step(self, files):
        try:
            if self._hash is None:
                yield from self._digest(files)
            return (yield from self._piece(files))
        except OSError:
            self.at = None
            raise

    def _digest(self, files):
        h = sha256()
        size = 0
        left = _TURN
        try:
            with open(self._path, "rb") as f:
                while True:
                    n = f.readinto(files.buf)
                    if not n:
                        break
                    h.update(files._view[:n])
                    size += n
                    left -= 1
                    if not left:
                        left = _TURN
                        yield
        except OSError as e:
            raise _unread(e)
        self.size = size
        self._hash = str(hexlify(h.digest()), "ascii")

    def _piece(self, files):
        at, size = self.at, self.size
        n = 0
        span = b"*"
        if at is not None:
            n = min(files.piece, size - at)
            span = b"%d-%d" % (at, at + n - 1)
        lines = b"Content-Range: bytes %s/%d\r\n" % (span, size)
        url = "/up/%s?name=%s" % (self._hash, self._name)
        body = (n, lambda sock: self._body(files, sock, at, n))
        status, _ = yield from files.ask(b"PUT", url, lines, body)
        if status != 200:
            yield from files.done_with()
            if status == 422:
                self._hash = self.at = None
                raise Trouble("hash", "it has changed meanwhile, or was damaged on the way")
            passes = status >= 500 or status in LATER
            what = "the server answers " + _answer(status)
            raise Trouble("status", what, None if passes else status == 413)
        text = bytearray()

        def take(part):
            if len(text) + len(part) > _ANSWER_MAX:
                files.drop()
                raise Trouble("form", "the server's answer is none of a receiver")
            text.extend(part)

        yield from files.body(take)
        try:
            has = json.loads(text)["at"]
            if not isinstance(has, int) or not 0 <= has <= size:
                raise ValueError
        except Exception:  # whatever parsers make of what comes from outside
            files.drop()
            self.at = None
            raise Trouble("form", "the server's answer is none of a receiver")
        self.at = has
        if has == size:
            return True
        if at is not None and has <= at:
            raise Trouble("stuck", "the server does not keep what it gets")
        if at is not None:
            self.failures = self.struck = 0
        return False

    def _body(self, files, sock, at, n):
        # Generator: n bytes of the file from `at` on. The last one goes alone, once the modem
        # surely has the others: see qssl.https.whole().
        within = files._up._within
        buf = files.buf
        try:
            f = open(self._path, "rb")
        except OSError as e:
            raise _unread(e)
        try:
            f.seek(at)
            while n:
                k = f.readinto(files._view[: min(n, len(buf))])
                if not k:
                    self._hash = self.at = None
                    files.drop()
                    raise Trouble("file", "it became shorter while it was sent")
                n -= k
                yield from within(send(sock, buf, 0, k - 1 if not n else k))
                if not n:
                    yield from within(flushed(sock))
                    yield from within(send(sock, buf, k - 1, k))
        finally:
            f.close()


def _fine(c):
    return c in _NAME or "a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9"


def _unread(e):
    return Trouble("file", "it can't be read: %s" % e, True)
