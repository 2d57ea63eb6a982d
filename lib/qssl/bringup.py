# qssl.bringup - from any state of the modem to registered, with an active PDP context.
# SPDX-License-Identifier: MIT
#
# Manual 1.2, steps 1 and 2, and all that comes before them. Loaded by Modem.start().

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from . import link as _l
from .ascii import field, value
from .clock import adopt
from .dialect import ACT_MS, DEACT_MS, ID_MAX
from .errors import Error, Refused
from .query import failing, registration
from .query import signal as hearing
from .quote import optional, printable, text

_BAUDS = const((115200, 9600, 921600, 460800, 230400, 57600, 38400, 19200))
_PULSE_MS = const(300)  # of PWRKEY, or the reset line
_BOOT_MS = const(15000)
_POLL_MS = const(500)
_RXBUF_MIN = const(1600)  # the longest answer of the modem is 1546 bytes
_SIM_NONE = const(10)  # +CME ERROR


class Bringup:
    def __init__(self, modem, timeout_ms, pdp=None):
        self.modem = modem
        self.pdp = pdp or modem.pdp
        self.address = None  # of the PDP context
        self.link = modem.link
        self.at = modem.at
        self.due = ticks_add(ticks_ms(), timeout_ms)

    def left(self, most):
        # What is left of the time, at most `most` ms.
        return max(1, min(most, ticks_diff(self.due, ticks_ms())))

    def over(self):
        return ticks_diff(self.due, ticks_ms()) <= 0

    def pause(self, ms):
        due = ticks_add(ticks_ms(), self.left(ms))
        while (yield due):
            pass

    def ask(self, line, prefix=None, ms=5000):
        return self.at.ask(line, prefix, self.left(ms))

    # --- steps: generators for Link.drive ---

    def contact(self):
        # An AT port that answers, whatever it was doing.
        modem = self.modem
        shown = str(modem.link.uart)  # "UART(1, baudrate=115200, ..., rxbuf=256, ...)"
        at = shown.find("rxbuf=")
        if at >= 0 and int(shown[at + 6 :].split(",", 1)[0].rstrip(")")) < _RXBUF_MIN:
            raise Refused(errno.EINVAL, "start", "the UART's rxbuf is too small; make it 2048")
        pwrkey, status = modem.pins[0], modem.pins[1]
        if pwrkey is not None and status is not None and not status.value():
            yield from self.press(pwrkey)
        if (yield from self.answers()):
            return
        init = getattr(modem.link.uart, "init", None)
        if init is not None and modem.baud:
            for baud in _BAUDS:
                init(baudrate=baud)
                if (yield from self.answers(True)):
                    yield from self.ask(b"AT+IPR=%d" % modem.baud)
                    init(baudrate=modem.baud)
                    if (yield from self.answers()):
                        return
            init(baudrate=modem.baud)
        if pwrkey is not None:
            yield from self.press(pwrkey)
            if (yield from self.answers()):
                return
        raise Error(
            errno.ETIMEDOUT,
            "start",
            "nothing answers; check the modem's power, RX and TX (crossed?), baud rate, GND",
        )

    def pulse(self, pin, ms=_PULSE_MS):
        pin.value(1)
        try:
            yield from self.pause(ms)
        finally:
            pin.value(0)

    def press(self, pwrkey):
        yield from self.pulse(pwrkey)
        due = ticks_add(ticks_ms(), self.left(_BOOT_MS))
        restarts = self.link.stats.restarts
        while self.link.stats.restarts == restarts and (yield due):
            pass

    def answers(self, short=False):
        link = self.link
        link.resync.dead = False
        if link.job is not None:
            link.expire()
        else:
            link.distrust()
        if short:
            link.resync.start(0, True)
        while link.sick and not link.resync.dead:
            link.pump()
            if link.sick and not (yield self.due):
                return False
        return not link.sick

    def tidy(self):
        # Known settings, and nothing left from a former run.
        modem = self.modem
        modem.epoch += 1
        for line in (b"ATE0", b"ATV1", b"AT+CMEE=1"):
            if (yield from self.ask(line)) != _l.OK:
                raise Error(errno.EIO, "start", "the modem refused " + line.decode())
        yield from self.ask(b"AT+QISDE=0")  # payload echo; not every firmware knows it
        yield from self.ask(b"AT+CTZU=1")  # the clock takes the network's time
        if (yield from self.ask(b"AT+IFC=2,2" if modem.flow else b"AT+IFC=0,0")) != _l.OK:
            raise Error(errno.EIO, "start", "the modem refused its flow control setting")
        for sock in modem.sockets:
            if sock is not None:
                sock.lost(_l.RESTARTED)
        for prefix in (b"+QSSLSTATE:", b"+QISTATE:"):  # firmware was seen to use either
            yield from self.ask(b"AT+QSSLSTATE", prefix)
            for line in self.at.lines:
                cid = value(line, 0, len(line), 0)
                if 0 <= cid <= ID_MAX:
                    yield from self.ask(b"AT+QSSLCLOSE=%d,1" % cid, None, 15000)

    def sim(self, pin):
        state = "not answering"
        while True:
            result = yield from self.ask(b"AT+CPIN?", b"+CPIN:")
            if result == _l.OK and self.at.lines:
                line = self.at.lines[0]
                state = printable(line, 0, len(line)).strip()
                if state == "READY":
                    return
                if state == "SIM PIN" and pin:
                    line = b'AT+CPIN="%s"' % optional(pin, "start", "pin", 8)
                    if (yield from self.ask(line)) != _l.OK:
                        raise Refused(errno.EACCES, "start", "the SIM refused this PIN; once only")
                    pin = ""
                elif state.startswith("SIM P"):
                    raise Error(errno.EACCES, "start", "the SIM asks for %s; pass pin=" % state)
            elif self.link.cme == _SIM_NONE:
                state = "no SIM card"
            if self.over() or (state == "no SIM card" and self.stale(20000)):
                raise Error(errno.ENODEV, "start", "SIM: %s; check card and holder" % state)
            yield from self.pause(_POLL_MS)

    def stale(self, ms):
        # True once ms have passed since the last step began to fail.
        now = ticks_ms()
        if self.since is None:
            self.since = now
        return ticks_diff(now, self.since) >= ms

    since = None

    def register(self):
        signal = None
        while not (yield from registration(self.modem)):
            if self.over():
                raise Error(
                    errno.EHOSTUNREACH,
                    "start",
                    "no network; signal %s; check antenna, coverage and SIM"
                    % ("unknown" if signal is None else "%d dBm" % signal),
                )
            if self.left(_POLL_MS) == _POLL_MS:  # else the answer may come too late
                signal = yield from hearing(self.modem)
            yield from self.pause(_POLL_MS)

    def activate(self, apn, user, password, auth):
        pdp = self.pdp
        setting = b'1,"%s","%s","%s",%d' % (apn, user, password, auth)
        if (yield from self.active()):
            yield from self.ask(b"AT+QICSGP=%d" % pdp, b"+QICSGP:")
            if self.at.lines and self.at.lines[0].replace(b" ", b"") == setting:
                return
            yield from self.ask(b"AT+QIDEACT=%d" % pdp, None, DEACT_MS)
            self.modem.lose(pdp)
        if (yield from self.ask(b"AT+QICSGP=%d,%s" % (pdp, setting))) != _l.OK:
            raise Error(errno.EINVAL, "start", "the modem refused APN, user or password")
        wait = 1000
        code = 0
        while True:
            if (yield from self.ask(b"AT+QIACT=%d" % pdp, None, ACT_MS)) == _l.OK:
                if (yield from self.active()):
                    return
            code = (yield from failing(self.modem)) or code
            if self.over():
                from .hints import explain

                raise Error(errno.EHOSTUNREACH, "start", explain(code), code)
            yield from self.ask(b"AT+QIDEACT=%d" % pdp, None, DEACT_MS)
            yield from self.pause(wait)
            wait = min(wait * 2, 16000)

    def active(self):
        # Whether the PDP context is active; notes its address.
        yield from self.ask(b"AT+QIACT?", b"+QIACT:", 150000)
        for line in self.at.lines:
            n = len(line)
            if value(line, 0, n, 0) == self.pdp and value(line, 0, n, 1) == 1:
                self.address = text(line, field(line, 0, n, 3), n, 0)
                return True
        return False


def start(modem, *args, **settings):
    # Generator for Link.drive, see Modem.start.
    return modem.at.alone(_start(modem, *args, **settings))


def _start(modem, apn="", user="", password="", auth=0, timeout_ms=180000, pin=""):
    setting = settings(apn, user, password, auth)
    modem.up = False
    modem.pdps.clear()
    step = Bringup(modem, timeout_ms)
    yield from step.contact()
    yield from step.tidy()
    yield from step.sim(pin)
    yield from step.register()
    yield from adopt(modem)
    yield from step.activate(*setting)
    modem.address = step.address
    modem.up = True


def settings(apn, user, password, auth):
    if auth not in (0, 1, 2, 3):
        raise Refused(errno.EINVAL, "start", "auth must be 0 (none), 1 (PAP), 2 (CHAP) or 3")
    return (
        optional(apn, "start", "apn", 99),
        optional(user, "start", "user", 127),
        optional(password, "start", "password", 127),
        auth,
    )
