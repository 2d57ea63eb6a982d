# qssl.recovery - brings the modem back: PDP context, radio, restart; watches that it stays.
# SPDX-License-Identifier: MIT
#
# A ladder. Failures to reach the server, in a row, lead to a new connection each; some of them one
# rung higher first:
#     3            the PDP context is deactivated and activated again
#     6            the radio is switched off and on (AT+CFUN)
#     8, 12, 20,   the modem restarts (AT+QPOWD and PWRKEY, or AT+CFUN=1,1; one that does not
#     36, 68, ...  answer by the lines RESET_N or PWRDWN_N), each time after twice as many
#                  failures: its maker wants growing pauses
# The pauses between the failures are those of the caller. Between failures: registration, AT port
# and clock are looked after once a minute.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from . import unload
from .wire import link as _l
from .wire.dialect import DEACT_MS

_WATCH_MS = const(60000)
_LONGEST_S = const(536870)  # ticks_add() takes no more
_STRIKES = const(3)  # time-outs in a row: the AT port is dead
_DOWN_MS = const(65000)  # AT+QPOWD, with the network's detach
_REACH_MS = const(40000)  # until the modem answers: slow ones boot 25 s
_MUTE = const(2)  # failures of a modem that does not answer at all, until it is restarted
_PDP = const(3)
_RADIO = const(6)
_RESTART = const(8)
# What starting and watching load.
_LOADED = const("start clock timesources family hints rare wire.command")


class Recovery:
    """Brings the modem back: PDP context, radio, restart; watches that it stays. For Uplink.

    access: apn, user, password, auth, pin, as for Modem.start(). start_s: its time-out. utc: gives
    (year, month, day, hour, minute, second) or None, such as board.utc; the network's time is
    asked for without it. clock: a qssl.timekeeper.Timekeeper, for more. Either way the modem's
    clock is put back after a restart. tell(word, value): is told "start", "pdp", "radio",
    "restart", "lost" (registration), "clock" (value: seconds by which it was wrong).

    Raises: nothing.
    Blocks: no.
    Allocates: little.
    Since: 0.1.
    """

    def __init__(
        self, modem, start_s: int = 180, utc=None, tell=None, clock=None, **access
    ) -> None:
        self._modem = modem
        self._access = access
        self._start_ms = int(min(start_s, _LONGEST_S) * 1000)
        if clock is None:
            from .timekeeper import Timekeeper

            clock = Timekeeper(modem, utc)
        self.clock = clock
        self._tell = tell
        self._done = 0  # failures for which something was done
        self._restart = _RESTART  # failures before the next restart
        self._more = 4
        self._look = ticks_ms()  # ticks: the next look
        self._lost = False  # not registered at the last look

    def _told(self, word, value=0):
        if self._tell is not None:
            self._tell(word, value)

    def steps(self, failures=0):
        """Does what it is time for. A generator for aio.drive().

        failures: to reach the server, in a row.

        Returns: a generator.
        Raises: the qssl.Error of what failed.
        Blocks: the task alone.
        Allocates: while it runs.
        Since: 0.1.
        """
        modem = self._modem
        if not failures:
            self._done = 0
            self._restart = _RESTART
            self._more = 4
        elif failures > self._done:
            self._done = failures
            if failures in (_PDP, _RADIO) or failures >= self._restart:
                self.clock.doubt()  # it may be what certificates fail by
            if failures >= self._restart or (
                failures == _MUTE and (modem.link.sick or (modem.link.lte and modem.stuck))
            ):
                self._restart = failures + self._more
                self._more *= 2
                yield from self._power()
            elif failures == _RADIO:
                self._told("radio")
                modem.up = False
                for level in (0, 1):
                    yield from modem.at.ask(b"AT+CFUN=%d" % level, None, 15000)
            elif failures == _PDP:
                self._told("pdp")
                yield from modem.at.ask(b"AT+QIDEACT=%d" % modem.pdp, None, DEACT_MS)
                modem.lose(modem.pdp)
        if modem.up:
            if 0 < ticks_diff(self._look, ticks_ms()) <= _WATCH_MS:  # more: it is days ago
                return
            try:
                yield from self._watch()
            finally:
                unload(_LOADED, True)
        if not modem.up:
            self._told("start")
            try:
                yield from self._start()
            finally:
                unload(_LOADED)
            self._look = ticks_add(ticks_ms(), _WATCH_MS)
            yield from self._clock()

    # What they load is held by the frame that names it: so these have frames of their own.

    def _start(self):
        from .start.bringup import start

        return start(self._modem, timeout_ms=self._start_ms, reach_ms=_REACH_MS, **self._access)

    def _registered(self):
        from .start.network import registration

        return registration(self._modem)

    def _watch(self):
        # Once a minute: registration and AT port, of whose loss no URC may tell.
        modem = self._modem
        self._look = ticks_add(ticks_ms(), _WATCH_MS)
        if (yield from self._registered()):
            self._lost = False
            yield from self._clock()
        elif modem.stats.silent >= _STRIKES or self._lost:
            self._told("lost")
            self._lost = False
            modem.lose(modem.pdp)
        else:
            self._lost = not modem.stats.silent

    def _clock(self):
        # Certificates are checked against it.
        mended, wrong = yield from self.clock.steps()
        if mended:
            self._told("clock", wrong)

    def _power(self):
        from .start.bringup import Bringup
        from .start.rouse import press, revive

        modem = self._modem
        modem.stuck = False
        pwrkey = modem.pins[0]
        step = Bringup(modem, _DOWN_MS)
        self._told("restart")
        modem.up = False
        if not modem.link.sick:
            if pwrkey is None:
                if modem.pins[4] is None:
                    yield from modem.at.ask(b"AT+CFUN=1,1", None, 15000)
                    return
            elif (yield from modem.at.ask(b"AT+QPOWD=1", None, 15000)) == _l.OK:
                restarts = modem.stats.restarts
                while modem.stats.restarts == restarts and (yield step.due):
                    pass
                yield from step.pause(1000)
                yield from press(step, pwrkey)
                return
        # It does not answer. PWRKEY alone would not change that, but it may be off.
        step.due = ticks_add(ticks_ms(), 2 * _DOWN_MS)
        if not (yield from revive(step)) and pwrkey is not None:
            yield from press(step, pwrkey)
