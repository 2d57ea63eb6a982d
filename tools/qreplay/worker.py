# qreplay.worker - replays transcripts; a process of its own, as it has a clock of its own.
# SPDX-License-Identifier: MIT

import setup  # first of all

# isort: split
import sys

import upy

upy.install()

from qreplay import asking, forms, scripted  # noqa: E402  after the driver's names for CPython
from qreplay.transcript import Transcript  # noqa: E402
from ugsim.model import ControlError  # noqa: E402
from ugsim.trace import TraceError  # noqa: E402

_WORDS = {
    asking.SAME: "same",
    asking.FORM: "OTHER FORM",
    asking.RESULT: "other result",
    asking.UNKNOWN: "UNKNOWN",
    asking.FAMILY: "of its family",
}
_BAD = (asking.FORM, asking.UNKNOWN)


def main(args):
    only = None
    verbose = "-v" in args
    args = [arg for arg in args if arg != "-v"]
    if args[:1] == ["--only"]:
        only = args[1]
        args = args[2:]
    bad = 0
    for path in args:
        transcript = Transcript(path)
        print("%s: %s" % (path, _about(transcript)))
        if transcript.note:
            print("  " + transcript.note)
        if only != "driver":
            bad += _ugsim(transcript, verbose)
        if only == "ugsim":
            continue
        if transcript.alien:
            print("  driver: does not know %s yet" % transcript.meta.get("model", "this model"))
            continue
        copes, text = scripted.play(transcript)
        print("  driver: %s: %s" % ("copes" if copes else "FAILS", text))
        bad += not copes
    return 1 if bad else 0


def _about(transcript):
    meta = transcript.meta
    words = [meta[name] for name in ("model", "firmware") if name in meta]
    words.append("%d commands" % len(transcript.exchanges))
    return ", ".join(words)


def _ugsim(transcript, verbose):
    counts = {}
    told = set()
    bad = 0
    for x, verdict, said in asking.compare(transcript):
        counts[verdict] = counts.get(verdict, 0) + 1
        bad += verdict in _BAD
        what = (verdict, x.name(), *forms.list_of(x.lines, False), forms.final_of(x.final))
        if verbose or (verdict in (*_BAD, asking.RESULT) and what not in told):
            told.add(what)
            print("  %-13s %s" % (_WORDS[verdict], x.text))
            if verdict != asking.SAME:
                print("      recorded    %s" % " / ".join([*x.lines, x.final or "nothing"]))
                print("      simulation  %s" % said)
    shown = ["%d %s" % (counts[name], _WORDS[name]) for name in _WORDS if name in counts]
    print("  ugsim: %s" % ", ".join(shown))
    return bad


def run():
    try:
        return setup.heard(lambda: main(sys.argv[1:]))
    except (TraceError, ControlError) as error:
        print("replay.py: %s" % error, file=sys.stderr)
    except OSError as error:
        print("replay.py: Can't read %s: %s." % (error.filename, error.strerror), file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(run())
