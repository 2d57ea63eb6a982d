# qssl.uplink.fetch - a file from a server: goes on where it was, and counts only with its hash.
# SPDX-License-Identifier: MIT
#
# What has come is in a file beside the place where it goes, named after its hash; so what is there
# says how far it is, whatever happened since, and what belongs to another version is never gone on
# with. The hash is made of what is on the flash, at the end.

import errno
import os
from binascii import hexlify, unhexlify
from hashlib import sha256

from micropython import const

from ..connect.arguments import printable
from ..errors import Refused
from . import LATER, _answer
from .files import Trouble

_ENOSPC = const(28)
_REDIRECTS = const(5)
_MOVED = (301, 302, 303, 307, 308)
_PART = ".part"
_MARK = const(8)  # digits of the hash in the name
_TURN = const(8)  # buffers that are read at a time


class Fetch:
    # The job, see Files.start().
    def __init__(self, url, to, hash, size=None, done=None, tries=3, like=None):
        try:
            self._hash = unhexlify(hash)
        except (ValueError, TypeError):
            self._hash = b""
        if len(self._hash) != 32:
            raise Refused(errno.EINVAL, "files", "sha256 must be 64 hexadecimal digits")
        if size is not None and size < 0:
            raise Refused(errno.EINVAL, "files", "size must be 0 at least")
        self._url = self._now = url
        self._redirects = 0
        self.to = to
        self._folder = to.rpartition("/")[0] or ("/" if to[:1] == "/" else ".")
        self._part = to + "." + str(hexlify(self._hash), "ascii")[:_MARK] + _PART
        self.size = size
        self._given = size is not None
        self.done = done
        self.tries = tries
        self._like = like
        self._looked = False
        self._etag = b""
        self._wrong = 0  # hashes that were not right
        self.at = 0
        self.failures = self.struck = 0
        self.finished = False
        self.error = self.word = None

    def __str__(self):
        return self.to

    def step(self, files):
        try:
            if not self._looked and (yield from self._here(files)):
                return True
            self._looked = True
            self.at = max(_size(self._part), 0)
            if self.size is None or self.at < self.size:
                yield from self._piece(files)
            if self.size is None or self.at < self.size:
                return False
            return (yield from self._check(files))
        except Trouble as e:
            if e.word == "space":
                _remove(self._part)  # the queues need room, too
            if e.word == "url" and self._now != self._url:
                e.final = False  # it is only where the server has sent it
            self._now = self._url
            raise
        except OSError:
            self._now = self._url  # where it moved to may be of no more use
            raise

    # --- the file system ---

    def _here(self, files):
        # Whether it is there already, or a copy of it.
        size = _size(self.to)
        if size >= 0 and self.size in (None, size):
            if (yield from self._digest(files, self.to)) == self._hash:
                self.size = self.at = size
                self._clear()
                return True
        self._clear(self._part)
        size = -1 if self._like is None else _size(self._like)
        if size < 0 or self.size not in (None, size) or _size(self._part) >= 0:
            return False
        if (yield from self._digest(files, self._like)) != self._hash:
            return False
        self.size = size
        self._room(files)
        try:
            with open(self._like, "rb") as old:
                with open(self._part, "wb") as f:
                    while True:
                        n = old.readinto(files.buf)
                        if not n:
                            break
                        self._write(f, files._view[:n])
                        yield
        except OSError as e:
            raise _failed(e)
        return (yield from self._check(files))

    def _clear(self, but=None):
        # Removes what is left of other versions. What is damaged does not hinder.
        name = self.to.rpartition("/")[2]
        try:
            for other in os.listdir(self._folder):
                if (
                    len(other) == len(name) + 1 + _MARK + len(_PART)
                    and other.startswith(name + ".")
                    and other.endswith(_PART)
                ):
                    path = self.to[: len(self.to) - len(name)] + other
                    if path != but:
                        os.remove(path)
        except OSError:
            pass

    def _digest(self, files, path):
        h = sha256()
        left = _TURN
        try:
            with open(path, "rb") as f:
                while True:
                    n = f.readinto(files.buf)
                    if not n:
                        return h.digest()
                    h.update(files._view[:n])
                    left -= 1
                    if not left:
                        left = _TURN
                        yield
        except OSError:
            return b""

    def _room(self, files):
        # Whether there is room for the rest of it.
        try:
            s = os.statvfs(self._folder)
        except (AttributeError, OSError):
            return
        if self.size is not None and s[0] * s[4] < self.size - self.at + files.spare:
            raise _full()

    def _write(self, f, part):
        try:
            if f.write(part) == len(part):
                self.at += len(part)
                return
        except OSError as e:
            raise _failed(e)
        raise _full()

    def _check(self, files):
        # All of it is here: is it that?
        if not self.size:
            self._empty()
        if (yield from self._digest(files, self._part)) == self._hash:
            try:
                os.rename(self._part, self.to)
            except OSError as e:
                raise _failed(e)
            return True
        self._again()
        self._wrong += 1
        raise Trouble("hash", "its SHA-256 is another one", self._wrong > 1)

    def _empty(self):
        try:
            open(self._part, "wb").close()
        except OSError as e:
            raise _failed(e)

    def _again(self):
        # From the beginning.
        self._etag = b""
        _remove(self._part)

    # --- the server ---

    def _piece(self, files):
        first = self.at
        self._room(files)
        last = first + files.piece
        if self.size is not None:
            last = min(last, self.size)
        lines = b"Range: bytes=%d-%d\r\n" % (first, last - 1)
        if self._etag and first:
            lines += b"If-Range: %s\r\n" % self._etag
        status, found = yield from files.ask(b"GET", self._now, lines)
        a, b, total = _range(found.get(b"content-range", b""))
        end = b + 1
        if status in _MOVED:
            yield from files.done_with()
            return self._moved(files, found)
        if status == 206:
            if a != first or end <= a or files.length not in (end - a, -1, -2):
                files.drop()
                raise Trouble("range", "the server sends another part than it was asked for")
        elif status == 200:
            total = end = files.length if files.length >= 0 else None
        elif status == 416:
            yield from files.done_with()
            if self.size is None and (total == first or (first and total is None)):
                self.size = first  # that was all of it
                return
            self._again()
            raise Trouble("range", "the server has less of it than there is here")
        else:
            yield from files.done_with()
            passes = status >= 500 or status in LATER
            why = "the server answers " + _answer(status)
            raise Trouble("status", why, None if passes else False)
        self._fits(files, status, total, found)
        if status == 200:
            first = self.at
        yield from self._taken(files, self.size if end is None else end, first * (status == 200))
        if status == 200:
            if self.size is None:
                self.size = self.at  # it has ended
            elif self.at != self.size:
                self._again()
        if (self.at == first and self.size) or (status == 200 and self.at != self.size):
            raise Trouble("length", "the server sends less than it says")
        self.failures = self.struck = self._redirects = 0

    def _fits(self, files, status, total, found):
        # Whether this can be the file at all: what has come of it must not suffer from a page.
        word = None
        known = self._given and total == self.size
        if found.get(b"content-encoding", b"identity") != b"identity":
            word, text = "encoded", "the server has compressed it on the way"
        elif (
            status == 200
            and not known
            and b"html" in found.get(b"content-type", b"")
            and ".htm" not in self._now
        ):
            word, text = "page", "the server answers with a web page: a login?"
        elif self._given and total not in (None, self.size):
            word, text = "size", "the server has one of %d bytes, not %d" % (total, self.size)
        else:
            etag = found.get(b"etag", b"")
            if etag[:1] != b'"':
                etag = b""  # a weak one does not say that the bytes are the same
            if self.at and (
                (self._etag and etag and etag != self._etag)
                or (self.size is not None and total not in (None, self.size))
            ):
                # It has changed; if that is what the server says twice, then from the beginning.
                word, text = "changed", "it has changed at the server"
                if self.struck:
                    self._again()
                    self.at = 0
                    if not self._given:
                        self.size = None
                    if status == 200:
                        word = None
            if not word:
                self._etag = etag
        if word:
            files.drop()
            raise Trouble(word, text)
        if total is not None:
            self.size = total
            self._room(files)

    def _taken(self, files, end, skip):
        # The answer's body into the part, up to the byte `end` of the file; skip: bytes of it that
        # are there already.
        left = [skip]
        try:
            f = open(self._part, "ab")
        except OSError as e:
            if e.errno == errno.ENOENT:
                raise Trouble("folder", "there is no such folder", True)
            raise _failed(e)

        def take(part):
            if left[0]:
                over = min(left[0], len(part))
                left[0] -= over
                part = part[over:]
            if end is not None and self.at + len(part) > end:
                raise Trouble("length", "the server sends more than it says")
            if part:
                self._write(f, part)

        good = False
        try:
            yield from files.body(take)
            good = True
        except Trouble:
            files.drop()
            raise
        finally:
            try:
                f.close()
            except OSError as e:
                if good:
                    raise _failed(e)

    def _moved(self, files, found):
        where = found.get(b"location", b"")
        where = printable(where, 0, len(where))
        self._redirects += 1
        if not where or self._redirects > _REDIRECTS:
            self._redirects = 0
            raise Trouble("redirect", "the server sends it from place to place")
        if where.startswith("//"):
            where = "https:" + where
        elif "://" not in where:
            host, port, path = files.target(self._now)
            if not where.startswith("/"):
                where = path[: path.rfind("/") + 1] + where
            where = "https://%s:%d%s" % (host, port, where)
        self._now = where


def _size(path):
    # Bytes of a file; -1: there is none.
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass


def _full():
    return Trouble("space", "the file system has no room for it", True)


def _failed(e):
    return _full() if e.errno == _ENOSPC else Trouble("write", "it can't be written: %s" % e, True)


def _range(value):
    # (first, last, total) of "bytes 0-99/1234"; -1, -1 and None for what it does not say.
    what, _, total = value.partition(b"/")
    first, _, last = what.replace(b"bytes", b"").partition(b"-")
    total = int(total) if total.isdigit() else None
    first = first.strip()
    last = last.strip()
    if not first.isdigit() or not last.isdigit():
        return -1, -1, total
    return int(first), int(last), total
