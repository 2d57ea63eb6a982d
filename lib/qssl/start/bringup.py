# qssl.start.bringup - from any state of the modem to registered, with an active PDP context.
# SPDX-License-Identifier: MIT
#
# Manual 1.2, steps 1 and 2, and all that comes before them. Loaded by Modem.start(). Contact,
# SIM and registration are modules of their own, each let go before the next one is loaded.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..connect.arguments import text
from ..errors import Error
from ..wire import link as _l
from ..wire.ascii import field, value
from ..wire.command import Exchange

_TRY_MS = const(2500)  # for an answer that comes at once; the next tries wait longer
_TRIES = const(3)
_HEAL_MS = const(30000)  # until the AT port answers again
_POLL_MS = const(500)
_BUSY_MS = const(30000)  # it may refuse a setting for that long
_BUSY = (14, 515)  # +CME ERROR: the SIM is busy; wait, it starts up
_SLOW_MS = const(3400)  # an answer that takes longer is too late for a connection
_CMS = const(83)  # S of +CMS ERROR
_LATE_MS = const(200)  # for one that takes longer, patience is measured


class _Question(Exchange):
    # Keeps what +CME ERROR says: some firmware says it in words, whatever AT+CMEE is, some with
    # the numbers of +CMS ERROR.
    said = b""

    def line(self, buf, lo, hi):
        if buf.startswith(b" ERROR:", lo + 4):
            self.said = bytes(buf[lo + 3 : hi])
        return super().line(buf, lo, hi)


