# qssl.family.again - Modem.open() of an LTE modem that holds the id of a connection for a while
# after it said OK to AT+QSSLCLOSE (563): closed once more, and opened again, in the background;
# then with another id, if one is free. Before each time it is seen that the SSL context stands,
# and that it has stood before anything is sent (qssl.family.stands).
# SPDX-License-Identifier: MIT
#
# What connect() does in qssl.connect.opening; here nothing may wait, nor allocate, but for
# another id. It stands in the place of two methods of the socket until the connection is open or
# has failed.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .. import unload
from ..wire import link as _l
from ..wire.ascii import value
from ..wire.connection import OWED, slot
from ..wire.dialect import IN_USE
from .stands import lost, proofs

_AGAIN_MS = const(1000)
_MOST_MS = const(30000)
_QUESTION = const(b"AT+QIGETERROR\r")

_ASK = const(1)  # why it was refused
_CLOSE = const(2)
_WAIT = const(3)
_PROVE = const(4)
_TRIES = const(3)


class Again:
    takes = _l.OK | _l.ERROR
    token = None
    limit_ms = 5000

    def __init__(self, sock, line):
        self._sock = sock
        self._line = line  # AT+QSSLOPEN=..., None: it is open
        self._step = 0
        self._told = 0
        self._plain = False  # AT+QSSLCLOSE without a time-out
        self._lines = b"AT+QSSLCLOSE=%d,0\r" % sock.id, b"AT+QSSLCLOSE=%d\r" % sock.id
        self._until = ticks_add(ticks_ms(), _MOST_MS)
        self._next = 0  # ticks
        self._refused = 0  # times that the id was held
        self._proofs = [(text + b"\r", wanted) for text, wanted in proofs(sock.ctx)]
        self._proven = 0  # of them
        self._tries = _TRIES
        sock.fail = self.fail
        sock.job = self.job
        unload("family", True)  # what this needs itself goes with it

    def waits(self):
        # Whether it is not seen yet that the context stood.
        return self._proven < 2 and not self._sock.why

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
                    self._refused += 1
                    self._step = _CLOSE
                    if self._refused == 2 and self._move():
                        self._step = _PROVE
                    return
                # The next one takes another id, if there is one.
                sock._modem.held = not sock._modem.held
        self._end()
        sock.fail(reason)

    def _move(self):
        # To another id, if there is one, in the order of qssl.connect.ready for the third try.
        sock = self._sock
        modem = sock._modem
        was = sock.id
        ids = list(range(len(modem.sockets)))
        for cid in ids if modem.held else reversed(ids):
            if modem.sockets[cid] is None:
                break
        else:
            return False
        try:
            # The memory of the two is exchanged: what is written already stays where it is.
            mine = slot(cid, sock._rx, sock._tx)
            other = modem.slots[cid]
            if other:
                if len(other) > OWED:  # else no connection has used it
                    mine[OWED] = other[OWED]
                other = slot(was, other[0], other[1])
            part = self._line.split(b",", 3)
            part[2] = b"%d" % cid
            line = b",".join(part)
            lines = b"AT+QSSLCLOSE=%d,0\r" % cid, b"AT+QSSLCLOSE=%d\r" % cid
        except MemoryError:
            return False
        self._line = line
        self._lines = lines
        modem.slots[cid] = sock._slot = mine
        modem.slots[was] = other
        modem.sockets[cid] = sock
        modem.sockets[was] = None
        sock.id = cid
        return True

    def job(self, now):
        # As Channel.job().
        sock = self._sock
        step = self._step
        if sock.state() == 1 and self._proven < 2:
            self._step = _PROVE
            return self
        if sock.state():  # open, or given up
            self._end()
            return sock.job(now)
        if step == _WAIT and ticks_diff(now, self._next) >= 0:
            self._step = step = _PROVE
        if step:
            return None if step == _WAIT else self
        return type(sock).job(sock, now)

    def begin(self, link):
        text = self._lines[self._plain]
        if self._step == _ASK:
            text = _QUESTION
        elif self._step == _PROVE:
            text = self._proofs[self._proven][0]
            self._told = -1
        link.type(text, len(text))

    def line(self, buf, lo, hi):
        if self._step == _PROVE and buf.startswith(b"+QSSLCFG:", lo):
            self._told = value(buf, lo, hi, 2)
            return True
        if self._step != _ASK or not buf.startswith(b"+QIGETERROR:", lo):
            return False
        self._told = value(buf, lo + 12, hi, 0)
        return True

    def done(self, result):
        if result == _l.RESTARTED:
            return
        if self._step == _PROVE:
            self._prove(result)
        elif self._step == _ASK:
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

    def _prove(self, result):
        sock = self._sock
        if result == _l.OK and self._told == self._proofs[self._proven][1]:
            self._proven += 1
            self._tries = _TRIES
            if self._proven == 2 and not sock.state():  # it may be opened
                sock._line = self._line
                sock._claims = sock._doubts = sock.code = self._proven = self._step = 0
                sock._ask = False
            return
        self._tries -= 1
        if not self._tries:
            sock.ctx._failed = True
            sock._ready = 0  # what was pushed
            self._end()
            if self._told < 0:
                sock.fail("unreadable")
                return
            lost(sock._modem, sock.ctx)
            if self._line:
                sock._modem.link.witness.strikes = 0  # the program tries again, if it wants to
            sock.fail("ctx lost")
