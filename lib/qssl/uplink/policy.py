# qssl.uplink.policy - when the uplink sends: every so often, at a number of records, at an age,
# what is urgent at once; not in quiet hours; and never a whole fleet at one moment.
# SPDX-License-Identifier: MIT
"""
from qssl.uplink.policy import Policy

policy = Policy(up, every_s=3600, records=50, quiet=(22, 6), zone_min=60, between="off")
up.put(b'{"t": 21.5}')               # goes when it is time
policy.put(b'{"door": 1}', True)     # goes at once
policy.run()                         # what it is time for; or up.step(), up.task(), as without
"""
#
# Uplink knows nothing of this: the policy stands before the steps() of its recovery, which come
# before whatever the uplink does, and holds them up between two windows. A window begins when it
# is time and ends when all has gone, or after window_s.

import errno
from binascii import crc32
from os import urandom
from struct import pack, unpack
from time import ticks_add, ticks_ms

from micropython import const

from ..errors import Refused
from .seconds import Seconds

_DAY_S = const(86400)
_AGAIN_MAX_S = const(21600)  # the longest pause after windows in which nothing got through
_FAILURES = const(16)
_PAUSE_MAX_MS = const(30000)  # between two tries in a window
_LOOK_MS = const(1000)
_NEVER = const(0xFFFFFFFF)
_WAIT_MAX_S = const(432000)  # ticks come round
_FORM = ">4sIIIIIB"  # mark, age, last, hold, urgent, later, failures
_MAGIC = b"QSP1"
_SIZE = const(29)  # with its checksum


