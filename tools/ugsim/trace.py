# ugsim.trace - a recording of a simulated modem's events, and its viewer.
# SPDX-License-Identifier: MIT

# Each line of the file is a JSON object: "t" Unix time, "at" seconds since the start, "kind",
# "text". With payload also "n", its bytes, and "data", the first of them as base64. The first line
# has the kind "start", names the version, and has "format" and "baud" (0: not paced).

import argparse
import base64
import collections
import contextlib
import json
import math
import sys
import time

import ugsim
from ugsim import view

_ABOUT = """\
Show a trace: what the simulated modem has written (ugsim --trace FILE), a board
(modem.trace(), qssl.trace), or tools/tap.py.

  python3 tools/ugsim trace FILE                    everything
  python3 tools/ugsim trace FILE at final urc       only these kinds of events
  python3 tools/ugsim trace --follow FILE           and what is added to it
  python3 tools/ugsim trace FILE --html page.html   as a picture: one page that
                                                    any browser opens from disk
"""
_KINDS = """\
Kinds: at (command), info, final, prompt, urc, tls, up and down (payload), socket, pdp, radio,
nitz, power, mode, port, elsewhere (URCs at another port), fault, control, start. Of a board also
state, error, gap (lines that the ring no longer has), and program (what the program printed) and
server in those of tools/demo.py; of tools/tap.py differs (what the simulation
would have said).
"""

FORMAT = 2  # 1 had no payload
KEPT = 16384  # bytes of payload that an event keeps
_LINE = 1 << 20  # no line of a trace is longer
_KIND = 24  # and no kind
_TIME = 1e9  # seconds, 31 years
_SIZE = 1 << 40  # bytes of payload
_BOARD = b'{"at": 0.000, "kind": "start", "text": "qssl '  # as qssl.ask.trace prints it


class TraceError(Exception):
    # Why a trace can't be read or written, as one sentence.
    pass


# at: seconds since the start. n: bytes of payload, None if it has none. data: the first of them.
# t: Unix time, or None. more: the other fields of the line.
Event = collections.namedtuple("Event", "at kind text n data t more")


def event(at, kind, text, n=None, data=b"", t=None, more=None):
    return Event(at, kind, text, n, data, t, more or {})


class Trace:
    # A listener that writes.
    def __init__(self, path, baud=0):
        try:
            self._file = open(path, "w", encoding="utf-8")
        except OSError as error:
            raise TraceError("can't write the trace %s: %s." % (path, error.strerror)) from None
        more = {"format": FORMAT, "baud": baud}
        self._write(0.0, "start", "ugsim %s" % ugsim.__version__, more)

    def __call__(self, at, kind, text, data=b""):
        more = {}
        if data:
            kept = bytes(data[:KEPT])
            more = {"n": len(data), "data": base64.b64encode(kept).decode()}
        self._write(at, kind, text, more)

    def _write(self, at, kind, text, more):
        record = {"t": round(time.time(), 6), "at": round(at, 6), "kind": kind, "text": text}
        record.update(more)
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()
        except OSError as error:
            # The modem goes on without it.
            words = (self._file.name, error.strerror)
            print("ugsim: the trace %s ends here: %s." % words, file=sys.stderr, flush=True)
            self.close()

    def close(self):
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()


