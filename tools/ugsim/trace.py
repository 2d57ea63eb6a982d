# ugsim.trace - a recording of a simulated modem's events, and its viewer.
# SPDX-License-Identifier: MIT
"""Show a trace that the simulated modem has written (ugsim --trace FILE).

    python3 tools/ugsim trace FILE                  everything
    python3 tools/ugsim trace FILE at final urc     only these kinds of events
    python3 tools/ugsim trace --follow FILE         and what is added to it

Kinds: at (command), info, final, prompt, urc, tls, up and down (payload), socket, pdp, radio,
nitz, power, mode, port, elsewhere (URCs at another port), fault, control, start.
"""

# Each line of the file is a JSON object: "t" Unix time, "at" seconds since the start, "kind",
# "text". The first line has the kind "start" and names the version.

import json
import sys
import time

import ugsim
from ugsim import view


class TraceError(Exception):
    # Why a trace cannot be read or written, as one sentence.
    pass


class Trace:
    # A listener that writes.
    def __init__(self, path):
        try:
            self._file = open(path, "w", encoding="utf-8")
        except OSError as error:
            raise TraceError("cannot write the trace %s: %s." % (path, error.strerror)) from None
        self(0.0, "start", "ugsim %s" % ugsim.__version__)

    def __call__(self, at, kind, text):
        record = {"t": round(time.time(), 6), "at": round(at, 6), "kind": kind, "text": text}
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def close(self):
        self._file.close()


def read(path, follow=False):
    # Yields (at, kind, text).
    try:
        with open(path, encoding="utf-8") as file:
            number = 0
            rest = ""
            while True:
                rest += file.readline()
                if not rest.endswith("\n"):
                    if not follow:
                        break
                    time.sleep(0.1)
                    continue
                number += 1
                yield _parse(rest, path, number)
                rest = ""
            if rest:
                yield _parse(rest, path, number + 1)
    except OSError as error:
        raise TraceError("cannot read %s: %s." % (path, error.strerror)) from None
    except UnicodeDecodeError:
        raise TraceError("%s is not a trace of ugsim." % path) from None


def _parse(text, path, number):
    try:
        record = json.loads(text)
        return float(record["at"]), str(record["kind"]), str(record["text"])
    except (ValueError, KeyError, TypeError):
        raise TraceError("%s is not a trace of ugsim (line %d)." % (path, number)) from None


def main(argv=None):
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if args else 2
    follow = args[0] in ("-f", "--follow")
    if follow:
        args = args[1:]
    if not args or args[0].startswith("-"):
        print("ugsim.trace: name the file to show. See --help.", file=sys.stderr)
        return 2
    wanted = set(args[1:])
    there = set()
    show = view.on_stdout()
    try:
        for at, kind, text in read(args[0], follow):
            there.add(kind)
            if not wanted or kind in wanted:
                show(at, kind, text)
        if wanted and not wanted & there:
            words = (args[0], ", ".join(sorted(wanted)), ", ".join(sorted(there)))
            raise TraceError("%s has nothing of the kind %s; it has %s." % words)
    except TraceError as error:
        print("ugsim.trace: %s" % error, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
