# qssl.wire.resync - from distrust to trust: gets a quiet AT/OK out of a modem in any state.
# SPDX-License-Identifier: MIT
#
# A ladder of tries: plain AT; ESC for an open prompt (manual 2.2.3); +++ with its guard times for
# data mode and a running upload (manual 1.3); padding that completes an open counted prompt. Every
# try waits for silence, types, and takes exactly one OK, followed by silence, as proof. From a
# modem that echoes, the echo belongs to the proof; where it does not come again, the modem is
# another one than before: it has restarted.
#
# That OK may be the late answer to an older command, and the one to AT be still to come. So one
# that is up is then asked what no older answer reads like: a modem answers in the order of the
# commands. ERROR, or long silence, is an answer, too. start() finds out itself what is late.
#
# What completes a prompt reaches the server, in place of bytes that were lost. It is ESC, which no
# text and no JSON has; or, of a single byte, that byte itself.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

_QUIET_MS = const(120)  # silence before a try and after its answer
_GUARD_MS = const(1100)  # around +++: manual 1.3 asks for 1 s
_ANSWER_MS = const(500)
_SLOWEST_MS = const(4000)  # of one that was not slow when start() looked
_SETTLE_MS = const(300)  # from ESC or the last blank to AT
_PATIENCE_MS = const(2000)  # a modem that never stops talking is tried all the same
_REST_MS = const(5000)  # between two climbs when nothing answers

_AT = const(b"AT\r")
_SURE = const(b"AT+CMEE?;+CMEE?\r")
_LATE_MS = const(6000)  # without any answer
_OK = const(1)  # as in qssl.wire.exchange
_ERROR = const(2)
_ESC = const(b"\x1b")
_PLUS = const(b"+++")
_PAD = const(27)
_PIECE = const(64)  # bytes of padding typed at a time
_STEP_MS = const(40)  # between two pieces: the last byte that is missing brings an answer
_FILL = const(1460)  # the longest counted prompt (manual 2.2.3)

# What a try types before its AT.
_PLAIN = const(80)  # P: nothing
_CANCEL = const(67)  # C: ESC
_ESCAPE = const(69)  # E: +++
_COMPLETE = const(66)  # B: padding
_ANY = const(b"PPCEBE")  # 9 s without an answer
_PROMPT = const(b"CPBPEP")  # a prompt may be open
_SHORT = const(b"PP")

_TWICE = const(3)  # times that two answers come, until the next rung is tried
_DEAF = const(3)  # times that a modem which echoes must not have echoed

_SILENCE = const(0)
_GUARD = const(1)
_ASKED = const(2)
_PROOF = const(3)
_SURELY = const(4)  # the question is out; 5, 6: so many lines of its answer more
_TOLD = const(6)
_PROVEN = const(7)
_FIRST = const(8)  # padding begins ...
_FILLING = const(9)  # ... and goes on


