# qssl.wire.channel - a TLS connection as work for the link: what it says to the modem, and hears.
# SPDX-License-Identifier: MIT
#
# A source of work, and when it has the wire the job itself: AT+QSSLOPEN, AT+QSSLSEND,
# AT+QSSLRECV, AT+QSSLCLOSE or AT+QSSLSTATE (manual 2.2.2 to 2.2.6). Nothing here waits:
# qssl.socket, the stream on top, looks at its state. Received bytes become visible when their
# whole reply, to the last line end, has arrived as it must. What a URC says of the connection's
# life is a claim: it may be late, and about another one that had the id before. AT+QSSLSTATE says
# whether it is true.

import io
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from . import link as _l
from .ascii import field, number, put, value
from .dialect import CLOSE_S, IN_USE, RECV_MAX, SEND_MAX

# Life of the connection.
_OPENING = const(0)
_OPEN = const(1)
_CLOSING = const(2)
_CLOSED = const(3)

# What it does with the wire when it has it.
_P_OPEN = const(0)
_P_RECV = const(1)
_P_SEND = const(2)
_P_CLOSE = const(3)
_P_STATE = const(4)

# What URCs tell, see qssl.ask.events; "closed" is 2.
_T_OPEN = const(0)
_T_RECV = const(1)
_T_SECURITY = const(3)

# What they claim.
_C_CLOSED = const(1)
_C_SECURITY = const(2)
_C_OPENED = const(4)
_C_MISSED = const(8)  # nothing, but a URC may have been passed over in quarantine

_DRY = const(2)  # of _shut: what there was is read

# What AT+QSSLSTATE says (manual 2.2.6).
_UNKNOWN = const(-2)  # it can't be asked, or read
_ABSENT = const(-1)
_QUOTE = const(34)
_CR = const(13)

_LONG = const(b"\r\n\r\nOK\r\n")  # between payload and the next line: two forms are known,
_SHORT = const(b"\r\nOK\r\n")  # the firmware's own is learned by its first answer

_RECV_MS = const(6000)
_PROMPT_MS = const(8000)
_SENT_MS = const(20000)
_CLOSE_MS = const(12000)  # the modem's own limit is 10 s
_OPEN_MS = const(5000)  # OK, not the connection
_STATE_MS = const(3000)
_LOOK_MS = const(8000)  # an unannounced look for data and state: the URC may have been lost
_PEEK_MS = const(5000)  # the same while it opens
_LAG_MS = const(500)  # ... once a URC has told more
_AGAIN_MS = const(100)  # what was refused is asked again
_REFUSALS = const(4)  # ERRORs in a row that are an answer
_SURE_MS = const(200)  # after ERROR: was it the answer?
_LOOKS = const(50)  # that is as long
_LATE_MS = const(1000)  # after an OK whose data have not come
_ROOM = const(512)  # free bytes worth a read, unless a reader waits for more than there is
LINGER_MS = const(50)  # how long written bytes wait for more, if nothing else sends them
_HEAD = const(80)  # the first bytes of a payload, twice: the line starts while the rest is copied
_HEADER = const(b"\r\n+QSSLRECV: 1500\r\n")  # of a full reply
_PROMPT = const(b"\r\n> ")
_PAUSE_MIN_MS = const(40)  # after SEND FAIL
_PAUSE_MAX_MS = const(1000)
_GAPS = const(("middle", "memory"))

# Places in a slot.
_RX = const(0)
_TX = const(1)
_RECV = const(2)
_SEND = const(3)
_OWN = const(4)
_ASKED = const(5)  # how many bytes the last AT+QSSLRECV asked for
OWED = const(6)  # a +QSSLOPEN of a connection that was given up may still come


def slot(cid, rx, tx):
    # What a connection needs of memory: made once, used by one socket after the other. rx: RingIO,
    # received bytes; tx: BytesIO, written ones. Its commands for data are bytes, with the greatest
    # number: an echo of those is compared at C speed. What has another number is a bytearray.
    recv = b"AT+QSSLRECV=%d,%d\r" % (cid, RECV_MAX)
    return [rx, tx, recv, b"AT+QSSLSEND=%d,%d\r" % (cid, SEND_MAX), bytearray(recv), 0, False]


