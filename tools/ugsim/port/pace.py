# ugsim.port.pace - how many bytes a UART has carried by now.
# SPDX-License-Identifier: MIT

BITS_PER_BYTE = 10  # 8N1: start bit, eight data bits, stop bit
_BURST_S = 0.001  # wake up no more often than this while bytes run
# Waking up and writing take about this long, so both begin as much earlier. The line's clock is
# not touched by it: the rate stays what it is.
_EARLY_S = 0.0001


class Pace:
    # One direction of the line. Times are seconds of a monotonic clock.

    def __init__(self, now):
        self._clock = now  # the line has carried everything up to here
        self._idle = True

    def idle(self):
        # Nothing waits: the next byte starts when it comes, not before.
        self._idle = True

    @property
    def clock(self):
        # When the last byte had gone over the line.
        return self._clock

    def ready(self, now, waiting, baud, since=None):
        # How many of `waiting` bytes have gone over the line by now. baud 0: as fast as it goes.
        # `since`: when they came, if the line was idle then; else they come now.
        if self._idle and waiting:
            self._clock = now if since is None else max(self._clock, since)
            self._idle = False
        if not baud:
            return waiting
        return min(waiting, int((now + _EARLY_S - self._clock) * baud / BITS_PER_BYTE))

    def carried(self, count, now, baud):
        # `count` bytes were handed over.
        if baud:
            self._clock += count * BITS_PER_BYTE / baud
        else:
            self._clock = now

    def blocked(self, now):
        # The receiver holds the line: time passes without bytes.
        self._clock = now

    def next_s(self, waiting, baud):
        # When to look again: all bytes through, or a burst of them.
        if not waiting:
            return None
        if not baud:
            return self._clock
        burst = max(_BURST_S, 1.05 * BITS_PER_BYTE / baud)
        return self._clock - _EARLY_S + min(waiting * BITS_PER_BYTE / baud, burst)
