# qssl.uplink.seconds - counts seconds for years, over ticks that come round after 12 days.
# SPDX-License-Identifier: MIT

from time import ticks_add, ticks_diff, ticks_ms

_LAST = ticks_add(0, -1)  # the greatest


class Seconds:
    # s: where it stands. It has to be asked once in 12 days at least. Allocates nothing, unless s
    # is more than a small integer holds.
    def __init__(self):
        self._ticks = ticks_ms()
        self.s = 0

    def now(self):
        now = ticks_ms()
        n = ticks_diff(now, self._ticks)
        if n < 0:
            n = n + _LAST + 1  # more than 6 days
        if n > 999:
            self._ticks = ticks_add(now, -(n % 1000))
            self.s += n // 1000
        return self.s
