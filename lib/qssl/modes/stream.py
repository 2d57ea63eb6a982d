# qssl.modes.stream - transparent access mode: a connection that has the AT port for itself.
# SPDX-License-Identifier: MIT
#
# Manual 1.3, items 3 to 5. What comes goes through modes.inband; what is written goes straight to
# the UART, so that no three plus signs in it can end data mode.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import error
from ..socket import Socket, _plain
from ..wire import link as _l
from ..wire.dialect import OPEN_MS
from .inband import Words

_OPENING = const(0)  # of Socket's states ...
_OPEN = const(1)
_CLOSING = const(2)
_CLOSED = const(3)
_P_OPEN = const(0)  # ... and phases
_PLUS = const(43)

# Steps of leaving the data mode.
_COMMAND = const(0)  # it is not in data mode
_DATA = const(1)
_GUARD = const(2)  # silence before +++
_ESCAPED = const(3)  # +++ is out, or DTR is off: OK is to come
_PROOF = const(4)  # AT is out

_GUARD_MS = const(1100)  # the second of silence, surely
_GAP_MS = const(900)  # may pass for one
_OK_MS = const(900)  # not earlier after +++ comes its OK
_WAIT_MS = const(1500)  # AT may be typed
_AGAIN_MS = const(3000)  # no OK came, and nothing else: +++ once more
_LATE_MS = const(12000)  # no OK came
_TRIES = const(3)
_PROOF_MS = const(1000)
_PART_MS = const(20)  # words that stop in the middle are payload
_SILENT_MS = const(300)  # words that were the last may be the modem's
_RESUME_MS = const(5000)
_CALL_MS = const(12000)  # escape() and resume()


def _yes():
    # For a UART that can't tell whether all was sent.
    return True


