# qshared.ending - however a run ends, nothing stays behind, and it is told in one sentence.
# SPDX-License-Identifier: MIT

import contextlib
import signal
import sys

import setup
from qshared.problem import Problem

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def run(program, function, interrupted=None):
    # function(stack) -> exit status. What it puts on the ExitStack is closed in every case.
    # interrupted() -> what to say after Ctrl-C.
    for number in _SIGNALS:
        signal.signal(number, _terminated)
    text = ""
    stack = contextlib.ExitStack()
    try:
        status = setup.heard(lambda: function(stack))
    except Problem as e:
        status, text = 2, str(e)
    except KeyboardInterrupt:
        status, text = 130, "Interrupted."
        if interrupted:
            text = "Interrupted: %s." % interrupted()
    finally:
        # Another Ctrl-C now would only leave processes behind. Not SIG_IGN: Python complains when
        # a signal has come just before.
        for number in (signal.SIGINT, *_SIGNALS):
            signal.signal(number, lambda number, frame: None)
        stack.close()
    if text:
        print("%s: %s" % (program, text), file=sys.stderr)
    return status


def _terminated(number, frame):
    sys.exit(128 + number)
