# setup.interrupt - Ctrl-C while a program is still importing its parts: no traceback then either.
# SPDX-License-Identifier: MIT

import sys


def _hook(kind, value, trace):
    # Python then ends by SIGINT itself, as shells expect it.
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, value, trace)


sys.excepthook = _hook
