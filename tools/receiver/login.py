# receiver.login - who may see and send: passwords, sessions, tokens of programs.
# SPDX-License-Identifier: MIT

import asyncio
import base64
import collections
import functools
import hashlib
import hmac
import os
import secrets
import threading
import time

from starlette.concurrency import run_in_threadpool

from receiver import accounts
from receiver import store as db
from receiver.devices import hashed

COOKIE = "qssl_session"
HOURS = 12  # of a session
_COST = 14  # scrypt with 2**14: 16 MB and some hundredths of a second
_FREE = 5  # failures that cost nothing
_PAUSE_S = 30  # after these; it doubles ...
_PAUSE_MAX_S = 3600  # ... up to here
_FAILED_MAX = 10000  # names and addresses that are remembered
_scrypts = threading.Semaphore(2)  # at a time: each takes 16 MB


def hashed_password(password):
    salt = os.urandom(16)
    return "$".join(("scrypt", str(_COST), _text(salt), _text(_scrypt(password, salt, _COST))))


def _scrypt(password, salt, cost):
    with _scrypts:
        return hashlib.scrypt(
            password.encode("utf-8", "surrogatepass"), salt=salt, n=1 << cost, r=8, p=1, dklen=32
        )


def _text(data):
    return base64.b64encode(data).decode()


def matches(password, stored):
    kind, cost, salt, digest = stored.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(cost))
    return hmac.compare_digest(found, base64.b64decode(digest))


@functools.cache
def _nobody():
    # So that an unknown name takes as long.
    return hashed_password(secrets.token_hex(16))


class Logins:
    # Sessions, and how often somebody was wrong. What reads and writes the database blocks.
    def __init__(self, store, intake):
        self._store = store
        self._intake = intake
        self._failed = {}  # name or address: (failures, until)
        self._trying = collections.Counter()  # name or address: tries that are not decided
        self._turn = asyncio.Semaphore(2)  # the threads are others', too
        self._programs = {}  # token's hash: name, as the database had it last

    def wait_s(self, *whose):
        # Seconds until one of them may try again.
        now = time.monotonic()
        for w in whose:
            # Who tries many at once has no more of them than one after the other.
            if self._trying[w] and self._trying[w] + self._failed.get(w, (0, 0))[0] >= _FREE:
                return 1
        return max(max(self._failed.get(w, (0, 0))[1] - now, 0) for w in whose)

    async def enter(self, name, password, address):
        # The new session's secret, None if the name or the password is wrong.
        whose = "name " + name, "from " + address
        self._trying.update(whose)
        try:
            async with self._turn:
                return await run_in_threadpool(self._enter, name, password, address)
        finally:
            self._trying.subtract(whose)
            for w in whose:
                if not self._trying[w]:
                    del self._trying[w]

    def _enter(self, name, password, address):
        with self._store.reading() as c:
            found = accounts.named(c, name, "person")
        if not matches(password, found.secret if found else _nobody()) or found is None:
            self._fail("name " + name)
            self._fail("from " + address)
            return None
        self._failed.pop("name " + name, None)
        self._failed.pop("from " + address, None)
        secret = secrets.token_urlsafe(32)
        until = time.time() + HOURS * 3600
        self._intake.submit(
            lambda c: accounts.add_session(c, hashed(secret), name, until)
        ).result()
        return secret

    def _fail(self, who):
        if len(self._failed) >= _FAILED_MAX:
            self._failed.pop(next(iter(self._failed)))
        count = self._failed.pop(who, (0, 0))[0] + 1
        pause = min(_PAUSE_S << min(count - _FREE, 20), _PAUSE_MAX_S) if count >= _FREE else 0
        self._failed[who] = count, time.monotonic() + pause

    def person(self, secret):
        # The name of who has this session, or None.
        if not secret:
            return None
        with self._store.reading() as c:
            return accounts.session(c, hashed(secret))

    def leave(self, secret):
        self._intake.submit(lambda c: accounts.end_session(c, hashed(secret))).result()

    def program(self, authorization):
        # The name of the program with this token, or None.
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            return None
        digest = hashed(token.strip())
        try:
            with self._store.reading() as c:
                name = accounts.program(c, digest)
        except db.Gone:
            # Who watches shall hear of it.
            if digest in self._programs:
                return self._programs[digest]
            raise
        if name is None:
            self._programs.pop(digest, None)
        else:
            self._programs[digest] = name
        return name


def form_token(secret):
    # What a form of this session carries: nobody else's page knows it.
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def same(given, wanted):
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
