# qssl.uplink - store-and-forward: what put() has taken arrives, at least once and in order.
# SPDX-License-Identifier: MIT
"""
    from qssl.uplink import Uplink
    from qssl.queue import FileQueue
    from qssl.https import Https

    up = Uplink(modem, "server.example", 443, ctx, Https("server.example", "/in"), FileQueue())
    up.put(b'{"t": 21.5}')     # safe in the queue
    up.run()                   # or up.step() now and then, or asyncio.create_task(up.task())
"""

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .errors import Error

_IDLE_MS = const(1000)
# Statuses that speak of the server or its set-up rather than of one record.
_SERVERS = (401, 403, 404, 405, 407, 410)
_LATER = (408, 421, 425, 429)


class Uplink:
    # A record is forgotten only when the server has acknowledged it; after any doubt it is sent
    # again. Its id (queue name and number) lets the receiver drop repeats. Counters: delivered,
    # repeats (records sent again), rejected, failures (in a row), error (the last one).

    def __init__(
        self,
        modem,
        host,
        port,
        ctx,
        carrier,
        queue,
        batch=16,
        size=1024,
        timeout_s=60,
        pause_s=2,
        pause_max_s=300,
        rejects=3,
        on_reject=None,
        recover=None,
    ):
        # batch, size: most records and bytes that go out together. timeout_s: for one batch.
        # pause_s: after a failure; it doubles up to pause_max_s, with some jitter. rejects: how
        # often a record that the server refuses (4xx) is tried before it is set aside, then
        # on_reject(id, record, status) is called. recover: brings the modem back, see
        # qssl.recovery; without it failures only lead to new connections.
        self._modem = modem
        self._to = (host, port, ctx)
        self._carrier = carrier
        self.queue = queue
        self._batch = batch
        self._size = size
        self._timeout_ms = int(timeout_s * 1000)
        self._pause_ms = int(pause_s * 1000)
        self._pause_max_ms = int(pause_max_s * 1000)
        self._rejects = rejects
        self._on_reject = on_reject
        self._recover = recover
        self._sock = None
        self._sent = 0  # highest id that went out
        self._strikes = 0  # refusals of the oldest record
        self._alone = 0  # records to send one by one, to find the one that is refused
        self.delivered = self.repeats = self.rejected = self.failures = 0
        self.error = None
        self._steps = self._forever()

    def put(self, record):
        # Takes a record (bytes or str); returns its id once it is safe in the queue.
        return self.queue.put(record)

    def step(self):
        # One step of delivery; never waits for the network. Returns in how many ms the next one
        # is of use: 0 while something is under way.
        return next(self._steps) or 0

    def run(self, timeout_s=None, idle_s=0):
        # Blocking: delivers until the queue is empty (and stays so for idle_s), or until the
        # time-out. Returns the number of records still in the queue.
        link = self._modem.link
        now = ticks_ms()
        due = None if timeout_s is None else ticks_add(now, int(timeout_s * 1000))
        quiet = now
        while True:
            self.step()
            now = ticks_ms()
            if len(self.queue):
                quiet = now
            elif ticks_diff(now, quiet) >= idle_s * 1000:
                return 0
            if not link.wait(due):
                return len(self.queue)

    async def task(self):
        # For asyncio.create_task(): delivers for ever.
        from asyncio import sleep_ms

        while True:
            await sleep_ms(min(max(self.step(), 5), _IDLE_MS))

    def close(self):
        # Closes the connection. Records stay in the queue.
        self._drop()
        self._steps = self._forever()

    # --- generators: yield None while something is under way, or ms until there is something ---

    def _forever(self):
        while True:
            try:
                yield from self._once()
            except OSError as e:
                self.error = e
                self.failures += 1
                self._drop()
                yield from self._pause()
                if self._recover is not None and len(self.queue):
                    try:
                        yield from self._recover.steps(self.failures)
                    except OSError as e:
                        self.error = e

    def _pause(self):
        ms = min(self._pause_ms << min(self.failures - 1, 16), self._pause_max_ms)
        ms += ticks_ms() * 7919 % (ms // 4 + 1)  # jitter, so that a fleet does not come at once
        due = ticks_add(ticks_ms(), ms)
        while True:
            left = ticks_diff(due, ticks_ms())
            if left <= 0:
                return
            self._modem.link.pump()
            yield min(left, _IDLE_MS)

    def _once(self):
        batch = self._next()
        if not batch:
            self._modem.link.pump()
            if self._sock is not None:
                if self._sock.state() != 1:
                    self._drop()
                else:
                    yield from self._within(self._carrier.alive())
            yield _IDLE_MS
            return
        if self._sock is None or not self._carrier.usable():
            yield from self._connect()
        last = batch[-1][0]
        self.repeats += max(0, min(last, self._sent) - batch[0][0] + 1)
        self._sent = max(self._sent, last)
        status = yield from self._within(self._carrier.deliver(self.queue.name, batch))
        if 200 <= status < 300:
            self._done(batch, last)
        elif 400 <= status < 500 and status not in _LATER:
            yield from self._refused(batch, status)
        else:
            raise Error(errno.EIO, "uplink", "the server answers %d" % status)

    def _next(self):
        # The next batch: ids without a gap.
        batch = self.queue.peek(1 if self._alone else self._batch, self._size)
        for i in range(1, len(batch)):
            if batch[i][0] != batch[0][0] + i:
                return batch[:i]
        return batch

    def _done(self, batch, last):
        self.queue.drop(last)
        self.delivered += len(batch)
        self.failures = self._strikes = 0
        self._alone = max(self._alone - len(batch), 0)
        self.error = None

    def _refused(self, batch, status):
        # The server does not want this batch. If it is one record, and it stays with that, the
        # record is set aside: it must not hold up the others.
        if len(batch) > 1:
            self._alone = len(batch)
            return
        self._strikes += 1
        if self._strikes >= self._rejects:
            number, record = batch[0]
            follows = self.queue.peek(2, 1 << 20)[1:]
            if status not in _SERVERS:
                self._aside(number, record, status)
                return
            if follows:
                # It may be the server's set-up that is wrong: does it take the next one?
                if not self._carrier.usable():
                    yield from self._connect()
                probe = self._within(self._carrier.deliver(self.queue.name, follows))
                if 200 <= (yield from probe) < 300:
                    self._aside(number, record, status)
                    self._done(follows, follows[0][0])
                    return
        raise Error(errno.EACCES, "uplink", "the server refuses the record: %d" % status)

    def _aside(self, number, record, status):
        self.queue.drop(number)
        self.rejected += 1
        self._strikes = 0
        if self._on_reject is not None:
            self._on_reject(number, record, status)

    def _connect(self):
        self._drop()
        modem = self._modem
        sock = self._sock = modem.open(*self._to)
        sock.settimeout(0)
        due = ticks_add(ticks_ms(), self._timeout_ms)
        while sock.state() == 0:
            modem.link.pump()
            if ticks_diff(due, ticks_ms()) <= 0:
                raise Error(errno.ETIMEDOUT, "uplink", "the connection did not come about in time")
            yield
        if sock.state() != 1:
            modem.refused(sock)
        yield from self._within(self._carrier.attach(sock))

    def _within(self, steps):
        # Runs a carrier's generator, with the pump between, for timeout_s at most.
        due = ticks_add(ticks_ms(), self._timeout_ms)
        while True:
            try:
                next(steps)
            except StopIteration as e:
                return e.value
            self._modem.link.pump()
            if ticks_diff(due, ticks_ms()) <= 0:
                steps.close()
                raise Error(errno.ETIMEDOUT, "uplink", "the server did not answer in time")
            yield

    def _drop(self):
        if self._sock is not None:
            self._sock.settimeout(0)
            try:
                self._sock.close()
            except OSError:
                pass
            self._sock = None
