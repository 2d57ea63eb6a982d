# qlearn.script - what the server is told to do, in a line of text; the same for server and tests.
# SPDX-License-Identifier: MIT
"""
qlearn wait:500 send:100 close

wait:MS, send:BYTES (letters), close, break (a record that no key fits), certs (the server's
certificates as PEM, with their length before them).
"""

HELLO = b"qlearn"
SEND_MAX = 20000
WAIT_MAX = 60000


class Wrong(ValueError):
    pass


def line(*steps):
    return HELLO + b" " + " ".join(steps).encode() + b"\n"


def parse(text):
    # [(word, number)]. Raises Wrong.
    words = text.split()
    if not words or words[0] != HELLO:
        raise Wrong
    found = []
    for word in words[1:]:
        name, _, number = word.decode("ascii", "replace").partition(":")
        if number and not (number.isdigit() and len(number) < 7):
            raise Wrong
        value = int(number or 0)
        limit = {"wait": WAIT_MAX, "send": SEND_MAX, "close": 0, "break": 0, "certs": 0}.get(name)
        if limit is None or value > limit or len(found) >= 20:
            raise Wrong
        found.append((name, value))
    return found


def payload(size):
    letters = b"abcdefghijklmnopqrstuvwxyz"
    return (letters * (size // 26 + 1))[:size]


def certificates(pem):
    return b"%d\n" % len(pem) + pem
