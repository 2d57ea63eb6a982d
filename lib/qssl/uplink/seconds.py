# qssl.uplink.seconds - counts seconds for years, over ticks that come round after 12 days.
# SPDX-License-Identifier: MIT

from time import ticks_add, ticks_diff, ticks_ms


class Seconds:
    # s: where it stands. It has to be asked once in 6 days at least. Allocates nothing, unless s
    # is more than a small integer holds.
    def __init__(self):
        self._ticks = ticks_ms()
        self.s = 0

    def now(self):
        n = ticks_diff(ticks_ms(), self._ticks) // 1000
        if n > 0:
            self._ticks = ticks_add(self._ticks, n * 1000)
            self.s += n
        return self.s
