# receiver.devices - the HTTPS side for devices: one POST, one transaction, one answer.
# SPDX-License-Identifier: MIT

import asyncio
import hashlib
import json
import logging
import re
import time

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from receiver import forms, updates
from receiver import store as db

_BODY_S = 120  # for a body to come: a modem at 9600 baud, with pauses
# Bytes of a body that is too long which are read, so that the answer gets through.
_DRAIN = 1 << 20
_KNOWN_S = 10  # so long a token is believed without asking
_KNOWN_MAX = 100000
_WAITING = 200  # for the database, beyond which no connection is let in
_STATUS = {"token": 401, "size": 413, "type": 415, "path": 404, "method": 405, "slow": 408}
_STATUS.update(file=404, hash=422)
_SPAN = re.compile(r"bytes (?:\*|(\d{1,9})-(\d{1,9}))/(\d{1,9})", re.ASCII)
_log = logging.getLogger("receiver")


class Devices:
    # .app: for the ASGI server.
    def __init__(self, store, intake, metrics, max_body):
        self._store = store
        self._intake = intake
        self._metrics = metrics
        self._max = max_body
        self._known = {}  # token's hash: (device, until)
        self._told = {}  # reason: when the log had it
        self._waiting = 0  # requests that wait for the database
        self.room = asyncio.Event()  # whether more of them may come
        self.room.set()
        routes = [
            Route("/in", self._guarded(self._post), methods=["POST"]),
            Route("/in/{token}", self._guarded(self._post), methods=["POST"]),
            Route("/files/{name}", self._guarded(self._get), methods=["GET"]),
            Route("/up/{digest}", self._guarded(self._put), methods=["PUT"]),
        ]
        handlers = {404: self._no_path, 405: self._no_method}
        self.app = Starlette(routes=routes, exception_handlers=handlers)
        self.app.router.redirect_slashes = False

    def _guarded(self, function):
        # What goes wrong becomes an answer.
        async def answer(request):
            try:
                return await function(request)
            except forms.Bad as e:
                return self._refuse(e.word, str(e))
            except db.Gone:
                self._known.clear()
                self._metrics.refused.labels("https", "database").inc()
                text = "the database can't be used; keep it and come again"
                return _error(503, "database", text, {"Retry-After": "30"})
            except ClientDisconnect:
                self._metrics.refused.labels("https", "cut").inc()
                return Response(status_code=400)  # nobody reads it

        return answer

    async def _post(self, request):
        device = await self._device(request)
        body = await self._body(request)
        delivery = _read(body, request.headers)
        future = self._intake.deliver(device, delivery, "https")
        found, more = await self._wait(asyncio.wrap_future(future))
        if not found:
            return Response(status_code=204)
        text = '{"messages":[%s]%s}' % (",".join(found), ',"more":true' if more else "")
        return Response(text, media_type="application/json")

    async def _get(self, request):
        # A file, or a part of it.
        await self._device(request)
        digest = request.path_params["name"]
        size = None
        if updates.SHA256.fullmatch(digest):
            size = await self._database(updates.size_of, digest)
        if size is None:
            raise forms.Bad("file", "there is no such file")
        etag = '"%s"' % digest
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        first, end = 0, size
        wanted = request.headers.get("range", "")
        if request.headers.get("if-range", etag) == etag:
            first, end = _range(wanted, size)
        if first >= end and size:
            headers["Content-Range"] = "bytes */%d" % size
            return Response(b"", 416, headers)
        data = await self._database(updates.part_of, digest, first, end - first)
        status = 200
        if end - first < size:
            status = 206
            headers["Content-Range"] = "bytes %d-%d/%d" % (first, end - 1, size)
        return Response(data, status, headers, "application/octet-stream")

    async def _put(self, request):
        # A piece of a file, see lib/qssl/uplink/send.py.
        device = await self._device(request)
        body = await self._body(request)
        digest = request.path_params["digest"]
        name = request.query_params.get("name", "")
        span = _SPAN.fullmatch(request.headers.get("content-range", ""))
        if not updates.SHA256.fullmatch(digest) or not updates.NAME.fullmatch(name) or not span:
            raise forms.Bad("range", "PUT /up/SHA256?name=NAME with Content-Range")
        size = int(span[3])
        if size > updates.FILE_MAX:
            raise forms.Bad("size", "a file has %d bytes at most" % updates.FILE_MAX)
        at = None if span[1] is None else int(span[1])
        end = 0 if at is None else int(span[2]) + 1
        if (at is None and body) or (at is not None and (end - at != len(body) or end > size)):
            raise forms.Bad("range", "the body is not what Content-Range says")

        def change(c):
            return updates.upload(c, device, digest, name, size, at, body, time.time())

        has = await self._wait(asyncio.wrap_future(self._intake.submit(change)))
        if has is None:
            raise forms.Bad("hash", "the file is not what its SHA-256 says")
        return Response('{"at":%d}' % has, media_type="application/json")

    async def _wait(self, something):
        self._waits(1)
        try:
            return await something
        finally:
            self._waits(-1)

    def _waits(self, more):
        self._waiting += more
        if self._waiting > _WAITING:
            self.room.clear()
        else:
            self.room.set()

    def _database(self, function, *args):
        return self._wait(run_in_threadpool(self._read, function, *args))

    def _read(self, function, *args):
        with self._store.reading() as c:
            return function(c, *args)

    async def _device(self, request):
        # The device's id.
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            token = request.path_params.get("token", "")
        digest = hashed(token.strip())
        now = time.monotonic()
        device, until = self._known.get(digest, (None, 0))
        if now > until:
            found = await self._database(db.by_token, digest)
            if found is None:
                raise forms.Bad("token", "no device has this token")
            if len(self._known) > _KNOWN_MAX:
                self._known.clear()
            device = found.id
            self._known[digest] = device, now + _KNOWN_S
        return device

    async def _body(self, request):
        data = bytearray()
        size = 0
        try:
            async with asyncio.timeout(_BODY_S):
                async for part in request.stream():
                    size += len(part)
                    if size <= self._max:
                        data += part
                    elif size > self._max + _DRAIN:
                        break
        except TimeoutError:
            raise forms.Bad("slow", "the body did not come in time") from None
        if size > self._max:
            raise forms.Bad("size", "a delivery has %d bytes at most" % self._max)
        return bytes(data)

    async def _no_path(self, request, _):
        return self._refuse("path", "POST to /in")

    async def _no_method(self, request, _):
        return self._refuse("method", "POST to /in")

    def _refuse(self, word, text):
        self._metrics.refused.labels("https", word).inc()
        now = time.monotonic()
        if now > self._told.get(word, 0):
            self._told[word] = now + 60
            _log.warning("refused by HTTPS (more within a minute are only counted): %s", text)
        return _error(_STATUS.get(word, 400), word, text)


