# qssl.connect.arguments - what may stand between the quotes of a command line; what stood there in
# an answer.
# SPDX-License-Identifier: MIT

import errno

from ..errors import Refused
from ..wire.ascii import field
from ..wire.dialect import HOST_MAX


def quoted(text, phase, what, most=HOST_MAX):
    # `text` (str or bytes) as bytes that can't end their quotes or the command line: this is what
    # keeps a host name, an APN or a path from being read as a command. Refused otherwise.
    text = optional(text, phase, what, most)
    if not text:
        raise Refused(errno.EINVAL, phase, what + " is empty")
    return text


def optional(text, phase, what, most=HOST_MAX):
    # The same, but it may be empty.
    if isinstance(text, str):
        text = text.encode()
    elif not isinstance(text, (bytes, bytearray)):
        raise Refused(errno.EINVAL, phase, what + " must be str or bytes")
    if len(text) > most:
        raise Refused(errno.EINVAL, phase, "%s is longer than %d bytes" % (what, most))
    for c in text:
        if c < 32 or c > 126 or c == 34:
            raise Refused(
                errno.EINVAL, phase, "%s holds a quote, control or non-ASCII character" % what
            )
    return bytes(text)


def text(buf, lo, hi, k):
    # Field k as a str without its quotes, None if it is absent; "?" for what is not printable
    # ASCII. Allocates.
    a = field(buf, lo, hi, k)
    if a > hi:
        return None
    return printable(buf, a, field(buf, lo, hi, k + 1) - 1).strip().strip('"')


def printable(buf, lo, hi):
    # buf[lo:hi] as a str that is safe to show, whatever the line brought. Allocates.
    return bytes([c if 32 <= c < 127 else 63 for c in buf[lo:hi]]).decode()
