# qssl.family.again - Modem.open() of an LTE modem that holds the id of a connection for a while
# after it said OK to AT+QSSLCLOSE (563): closed once more, and opened again, in the background.
# SPDX-License-Identifier: MIT
#
# What connect() does in qssl.connect.opening; here nothing may wait, nor allocate. It stands in
# the place of two methods of the socket until the connection is open or has failed.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..wire import link as _l
from ..wire.ascii import value
from ..wire.dialect import IN_USE

_AGAIN_MS = const(1000)
_MOST_MS = const(30000)
_QUESTION = const(b"AT+QIGETERROR\r")

_ASK = const(1)  # why it was refused
_CLOSE = const(2)
_WAIT = const(3)


class Again(_l.Job):
    limit_ms = 5000

    def __init__(self, sock, line):
        self._sock = sock
        self._line = line  # AT+QSSLOPEN=...
        self._step = 0
        self._told = 0
        self._plain = False  # AT+QSSLCLOSE without a time-out
        self._lines = b"AT+QSSLCLOSE=%d,0\r" % sock.id, b"AT+QSSLCLOSE=%d\r" % sock.id
        self._until = ticks_add(ticks_ms(), _MOST_MS)
        self._next = 0  # ticks
        sock.fail = self.fail
        sock.job = self.job

    def _end(self):
        del self._sock.fail
        del self._sock.job

    def fail(self, reason):
        # As Channel.fail().
        sock = self._sock
        code = sock.code
        if reason == "refused" and not sock.state():
            if code == -1 and not self._step:  # it did not say why
                self._step = _ASK
                return
            if code == IN_USE or code == ~IN_USE:
                if ticks_diff(self._until, ticks_ms()) > _AGAIN_MS:
                    self._step = _CLOSE
                    return
                # The next one takes another id, if there is one.
                sock._modem.held = not sock._modem.held
        self._end()
        sock.fail(reason)

    def job(self, now):
        # As Channel.job().
        sock = self._sock
        step = self._step
        if sock.state():  # open, or given up
            self._end()
            return sock.job(now)
        if step == _WAIT and ticks_diff(now, self._next) >= 0:
            sock._line = self._line
            sock._claims = sock._doubts = sock.code = self._step = step = 0
            sock._ask = False
        if step:
            return None if step == _WAIT else self
        return type(sock).job(sock, now)

    def begin(self, link):
        text = self._lines[self._plain]
        if self._step == _ASK:
            text = _QUESTION
        link.type(text, len(text))

    def line(self, buf, lo, hi):
        if self._step != _ASK or not buf.startswith(b"+QIGETERROR:", lo):
            return False
        self._told = value(buf, lo + 12, hi, 0)
        return True

    def done(self, result):
        if result == _l.RESTARTED:
            return
        if self._step == _ASK:
            if self._told > 0:
                self._sock.code = self._told
            self._told = 0
            self.fail("refused")
            if self._step == _ASK:  # it has failed
                self._step = 0
        elif result == _l.ERROR and not self._plain:
            self._plain = True  # some firmware takes no time-out
        else:
            self._step = _WAIT
            self._next = ticks_add(ticks_ms(), _AGAIN_MS)
