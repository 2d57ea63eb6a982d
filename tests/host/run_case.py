# run_case - runs the tests of one case file on the interpreter it is started with.
# SPDX-License-Identifier: MIT
#
#     run_case.py FILE [NAME...]     CPython or MicroPython; without names every test of the file
#
# One line is printed when a test begins and one when it ends, each beginning with $CASE_MARK
# (default "@@"): conftest.py reads them as they come. A failure's traceback stands above its line.
# The exit status is 1 if a test failed. By hand, MICROPYPATH or PYTHONPATH must be set as
# conftest.py does; `pytest -k` is more comfortable.

import os
import sys
import time

MICROPYTHON = sys.implementation.name == "micropython"

if not MICROPYTHON:
    import upy

    upy.install()

# webassembly.mjs, where there is no environment, sets it later.
MARK = (hasattr(os, "getenv") and os.getenv("CASE_MARK")) or "@@"


def say(*words):
    # Anywhere in a line counts as its beginning: a test may have printed half a line before.
    print(MARK, *words)
    if not MICROPYTHON:
        sys.stdout.flush()


def show(e):
    if MICROPYTHON:
        sys.print_exception(e)
    else:
        import traceback

        # From the case on; the frames of this file are noise.
        frames = e.__traceback__
        while frames and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next
        traceback.print_exception(type(e), e, frames, file=sys.stdout)


def load(path):
    # The module of the case file, imported by its name.
    i = path.rfind("/") + 1
    sys.path.insert(0, path[: i - 1] if i else "")
    return __import__(path[i:].rsplit(".", 1)[0])


def begin(path):
    # The module of the case file; None, and that is said, if it can't be imported.
    say("load", path)
    try:
        return load(path)
    except BaseException as e:
        show(e)
        say("broken")
        return None


def run(module, name):
    # "pass" or "fail", None after Ctrl-C.
    say("run", name)
    start = time.ticks_ms()
    result = "pass"
    try:
        getattr(module, name)()
    except BaseException as e:
        # SystemExit too: a test that ends its process has not passed.
        show(e)
        result = "fail"
        if isinstance(e, KeyboardInterrupt):
            return None
    say(result, name, time.ticks_diff(time.ticks_ms(), start))
    return result


def main(path, names):
    module = begin(path)
    if module is None:
        return 1
    if not names:
        names = [n for n in dir(module) if n.startswith("test_") and callable(getattr(module, n))]
    failed = 0
    for name in names:
        result = run(module, name)
        if result is None:
            return 1
        if result == "fail":
            failed = 1
    say("end")
    return failed


def in_thread(function):
    # The 32-bit unix port gives its main thread 40 kB of stack, too little for imports within
    # imports: a thread may have more.
    import _thread

    def start(*args):
        done = []

        def body():
            try:
                done.append(function(*args))
            except BaseException as e:
                show(e)
                done.append(1)

        _thread.stack_size(1 << 20)
        _thread.start_new_thread(body, ())
        while not done:
            _pause(20)
        return done[0]

    _pause = time.sleep_ms  # cases put a clock of their own into sys.modules
    return start


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print("use: run_case.py FILE [NAME...]")
        sys.exit(2)
    start = in_thread(main) if MICROPYTHON and sys.maxsize < 1 << 31 else main
    sys.exit(start(sys.argv[1], sys.argv[2:]))