class Channel(io.IOBase):
    def __init__(self, modem, cid, slot, line):
        self._modem = modem
        self._link = modem.link
        self._slot = slot
        self._rx = slot[_RX]
        self._tx = slot[_TX]
        self._line = line  # AT+QSSLOPEN=..., None once it went out
        self.id = cid
        self._state = _OPENING
        self._phase = _P_OPEN
        self._ended = 0  # phase of the last exchange that had a result
        self.token = None
        self.pad = 27
        self._close_s = CLOSE_S
        self._timeout = None  # ms; None: for ever, 0: never wait
        self.code = 0  # what +QSSLOPEN said; ~n: refused by +CME ERROR: n, or ERROR (0)
        self.why = None  # the connection is of no use: a reason of qssl.hints ...
        self._told = False  # ... and the program knows
        self._asked = False  # AT+QSSLCLOSE was refused
        # receiving
        self._ready = 0  # bytes in rx whose reply was whole
        self._goes = 0  # bytes that a waiting reader takes at most once it wakes
        self._need = 0  # bytes that a waiting reader wants ...
        self._short = False  # ... which is more than the ring can show at once
        self._more = False  # the modem has, or may have, data
        self._shut = False  # the peer closed: no more will come than the modem already has
        self._eof = False
        self._push = None  # direct push mode: the qssl.modes.push.Push of the link
        self._got = 0  # bytes that the running reply announced; -1: not yet
        self._look = 0  # ticks: the next unannounced look; when closing, the end of patience
        self._news = False  # "recv" came while the running exchange asked for data
        self._held = False  # a foreign line stood in the reply: shown when the next echo has come
        self._refused = 0  # ERRORs in a row to AT+QSSLRECV
        # the modem's own view
        self._ask = False  # AT+QSSLSTATE comes next
        self._claims = 0  # what URCs said that it is to confirm, a sum of _C_...
        self._mirrored = False  # the payload of the running exchange is echoed
        self._says = 0  # the error code of the last +QSSLOPEN
        self._doubts = 0  # answers in a row that said what nothing else says, or nothing
        # sending: n bytes in tx, of which the first fly are in flight and the first want must go
        self._n = self._fly = self._want = 0
        self._src = None  # what a waiting writer writes: left bytes from off on
        self._off = self._left = 0
        self._typed = 0  # bytes of fly that went to the UART; -1: no prompt yet
        self._pause = 0  # ms
        self._again = 0  # ticks: not before, after SEND FAIL
        self._looks = 0  # left, until what was sent is proven
        self._stale = 0  # ticks: when the bytes beyond want have waited long enough
        while self._rx.any():
            self._rx.read()
        self._link.sources.append(self)

    # --- source: which work is there -----------------------------------------------------------

    def job(self, now):
        state = self._state
        if self._shut == _DRY:
            self._eof = not self._dead()
            self._shut = True
        if state == _OPENING:
            if self.why:
                return None
            if self._ask and self._link.listing & _l.BLIND:
                self._done_state(_l.ERROR)
                return None
            if self._line is not None:
                self._phase = _P_OPEN
            elif self._ask or ticks_diff(now, self._look) >= 0:
                self._phase = _P_STATE
            else:
                return None
            return self
        if state == _OPEN and self._ask and not self.why:
            if not self._link.listing & _l.BLIND:
                self._phase = _P_STATE
                return self
            self._doubts = 2
            self._done_state(_l.ERROR)
        if self.why:
            self._want = 0
        elif state == _OPEN and self._n > self._want and ticks_diff(now, self._stale) >= 0:
            self._want = self._n
        if self._want:
            if not self._pause or ticks_diff(now, self._again) >= 0:
                # Taking turns: after a send the data that has come meanwhile goes first.
                if self._phase != _P_SEND or not self.readable(now):
                    self._phase = _P_SEND
                    return self
            if state == _CLOSING:
                if ticks_diff(now, self._look) < 0:
                    return None
                self.fail("unsent")
        if state == _CLOSING:
            # The last connection of an SSL context may take its settings along (manual 2.2.5):
            # what goes by them is typed before.
            for other in self._modem.sockets:
                if other and other._line and other.ctx.id == self.ctx.id and not other.why:
                    return None
            self._phase = _P_CLOSE
            return self
        if not self._dead() and self.readable(now):
            self._phase = _P_RECV
            return self
        return None

    def wants(self, now):
        # Whether it would have work now.
        phase = self._phase
        work = self._ask or self.job(now)
        self._phase = phase
        return work

    def ahead(self, now):
        # What this channel types next, to link.next, when the token ends what it does now: the
        # payload, or the same command again, unless there is other work. Gives its bytes.
        link = self._link
        phase = self._phase
        if phase == _P_SEND and self._typed < 0:
            if link.lte & 4 and link.witness.late(now):
                return 0
            link.next = link.piece
            self._tx.seek(0)
            return self._tx.readinto(link.piece, min(self._fly, _HEAD))
        if self._ask or self._held or self._push is not None or link.doubt:
            return 0
        if phase == _P_RECV and self._got <= 0:
            return 0
        go = self.job(now) and self._phase == phase
        self._phase = phase
        if not go:
            return 0
        if phase == _P_RECV:
            have = self._rx.any() + link.parser.need
            n = RECV_MAX - have + min(have, self._goes)
            if have < self._need or n < _ROOM:
                return 0  # the reader does not wake
        else:
            n = SEND_MAX
            if self._n - self._fly + self._left < n:
                return 0  # it lingers
        for source in link.sources:
            if source is not self and source.wants(now):
                return 0
        return self._command(n)

    def _command(self, n):
        # Puts what asks for n bytes, or announces them, into link.next. Gives its length.
        if self._phase == _P_RECV:
            self._slot[_ASKED] = n
            line = self._slot[_RECV]
            full = n == RECV_MAX
        else:
            line = self._slot[_SEND]
            full = n == SEND_MAX
        k = len(line)
        if not full:
            own = self._slot[_OWN]
            for i in range(k):
                own[i] = line[i]
            k = put(own, k - 5, n) + 1
            own[k - 1] = _CR
            line = own
        self._link.next = line
        return k

    def _dead(self):
        # No more can be received. Where only sending failed, what has come is still there.
        return self.why and self.why != "reset"

    def readable(self, now):
        if self._eof or self._shut == _DRY or self._state != _OPEN:
            return False
        if not self._more:
            if ticks_diff(now, self._look) < 0:
                return False
            if not self._refused:
                self._ask = True
                self._look = ticks_add(now, _LOOK_MS)
            if self._push is not None:
                return False
            self._more = True
        free = RECV_MAX - self._rx.any()
        return free >= _ROOM or (free and self._need > self._ready)

    def lost(self, result):
        if result == _l.RESTARTED:
            self.fail("restarted")
            self._release()
        elif result:
            self.fail("silent" if result == _l.TIMEOUT else "broken")
        elif self._push is not None:
            self.fail("missed")
        elif self._held:
            self.fail("garbled")  # what is not confirmed yet, never will be
        else:
            self._more = self._ask = True  # a URC may have been lost in quarantine
            if self._state == _OPENING:
                self._claims |= _C_MISSED

    # --- job: the exchange ---------------------------------------------------------------------

    def begin(self, link):
        phase = self._phase
        if phase == _P_RECV:
            k = link.next_n
            if not link.early:
                # How this firmware ends a payload shows safest on one byte.
                k = self._command(1 if link.tail is None else RECV_MAX - self._rx.any())
            self.token = _HEADER
            self._more = True
            self._news = False
            self._got = -1
            self.takes = _l.OK | _l.ERROR
            self.limit_ms = _RECV_MS
            link.type(link.next, k)
            return
        if phase == _P_SEND:
            self._fly = self._n
            self._typed = -1
            self._mirrored = False
            self.takes = _l.SEND_OK | _l.SEND_FAIL | _l.ERROR
            self.limit_ms = _PROMPT_MS
            link.parser.prompt = True
            self.token = _PROMPT
            k = self._command(self._n)
            link.type(link.next, k)
            return
        self.takes = _l.OK | _l.ERROR
        if phase == _P_STATE:
            self._got = _ABSENT
            self.limit_ms = _STATE_MS
            text = b"AT+QSSLSTATE=%d\r" % self.id if link.listing & _l.BY_ID else b"AT+QSSLSTATE\r"
        elif phase == _P_CLOSE:
            self.limit_ms = self._close_s * 1000 + 2000
            if link.lte and self._asked:
                link.lte |= 2  # this firmware takes no time-out
            text = b"AT+QSSLCLOSE=%d,%d\r" % (self.id, self._close_s)
            if link.lte & 2:
                text = b"AT+QSSLCLOSE=%d\r" % self.id
        else:
            self.limit_ms = _OPEN_MS
            text = self._line
        self._line = None
        link.type(text, len(text))

    def follow(self, link):
        # SEND OK came, and the next full command is out: its prompt is near.
        parser = link.parser
        parser.prompt = True
        parser.mirror = 0
        link.claim = link.stats.silent = 0
        link.last = self
        if link.echo:
            link.mirrors = self._mirrored
        self._mirrored = False
        self._ended = _P_SEND
        self._sent()
        self._fly = SEND_MAX
        self._typed = -1
        self.token = _PROMPT
        link.next = link.piece
        self._tx.seek(0)
        link.next_n = self._tx.readinto(link.piece, _HEAD)
        line = self._slot[_SEND]
        link.type(line, len(line))

    def line(self, buf, lo, hi):
        if self._phase == _P_STATE:
            # <clientID>,"SSL CLIENT",<ip>,<port>,<local port>,<state>,<pdp>,<serverID>,<mode>,
            # "<port>",...; firmware was seen to answer with the prefix of AT+QISTATE.
            if not buf.startswith(b"+QSSLSTATE:", lo) and not buf.startswith(b"+QISTATE:", lo):
                return False
            lo = buf.find(b":", lo, hi) + 1
            if value(buf, lo, hi, 0) == self.id:
                self._got = value(buf, lo, hi, 5)
                at = field(buf, lo, hi, 9)
                if not 0 <= self._got <= 5 or at >= hi or buf[at] != _QUOTE:
                    self._got = _UNKNOWN  # a byte of it was lost, or is one too many
            return True
        if self._phase != _P_RECV:
            return False
        if not buf.startswith(b"+QSSLRECV:", lo):
            return buf.startswith(b"AT+QSSLRECV=", lo)  # an echo that nobody expects
        link = self._link
        n = number(buf, lo + 10, hi)
        if self._got >= 0 or not 0 <= n <= self._slot[_ASKED]:
            link.broken(_l.GARBLED)  # not what was asked for: bytes were lost
            return True
        self._got = n
        link.extend(_RECV_MS)
        if n:
            sink = self._rx if self._state < _CLOSING else None  # nobody will make room
            link.parser.expect(n, sink, link.tail)
        else:
            self._more = self._news
            self._look = ticks_add(ticks_ms(), _LOOK_MS)
        return True

    def foreign(self, buf, lo, hi):
        # A line that nobody knows. It is no loss, unless it looks like the header of the data, or
        # stands where rests of the data would stand: directly behind them.
        if self._phase != _P_RECV:
            return
        parser = self._link.parser
        if (
            (parser.blanks != 1 or not parser.exact)
            if self._got > 0
            else buf.find(b"+QSSL", lo, hi) >= 0
            or buf.find(b"RECV:", lo, hi) >= 0 > buf.find(b",", lo, hi)
        ):
            self._link.broken(_l.GARBLED)
        else:
            self._held = True

    def text(self, buf, lo, hi):
        # Whether a line of a text ends otherwise than the payload, if all of that is typed. What
        # stands right behind a text can't be told from it: a state may not be seen.
        phase = self._phase
        if phase == _P_STATE and self._got == _ABSENT and self._state:
            self._got = _UNKNOWN
        if phase != _P_SEND or self._typed != self._fly:
            return 1
        n = min(self._fly, hi - lo)
        piece = self._link.piece
        self._tx.seek(self._fly - n)
        self._tx.readinto(piece, n)
        while n and buf[hi - 1] == piece[n - 1]:
            n -= 1
            hi -= 1
        return n > 0

    def unsure(self, result):
        phase = self._phase
        if phase == _P_RECV:
            if self._got < 0 and not self._shut and self._push is None:
                return _SURE_MS if result == _l.ERROR else _LATE_MS
        elif phase == _P_SEND:
            if result == _l.SEND_OK:
                if self._link.echo and (self._typed != self._fly or self._link.out is not None):
                    return -1  # not all was typed
            elif result == _l.ERROR and (self._typed < 0 or self._typed == self._fly):
                return _SURE_MS
        return 0

    def prompt(self):
        link = self._link
        self._typed = 0
        self.token = _l.SENT
        link.extend(_SENT_MS)
        link.type_data()
        if link.mirrors or link.echo:
            # With ATE0 some firmware echoes no payload any more.
            link.parser.mirror = 4 if link.mirrors and link.echo else 2

    def mirrored(self, c, sure):
        # The payload comes back, its first byte c: it is counted, and passed over.
        if not sure:
            self._tx.seek(0)
            sure = self._tx.read(1)[0] == c
        if sure:
            self._mirrored = True
            self._link.parser.expect(self._fly, None, None)

    def fill(self, buf):
        n = min(self._fly - self._typed, len(buf) if self._typed > _HEAD else _HEAD)
        if n:
            self._tx.seek(self._typed)
            self._tx.readinto(buf, n)
            self._typed += n
        return n

    def owes(self):
        # How many bytes the modem may still wait for, all of those typed counted: some may have
        # been lost; -1: it may not have asked yet.
        if self._phase != _P_SEND:
            return 0
        self.pad = 27
        if self._fly == 1 and self._typed > 0:
            self._tx.seek(0)
            self.pad = self._tx.read(1)[0]
        return self._fly if self._typed >= 0 else -1

    def done(self, result):
        phase = self._phase
        link = self._link
        self.token = None
        if result == _l.RESTARTED:
            return  # lost() comes next
        if result < _l.TIMEOUT:
            link.last = self
            self._ended = phase
        if result == _l.MISHEARD and (phase == _P_RECV or phase == _P_SEND):
            # The id may be what was lost: then the prompt, or the data, was another connection's.
            at = link.odd
            if at < -1:
                # No whole line came: what did come of the echo shows how far it was the same.
                at = self.id if link.parser.echo_at > 13 + (self.id > 9) else -1
            self._modem.misheard(self.id, at)
        if phase == _P_SEND:
            self._done_send(result)
        elif phase == _P_RECV:
            self._done_recv(result)
        elif phase == _P_STATE:
            self._done_state(result)
        elif phase == _P_CLOSE:
            # After a time-out or ERROR (a byte of the command was lost, or the id is not open)
            # once more, when the link is sound again.
            if result == _l.OK or self._asked or link.resync.dead:
                self._release()
            self._asked = result == _l.ERROR
        elif result == _l.MISHEARD:
            self.fail("misheard")
        elif result == _l.ERROR and self._state == _OPENING:
            self.code = ~link.cme
            self.fail("refused")
        else:
            # OK, or it was lost: +QSSLOPEN comes, or has come, or AT+QSSLSTATE tells.
            self._ask = result != _l.OK or self._claims
            self._look = ticks_add(ticks_ms(), _PEEK_MS)

    def followed(self, result):
        # Behind the last exchange came the next command, heard as it was typed; or a result that
        # nobody waited for.
        if self._held:
            if not result:
                self._held = False
                self._show()
                return
            if result != _l.MISHEARD:
                self._link.broken(_l.GARBLED)
            self.fail("garbled")
        elif result and self._ended == _P_SEND:
            # SEND OK and SEND FAIL for the same bytes: which one was the modem's nobody knows.
            if result & (_l.SEND_OK if self._pause else _l.SEND_FAIL | _l.ERROR | _l.MISHEARD):
                self.fail("unproven")

    def _show(self):
        # What was received is whole. Behind a gap in what was given out nothing is shown.
        if self.why not in _GAPS:
            self._ready = self._rx.any()

    def _done_recv(self, result):
        link = self._link
        if result == _l.OK:
            tail = link.tail
            if self._got == 0 or (self._got > 0 and self._whole()):
                self._refused = 0
                # The byte by which the form was just learned waits for a reply that confirms it.
                if tail is not None or not self._got:
                    if not link.echo:
                        self._held = False
                    if self._held:
                        self._ask = True  # so that a next command comes
                    else:
                        self._show()
                if not self._got and self._shut:
                    # The server has closed; or the network has, with the PDP context: that is
                    # asked first.
                    self._shut = _DRY
                    link.doubt |= _l.DOUBTED
                return
            link.broken(_l.GARBLED)
            result = _l.GARBLED
        if result != _l.ERROR:
            reason = "garbled"
            if result == _l.TIMEOUT:
                reason = link.why("unanswered" if self._got < 0 else "cut")
            self.fail("misheard" if result == _l.MISHEARD else reason)
        elif self._push is not None and not self._shut:
            self._more = False  # it pushes what it has
        else:
            self._refused += 1
            if self._refused >= _REFUSALS or self._push is not None:
                if self._shut:
                    self._show()  # nothing more comes to confirm the last reply
                    self._shut = _DRY
                    link.doubt |= _l.DOUBTED
                else:
                    self.fail("gone")
            else:
                self._more = False
                self._look = ticks_add(ticks_ms(), _AGAIN_MS)
                if not self._shut:
                    link.doubt |= _l.DOUBTED
                    self._ask = True

    def _whole(self):
        # Payload and OK were separated by just what this firmware puts there.
        link = self._link
        parser = link.parser
        blanks = parser.blanks
        if parser.need or not parser.exact:
            return False
        if link.tail is None and 1 <= blanks <= 2:
            link.tail = _LONG if blanks == 2 else _SHORT
        return blanks == (2 if link.tail == _LONG else 1)

    def _done_send(self, result):
        link = self._link
        if link.echo and (self._mirrored or self._typed == self._fly):
            # Noise like the payload's first byte is no echo of it: then something lacks behind it.
            whole = link.parser.blanks == 1 and link.parser.exact and self._fly > 1
            link.mirrors = self._mirrored and result == _l.SEND_OK and (link.mirrors or whole)
        early = self._typed < 0 or self._typed != self._fly or link.out is not None
        if result <= _l.SEND_FAIL and early and (self._typed >= 0 or result != _l.ERROR):
            # No answer to what was typed: the modem may still wait for the rest.
            link.distrust(self.owes(), self.pad)
            self.fail("unknown")
        elif result == _l.SEND_OK:
            self._sent()
        elif result == _l.SEND_FAIL:
            # Full: the same bytes again, later (manual 2.2.3).
            self._fly = 0
            self._pause = min(max(self._pause * 2, _PAUSE_MIN_MS), _PAUSE_MAX_MS)
            self._again = ticks_add(ticks_ms(), self._pause)
        elif result == _l.ERROR:
            self._shut = self._more = True
            # Or the modem has waited in vain for a byte that was lost.
            self.fail("unknown" if link.lte & 4 and self._typed >= 0 else "reset")
        elif result == _l.MISHEARD:
            self.fail("misheard")
        else:
            self.fail("unasked" if self._typed < 0 and result == _l.TIMEOUT else "unknown")

    def _done_state(self, result):
        # What the modem says of the connection, beside what URCs have claimed.
        state = self._got if result == _l.OK else _UNKNOWN
        link = self._link
        if result == _l.ERROR and not link.listing & _l.BLIND:
            link.listing ^= _l.BY_ID  # some firmware knows one form only
            if link.listing:
                return
        now = ticks_ms()
        connected = 2 if link.lte else 3
        opening = self._state == _OPENING
        claims = self._claims
        self._look = ticks_add(now, _LAG_MS if claims else _PEEK_MS if opening else _LOOK_MS)
        sure = claims and (state != _UNKNOWN or result != _l.OK)
        if result >= _l.TIMEOUT or (state != connected and not sure and not opening):
            # No answer; or one that nothing else says, or from which a line may be missing.
            self._doubts += 1
            if self._doubts < 3:
                if state == _ABSENT:
                    link.doubt |= _l.DOUBTED
                return
        self._ask = False
        if opening:
            # A claim is kept: the state may lag behind, or it was about an earlier connection.
            self._opening(state, claims, connected)
            return
        self._claims = self._doubts = 0
        if state == connected:
            self._more |= self._refused > 0  # whatever was claimed, it was about another one
        elif claims & _C_SECURITY:
            self.code = self._says
            self.fail("security")
        elif state != _ABSENT or claims:
            # Unread data stays: it is drained first, then comes EOF.
            if claims or state > connected:
                self._shut = self._more = True
        else:
            self.fail("gone")

    def _opening(self, state, claims, connected):
        code = self._says
        if claims & _C_OPENED and (state == _UNKNOWN or state > connected):
            if not code:  # open, and closed again, if no URC says otherwise yet
                self._opened()
                self._shut = state > connected
                return
        elif state == connected:
            self._doubts += 1
            if code != IN_USE:  # else what is connected is the one before
                if claims:
                    self._opened()
                elif self._doubts > 1:
                    self.fail("urc")
                return
        elif state > connected or state == _ABSENT:
            self._doubts += 1
            if not claims or not code:
                if self._doubts < 2:
                    self._ask = True
                    self._link.doubt |= _l.DOUBTED
                    return
                if claims & _C_OPENED:
                    self._link.listing |= _l.BLIND
                    self._opened()
                    return
                code = -1
        else:
            return
        self.code = code
        self.fail("refused")

    def _opened(self):
        self._state = _OPEN
        self._doubts = self._claims = 0
        self._look = ticks_add(ticks_ms(), _LOOK_MS)

    def _sent(self):
        # Closes the gap that the bytes sent have left.
        tx = self._tx
        fly = self._fly
        left = self._n - fly
        if left:
            self._close(fly, left)
        self._fly = self._pause = 0
        self._looks = _LOOKS
        if self._link.early:
            # The next command is out: what it sends comes from the writer.
            n = SEND_MAX - left
            if n:
                tx.seek(left)
                tx.write(self._src, self._off, n)
                self._off += n
                self._left -= n
            self._n = self._want = SEND_MAX
        else:
            self._n = left
            self._want = max(self._want - fly, 0)
            self._stale = ticks_add(ticks_ms(), LINGER_MS)

    def _close(self, lo, left):
        tx = self._tx
        piece = self._link.piece
        at = 0
        while at < left:
            tx.seek(lo + at)
            n = tx.readinto(piece, min(left - at, len(piece)))
            tx.seek(at)
            tx.write(piece, 0, n)
            at += n

    # --- what the modem reports (URCs) ---------------------------------------------------------

    def told(self, kind, n):
        # What a URC says: a kind of qssl.ask.events, and its number; -1: none.
        opening = self._state == _OPENING
        if kind == _T_RECV:
            # n bytes of payload follow (direct push mode), -1: they wait in the modem.
            if self._push is not None:
                self._push.begin(self, n)
            elif n < 0 or self._link.lte:
                self._more = self._news = True  # an LTE modem may say how much waits in it
            else:
                self._link.parser.expect(n, None, None)
                self.fail("missed")
        elif kind != _T_OPEN:
            claim = _C_CLOSED
            if kind == _T_SECURITY:
                self._says = n
                claim = _C_SECURITY
            if not opening:  # else this connection can't have ended yet
                self._claims |= claim
            self._ask = True
        elif not opening:
            if self._shut and n and not self._rx.any():  # it never was
                self.code = n
                self.fail("refused")
        elif self._push is not None and not n and not self._slot[OWED]:
            self._opened()  # its payload may hold the line before an answer can come
        else:
            self._says = n
            self._claims |= _C_OPENED
            self._ask = True

    def fail(self, reason):
        # From now on every call fails with this reason, once what was received whole is read.
        # After "reset" reading goes on: what ends that is the reason then.
        if not self._dead():
            self.why = reason
        self._want = 0  # what is being typed goes on: the modem waits for all of it

    def _release(self):
        if self._state != _CLOSED:
            self._state = _CLOSED
            self._modem.release(self)

    # --- what Modem asks ------------------------------------------------------------------------

    def spent(self):
        # Of no use any more, and the program knows: its id may be given to another one.
        return self._told if self._dead() else self._eof and not self._ready

    def state(self) -> int:
        """How far the connection is: 0 opening, 1 open, 2 closing, 3 closed; -1 failed.

        Returns: int.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.1.
        """
        return -1 if self.why and self._state < _CLOSING else self._state

    def abandon(self):
        # The connection did not come about: its id is given back in the background.
        self._slot[OWED] = self._state == _OPENING and self._line is None and self.code == 0
        self._told = True
        self._want = 0
        if self._state < _CLOSING:
            self._state = _CLOSING
            if self._line is not None:
                self._release()
