# qssl.start.contact - an AT port that answers, whatever the modem was doing.
# SPDX-License-Identifier: MIT
#
# Loaded by bringup, let go once the modem has answered. All of it within the time of start(). What
# there is to try with a modem that does not answer at once is start.rouse.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import Error, Refused
from ..wire.ascii import value

_RXBUF_MIN = const(1600)  # the longest answer of the modem is 1546 bytes
_SEEN = const(160)  # bytes kept of what goes and comes
_ANSWER_MS = const(500)  # as in qssl.wire.resync
_PATIENT_MS = const((2000, 8000))  # for modems whose answers come late
_TURNS = const(16)  # answers waited for in a ladder and behind it, and time for its pauses
_SURE = const(b"AT+CMEE=1;+CMEE?;+CMEE?")
_OK = const(1)  # as in qssl.wire.exchange
_ERROR = const(2)
_TRY_MS = const(2500)  # as in bringup
_HEAL_MS = const(30000)
_SLOW_MS = const(3400)  # as in bringup
_STAYS_MS = const(30000)  # a modem that is just busy is quicker by then
_SERIAL_MS = const(2000)  # beyond that, until the next of several answers comes
_LATE_MS = const(300)  # an OK that is nobody's after that was too late
_PUSH = const(b'URC: "recv",')
_WRITES = const(b'"FOTA","')
_WRITES_MS = const(120000)  # from one such line to the next, or to RDY, at most
_TALKS_MS = const(500)  # longest pause of a modem that talks all the time
_PLUS = const(43)
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
        self.wrote = None  # ticks: when it said last that it writes its firmware
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

    def writes(self):
        # Whether the modem writes new firmware to its flash: it must keep its power then.
        return self.wrote is not None and ticks_diff(ticks_ms(), self.wrote) < _WRITES_MS

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
            if buf.find(_WRITES) >= 0:  # +QIND: "FOTA","UPDATING",<percent>
                self.wrote = ticks_ms()
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
            yield from _pressed(step, pwrkey)
    due = step.due
    if limit_ms is not None:
        step.due = ticks_add(ticks_ms(), step.left(limit_ms))
    # However slow it was: a whole ladder, and what comes behind it, have to fit into the time.
    patience = max(_ANSWER_MS, step.left(1 << 28) // _TURNS)
    link.resync.answer_ms = min(link.resync.answer_ms, patience)
    tap = Tap(link.uart)
    link.uart = tap
    try:
        step.tap = tap
        if not (yield from _reach(step, tap)):
            from .mute import words

            raise Error(errno.ETIMEDOUT, "start", words(tap))
        late = link.resync.answer_ms > _ANSWER_MS or link.resync._rung
        for _ in range(2):
            if late:
                # Answers to what was typed in the search, or by another program, may still come,
                # one after the other. A modem that reports something all the time is never silent.
                ms = link.resync.answer_ms + _SERIAL_MS
                until = ticks_add(ticks_ms(), min(6 * ms, step.left(1 << 28) // 2))
                while ticks_diff(ticks_ms(), link.heard) < ms:
                    if not (yield until):
                        break
                step.restarts = link.stats.restarts  # booting was none
                yield from timed(step)
                until = ticks_add(ticks_ms(), min(_STAYS_MS, step.left(1 << 28) // 3))
                while step.slow > _SLOW_MS:
                    if ticks_diff(until, ticks_ms()) <= 0:
                        # All else would take its time, and be of no use.
                        from .ends import slow

                        raise slow(step)
                    yield from timed(step)
            late = True
            # No older answer reads like this one, and they come in the order of the commands.
            result = yield from step.once(_SURE, b"+CMEE:", _TRY_MS + 3 * step.slow)
            step.numbers = result == _OK and [n.strip() for n in step.at.lines] == [b"1", b"1"]
            if step.numbers or not (yield from step.heal(_HEAL_MS)) or result > _ERROR:
                break
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
    step.modem.link.witness.limit_ms = max(step.modem.link.witness.limit_ms, 2 * step.slow)


def _reach(step, tap):
    # True once it answers, False when the time is over.
    begun = ticks_ms()
    tap.fresh()
    found = yield from answers(step)
    if found and tap.push is None:
        return True
    return (yield from _roused(step, tap, begun, found))


# Each in a frame of its own: a name in those above would hold the module.


def _roused(*args):
    from .rouse import rouse

    return rouse(*args)


def _pressed(*args):
    from .rouse import press

    return press(*args)


def answers(step, short=False):
    # Whether the modem answers: the ladder of resync once, or two plain tries.
    link = step.link
    link.resync.dead = False
    if ticks_diff(ticks_ms(), link.heard) < 0:
        link.heard = ticks_ms()  # it was days ago
    if step.tap is not None:
        step.tap.ok = None
    if link.job is not None:
        link.expire()
    else:
        link.distrust()
    if short:
        link.resync.start(0, True, 0)
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
                link.resync.escape()
            ok = tap.ok
            if ok is not None and ticks_diff(ticks_ms(), ok) >= _LATE_MS and link.sick:
                # It was no proof, so it came too late.
                tap.ok = None
                for ms in _PATIENT_MS:
                    if link.resync.answer_ms < ms:
                        link.resync.answer_ms = ms
                        link.resync.start(0, True, 0)
                        break
    return not link.sick
