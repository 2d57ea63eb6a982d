# qssl.power - the modem off, asleep and awake again: Modem.off(), sleep(), wake().
# SPDX-License-Identifier: MIT
"""
modem.off()                # leaves the network, then no current; start() switches it on again
modem.sleep()              # registered, about a mA; DTR has to be wired
modem.wake()

await aio.drive(modem, power.off_steps(modem))   # the same in a task
"""
#
# AT+QPOWD (hardware design of UG95 and UG96, 3.5): OK, then it leaves the network, which may take
# 40 s (UG95: 60 s), and says POWERED DOWN. AT+QSCLK=1: it sleeps while DTR is high at the modem,
# and its UART with it: what is typed is lost until DTR has been low for a while. It stays in the
# network meanwhile, connections too; what it has to say pulls RI. While it sleeps an object of
# this module has the wire (Link.pipe), so that nothing is typed.

import errno
from time import ticks_add, ticks_ms

from micropython import const

from .errors import Error, Refused
from .start.bringup import Bringup
from .wire import link as _l

_DOWN_MS = const(65000)  # AT+QPOWD, until it has left the network
_OK_MS = const(15000)  # its OK
_TRIES = const(3)
_SETTLE_MS = const(1000)  # from its last word to the end of its supply
_DARK_MS = const(12500)  # PWRDWN_N, where STATUS is not wired
_SENT_MS = const(20000)  # until what was written has gone
_CLOSE_S = const(5)
_BUSY_MS = const(15000)  # until what runs has ended
_WAKE_MS = const(200)  # from DTR to the first byte; some drivers wait 1 s
_CALL_MS = const(20000)  # for an answer then


class _Sleep:
    # Has the wire while the modem sleeps.
    held = "asleep"

    def __init__(self, modem):
        self._dtr = modem.pins[2]
        self._dtr.value(0)

    def step(self, now):
        pass

    def drop(self):
        # Something else takes the wire, to find the modem's state: that needs it awake.
        self._dtr.value(1)


class _Words:
    # Hears the last words of a modem.
    def __init__(self, link):
        self.said = False
        self._link = link
        self._rows = (b"POWERED DOWN", self._heard), (b"NORMAL POWER DOWN", self._heard)
        link.urcs = self._rows + link.urcs

    def _heard(self, buf, lo, hi):
        self.said = True

    def end(self):
        self._link.urcs = tuple([row for row in self._link.urcs if row not in self._rows])


# --- off ---


def off_steps(modem):
    """Switches the modem off, as Modem.off(): for aio.drive().

    Returns: a generator.
    Raises: as Modem.off().
    Blocks: the task alone.
    Allocates: little.
    Since: 0.2.
    """
    status = modem.pins[1]
    if modem.gone == "off" and (status is None or not status.value()):
        return
    if isinstance(modem.link.pipe, _Sleep):
        try:
            yield from wake_steps(modem)
        except Error:
            pass  # it does not answer: the lines, then
    modem.link.mine(None)
    yield from modem.at.alone(_off(modem))


def _off(modem):
    link = modem.link
    status = modem.pins[1]
    step = Bringup(modem, _DOWN_MS)
    if status is None or status.value():
        yield from _close(modem)
        modem.up = False
        words = _Words(link)
        try:
            step.due = ticks_add(ticks_ms(), _DOWN_MS)
            code = yield from _told(modem, step, words, status)
            if not _is_off(words, status):
                yield from _by_line(modem, step, words, status)
            if not _is_off(words, status) and modem.pins[5] is None:
                if code is not None:
                    hint = "the modem refused AT+QPOWD and is still on; wire PWRDWN_N to be sure"
                    raise Error(errno.EIO, "off", hint, code)
                hint = "it did not say POWERED DOWN within 65 s, so it may be on; wire STATUS to "
                hint += "know, and PWRDWN_N to be sure; start() takes it as it is"
                raise Error(errno.ETIMEDOUT, "off", hint)
            yield from step.pause(_SETTLE_MS)
        finally:
            words.end()
    _forget(modem)


def _is_off(words, status):
    return words.said or (status is not None and not status.value())


def _told(modem, step, words, status):
    # AT+QPOWD; gives the code of its refusal, None if it was none.
    for _ in range(_TRIES):
        result = yield from modem.at.ask(b"AT+QPOWD=1", None, step.left(_OK_MS))
        if result == _l.ERROR:
            return modem.link.cme
        # Its OK may be lost, and its words too, in the search for them: then it heals only if it
        # is on.
        while not _is_off(words, status) and (result == _l.OK or modem.link.sick):
            if not (yield step.due):
                return None
        if _is_off(words, status):
            break
    return None


