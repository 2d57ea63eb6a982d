# qssl.uplink - store-and-forward: what put() has taken arrives, at least once and in order.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink import Uplink
from qssl.recovery import Recovery
from qssl.queue import FileQueue
from qssl.https import Https

up = Uplink(modem, "server.example", 443, ctx, Https("server.example", "/in"), FileQueue(),
            Recovery(modem, apn="internet", utc=board.utc))
up.put(b'{"t": 21.5}')     # safe in the queue
up.run()                   # or up.step() now and then, or asyncio.create_task(up.task())
"""

import errno
from os import urandom
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import Error, Refused, error

_IDLE_MS = const(1000)
_LONGEST_S = const(536870)  # ticks_add() takes no more
_PAUSE_MAX_S = const(400000)  # and a quarter, by chance
# Statuses that speak of the server or its set-up rather than of one record, and those that pass.
_SERVERS = const((401, 403, 404, 405, 407, 410))
LATER = const((408, 421, 425, 429))
_PAGE = const(0)  # what a carrier returns where a web page came, such as one for a login


class Uplink:
    """Delivers records to a server: at least once, in order, whatever happens.

    A record is forgotten only when the server has acknowledged it; after any doubt it is sent
    again. Its id (queue name and number) lets the receiver drop repeats. Counters: delivered,
    repeats (records sent again), rejected, failures (in a row); error: the last one, None after a
    success.

    recover: brings the modem back, see qssl.recovery; without it failures only lead to new
    connections. batch, size: most records and bytes that go out together. timeout_s: for
    connecting, and for one batch. pause_s: after a failure; it doubles up to pause_max_s, give or
    take a quarter. rejects: how often a record that the server refuses (4xx) is tried before it is
    set aside; then on_reject(id, record, status) is called. stamp(record, s) makes of a record
    what is sent, such as qssl.timekeeper.at; s: when put() took it, in seconds since 1970, also if
    the time became known only later; None: it never did. It costs a record 14 bytes in the queue.
    clock: the Timekeeper for that, else recover's.

    Raises: qssl.Refused for arguments.
    Blocks: no.
    Allocates: little; the carrier has the buffers.
    Since: 0.1.
    """

    def __init__(
        self,
        modem,
        host: str,
        port: int,
        ctx,
        carrier,
        queue,
        recover=None,
        batch: int = 16,
        size: int = 1024,
        timeout_s: int = 60,
        pause_s: int = 2,
        pause_max_s: int = 300,
        rejects: int = 3,
        on_reject=None,
        stamp=None,
        clock=None,
    ) -> None:
        if min(batch, size, timeout_s, pause_s, pause_max_s, rejects) <= 0:
            raise error("amounts")
        self._modem = modem
        self._to = (host, port, ctx)
        self._carrier = carrier
        self.queue = queue
        self._recover = recover
        self._batch = batch
        self._size = size
        self._timeout_ms = int(min(timeout_s, _LONGEST_S) * 1000)
        self._pause_ms = int(pause_s * 1000)
        self._pause_max_ms = int(min(pause_max_s, _PAUSE_MAX_S) * 1000)
        self._rejects = rejects
        self._on_reject = on_reject
        self._stamp = stamp
        self._clock = clock or getattr(recover, "clock", None)
        if stamp is not None and self._clock is None:
            raise Refused(errno.EINVAL, "uplink", "stamp needs a clock: a Timekeeper or Recovery")
        self._sock = self._steps = None
        self._linked = False  # there was a connection before
        self._silent = 0  # failures in a row without any answer of the server
        self._sent = 0  # highest id that went out
        self._strikes = 0  # refusals of the oldest record
        self._alone = 0  # records to send one by one, to find the one that is refused
        self.delivered = self.repeats = self.rejected = self.failures = 0
        self.error = None
        self.close()

    def put(self, record: bytes) -> int:
        """Takes a record (bytes or str).

        Returns: its id, once it is safe in the queue.
        Raises: qssl.Error if the queue is full or can't be written.
        Blocks: while the file system writes.
        Allocates: little.
        Since: 0.1.
        """
        if self._stamp is not None:
            if isinstance(record, str):
                record = record.encode()
            record = self._clock.stamp() + _checked(record)
        return self.queue.put(record)

    def step(self) -> int:
        """One step of delivery; never waits for the network.

        Returns: in how many ms the next one is of use: 0 while something is under way.
        Raises: nothing.
        Blocks: no.
        Allocates: while a batch is made.
        Since: 0.1.
        """
        modem = self._modem
        modem.pump()
        on = None
        now = ticks_ms()
        # Where nobody has called for days, what is past looks as if it were to come.
        long = ticks_diff(now, self._called) < 0
        self._called = now
        if self._begun:
            on = self._due is None or (ticks_diff(self._due, now) > 0 and not long)
        self._rest = False
        try:
            self._due = self._steps.send(on)
            self._begun = True
        except BaseException:
            self.close()  # not an OSError: the program's own, of on_reject or pack
            raise
        if not self._rest:
            return 0
        return max(min(ticks_diff(self._due, ticks_ms()), _IDLE_MS), 0)

    def run(self, timeout_s: float | None = None, idle_s: float = 0) -> int:
        """Delivers until the queue is empty (and stays so for idle_s), or until the time-out.

        Returns: the number of records still in the queue.
        Raises: nothing.
        Blocks: timeout_s at most, six days; None: for ever.
        Allocates: while a batch is made.
        Since: 0.1.
        """
        link = self._modem.link
        now = ticks_ms()
        due = None
        if timeout_s is not None:
            due = ticks_add(now, int(min(timeout_s, _LONGEST_S) * 1000))
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
        """For asyncio.create_task(): delivers for ever, and never holds up the event loop.

        Returns: never.
        Raises: nothing.
        Blocks: the task alone.
        Allocates: while a batch is made.
        Since: 0.1.
        """
        from ..aio import drive

        try:
            await drive(self._modem, self._steps)
        finally:
            self.close()

    def close(self) -> None:
        """Closes the connection. Records stay in the queue.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        self._drop()
        if self._steps is not None:
            try:
                self._steps.close()
            except ValueError:
                pass  # it is what calls this, by on_reject or pack
        self._steps = self._forever()
        self._begun = False
        self._due = None
        self._called = ticks_ms()

    # --- generators, as for Link.drive: they yield a deadline (ticks, or None) where they wait,
    # and get False once it has passed ---

    def _forever(self):
        while True:
            try:
                if self._recover is not None:
                    yield from self._recover.steps(self._silent)
                yield from self._once()
            except OSError as e:
                self.error = e
                self.failures += 1
                self._silent += 1
                self._drop()
                ms = min(self._pause_ms << min(self.failures - 1, 16), self._pause_max_ms)
                ms += ms * (urandom(1)[0] - 128) // 512  # so that a fleet does not come at once
                yield from self._sleep(ms)

    def _sleep(self, ms, wake=False):
        # wake: until there is a record, too.
        due = ticks_add(ticks_ms(), ms)
        on = True
        while on and not (wake and len(self.queue)):
            self._rest = True
            on = yield due

    def _once(self):
        # The next batch: ids without a gap.
        batch = self._peek(1 if self._alone else self._batch, self._size)
        for i in range(1, len(batch)):
            if batch[i][0] != batch[0][0] + i:
                batch = batch[:i]
                break
        sock = self._sock
        if sock is not None:
            if sock.state() == 1 and self._carrier.usable():
                yield from self._within(self._carrier.alive())
            if sock.state() != 1 or not self._carrier.usable():
                self._drop()
        if not batch:
            yield from self._sleep(_IDLE_MS, True)
            return
        status = yield from self._post(batch)
        if 200 <= status < 300:
            self._done(batch)
            return
        if not 400 <= status < 500 or status in LATER:
            raise unexpected(status)
        # The server does not want this batch. If it is one record, and it stays with that, the
        # record is set aside: it must not hold up the others.
        if len(batch) > 1:
            self._alone = len(batch)
            return
        self._strikes += 1
        if self._strikes >= self._rejects:
            follows = self._peek(2, 1 << 20)[1:]
            if status not in _SERVERS:
                self._aside(batch[0], status)
                return
            if follows:
                # It may be the server's set-up that is wrong: does it take the next one?
                if 200 <= (yield from self._post(follows)) < 300:
                    self._done(follows)
                    self._aside(batch[0], status)
                    return
        why = "the server refuses the record: %s" % _answer(status)
        raise Error(errno.EACCES, "uplink", why)

    def _peek(self, records, size):
        # What queue.peek() gives, stamped.
        batch = self.queue.peek(records, size)
        if self._stamp is not None:
            from ..timekeeper import opened

            for i, (number, record) in enumerate(batch):
                record, s = opened(self._clock, record)
                batch[i] = (number, self._stamp(record, s))
        return batch

    def _post(self, batch):
        # Sends a batch, over a new connection if need be; returns the server's status. An empty
        # one only asks for messages, see .inbox.
        if self._sock is None or not self._carrier.usable():
            self._drop()
            modem = self._modem
            sock = yield from self._within(modem.connecting(*self._to))
            sock.settimeout(0)
            self._sock = sock
            ctx = self._to[2]
            if self._clock is not None and ctx._seclevel and not ctx._settings[3]:
                self._clock.confirm()  # the server's certificate was checked against it
            modem.stats.reconnects += self._linked
            self._linked = True
            yield from self._within(self._carrier.attach(sock))
        if batch:
            last = batch[-1][0]
            self.repeats += max(min(last, self._sent) - batch[0][0] + 1, 0)
            self._sent = max(self._sent, last)
        status = yield from self._within(self._carrier.deliver(self.queue.name, batch))
        self._silent = 0
        return status

    def _done(self, batch):
        self.queue.drop(batch[-1][0])
        self.delivered += len(batch)
        self.failures = self._strikes = 0
        self._alone = max(self._alone - len(batch), 0)
        self.error = None

    def _aside(self, entry, status):
        self.queue.drop(entry[0])
        self.rejected += 1
        self.failures = self._strikes = 0
        self._alone = max(self._alone - 1, 0)
        if self._on_reject is not None:
            self._on_reject(entry[0], entry[1], status)

    def _within(self, steps):
        # Runs another generator, for timeout_s at most.
        at = self._modem.at
        due = ticks_add(ticks_ms(), self._timeout_ms)
        on = None
        late = False
        try:
            while True:
                outer = at.until
                at.until = due
                try:
                    inner = steps.send(on)
                finally:
                    at.until = outer
                if late:
                    raise Error(errno.ETIMEDOUT, "uplink", "the server did not answer in time")
                late = not (yield due)
                on = not late and (inner is None or ticks_diff(inner, ticks_ms()) > 0)
        except StopIteration as e:
            return e.value
        finally:
            steps.close()

    def _drop(self):
        sock = self._sock
        self._sock = None
        if sock is not None:
            try:
                sock.close()  # does not block: in the background
            except OSError:
                pass


def unexpected(status):
    # The error for a status that is no word about a record.
    if status == _PAGE:
        why = "with a web page: a wrong path, or a login?"
    else:
        why = _answer(status)
    return Error(errno.EIO, "uplink", "the server answers " + why)


def _answer(status):
    from .statuses import answer

    return answer(status)


def _checked(record):
    # What a stamp is put before.
    if not isinstance(record, (bytes, bytearray)) or not record:
        raise Refused(errno.EINVAL, "uplink", "a record is bytes or str, and not empty")
    return bytes(record)
