# ugsim - `python -m ugsim` with tools on the path, or `python3 tools/ugsim`.
# SPDX-License-Identifier: MIT

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _hook(kind, value, trace):
    # Ctrl-C during the imports: no traceback.
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, value, trace)


def _hold(on):
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK if on else signal.SIG_UNBLOCK, {signal.SIGINT})


def _start():
    sys.excepthook = _hook
    _hold(False)
    if not __package__:
        # Run as a folder: its modules belong to the package and must not hide others.
        sys.path = [os.path.dirname(_HERE)] + [p for p in sys.path if os.path.abspath(p) != _HERE]
    try:
        from ugsim.cli import main
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "ugsim":
            raise
        python = os.path.join(_HERE, "..", "..", ".venv", "bin", "python")
        hint = "Run `python3 tools/test.py` or `python3 tools/demo.py` once: they make .venv."
        if os.path.exists(python) and os.environ.get("UGSIM_VENV") != "tried":
            # The packages are in the project's virtual environment.
            os.environ["UGSIM_VENV"] = "tried"
            # A Ctrl-C while Python starts anew waits until the hook is there.
            _hold(True)
            os.execv(python, [python, _HERE] + sys.argv[1:])
        print("ugsim: the package %s is missing. %s" % (error.name, hint), file=sys.stderr)
        return 2
    return main()


if __name__ == "__main__":
    sys.exit(_start())