class Reader:
    # Iterates over the events of a file, one line in memory at a time. cut: at the end of a file
    # that stops in the middle of a line, one sentence about it. What a board has printed may have
    # other lines before, between and behind the trace: these are what the program said.
    def __init__(self, path, follow=False):
        self._path = path
        self._follow = follow
        self.cut = ""

    def __iter__(self):
        try:
            with open(self._path, "rb") as file:
                yield from self._lines(file)
        except OSError as error:
            words = (self._path, error.strerror or error)
            raise TraceError("can't read %s: %s." % words) from None

    def _lines(self, file):
        number = self._skip(file)
        board = number > 0
        at = 0.0
        while True:
            line = self._line(file)
            if not line:
                if not number:
                    raise TraceError("%s is empty: nothing was recorded." % self._path)
                return
            number += 1
            try:
                found = _parse(line)
                if found.kind == "start":
                    board = found.more.get("board") is True
            except (ValueError, KeyError, TypeError, RecursionError):
                if board and _text(line) is not None:
                    if _text(line):
                        yield event(at, "program", _text(line))
                    continue
                if number > 1 and not file.read(1):
                    words = (self._path, number)
                    self.cut = "%s ends in the middle of line %d; what was before it is shown."
                    self.cut %= words
                    return
                words = (self._path, number)
                raise TraceError("%s is not a trace of ugsim (line %d)." % words) from None
            made = found.more.get("format", 1)
            if found.kind == "start" and isinstance(made, int) and made > FORMAT:
                raise TraceError(
                    "%s was recorded by a newer version (format %d; this one reads up to %d): "
                    "update this checkout." % (self._path, made, FORMAT)
                )
            at = found.at
            yield found

    def _skip(self, file):
        # What a board printed before its trace; returns how many lines that was. 0: no such trace.
        if self._follow:
            return 0
        number = 0
        while file.tell() < _LINE:
            here = file.tell()
            line = file.readline(_LINE)
            if line.startswith(_BOARD):
                file.seek(here)
                return number
            if not line or _text(line) is None:
                break
            number += 1
        file.seek(0)
        return 0

    def _line(self, file):
        # The next line; b"" at the end.
        line = b""
        while True:
            line += file.readline(_LINE - len(line))
            if not self._follow or line.endswith(b"\n") or len(line) >= _LINE:
                return line
            time.sleep(0.1)


def _text(line):
    # A line that somebody printed; None if it can't be one.
    try:
        text = line.decode().strip("\r\n")
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text and len(text) < _LINE // 2 else None


def _parse(line):
    more = json.loads(line)
    at = float(more.pop("at"))
    kind = str(more.pop("kind"))
    text = str(more.pop("text"))
    n = more.pop("n", None)
    data = base64.b64decode(more.pop("data", ""))
    t = more.pop("t", None)
    if not abs(at) < _TIME or len(kind) > _KIND:
        raise ValueError
    if n is not None and (not isinstance(n, int) or not 0 <= n < _SIZE):
        raise ValueError
    if not isinstance(t, (int, float)) or not 0 <= t < _TIME * 10:
        t = None
    return Event(at, kind, text, n, data, t, more)


def read(path, follow=False):
    # Yields the events as Event.
    yield from Reader(path, follow)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise TraceError(message[0].upper() + message[1:] + ". See --help.")


def _seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError("%s is not a number of seconds" % text)
    return value


def parser():
    p = _Parser(
        prog="ugsim trace",
        description=_ABOUT,
        epilog=_KINDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("file", metavar="FILE", help="the trace")
    p.add_argument(
        "kinds", metavar="KIND", nargs="*", default=[], help="only these kinds; see below"
    )
    p.add_argument("-f", "--follow", action="store_true", help="wait for what is added")
    p.add_argument("--html", metavar="OUT", help="write a page with the picture of it to OUT")
    where = "seconds, as the first column shows them"
    p.add_argument("--from", dest="begin", type=_seconds, metavar="S", help="from here; " + where)
    p.add_argument("--to", dest="end", type=_seconds, metavar="S", help="up to here")
    return p


def part(events, begin=None, end=None):
    # Those from `begin` to `end`; the start line stays.
    for e in events:
        if e.kind != "start":
            if begin is not None and e.at < begin:
                continue
            if end is not None and e.at > end:
                continue
        yield e


def main(argv=None):
    try:
        args = parser().parse_intermixed_args(argv)
        if args.html and (args.follow or args.kinds):
            raise TraceError("--html shows all kinds of a whole trace. See --help.")
        reader = Reader(args.file, args.follow)
        events = part(reader, args.begin, args.end)
        if args.html:
            from ugsim import picture

            picture.write(args.html, events, args.file, lambda: reader.cut)
            print("%s: open it in a browser." % args.html)
        else:
            _show(events, args)
        if reader.cut:
            print("ugsim trace: %s" % reader.cut, file=sys.stderr)
    except TraceError as error:
        print("ugsim trace: %s" % error, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    return 0


def _show(events, args):
    wanted = set(args.kinds)
    there = set()
    show = view.on_stdout()
    for e in events:
        if len(there) < 100:
            there.add(e.kind)
        if not wanted or e.kind in wanted:
            show(e.at, e.kind, e.text)
    if wanted and not wanted & there:
        words = (args.file, ", ".join(sorted(wanted)), ", ".join(sorted(there)))
        raise TraceError("%s has nothing of the kind %s; it has %s." % words)


if __name__ == "__main__":
    sys.exit(main())
