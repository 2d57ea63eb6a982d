# kit - what the device scripts share. tools/device.py brings it onto the board and fills SET.
# SPDX-License-Identifier: MIT

import gc

import board

SET = {}  # host, port, ca: the test server; utc; emulated; baud; and what one script wants


def modem(**options):
    # A modem that has been started.
    m = board.modem(**options)
    m.start(apn="internet", timeout_ms=60000)
    return m


def context(m, ctx=0, ca=None):
    # A TLS context; the modem gets the PC's time.
    if m.clock() is None:
        m.clock(SET["utc"])
    return m.tls(ctx, ca=(ca or SET["ca"]).encode())


def connect(m, ctx, first=None, **options):
    # A connection to the test server. first: the line that tells it what to do.
    sock = m.connect(SET["host"], SET["port"], ctx, **options)
    sock.settimeout(30)
    if first:
        sock.write(first + "\n")
        sock.flush()
    return sock


def pattern(start, count):
    return bytes([(i * 7 + (i >> 8) * 13) & 255 for i in range(start, start + count)])


def clean(m):
    # Nothing was lost and nothing had to be repaired on the way. One resync: start() itself.
    s = m.stats
    got = (s.resyncs, s.timeouts, s.garbled, s.restarts, s.late)
    assert got == (1, 0, 0, 0, 0), "resyncs, timeouts, garbled, restarts, late: %r" % (got,)


def complaint(function, *args, **options):
    # The sentence of the error that the call raises.
    try:
        function(*args, **options)
    except OSError as e:
        return str(e)
    raise AssertionError("no error")


def done():
    gc.collect()
    print("PASS")
