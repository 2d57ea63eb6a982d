# ugsim.model.commands.clock - the modem's real-time clock (manual 1.4).
# SPDX-License-Identifier: MIT

from ugsim.model.at.args import decimal
from ugsim.model.errors import OK, Refused
from ugsim.model.network import LIES

_DAY = 86400
_NTP_MOST_MS = 125000  # the modem waits no longer
_NO_ANSWER = 569
_BUSY = 552


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


def show(local_s, zone, four=False):
    # The text that parse() takes. four: digits of the year.
    year, month, day = date(local_s // _DAY)
    s = local_s % _DAY
    sign = "-" if zone < 0 else "+"
    return "%s/%02d/%02d,%02d:%02d:%02d%s%02d" % (
        "%04d" % year if four else "%02d" % (year % 100),
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
        self.zone_report = 0  # AT+CTZR
        self.ntp = Ntp(model)
        self.reset()

    def reset(self):
        # Power-up without a battery: the RTC starts at its default date.
        local_s, zone = parse(self._m.sw["rtc_default"] + ",00:00:00+00")
        self.set(local_s, zone)
        self.told = None  # the last network time: Unix seconds, those at virtual ms 0, zone

    def set(self, local_s, zone, utc_digits=False):
        # utc_digits: the digits are UTC, whatever the zone says.
        self._base_s = local_s - self._m.now // 1000
        self.zone = zone
        self._utc_digits = utc_digits

    def local(self):
        return self._base_s + self._m.now // 1000

    def text(self):
        # As AT+CCLK? shows it.
        return '"%s"' % show(self.local(), self.zone)

    def unix(self):
        # Unix seconds (UTC), what certificates are checked against.
        return self.local() - (0 if self._utc_digits else self.zone * 900)

    def registered(self):
        # The network tells its time (NITZ), at once or later.
        m = self._m
        if m.sw["nitz"] == "yes":
            if m.sw["nitz_ms"]:
                m.timers.at(m.now + m.sw["nitz_ms"], self._tell)
            else:
                self._tell()

    def _tell(self):
        # With AT+CTZU=1 the clock takes what the network tells.
        m = self._m
        unix, zone = m.network.told()
        self.told = (unix, unix - m.now // 1000, zone)
        m.event("nitz", "%s, zone %d" % (show(unix, zone), zone))
        if m.zone_update:
            self.take(unix, zone)
        if self.zone_report == 1:
            m.out.urc('+CTZV: "%s%02d"' % ("-" if zone < 0 else "+", abs(zone)))
        elif self.zone_report == 2:
            sign = "-" if zone < 0 else "+"
            text = show(unix + zone * 900, 0, True)[:-3]
            m.out.urc('+CTZE: "%s%02d",%d,"%s"' % (sign, abs(zone), m.network.summer, text))

    def take(self, unix, zone):
        # The clock is set by the network or by NTP; with AT+CTZU=3 to local time.
        if self._m.sw["rtc_digits"] == "utc" and self._m.zone_update != 3:
            self.set(unix, zone, True)
        else:
            self.set(unix + zone * 900, zone)


class Ntp:
    # AT+QNTP: one query at a time; its result is a URC.

    def __init__(self, model):
        self._m = model
        self.asked = None  # (server, port) while a query runs

    def start(self, server, port, context):
        m = self._m
        self.asked = (server, port)
        faults = m.faults
        fault = faults.hit("ntp_error")
        if fault:
            m.timers.at(m.now + m.sw["ntp_ms"], lambda: self._end(fault.number("code"), None))
        elif not m.dns.can_resolve(server, context):
            m.timers.at(m.now + m.sw["ntp_ms"], lambda: self._end(565, None))
        elif faults.hit("ntp_never"):
            m.timers.at(m.now + _NTP_MOST_MS, self._forget)
        else:
            ask = getattr(m.net, "ntp", None)
            wrong_s, after_ms, error = ask(server) if ask else (0, 0, 0)
            after_ms = max(after_ms, m.sw["ntp_ms"])
            lie = faults.hit("ntp_lie")
            if lie:
                wrong_s = LIES[lie.text("as")](m.network.unix())
            late = faults.hit("ntp_late")
            # What comes late was read in time: a slow modem, not a slow network.
            unix = m.network.unix() + m.sw["ntp_ms"] // 1000 + wrong_s
            after_ms += late.number("by") if late else 0
            if after_ms >= _NTP_MOST_MS and not late:
                m.timers.at(m.now + _NTP_MOST_MS, lambda: self._end(_NO_ANSWER, None))
            else:
                m.timers.at(m.now + after_ms, lambda: self._end(error, unix))

    def _forget(self):
        self.asked = None

    def _end(self, error, unix):
        m = self._m
        self.asked = None
        if error:
            m.out.urc("+QNTP: %d" % error)
            return
        own = zone = m.clock.zone
        if m.clock.told is not None:
            zone = m.clock.told[2]
        four = m.sw["qntp_year"] == "4"
        form = m.sw["qntp_digits"]
        if form == "utc":  # as seen: the digits are UTC, the zone behind them is not
            text = show(unix, zone, four)
        elif form == "local":
            text = show(unix + own * 900, own, four)
        elif form == "network":
            text = show(unix + zone * 900, zone, four)
        else:
            text = show(unix, 0, four)[:-3]
        if m.sw["qntp_sets"] == "yes":
            m.clock.take(unix, zone)
        m.out.urc('+QNTP: 0,"%s"' % text)


def cclk(m, form, args):
    # AT+CCLK (27.007 8.15; manual 1.4)
    if form == "test":
        return OK
    if form == "read":
        m.out.info("+CCLK: " + m.clock.text())
    elif form == "write":
        args.count(1, 1)
        local_s, zone = parse(args.string(0))
        fault = m.faults.hit("cclk_wrong")
        m.clock.set(local_s + (0 if fault is None else fault.number("by")), zone)
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
    told = m.clock.told
    if told is None:
        empty = m.sw["qlts_empty"]
        if empty == "error":
            raise Refused
        if empty != "nothing":
            m.out.info('+QLTS: ""' if empty == "quotes" else "+QLTS:")
        return OK
    zone = told[2]
    unix = told[0] if mode == 0 else told[1] + m.now // 1000
    local = unix if mode == 1 else unix + zone * 900
    text = show(local, zone, m.sw["qlts_year"] == "4")
    if m.sw["qlts_summer"] == "yes":
        text += ",%d" % m.network.summer
    m.out.info('+QLTS: "%s"' % text)
    return OK


def ctzr(m, form, args):
    # AT+CTZR (27.007 8.41): +CTZV or +CTZE when the network tells its zone and time.
    if form == "test":
        m.out.info("+CTZR: (0-2)")
    elif form == "read":
        m.out.info("+CTZR: %d" % m.clock.zone_report)
    elif form == "write":
        args.count(1, 1)
        m.clock.zone_report = args.number(0, 0, 2)
    else:
        raise Refused
    return OK


def qntp(m, form, args):
    # AT+QNTP=<ctx>,"<server>"[,<port>]: OK, then +QNTP: <err>[,"<time>"] within 125 s
    ntp = m.clock.ntp
    if form == "test":
        m.out.info("+QNTP: (1-%d),<server>,(1-65535)" % m.family.contexts)
        return OK
    if form == "read":
        if ntp.asked is not None:
            m.out.info('+QNTP: "%s",%d' % ntp.asked)
        return OK
    if form != "write":
        raise Refused
    args.count(2, 3)
    context = m.pdp.all[args.number(0, 1, m.family.contexts)]
    server = args.string(1)
    port = args.number(2, 1, 65535, 123)
    if not server:
        raise Refused
    if not context.active:
        raise Refused(572)
    if ntp.asked is not None:
        raise Refused(_BUSY)
    m.finish(OK, lambda: ntp.start(server, port, context.number))
    return None


COMMANDS = {"+CCLK": cclk, "+CTZR": ctzr, "+QLTS": qlts, "+QNTP": qntp}
