# qssl.start.network - what start() and a program ask the modem: error, signal, registration.
# SPDX-License-Identifier: MIT
#
# Generators for Link.drive.

from micropython import const

from ..wire import link as _l
from ..wire.ascii import value

_ACT_MS = const(10000)  # for AT+QIACT; then it is asked whether it has worked
_ACT_HEAL_MS = const(150000)  # its longest time (manual 3.1.2)
_TRIES = const(3)
REGISTERED = const((1, 5, 9, 10))  # <stat> of 27.007 7.2: at home or roaming, with data


def failing(modem):
    # The number of AT+QIGETERROR; 0: none, or no answer.
    at = modem.at
    if (yield from at.ask(b"AT+QIGETERROR", b"+QIGETERROR:")) != _l.OK or not at.lines:
        return 0
    return max(value(at.lines[0], 0, len(at.lines[0]), 0), 0)


def acted(step, act):
    # Generator: AT+QIACT, once. Its result; 0: it was lost, but the context is active; ERROR also
    # where it was lost and AT+QIGETERROR tells. step.lost: how many were.
    step.late = step.refused
    result = yield from step.once(act, None, _ACT_MS)
    step.look()
    if result < _l.TIMEOUT:
        if result == _l.OK:
            step.acted = True
        else:
            step.cme = step.link.cme
        return result
    # The answer may be lost, or take longer: whether it has worked is asked then.
    step.lost += 1
    if not (yield from step.heal(_ACT_HEAL_MS)):
        step.ends().silent(step, act)
    if (yield from step.active()):
        return 0
    code = yield from failing(step.modem)
    if code:
        step.code = code
        return _l.ERROR  # it came later
    if step.lost >= _TRIES:
        step.ends().silent(step, act)
    return result


def hung_up(step):
    # Generator: a call that another program has left, such as that of its PPP, has ended: it holds
    # the context.
    yield from step.once(b"ATH", None, _ACT_MS)
    yield from step.heal(_ACT_MS)


def signal(modem):
    # Received signal strength in dBm; None if not known (AT+CSQ).
    lines = yield from modem.at.want(b"AT+CSQ", "signal", "refused", b"+CSQ:")
    n = value(lines[0], 0, len(lines[0]), 0) if lines else 99
    return 2 * n - 113 if 0 <= n <= 31 else None


def stat(line):
    # <stat> of a line behind +CREG: or +CGREG:, -1 if there is none. It is the second number; some
    # firmware leaves out the first, and so does a URC.
    n = len(line)
    found = value(line, 0, n, 1)
    return found if 0 <= found < 12 else value(line, 0, n, 0)


def registration(modem):
    # True if registered, at home or roaming: for packet data (AT+CGREG), or at all (AT+CREG); of
    # LTE modems to LTE (AT+CEREG).
    for name in (b"+CEREG", b"+CGREG", b"+CREG")[not modem.link.lte :]:
        if (yield from modem.at.ask(b"AT%s?" % name, name + b":")) == _l.OK:
            for line in modem.at.lines:
                if stat(line) in REGISTERED:
                    return True
    return False
