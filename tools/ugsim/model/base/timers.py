# ugsim.model.base.timers - what is to happen at which virtual millisecond.
# SPDX-License-Identifier: MIT


class Timers:
    # A handful of entries at a time, so a plain sorted list beats anything clever.

    def __init__(self):
        self._entries = []  # [due_ms, number, function], the earliest first
        self._number = 0
        self.first = None  # due time of the earliest entry, or None

    def at(self, due_ms, function):
        # Calls function() once run() reaches due_ms. Returns a handle for cancel().
        self._number += 1
        entry = [due_ms, self._number, function]
        entries = self._entries
        i = len(entries)
        while i and entries[i - 1][0] > due_ms:
            i -= 1
        entries.insert(i, entry)
        self.first = entries[0][0]
        return entry

    def cancel(self, entry):
        # Does nothing when the entry has fired already or is None.
        if entry is not None and entry in self._entries:
            self._entries.remove(entry)
            self._look()

    def _look(self):
        self.first = self._entries[0][0] if self._entries else None

    def next_ms(self):
        return self.first

    def due(self, now_ms):
        # True when the earliest entry is due.
        return self.first is not None and self.first <= now_ms

    def pop_due(self, now_ms):
        # Removes and returns (due_ms, function) of the earliest entry that is due, else None.
        if not self.due(now_ms):
            return None
        due, _, function = self._entries.pop(0)
        self._look()
        return due, function

    def clear(self):
        self._entries = []
        self.first = None
