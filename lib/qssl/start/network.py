# qssl.start.network - what start() and a program ask the modem: error, signal, registration.
# SPDX-License-Identifier: MIT
#
# Generators for Link.drive.

from ..wire import link as _l
from ..wire.ascii import value


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


def registration(modem):
    # True if registered, at home or roaming: for packet data (AT+CGREG), or at all (AT+CREG).
    for name in (b"+CGREG", b"+CREG"):
        if (yield from modem.at.ask(b"AT" + name + b"?", name + b":")) == _l.OK:
            for line in modem.at.lines:
                if value(line, 0, len(line), 1) in (1, 5):
                    return True
    return False
