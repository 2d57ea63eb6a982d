# qssl.start.left - what another program left that looks like something else: data mode whose text
# reads like answers, packet data that was switched off.
# SPDX-License-Identifier: MIT
#
# Loaded by bringup.

import errno

from micropython import const

from ..errors import Error
from ..wire import link as _l

_TRIES = const(3)
_GUARD_MS = const(1100)
_ATTACH_MS = const(140000)  # the longest time of AT+CGATT


def echoing(step):
    # Generator: the echo is on, if the modem has one.
    from . import echo

    for i in range(2 * _TRIES):
        if (yield from echo.on(step.modem)):
            # Without an echo, OK may be the text of data mode: that has no answer to ATI.
            if i or step.link.echoes or (yield from step.told(b"ATI", b"")):
                return
        elif i % _TRIES < _TRIES - 1:
            step.look()
            yield from step.pause(1000)
            continue
        if i < _TRIES:
            yield from _leave(step)
    hint = "what the modem echoes is not what was typed, each time; bytes are lost or "
    hint += "changed on the way: check TX, level, baud rate and GND"
    raise Error(errno.EIO, "start", hint)


def _leave(step):
    # Out of data mode: +++ and its guard times (manual 1.3).
    from .contact import typed

    yield from step.pause(_GUARD_MS)
    yield from typed(step, b"+++")
    yield from step.pause(_GUARD_MS)


def attached(step):
    # Generator: whether packet data was off, and is on now (27.007 10.1.9).
    shown = yield from step.shows(b"AT+CGATT?", b"+CGATT:")
    if shown != b"0":
        return False
    return (yield from step.once(b"AT+CGATT=1", None, _ATTACH_MS)) == _l.OK
