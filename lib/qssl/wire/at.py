# qssl.wire.at - the source of commands: what others want typed, one after the other.
# SPDX-License-Identifier: MIT

from time import ticks_add, ticks_diff, ticks_ms

from ..errors import error


class At:
    # The source of commands: a queue. Several tasks, or a callback in the middle of a command,
    # may each wait for one of their own. What types them is wire.command, loaded by the first.

    def __init__(self, link):
        self._link = link
        self._queue = []
        self.lines = ()  # of the command that run() or ask() waited for last
        self.cut = False  # a line of its was longer than the parser takes
        self.until = None  # ticks: the deadline of a call that needs several commands
        self.setter = -1  # Link.depth of the call that sets up the modem; -1: none does
        link.sources.append(self)

    def __getattr__(self, name):
        # post, ask, run, want, need, over, wait, alone, fail: what types commands.
        if name.startswith("__"):
            raise AttributeError(name)
        from .command import Commands

        return getattr(Commands(self), name)

    def job(self, now):
        if not self._queue:
            return None
        x = self._queue.pop(0)
        x.limit_ms = max(ticks_diff(x.due, now), 1)
        return x

    def wants(self, now):
        return self._queue

    def lost(self, result):
        if result:
            while self._queue:
                self._queue.pop(0).result = result

    def within(self, timeout_ms, steps):
        # Runs `steps`, blocking: all of their commands together within the time.
        if not isinstance(timeout_ms, int) or not 0 < timeout_ms < 1 << 29:
            raise error("timeout")
        outer = self.until
        self.until = ticks_add(ticks_ms(), timeout_ms)
        try:
            return self._link.drive(steps)
        finally:
            self.until = outer
