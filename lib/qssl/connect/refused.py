# qssl.connect.refused - a connection did not come about: once more, or with which error.
# SPDX-License-Identifier: MIT
#
# Loaded by opening then.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..ask.codes import refusal
from ..errors import Error, error
from ..start.network import failing
from ..wire import link as _l
from ..wire.dialect import IN_USE, NO_PDP, STUCK

_SPARE_MS = const(3000)  # as long as so much time is left, an id that is taken is tried again


def refused(modem, sock, name, tries):
    # Generator: closes what holds the id. Raises if it is not worth another try.
    cme = ~sock.code
    code = sock.code
    due = modem.at.until
    if code < 0:
        code = yield from failing(modem)
        if not code:
            # It may have restarted, or lost the context.
            modem.link.doubt |= _l.DOUBTED
            until = ticks_add(ticks_ms(), _SPARE_MS)
            if due and ticks_diff(due, until) < 0:
                until = due
            while modem.link.doubt and (yield until):
                pass
            code = cme
        sock.code = code
    again = sock.why == "misheard" or (sock.why == "refused" and not code and modem.up)
    if (code != IN_USE and (tries or not again)) or (
        tries and due and ticks_diff(due, ticks_ms()) < _SPARE_MS
    ):
        if code in NO_PDP:
            modem.lose(sock.pdp)
        elif sock.pdp == modem.pdp and not modem.up:
            raise error(modem.gone or "down")
        if not code and sock.why != "refused":
            raise error(sock.why)
        modem.stuck = code == STUCK  # for qssl.recovery
        raise Error(errno.ECONNREFUSED, "open", name + ": " + refusal(code, cme), code)
    # What should have closed the id was lost on the UART, or what should have opened it: once
    # more, at once. Or the modem holds it for a while, though it said OK to AT+QSSLCLOSE, as LTE
    # modems may: waited for, or the next one that is free.
    for time in (b",0", b""):  # with a time-out, if it may
        if (yield from modem.at.ask(b"AT+QSSLCLOSE=%d" % sock.id + time)) == _l.OK:
            break
    sock._release()
