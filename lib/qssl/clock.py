# qssl.clock - the modem's clock (AT+CCLK), against which it checks certificates (manual 1.4).
# SPDX-License-Identifier: MIT

import errno

from micropython import const

from .errors import Error, Refused

_FIRST_YEAR = const(2024)  # a clock before this was never set


def get(modem):
    # Generator for Link.drive: (year, month, day, hour, minute, second, quarters of an hour from
    # UTC); None if never set.
    lines = yield from modem.at.want(b"AT+CCLK?", "clock", "the modem has no clock", b"+CCLK:")
    t = lines[0].strip().strip(b'"') if lines else b""
    # yy/MM/dd,hh:mm:ss+zz
    try:
        parts = [int(t[i : i + 2]) for i in range(0, 18, 3)]
        zone = int(t[17:]) if len(t) > 17 else 0
    except ValueError:
        raise Error(errno.EIO, "clock", "the modem's clock can't be read")
    if len(parts) < 6 or parts[0] + 2000 < _FIRST_YEAR or parts[0] >= 70:
        return None
    parts[0] += 2000
    return tuple(parts) + (zone,)


def put(modem, t):
    # Sets the clock to (year, month, day, hour, minute, second) in UTC.
    modem.link.drive(putting(modem, t))


def putting(modem, t):
    # The same as a generator for Link.drive.
    try:
        y, m, d, hh, mm, ss = [int(part) for part in t[:6]]
    except (TypeError, ValueError):
        y = m = d = hh = mm = ss = -1
    if not (
        _FIRST_YEAR <= y < 2070
        and 1 <= m <= 12
        and 1 <= d <= 31
        and 0 <= hh < 24
        and 0 <= mm < 60
        and 0 <= ss < 60
    ):
        raise Refused(
            errno.EINVAL,
            "clock",
            "must be (year, month, day, hour, minute, second), a date from %d on, in UTC"
            % _FIRST_YEAR,
        )
    line = b'AT+CCLK="%02d/%02d/%02d,%02d:%02d:%02d+00"' % (y - 2000, m, d, hh, mm, ss)
    yield from modem.at.want(line, "clock", "the modem refused the time")
