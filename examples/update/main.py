# main.py - starts the program: the newest version that has proved itself, or a new one, once.
# SPDX-License-Identifier: MIT
#
# Copied onto the board once, and never changed by an update; so it is short, and imports nothing
# of qssl. docs/update.md says how it belongs together. What lies in /app:
#     N/       a version: app.py (or .mpy), which runs when it is imported, and what it needs
#     N.try    it is whole: start it, once
#     N.ran    that was done
#     N.ok     it has reached the server: it is the one
# 0/ is the version that was put there by hand; it needs no N.ok.

import os
import sys

APP = "/app"
TRIAL_MIN = 120  # a version that has not proved itself by then is ended
TIMER = -1  # a machine.Timer that nobody else uses: -1 where there are virtual ones, ESP32: 0


def pick():
    # (number of the version to start, whether it is its trial)
    good = [0]
    new = [0]
    try:
        names = os.listdir(APP)
        for name in names:
            n, _, what = name.partition(".")
            if n.isdigit() and what == "ok":
                good.append(int(n))
            elif n.isdigit() and what == "try" and n + ".ran" not in names:
                new.append(int(n))
        if max(new) > max(good):
            open("%s/%d.ran" % (APP, max(new)), "w").close()
            return max(new), True
    except OSError as e:  # full, or damaged: no trials
        sys.print_exception(e)
    return max(good), False


def overdue(timer):
    try:
        os.stat("%s/%d.ok" % (APP, number))
    except OSError:
        reset()


def reset():
    import machine

    machine.reset()


number, trial = pick()
sys.path.insert(0, "%s/%d" % (APP, number))
if not trial:
    import app
else:
    try:
        from machine import Timer

        Timer(TIMER).init(mode=Timer.ONE_SHOT, period=TRIAL_MIN * 60000, callback=overdue)
    except (ImportError, ValueError):
        pass  # then a watchdog is all there is
    try:
        import app  # noqa: F401
    except Exception as e:
        sys.print_exception(e)
        reset()
