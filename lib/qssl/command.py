# qssl.command - one AT command at a time: its lines, its data, its final result code.
# SPDX-License-Identifier: MIT
#
# For everything but the traffic of sockets, which has jobs of its own. Allocates: its replies are
# lists of lines.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from . import link as _l
from .ascii import printable
from .errors import Error, error

COMMAND_MS = const(5000)  # how long an ordinary command may take


class Command:
    # The source and job of link for commands. One instance, reused.
    takes = _l.OK | _l.ERROR | _l.CONNECT
    strict = False

    def __init__(self, link):
        self._link = link
        self._owner = None  # what is queued or running, None: free
        self._text = b""
        self._prefix = None
        self._queued = False
        self._data = None
        self.limit_ms = COMMAND_MS
        self.lines = []
        self.result = 0
        link.sources.append(self)

    # --- the source and the job ---

    def job(self, now):
        return self if self._queued else None

    def begin(self, link):
        self._queued = False
        link.type(self._text, len(self._text))

    def line(self, buf, lo, hi):
        prefix = self._prefix
        if prefix is None or not buf.startswith(prefix, lo):
            return False
        if not prefix and (self._link.final(buf, lo, hi) or self._urc(buf, lo, hi)):
            return False
        self.lines.append(bytes(buf[lo + len(prefix) : hi]))
        return True

    def _urc(self, buf, lo, hi):
        for prefix, _ in self._link.urcs:
            if buf.startswith(prefix, lo):
                return True
        return False

    def fill(self, buf):
        return self._data(buf)

    def owes(self):
        return 0

    def done(self, result):
        if result == _l.CONNECT and self._data is not None:
            # The modem waits for data: it is typed, then the real result comes.
            self._link.resume(self)
            self._link.type_data()
        else:
            self.result = result
            self._owner = None

    def lost(self, result):
        if result and self._owner is not None:
            self._queued = False
            self._owner = None
            self.result = result

    # --- what the modules above call ---

    def run(self, text, prefix=None, timeout_ms=COMMAND_MS, data=None):
        # Runs the command line `text` (bytes, without its CR) and waits for its final result code,
        # which it returns: OK, ERROR, CONNECT, TIMEOUT, GARBLED or RESTARTED. self.lines then
        # holds what followed `prefix` in its information lines (prefix b"": every line that is
        # no URC). data(buf): typed after CONNECT. Raises only when the wire was not free in time.
        link = self._link
        for c in text:
            if c < 32 or c == 127:
                raise error("control")
        due = ticks_add(ticks_ms(), timeout_ms)
        while self._owner is not None or self._queued:  # another task's command
            link.pump()
            if self._owner is not None and not link.wait(due):
                raise error("busy")
        self._owner = text
        self._text = text + b"\r"
        self._prefix = prefix
        self._data = data
        self.lines = []
        self.result = 0
        self.limit_ms = max(ticks_diff(due, ticks_ms()), 1)
        self._queued = True
        while self._owner is not None:
            link.pump()
            if self._owner is not None and not link.wait(due):
                # A modem in quarantine, or a deadline that the pump is just about to see.
                if self._queued:
                    self._queued = False
                    self._owner = None
                    self.result = _l.TIMEOUT
                elif link.job is self:
                    link.expire()
                else:
                    self._owner = None
                    self.result = _l.TIMEOUT
        return self.result

    def need(self, text, phase, hint, prefix=None, timeout_ms=COMMAND_MS, data=None):
        # Like run(), but anything other than OK raises the error of the family that fits.
        result = self.run(text, prefix, timeout_ms, data)
        if result != _l.OK:
            self.fail(result, phase, hint)
        return self.lines

    def fail(self, result, phase, hint, code=0):
        # Raises what `result` means: the hint if the modem refused.
        if result == _l.ERROR:
            raise Error(errno.EIO, phase, hint, code or self._link.cme)
        raise error(_REASONS.get(result, "lost"), 0, phase + ": ")


_REASONS = {_l.TIMEOUT: "no answer", _l.RESTARTED: "restarted"}


def shown(lines):
    # Reply lines as one str for messages.
    return "; ".join([printable(line, 0, len(line)) for line in lines])
