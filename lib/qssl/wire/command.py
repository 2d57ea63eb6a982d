# qssl.wire.command - AT commands one after the other: their lines, data and final result codes.
# SPDX-License-Identifier: MIT
#
# For everything but the traffic of sockets, which are jobs of their own. Loaded by the first
# command, through modem.At, and let go with what else a connection needs until it opens.
# Allocates: its replies are lists of lines.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import Error, error
from . import link as _l

_COMMAND_MS = const(5000)  # how long an ordinary command may take
_TRIES = const(3)  # of what is harmless to repeat
_TRY_MS = const(3500)


class Exchange:
    # One command, as a job of the link.
    takes = _l.OK | _l.ERROR | _l.CONNECT
    token = None

    def __init__(self, link, text, prefix, data, due):
        self._link = link
        self._text = text
        self._prefix = prefix
        self._data = data
        self.due = due  # ticks
        self.begun = 0  # ticks
        self.limit_ms = 0  # set in its turn; the pump allocates nothing for it
        self.patience = 0  # ms of silence after which no answer is expected any more; 0: as due
        self.lines = []  # what followed the prefix in the information lines
        self.result = 0  # 0 until it has ended
        self.cut = False  # a line of the answer was too long ...
        self.full = False  # ... or no memory was left for one
        self.heard = False  # its echo came ...
        self.odd = 0  # ... or something in its place: see Link.odd

    def begin(self, link):
        self.begun = ticks_ms()
        link.type(self._text, len(self._text))

    def line(self, buf, lo, hi):
        prefix = self._prefix
        if prefix is None or not buf.startswith(prefix, lo):
            return False
        try:
            if not prefix:
                # A line that bears a name of the command's own (AT+CREG?, at+csq;+creg?) is its,
                # even if a URC has it too.
                n = buf.find(b":", lo, hi)
                if n < 0 or self._text.upper().find(bytes(buf[lo:n])) < 0:
                    if self._link.final(buf, lo, hi) or self._link.urc(buf, lo, hi, False):
                        return False
            self.lines.append(bytes(buf[lo + len(prefix) : hi]))
        except MemoryError:
            self.full = True  # told by the call that waits: the pump serves others too
        return True

    def fill(self, buf):
        self.begun = ticks_ms()
        return self._data(buf)

    def done(self, result):
        if result == _l.CONNECT and self._data is not None:
            # The modem waits for data: it is typed, then the real result comes.
            self._link.job = self
            self._link.type_data()
        else:
            parser = self._link.parser
            self.heard = parser.echo is None
            self.cut = parser.overlong > 0
            self.odd = self._link.odd
            self.result = result


class Commands:
    # The methods of a modem.At that type commands: it makes one of these for each call.

    def __init__(self, at):
        self._at = at
        self._link = at._link

    def post(self, text, prefix=None, timeout_ms=_COMMAND_MS, data=None, make=Exchange):
        # Queues the command line `text` (bytes, without its CR) and returns its Exchange. prefix:
        # of its information lines, b"" for every line that is no URC. data(buf): fills buf with
        # what is typed after CONNECT and returns the bytes, 0 at the end.
        for c in text:
            if c < 32 or c == 127:
                raise error("control")
        self._link.mine(None)
        due = ticks_add(ticks_ms(), timeout_ms)
        until = self._at.until
        if until is not None and ticks_diff(until, due) < 0:
            due = until
        x = make(self._link, text + b"\r", prefix, data, due)
        self._at._queue.append(x)
        self._link.pump()
        return x

    def over(self, x):
        # Looks after the deadline of x; True when x has ended. Doesn't wait.
        now = ticks_ms()
        if not x.result and (
            ticks_diff(x.due, now) <= 0
            or (
                x.patience
                and self._link.job is x
                and not self._link.jam
                and min(ticks_diff(now, x.begun), ticks_diff(now, self._link.heard)) >= x.patience
            )
        ):
            if self._link.job is x:
                self._link.expire()
            else:  # it did not get its turn: a modem in quarantine, a queue too long
                self._at._queue.remove(x)
                x.result = _l.TIMEOUT
                self._link.stats.silent += 1
        return x.result

    def wait(self, x):
        # Generator for Link.drive: until x has ended. If it is closed before, x is called off.
        try:
            while not self.over(x):
                yield x.due
        finally:
            if not x.result:
                if self._link.job is not x:
                    if x in self._at._queue:  # else Ctrl-C came as it had its turn
                        self._at._queue.remove(x)
                elif x._data is not None:
                    self._link.expire()
        if x.full:
            raise MemoryError
        return x

    def ask(self, text, prefix=None, timeout_ms=_COMMAND_MS, data=None, tries=0):
        # Generator: gives the final result (OK, ERROR, CONNECT, TIMEOUT, GARBLED, MISHEARD or
        # RESTARTED) of the command, as post() takes it; its lines are in self.lines, until the
        # next yield. A question, which names the prefix of its answer, is asked again within the
        # time when no answer comes; tries: so often is this one typed at most.
        tries = tries or (_TRIES if prefix and data is None else 1)
        due = ticks_add(ticks_ms(), timeout_ms)
        while True:
            x = self.post(text, prefix, max(ticks_diff(due, ticks_ms()), 1), data)
            tries -= 1
            if tries:
                x.patience = max(timeout_ms // (2 * _TRIES), _TRY_MS)
            yield from self.wait(x)
            if x.result < _l.TIMEOUT or x.result == _l.RESTARTED or not tries:
                break
            if ticks_diff(due, ticks_ms()) <= 0:
                break
        self._at.lines = x.lines
        self._at.cut = x.cut
        return x.result

    def run(self, text, prefix=None, timeout_ms=_COMMAND_MS, data=None):
        # The same, blocking.
        return self._link.drive(self.ask(text, prefix, timeout_ms, data))

    def want(self, text, phase, hint, prefix=None, timeout_ms=_COMMAND_MS, tries=0):
        # Like ask(), but anything other than OK raises, and a line too long for the parser. Gives
        # the lines.
        result = yield from self.ask(text, prefix, timeout_ms, None, tries)
        if result != _l.OK:
            self.fail(result, phase, hint)
        if prefix is not None and self._at.cut:
            raise error("too long")
        return self._at.lines

    def need(self, text, phase, hint, prefix=None, timeout_ms=_COMMAND_MS, tries=0):
        # The same, blocking.
        return self._link.drive(self.want(text, phase, hint, prefix, timeout_ms, tries))

    def alone(self, steps):
        # Generator: runs `steps`, which set up the modem, once no other task does such a thing.
        # What has interrupted that, such as a callback, would wait in vain: it goes ahead.
        link = self._link
        at = self._at
        due = at.until
        while link.depth <= at.setter:
            if not (yield due):
                raise error("busy")
        outer = at.setter
        at.setter = link.depth
        try:
            return (yield from steps)
        finally:
            at.setter = outer

    def fail(self, result, phase, hint, code=0):
        # Raises what `result` means: the hint if the modem refused.
        if result == _l.ERROR:
            raise Error(errno.EIO, phase, hint, code or self._link.cme)
        if result == _l.CONNECT:
            self._link.distrust()
        from ..hints import _ended

        raise error(self._link.why(_ended(result)), 0, phase + ": ")