class Policy:
    """Decides when an Uplink sends. Made after its Inbox and Settings, before its first step.

    every_s: a window so often, if there is something to send or an Inbox wants to ask. records: as
    soon as so many wait. age_s: as soon as the oldest waits so long. Whichever comes first; with
    none of them, whatever there is goes at once. Urgent records go at once, and as all arrive in
    order, what waits before them goes with them.

    quiet: (from, to), hours of the day, 0 to 24, such as (22.5, 6), in the time that is zone_min
    minutes ahead of UTC: only what is urgent goes then. While nobody knows the time, there are no
    quiet hours: else a board that learns it from the network would never learn it.

    spread_s: each window but an urgent one begins up to so much later, by chance. window_s: no
    try begins later than that in a window; one that runs is ended by timeout_s of the Uplink and
    start_s of the Recovery. again_s: after a window in which nothing got through, no other one for
    so long, doubled each time, 6 h at most, and up to half as long again by chance; for what is
    urgent, too. may(): is asked before a window; False: only what is urgent goes, as when a budget
    is spent.

    between: what becomes of the modem between two windows: "on", "sleep" (Modem.sleep(): DTR is
    needed) or "off" (Modem.off(); the Uplink needs a Recovery, which starts it again). The
    connection is closed in any case. clock: what has now(), seconds since 1970 or None, for quiet
    hours; without it that of the Uplink. memory: what keep() gave before the board slept deeply.

    every_s, records, age_s, spread_s, window_s and again_s may be changed at any time, such as by
    a watcher of Settings. Counters: windows, failures (windows in a row in which nothing got
    through); error: why the modem could not be switched off or sent to sleep, None if it could.

    Raises: qssl.Refused for arguments.
    Blocks: no.
    Allocates: little.
    Since: 0.2.
    """

    def __init__(
        self,
        up,
        every_s: int = 0,
        records: int = 0,
        age_s: int = 0,
        quiet: tuple | None = None,
        zone_min: int = 0,
        spread_s: int = 30,
        window_s: int = 180,
        again_s: int = 600,
        may=None,
        between: str = "on",
        clock=None,
        memory: bytes | None = None,
    ) -> None:
        if not isinstance(zone_min, int) or abs(zone_min) > 1440:
            raise _refused("zone_min must be minutes, -1440 to 1440")
        recover = up._recover
        _check_between(up, between)
        self._quiet = _hours(quiet)
        self._clock = clock or up._clock
        if self._quiet and self._clock is None:
            raise _refused("quiet needs a clock: a Recovery, or clock=")
        self._up = up
        self.every_s = _whole("every_s", every_s)
        self.records = _whole("records", records)
        self.age_s = _whole("age_s", age_s)
        self._zone = zone_min * 60
        self.spread_s = _whole("spread_s", spread_s)
        self.window_s = _whole("window_s", window_s, 1)
        self.again_s = _whole("again_s", again_s)
        self._may = may
        self._between = between
        # Seconds count from when this was made.
        self._time = Seconds().now
        self._last = 0  # when the last window began, or should have begun
        self._oldest = None  # since when something has waited ...
        self._full = None  # ... and so many records
        self._hold = 0  # the next window after one in which not all has gone; 0: it has
        self._urgent = 0  # the highest urgent id
        self._later = self._chance(spread_s)  # by how much the next window is put off
        self._until = None  # end of the window; None: there is none
        self._got = 0  # what had got through when it began
        self._gone = self._passed()
        self._down = False  # the modem sleeps, or is off
        self._busy = False  # a window, or its end, is under way
        self._at = None  # how far a job of files is
        self.windows = self.failures = 0
        self.error = None
        if memory:
            self._recall(memory)
        if recover is None:
            up._recover = self
            self._inner = None
        else:
            self._inner = recover.steps
            recover.steps = self.steps
        up._pause_max_ms = min(up._pause_max_ms, _PAUSE_MAX_MS)
        up.close()  # its steps begin anew, with this in them

    # --- for programs ---

    def put(self, record: bytes, urgent: bool = False) -> int:
        """Takes a record, as Uplink.put().

        urgent: it goes at once, in quiet hours too, with all that waits before it.

        Returns: its id.
        Raises: as Uplink.put().
        Blocks: while the file system writes.
        Allocates: little.
        Since: 0.2.
        """
        number = self._up.put(record)
        if urgent:
            self._urgent = number
        self._waits()
        return number

    def now(self) -> None:
        """All that waits is urgent, and messages are asked for, also right after a failure: at a
        press of a button, or when a program ends.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        self._hold = 0
        self._urgent = _NEVER
        if self._inbox() is not None:
            self._inbox()._want = True

    def wait_s(self) -> int | None:
        """In how many seconds the next window begins, as far as is known now; a record that is put
        may bring it forward.

        Returns: int, five days at most: ask again then; 0: it is time, or a window is open; None:
            nothing waits.
        Raises: what may() raises.
        Blocks: no.
        Allocates: little.
        Since: 0.2.
        """
        if self._busy:
            return 0
        at = self._next()
        return None if at is None else min(max(at - self._time(), 0), _WAIT_MAX_S)

    def run(self) -> int:
        """What it is time for: a whole window to its end, with what `between` says. Nothing, if it
        is not time.

        Returns: the number of records that wait.
        Raises: nothing.
        Blocks: window_s, the try that runs at its end, and 75 s for switching off, at most.
        Allocates: while a batch is made.
        Since: 0.2.
        """
        up = self._up
        if self.wait_s() == 0:
            windows = self.windows
            while self.windows == windows:
                up.step()
                up._modem.link.wait(None)
        return len(up.queue)

    def keep(self, sleep_s: int = 0) -> bytes:
        """What is to be known after a deep sleep of sleep_s seconds, in which all else is lost:
        for memory=. A window that is open ends with that.

        Returns: 29 bytes.
        Raises: nothing.
        Blocks: no.
        Allocates: the bytes.
        Since: 0.2.
        """
        if self._until is not None:
            self._ended()
        self._waits()
        now = self._time() + int(sleep_s)
        data = pack(
            _FORM,
            _MAGIC,
            _NEVER if self._oldest is None else now - self._oldest,
            now - self._last,
            max(self._hold - now, 1) if self._hold else 0,
            self._urgent,
            self._later,
            self.failures,
        )
        return data + pack(">I", crc32(data))

    # --- when it is time ---

    def _recall(self, memory):
        if len(memory) != _SIZE or crc32(memory[:-4]) != unpack(">I", memory[-4:])[0]:
            return  # not ours, or damaged: as after a power cut
        magic, age, last, hold, urgent, later, failures = unpack(_FORM, memory[:-4])
        if magic != _MAGIC:
            return
        if age != _NEVER:
            self._oldest = -age
        self._last = -last
        self._hold = min(hold, 2 * _AGAIN_MAX_S)
        self._urgent = urgent
        self._later = min(later, self.spread_s)
        self.failures = min(failures, _FAILURES)

    def _chance(self, most):
        # A number from 0 to most.
        a = urandom(3)
        return (a[0] << 16 | a[1] << 8 | a[2]) * (most + 1) >> 24

    def _inbox(self):
        return getattr(self._up._carrier, "inbox", None)

    def _jobs(self):
        # The jobs of a qssl.uplink.files: while one goes on, a window does not end.
        return getattr(self._up, "jobs", None)

    def _passed(self):
        up = self._up
        return up.delivered + up.rejected

    def _waits(self):
        # How many records wait; notes since when.
        n = len(self._up.queue)
        gone = self._passed()
        if not n:
            self._oldest = self._full = None
        elif self._oldest is None or gone != self._gone:
            self._oldest = self._time()
            self._full = None
        most = self.records or (0 if self.every_s or self.age_s else 1)
        if most and n >= most and self._full is None:
            self._full = self._time()
        self._gone = gone
        return n

    def _pressing(self, n):
        # Something waits that is urgent.
        inbox = self._inbox()
        if inbox is not None and inbox._want and inbox.due_s() is not None:
            return True
        if self._urgent and n:
            if self._urgent == _NEVER:
                return True
            try:
                if self._up.queue.peek(1)[0][0] <= self._urgent:
                    return True
            except (OSError, IndexError):
                return True
        self._urgent = 0
        return False

    def _next(self):
        # When the next window begins; None: nothing waits.
        n = self._waits()
        if self._pressing(n):
            return self._hold
        at = None
        if self._jobs():
            at = self._time()
        if n:
            at = _earlier(at, self._full) if self._full is not None else at
            if self.age_s:
                at = _earlier(at, self._oldest + self.age_s)
            if self.every_s:
                at = _earlier(at, max(self._last + self.every_s, self._oldest))
        inbox = self._inbox()
        if inbox is not None:
            due = inbox.due_s()
            if due is not None:
                at = _earlier(at, self._time() + due)
        if self._hold and (n or at is not None):
            at = self._hold
        elif at is not None:
            at += self._later
        if at is None or (self._may is not None and not self._may()):
            return None
        return self._after(at)

    def _after(self, at):
        # Not in quiet hours, as far as the time is known. They end for all of a fleet at once.
        if self._quiet is None:
            return at
        s = self._clock.now()
        if s is None:
            return at
        now = self._time()
        s += self._zone - now
        begin, end = self._quiet
        ended = now - (s + now - end) % _DAY_S
        if at < ended:
            at = ended + self._later
        at = max(at, now)
        into = (s + at - begin) % _DAY_S
        long = (end - begin) % _DAY_S
        return at if into >= long else at + long - into + self._later

    # --- what it does with the uplink ---

    def steps(self, failures=0):
        # In the place of the recovery's: holds up the uplink until it is time, then does what that
        # does. A generator for Link.drive.
        up = self._up
        if self._until is not None and self._over():
            yield from self._end()
        if self._until is None:
            yield from self._rests()
            self._begin()
            if self._down and self._between == "sleep":
                from .. import power

                yield from power.wake_steps(up._modem)
            elif self._down:
                up._silent = failures = 0  # it was off: there is no ladder to climb
            self._down = False
        if self._inner is not None:
            yield from self._inner(failures)

    def _rests(self):
        # Until it is time. A put() is seen at once.
        up = self._up
        while True:
            at = self._next()
            if at is not None and at <= self._time():
                return
            seen = len(up.queue), self._urgent
            due = ticks_add(ticks_ms(), _LOOK_MS)
            on = True
            while on and seen == (len(up.queue), self._urgent):
                up._rest = True
                on = yield due

    def _begin(self):
        self._busy = True
        now = self._time()
        # "Every hour" stays that, however late the windows begin.
        late = now - self._last - self.every_s
        self._last = now if late < 0 or late >= self.every_s else now - late
        self._until = now + self.window_s
        self._got = self._passed() + self._asked()

    def _asked(self):
        inbox = self._inbox()
        return 0 if inbox is None else inbox._asks

    def _over(self):
        # Whether the window has come to its end.
        jobs = self._jobs()
        if jobs and jobs[0].at != self._at:
            self._at = jobs[0].at
            self._until = max(self._until, self._time() + self.window_s)
        if self._time() >= self._until:
            return True
        if jobs:
            return False
        inbox = self._inbox()
        if len(self._up.queue) or (inbox is not None and inbox._new and self._up.on_message):
            return False
        due = None if inbox is None else inbox.due_s()
        return due is None or due > 0

    def _ended(self):
        now = self._time()
        self._until = None
        self._later = self._chance(self.spread_s)
        self._hold = 0
        inbox = self._inbox()
        due = None if inbox is None else inbox.due_s()
        got = self._passed() + self._asked() != self._got
        if len(self._up.queue) or self._jobs() or (due is not None and due <= 0):
            pause = min(self.again_s << self.failures, _AGAIN_MAX_S)
            self._hold = now + pause + self._chance(pause // 2)
            self.failures = 0 if got else min(self.failures + 1, _FAILURES)
        else:
            self.failures = 0
        if self._urgent == _NEVER and got:
            self._urgent = 0

    def _end(self):
        up = self._up
        self._ended()
        up._drop()
        self.error = None
        try:
            if self._between != "on":
                from .. import power

                self._down = True
                if self._between == "off":
                    yield from power.off_steps(up._modem)
                else:
                    yield from power.sleep_steps(up._modem)
        except OSError as e:
            self.error = e
        finally:
            self.windows += 1
            self._busy = False


def _earlier(a, b):
    return b if a is None or b < a else a


def _whole(name, value, least=0):
    # The value, if it can be.
    if not isinstance(value, int) or not least <= value < 1 << 28:
        raise _refused("%s must be a whole number, %d or more" % (name, least))
    return value


def _check_between(up, between):
    if between not in ("on", "sleep", "off"):
        raise _refused('between must be "on", "sleep" or "off"')
    if between == "off" and up._recover is None:
        raise _refused('between="off" needs a Recovery, to start it again')
    if between == "sleep" and up._modem.pins[2] is None:
        raise _refused('between="sleep" needs DTR, to wake it')


def _hours(quiet):
    # (from, to) in seconds of the day; None: no quiet hours.
    if quiet is None:
        return None
    try:
        begin, end = quiet
        good = 0 <= begin <= 24 and 0 <= end <= 24 and begin != end and abs(end - begin) < 24
    except (TypeError, ValueError):
        good = False
    if not good:
        raise _refused("quiet must be (from, to), hours, 0 to 24, not all of a day")
    return int(begin * 3600), int(end * 3600)


def _refused(hint):
    return Refused(errno.EINVAL, "policy", hint)
