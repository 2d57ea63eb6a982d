# qssl.start.contact - an AT port that answers, whatever the modem was doing, and how it is woken.
# SPDX-License-Identifier: MIT
#
# Loaded by bringup, let go once the modem has answered. All of it within the time of start().

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import Error, Refused
from ..wire.ascii import value

_BAUDS = const((115200, 9600, 921600, 460800, 230400, 57600, 38400, 19200, 4800))
_PULSE_MS = const(300)  # of RESET_N and PWRDWN_N
# Of PWRKEY: UGxx; LTE, on after 500 ms, off after 650 ms; some of those. One after the other.
_PULSES_MS = const((300, 570, 2100))
_BOOT_MS = const(15000)
_OFF_MS = const(3000)  # from POWERED DOWN until it can be switched on
_DETACH_MS = const(65000)  # PWRDWN_N lets some modems leave the network first
_DARK_MS = const(12500)  # the same, where STATUS is not wired
_MUTE_MS = const(60000)  # without an answer: then the line for emergencies
_RXBUF_MIN = const(1600)  # the longest answer of the modem is 1546 bytes
_SEEN = const(160)  # bytes kept of what goes and comes
_BLIND_MS = const(300)
_ESC = const(b"\x1b")
_FILL = const(1472)  # completes any prompt ...
_PIECE = const(64)  # ... in pieces of that
_BLINDED_MS = const(600)
_SLOW_MS = const(3000)
_ANSWER_MS = const(500)  # as in qssl.wire.resync
_PATIENT_MS = const((2000, 8000))  # for modems whose answers come late
_SERIAL_MS = const(2000)  # beyond that, until the next of several answers comes
_LATE_MS = const(300)  # an OK that is nobody's after that was too late
_CLOSES = const(24)  # pushing connections closed at most


_PUSH = const(b'URC: "recv",')
_TALKS_MS = const(500)  # longest pause of a modem that talks all the time
_PLUS = const(43)
_ESCAPE = const(3)  # the first rung of qssl.wire.resync's ladder that types +++
_HEAD = const(40)  # bytes of the longest head of pushed data


class Tap:
    # Stands before the UART and keeps the first bytes each way, to tell what is wrong with them.
    def __init__(self, uart):
        self.uart = uart
        self.old = None
        self.ok = None  # ticks: when an OK came that was not expected any more
        self.push = None  # what ends the connection that pushes its data
        self.pushed = 0  # how often that was typed
        # 2: +++ and AT were typed to a modem that talks, so it is not data mode that reads so.
        self.escaped = 0
        self.heard = ticks_ms()
        self.end = b""  # the last bytes: a read may cut such a head in two
        self.clear()

    def clear(self):
        self.sent = bytearray()
        self.got = bytearray()

    def fresh(self):
        # What came so far is kept if nothing more comes.
        if self.got:
            self.old = self.sent, self.got
        self.clear()

    def __getattr__(self, name):
        return getattr(self.uart, name)

    def any(self):
        return self.uart.any()

    def readinto(self, buf, n):
        n = self.uart.readinto(buf, n)
        if n:
            self.heard = ticks_ms()
            if len(self.got) < _SEEN:
                self.got.extend(buf[: min(n, _SEEN)])
            old = len(self.end)
            buf = self.end + bytes(buf[:n])
            if buf.find(b"OK\r", max(old - 2, 0)) >= 0:
                self.ok = ticks_ms()
            # The head of data in direct push mode is +QSSLURC: "recv",<id>,<length>; of
            # connections without TLS it is +QIURC:.
            at = buf.find(_PUSH)
            end = buf.find(b"\r", at) if at > 0 else 0
            cid = value(buf, at, end, 1)
            if end > 0 and cid >= 0 and value(buf, at, end, 2) > 0:
                kind = b"I" if buf[at - 1] == 73 else b"SSL"  # QI
                # Some firmware takes no time-out.
                self.push = b"AT+Q%sCLOSE=%d%s\r" % (kind, cid, b"" if self.pushed & 1 else b",0")
            self.end = buf[max(end, len(buf) - _HEAD, 0) :]
        return n

    def write(self, buf, off, n):
        n = self.uart.write(buf, off, n)
        if n:
            talks = ticks_diff(ticks_ms(), self.heard) < _TALKS_MS
            if self.escaped == 1 or (not self.escaped and buf[off] == _PLUS and talks):
                self.escaped += 1
                self.push = None
            if len(self.sent) < _SEEN:
                self.sent.extend(buf[off : off + min(n, _SEEN)])
        return n


