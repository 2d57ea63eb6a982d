# qfleet.cost - what the servers' processes take: processor time and memory.
# SPDX-License-Identifier: MIT

import contextlib
import os
import re
from pathlib import Path

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")


class Cost:
    # whose(): the ids of a server's processes that there are now. What ends between two looks
    # takes with it what it used since the former one.
    def __init__(self, whose):
        self._whose = whose
        self._used = {}  # process: seconds
        self.memory = 0  # bytes of all of them that are not shared, the most that was seen

    def look(self):
        memory = 0
        for pid in self._whose():
            with contextlib.suppress(OSError, TypeError):  # it has ended
                fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
                # proc(5): utime and stime are fields 14 and 15
                self._used[pid] = (int(fields[11]) + int(fields[12])) / _TICK
                text = (_PROC / str(pid) / "status").read_text()
                memory += 1024 * int(re.search(r"RssAnon:\s*(\d+)", text)[1])
        self.memory = max(self.memory, memory)

    @property
    def seconds(self):
        return sum(self._used.values())


def children(pid):
    # It, and those that it has started.
    found = [pid]
    with contextlib.suppress(OSError):
        text = (_PROC / str(pid) / "task" / str(pid) / "children").read_text()
        found += [int(word) for word in text.split()]
    return found
