# qssl.wire.lifecycle - a connection opens, stands, ends: AT+QSSLOPEN, AT+QSSLCLOSE, AT+QSSLSTATE.
# SPDX-License-Identifier: MIT
#
# What a URC says of the connection's life is a claim: it may be late, and about another one that
# had the id before. AT+QSSLSTATE (manual 2.2.6) says whether it is true.

from time import ticks_add, ticks_ms

from micropython import const

from . import link as _l
from .ascii import field, value
from .connection import LOOK_MS, OPEN, OPENING, OWED, P_CLOSE, P_STATE, Connection
from .dialect import IN_USE

# What URCs tell, see qssl.ask.events; "closed" is 2.
_T_OPEN = const(0)
_T_SECURITY = const(3)

# What they claim.
_C_CLOSED = const(1)
_C_SECURITY = const(2)
_C_OPENED = const(4)
_C_MISSED = const(8)  # nothing, but a URC may have been passed over in quarantine
_C_URCS = const(15)  # these
REFUSED = const(16)  # nothing, but AT+QSSLSEND was refused before the prompt

# What AT+QSSLSTATE says, if no state.
_UNKNOWN = const(-2)  # it can't be asked, or read
_ABSENT = const(-1)
_QUOTE = const(34)

_OPEN_MS = const(5000)  # OK, not the connection
_STATE_MS = const(3000)
_PEEK_MS = const(5000)  # an unannounced look while it opens
_LAG_MS = const(500)  # ... once a URC has told more


class Lifecycle(Connection):
    # --- commands and what they bring ----------------------------------------------------------

    def _begin_life(self, link, phase):
        # Types AT+QSSLOPEN, AT+QSSLCLOSE or AT+QSSLSTATE.
        self.takes = _l.OK | _l.ERROR
        if phase == P_STATE:
            self._got = _ABSENT
            self.limit_ms = _STATE_MS
            text = b"AT+QSSLSTATE=%d\r" % self.id if link.listing & _l.BY_ID else b"AT+QSSLSTATE\r"
        elif phase == P_CLOSE:
            self.limit_ms = self._close_s * 1000 + 2000
            if link.lte and self._asked > 1:
                link.lte |= 2  # this firmware takes no time-out
            text = b"AT+QSSLCLOSE=%d,%d\r" % (self.id, self._close_s)
            if link.lte & 2:
                text = b"AT+QSSLCLOSE=%d\r" % self.id
        else:
            self.limit_ms = _OPEN_MS
            text = self._line
        self._line = None
        link.type(text, len(text))

    def _line_state(self, buf, lo, hi):
        # <clientID>,"SSL CLIENT",<ip>,<port>,<local port>,<state>,<pdp>,<serverID>,<mode>,
        # "<port>",...; firmware was seen to answer with the prefix of AT+QISTATE.
        if not buf.startswith(b"+QSSLSTATE:", lo) and not buf.startswith(b"+QISTATE:", lo):
            return False
        lo = buf.find(b":", lo, hi) + 1
        if value(buf, lo, hi, 0) == self.id:
            state = value(buf, lo, hi, 5)
            at = field(buf, lo, hi, 9)
            if not 0 <= state <= 5 or at >= hi or buf[at] != _QUOTE:
                state = _UNKNOWN  # a byte of it was lost, or is one too many
            # Of two lines, one is of a connection that had the id before: it is farther on.
            if self._got == _ABSENT or state < self._got:
                self._got = state
        return True

    def _text_state(self):
        # What stands right behind a text from outside can't be told from it: a state may not be
        # seen.
        if self._got == _ABSENT and self._state:
            self._got = _UNKNOWN
        return 1

    def _done_open(self, result):
        if result == _l.MISHEARD:
            self.fail("misheard")
        elif result == _l.ERROR and self._state == OPENING:
            self.code = ~self._link.cme
            self.fail("refused")
        else:
            # OK, or it was lost: +QSSLOPEN comes, or has come, or AT+QSSLSTATE tells.
            self._ask = result != _l.OK or self._claims
            self._look = ticks_add(ticks_ms(), _PEEK_MS)

    def _done_close(self, result):
        # After a time-out or ERROR (a byte of the command was lost, or the id is not open) once
        # more, when the link is sound again; then it is given up. An id that is open all the same
        # is closed again when it is found so, see qssl.connect.opening.
        if result == _l.OK or self._asked or self._link.resync.dead:
            self._release()
        self._asked = 1 + (result == _l.ERROR)

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
        opening = self._state == OPENING
        claims = self._claims
        if self._state <= OPEN:
            ms = _LAG_MS if claims & _C_URCS else _PEEK_MS if opening else LOOK_MS
            self._look = ticks_add(now, ms)
        sure = claims and (state != _UNKNOWN or result != _l.OK)
        if claims & REFUSED and result >= _l.TIMEOUT:
            self.fail("unasked")  # or it went into a prompt that came late
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
            if claims & REFUSED:
                self.fail("reset")
        else:
            self.fail("gone")

    def _opening(self, state, claims, connected):
        code = self._says
        if claims & _C_OPENED and (
            state == _UNKNOWN or state > connected or (state == _ABSENT and claims & _C_CLOSED)
        ):
            if not code:  # open, and closed again, if no URC says otherwise yet
                self._opened()
                self._shut = state != _UNKNOWN
                self._more = True
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
        self._state = OPEN
        self._doubts = 0
        self._ask = self._claims = self._claims & (_C_CLOSED | _C_SECURITY)
        self._look = ticks_add(ticks_ms(), LOOK_MS)

    # --- what happens to it --------------------------------------------------------------------

    def _claim(self, kind, n):
        # A URC says that it is open, or has ended.
        opening = self._state == OPENING
        if kind != _T_OPEN:
            claim = _C_CLOSED
            if kind == _T_SECURITY:
                self._says = n
                claim = _C_SECURITY
            if not opening or self._claims & _C_OPENED:  # else it can't have ended yet
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
            if self._state == OPENING:
                self._claims |= _C_MISSED
