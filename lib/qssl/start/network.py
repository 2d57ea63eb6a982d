# qssl.start.network - what start() and a program ask the modem: error, signal, registration.
# SPDX-License-Identifier: MIT
#
# Generators for Link.drive.

from micropython import const

from ..wire import link as _l
from ..wire.ascii import value

REGISTERED = const((1, 5, 9, 10))  # <stat> of 27.007 7.2: at home or roaming, with data


def failing(modem):
    # The number of AT+QIGETERROR; 0: none, or no answer.
    at = modem.at
    if (yield from at.ask(b"AT+QIGETERROR", b"+QIGETERROR:")) != _l.OK or not at.lines:
        return 0
    return max(value(at.lines[0], 0, len(at.lines[0]), 0), 0)


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
