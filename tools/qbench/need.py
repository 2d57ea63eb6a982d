# qbench.need - the least free heap with which a program gets from the import to traffic.
# SPDX-License-Identifier: MIT

from qshared.problem import Problem

_LOW, _HIGH = 8 << 10, 120 << 10  # bytes
_STEP = 512


def search(passes):
    # passes(n): whether it does with n bytes. The least n, to _STEP.
    low, high = _LOW, _HIGH
    if not passes(high):
        raise Problem("It takes more than %d bytes from the import to traffic." % high)
    while high - low > _STEP:
        middle = (low + high) // 2
        if passes(middle):
            high = middle
        else:
            low = middle
    return high
