# qssl.start.tidy - known settings, and nothing left from a former run: neither data mode whose
# text reads like answers, nor packet data that was switched off.
# SPDX-License-Identifier: MIT
#
# Loaded by bringup, and let go once the modem is tidy.

import errno

from micropython import const

from ..connect.arguments import printable
from ..errors import Error
from ..wire import link as _l
from ..wire.ascii import value
from ..wire.dialect import ID_MAX

_TRY_MS = const(2500)  # as in bringup
_TRIES = const(3)
_GUARD_MS = const(1100)
_ATTACH_MS = const(140000)  # the longest time of AT+CGATT
# Bytes that come as the echo is switched on, if all lines end in CR LF: of a modem that had it
# off, had it on, has none.
_PLAIN = const((15, 20, 36))
_AT = const((9, 6))  # the same of AT


def tidy(step):
    # Generator; step.settings show from then on whether they are still in force.
    modem = step.modem
    modem.epoch += 1
    step.settings = step.mark = ()
    yield from _echoing(step)
    settings = []
    # It answers in words, or it would not have come so far. Without this errors have no number;
    # not every firmware has it.
    if step.numbers or (yield from step.set(b"AT+CMEE=1")) == _l.OK:
        settings.append((b"AT+CMEE?", b"+CMEE:", b"1"))
    lines = yield from step.told(b"ATI", b"")
    if not step.link.lte and len(lines) > 1 and lines[1].startswith(b"UG9"):
        modem.model = printable(lines[1], 0, len(lines[1]))
    else:
        from ..family.choose import choose

        yield from choose(step, lines, settings)
    # Payload echo; not every firmware knows it.
    if (yield from step.ask(b"AT+QISDE=0")) == _l.OK:
        settings.append((b"AT+QISDE?", b"+QISDE:", b"0"))
    yield from step.ask(b"AT+CTZU=1")  # the clock takes the network's time
    flow = b"2,2" if modem.flow else b"0,0"
    if (yield from _held(step, flow)):
        settings.append((b"AT+IFC?", b"+IFC:", flow))
    step.settings = settings
    yield from _left_over(step)
    for sock in modem.sockets:
        if sock is not None:
            sock.lost(_l.RESTARTED)
    for _ in range(2):
        if (yield from step.ask(b"AT+QSSLSTATE", b"")) != _l.TIMEOUT:
            break
    else:
        step.link.listing |= _l.BLIND  # it is not asked later either
    for line in step.at.lines:
        at = line.find(b"STATE:")  # firmware was seen to use +QSSLSTATE: and +QISTATE:
        cid = value(line, at + 6, len(line), 0) if at > 0 else -1
        if 0 <= cid <= ID_MAX:
            for text in (b"AT+QSSLCLOSE=%d,1", b"AT+QSSLCLOSE=%d"):
                # Some firmware of LTE modems takes no time-out.
                if (yield from step.ask(text % cid, None, 5000)) == _l.OK:
                    break


def _echoing(step):
    # Generator: the echo is on, if the modem has one.
    from .echo import on

    link = step.link
    for i in range(2 * _TRIES):
        n = link.stats.rx
        if (yield from on(step.modem)):
            n = link.stats.rx - n
            # Without an echo, OK may be the text of data mode: that has no answer to ATI.
            if i or link.echoes or (yield from step.told(b"ATI", b"")):
                yield from _ending(step, n)
                return
        elif i % _TRIES < _TRIES - 1:
            step.look()
            yield from step.pause(1000)
            continue
        if i < _TRIES:
            yield from _leave(step)
    yield from _framed(step)
    hint = "what the modem echoes is not what was typed, each time; bytes are lost or "
    hint += "changed on the way: check TX, level, baud rate and GND"
    raise Error(errno.EIO, "start", hint)


def _ending(step, n):
    # Generator: raises if lines end otherwise than in CR LF. n bytes have come so far.
    link = step.link
    plain = _PLAIN
    for _ in range(_TRIES):
        if n in plain and link.parser.exact and not link.parser.blanks:
            return
        plain = _AT  # or a URC has come
        n = link.stats.rx
        yield from step.once(b"AT", None, _TRY_MS + 3 * step.slow)
        yield from step.heal(_TRY_MS)
        n = link.stats.rx - n
    yield from _framed(step)


def _framed(*args):
    from .mute import framed

    return framed(*args)


def _leave(step):
    # Out of data mode: +++ and its guard times (manual 1.3).
    from .rouse import typed

    yield from step.pause(_GUARD_MS)
    yield from typed(step, b"+++")
    yield from step.pause(_GUARD_MS)


def _held(step, flow):
    # Flow control; whether it is as it has to be. With RTS not wired a modem that obeys it
    # says no more.
    line = b"AT+IFC=" + flow
    if not step.modem.flow:
        return (yield from step.set(line)) == _l.OK
    result = yield from step.once(line, None, _TRY_MS + 3 * step.slow)
    step.look()
    if result == _l.OK:
        return True
    if not (yield from step.heal(3000)):
        from .rouse import blind

        yield from blind(step)
        if (yield from step.heal(3000)):
            hint = "the modem falls silent with AT+IFC=2,2; its RTS is not wired to the "
            hint += "board's, or not driven: wire it, or Modem(flow=False)"
            raise Error(errno.EIO, "start", hint)
    hint = "the modem refused AT+IFC=2,2: it has no flow control by RTS and CTS; "
    yield from step.insist(line, hint + "Modem(flow=False) does without, with a large rxbuf")
    return True


def _left_over(step):
    # What another program may have left, and a restart perhaps keeps. Firmware that does not
    # know a setting has nothing to be mended.
    shown = yield from step.shows(b"AT+QSCLK?", b"+QSCLK:")
    if shown not in (None, b"0"):  # asleep it loses the first bytes after a pause
        yield from step.ask(b"AT+QSCLK=0")
    shown = yield from step.shows(b"AT+CSCS?", b"+CSCS:")
    if shown not in (None, b'"GSM"', b'"IRA"'):  # APN and PIN would be read as hexadecimal
        if (yield from step.ask(b'AT+CSCS="GSM"')) != _l.OK:
            yield from step.ask(b'AT+CSCS="00470053004D"')  # GSM in UCS2
    shown = yield from step.shows(b'AT+QINDCFG="all"', b"+QINDCFG:")
    if shown is not None and shown.startswith(b'"all",0'):
        yield from step.ask(b'AT+QINDCFG="all",1')


def attached(step):
    # Generator: whether packet data was off, and is on now (27.007 10.1.9).
    shown = yield from step.shows(b"AT+CGATT?", b"+CGATT:")
    if shown != b"0":
        return False
    return (yield from step.once(b"AT+CGATT=1", None, _ATTACH_MS)) == _l.OK
