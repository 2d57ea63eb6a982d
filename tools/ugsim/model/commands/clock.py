# ugsim.model.commands.clock - the modem's real-time clock (manual 1.4).
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import decimal
from ugsim.model.errors import OK, Refused

_DAY = 86400


def days(year, month, day):
    # Days from 1970-01-01 to a date of the Gregorian calendar.
    if month <= 2:
        year -= 1
        month += 12
    leaps = year // 4 - year // 100 + year // 400
    return 365 * year + leaps + (153 * month - 457) // 5 + day - 719469


def date(day):
    # (year, month, day) of a number of days since 1970-01-01.
    z = day + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (1 if month <= 2 else 0), month, doy - (153 * mp + 2) // 5 + 1


def parse(text):
    # "yy/MM/dd,hh:mm:ss[+zz]" -> (local seconds since 1970, zone in quarters of an hour).
    # Two-digit years from 70 on belong to the last century. Refused when it is no date.
    if len(text) not in (17, 20):
        raise Refused
    if text[2] != "/" or text[5] != "/" or text[8] != "," or text[11] != ":" or text[14] != ":":
        raise Refused
    n = []
    for i in (0, 3, 6, 9, 12, 15):
        part = text[i : i + 2]
        if not decimal(part):
            raise Refused
        n.append(int(part))
    year = n[0] + (1900 if n[0] >= 70 else 2000)
    zone = 0
    if len(text) == 20:
        if text[17] not in "+-" or not decimal(text[18:]):
            raise Refused
        zone = int(text[18:])
        if zone > 96:
            raise Refused
        if text[17] == "-":
            zone = -zone
    if not 1 <= n[1] <= 12 or n[2] < 1 or n[3] > 23 or n[4] > 59 or n[5] > 59:
        raise Refused
    day = days(year, n[1], n[2])
    if date(day)[1] != n[1]:
        raise Refused
    return day * _DAY + n[3] * 3600 + n[4] * 60 + n[5], zone


def show(local_s, zone):
    # The text that parse() takes.
    year, month, day = date(local_s // _DAY)
    s = local_s % _DAY
    sign = "-" if zone < 0 else "+"
    return "%02d/%02d/%02d,%02d:%02d:%02d%s%02d" % (
        year % 100,
        month,
        day,
        s // 3600,
        s // 60 % 60,
        s % 60,
        sign,
        abs(zone),
    )


class Clock:
    # Local time and zone as AT+CCLK shows them.

    def __init__(self, model):
        self._m = model
        self.reset()

    def reset(self):
        # Power-up without a battery: the RTC starts at its default date.
        local_s, zone = parse(self._m.sw["rtc_default"] + ",00:00:00+00")
        self.set(local_s, zone)
        self.synchronised = None  # Unix seconds of the last network time, for AT+QLTS

    def set(self, local_s, zone):
        self._base_s = local_s - self._m.now // 1000
        self.zone = zone

    def local(self):
        return self._base_s + self._m.now // 1000

    def unix(self):
        # Unix seconds (UTC), what certificates are checked against.
        return self.local() - self.zone * 900

    def registered(self):
        # The network tells its time; with AT+CTZU=1 the clock takes it.
        self.synchronised = self._m.network.unix()
        if self._m.zone_update:
            zone = self._m.network.zone
            self.set(self.synchronised + zone * 900, zone)


def cclk(m, form, args):
    # AT+CCLK (27.007 8.15; manual 1.4)
    if form == "test":
        return OK
    if form == "read":
        m.out.info('+CCLK: "%s"' % show(m.clock.local(), m.clock.zone))
    elif form == "write":
        args.count(1, 1)
        local_s, zone = parse(args.string(0))
        m.clock.set(local_s, zone)
    else:
        raise Refused
    return OK


def qlts(m, form, args):
    # AT+QLTS: the time of the last network synchronisation; =1 that time running on in UTC, =2 in
    # local time. Empty when the network never told.
    if form == "test":
        m.out.info("+QLTS: (0-2)")
        return OK
    if form == "read":
        raise Refused
    args.count(0, 1)
    mode = args.number(0, 0, 2, 0)
    c = m.clock
    if c.synchronised is None:
        m.out.info('+QLTS: ""')
        return OK
    unix = c.synchronised if mode == 0 else m.network.unix()
    zone = m.network.zone
    local = unix if mode == 1 else unix + zone * 900
    m.out.info('+QLTS: "%s,0"' % show(local, zone))
    return OK


COMMANDS = {"+CCLK": cclk, "+QLTS": qlts}
