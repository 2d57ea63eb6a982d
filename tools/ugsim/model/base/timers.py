# ugsim.model.base.timers - what is to happen at which virtual millisecond.
# SPDX-License-Identifier: MIT


class Timers:
    # A handful of entries at a time, so a plain list beats anything clever.

    def __init__(self):
        self._entries = []  # [due_ms, number, function]
        self._number = 0

    def at(self, due_ms, function):
        # Calls function() once run() reaches due_ms. Returns a handle for cancel().
        self._number += 1
        entry = [due_ms, self._number, function]
        self._entries.append(entry)
        return entry

    def cancel(self, entry):
        # Does nothing when the entry has fired already or is None.
        if entry is not None and entry in self._entries:
            self._entries.remove(entry)

    def next_ms(self):
        # Due time of the earliest entry, or None.
        best = None
        for entry in self._entries:
            if best is None or entry[0] < best:
                best = entry[0]
        return best

    def pop_due(self, now_ms):
        # Removes and returns (due_ms, function) of the earliest entry that is due, else None.
        best = None
        for entry in self._entries:
            if entry[0] <= now_ms and (best is None or entry < best):
                best = entry
        if best is None:
            return None
        self._entries.remove(best)
        return best[0], best[2]

    def clear(self):
        self._entries = []
