# qsoak.lived - how long a program has really run, on a computer that others keep busy, too.
# SPDX-License-Identifier: MIT

import contextlib
import time
from pathlib import Path

_PROC = Path("/proc")


class Lived:
    # Of a process and all that it has started. seconds: what has passed, without the time in which
    # they waited for a processor; where the system does not tell that, all of it. cpu: seconds of
    # processor time. Both go on with each look(); what begins and ends between two is not seen.
    def __init__(self, pid):
        self.seconds = self.cpu = 0.0
        self._pid = pid
        self._seen = {}  # thread: (ns on a processor, ns waiting for one)
        self._waited = 0.0
        self._last = time.monotonic()

    def look(self):
        for pid in _family(self._pid):
            for thread in (_PROC / str(pid) / "task").glob("*/schedstat"):
                with contextlib.suppress(OSError, ValueError):  # it has ended
                    ran, waits, _ = thread.read_text().split()
                    self._seen[thread] = int(ran), int(waits)
        waited = sum(waits for _, waits in self._seen.values()) / 1e9
        now = time.monotonic()
        # It may be more than has passed, as several can wait at a time.
        self.seconds += max(0.0, now - self._last - (waited - self._waited))
        self.cpu = sum(ran for ran, _ in self._seen.values()) / 1e9
        self._last = now
        self._waited = waited


def _family(pid):
    # It, and all whose parents are among them.
    children = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, ())
    return found