def hashed(token):
    # How the database knows a token: it has too many bits to be guessed, so one round is enough.
    return hashlib.sha256(token.encode()).hexdigest()


def _range(wanted, size):
    # (first, end) of a Range header; all of it for what is no range of one part.
    found = re.fullmatch(r"bytes=(\d{0,9})-(\d{0,9})", wanted, re.ASCII)
    if not found or found[0] == "bytes=-":
        return 0, size
    if not found[1]:
        return max(size - int(found[2]), 0), size
    first = int(found[1])
    if found[2] and int(found[2]) < first:
        return 0, size
    return first, min(int(found[2]) + 1, size) if found[2] else size


def _read(body, headers):
    # Without a body it only asks. But what is no length any more (000 for 100) must not pass for
    # one that has taken the records.
    if not body and headers.get("content-length") == "0" and "qssl-ack" in headers:
        delivery = forms.Delivery()
    else:
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise forms.Bad("type", "the body is compressed (Content-Encoding): send it as it is")
        delivery = forms.read(body, headers.get("content-type", ""))
    _from_headers(delivery, headers)
    return delivery


def _from_headers(delivery, headers):
    # For bodies in a form that has no room for them.
    for name, low, high in (("ack", 0, forms.ACK_MAX), ("room", 1, 1 << 20)):
        text = headers.get("qssl-" + name)
        if text is not None and getattr(delivery, name) is None:
            if not text.isascii() or not text.isdigit() or len(text) > 18:
                raise forms.Bad(name, "Qssl-%s is no number" % name.capitalize())
            if not low <= int(text) <= high:
                raise forms.Bad(name, "Qssl-%s is out of range" % name.capitalize())
            setattr(delivery, name, int(text))


def _error(status, word, text, headers=None):
    body = json.dumps({"error": word, "text": text}, separators=(",", ":"))
    return Response(body, status, headers, "application/json")
