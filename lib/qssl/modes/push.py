# qssl.modes.push - direct push mode: payload that the modem sends on its own (manual 1.3, 2.3.1).
# SPDX-License-Identifier: MIT
#
# The URC says how many bytes follow it; after them comes CR LF. Nothing numbers the pushes, so all
# that shows a lost byte is that line end, and what separates it from the next line: both are
# checked. Bytes become visible when their CR LF has come; so a push has to fit the ring, and a
# greater length is not believed: with a digit too much it would take the next pushes for payload.

from time import ticks_diff

from micropython import const

from ..wire import link as _l
from ..wire.ascii import number, value
from ..wire.dialect import RECV_MAX

_OPEN = const(1)  # of Socket's states
_CR = const(13)
_LF = const(10)
_QUIET_MS = const(50)  # some firmware leaves out the CR LF: this silence then is the end
_STALL_MS = const(5000)  # a payload that stops in the middle
_PLUS = const(43)
_URC = const(b"+QSSLURC:")
_RECV = const(b'"recv",')


class Push:
    # One for a link and all its pushing sockets: it stands between parser and link, and is the
    # sink of the payload, of which there is one at a time. Only attach() allocates.
    def __init__(self, modem):
        self._modem = modem
        self._link = modem.link
        self._sock = None  # whose payload comes, or came last
        self._size = 0  # its bytes
        self._left = 0  # of them still to come, CR LF counted
        self._ended = False  # what comes next follows a payload
        self._gap = None  # empty lines between them, 1 or 0: learned
        self.switching = None  # the socket whose access mode is just being changed
        self._link.parser.owner = self
        self._link.sources.append(self)

    # --- what the parser calls ---

    def on_line(self, buf, lo, hi):
        link = self._link
        self._follow()
        if link.sick and buf.startswith(_URC, lo) and buf.find(_RECV, lo, hi) > 0:
            link.parser.expect(max(value(buf, lo, hi, 2), 0), None, None)  # noise, but no lines
        unknown = link.stats.unknown
        link.on_line(buf, lo, hi)
        if unknown == link.stats.unknown or link.sick:
            return
        if link.job is not None and buf.startswith(b"AT", lo):
            link.doubt |= _l.DOUBTED  # an echo, though ATE0 was said: the modem has restarted
        elif not _foreign(buf, lo, hi):
            # It may be the damaged head of a push, and payload comes next.
            for sock in self._modem.sockets:
                if sock is not None and sock._push is not None and not sock.why and not link.sick:
                    self._fail(sock, "stray")

    def on_prompt(self):
        if self._ended and not self._link.parser.blanks:
            self._ended = False  # no line end before it: it says nothing of those behind a push
        self._follow()
        if self._link.job is not None:
            self._link.on_prompt()

    def on_tail(self):
        self._link.on_tail()

    def on_echo(self):
        self._link.on_echo()

    def on_mirror(self, c, sure):
        self._link.on_mirror(c, sure)

    def on_text(self, buf, lo, hi):
        return 1

    def _follow(self):
        if self._ended:
            self._ended = False
            parser = self._link.parser
            gap = parser.blanks
            if self._gap is None:
                self._gap = gap
            if gap != self._gap or gap > 1 or not parser.exact:
                sock = self._sock
                sock._ready = max(sock._ready - self._size, 0)  # what is not read yet, never is
                self._fail(sock)

    def write(self, buf, off, k):
        # The sink: takes payload and its CR LF, less than all when the ring is full.
        sock = self._sock
        left = self._left
        n = 0
        if self._link.job is not None and not self._link.claim:
            self._link.extend(self._link.job.limit_ms)  # its answer may be behind all this
        if left > 2:
            n = min(k, left - 2)
            if sock._state <= _OPEN and not sock._dead():  # else nobody wants it
                want = n
                n = sock._rx.write(buf, off, n)
                if n < want:
                    # A reader gets no more than the ring can show.
                    sock._need = min(sock._need, sock._ready)
                    k = n
            left -= n
        while n < k:
            if buf[off + n] != (_CR if left == 2 else _LF):
                self._fail(sock)
                return k
            n += 1
            left -= 1
        self._left = left
        if not left:
            self._ended = True
            self._show()
        return n

    def _show(self):
        sock = self._sock
        if not sock._dead():  # else the ring holds what was not right, too
            sock._ready = sock._rx.any()

    # --- what Socket calls ---

    def begin(self, sock, n):
        # The URC came: n bytes follow; -1: none, as in buffer mode.
        if n > RECV_MAX:
            self._fail(sock, "too much")
        elif n >= 0:
            self._sock = sock
            self._size = n
            self._left = n + 2
            self._link.parser.expect(n + 2, self, None)
        elif sock is self.switching:
            sock._more = True
        else:
            self._fail(sock)

    def _fail(self, sock, reason="garbled"):
        sock.fail(reason)
        self._gap = None
        self.lost(0)
        self._link.broken(_l.GARBLED)

    # --- as a source of the link: it has no work, but is asked whenever the wire is free ---

    def job(self, now):
        if self._left and not self._link.jam:
            quiet = ticks_diff(now, self._link.heard)
            if self._left == 2 and self._gap != 1:
                if quiet >= _QUIET_MS:
                    self._show()
            elif quiet >= _STALL_MS:
                self._fail(self._sock)

    def wants(self, now):
        return True

    def lost(self, result):
        self._left = 0
        self._ended = False


def _foreign(buf, lo, hi):
    # Whether a line that nobody knows is surely no head of a push, whatever was lost of that: a
    # URC of another kind, or one of the words of a modem that has started.
    if buf.startswith(b"+QSSLURC:", lo) and buf.find(b'"closed",', lo, hi) > 0:
        return True  # of a connection that has gone
    if buf.find(b"QSSL", lo, hi) >= 0 or buf.find(b'recv"', lo, hi) >= 0:
        return False
    end = buf.find(b":", lo, hi)
    if buf[lo] == _PLUS and end > lo + 3:
        lo += 1
        while lo < end and (65 <= buf[lo] <= 90 or 48 <= buf[lo] <= 57):
            lo += 1
        return lo == end
    return hi - lo > 6 and (buf.find(b"READY", lo, hi) > 0 or buf.find(b"Ready", lo, hi) > 0)


def attach(sock):
    # From now on sock takes what is pushed.
    link = sock._link
    push = link.parser.owner
    if push is link:
        push = Push(sock._modem)
        if not sock._modem.flow:
            guard(link)
    sock._push = push
    return push


def guard(link):
    # Without RTS and CTS bytes are lost when the UART's ring is full. Ports tell its size in
    # str(uart); whoever does not is not guarded.
    text = str(link.uart).encode()
    lo = hi = text.find(b"rxbuf=") + 6
    while hi < len(text) and 48 <= text[hi] <= 57:
        hi += 1
    n = number(text, lo, hi)
    if lo > 5 and n > 0:
        link.brim = n - 1


def switch(sock, on):
    # AT+QISWTMD=<clientID>,<access_mode> for modes 0 and 1 (manual 1.3).
    sock._check()
    was = sock._push
    from ..start.echo import off

    if on:
        sock._link.drive(off(sock._modem))
    push = attach(sock)
    push.switching = sock
    try:
        sock._modem.at.need(
            b"AT+QISWTMD=%d,%d" % (sock.id, on), "switch", "refused; is it still connected?"
        )
        was = push if on else None
    finally:
        push.switching = None
        sock._push = was
    sock._more = True  # what came before may still wait in the modem
