# qssl.start.rouse - a modem that does not answer AT: made to be heard, looked for at other rates,
# woken by its lines.
# SPDX-License-Identifier: MIT
#
# Loaded by contact once the first try has brought nothing; by others for its parts.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import Error

_BAUDS = const((115200, 9600, 921600, 460800, 230400, 57600, 38400, 19200, 4800))
_PULSE_MS = const(300)  # of RESET_N and PWRDWN_N
# Of PWRKEY: UGxx; LTE, on after 500 ms, off after 650 ms; some of those. One after the other.
_PULSES_MS = const((300, 570, 2100))
_BOOT_MS = const(15000)
_OFF_MS = const(3000)  # from POWERED DOWN until it can be switched on
_DETACH_MS = const(65000)  # PWRDWN_N lets some modems leave the network first
_DARK_MS = const(12500)  # the same, where STATUS is not wired
_MUTE_MS = const(60000)  # without an answer: then the line for emergencies
_BLIND_MS = const(300)
_LISTEN_MS = const(6000)  # a modem that writes its firmware tells each percent
_ESC = const(b"\x1b")
_FILL = const(1472)  # completes any prompt ...
_PIECE = const(64)  # ... in pieces of that
_BLINDED_MS = const(600)
_SLOW_MS = const(3000)
_CLOSES = const(24)  # pushing connections closed at most
# Ends multiplexing (27.010 5.4.6.3.3), in a frame of the basic option on channel 0.
_CLOSE_DOWN = const(b"\xf9\x03\xef\x05\xc3\x01\xf2\xf9")


def rouse(step, tap, begun, found):
    # Generator: True once it answers, False when the time is over. begun: ticks, when contact did.
    # found: what its own try has brought, the first of the ladder.
    from .contact import answers

    modem = step.modem
    pwrkey = modem.pins[0]
    init = getattr(tap.uart, "init", None) if modem.baud else None
    mute = ticks_add(begun, _MUTE_MS)
    turn = 0
    tried = True
    while tried or not step.over():
        # The whole ladder first, then only now and then: what a slow modem needs is time.
        full = not turn & 3 and not tap.writes()
        if not tried:
            if full:
                tap.fresh()
            found = yield from answers(step, not full)
        tried = False
        if tap.push is not None and tap.escaped > 1 and tap.pushed < _CLOSES:
            tap.pushed += 1
            yield from _command(step, tap.push)
            tap.push = None
            continue
        if found or step.over():
            return found
        if full:
            if turn:  # a slow modem that is busy with the last AT drops what comes
                yield from step.pause(_SLOW_MS)
                if turn == 4 and tap.push is None:  # its commands may end otherwise, too
                    yield from _command(step, b"ATS3=13\n")
                if step.over():
                    break
            if tap.push is None:  # else its results are in words, and come
                yield from blind(step)
            # What was typed before may still be answered from now on, one after the other.
            resync = step.link.resync
            resync.answer_ms = max(resync.answer_ms, _BLINDED_MS)
            if (yield from answers(step, True)):
                return True
        elif tap.writes():
            yield from step.pause(500)
        elif turn & 3 == 1 and init is not None:
            link = step.link
            link.uart = tap.uart  # what comes at a wrong rate says nothing
            for baud in _BAUDS:
                if step.over():
                    break
                if baud != modem.baud and (yield from _at_rate(step, baud, init)):
                    return True
            link.uart = tap
        elif turn & 3 == 2 and pwrkey is not None:
            yield from press(step, pwrkey)
        elif mute is not None and ticks_diff(mute, ticks_ms()) <= 0:
            mute = None
            yield from revive(step)
        else:
            yield from step.pause(500)
        turn += 1
    return False


def _at_rate(step, baud, init):
    # Whether the modem is there at this rate; then it is switched over.
    from .contact import answers

    rate = step.modem.baud
    try:
        init(baudrate=baud)
        if not (yield from answers(step, True)):
            yield from blind(step)
            if step.over() or not (yield from answers(step, True)):
                return False
        yield from step.at.ask(b"AT+IPR=%d" % rate, None, step.left(2500))
    finally:
        init(baudrate=rate)
    return (yield from answers(step))


def blind(step):
    # What keeps a modem from being heard is undone without its answer: results switched off or in
    # digits (ATQ1, ATV0), lines that end otherwise (ATS4), flow control by an RTS that is not
    # wired (AT+IFC=2,2), commands that are only taken in frames (AT+CMUX).
    for line in (b"ATQ0V1\r", b"ATS4=10\r", b"AT+IFC=0,0\r", _CLOSE_DOWN):
        yield from _command(step, line)


def _command(step, line):
    # Types it. A modem that has hung may still be in a prompt, so what completes that goes right
    # before.
    pad = _ESC * _PIECE
    for _ in range(_FILL // _PIECE):
        yield from typed(step, pad, False)
    yield from typed(step, b"\r" + line)


def typed(step, line, waits=True):
    # Types it, whatever the modem says: at once, as text that reads like a restart ends typing.
    # Waits for what comes of it.
    link = step.link
    link.type(line, len(line))
    link._transmit()
    due = ticks_add(ticks_ms(), step.left(_BLIND_MS))
    while (waits or link.out is not None) and (yield due):
        pass
    link.untype()


def pulse(step, pin, ms=_PULSE_MS):
    pin.value(1)
    try:
        yield from step.pause(ms)
    finally:
        pin.value(0)


def press(step, pwrkey):
    # PWRKEY switches on; a UG95 or UG96 that is on, or hangs, is not changed by it. An LTE modem
    # is switched off, and on by the next one.
    lte = step.link.lte
    tap = step.tap
    for again in (False, True):
        restarts = step.link.stats.restarts
        yield from pulse(step, pwrkey, _PULSES_MS[(step.presses + (lte > 0) + (lte > 7)) % 3])
        step.presses += 1
        yield from _boots(step, restarts)
        if again or tap is None or tap.end.find(b"POWERED DOWN") < 0:
            return
        tap.end = b""
        yield from step.pause(_OFF_MS)
        step.presses = lte == 0  # it was on, so it is one of LTE: from their first pulse on


def _boots(step, restarts):
    # Waits for RDY. Gives False where none was seen.
    due = ticks_add(ticks_ms(), step.left(_BOOT_MS))
    while step.link.stats.restarts == restarts:
        if not (yield due):
            return False
    return True


def spared(step):
    # Generator, before a line is pulled that takes the modem's power: raises if it says that it
    # is writing its firmware.
    link = step.link
    tap = step.tap
    if tap is None:
        from .contact import Tap

        tap = link.uart = Tap(link.uart)
        try:
            yield from step.pause(_LISTEN_MS)
        finally:
            link.uart = tap.uart
    if tap.writes():
        from .mute import words

        raise Error(errno.ETIMEDOUT, "start", words(tap))


def revive(step):
    # Restarts a modem that does not answer, by the lines that are wired: RESET_N, else PWRDWN_N
    # and then PWRKEY. False: there is no such line.
    yield from spared(step)
    pwrkey, status, _, _, reset, off = step.modem.pins
    restarts = step.link.stats.restarts
    if reset is not None:
        yield from pulse(step, reset)
        if (yield from _boots(step, restarts)) or off is None:
            return True
    if off is None:
        return False
    yield from pulse(step, off)
    due = ticks_add(ticks_ms(), step.left(_DARK_MS if status is None else _DETACH_MS))
    while step.link.stats.restarts == restarts and (status is None or status.value()):
        if not (yield due):
            break
    yield from step.pause(1000)
    if pwrkey is not None:
        yield from press(step, pwrkey)
    return True
