# qssl.timekeeper - what time it is, on a board without a clock: from whom, and why believed.
# SPDX-License-Identifier: MIT
"""
from qssl.timekeeper import Timekeeper

clock = Timekeeper(modem, utc=board.utc, ntp=("0.pool.example", "1.pool.example"), path="/time",
                   set=board.set_utc)
up = Uplink(..., recover=Recovery(modem, apn="internet", clock=clock))
clock.now(), clock.source, clock.sure, clock.rejected
"""
# Whom it believes: timesources.

import errno
import os
from binascii import crc32
from struct import pack, unpack
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .errors import Refused

_WRONG_S = const(120)  # two clocks that differ by more do not agree
_KEEP_S = const(86400)  # the file is written once a day, as that wears the flash
_BOOTS = const(8)  # power-ups that the file knows
_NOTES = const(8)  # rejections that are kept
_MAGIC = const(b"QST1")
_MARK = const(b"\xf5\xfe")  # before a stamp; no UTF-8 text begins so
STAMP = const(14)  # bytes: mark, power-up, seconds since then, seconds since 1970 or 0


class Timekeeper:
    """The time, on a board without a clock of its own.

    `utc()` gives (year, month, day, hour, minute, second) in UTC or None, such as `board.utc` or a
    GNSS receiver's. `ntp`: names of servers, "host" or "host:port"; two that agree are needed, so
    give three, of different owners; one alone is asked twice. What the network tells is compared
    with them. `path`: the last time known is kept
    in the files `path` + "0" and "1". `set(t)` is told the time for the board's clock, as
    `board.set_utc`. `years`: the first that can be, and the one that can't any more. `every_s`:
    how often the sources are asked once the time is known. `pdp`: the PDP context for NTP.

    Attributes: `source` ("program", "network", "ntp", "modem", None), `sure`, `when` (seconds
    since power-up when it was believed last), `rejected` (the last 8 of (source, seconds or None,
    why)), `last` (seconds since 1970: the last time known for sure; 0: none).

    Seconds count from 1970-01-01 UTC on every port. now() or steps() must be called at least every
    four days, as a Recovery does.

    Raises: qssl.Refused for arguments.
    Blocks: while it reads its files.
    Allocates: little.
    Since: 0.2.
    """

    def __init__(
        self,
        modem,
        utc=None,
        ntp=(),
        path: str | None = None,
        set=None,
        years: tuple = (2024, 2070),
        every_s: int = 21600,
        pdp: int | None = None,
    ) -> None:
        self._modem = modem
        modem.keeper = self
        self._utc = utc
        self._path = path
        self._set = set
        try:
            good = 2024 <= years[0] < years[1] <= 2070
        except (TypeError, IndexError):
            good = False
        if not good:
            _refuse("years must be (first, end) within 2024 to 2070")
        if not isinstance(every_s, (int, float)) or every_s < 1:
            _refuse("every_s must be seconds")
        if path is not None and not isinstance(path, str):
            _refuse("path must be that of a file, as text")
        for function in (utc, set):
            if function is not None and not callable(function):
                _refuse("utc and set must be functions, such as board.utc, without ()")
        from .clock import unix

        self._from, self._to = unix(years[0], 1, 1), unix(years[1], 1, 1)
        self._every = every_s
        self._ntp = None
        if ntp:
            from .ntp import Ntp

            self._ntp = Ntp(self, ntp, modem.pdp if pdp is None else pdp)
        self.boot = os.urandom(4)  # of this power-up
        self._since = ticks_ms()
        self._up = 0  # seconds since power-up
        self._zero = None  # seconds since 1970, at power-up
        self.source = None
        self.sure = False
        self.when = 0
        self.rejected = []
        self._weak = False  # doubted: any other source may correct it
        self._bad = None  # the source that is asked last
        self._local = False  # utc() gives local time
        self._other = None  # (source, zero) of what was not believed in this round
        self._due = 0  # of the next round
        self._checked = False  # NTP has said what time it is since power-up
        self._told = None  # zero that the board's clock was set by
        self._boots = []  # (power-up, zero), the newest first
        self._owed = False  # stamps were given while the time was not known
        self._sequence = 0
        self._saved = None  # when the file was written, as seconds since power-up
        self.last = self._load() if path is not None else 0

    # --- what time it is ---

    def up(self) -> int:
        """Seconds since power-up (since this object was made). Does not block.

        Returns: int.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        now = ticks_ms()
        passed = ticks_diff(now, self._since)
        if passed < 0:  # nobody has asked for 6 days
            passed = passed + ticks_add(0, -1) + 1
        if passed > 999:
            self._up += passed // 1000
            self._since = ticks_add(now, -(passed % 1000))
        return self._up

    def now(self) -> int | None:
        """Seconds since 1970-01-01 UTC; None if the time is not known. Does not block.

        Returns: int or None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        up = self.up()
        return None if self._zero is None else self._zero + up

    def utc(self) -> tuple | None:
        """(year, month, day, hour, minute, second) in UTC; None if not known. Does not block.

        Returns: a tuple or None.
        Raises: nothing.
        Blocks: no.
        Allocates: the tuple.
        Since: 0.2.
        """
        from .clock import civil

        now = self.now()
        return None if now is None else civil(now)[:6]

    def sync(self, timeout_ms: int = 300000) -> int | None:
        """Asks the sources at once, sets the modem's clock and the board's, returns now(). Blocks
        for at most timeout_ms; raises the OSError of a modem that does not answer.

        Returns: int or None.
        Raises: the qssl.Error of a modem that does not answer.
        Blocks: timeout_ms at most.
        Allocates: while it runs.
        Since: 0.2.
        """
        self._due = self.up()
        if self._ntp is not None:
            self._ntp.due = self._due
        self._modem.at.within(timeout_ms, self.steps())
        return self.now()

    def steps(self):
        """Generator for Link.drive: asks whom it is time to ask, and puts the modem's clock right.
        Gives (whether it was put right, by how many seconds it was wrong or None: it was not
        set).

        Returns: a generator.
        Raises: the qssl.Error of the port.
        Blocks: the task alone.
        Allocates: while it runs.
        Since: 0.2.
        """
        from .timesources import steps

        return steps(self)

    def why(self) -> str:
        """Why the time is not known, or by whom it is, in a few words. Does not block.

        Returns: str.
        Raises: nothing.
        Blocks: no.
        Allocates: the text.
        Since: 0.2.
        """
        if self._zero is not None:
            return "known from %s%s" % (self.source, "" if self.sure else ", not sure yet")
        if not self.rejected:
            return "no source tells the time"
        return "%s: %s" % (self.rejected[-1][0], self.rejected[-1][2])

    def confirm(self) -> None:
        """The time is sure: a certificate was checked against it. May write the file.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: little.
        Since: 0.2.
        """
        now = self.now()
        if now is not None:
            self.sure = True
            self._weak = False
            self.last = max(self.last, now)
            self._keep()

    def doubt(self) -> None:
        """Nothing goes well with this time. If it isn't sure, another source may correct it.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        if self._zero is not None and not self.sure:
            self._weak = True
            self._bad = self.source
            if self._ntp is not None:
                self._ntp.due = self.up()

    # --- stamps ---

    def stamp(self) -> bytes:
        """When this is called, in 14 bytes, for at(): also while the time is not known.

        Returns: bytes.
        Raises: nothing.
        Blocks: no.
        Allocates: what it returns.
        Since: 0.2.
        """
        now = self.now()
        sure = self.sure and not self._weak
        self._owed = self._owed or not sure
        return _MARK + self.boot + pack(">II", self._up, now if sure else 0)

    def at(self, stamp: bytes) -> int | None:
        """The seconds since 1970 of a stamp(). If the time became known later in the same
        power-up, or was corrected, that counts. None: the power went before the time was sure,
        or it is no stamp. Does not block.

        Returns: int or None.
        Raises: nothing.
        Blocks: no.
        Allocates: little.
        Since: 0.2.
        """
        if stamp[:2] != _MARK or len(stamp) < STAMP:
            return None
        boot = bytes(stamp[2:6])
        up, s = unpack(">II", stamp[6:STAMP])
        if boot == self.boot:
            return None if self._zero is None else self._zero + up
        for other, zero in self._boots:
            if other == boot:
                return zero + up
        return s or None

    # --- what is believed ---

    def _note(self, source, s, why):
        note = (source, s, why)
        if not self.rejected or self.rejected[-1] != note:
            self.rejected = self.rejected[1 - _NOTES :] + [note]

    # --- who is told ---

    # --- the file ---

    def _load(self):
        # The last time known, by the newer of two files; each is whole or not there.
        best = None
        there = False
        for slot in "01":
            try:
                with open(self._path + slot, "rb") as f:
                    data = f.read(256)
            except OSError:
                continue
            there = True
            n = len(data)
            if n >= 16 and n % 8 == 0 and data[:4] == _MAGIC:
                if crc32(data[:-4]) == unpack(">I", data[-4:])[0]:
                    sequence, last = unpack(">II", data[4:12])
                    if best is None or sequence > self._sequence:
                        self._sequence = sequence
                        best = data
        if best is None:
            if there:
                self._note("file", None, "damaged")
            return 0
        for i in range(12, len(best) - 4, 8):
            self._boots.append((best[i : i + 4], unpack(">I", best[i + 4 : i + 8])[0]))
        last = unpack(">I", best[8:12])[0]
        if last and not self._from <= last < self._to:
            self._note("file", last, "no year that can be")
            return 0
        return last

    def _keep(self):
        # Writes the file when it is time: once a day, and once for the stamps of this power-up.
        if self._path is None or self._zero is None or not self.sure:
            return
        up = self.up()
        mine = self._boots[0][1] if self._boots and self._boots[0][0] == self.boot else None
        owed = self._owed and (mine is None or abs(mine - self._zero) > _WRONG_S)
        old = self._saved is None or up - self._saved >= _KEEP_S
        if not (owed or old):
            return
        self._saved = up
        others = [b for b in self._boots if b[0] != self.boot]
        if self._owed:
            others.insert(0, (self.boot, self._zero))
        self._boots = others[:_BOOTS]
        data = _MAGIC + pack(">II", self._sequence + 1, self.last)
        for boot, zero in self._boots:
            data += boot + pack(">I", zero)
        data += pack(">I", crc32(data))
        try:
            with open("%s%d" % (self._path, (self._sequence + 1) % 2), "wb") as f:
                f.write(data)
            self._sequence += 1
        except OSError as e:
            self._note("file", None, "can't be written: %s" % e)


def _refuse(hint):
    raise Refused(errno.EINVAL, "clock", hint)


def at(record: bytes, s: int | None) -> bytes:
    """For Uplink(stamp=at): a JSON object as record gets "at": its time in seconds since 1970,
    null if that never became known. Anything else stays as it is.

    Returns: bytes.
    Raises: nothing.
    Blocks: no.
    Allocates: what it returns.
    Since: 0.2.
    """
    if record[:1] != b"{":
        return record
    rest = record[1:].lstrip()
    comma = b"" if rest[:1] == b"}" else b","
    return b'{"at":%s%s%s' % (b"null" if s is None else b"%d" % s, comma, rest)


def opened(clock: Timekeeper, record: bytes) -> tuple:
    """(record, seconds since 1970 or None) of a record that bears a stamp() of `clock`, in this or
    a former power-up; one without a stamp is returned as it is, with None.

    Returns: a tuple.
    Raises: nothing.
    Blocks: no.
    Allocates: the tuple.
    Since: 0.2.
    """
    if record[:2] != _MARK or len(record) <= STAMP:
        return record, None
    return record[STAMP:], clock.at(record[:STAMP])
