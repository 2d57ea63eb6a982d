# qssl.start.bringup - from any state of the modem to registered, with an active PDP context.
# SPDX-License-Identifier: MIT
#
# Manual 1.2, steps 1 and 2, and all that comes before them. Loaded by Modem.start(). Contact,
# SIM and registration are modules of their own, each let go before the next one is loaded.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..connect.arguments import optional, printable, text
from ..errors import Error, Refused
from ..wire import link as _l
from ..wire.ascii import field, value
from ..wire.command import Exchange
from ..wire.dialect import DEACT_MS, ID_MAX
from .network import failing

_TRY_MS = const(2500)  # for an answer that comes at once; the next tries wait longer
_TRIES = const(3)
_HEAL_MS = const(30000)  # until the AT port answers again
_ACT_MS = const(10000)  # for AT+QIACT; then it is asked whether it has worked
_ACT_HEAL_MS = const(150000)  # its longest time (manual 3.1.2)
_POLL_MS = const(500)
_BUSY_MS = const(30000)  # it may refuse a setting for that long
_BUSY = (14, 515)  # +CME ERROR: the SIM is busy; wait, it starts up
_DROPS = const(4)  # restarts while it transmits, until that is what is wrong
_SLOW_MS = const(3400)  # an answer that takes longer is too late for a connection
_LATE_MS = const(200)  # for one that takes longer, patience is measured
_NOTED_MS = const(1000)  # one that does is said to be slow, if the time is over
# Why a PDP context is refused that no second try changes: what is not subscribed, not known or not
# right (27.007 9.2), no APN.
_LASTING = const((33, 103, 106, 107, 132, 133, 149, 150, 573))


class _Question(Exchange):
    # Keeps what stands behind +CME ERROR: some firmware says it in words, whatever AT+CMEE is.
    said = b""

    def line(self, buf, lo, hi):
        if buf.startswith(b"+CME ERROR:", lo):
            self.said = bytes(buf[lo + 11 : hi])
        return super().line(buf, lo, hi)