class Bringup:
    # The steps are generators for Link.drive; they raise what went wrong.

    def __init__(self, modem, timeout_ms, pdp=None):
        self.modem = modem
        self.pdp = pdp or modem.pdp
        self.address = None  # of the PDP context
        self.link = modem.link
        self.at = modem.at
        self.given = timeout_ms
        self.due = ticks_add(ticks_ms(), timeout_ms)
        self.restarts = self.link.stats.restarts  # when this round began
        self.rounds = self.drops = 0  # restarts; those while it was to transmit
        self.sends = False  # it is to transmit now
        self.pin = b""
        self.sim = ""  # what it asks for, but can do without
        self.settings = ()  # (question, prefix, answer) that shows that tidy() is in force
        # The one of them that is enough, if there is one, where the echo has shown that the others
        # arrived as they were typed; also for the context.
        self.mark = ()
        self.late = None  # function: the error to raise when the time is over
        self.code = 0  # of AT+QIGETERROR: why AT+QIACT was refused ...
        self.cme = None  # ... and of +CME ERROR; 0: it was ERROR alone, None: no answer yet
        self.denied = False  # packet data, though the network took the modem
        self.acted = False  # AT+QIACT has answered OK
        self.lost = 0  # answers to it that were lost
        self.slow = 0  # ms that an answer takes, of a modem that is slow
        self.tap = None  # what comes and goes, until the modem answers
        self.presses = 0  # of PWRKEY
        self.numbers = False  # AT+CMEE=1 is set
        self.heard = False  # the echo of the last command came
        self.silents = []  # names of commands that had no answer, each time

    def left(self, most):
        # What is left of the time, at most `most` ms.
        return max(0, min(most, ticks_diff(self.due, ticks_ms())))

    def over(self):
        return ticks_diff(self.due, ticks_ms()) <= 0

    def pause(self, ms):
        due = ticks_add(ticks_ms(), self.left(ms))
        while (yield due):
            pass

    def look(self):
        # Raises if the modem has restarted in this round: all is to be done again.
        if self.link.stats.restarts != self.restarts:
            self.at.fail(_l.RESTARTED, "start", "")

    def ask(self, line, prefix=None, ms=_TRY_MS, must=False):
        # OK or ERROR, for a command that may be repeated: it is, when its answer is lost. The
        # lines are in at.lines. TIMEOUT: it is heard and not answered, though others are; must:
        # then it raises.
        short = ms == _TRY_MS
        resync = self.link.resync
        patience = resync.answer_ms
        name = line.split(b"=")[0].split(b"?")[0]
        heard = name in self.silents
        for _ in range(_TRIES):
            self.look()
            if self.over():
                break
            begun = ticks_ms()
            result = yield from self.once(line, prefix, ms + 3 * self.slow)
            if result < _l.TIMEOUT:
                spent = ticks_diff(ticks_ms(), begun)
                if spent > _TRY_MS and short:
                    self.slow = max(self.slow, spent)
                return result
            self.look()
            ms *= 2
            if short:  # what takes long by nature tells nothing of the others
                # It may be slow, and what was taken for its answer another program's data.
                resync.answer_ms = max(resync.answer_ms, ms)
            heard += self.heard
            if not (yield from self.heal(_HEAL_MS)):
                break
            if heard > 1 and not must and (yield from self.quick()):
                resync.answer_ms = patience
                if name not in self.silents:
                    self.silents.append(name)
                return _l.TIMEOUT
        self.ends().silent(self, line)

    def quick(self):
        # Whether AT is answered at once: else the modem is slow, and what is late may still come.
        begun = ticks_ms()
        yield from self.once(b"AT", None, _TRY_MS)
        spent = ticks_diff(ticks_ms(), begun)
        return (yield from self.heal(_HEAL_MS)) and spent < _LATE_MS

    def once(self, line, prefix, ms):
        # The final result, whatever it is; link.cme is the number, also of an error in words.
        begun = ticks_ms()
        x = self.at.post(line, prefix, self.left(ms), None, _Question)
        yield from self.at.wait(x)
        self.at.lines = x.lines
        self.heard = x.heard
        if prefix and x.result == _l.OK:  # a question is answered at once
            self.slow = max(self.slow, ticks_diff(ticks_ms(), begun))
            resync = self.link.resync
            resync.answer_ms = max(resync.answer_ms, 2 * self.slow)
        if x.result == _l.ERROR and x.said and (not self.link.cme or x.said[0] == _CMS):
            from .words import number

            self.link.cme = number(x.said[8:]) or self.link.cme
        return x.result

    def ends(self):
        # What it does where it does not go on as it should.
        from . import ends

        return ends

    def heal(self, ms):
        # Until the link is out of quarantine. False: not within the time.
        due = ticks_add(ticks_ms(), self.left(ms))
        while self.link.sick:
            self.link.pump()
            if self.link.sick and (self.over() or not (yield due)):
                return False
        return not self.over()

    def set(self, line, must=False):
        # OK, if the modem takes a setting. An ERROR may be a late answer to an older command: once
        # more. Some modems refuse any command while they boot or the SIM is busy.
        tries = _TRIES
        busy = _BUSY_MS // _POLL_MS
        while tries:
            result = yield from self.ask(line, None, _TRY_MS, must)
            if result != _l.ERROR:
                break
            if self.link.cme in _BUSY and busy and not self.over():
                busy -= 1
            else:
                tries -= 1
            yield from self.pause(_POLL_MS)
        return result

    def insist(self, line, refused):
        # A setting that has to be; refused: what to say when it can't be.
        if (yield from self.set(line, True)) == _l.OK:
            return
        code = self.link.cme
        if code in _BUSY:
            refused = "the modem stays busy and refused %s; is the SIM in its holder? else restart"
            refused = (refused + " it") % line.split(b"=")[0].decode()
        raise Error(errno.EIO, "start", refused, code)

    def tidy(self):
        from .tidy import tidy

        yield from tidy(self)

    def attached(self):
        from .tidy import attached

        return (yield from attached(self))

    def shows(self, question, prefix):
        # What a setting is: the rest of its first line, without blanks; None if it does not tell.
        for _ in range(_TRIES):
            if (yield from self.ask(question, prefix)) != _l.OK:
                break
            if self.at.lines:  # else the line was lost
                return self.at.lines[0].replace(b" ", b"")
        return None

    def kept(self):
        # Whether the settings of tidy() are in force. If not, the modem has restarted unseen.
        for question, prefix, good in (self.link.echo and self.mark) or self.settings:
            shown = yield from self.shows(question, prefix)
            if shown is not None and shown != good:
                if (yield from self.ends().lost(self, question, prefix, good)):
                    return False
        return True

    def activate(self, *setting):
        from .context import activate

        yield from activate(self, *setting)

    def refused(self):
        # The error for a PDP context that is not activated.
        from ..ask.codes import activation

        return Error(errno.EHOSTUNREACH, "start", *activation(self.code, self.cme, self.denied))

    def active(self):
        # Whether the PDP context is active; notes its address. Firmware that refuses to tell is
        # believed its OK to AT+QIACT.
        for _ in range(_TRIES):
            if (yield from self.ask(b"AT+QIACT?", b"+QIACT:", _TRY_MS, True)) == _l.OK:
                for line in self.at.lines:
                    n = len(line)
                    if value(line, 0, n, 0) == self.pdp and value(line, 0, n, 1) == 1:
                        self.address = text(line, field(line, 0, n, 3), n, 0) or ""
                        return True
                return False
        if self.acted and self.address is None:
            from .pdp import dotted

            yield from self.once(b"AT+QILOCIP", b"", _TRY_MS)
            self.address = ""
            for line in self.at.lines:
                if dotted(line):
                    self.address = line.decode()
            yield from self.heal(_HEAL_MS)
        return self.acted

    def steps(self, setting, pin, reach_ms):
        # One round: all that start() does. Parts that load a module are generators of their own:
        # a name in the frame of this one would hold it.
        yield from self.reach(reach_ms)
        _unload("start.contact start.rouse")
        self.restarts = self.link.stats.restarts  # booting was none
        yield from self.tidy()
        _unload("start.contact start.rouse start.mute start.echo start.tidy")
        yield from self.radio()
        _unload("start.radio")
        self.pin = pin
        yield from self.card()
        self.late = None  # holds the module too
        _unload("start.sim")
        self.sends = True
        yield from self.network()
        self.sends = False
        self.late = None
        _unload("start.radio start.sim")
        yield from self.clock()
        _unload("clock")
        yield from self.activate(*setting)
        yield from self.urcs()
        _unload("start.urcs")
        # A restart that nobody saw would have undone all this: the settings are looked at, then
        # whether the context is still active, which no restart would have left.
        if not (yield from self.kept()) or not (self.mark or (yield from self.active())):
            self.at.fail(_l.RESTARTED, "start", "")
        if self.link.echoes and not self.link.echo:
            from .echo import on  # a damaged command has switched it off

            yield from on(self.modem)

        if self.slow > _LATE_MS:
            yield from self.timed()  # it may have been busy
            if self.slow > _SLOW_MS:
                from .ends import slow

                raise slow(self)

    def timed(self):
        from .contact import timed

        yield from timed(self)

    def reach(self, limit_ms):
        from .contact import contact

        yield from contact(self, limit_ms)

    # A modem that is ready needs no more than these questions; the modules are for others, and say
    # what is wrong.

    def told(self, line, prefix):
        # The lines of one answer; none if it was not OK, or did not come.
        if (yield from self.once(line, prefix, _TRY_MS + 3 * self.slow)) != _l.OK:
            return ()
        return self.at.lines

    def radio(self):
        if [b" 1"] == (yield from self.told(b"AT+CFUN?", b"+CFUN:")):
            return
        from .radio import enable

        yield from enable(self)

    def card(self):
        self.sim = ""
        if not self.pin and [b" READY"] == (yield from self.told(b"AT+CPIN?", b"+CPIN:")):
            return
        from .sim import unlock

        yield from unlock(self)

    def network(self):
        for line in (yield from self.told(b"AT+CGREG?", b"+CGREG:")):
            if value(line, 0, len(line), 1) in (1, 5):
                self.denied = False
                return
        from .radio import register

        yield from register(self)

    def urcs(self):
        from .urcs import mend

        yield from mend(self)

    def clock(self):
        # The network's time, as far as it tells it. No reason for start() to fail.
        from ..clock import adopt

        for _ in range(_TRIES):
            silent = self.link.stats.timeouts
            try:
                yield from adopt(self.modem)
            except Error:
                pass
            self.look()
            if silent == self.link.stats.timeouts or not (yield from self.heal(_HEAL_MS)):
                break


