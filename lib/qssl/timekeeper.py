# qssl.timekeeper - what time it is, on a board without a clock: from whom, and why believed.
# SPDX-License-Identifier: MIT
"""
from qssl.timekeeper import Timekeeper

clock = Timekeeper(modem, utc=board.utc, ntp=("0.pool.example", "1.pool.example"), path="/time",
                   set=board.set_utc)
up = Uplink(..., recover=Recovery(modem, apn="internet", clock=clock))
clock.now(), clock.source, clock.sure, clock.rejected
"""
# The policy, for all who need the time:
#   * Sources in order: "program" (what utc() gives, what modem.clock(t) was told), "network"
#     (AT+QLTS), "ntp" (AT+QNTP, two servers that agree), "modem" (its clock, whoever set it).
#   * The modem's clock shows what is believed, or that it was never set.
#   * A time is believed if it lies within `years` and not behind the last time known for sure.
#   * Once known, it runs on with the ticks. What differs from it is not believed, unless its
#     source comes before that of the time known, or two sources agree.
#   * It is sure once a second source says the same, or a server's certificate was checked against
#     it: confirm(). Only what is sure is kept in the file. What is not and leads to failures is
#     doubted: doubt(). Then another source may correct it, and that one is asked last.

import errno
import os
from binascii import crc32
from struct import pack, unpack
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .clock import civil, get, network, parse, seconds, setting, unix
from .connect.arguments import printable, quoted
from .errors import Refused
from .wire import link as _l
from .wire.ascii import value

_WRONG_S = const(120)  # two clocks that differ by more do not agree
_AGREE_S = const(20)  # two servers
_DRIFT = const(100)  # a second in so many that the ticks may be wrong by
_NTP_MS = const(126000)  # AT+QNTP gives its result within 125 s
_LATE_S = const(60)  # a result that came later says little
_PAUSE_MS = const(2000)  # between two servers: a result that comes twice is the first one's
_ERA = const(2085978496)  # 2036-02-07 06:28:16, NTP's zero: a server without a time
_AGAIN_S = const(120)  # after the first time that NTP failed; it doubles up to every_s
_KEEP_S = const(86400)  # the file is written once a day, as that wears the flash
_BOOTS = const(8)  # power-ups that the file knows
_NOTES = const(8)  # rejections that are kept
_NEVER = const(315964800)  # 1980-01-06, the clock of a modem that was never told
_MAGIC = b"QST1"
_MARK = b"\xf5\xfe"  # before a stamp; no UTF-8 text begins so
STAMP = const(14)  # bytes: mark, power-up, seconds since then, seconds since 1970 or 0
_RANK = {"modem": 1, "ntp": 2, "network": 2, "program": 3}


