# qssl.connect.opening - from a host name to a socket: AT+QSSLOPEN (manual 2.2.2).
# SPDX-License-Identifier: MIT

import io
from time import ticks_add, ticks_ms

from micropython import RingIO, const

from .. import unload
from ..errors import error
from ..wire.dialect import IN_USE, RECV_MAX, SEND_MAX

_AGAIN_MS = const(1000)  # until an id that is still taken is tried again

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
        sound = False
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
            yield from _refused(modem, sock, name, tries)
        finally:
            if not sound:
                ctx._failed |= sock.code != IN_USE
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


def _refused(*args):
    from .refused import refused

    return refused(*args)