class Pipe(Socket):
    """A connection in transparent mode; made by Modem.transparent() or Socket.transparent().

    In data mode a plain stream. In command mode, after escape(), a socket in buffer mode. It has
    the methods of qssl.socket.Socket; here are those that differ.

    Raises: nothing.
    Blocks: no.
    Allocates: as a socket.
    Since: 0.1.
    """

    exclusive = True  # it has the AT port for itself
    held = "transparent"

    def __init__(self, modem, cid, slot, line):
        super().__init__(modem, cid, slot, line)
        self._txdone = getattr(self._link.uart, "txdone", _yes)
        self._words = Words(self)
        self._step = _COMMAND
        self._since = 0  # ticks: when the step began
        self._tries = 0
        self._auto = False  # data mode is left only to find out, and comes back
        self._typed_ms = 0  # ticks: when the last byte was given to the UART
        self._sent_ms = None  # ticks: when it was seen that all of them are on the wire
        self._plus = 0  # plus signs typed since a second of silence, 4: and other bytes

    # --- job: into data mode --------------------------------------------------------------------

    def job(self, now):
        if not self._words.drain():
            return None
        if self._line is not None and not self.why and self._state <= _OPEN:
            self._phase = _P_OPEN
            return self
        return Socket.job(self, now)

    def begin(self, link):
        if self._phase != _P_OPEN:
            Socket.begin(self, link)
            return
        self.takes = _l.CONNECT | _l.ERROR | _l.NO_CARRIER
        self.limit_ms = _RESUME_MS if self._state else OPEN_MS
        text = self._line
        self._line = None
        link.type(text, len(text))

    def done(self, result):
        if self._phase != _P_OPEN:
            Socket.done(self, result)
        elif self._state == _OPENING and result & (_l.ERROR | _l.NO_CARRIER):
            self.code = ~self._link.cme if result == _l.ERROR else -1
            self.fail("refused")
        elif self._state == _OPENING and result != _l.CONNECT:
            self.fail("silent")
        elif result == _l.CONNECT:
            self._enter()
        elif result & (_l.ERROR | _l.NO_CARRIER):
            if self._auto:
                self._auto = False
                self._shut = self._more = True
        elif result != _l.RESTARTED:
            self.drop()

    def _enter(self):
        link = self._link
        link.pipe = self
        self._words.start()
        self._words.listen()
        self._step = _DATA
        self._plus = 0
        self._typed_ms = ticks_ms()
        self._sent_ms = None
        self._auto = self._more = False
        if self._state == _OPENING:
            self._state = _OPEN
        elif self._state >= _CLOSING:
            self._escape()

    def drop(self):
        # The data mode has ended in disorder.
        self._step = _COMMAND
        self._auto = False
        self._words.start()
        self.fail("dropped")

    def _unwanted(self):
        # Nobody will read what comes.
        return self.why or self._state >= _CLOSING

    # --- out of data mode -----------------------------------------------------------------------

    def step(self, now):
        # Called by the pump while this pipe has the wire.
        link = self._link
        step = self._step
        words = self._words
        words.drain()
        if link.out is not None:
            return
        quiet = 0 if link.jam or link.uart.any() else ticks_diff(now, link.heard)
        if step <= _GUARD:
            if words.any():
                if not words.full:
                    if quiet >= _PART_MS:
                        words.release()
                elif quiet >= _SILENT_MS and step == _DATA:
                    self._decide()
            sent = self._sent_ms
            if step == _GUARD or sent is None:
                dtr = self._modem.pins[2]
                if not self._txdone():
                    self._sent_ms = None
                elif sent is None:
                    self._sent_ms = now
                elif dtr is not None and not self._tries:
                    if step == _GUARD and ticks_diff(now, sent) >= _PART_MS:
                        self._next(_ESCAPED)
                        words.since = self._since
                        words.old = words.held()
                        dtr.value(0)
                elif not 0 <= ticks_diff(now, sent) < _GUARD_MS:  # days ago, it is negative
                    self._next(_ESCAPED)
                    link.type(b"+++", 3)
                    words.old = words.held()
                    if words.since is None:
                        words.since = ticks_add(now, _OK_MS)
            return
        if not self._txdone():
            self._since = now
        spent = ticks_diff(now, self._since)
        if step == _PROOF:
            if spent >= max(_PROOF_MS, link.resync.answer_ms):
                if words.proof == 2:
                    link.distrust()
                else:  # of +++ and AT some firmware makes one line, which it ignores
                    words.asks(2)
                    self._next(_PROOF)
                    link.type(b"AT\r", 3)
        elif words.any() and words.full and quiet >= _PART_MS and spent >= _WAIT_MS:
            self._next(_PROOF)
            words.asks(1)
            link.type(b"AT\r", 3)
        elif spent >= _LATE_MS or (spent >= _AGAIN_MS and quiet >= _SILENT_MS):
            self._lift()
            self._tries += 1
            if self._tries < _TRIES:
                self._next(_GUARD)
                self._sent_ms = None
            else:
                link.distrust()

    def _next(self, step):
        self._step = step
        self._since = ticks_ms()

    def _escape(self):
        # Starts to leave the data mode.
        self._tries = 0
        self._words.since = None
        self._words.proof = False
        self._next(_GUARD)

    def _lift(self):
        dtr = self._modem.pins[2]
        if dtr is not None:
            dtr.value(1)

    def _decide(self):
        # NO CARRIER was the last for a while.
        dcd = self._modem.pins[3]
        if dcd is None:
            self._auto = True
            self._escape()
        elif dcd.value():
            self._words.release()
        else:
            self._leave()

    def _leave(self):
        # The modem is in command mode, that is sure now.
        link = self._link
        link.pipe = None
        self._step = _COMMAND
        self._more = True
        self._lift()
        if self._words.leave():
            self._shut = True
            self._auto = False
        else:
            link.parked = self
            self._ask = link.lte > 0  # its NO CARRIER may have been true
            if self._auto:
                self._line = b"ATO\r"

    # --- the stream -----------------------------------------------------------------------------

    def write(
        self,
        buf: bytes | bytearray | memoryview | str,
        off: int | None = None,
        n: int | None = None,
    ) -> int | None:
        """As Socket's, but nothing is merged or kept: what was written went to the UART. A write
        that would be a lone +++ for the modem takes up to 1.1 s longer, see _may.

        Returns: as Socket.write().
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: until all went to the UART.
        Allocates: nothing, but for a str.
        Since: 0.1.
        """
        buf = _plain(buf)
        if n is None:
            n = -1 if off is None else off
            off = 0
        left = len(buf) - off if 0 <= off <= len(buf) else 0
        if n < 0 or n > left:
            n = left
        left = n
        link = self._link
        due = self._due()
        link.pump()
        while left:
            self._check()
            if self._step == _COMMAND and not self._auto:
                if left == n:
                    return Socket.write(self, buf, off, n)
                self.fail("half")  # the connection ended in the middle
                continue
            words = self._words
            if self._step == _DATA and not (words.full and words.any()):  # NO CARRIER: is it?
                k = self._may(buf, off, left)
                if not k:
                    if self._timeout == 0:
                        break
                    link.wait(ticks_add(self._typed_ms, _GUARD_MS))
                    link.pump()
                    continue
                k = link.uart.write(buf, off, k) or 0
                if k:
                    self._count(buf, off, k)
                    off += k
                    left -= k
                    continue
            if self._timeout == 0:
                break
            if not link.wait(due):
                if left == n:
                    raise error(link.why("full"))
                self.fail("half")
            link.pump()
        return n - left or (None if n else 0)

    def _may(self, buf, off, n):
        # How many of n bytes may be typed now. The modem takes three plus signs for the escape if
        # they come within a second, and nothing else for a second before and after (manual 1.3,
        # item 4). So after a second of silence the third of three plus signs, if no other byte
        # comes right behind it, has to wait until it is too late for that.
        gap = ticks_diff(ticks_ms(), self._typed_ms)
        if buf[off] != _PLUS:
            return n
        if gap >= _GUARD_MS:
            self._plus = 0
        elif gap >= _GAP_MS:
            return 0  # is this a second? wait until it is
        i = 0
        while i < n and self._plus + i < 4 and buf[off + i] == _PLUS:
            i += 1
        return n - 1 if i == n and self._plus + i == 3 else n

    def _count(self, buf, off, n):
        self._typed_ms = ticks_ms()
        self._sent_ms = None
        stats = self._link.stats
        stats.tx = stats.tx + n & 0x1FFFFFFF
        plus = self._plus
        while n and plus < 4:
            plus = plus + 1 if buf[off] == _PLUS else 4
            off += 1
            n -= 1
        self._plus = plus

    def flush(self) -> None:
        """Waits until all of it is on the wire; there is nothing else to wait for.

        Returns: None.
        Raises: qssl.Error when the connection is lost, with ETIMEDOUT after the time-out.
        Blocks: as long as the line takes.
        Allocates: nothing.
        Since: 0.1.
        """
        if self._step == _COMMAND and not self._auto:
            Socket.flush(self)
            return
        due = self._due()
        self._check()
        while self._timeout != 0 and not self._txdone():
            if not self._link.wait(due):
                raise error(self._link.why("full"))
            self._check()

    def escape(self, timeout_ms: int = _CALL_MS) -> None:
        """To command mode, where the connection goes on in buffer mode; about 3 s, with DTR less.
        Payload that comes meanwhile is kept. Blocks.

        Returns: None.
        Raises: qssl.Error if the modem does not leave data mode.
        Blocks: timeout_ms at most; about 3 s.
        Allocates: little.
        Since: 0.1.
        """
        due = ticks_add(ticks_ms(), timeout_ms)
        link = self._link
        link.pump()
        self._check()
        self._auto = False
        self._line = None
        while self._step != _COMMAND or link.job is self:
            if self._step == _DATA:
                self._escape()
            if not link.wait(due):
                raise error(link.why("no escape"))
            link.pump()
            self._check()

    def resume(self, timeout_ms: int = _CALL_MS) -> None:
        """Back to data mode, by ATO or, if another connection was in it later, by AT+QISWTMD. What
        was written is sent before. Blocks.

        Returns: None.
        Raises: qssl.Error if the modem refuses it.
        Blocks: timeout_ms at most.
        Allocates: little.
        Since: 0.1.
        """
        due = ticks_add(ticks_ms(), timeout_ms)
        link = self._link
        link.pump()
        self._check()
        if self._step == _DATA or self._auto:
            return
        if self._push is not None:
            self.switch(False)
        self._modem.at.within(timeout_ms, _alone(self._modem))
        self._want = self._n
        wait = True
        while self._step != _DATA:
            if wait and not self._want and link.job is not self:
                wait = False
                last = getattr(link, "parked", None) is self
                self._line = b"ATO\r" if last else b"AT+QISWTMD=%d,2\r" % self.id
            link.pump()
            self._check()
            if not wait and self._line is None and link.job is not self and self._step != _DATA:
                raise error("no resume")
            if not link.wait(due):
                self._line = None
                raise error(link.why("no answer"), 0, "resume: ")

    def close(self, timeout_s: int = 10) -> None:
        """As Socket's; leaves data mode before, which takes about 3 s.

        Returns: None.
        Raises: as Socket.close().
        Blocks: timeout_s at most.
        Allocates: nothing.
        Since: 0.1.
        """
        if self._state < _CLOSING and 0 <= timeout_s <= 65535:
            self._auto = False
            if self._state == _OPEN:
                self._line = None
            if self._step == _DATA:
                self._escape()
        Socket.close(self, timeout_s)