def contact(step, limit_ms=None):
    # Generator for Link.drive: until the modem has answered AT, for all the time that `step` has,
    # or limit_ms.
    modem = step.modem
    link = modem.link
    shown = str(link.uart)  # "UART(1, baudrate=115200, ..., rxbuf=256, ...)"
    at = shown.find("rxbuf=")
    if at >= 0 and int(shown[at + 6 :].split(",", 1)[0].rstrip(")")) < _RXBUF_MIN:
        raise Refused(errno.EINVAL, "start", "the UART's rxbuf is too small; make it 2048")
    at = shown.find("baudrate=")
    if at >= 0:
        link.rate = int(shown[at + 9 :].split(",", 1)[0].rstrip(")")) // 10000 + 1
    pwrkey, status, dtr = modem.pins[:3]
    if dtr is not None:
        dtr.value(1)  # awake, should it sleep (AT+QSCLK)
    if pwrkey is not None:
        off = modem.gone == "off" if status is None else not status.value()
        if off:
            yield from press(step, pwrkey)
    due = step.due
    if limit_ms is not None:
        step.due = ticks_add(ticks_ms(), step.left(limit_ms))
    tap = Tap(link.uart)
    link.uart = tap
    try:
        step.tap = tap
        if not (yield from _reach(step, tap)):
            from .mute import words

            raise Error(errno.ETIMEDOUT, "start", words(tap))
        if link.resync.answer_ms > _ANSWER_MS:
            # Answers to what was typed in the search may still come, one after the other. A modem
            # that reports something all the time is never silent.
            ms = link.resync.answer_ms + _SERIAL_MS
            until = ticks_add(ticks_ms(), min(4 * ms, step.left(1 << 28) // 2))
            while ticks_diff(ticks_ms(), link.heard) < ms:
                if not (yield until):
                    break
            step.restarts = link.stats.restarts  # booting was none
            yield from timed(step)
    finally:
        link.uart = tap.uart
        step.tap = None
        step.due = due


def timed(step):
    # How long a slow modem takes for an answer.
    resync = step.link.resync
    begun = ticks_ms()
    yield from step.ask(b"AT", None, 2 * _PATIENT_MS[1])
    step.slow = ticks_diff(ticks_ms(), begun)
    resync.answer_ms = max(_ANSWER_MS, 2 * step.slow)
    step.modem.witness.limit_ms = max(step.modem.witness.limit_ms, 2 * step.slow)


def _reach(step, tap):
    # True once it answers, False when the time is over.
    modem = step.modem
    pwrkey = modem.pins[0]
    init = getattr(tap.uart, "init", None) if modem.baud else None
    mute = ticks_add(ticks_ms(), _MUTE_MS)
    turn = 0
    while not step.over():
        # The whole ladder first, then only now and then: what a slow modem needs is time.
        full = not turn & 3
        if full:
            tap.fresh()
        found = yield from answers(step, not full)
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
                if step.over():
                    break
            if tap.push is None:  # else its results are in words, and come
                yield from blind(step)
            # What was typed before may still be answered from now on, one after the other.
            resync = step.link.resync
            resync.answer_ms = max(resync.answer_ms, _BLINDED_MS)
            if (yield from answers(step, True)):
                return True
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


def answers(step, short=False):
    # Whether the modem answers: the ladder of resync once, or two plain tries.
    link = step.link
    link.resync.dead = False
    if step.tap is not None:
        step.tap.ok = None
    if link.job is not None:
        link.expire()
    else:
        link.distrust()
    if short:
        link.resync.start(0, True)
    tap = step.tap
    while link.sick and not link.resync.dead:
        link.pump()
        if link.sick and not (yield step.due):
            return False
        if tap is not None:
            if tap.push is not None and not short:
                if tap.escaped > 1:
                    return False  # it is closed first
                tap.push = None
                if link.resync._rung != _ESCAPE:
                    link.resync.start(0)
                    link.resync._rung = _ESCAPE
                    link.resync._enter(0, ticks_ms())
            ok = tap.ok
            if ok is not None and ticks_diff(ticks_ms(), ok) >= _LATE_MS and link.sick:
                # It was no proof, so it came too late.
                tap.ok = None
                for ms in _PATIENT_MS:
                    if link.resync.answer_ms < ms:
                        link.resync.answer_ms = ms
                        link.resync.start(0, True)
                        break
    return not link.sick


def blind(step):
    # What keeps a modem from being heard is undone without its answer: results switched off or in
    # digits (ATQ1, ATV0), and flow control by an RTS that is not wired (AT+IFC=2,2).
    for line in (b"ATQ0V1\r", b"AT+IFC=0,0\r"):
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
    while (waits or link.typing()) and (yield due):
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


def revive(step):
    # Restarts a modem that does not answer, by the lines that are wired: RESET_N, else PWRDWN_N
    # and then PWRKEY. False: there is no such line.
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
