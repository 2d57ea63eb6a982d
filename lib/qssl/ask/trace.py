# qssl.ask.trace - what driver and modem said last: modem.trace(size).
# SPDX-License-Identifier: MIT
"""
trace = modem.trace()          # from now on; costs nothing while it is off
try:
    ...
except OSError as e:
    trace.dump(e)              # prints it; a file of that: `ugsim trace FILE --html page.html`
    raise
up.put(trace.take(900))        # or its end, as a record
"""
# A ring of the last lines each way. Nothing of the driver knows of it: while it is on, it stands
# in the place of some methods of the one link and its parser. Each record has
#   kind:1 (of _KINDS) ticks:4 payload:2 (its bytes) text:1 (bytes that follow)
# What is masked never gets into the ring.

import sys
from time import ticks_diff, ticks_ms

from micropython import RingIO, const

from .. import __version__
from ..errors import error
from ..wire import link as _l
from ..wire.channel import Channel

_KINDS = "at info prompt final urc up down state error program"
_AT = const(0)
_INFO = const(1)
_PROMPT = const(2)
_FINAL = const(3)
_URC = const(4)
_UP = const(5)
_DOWN = const(6)
_STATE = const(7)
_ERROR = const(8)
_PROGRAM = const(9)

_HEAD = const(8)
_TEXT = const(120)  # bytes of a line that are kept
_NAME = const(12)
_MANY = const(65535)
_TICKS = const(0x3FFFFFFF)  # what is kept of ticks_ms(): 12 days
_DIGITS = const(9)  # so many in a row are a number that is nobody's business (IMEI, IMSI, phone)

# What a command or an answer may show: (its name, how many of its texts in quotes). Of others
# nothing behind "=" is shown, and no text in quotes: it may be a PIN or a password.
_SHOWN = (
    (b'+QSSLCFG="psk', 1),
    (b'+QSSLCFG: "psk', 1),
    (b"+QSSLCFG", 2),
    (b"+QSSL", 9),
    (b"+QICSGP", 1),
    (b"+QIACT", 9),
    (b"+QIDEACT", 0),
    (b"+QIURC", 2),
    (b"+QIDNS", 2),
    (b"+QISTATE", 9),
    (b"+QIGETERROR", 0),
    (b"+QISDE", 0),
    (b"+QISWTMD", 0),
    (b"+QF", 1),
    (b"+QCFG", 9),
    (b"+QURCCFG", 9),
    (b"+QINDCFG", 9),
    (b"+QIND", 9),
    (b"+QPOWD", 0),
    (b"+CREG", 9),
    (b"+CGREG", 9),
    (b"+CEREG", 9),
    (b"+COPS", 9),
    (b"+CGATT", 0),
    (b"+CCLK", 1),
    (b"+CTZU", 0),
    (b"+CSCS", 1),
    (b"+QLTS", 1),
    (b"+CMEE", 0),
    (b"+CFUN", 0),
    (b"+IPR", 0),
    (b"+IFC", 0),
)
_RESULTS = (
    (_l.TIMEOUT, b"no answer in time"),
    (_l.GARBLED, b"bytes were lost"),
    (_l.RESTARTED, b"the modem has restarted"),
    (_l.MISHEARD, b"the modem has understood another command"),
)
_STARS = const(b"***")
_OK = const(b"OK")
_SOCKET = const(b"socket ")
_BUFFER = sys.implementation.name == "micropython"  # where a str is a buffer


