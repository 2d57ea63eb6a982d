# qssl.connect.ready - what has to be right before a connection opens: arguments, a free id, a
# modem that has not restarted, its echo.
# SPDX-License-Identifier: MIT
#
# Loaded by opening, and let go before the SSL context is set up, which needs the memory.

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from ..errors import error
from ..wire import link as _l
from .arguments import quoted

_UNUSED_MS = const(60000)
_MOST_MS = const(1 << 29)
_PROOF_MS = const(20000)  # a modem that was busy with something old is waited for


def ready(modem, host, port, ctx, pdp, push, proven, step):
    # Generator, see opening(): the PDP context, the id, the host's name as bytes.
    link = modem.link
    link.mine(None)
    if modem.held:
        step = -step
    host, port = _checked(host, port)
    if getattr(ctx, "_modem", None) is not modem:
        raise error("ctx")
    if pdp is None:
        pdp = modem.pdp
    else:
        from ..family.contexts import within

        within(modem, pdp)
    yield from modem.at.alone(())  # another task may be starting the modem
    now = proven > 1  # open() does not wait
    if proven:
        link.doubt |= _l.DOUBTED
    while True:
        if pdp not in modem.pdps and (pdp != modem.pdp or not modem.up):
            raise error((pdp == modem.pdp and modem.gone) or "down")
        cid = yield from _free(modem, step, now)
        if not proven:
            yield from _proven(modem)
            proven = True
            continue
        if push or (link.echoes and not link.echo):
            from ..start.echo import again, off

            yield from modem.at.alone(off(modem) if push else again(modem, now))
        if push == 2 and link.lte:
            from ..family.stands import settled

            yield from settled(modem, ctx)
        return pdp, cid, host


def _proven(modem):
    # Generator: a restart that nobody noticed is found before the connection depends on it.
    link = modem.link
    due = ticks_add(ticks_ms(), _PROOF_MS)
    until = modem.at.until
    reason = "silent"
    if until is not None and ticks_diff(due, until) > 0:
        due = until
        reason = "no answer"  # the caller's time may just be too short
    link.doubt |= _l.DOUBTED
    while link.doubt:
        if not (yield due):
            raise error(link.why(reason))


def _free(modem, step, now):
    # A free socket id, see opening(); those that are just closing are waited for, but not now.
    begun = ticks_ms()
    due = modem.at.until or ticks_add(begun, 15000)
    link = modem.link
    sockets = modem.sockets
    hub = None if link.depth else getattr(link, "hub", None)  # it is for a task
    while True:
        for cid in range(len(sockets))[::step]:
            if sockets[cid] is None:
                return cid
        link.pump()
        for sock in sockets:
            if sock and sock.spent():
                sock.abandon()  # its program has dropped it, as umqtt does when it reconnects
        if not [s for s in sockets if not s or s.state() > 1]:
            if not ((hub is not None and hub.spare(begun)) or _unused(sockets)):
                raise error("all used")
        if now or not (yield due):
            raise error("closing" if now else "unreleased")


def _unused(sockets):
    # Gives up the one that was not used for the longest time, a minute at least, of those that an
    # existing client has made: built-in sockets that are dropped, the garbage collector closes.
    found = None
    longest = _UNUSED_MS - 1
    now = ticks_ms()
    for sock in sockets:
        seen = getattr(sock, "seen", None)
        if seen is not None and sock._timeout != 0:
            unused = ticks_diff(now, seen)
            if unused < 0:
                unused = _MOST_MS  # ticks have come round
            if unused > longest:
                found = sock
                longest = unused
    if found is not None:
        found.fail("taken")
        found.abandon()
    return found


def _checked(host, port):
    # Host as bytes and port, fit for a quoted parameter of a command line.
    if not isinstance(port, int) or not 0 < port < 65536:
        raise error("port")
    host = quoted(host, "open", "host name")
    for c in host:
        if not (48 <= c < 58 or 65 <= c & 95 < 91 or c in b".-_"):
            raise error("url")
    return host, port
