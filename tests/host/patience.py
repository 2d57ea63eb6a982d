# patience - how tests wait for other processes, so that a busy computer makes none of them fail.
# SPDX-License-Identifier: MIT
"""
until(lambda: "ready" in server.log())          # what will come, comes: waits for it, with an end
once(measured, lambda seconds: seconds < 0.3)   # fast enough: true of one try out of many

A fault is there each time; a delay that others cause is not. So no test needs a time that another
process must keep, and each has an end: LIMIT_S, many times what an idle computer takes.
"""

import time

LIMIT_S = 60


def until(condition, seconds=LIMIT_S, every=0.01):
    # The first true value of condition(). An AssertionError says what its last value was.
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not so within %g s: it is still %r" % (seconds, value))
        time.sleep(every)


def once(measure, fine, seconds=LIMIT_S):
    # Measures until fine(value), which it then returns.
    end = time.monotonic() + seconds
    seen = []
    while True:
        value = measure()
        if fine(value):
            return value
        seen.append(value)
        if time.monotonic() > end:
            raise AssertionError("%d times not so: %s" % (len(seen), seen[-10:]))