class Trace:
    """The last lines between driver and modem, from Modem.trace().

    link: of the modem. size: bytes of the ring. keep: bytes of each payload that are kept; of all
    of it the length is. Passwords, PINs, keys and long numbers are masked always.

    Raises: qssl.Refused for a wrong size.
    Blocks: no.
    Allocates: the ring, once; keeping a line allocates nothing.
    Since: 0.2.
    """

    def __init__(self, link, size: int, keep: int) -> None:
        if not 256 <= size <= 65000:
            raise error("trace")
        self._link = link
        self._ring = RingIO(size)
        self._size = size
        self._keep = min(keep, _TEXT)
        self._head = bytearray(_HEAD)
        self._old = bytearray(_TEXT)
        self._text = bytearray(_TEXT)
        self._last = bytearray(_NAME)  # the name of the command that was typed last
        self._secret = False  # something of it was masked
        self._sink = None
        self._need = 0
        self.dropped = 0  # older records that had to go
        link.trace = self
        link.on_line = self._on_line
        link.on_prompt = self._on_prompt
        link.on_tail = self._on_tail
        link.type = self._type
        link.type_data = self._type_data
        link.distrust = self._distrust
        link.healed = self._healed
        link._finish = self._finish
        link.parser.expect = self._expect
        if Channel.fail is not _fail:
            Channel.fail = _fail

    def stop(self) -> None:
        """Ends it. What it has is kept.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: nothing.
        Since: 0.2.
        """
        link = self._link
        if link.trace is self:
            link.trace = None
            # Not by names in a text: the .mpy files have shorter ones.
            del link.on_line, link.on_prompt, link.on_tail, link.type, link.type_data
            del link.distrust, link.healed, link._finish, link.parser.expect

    # --- writing -------------------------------------------------------------------------------

    def _put(self, kind, n, buf, lo, hi):
        # One record. Allocates nothing.
        k = min(hi - lo, _TEXT)
        self._begin(kind, n, k)
        if k:
            self._ring.write(buf, lo, k)

    def _begin(self, kind, n, k):
        # Room for a record and its head; k bytes are to follow.
        ring = self._ring
        head = self._head
        while ring.any() + _HEAD + k > self._size:
            ring.readinto(head, _HEAD)
            if head[7]:
                ring.readinto(self._old, head[7])
            self.dropped += 1
        now = ticks_diff(ticks_ms(), 0) & _TICKS
        head[0] = kind
        for i in range(1, 5):
            head[i] = now & 255
            now >>= 8
        n = min(n, _MANY)
        head[5] = n & 255
        head[6] = n >> 8
        head[7] = k
        ring.write(head, 0, _HEAD)

    def _line(self, kind, buf, lo, hi, command):
        # A line, with what is nobody's business masked.
        at = lo + 2 if command else lo
        shown = -1
        for name, n in _SHOWN:
            if buf.startswith(name, at):
                shown = n
                break
        if shown == 9:
            self._put(kind, 0, buf, lo, hi)
            return False
        out = self._text
        k = quotes = run = 0
        masked = quoted = False
        hide = shown < 0
        for i in range(lo, hi):
            c = buf[i]
            if k > _TEXT - 5:
                break
            if c == 34:
                quoted = not quoted
                quotes += quoted
                out[k] = c
                k += 1
                run = 0
                if quoted and quotes > shown:
                    k = self._stars(k)
                    masked = True
                continue
            if quoted and quotes > max(shown, 0):
                continue
            run = run + 1 if 48 <= c <= 57 else 0
            if run >= _DIGITS:
                if run == _DIGITS:
                    k = self._stars(k - _DIGITS + 1)
                    masked = True
                continue
            out[k] = c
            k += 1
            if not quoted and (c == 59 if command and not hide else c == 61 or c == 59):
                k = self._stars(k)
                masked = True
                break
        self._put(kind, 0, out, 0, k)
        return masked

    def _stars(self, k):
        for i in range(3):
            self._text[k + i] = _STARS[i]
        return k + 3

    # --- in place of methods of the link -------------------------------------------------------

    def _type(self, buf, n):
        if n > 1 and buf[0] | 32 == 97 and buf[1] | 32 == 116:  # AT
            last = self._last
            for i in range(_NAME):
                last[i] = buf[i + 2] if i + 2 < n else 0
            self._secret = self._line(_AT, buf, 0, n - 1, True)
        elif n == 3 and buf[0] == 43:
            self._put(_STATE, 0, b"typed: +++", 0, 10)
        else:
            self._put(_STATE, n, b"typed: to end a prompt", 0, 22)
        _l.Link.type(self._link, buf, n)

    def _type_data(self):
        job = self._link.job
        n = 0  # of others than connections, the command names it
        if hasattr(job, "owes"):
            n = max(job.owes(), 0)
        k = min(self._keep, n)
        if k:
            job._tx.seek(0)
            job._tx.readinto(self._text, k)
        self._put(_UP, n, self._text, 0, k)
        _l.Link.type_data(self._link)

    def _on_line(self, buf, lo, hi):
        link = self._link
        if link.final(buf, lo, hi):
            self._put(_FINAL, 0, buf, lo, hi)
        elif buf[lo] != 43 and (self._secret or buf.find(b"CPIN", lo, hi) >= 0):
            self._put(_INFO, 0, _STARS, 0, 3)
        else:
            kind = _INFO
            if link.urc(buf, lo, hi, False) and not self._named(buf, lo, hi):
                kind = _URC
            self._line(kind, buf, lo, hi, buf.startswith(b"AT", lo))
        _l.Link.on_line(link, buf, lo, hi)
        if link.parser.text > 1:
            self._put(_URC, 0, b"(text of a message)", 0, 19)

    def _named(self, buf, lo, hi):
        # Whether the line bears the name of the command that runs.
        last = self._last
        if self._link.job is None:
            return False
        for i in range(_NAME):
            if lo + i >= hi or buf[lo + i] == 58:
                return i > 1
            if buf[lo + i] != last[i]:
                return False
        return True

    def _on_prompt(self):
        self._put(_PROMPT, 0, b">", 0, 1)
        _l.Link.on_prompt(self._link)

    def _on_tail(self):
        self._put(_FINAL, 0, _OK, 0, 2)
        _l.Link.on_tail(self._link)

    def _expect(self, need, sink, tail):
        parser = self._link.parser
        if need > _MANY:
            self._put(_STATE, 0, b"data mode", 0, 9)
        elif not self._keep:
            self._put(_DOWN, need, _OK, 0, 0)
        else:
            self._need = need
            self._sink = sink
            if sink is not None:
                sink = self
            else:
                self._put(_DOWN, need, _OK, 0, 0)
        type(parser).expect(parser, need, sink, tail)

    def write(self, buf, off, n):
        # The payload, on its way to who wants it. The parser hands the rest to that one.
        need = self._need
        if need:
            self._put(_DOWN, need, buf, off, off + min(self._keep, n))
            self._need = 0
        parser = self._link.parser
        if parser.sink is self:
            parser.sink = self._sink
        return self._sink.write(buf, off, n)

    def _finish(self, result):
        for code, text in _RESULTS:
            if result == code:
                self._put(_ERROR, 0, text, 0, len(text))
        _l.Link._finish(self._link, result)

    def _distrust(self, owed=0, pad=27):
        self._put(_STATE, 0, b"quarantine", 0, 10)
        _l.Link.distrust(self._link, owed, pad)

    def _healed(self, alive):
        if alive:
            self._put(_STATE, 0, b"the modem answers again", 0, 23)
        else:
            self._put(_ERROR, 0, b"the modem does not answer", 0, 25)
        _l.Link.healed(self._link, alive)

    def _failed(self, sock, reason):
        # reason: of qssl.hints, as str.
        text = self._text
        ring = self._ring
        text[0] = 48 + sock.id // 10
        text[1] = 48 + sock.id % 10
        text[2] = 58
        text[3] = 32
        self._begin(_ERROR, 0, len(_SOCKET) + 4 + len(reason))
        ring.write(_SOCKET, 0, len(_SOCKET))
        ring.write(text, 0, 4)
        ring.write(reason if _BUFFER else reason.encode(), 0, len(reason))

    # --- reading -------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """A line of the program's own among the others.

        Returns: None.
        Raises: nothing.
        Blocks: no.
        Allocates: little.
        Since: 0.2.
        """
        data = text.encode()
        self._put(_PROGRAM, 0, data, 0, len(data))

    def lines(self):
        """Takes what the ring holds, the oldest first, as lines of JSON.

        Returns: a generator of str.
        Raises: nothing.
        Blocks: no.
        Allocates: each line.
        Since: 0.2.
        """
        ring = self._ring
        kinds = _KINDS.split()
        yield '{"at": 0.000, "kind": "start", "text": "qssl %s", "format": 2, "board": true}' % (
            __version__
        )
        if self.dropped:
            words = "%d older lines are gone" % self.dropped
            yield '{"at": 0.000, "kind": "gap", "text": "%s"}' % words
            self.dropped = 0
        head = bytearray(_HEAD)
        before = None
        at = 0
        while ring.any():
            ring.readinto(head, _HEAD)
            data = ring.read(head[7]) if head[7] else b""
            ticks = head[1] | head[2] << 8 | head[3] << 16 | head[4] << 24
            if before is not None:
                at += (ticks - before) & _TICKS
            before = ticks
            n = head[5] | head[6] << 8
            kind = head[0]
            more = ""
            text = ""
            if kind == _UP or kind == _DOWN:
                text = "%d bytes" % n
                more = ', "n": %d' % n
                if data:
                    from binascii import b2a_base64

                    more += ', "data": "%s"' % b2a_base64(data).decode().strip()
            else:
                for c in data:
                    text += chr(c) if 32 <= c < 127 and c not in (34, 92) else "\\u%04x" % c
            words = (at // 1000, at % 1000, kinds[kind], text, more)
            yield '{"at": %d.%03d, "kind": "%s", "text": "%s"%s}' % words

    def dump(self, why: Exception | None = None, write=None) -> None:
        """Takes all lines and prints them; a file of that is what `ugsim trace` shows.

        why: the error; its text is the last line. write: called with each line, without its
        end, instead.

        Returns: None.
        Raises: what write raises.
        Blocks: while it prints.
        Allocates: each line.
        Since: 0.2.
        """
        if why is not None:
            data = str(why).encode()
            self._put(_ERROR, 0, data, 0, len(data))
        for line in self.lines():
            if write is not None:
                write(line)
            else:
                print(line)

    def take(self, most: int = 1000) -> str:
        """Takes all lines; the last ones of them, as text of `most` bytes at most: for a record.

        Returns: str.
        Raises: nothing.
        Blocks: no.
        Allocates: them.
        Since: 0.2.
        """
        last = []
        size = 0
        first = None
        for line in self.lines():
            if first is None:
                first = line
                most -= len(line)
                continue
            last.append(line)
            size += len(line) + 1
            while last and size > most:
                size -= len(last.pop(0)) + 1
        return "\n".join([first] + last)


_fails = Channel.fail


def _fail(self, reason):
    # In place of Channel.fail.
    trace = getattr(self._link, "trace", None)
    if trace is not None and not self.why:
        trace._failed(self, reason)
    _fails(self, reason)
