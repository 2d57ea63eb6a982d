# ugsim.model.at.escape - finds "+++" with its guard times in a stream of data.
# SPDX-License-Identifier: MIT

GUARD_MS = 1000  # silence before and after, and the time in which it is typed (manual 1.3, item 4)


class Escape:
    # feed() everything that comes; data(bytes) gets what is payload, escaped() is called once the
    # three rules of the manual are kept. Plus signs that break a rule are payload.

    def __init__(self, model, data, escaped):
        self._m = model
        self._data = data
        self._escaped = escaped
        self._plus = b""  # plus signs that may become the escape
        self._plus_ms = 0  # when the first of them came
        self._last_ms = model.now  # when the last byte came
        self._timer = None

    def feed(self, data):
        now = self._m.now
        if self._plus:
            tried = self._plus + data
            if tried == b"+++"[: len(tried)] and now - self._plus_ms < GUARD_MS:
                self._wait(tried)
            else:
                self.flush()
                self._data(data)
        elif now - self._last_ms >= GUARD_MS and data == b"+++"[: len(data)]:
            self._plus_ms = now
            self._wait(data)
        else:
            self._data(data)
        self._last_ms = now

    def _wait(self, plus):
        m = self._m
        self._plus = plus
        m.timers.cancel(self._timer)
        due = (m.now if len(plus) == 3 else self._plus_ms) + GUARD_MS
        self._timer = m.timers.at(due, self._silence)

    def _silence(self):
        if self._plus == b"+++":
            self._plus = b""
            self._escaped()
        else:
            self.flush()

    def flush(self):
        # It was no escape: the plus signs are payload.
        self._m.timers.cancel(self._timer)
        plus = self._plus
        self._plus = b""
        if plus:
            self._data(plus)

    def held(self):
        # Number of plus signs that are neither payload nor an escape yet.
        return len(self._plus)

    def stop(self):
        # The data mode has ended in another way.
        self._m.timers.cancel(self._timer)
        self._plus = b""
