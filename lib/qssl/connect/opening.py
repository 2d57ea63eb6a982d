# qssl.connect.opening - from a host name to a socket: AT+QSSLOPEN (manual 2.2.2) and what can go
# wrong.
# SPDX-License-Identifier: MIT

import errno
import io
from time import ticks_add, ticks_diff, ticks_ms

from micropython import RingIO, const

from .. import unload
from ..errors import Error, error
from ..wire import link as _l
from ..wire.dialect import IN_USE, NO_PDP, RECV_MAX, SEND_MAX, STUCK

_AGAIN_MS = const(1000)  # until an id that is still taken is tried again ...
_SPARE_MS = const(3000)  # ... as long as so much time is left

_ROOM = const(512)  # for the attributes of a socket, kept free while the gaps fill up

# What a connection needs until it opens.
_LOADED = const("start connect files family clock timesources ask.codes hints rare wire.command")


def connecting(modem, host, port, ctx, make, pdp, push):
    # Generator for Link.drive: the Socket of an open connection. Its deadline is at.until.
    due = modem.at.until
    tries = 0
    name = _name(host, port)
    while True:
        sock = yield from opening(modem, host, port, ctx, make, pdp, push, False, 1 - (tries & 2))
        sound = held = False
        try:
            while not sock.state():
                if not (yield due):
                    raise error(modem.link.why("open late"), 0, name + ": ")
            sound = sock.state() >= 0 and not sock.why
            if sound:
                if modem.link.lte and push != 2:  # in transparent mode nothing can be asked
                    sound = False
                    sound = yield from _stands(modem, ctx, push and sock)
                    if not sound:
                        continue
                return sock
            code = sock.code
            if code < 0:
                code = (yield from _failing(modem)) or ~code
            held = code == IN_USE
            if (not held and (tries or sock.why != "misheard")) or (
                tries and due and ticks_diff(due, ticks_ms()) < _SPARE_MS
            ):
                if code in NO_PDP:
                    modem.lose(sock.pdp)
                if not code and sock.why != "refused":
                    raise error(sock.why)
                modem.stuck = code == STUCK  # for qssl.recovery
                from ..ask.codes import refusal

                name += ": " + refusal(code, ~sock.code)
                raise Error(errno.ECONNREFUSED, "open", name, code)
            # What should have closed the id was lost on the UART, or what should have opened it:
            # once more, at once. Or the modem holds it for a while, though it said OK to
            # AT+QSSLCLOSE, as LTE modems may: waited for, or the next one that is free.
            for time in (b",0", b""):  # with a time-out, if it may
                if (yield from modem.at.ask(b"AT+QSSLCLOSE=%d" % sock.id + time)) == _l.OK:
                    break
            sock._release()
        finally:
            if not sound:
                ctx._failed |= not held
                sock.abandon()
        if tries:
            until = ticks_add(ticks_ms(), _AGAIN_MS)
            while (yield until):
                pass
        tries += 1


def opening(modem, host, port, ctx, make, pdp, push, proven=False, step=1):
    # Generator for Link.drive: the Socket of a connection that is going to open. proven: 2:
    # don't wait for the proof that the modem has not restarted, which AT+QSSLOPEN needs anyway,
    # nor for what is being closed.
    # step: 1, or -1: the last free id, not the first.
    while True:
        n, cid, name = yield from _ready(modem, host, port, ctx, pdp, push, proven, step)
        proven = proven or 1
        unload("connect.ready", True)
        yield from modem.at.alone(ctx.applying(name, proven > 1))
        if modem.sockets[cid] is None:  # somebody may have taken it while apply() waited
            break
    # Before what stays is loaded, the first time. From .mpy, a connection takes some hundredths of
    # a second longer for it, which the handshake hides.
    modem.at.lines = ()  # of the last command: they were read
    unload(_LOADED, True)
    room = bytearray(_ROOM)
    if type(modem.slots[cid]) is not list:
        # The largest pieces first, as long as there is one.
        rx, tx = modem.slots[cid] or (RingIO(RECV_MAX), io.BytesIO(SEND_MAX))
        from ..wire.connection import slot

        modem.slots[cid] = slot(cid, rx, tx)
    if make is None:
        from ..socket import Socket as make
    line = b'AT+QSSLOPEN=%d,%d,%d,"%s",%d,%d\r' % (n, ctx.id, cid, name, port, push)
    del room
    sock = make(modem, cid, modem.slots[cid], line)
    sock.pdp = n
    sock.ctx = ctx
    modem.sockets[cid] = sock
    if push is True:
        from ..modes.push import attach

        attach(sock)
    if modem.link.lte and proven > 1:
        from ..family.again import Again

        Again(sock, line)
    return sock


# Each in a frame of its own: a name in those above would hold the module.


def _ready(*args):
    from .ready import ready

    return ready(*args)


def _name(host, port):
    from .arguments import quoted

    return "%s:%s" % (quoted(host, "open", "host name").decode(), port)


def _stands(*args):
    from ..family.stands import stands

    return stands(*args)


def _failing(modem):
    from ..start.network import failing

    return failing(modem)
