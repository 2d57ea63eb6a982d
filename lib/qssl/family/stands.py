# qssl.family.stands - whether the SSL context of an LTE modem stood as it was set when it opened a
# connection: one that ended late may have taken the settings with it (manual 2.2.5).
# SPDX-License-Identifier: MIT
#
# While the new one is open nothing does: what is in force now has been since it opened. What is
# set first, the version, shows that nothing was forgotten since; the check of certificates, that
# nothing was at the end.
#
# It was forgotten while it was being set: so the earlier connection is let go either later than
# that takes, and what opens at once, behind another that has just been closed, is in time; or
# sooner, and what is set later by that time is.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .. import unload
from ..errors import error
from ..wire import link as _l
from ..wire.ascii import value

_TRIES = const(3)
_MOST_MS = const(15000)  # what is waited for, at most
_AGAIN_MS = const(300)
_CLOSING = const(4)  # in AT+QSSLSTATE

_LINE = const(b'AT+QSSLCFG="%s",%d')


def proofs(ctx):
    # (question, the number that it must show), twice.
    return (
        (_LINE % (b"sslversion", ctx.id), int(ctx._settings[0])),
        (_LINE % (b"seclevel", ctx.id), ctx._seclevel),
    )


def stands(modem, ctx, sock=None):
    # Generator: whether it did; False: it is worth another try. Raises if it is not, or nothing
    # can be seen. sock: a connection in direct push mode.
    witness = modem.link.witness
    if not sock:
        good = yield from _asked(modem, ctx)
    else:
        good = yield from _pushing(modem, sock)
    if not good:
        due = modem.at.until
        left = ticks_diff(due, ticks_ms()) if due else _MOST_MS * _TRIES
        if witness.strikes < _TRIES and left > witness.strikes * witness.took:
            return False
    witness.strikes = 0
    if not good:
        raise error("ctx lost")
    unload("family wire.command", True)
    return True


def _asked(modem, ctx):
    for question, wanted in proofs(ctx):
        for _ in range(_TRIES):  # of one answer, a byte may be damaged
            result = yield from modem.at.ask(question, b"+QSSLCFG:")
            lines = modem.at.lines
            if result == _l.OK and len(lines) == 1:
                if value(lines[0], 0, len(lines[0]), 2) == wanted:
                    break
        else:
            how = "the modem shows no settings; no connection is made, restart it"
            if result != _l.OK:
                modem.at.fail(result, "tls", how)
            lost(modem, ctx)
            return False
    return True


def _pushing(modem, sock):
    # What is pushed may hold the line until it is read. Then the connection is given out as it is,
    # and asked about when it is read, before anything is sent.
    from .again import Again

    proof = Again(sock, None)
    while proof.waits():
        if modem.link.jam:
            return True
        if not (yield modem.at.until):
            modem.at.fail(_l.TIMEOUT, "tls", "")
    if sock.why and sock.why != "ctx lost":
        raise error(sock.why)
    return not sock.why


def settled(modem, ctx):
    # Generator: waits until no connection of the context is being let go, as far as the modem
    # tells. For the transparent mode, in which nothing can be asked behind the opening.
    until = modem.at.until or ticks_add(ticks_ms(), _MOST_MS)
    while True:
        held = [n for n, s in enumerate(modem.sockets) if s]
        closing = [s for s in modem.sockets if s and s.ctx.id == ctx.id and s.state() == 2]
        if not closing:
            ids = [b""]
            if modem.link.listing & _l.BY_ID:  # it takes no other form
                ids = [b"=%d" % n for n in range(len(modem.sockets)) if n not in held]
            for n in ids:
                yield from modem.at.ask(b"AT+QSSLSTATE" + n, b"+QSSLSTATE:")
                for line in modem.at.lines:
                    hi = len(line)
                    # Of those in use, what the server has closed is listed so, too.
                    if value(line, 0, hi, 5) == _CLOSING and value(line, 0, hi, 0) not in held:
                        closing += [0] * (value(line, 0, hi, 10) in (ctx.id, -1))
        if not closing:
            return
        due = ticks_add(ticks_ms(), _AGAIN_MS)
        if ticks_diff(until, due) < 0:
            due = until
        while (yield due):
            pass
        if due == until:
            raise error("ctx held")


def lost(modem, ctx):
    # It did not: all is set again, for another id (this one may be held as well), and at another
    # moment, see qssl.family.keys.
    ctx._failed = True
    modem.held = not modem.held
    witness = modem.link.witness
    witness.took = min(ticks_diff(ticks_ms(), witness.since), _MOST_MS)
    if not witness.strikes:
        witness.defers = not witness.defers
    witness.strikes += 1