class Timekeeper:
    """The time, on a board without a clock of its own.

    `utc()` gives (year, month, day, hour, minute, second) in UTC or None, such as `board.utc` or a
    GNSS receiver's. `ntp`: names of servers, "host" or "host:port"; two that agree are needed, so
    give three, of different owners; one alone is asked twice. `path`: the last time known is kept
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
        self._servers = [_server(s) for s in ((ntp,) if isinstance(ntp, str) else ntp)]
        self._witnesses = len({host for host, _ in self._servers})
        self._path = path
        self._set = set
        if not 2024 <= years[0] < years[1] <= 2070:
            raise Refused(errno.EINVAL, "clock", "years must be (first, end) within 2024 to 2070")
        self._from, self._to = unix(years[0], 1, 1), unix(years[1], 1, 1)
        self._every = every_s
        self._pdp = modem.pdp if pdp is None else pdp
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
        self._ntp_due = 0
        self._ntp_wait = _AGAIN_S
        self._turn = 0  # the server that is asked first
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
        passed = ticks_diff(ticks_ms(), self._since) // 1000
        if passed > 0:
            self._up += passed
            self._since = ticks_add(self._since, passed * 1000)
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
        self._due = self._ntp_due = self.up()
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
        shown = yield from get(self._modem, False)
        up = self.up()
        known = self._zero is not None
        self._other = None
        self._weigh("program", self._own(shown))
        if not known or self._weak or up >= self._due:
            self._due = up + self._every
            yield from self._round(shown)
            self._weak = False
            shown = yield from get(self._modem, False)  # AT+QNTP may have set it
        self._outside()
        return (yield from self._put(shown))

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
            self._ntp_due = self.up()

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

    def _weigh(self, source, s):
        # source says that it is s now. True if that is the time from now on.
        if s is None:
            return False
        up = self.up()
        zero = s - up
        why = None
        if not self._from <= s < self._to:
            why = "no year that can be"
        elif s < self.last - _WRONG_S:
            why = "behind the last time known"
        if why:
            self._note(source, s, why)
            return False
        if self._zero is not None and self._agree(zero):
            if source != self.source:
                if source == "modem":
                    return True  # it may have been set by what is known already
                self.sure = True  # a second witness
                if _RANK[source] < _RANK[self.source]:
                    self._sure()
                    return True
        elif self._zero is not None:
            other = self._other
            both = other is not None and other[0] != source and abs(other[1] - zero) <= _WRONG_S
            over = source == "program" or self._weak or _RANK[source] > _RANK[self.source]
            if not (over or (both and self.source != "program")):
                if other is None and source != "modem":
                    self._other = (source, zero)
                self._note(source, s, "not the time known from " + self.source)
                return False
            self._note(self.source, self._zero + up, "corrected by " + source)
            self.sure = both
            self._weak = False
        self._zero = zero
        self.source = source
        self.when = up
        self.sure = self.sure or (source == "ntp" and self._witnesses > 1)  # two have said it
        self._sure()
        return True

    def _agree(self, zero):
        return abs(zero - self._zero) <= _WRONG_S + (self.up() - self.when) // _DRIFT

    def _sure(self):
        if self.sure:
            self.last = max(self.last, self._zero + self.up())
        self._keep()

    def _own(self, shown):
        # What the program says: utc(), or what it told modem.clock(). shown: the modem's clock.
        s = None
        if self._utc is not None and not self._local:
            try:
                t = self._utc()
                s = None if t is None else seconds(t)
            except OSError as e:
                self._note("program", None, str(e))
        up = self.up()
        told = self._told
        if s is not None and told is not None and self.source != "program":
            if abs(s - told - up) <= 5 + (up - self.when) // _DRIFT:
                return None  # the board's clock, as this has set it
        stated = self._modem.stated
        if s is None and stated is not None and self.source != "program":
            s = stated[1] + ticks_diff(ticks_ms(), stated[0]) // 1000
            if shown is None or abs(_utc(shown) - s) > _WRONG_S:
                return None  # too long ago, or the modem has restarted since
        if s is not None and self._bad == "program" and self.source != "program":
            if not self._agree(s - up):
                return None  # it led to failures
            self._bad = None
        return s

    def _round(self, shown):
        # Asks the sources in order, the doubted one last.
        order = ["network", "ntp", "modem"]
        if self._bad in order:
            order.remove(self._bad)
            order.append(self._bad)
        heard = False
        lie = False  # the network is not believed; it may have set the modem's clock
        for source in order:
            s = None
            if source == "network":
                told = yield from network(self._modem)
                if told is not None:
                    s = told[0]
                    self._looks_local(s, told[1])
            elif source == "ntp":
                if not heard and self._servers and self.up() >= self._ntp_due:
                    if shown is not None and shown[6]:
                        # Its answer may bear the clock's zone: without one it can only be UTC.
                        yield from setting(self._modem, _utc(shown))
                    s = yield from self._ntp()
            elif shown is not None and not lie and (self._zero is None or self._weak):
                s = _utc(shown)
            believed = self._weigh(source, s)
            heard = heard or believed
            lie = lie or (source == "network" and s is not None and not believed)
        if self._bad != "program":
            self._bad = None

    def _looks_local(self, s, zone):
        # The board's clock is ahead of the network's by just the network's zone: it was set to
        # local time, as `mpremote rtc --set` does.
        if self.source == "program" and zone and not self.sure and self._modem.stated is None:
            if abs(self._zero + self.up() - s - zone * 900) <= _WRONG_S:
                self._note("program", self._zero + self._up, "it is local time; it must be UTC")
                self._local = True
                self._zero = None
                self.source = None

    # --- NTP ---

    def _ntp(self):
        # Generator: the seconds that two servers agree on, or None.
        servers = self._servers
        n = len(servers)
        answers = []
        agreed = None
        for i in range(max(n, 2)):
            host, port = servers[(self._turn + i) % n]
            s = yield from self._ask(host, port)
            if s is None or not self._modem.up:
                continue
            zero = s - self.up()
            for other in answers:
                if abs(other - zero) <= _AGREE_S:
                    agreed = zero
            if agreed is not None:
                break
            answers.append(zero)
        if agreed is None:
            self._turn += 1
            self._ntp_due = self.up() + self._ntp_wait
            self._ntp_wait = min(self._ntp_wait * 2, self._every)
            if len(answers) > 1:
                self._note("ntp", answers[0] + self._up, "no two servers agree")
            return None
        self._ntp_wait = _AGAIN_S
        return agreed + self.up()

    def _ask(self, host, port):
        # Generator: what one server says: AT+QNTP=<ctx>,<server>[,<port>], OK, then within 125 s
        # +QNTP: <err>[,<time>].
        modem = self._modem
        name = "ntp " + host.decode()
        heard = _listener(modem)
        # An answer that comes twice must not stand for the next server's.
        before = heard.text
        pause = ticks_add(heard.came, _PAUSE_MS)
        while before and ticks_diff(pause, ticks_ms()) > 0 and (yield pause):
            pass
        heard.text = None
        start = self.up()
        line = b'AT+QNTP=%d,"%s"' % (self._pdp, host)
        if port:
            line += b",%d" % port
        if (yield from modem.at.ask(line)) != _l.OK:
            self._note(name, None, "refused, error %d" % modem.link.cme)
            return None
        due = ticks_add(ticks_ms(), _NTP_MS)
        if modem.at.until is not None and ticks_diff(modem.at.until, due) < 0:
            due = modem.at.until
        while modem.up:
            if heard.text == before and before and b"," in before:
                heard.text = None
            if heard.text is not None or not (yield due):
                break
        text = heard.text
        if text is None:
            self._note(name, None, "no answer")
            return None
        took = self.up() - start
        s = heard.seconds()
        why = None
        if s is None:
            why = "error " + printable(text, 0, min(len(text), 40))
        elif took > _LATE_S:
            why = "answered after %d s" % took
        elif not self._from <= s < self._to:
            why = "no year that can be"
        elif 0 <= s - _ERA < _LATE_S:
            why = "zero: it has no time itself"
        if why:
            self._note(name, s, why)
            return None
        return s

    # --- who is told ---

    def _put(self, shown):
        # Generator: the modem's clock, which shows `shown`. AT+CTZU lets the network set it, too.
        now = self.now()
        if now is None:
            if shown is not None:  # from somebody who is not believed
                yield from setting(self._modem, _NEVER)
            return False, None
        wrong = None
        if shown is not None:
            wrong = _utc(shown) - now
            if abs(wrong) <= _WRONG_S and not shown[6]:
                return False, wrong
        yield from setting(self._modem, now)
        return wrong is None or abs(wrong) > _WRONG_S, wrong

    def _outside(self):
        # The board's clock.
        zero = self._zero
        if self._set is None or zero is None:
            return
        if self._told is None or abs(self._told - zero) > 2:
            self._told = zero
            try:
                self._set(civil(zero + self.up())[:6])
            except OSError as e:
                self._note("board", zero + self._up, str(e))

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


def _utc(shown):
    # Seconds of what clock.get() gave.
    return unix(*shown[:6]) - shown[6] * 900


class _Listener:
    # Hears "+QNTP: <err>[,<time>]". One for each modem, and from its first use on: an answer that
    # comes when nobody waits any more is a line that is known.
    text = None
    came = 0

    def __call__(self, buf, lo, hi):
        self.text = bytes(buf[lo + 6 : hi]).strip()
        self.came = ticks_ms()

    def seconds(self):
        # What it is now by the answer; None: an error. Digits are UTC behind any zone.
        text = self.text
        at = text.find(b",")
        if at < 0 or value(text, 0, at, 0):
            return None
        t = parse(text[at + 1 :])
        if t is None:
            return None
        return unix(*t[:6]) + max(ticks_diff(ticks_ms(), self.came), 0) // 1000


def _listener(modem):
    for prefix, handler in modem.link.urcs:
        if prefix == b"+QNTP:":
            return handler
    handler = _Listener()
    modem.link.urcs += ((b"+QNTP:", handler),)
    return handler


def _server(text):
    # ("host", port or 0) of "host" or "host:port".
    host, _, port = text.partition(":")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise Refused(errno.EINVAL, "clock", "ntp must be names of servers, host or host:port")
    return quoted(host, "clock", "ntp server"), int(port or 0)


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