def _alone(modem):
    # Generator. What is pushed could not be told from the words after an escape.
    modem.link.mine(None)
    for sock in modem.sockets:
        if sock is not None and sock._push is not None:
            raise error("pushing")
    from ..start.echo import off

    yield from off(modem)
    if not modem.flow:
        from .push import guard

        guard(modem.link)
    if modem.pins[2] is not None:
        modem.pins[2].value(1)
        yield from modem.at.ask(b"AT&D1")


def connect(modem, host, port, ctx, timeout_ms, pdp):
    # See Modem.transparent.
    return modem.at.within(timeout_ms, _connecting(modem, host, port, ctx, pdp))


def _connecting(modem, host, port, ctx, pdp):
    yield from _alone(modem)
    return (yield from modem.connecting(host, port, ctx, Pipe, pdp, 2))


def take_over(sock):
    # See Socket.transparent.
    modem = sock._modem
    link = modem.link
    sock._check()
    if sock._state != _OPEN:
        raise error("opening")
    if sock._push is not None:
        sock.switch(False)
    sock.flush()
    due = ticks_add(ticks_ms(), _CALL_MS)
    while sock._want or link.job is sock:
        if not link.wait(due):
            raise error(link.why("unflushed"))
        link.pump()
    sock._check()
    data = sock._rx.read(sock._ready)
    pipe = Pipe(modem, sock.id, sock._slot, None)
    pipe._rx.write(data)
    pipe._ready = len(data)
    pipe._state = _OPEN
    pipe._timeout = sock._timeout
    pipe._look = sock._look
    pipe._shut = sock._shut
    pipe._eof = sock._eof
    pipe._more = sock._more
    pipe.pdp = sock.pdp
    pipe.ctx = sock.ctx
    modem.sockets[sock.id] = pipe
    link.sources.remove(sock)
    try:
        pipe.resume()
    except OSError:
        modem.sockets[sock.id] = sock
        link.sources.remove(pipe)
        link.sources.append(sock)
        sock._ready = pipe._ready
        sock._shut = pipe._shut
        sock._more = True
        raise
    sock._state = _CLOSED
    return pipe
