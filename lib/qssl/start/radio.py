# qssl.start.radio - the radio on, the modem registered, or what the network said instead.
# SPDX-License-Identifier: MIT
#
# 27.007: AT+CFUN, AT+COPS, AT+CREG, AT+CGREG, AT+CSQ, AT+CEER. Loaded by bringup.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..connect.arguments import printable
from ..errors import Error
from ..wire import link as _l
from ..wire.ascii import value
from .network import REGISTERED, stat

_POLL_MS = const(500)
_LOOK_MS = const(15000)  # between two looks at what may keep it from registering
_CFUN_MS = const(15000)
_WAKES_MS = const(20000)
_COPS_MS = const(30000)
_ORDER = const(b"\4\0\2\x0b\x08\3\7\6\n\t\5\1")  # stat: the later counts more
_GOOD_DBM = const(-100)


def enable(step):
    # Full functionality: AT+CFUN=0 and 4 outlive a program, and on some modems a restart.
    level = 1
    due = ticks_add(ticks_ms(), _WAKES_MS)  # as it boots, it may refuse it, or do nothing
    while True:
        shown = yield from step.shows(b"AT+CFUN?", b"+CFUN:")
        level = 1 if shown is None else value(shown, 0, len(shown), 0)
        if level == 1:
            return
        if step.over() or ticks_diff(due, ticks_ms()) <= 0:
            break
        yield from step.ask(b"AT+CFUN=1", None, _CFUN_MS)
        yield from step.pause(_POLL_MS)
    hint = "the radio is off and stays so (AT+CFUN? says %d); is W_DISABLE low? else restart it"
    raise Error(errno.EIO, "start", hint % level, step.link.cme)


def _rank(stat):
    return _ORDER.find(bytes((stat,)))


class _Search:
    # What is known of the registration.
    def __init__(self, step):
        self.step = step
        self.stat = -1  # of AT+CREG and AT+CGREG; -1: none told
        self.dbm = None  # signal strength
        self.mode = -1  # of AT+COPS
        self.cause = ""  # what the network said
        self.code = 0  # +CME ERROR instead of an answer
        self.blank = False  # OK alone came, without its line

    def asked(self):
        # Asks both domains; True if registered, at home or roaming, in one of them.
        step = self.step
        best = -1
        known = _l.TIMEOUT
        for name in (b"+CEREG", b"+CGREG", b"+CREG")[not step.link.lte :]:
            result = yield from step.ask(b"AT" + name + b"?", name + b":")
            known = min(known, result)
            if result != _l.OK:
                self.code = step.link.cme or self.code
            elif not step.at.lines:
                self.blank = True
            for line in step.at.lines:
                found = stat(line)
                if name != b"+CREG":
                    step.denied = found == 3
                if 0 <= found < 12 and (best < 0 or _rank(found) > _rank(best)):
                    best = found
            if best in REGISTERED:
                break
        if known >= _l.TIMEOUT:
            step.ends().silent(step, b"AT+CREG?")
        self.stat = best
        return best in REGISTERED

    def looked(self):
        # Why it may not register: the radio, the choice of the operator, the network's word.
        from .sim import unlock

        step = self.step
        yield from enable(step)
        yield from unlock(step)  # the card may have been pulled
        step.late = self.error
        if (yield from step.ask(b"AT+COPS?", b"+COPS:")) == _l.OK and step.at.lines:
            line = step.at.lines[0]
            self.mode = value(line, 0, len(line), 0)
            if self.mode == 2:  # told to stay away from the network
                yield from step.ask(b"AT+COPS=0", None, _COPS_MS)
        if self.stat == 3:
            if (yield from step.ask(b"AT+CEER", b"+CEER:")) == _l.OK and step.at.lines:
                line = step.at.lines[0]
                self.cause = printable(line, 0, len(line)).strip().strip('"')
                if self.cause.lower().startswith("no cause"):
                    self.cause = ""

    def heard(self):
        step = self.step
        if (yield from step.ask(b"AT+CSQ", b"+CSQ:")) == _l.OK and step.at.lines:
            line = step.at.lines[0]
            n = value(line, 0, len(line), 0)
            self.dbm = 2 * n - 113 if 0 <= n <= 31 else None

    def error(self):
        dbm = "unknown" if self.dbm is None else "%d dBm" % self.dbm
        code = self.code
        if self.stat == 3 or code in (32, 103, 106, 107, 111, 112, 113):
            hint = "the network refuses this SIM (denied, signal %s%s); check its contract and "
            hint += "credit, roaming, and whether it admits the modem's IMEI"
            hint = hint % (dbm, "; it says: " + self.cause if self.cause else "")
        elif self.stat in (6, 7, 8, 11):
            hint = "the network takes the modem for %s only (AT+CREG? says %d, signal %s); check "
            hint += "the SIM's contract (data?), its credit and roaming"
            hint = hint % ("SMS" if self.stat < 8 else "emergency calls", self.stat, dbm)
        elif self.mode in (1, 4):
            hint = "no network; the operator was chosen by hand (AT+COPS? says %d), signal %s; "
            hint = (hint + 'AT+COPS=0 lets the modem choose: modem.command("AT+COPS=0")') % (
                self.mode,
                dbm,
            )
        elif self.blank and self.stat < 0:
            hint = "the answers to AT+CREG? came without their lines; bytes are lost on the UART: "
            hint += "check RX and its level, RTS/CTS, rxbuf"
        elif self.dbm is None or self.dbm < _GOOD_DBM:
            hint = "no network; signal %s; check antenna, coverage and SIM" % dbm
        else:
            hint = "no network takes the modem (%s, signal %s is good enough); check the SIM's "
            hint += "contract, roaming, and whether the network has %s here"
            stat = "searching" if self.stat == 2 else "not registered"
            hint = hint % (stat, dbm, "LTE of its kind" if self.step.link.lte else "2G or 3G")
        if self.step.sim:
            hint += "; the SIM says " + self.step.sim
        return Error(errno.EHOSTUNREACH, "start", hint, code)


def register(step):
    # Generator: until registered for packet data, or at all.
    search = _Search(step)
    step.late = search.error
    look = ticks_add(ticks_ms(), _POLL_MS)
    while not (yield from search.asked()):
        yield from search.heard()
        if ticks_diff(look, ticks_ms()) <= 0:
            look = ticks_add(ticks_ms(), _LOOK_MS)
            yield from search.looked()
        if step.over():
            raise search.error()
        yield from step.pause(_POLL_MS)