def _unload(names):
    from .. import unload

    unload(names)


def start(modem, *args, **settings):
    # Generator for Link.drive, see Modem.start. reach_ms: most time until the modem answers.
    return modem.at.alone(_start(modem, *args, **settings))


def _start(modem, apn="", user="", password="", auth=0, timeout_ms=180000, pin="", reach_ms=None):
    setting, pin = _checked(apn, user, password, auth, pin)
    modem.up = False
    modem.link.echo = 0
    modem.pdps.clear()
    _unload("start.context")
    step = Bringup(modem, timeout_ms)
    try:
        while True:
            failure = None
            try:
                yield from step.steps(setting, pin, reach_ms)
                break
            except Error as e:
                failure = e
            if not (yield from step.ends().again(step, failure)):
                raise step.ends().failed(step, failure)
            step.restarts = modem.stats.restarts
            step.sends = False
            step.settings = step.mark = ()
            step.late = None
            step.acted = False
    finally:
        _unload("start.contact start.rouse start.mute start.sim start.radio start.urcs start.echo")
        _unload("start.words start.tidy start.context start.ends family")
    modem.address = step.address
    modem.link.witness.fresh(bool(setting[0]))
    modem.gone = None
    modem.up = True


def _checked(apn, user, password, auth, pin):
    from .context import number, settings

    return settings(apn, user, password, auth), number(pin)
