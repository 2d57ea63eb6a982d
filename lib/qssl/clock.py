# qssl.clock - the modem's clock (AT+CCLK), against which it checks certificates (manual 1.4).
# SPDX-License-Identifier: MIT
#
# Seconds are since 1970-01-01 00:00:00 UTC on every port. Own arithmetic: from what time.mktime()
# counts, and how far, differs from port to port.

import errno
from time import ticks_ms

from micropython import const

from .errors import Error, Refused
from .wire import link as _l

FIRST_YEAR = const(2024)  # a clock before this was never set
END_YEAR = const(2070)  # AT+CCLK has two digits, and 70 is 1970
_DAY = const(86400)
_FORM = "must be (year, month, day, hour, minute, second), a date from %d on, in UTC"
_RTC = (
    "this looks like machine.RTC().datetime(), which has the weekday in the fourth place; give "
    "board.utc() or time.gmtime()"
)


def unix(y, m, d, hh=0, mm=0, ss=0):
    # Seconds of a date of the Gregorian calendar.
    if m < 3:
        y -= 1
        m += 12
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m - 457) // 5 + d - 719469
    return days * _DAY + (hh * 60 + mm) * 60 + ss


def civil(s):
    # (year, month, day, hour, minute, second, weekday, day of the year), as time.gmtime(). Monday
    # is 0, the first of January 1.
    day = s // _DAY
    y = day // 365 + 1970
    while unix(y, 1, 1) > s:
        y -= 1
    m = 12
    while unix(y, m, 1) > s:
        m -= 1
    s -= day * _DAY
    yearday = day - unix(y, 1, 1) // _DAY + 1
    d = day - unix(y, m, 1) // _DAY + 1
    return y, m, d, s // 3600, s // 60 % 60, s % 60, (day + 3) % 7, yearday


def parse(t):
    # b'"[yy]yy/MM/dd,hh:mm:ss[+zz][,dst]"' -> (year, month, day, hour, minute, second, quarters);
    # None: it is no time. The forms of AT+CCLK?, AT+QLTS and +QNTP on all firmware that was seen.
    t = t.strip().strip(b'"').replace(b", ", b",")
    at = t.find(b"/")
    if at != 2 and at != 4:
        return None
    try:
        y = int(t[:at])
        m, d, hh, mm, ss = [int(t[i : i + 2]) for i in range(at + 1, at + 14, 3)]
        rest = t[at + 15 :].split(b",")[0].strip(b'" ')
        zone = int(rest) if rest else 0
    except ValueError:
        return None
    if at == 2:
        y += 1900 if y >= 70 else 2000
    return (y, m, d, hh, mm, ss, zone) if _real(y, m, d, hh, mm, ss) else None


def _real(y, m, d, hh, mm, ss):
    # Whether there is such a moment.
    if not (1 <= m <= 12 and 1 <= d <= 31 and 0 <= hh < 24 and 0 <= mm < 60 and 0 <= ss < 60):
        return False
    return civil(unix(y, m, d))[1] == m


def seconds(t):
    # The seconds of a time as a program gives it: (year, month, day, hour, minute, second) in UTC,
    # what modem.clock() or what time.gmtime() returned. Refused: anything else. An 8-tuple is only
    # taken if weekday and day of the year behind the second are those of its date, or if its
    # fourth place is no weekday: machine.RTC().datetime() has 8 places as well.
    try:
        n = [int(part) for part in t[:6]]
        more = t[6:]
        s = unix(*n) if len(n) == 6 and FIRST_YEAR <= n[0] < END_YEAR and _real(*n) else None
        if len(more) == 1 and s is not None:
            # The zone of modem.clock(); none is farther from UTC than 14 h.
            s = s - int(more[0]) * 900 if -57 < more[0] < 57 else None
        if len(more) > 1 and more[1] is not None and -1 < t[3] < 8:
            date = civil(unix(*n[:3]))
            if (more[0], more[1]) != date[6:]:
                raise Refused(errno.EINVAL, "clock", _RTC)
        if s is not None:
            return s
    except (TypeError, ValueError, OverflowError):
        pass
    raise Refused(errno.EINVAL, "clock", _FORM % FIRST_YEAR)


def get(modem, strict: bool = True):
    """The modem's clock. A generator for aio.drive(); Modem.clock() is the call that blocks.
    strict: what can't be read is an error, else as if it was never set.

    Returns: (year, month, day, hour, minute, second, quarters of an hour from UTC); None if it was
        never set.
    Raises: nothing.
    Blocks: the task alone.
    Allocates: the tuple.
    Since: 0.1.
    """
    lines = yield from modem.at.want(b"AT+CCLK?", "clock", "the modem has no clock", b"+CCLK:")
    t = parse(lines[0]) if lines else None
    if t is None and strict:
        hint = "the modem's clock can't be read; ask again, or set it: modem.clock(t)"
        raise Error(errno.EIO, "clock", hint)
    # No zone is farther from UTC than 14 h.
    return t if t and FIRST_YEAR <= t[0] < END_YEAR and -57 < t[6] < 57 else None


def put(modem, t):
    # Sets the clock to the time t, in UTC, see seconds().
    modem.link.drive(putting(modem, t))


def putting(modem, t):
    """Sets the modem's clock to the time t, in UTC. A generator for aio.drive().

    Returns: None.
    Raises: qssl.Refused for what is no time; qssl.Error if the modem refuses it.
    Blocks: the task alone.
    Allocates: little.
    Since: 0.1.
    """
    s = seconds(t)
    yield from setting(modem, s)
    modem.stated = (ticks_ms(), s)


def setting(modem, s):
    # Generator: sets the clock to UTC, without a zone: so it can't be read in two ways.
    y, m, d, hh, mm, ss = civil(s)[:6]
    line = b'AT+CCLK="%02d/%02d/%02d,%02d:%02d:%02d+00"' % (y % 100, m, d, hh, mm, ss)
    yield from modem.at.want(line, "clock", "the modem refused the time")


def network(modem):
    # Generator: (seconds, quarters) as the network told it: the time, running on, and the zone
    # (AT+QLTS=1, whose digits are UTC also behind a local zone). None: it told nothing, or nothing
    # that could be.
    t = None
    if (yield from modem.at.ask(b"AT+QLTS=1", b"+QLTS:")) == _l.OK and modem.at.lines:
        t = parse(modem.at.lines[0])
    return None if t is None else (unix(*t[:6]), t[6])


def adopt(modem):
    # Generator, for start(): with AT+CTZU=1 the modem takes the network's time, if that comes
    # after the command. If it came before, or was written in local time, this takes it: True. A
    # clock that is set already is left as it is. Not where a Timekeeper decides what is believed.
    if modem.keeper is not None:
        return False
    if (yield from modem.at.ask(b"AT+CCLK?", b"+CCLK:")) != _l.OK or not modem.at.lines:
        return False
    shown = parse(modem.at.lines[0])
    if shown is not None and FIRST_YEAR <= shown[0] < END_YEAR and not shown[6]:
        return False
    told = yield from network(modem)
    if told is None or not FIRST_YEAR <= civil(told[0])[0] < END_YEAR:
        return False
    yield from setting(modem, told[0])
    return True


def known(modem):
    # Generator: raises unless the modem has a time by which it can check certificates.
    if (yield from get(modem)) is None and not (yield from adopt(modem)):
        how = "the modem's clock was never set (%s): modem.clock((y, m, d, h, mi, s)) in UTC, "
        how += "NTP by qssl.timekeeper, or check_time=False"
        why = modem.keeper.why() if modem.keeper else "the network tells no usable time"
        raise Refused(errno.EACCES, "tls", how % why)
