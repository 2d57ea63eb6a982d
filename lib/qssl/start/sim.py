# qssl.start.sim - the SIM ready, or what it wants. A PIN is typed once: three wrong ones lock the
# SIM.
# SPDX-License-Identifier: MIT
#
# 27.007: AT+CPIN, AT+CPINR; Quectel: AT+QPINC. Loaded by bringup.

import errno

from micropython import const

from ..connect.arguments import printable
from ..errors import Error, Refused
from ..wire import link as _l
from ..wire.ascii import value

_POLL_MS = const(500)
_GONE_MS = const(20000)  # a SIM that is still not found then is not there
_UNLOCK_MS = const(20000)  # from the PIN to READY
_BUSY_MS = const(5000)  # until a SIM that was too busy to look at the PIN is given it again
_ASKED = const(4)  # times at most that the tries are asked for
_TYPED = const(2)  # times that a PIN is typed at most, whatever the modem says of it
_OPEN = ("READY", "SIM PIN2", "SIM PUK2")  # the PIN is not asked for

# What AT+CPIN? answers, as +CME ERROR (27.007 9.2) and as a word.
_WORDS = const("""
5|PH-SIM PIN
6|PH-FSIM PIN
7|PH-FSIM PUK
10|NOT INSERTED
11|SIM PIN
12|SIM PUK
13|FAILURE
14|BUSY
15|WRONG
17|SIM PIN2
18|SIM PUK2
20|MEMORY
23|MEMORY
40|PH-NET PIN
41|PH-NET PUK
42|PH-NETSUB PIN
43|PH-NETSUB PUK
44|PH-SP PIN
45|PH-SP PUK
46|PH-CORP PIN
47|PH-CORP PUK
262|BLOCKED
515|BUSY
""")


def _word(code):
    key = "\n%d|" % code
    at = _WORDS.find(key)
    return _WORDS[at + len(key) : _WORDS.find("\n", at + 1)] if at >= 0 else ""


def _plain(state):
    # One of the words above, of the ways in which firmware writes it.
    state = state.replace('"', "").replace("_", "-").strip()
    if state.startswith("SIM-"):
        state = "SIM " + state[4:]
    if state.startswith("SIM ") and not state.startswith("SIM P"):
        state = state[4:]
    return state[:-9] if state.endswith(" REQUIRED") else state


def _denied(hint, code=0):
    raise Error(errno.EACCES, "start", hint, code)


