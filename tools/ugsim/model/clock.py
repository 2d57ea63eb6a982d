# ugsim.model.clock - the modem's real-time clock.
# SPDX-License-Identifier: MIT


def days(year, month, day):
    # Days from 1970-01-01 to a date of the Gregorian calendar.
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469


class Clock:
    # Local time with a zone in quarters of an hour, as AT+CCLK shows it.

    def __init__(self, model):
        self._m = model
        self.reset()

    def reset(self):
        # Power-up without a battery: the RTC starts at its default date.
        text = self._m.sw["rtc_default"]
        year = int(text[0:2])
        year += 1900 if year >= 70 else 2000
        self.set(days(year, int(text[3:5]), int(text[6:8])) * 86400, 0)

    def set(self, local_s, zone):
        # `local_s`: seconds since 1970 as a clock on the wall there shows them.
        self._base_s = local_s - self._m.now // 1000
        self.zone = zone

    def local(self):
        return self._base_s + self._m.now // 1000

    def unix(self):
        # Unix seconds (UTC).
        return self.local() - self.zone * 900