class Bringup:
    # The steps are generators for Link.drive; they raise what went wrong.

    def __init__(self, modem, timeout_ms, pdp=None):
        self.modem = modem
        self.pdp = pdp or modem.pdp
        self.address = None  # of the PDP context
        self.link = modem.link
        self.at = modem.at
        self.due = ticks_add(ticks_ms(), timeout_ms)
        self.restarts = self.link.stats.restarts  # when this round began
        self.rounds = self.drops = 0  # restarts; those while it was to transmit
        self.sends = False  # it is to transmit now
        self.pin = b""
        self.sim = ""  # what it asks for, but can do without
        self.settings = ()  # (question, prefix, answer) that shows that tidy() is in force
        self.late = None  # function: the error to raise when the time is over
        self.code = self.cme = 0  # of AT+QIGETERROR, +CME ERROR: why AT+QIACT was refused
        self.denied = False  # packet data, though the network took the modem
        self.acted = False  # AT+QIACT has answered OK
        self.slow = 0  # ms that an answer takes, of a modem that is slow
        self.tap = None  # what comes and goes, until the modem answers
        self.presses = 0  # of PWRKEY

    def left(self, most):
        # What is left of the time, at most `most` ms.
        return max(1, min(most, ticks_diff(self.due, ticks_ms())))

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

    def ask(self, line, prefix=None, ms=_TRY_MS, tries=_TRIES):
        # OK or ERROR, for a command that may be repeated: it is, when its answer is lost. The
        # lines are in at.lines.
        short = ms == _TRY_MS
        for _ in range(tries):
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
            # It may be slow, and what was taken for its answer another program's data.
            resync = self.link.resync
            resync.answer_ms = max(resync.answer_ms, ms)
            if not (yield from self.heal(_HEAL_MS)):
                break
        self.silent(line)

    def once(self, line, prefix, ms):
        # The final result, whatever it is; link.cme is the number, also of an error in words.
        begun = ticks_ms()
        x = self.at.post(line, prefix, self.left(ms), None, _Question)
        yield from self.at.wait(x)
        self.at.lines = x.lines
        if prefix and x.result == _l.OK:  # a question is answered at once
            self.slow = max(self.slow, ticks_diff(ticks_ms(), begun))
            resync = self.link.resync
            resync.answer_ms = max(resync.answer_ms, 2 * self.slow)
        if x.result == _l.ERROR and x.said and not self.link.cme:
            from .words import number

            self.link.cme = number(x.said)
        return x.result

    def silent(self, line):
        # Raises: no answer came to `line`.
        if self.over() and self.late is not None:
            raise self.late()
        what = line[: (line.find(b"=") + 1 or len(line) + 1) - 1].decode()
        if self.link.sick:
            hint = "it stopped answering at %s; check its power and the wires" % what
        elif self.over():
            hint = "no answer to %s within the time; give start() more of it" % what
        else:
            hint = "no answer to %s, asked %d times, though it answers AT; are bytes lost on the "
            hint = (hint + "UART (RTS/CTS, rxbuf)? else restart the modem") % (what, _TRIES)
        raise Error(errno.ETIMEDOUT, "start", hint)

    def heal(self, ms):
        # Until the link is out of quarantine. False: not within the time.
        due = ticks_add(ticks_ms(), self.left(ms))
        while self.link.sick:
            self.link.pump()
            if self.link.sick and (self.over() or not (yield due)):
                return False
        return not self.over()

    def set(self, line):
        # Whether the modem takes a setting. An ERROR may be a late answer to an older command:
        # once more. Some modems refuse any command while they boot or the SIM is busy.
        tries = _TRIES
        busy = _BUSY_MS // _POLL_MS
        while tries:
            if (yield from self.ask(line)) == _l.OK:
                return True
            if self.link.cme in _BUSY and busy and not self.over():
                busy -= 1
            else:
                tries -= 1
            yield from self.pause(_POLL_MS)
        return False

    def insist(self, line, refused):
        # A setting that has to be; refused: what to say when it can't be.
        if (yield from self.set(line)):
            return
        code = self.link.cme
        if code in _BUSY:
            refused = "the modem stays busy and refused %s; is the SIM in its holder? else restart"
            refused = (refused + " it") % line.split(b"=")[0].decode()
        raise Error(errno.EIO, "start", refused, code)

    def tidy(self):
        # Known settings, and nothing left from a former run.
        modem = self.modem
        modem.epoch += 1
        self.settings = ()
        yield from self.echoing()
        settings = []
        # Not every firmware has them. What it answers is read without them, too: it is in words
        # already, or it would not have come so far; errors have no number then.
        yield from self.set(b"ATV1")
        if (yield from self.set(b"AT+CMEE=1")):
            settings.append((b"AT+CMEE?", b"+CMEE:", b"1"))
        lines = yield from self.told(b"ATI", b"")
        if not self.link.lte and len(lines) > 1 and lines[1].startswith(b"UG9"):
            modem.model = printable(lines[1], 0, len(lines[1]))
        else:
            from ..family.choose import choose

            yield from choose(self, lines, settings)
        # Payload echo; not every firmware knows it.
        if (yield from self.ask(b"AT+QISDE=0")) == _l.OK:
            settings.append((b"AT+QISDE?", b"+QISDE:", b"0"))
        yield from self.ask(b"AT+CTZU=1")  # the clock takes the network's time
        flow = b"2,2" if modem.flow else b"0,0"
        if (yield from self.held(flow)):
            settings.append((b"AT+IFC?", b"+IFC:", flow))
        self.settings = settings
        yield from self.left_over()
        for sock in modem.sockets:
            if sock is not None:
                sock.lost(_l.RESTARTED)
        for prefix in (b"+QSSLSTATE:", b"+QISTATE:"):  # firmware was seen to use either
            yield from self.ask(b"AT+QSSLSTATE", prefix)
            for line in self.at.lines:
                cid = value(line, 0, len(line), 0)
                if 0 <= cid <= ID_MAX:
                    for text in (b"AT+QSSLCLOSE=%d,1", b"AT+QSSLCLOSE=%d"):
                        # Some firmware of LTE modems takes no time-out.
                        if (yield from self.ask(text % cid, None, 5000)) == _l.OK:
                            break

    def echoing(self):
        from .left import echoing

        yield from echoing(self)

    def attached(self):
        from .left import attached

        return (yield from attached(self))

    def held(self, flow):
        # Flow control; whether it is as it has to be. With RTS not wired a modem that obeys it
        # says no more.
        line = b"AT+IFC=" + flow
        if not self.modem.flow:
            return (yield from self.set(line))
        result = yield from self.once(line, None, _TRY_MS + 3 * self.slow)
        self.look()
        if result == _l.OK:
            return True
        if not (yield from self.heal(3000)):
            from .contact import blind

            yield from blind(self)
            if (yield from self.heal(3000)):
                hint = "the modem falls silent with AT+IFC=2,2; its RTS is not wired to the "
                hint += "board's, or not driven: wire it, or Modem(flow=False)"
                raise Error(errno.EIO, "start", hint)
        hint = "the modem refused AT+IFC=2,2: it has no flow control by RTS and CTS; "
        yield from self.insist(line, hint + "Modem(flow=False) does without, with a large rxbuf")
        return True

    def shows(self, question, prefix):
        # What a setting is: the rest of its first line, without blanks; None if it does not tell.
        for _ in range(_TRIES):
            if (yield from self.ask(question, prefix)) != _l.OK:
                break
            if self.at.lines:  # else the line was lost
                return self.at.lines[0].replace(b" ", b"")
        return None

    def left_over(self):
        # What another program may have left, and a restart perhaps keeps. Firmware that does not
        # know a setting has nothing to be mended.
        shown = yield from self.shows(b"AT+QSCLK?", b"+QSCLK:")
        if shown not in (None, b"0"):  # asleep it loses the first bytes after a pause
            yield from self.ask(b"AT+QSCLK=0")
        shown = yield from self.shows(b"AT+CSCS?", b"+CSCS:")
        if shown not in (None, b'"GSM"', b'"IRA"'):  # APN and PIN would be read as hexadecimal
            if (yield from self.ask(b'AT+CSCS="GSM"')) != _l.OK:
                yield from self.ask(b'AT+CSCS="00470053004D"')  # GSM in UCS2
        shown = yield from self.shows(b'AT+QINDCFG="all"', b"+QINDCFG:")
        if shown is not None and shown.startswith(b'"all",0'):
            yield from self.ask(b'AT+QINDCFG="all",1')

    def kept(self):
        # Whether the settings of tidy() are in force. If not, the modem has restarted unseen.
        for question, prefix, good in self.settings:
            shown = yield from self.shows(question, prefix)
            if shown is not None and shown != good:
                return False
        return True

    def activate(self, apn, user, password, auth):
        pdp = self.pdp
        setting = b'1,"%s","%s","%s",%d' % (apn, user, password, auth)
        act = b"AT+QIACT=%d" % pdp
        wait = 1000
        lost = last = 0
        self.sends = True
        while True:
            if (yield from self.active()):
                yield from self.ask(b"AT+QICSGP=%d" % pdp, b"+QICSGP:")
                if self.at.lines and self.at.lines[0].replace(b" ", b"") == setting:
                    return
                yield from self.ask(b"AT+QIDEACT=%d" % pdp, None, DEACT_MS)
                self.modem.lose(pdp)
            hint = "the modem refused APN, user or password"
            yield from self.insist(b"AT+QICSGP=%d,%s" % (pdp, setting), hint)
            self.late = self.refused
            result = yield from self.once(act, None, _ACT_MS)
            self.look()
            if result >= _l.TIMEOUT:
                # The answer may be lost, or take longer: whether it has worked is asked then.
                lost += 1
                if not (yield from self.heal(_ACT_HEAL_MS)):
                    self.silent(act)
                if (yield from self.active()):
                    return
                if (yield from failing(self.modem)):
                    result = _l.ERROR  # it came later
                elif lost >= _TRIES:
                    self.silent(act)
            elif result == _l.OK:
                self.acted = True
                if (yield from self.active()):
                    return
            else:
                self.cme = self.link.cme
            if not (yield from self.kept()):
                self.at.fail(_l.RESTARTED, "start", "")
            if result < _l.TIMEOUT:
                self.code = (yield from failing(self.modem)) or self.code
                # Twice, as a digit of it may have been lost.
                why = self.cme or self.code
                if self.over() or (why == last and why in _LASTING):
                    raise self.refused()
                last = why
                if wait == 1000 and not self.denied and (yield from self.attached()):
                    wait += 1
                    continue
                yield from self.ask(b"AT+QIDEACT=%d" % pdp, None, 10000)
                yield from self.pause(wait)
                wait = min(wait * 2, 16000)

    def refused(self):
        # The error for a PDP context that is not activated.
        from ..ask.codes import activation

        return Error(errno.EHOSTUNREACH, "start", *activation(self.code, self.cme, self.denied))

    def active(self):
        # Whether the PDP context is active; notes its address. Firmware that refuses to tell is
        # believed its OK to AT+QIACT.
        for _ in range(_TRIES):
            if (yield from self.ask(b"AT+QIACT?", b"+QIACT:")) == _l.OK:
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
        _unload("start.contact")
        self.restarts = self.link.stats.restarts  # booting was none
        yield from self.tidy()
        _unload("start.contact start.echo start.left")
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
        if not (yield from self.kept()) or not (yield from self.active()):
            self.at.fail(_l.RESTARTED, "start", "")
        if self.link.echoes and not self.link.echo:
            from . import echo  # a damaged command has switched it off

            yield from echo.on(self.modem)

        if self.slow > _LATE_MS:
            yield from self.timed()  # it may have been busy
            if self.slow > _SLOW_MS:
                hint = "the modem is registered, but takes %s s for an answer, too long for "
                hint += "connections; restart it, check its baud rate and who else uses it"
                raise Error(errno.ETIMEDOUT, "start", hint % _seconds(self.slow))

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

    def again(self, e):
        # Whether a round that ended with the error e is to be done once more, as the modem has
        # restarted or gone in it. Raises if it does so too often.
        if isinstance(e, Refused) or self.over():
            again = False
        elif self.link.stats.restarts != self.restarts or e.errno == errno.ECONNRESET:
            again = True
        elif self.link.sick:
            return not self.over()
        else:
            again = False
            try:
                again = not (yield from self.kept())
            except Error:
                pass
        if again or (self.rounds and self.over()):
            self.rounds += 1
            self.drops += self.sends
            if self.drops >= _DROPS or self.over():
                when = "whenever it transmits" if self.drops > 1 else "while start() runs"
                hint = "the modem restarts %s (%d times); check its supply: 3.8 V that hold at "
                hint += "2 A, short thick wires, a capacitor at VBAT"
                raise Error(errno.EIO, "start", hint % (when, self.rounds))
        return again