class _Card:
    def __init__(self, step):
        self.step = step
        self.state = ""  # what AT+CPIN? said last
        self.code = 0  # the +CME ERROR that said it
        self.blank = False  # OK alone came, without its line

    def asked(self):
        step = self.step
        result = yield from step.ask(b"AT+CPIN?", b"+CPIN:", 5000, True)
        self.code = 0
        if result == _l.OK and step.at.lines:
            line = step.at.lines[0]
            self.state = _plain(printable(line, 0, len(line)).upper())
        else:
            self.blank = result == _l.OK
            self.code = step.link.cme
            self.state = _word(self.code)
        return self.state

    def error(self):
        # For a SIM that is not ready in time.
        state = self.state
        if state == "NOT INSERTED":
            hint = "no SIM card; check card and holder, the card's side and its contacts"
        elif state == "SIM PIN":
            hint = "the SIM asks for its PIN and is too busy to take it; restart the modem"
        elif state == "BUSY" or state == "NOT READY":
            hint = "the SIM stays busy; restart the modem, try another card"
        elif state in ("FAILURE", "WRONG", "MEMORY"):
            hint = "the SIM fails (%s); check card and holder, try another card" % state.lower()
        elif state:
            hint = "SIM: %s; check card and holder" % state
        elif self.blank:
            hint = "the answers to AT+CPIN? come without their lines; bytes are lost on the UART: "
            hint += "check RX and its level, RTS/CTS, rxbuf"
        else:
            hint = "AT+CPIN? gives no reason why the SIM is not ready"
            if self.code > 0:
                from ..hints import explain

                hint = "the SIM is not ready (AT+CPIN?: %s)" % explain(self.code).split(";")[0]
            hint += ": no card, or it fails or is locked; check card and holder, try it in a phone"
        return Error(errno.ENODEV, "start", hint, self.code)

    def tries(self):
        # How many wrong PINs the SIM still stands; -1: the firmware does not tell. Only what it
        # has said twice counts: a digit of it may have been lost.
        last = None
        for _ in range(_ASKED):
            left = yield from self.counted()
            if left == last:
                break
            last = left
        return left

    def counted(self):
        step = self.step
        busy = _BUSY_MS // _POLL_MS
        for ask, prefix, name in (
            (b"AT+QPINC?", b"+QPINC:", b"SC,"),
            (b"AT+CPINR", b"+CPINR:", b"SIMPIN,"),
        ):
            while (yield from step.ask(ask, prefix)) != _l.OK and step.link.cme in (14, 515):
                if not busy or step.over():
                    hint = "the SIM asks for its PIN and is too busy to tell how many tries are "
                    _denied(hint + "left, so pin= was not typed; restart the modem", 14)
                busy -= 1
                yield from step.pause(_POLL_MS)
            for line in step.at.lines:
                line = line.replace(b'"', b"").replace(b" ", b"")
                if line.startswith(name):
                    return value(line, 0, len(line), 1)
        return -1

    def enter(self, pin):
        # Types the PIN, once in the life of the program if it is wrong.
        from .. import tried

        step = self.step
        if not pin:
            _denied("the SIM asks for its PIN; pass pin=", self.code)
        left = yield from self.tries()
        times = self.may_type(pin, left)
        step.look()
        times += 1
        tried.PINS[pin] = (left, times, False)  # whatever becomes of it
        result = yield from step.once(b'AT+CPIN="%s"' % pin, None, 10000)
        code = step.link.cme if result == _l.ERROR else 0
        if code == 14:  # busy: it has not looked at it
            tried.PINS[pin] = (left, times, True)
            yield from step.pause(_BUSY_MS)
            return
        if result == _l.ERROR:
            yield from self.refused(pin, left, times, code)
        step.look()
        yield from step.heal(10000)
        # Its answer, and the SIM's, may lag behind.
        waited = 0
        while (yield from self.asked()) in ("SIM PIN", "BUSY", "NOT READY", "FAILURE", ""):
            if waited >= _UNLOCK_MS or step.over():
                break
            waited += _POLL_MS
            yield from step.pause(_POLL_MS)
        if self.state == "SIM PUK":
            tried.PINS[pin] = (None, times, False)
            self.locked()
        if self.state == "SIM PIN":
            now = yield from self.tries()
            if result == _l.OK or times >= _TYPED or left < 0 or left != now:
                self.doubtful(now)
            tried.PINS[pin] = (left, times, True)
        elif self.state in _OPEN:
            tried.PINS.pop(pin)

    def may_type(self, pin, left):
        # How often this PIN was typed. Refused: it may not be typed.
        from .. import tried

        before, times, free = tried.PINS.get(pin, (left, 0, True))
        if before is None:
            hint = "this PIN is wrong, it was refused before and is not typed again"
            raise Refused(errno.EACCES, "start", hint + _left(left), 16)
        if times >= _TYPED or (not free and (left < 0 or left != before)):
            self.doubtful(left)
        if left in (0, 1):
            hint = "the SIM stands only one more wrong PIN, so pin= was not typed; put it right "
            _denied(hint + "in a phone, or switch the PIN off there")
        if 1 < left < tried.least and not [1 for p in tried.PINS if tried.PINS[p][0] is None]:
            # Not in this life of the program: a board that resets itself after each failure would
            # type the same wrong one until the SIM is locked.
            hint = (
                "a wrong PIN was typed before this program began, perhaps this one, so pin= was "
            )
            hint += "not typed; if it is right, enter it once in a phone, or set "
            _denied(hint + "qssl.tried.least = 2 before start()" + _left(left))
        return times

    def refused(self, pin, left, times, code):
        # Generator that always raises: what ERROR to the PIN means.
        from .. import tried

        if code != 12:
            yield from self.asked()
        now = yield from self.tries()
        if left == now >= 0 and code not in (12, 16) and self.state != "SIM PUK":
            # Some modems' count stands still, so this can't go on for ever.
            tried.PINS[pin] = (left, times, True)
            _denied("the SIM did not take the PIN now; try again", max(code, 0))
        tried.PINS[pin] = (None, times, False)
        if code == 12 or self.state == "SIM PUK":
            self.locked()
        hint = "the SIM refused this PIN; it is typed only once, give the right one"
        raise Refused(errno.EACCES, "start", hint + _left(now), max(code, 0))

    def doubtful(self, left):
        hint = "the SIM still asks for its PIN, although it was typed; as it may be wrong, it is "
        raise Refused(errno.EACCES, "start", hint + "not typed again: check it" + _left(left))

    def locked(self):
        hint = "the SIM is locked (SIM PUK): the PIN was wrong too often; put the card into a "
        _denied(hint + "phone and enter its PUK there", self.code)


def _left(tries):
    return "; tries left: %d" % tries if tries >= 0 else ""


def unlock(step):
    # Generator: until the SIM is ready.
    card = _Card(step)
    step.late = card.error
    step.sim = ""
    waited = 0
    while True:
        state = yield from card.asked()
        if state in _OPEN and step.pin:
            from .. import tried

            if tried.PINS.get(step.pin, (None,))[0] is not None:
                tried.PINS.pop(step.pin)  # it was right, whatever it looked like
        if state == "READY":
            return
        if state == "SIM PIN":
            yield from card.enter(step.pin)
            if step.over():
                raise card.error()
            continue
        if state == "SIM PUK":
            card.locked()
        if state.endswith("BLOCKED"):
            hint = "the SIM is blocked for good, its PUK was wrong too often; take another one"
            _denied(hint, card.code)
        if state in _OPEN:
            step.sim = state  # it registers all the same: only some numbers are closed
            return
        if state.startswith("PH-"):
            hint = "the modem is locked to another %s (%s); only its seller has the code" % (
                "SIM" if "SIM" in state else "network",
                state,
            )
            _denied(hint + ": pin= is for the SIM, and was not typed", card.code)
        if step.over():
            raise card.error()
        if state in ("NOT INSERTED", "FAILURE", "WRONG", "MEMORY", ""):
            if waited >= (_GONE_MS if state else 2 * _GONE_MS):
                raise card.error()
            waited += _POLL_MS
        yield from step.pause(_POLL_MS)