class Resync:
    def __init__(self, link):
        self._link = link
        self.dead = False  # a whole climb brought no answer
        self.answer_ms = _ANSWER_MS  # start() finds out how slow the modem is
        self.start(0, False, _PAD)

    def start(self, owed, short, pad):
        # owed: bytes of data the modem may be waiting for; -1: it may wait for any number. short:
        # only two plain tries, as in a search for the baud rate. pad: the byte to complete with.
        self._ladder = _PROMPT if owed else _SHORT if short else _ANY
        self._rung = _PROMPT.find(b"B") if owed > 0 else 0
        self._left = owed  # padding to type when it comes to that
        self._echoed = False  # AT was echoed
        self._deaf = 0  # answers to an AT that was not
        self._twice = 0  # answers that came twice
        self._pad = pad
        # Not from the last byte on: what is days ago looks as if it were to come.
        self._enter(_SILENCE, ticks_ms())

    def escape(self):
        # What comes may be data mode's: the first +++ is the next try, unless it is under way.
        rung = _ANY.find(b"E")
        if self._ladder != _ANY or self._rung != rung:
            self.start(0, False, _PAD)
            self._rung = rung

    def _enter(self, state, since):
        self._state = state
        self._since = since  # ticks: when the state began

    def line(self, buf, lo, hi):
        # A line that arrives in quarantine.
        link = self._link
        n = hi - lo
        if n > 4 and buf[lo] == 43 and buf[lo + 4] == 58:  # +CMT: and the like: text follows
            link.urc(buf, lo, hi, True)
        final = link.final(buf, lo, hi)
        state = self._state
        if state == _ASKED and final == _OK:
            self._enter(_PROOF, link.heard)
            return
        asked = _SURELY <= state <= _TOLD
        if asked:
            if final == _ERROR or (final == _OK and state == _TOLD):
                self._state = _PROVEN
                return
            if state < _TOLD:
                self._state += buf.startswith(b"+CMEE:", lo)
        if buf.startswith(b"AT", lo):
            self._echoed = True
            return
        link.stats.noise += 1
        if state >= _FIRST and final:
            self._left = 0
        if n == 3 and buf.startswith(b"RDY", lo):
            link.urc(buf, lo, hi, True)
            if self._state != _SILENCE:  # else what is pushed would put it off for ever
                self.start(0, False, _PAD)
        elif final and (asked or state == _PROOF):
            # Two answers: one of them was late. Or it is data mode, and its text reads so.
            self._twice += 1
            if not self._twice % _TWICE:
                self._rung = (self._rung + 1) % len(self._ladder)
            elif asked:
                self._enter(_SURELY, link.heard)
                return
            self._enter(_SILENCE, link.heard)
        elif final == _OK and state < _ASKED and link.witness and link.witness.wanted():
            self.answer_ms = max(self.answer_ms, _SLOWEST_MS)  # it was late: the modem is slow now

    def step(self, now):
        # One step, never blocking. Called by the pump while the link is sick.
        link = self._link
        state = self._state
        spent = ticks_diff(now, self._since)
        if link.out is not None:
            if spent > _PATIENCE_MS:  # the modem's RTS holds us: nothing can be typed
                link.untype()
                self._next(now)
        elif state == _SILENCE:
            quiet = _GUARD_MS if self._ladder[self._rung] == _ESCAPE else _QUIET_MS
            if spent >= quiet and (
                ticks_diff(now, link.heard) >= _QUIET_MS or spent > _PATIENCE_MS
            ):
                self._try(now)
        elif state >= _FIRST:
            if spent >= _STEP_MS:
                self._fill(now)
        elif state == _GUARD:
            if spent >= (_GUARD_MS if self._ladder[self._rung] == _ESCAPE else _SETTLE_MS):
                self._ask(now, _ASKED)
        elif state == _ASKED:
            if spent >= self.answer_ms:
                self._next(now)
        elif _PROOF < state < _PROVEN:
            if spent >= _LATE_MS:
                self._state = _PROVEN
                self._echoed = True  # its line may not have ended
        elif state == _PROVEN or spent >= _QUIET_MS:
            if state == _PROOF and link.witness and link.witness.wanted():
                self._ask(now, _SURELY)
                return
            if link.echo and not self._echoed:
                self._deaf += 1
                if self._deaf < _DEAF:
                    self._ask(now, _ASKED)
                    return
                link.echo = 0
            self.dead = False
            link.healed(True)

    def _try(self, now):
        link = self._link
        link.parser.reset()
        rung = self._ladder[self._rung]
        if rung == _PLAIN:
            self._ask(now, _ASKED)
        elif rung == _COMPLETE:
            if self._left <= 0:
                self._left = _FILL
            self._enter(_FIRST, ticks_add(now, -_STEP_MS))
        else:
            if rung == _ESCAPE:
                link.type(_PLUS, 3)
            else:
                link.type(_ESC, 1)
            self._enter(_GUARD, now)

    def _fill(self, now):
        n = min(self._left, _PIECE)
        if n > 1 and self._state == _FIRST:
            n = 1  # mostly it is one byte that was lost
        self._left -= n
        self._state = _FILLING
        if n:
            piece = self._link.piece  # nothing else is typed now
            for i in range(n):
                piece[i] = self._pad
            self._link.type(piece, n)
            self._since = now
        else:
            self._enter(_GUARD, now)

    def _ask(self, now, state):
        self._echoed = False
        text = _AT if state == _ASKED else _SURE
        self._link.type(text, len(text))
        self._enter(state, now)

    def _next(self, now):
        # No answer: the next rung. At the top: those who wait are told, and it starts over.
        self._rung += 1
        if self._rung < len(self._ladder):
            self._enter(_SILENCE, now)
            return
        self._ladder = _ANY
        self._rung = 0
        self._enter(_SILENCE, ticks_add(now, _REST_MS))
        if not self.dead:
            self.dead = True
            self._link.healed(False)
