# qdemo.judge - whether every record arrived once and in order.
# SPDX-License-Identifier: MIT
#
# A record whose confirmation got lost has to be sent again: the board can't know that it had
# arrived. Its second arrival is dropped by its number, as every receiver should; but only if the
# board said that the first was not confirmed. Without that a second arrival is a fault.

NEW, AGAIN, WRONG = "new", "again", "wrong"


class Judge:
    def __init__(self, count):
        self.count = count  # records 1..count are to come
        self.sent = {}  # number -> text that the board sent last
        self.confirmed = set()
        self.arrived = {}  # number -> arrivals
        self._failed = {}  # number -> attempts that the board knows to have failed
        self._order = []  # numbers as they came first
        self._texts = {}

    # What the board says

    def on_sent(self, n, text):
        self.sent[n] = text

    def on_failed(self, n):
        self._failed[n] = self._failed.get(n, 0) + 1

    def on_confirmed(self, n):
        self.confirmed.add(n)

    # What the server got

    def on_arrived(self, record):
        # NEW, AGAIN (of no harm as far as is known yet), or WRONG: no such record.
        n = record.n
        known = n in self.arrived
        self.arrived[n] = self.arrived.get(n, 0) + 1
        if known:
            return AGAIN
        self._order.append(n)
        self._texts[n] = record.text
        return NEW if 1 <= n <= self.count else WRONG

    def complete(self):
        return all(n in self.arrived for n in range(1, self.count + 1))

    def repeats(self):
        # Arrivals that were dropped by their number.
        return sum(times - 1 for times in self.arrived.values())

    def faults(self):
        # What is wrong, as sentences; none if every record arrived once and in order.
        wanted = range(1, self.count + 1)
        found = []
        lost = [n for n in wanted if n not in self.arrived]
        if lost:
            found.append("%s never arrived." % _records(lost))
        strange = [n for n in self._order if n not in wanted]
        if strange:
            found.append("%s arrived, but should not exist." % _records(strange))
        if self._order != sorted(self._order):
            found.append("They arrived out of order: %s." % _numbers(self._order))
        doubled = [n for n in wanted if self.arrived.get(n, 0) > 1 + self._failed.get(n, 0)]
        if doubled:
            found.append("%s arrived more often than the board sent it." % _records(doubled))
        changed = [n for n in wanted if n in self._texts and self._texts[n] != self.sent.get(n)]
        if changed:
            found.append("%s arrived with other contents than were sent." % _records(changed))
        unsure = [n for n in wanted if n in self.arrived and n not in self.confirmed]
        if unsure:
            found.append("%s arrived, but the board never learned it." % _records(unsure))
        return found


def _records(numbers):
    return "Record %d" % numbers[0] if len(numbers) == 1 else "Records " + _numbers(numbers)


def _numbers(numbers):
    shown = [str(n) for n in numbers[:12]]
    return ", ".join(shown) + (", ..." if len(numbers) > 12 else "")