def _seconds(ms):
    return "%d.%d" % (ms // 1000, ms % 1000 // 100)


def _unload(names):
    from .. import unload

    unload(names)


def start(modem, *args, **settings):
    # Generator for Link.drive, see Modem.start. reach_ms: most time until the modem answers.
    return modem.at.alone(_start(modem, *args, **settings))


def _start(modem, apn="", user="", password="", auth=0, timeout_ms=180000, pin="", reach_ms=None):
    setting = settings(apn, user, password, auth)
    pin = _pin(pin)
    modem.up = False
    modem.link.echo = 0
    modem.pdps.clear()
    step = Bringup(modem, timeout_ms)
    try:
        while True:
            failure = None
            try:
                yield from step.steps(setting, pin, reach_ms)
                break
            except Error as e:
                failure = e
            if not (yield from step.again(failure)):
                if step.slow >= _NOTED_MS and step.over():
                    hint = "; the modem takes %s s for each answer: give start() more time, or "
                    hint = failure.hint + hint % _seconds(step.slow) + "restart the modem"
                    raise Error(failure.errno, "start", hint, failure.code)
                raise failure
            step.restarts = modem.stats.restarts
            step.sends = False
            step.settings = ()
            step.late = None
            step.acted = False
    finally:
        _unload("start.contact start.mute start.sim start.radio start.urcs start.echo start.words")
        _unload("start.left family")
    modem.address = step.address
    modem.witness.fresh(bool(setting[0]))
    modem.gone = None
    modem.up = True


def _pin(pin):
    # The PIN as bytes; refused at once if it can be none.
    pin = optional(pin, "start", "pin", 8)
    if pin and (len(pin) < 4 or not pin.isdigit()):
        raise Refused(errno.EINVAL, "start", "pin must be 4 to 8 digits")
    return pin


def settings(apn, user, password, auth):
    if auth not in (0, 1, 2, 3):
        raise Refused(errno.EINVAL, "start", "auth must be 0 (none), 1 (PAP), 2 (CHAP) or 3")
    apn = optional(apn, "start", "apn", 99)
    user = optional(user, "start", "user", 127)
    password = optional(password, "start", "password", 127)
    if b" " in apn:
        raise Refused(errno.EINVAL, "start", "apn holds a blank; no APN has one")
    for c in b":/*#,;=\\":  # an address, a number to dial, a list, a setting
        if c in apn:
            raise Refused(errno.EINVAL, "start", "apn holds a %s; no APN has one" % chr(c))
    if (user or password) and not auth:
        hint = "user and password need auth=1 (PAP) or 2 (CHAP), else they are not used"
        raise Refused(errno.EINVAL, "start", hint)
    if password and not user:
        raise Refused(errno.EINVAL, "start", "a password needs a user")
    return apn, user, password, auth