def _by_line(modem, step, words, status):
    # PWRDWN_N, as it does not go by itself.
    from .start.rouse import pulse, spared

    off = modem.pins[5]
    if off is None:
        return
    step.due = ticks_add(ticks_ms(), _DOWN_MS)
    yield from spared(step)
    yield from pulse(step, off)
    if status is None:
        step.due = ticks_add(ticks_ms(), _DARK_MS)
    while not _is_off(words, status):
        if not (yield step.due):
            break
    if status is not None and status.value():
        hint = "neither AT+QPOWD nor PWRDWN_N switches it off; STATUS stays high: is it wired?"
        raise Error(errno.ETIMEDOUT, "off", hint)


def _close(modem):
    # Sends what was written and closes what is open. From then on its sockets say why.
    due = ticks_add(ticks_ms(), _SENT_MS)
    for sock in modem.sockets:
        if sock is None:
            continue
        if not modem.link.sick and sock.state() == 1:
            sock._want = sock._n
        while sock.state() == 2 or (sock._want and sock.state() == 1):
            if modem.link.sick or not (yield due):
                break
        if sock.state() == 3:
            continue
        sock.fail("off")
        if not modem.link.sick:
            line = b"AT+QSSLCLOSE=%d" % sock.id
            if not modem.link.lte & 2:
                line += b",%d" % _CLOSE_S
            yield from modem.at.ask(line, None, _CLOSE_S * 1000 + 2000)
            modem._event(2, sock.id, -1)


def _forget(modem):
    # The modem is off: whatever it was told it will have forgotten.
    link = modem.link
    modem.up = False
    modem.gone = "off"
    modem.address = None
    modem.pdps.clear()
    link.doubt = link.echo = 0
    link.last = None
    link.sick = False
    link.untype()
    link.parser.reset()
    if link.job is not None:
        link._finish(_l.RESTARTED)
    link._tell(_l.RESTARTED)


# --- asleep ---


def sleep_steps(modem):
    """Sends the modem to sleep, as Modem.sleep(): for aio.drive().

    Returns: a generator.
    Raises: as Modem.sleep().
    Blocks: the task alone.
    Allocates: little.
    Since: 0.2.
    """
    link = modem.link
    if modem.pins[2] is None:
        hint = "the line DTR is not wired, which wakes the modem; Modem(dtr=pin), or off()"
        raise Refused(errno.EINVAL, "sleep", hint)
    if isinstance(link.pipe, _Sleep):
        return
    link.mine(None)
    yield from modem.at.alone(_sleep(modem))


def _sleep(modem):
    link = modem.link
    due = ticks_add(ticks_ms(), _BUSY_MS)
    yield from _idle(modem, due)
    modem.pins[2].value(1)
    for _ in range(_TRIES):
        result = yield from modem.at.ask(b"AT+QSCLK=1", None, 5000)
        if result in (_l.OK, _l.RESTARTED):
            break
        while link.sick and (yield due):  # its answer may be lost, or another command's
            pass
    if result != _l.OK:
        hint = "the modem refused AT+QSCLK=1: it can't sleep; off() instead"
        modem.at.fail(result, "sleep", hint)
    yield from _idle(modem, due)
    link.pipe = _Sleep(modem)


def _idle(modem, due):
    # Until what was written has gone, nothing runs and nothing wants to.
    link = modem.link
    while True:
        now = ticks_ms()
        wants = link.job is not None or link.sick or link.jam or link.parser.need
        wants = wants or modem.at.wants(now)
        for sock in modem.sockets:
            # One that has failed, and is not closed yet, wants what it never gets.
            if sock is not None and sock.state() >= 0:
                if sock.state() == 1:
                    sock._want = sock._n
                wants = wants or sock._want or sock.wants(now)
        if not wants:
            return
        if not (yield due):
            hint = "it is busy: something is sent or received, or it is mute"
            raise Error(errno.ETIMEDOUT, "sleep", hint)


def wake_steps(modem):
    """Wakes the modem, as Modem.wake(): for aio.drive().

    Returns: a generator.
    Raises: as Modem.wake().
    Blocks: the task alone.
    Allocates: little.
    Since: 0.2.
    """
    link = modem.link
    if not isinstance(link.pipe, _Sleep):
        return
    due = ticks_add(ticks_ms(), _CALL_MS)
    link.pipe.drop()
    soon = ticks_add(ticks_ms(), _WAKE_MS)
    while (yield soon):
        pass
    # What is typed while it is not awake yet is lost: so nothing that matters is, until a plain AT
    # was answered (wire.resync).
    if link.pipe is not None:
        link.distrust()
        link.stats.resyncs -= 1  # nothing has gone wrong
    while link.sick and (yield due):
        pass
    if link.sick:
        hint = "it does not answer since DTR was set; is DTR wired to the modem's? start() goes on"
        raise Error(errno.ETIMEDOUT, "wake", hint + ", by RESET_N or PWRDWN_N if they are wired")
