# qssl.wire.ascii - numbers and fields in a line of bytes, without allocation.
# SPDX-License-Identifier: MIT


def put(buf, i, v):
    # Writes v >= 0 in decimal at buf[i]; returns the index behind it.
    d = 1
    while v // d > 9:
        d *= 10
    while d:
        buf[i] = 48 + v // d % 10
        i += 1
        d //= 10
    return i


def number(buf, lo, hi):
    # The value of buf[lo:hi], decimal digits with blanks before them; -1 if it is anything else.
    while lo < hi and buf[lo] == 32:
        lo += 1
    if lo >= hi or hi - lo > 9:  # nine digits stay a small int on 32-bit ports
        return -1
    v = 0
    while lo < hi:
        c = buf[lo] - 48
        if not 0 <= c <= 9:
            return -1
        v = v * 10 + c
        lo += 1
    return v


def field(buf, lo, hi, k):
    # Where field k (from 0) of a comma-separated line begins; commas in quotes don't count.
    # hi + 1 when the line has fewer fields. A field ends one before the next one begins.
    quoted = False
    while k and lo < hi:
        c = buf[lo]
        lo += 1
        if c == 34:
            quoted = not quoted
        elif c == 44 and not quoted:
            k -= 1
    return hi + 1 if k else lo


def value(buf, lo, hi, k):
    # Field k as a decimal number, -1 if it is absent or not a number.
    return number(buf, field(buf, lo, hi, k), field(buf, lo, hi, k + 1) - 1)
