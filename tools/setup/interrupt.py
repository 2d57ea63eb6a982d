# setup.interrupt - Ctrl-C while a program is still importing its parts: no traceback then either.
# SPDX-License-Identifier: MIT

import sys


def _hook(kind, value, trace):
    # Python then ends by SIGINT itself, as shells expect it.
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, value, trace)


def become(python, argv, env):
    # Goes on as another Python, in this process. While that starts, a Ctrl-C waits: until it
    # imports this.
    import os

    hold(True)
    os.execve(python, [str(word) for word in argv], env)


def hold(on):
    # A Ctrl-C waits meanwhile, here and in what is started.
    import signal  # takes a while, and the hook comes first

    signal.pthread_sigmask(signal.SIG_BLOCK if on else signal.SIG_UNBLOCK, {signal.SIGINT})


sys.excepthook = _hook
hold(False)
