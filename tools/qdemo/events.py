# qdemo.events - what the board, the modem and the server do, from all threads into one order.
# SPDX-License-Identifier: MIT

import heapq
import itertools
import threading
import time

# An event is given out when it is this old: the trace of the modem is read a little late.
_HOLD_S = 0.06


class Events:
    def __init__(self):
        self._heap = []
        self._serial = itertools.count()
        self._changed = threading.Condition()

    def put(self, source, item, at=None):
        # at: Unix time of the event, now if left out.
        with self._changed:
            at = time.time() if at is None else at
            heapq.heappush(self._heap, (at, next(self._serial), source, item))
            self._changed.notify()

    def get(self, timeout_s):
        # The oldest event as (at, source, item); None if there was none in that time.
        end = time.time() + timeout_s
        with self._changed:
            while True:
                now = time.time()
                if self._heap and self._heap[0][0] + _HOLD_S <= now:
                    at, _, source, item = heapq.heappop(self._heap)
                    return at, source, item
                if now >= end:
                    return None
                due = self._heap[0][0] + _HOLD_S if self._heap else end
                self._changed.wait(max(0.001, min(due, end) - now))
