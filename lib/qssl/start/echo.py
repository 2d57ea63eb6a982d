# qssl.start.echo - the modem's echo of command lines (ATE, V.250 6.2.4): on, off, and whether it
# comes.
# SPDX-License-Identifier: MIT
#
# With it the link knows that a command arrived as it was typed, see Parser.echo. Loaded by
# start(), and where an access mode needs the echo to be off: what is pushed, and transparent
# payload, could not be told from it.

from time import ticks_add, ticks_ms

from micropython import const

from ..errors import error
from ..wire import link as _l

_CHECKED = const(1)  # as in qssl.wire.exchange
_LEARNING = const(2)
_NOTHING = const(-2)
_TRIES = const(3)
_CLOSING = const(2)  # Socket.state()
_CLOSE_MS = const(15000)


def on(modem):
    # Generator for Link.drive: switches the echo on and finds out whether it comes as it was
    # typed. False: a modem that echoes, but something else each time. One that does not echo at
    # all is lived with: link.echo is 0 then.
    link = modem.link
    at = modem.at
    wrong = 0
    for _ in range(_TRIES):
        link.echo = 0
        if (yield from at.ask(b"ATE1", tries=_TRIES)) != _l.OK:
            continue
        link.echo = _LEARNING
        x = yield from at.wait(at.post(b"AT"))
        link.echo = 0
        if x.heard:
            link.echoes = True
            link.echo = _CHECKED
            return True
        wrong += x.odd != _NOTHING
    link.echoes = False
    return wrong < _TRIES


def off(modem):
    # Generator: no echo from now on, as long as a connection pushes or is transparent.
    link = modem.link
    if link.echo:
        yield from modem.at.want(b"ATE0", "switch", "the modem refused ATE0", tries=_TRIES)
        link.echo = 0


def again(modem, now):
    # Generator: the echo comes back when the last such connection has gone; one that is just
    # closing is waited for, but not now.
    link = modem.link
    if link.echoes and not link.echo:
        due = modem.at.until or ticks_add(ticks_ms(), _CLOSE_MS)
        for sock in modem.sockets:
            if sock is not None and (sock._push is not None or getattr(sock, "exclusive", False)):
                while sock.state() == _CLOSING:
                    if now:
                        raise error("closing")
                    if not (yield due):
                        return
                if sock in modem.sockets:
                    return
        yield from on(modem)
