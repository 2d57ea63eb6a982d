# qssl.ctrl_z - data of a length not known before: AT+QSSLSEND=<clientID> (manual 2.2.3).
# SPDX-License-Identifier: MIT
#
# Socket.write() announces its lengths, which can carry every byte. This form types until Ctrl-Z:
# for text that is being made while it goes out, and that ESC can still call off.

import errno
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .errors import Refused, error
from .wire import link as _l
from .wire.command import Exchange
from .wire.dialect import SEND_MAX
from .wire.lifecycle import REFUSED

_END = const(b"\x1a")  # Ctrl-Z
_CANCEL = const(b"\x1b")  # ESC
_PAUSE_MIN_MS = const(40)  # after ERROR in place of the prompt; as in wire.sending
_PAUSE_MAX_MS = const(1280)
_CANCEL_MS = const(1000)  # how long its answer may take: no document says that there is one


class _Entry(Exchange):
    takes = _l.OK | _l.ERROR | _l.SEND_OK | _l.SEND_FAIL
    asked = False
    pad = 27

    def begin(self, link):
        link.parser.prompt = True
        super().begin(link)

    def prompt(self):
        self.asked = True

    def line(self, buf, lo, hi):
        return hi - lo == 1 and buf[lo] == 62  # the prompt again, for each CR that was typed

    def owes(self):
        return -1


def send(sock, data: bytes | bytearray | memoryview, timeout_ms: int = 30000) -> int:
    """Sends bytes or text, or what an iterator gives piece by piece: 1 to 1460 bytes in all,
    without Ctrl-Z (0x1A) and ESC (0x1B). Returns how many. What the iterator raises calls the
    sending off, and comes out here. Blocks, and has the AT port for itself. An error other than
    DeliveryUnknown: nothing was sent; after "send buffer" the same may be tried again.

    Returns: how many bytes.
    Raises: what the iterator raises; qssl.Error otherwise.
    Blocks: timeout_ms at most; it has the AT port for itself.
    Allocates: little.
    Since: 0.1.
    """
    if isinstance(data, (str, bytes, bytearray)):
        data = (data,)
    sock.flush()  # what was written before goes first
    sock._check()
    at = sock._modem.at
    events = at._link.events
    held = events is not None and events._busy
    if events is not None:
        events._busy = True  # a callback could not use the AT port: it is told afterwards
    try:
        due = ticks_add(ticks_ms(), timeout_ms)
        pause = _PAUSE_MIN_MS
        while True:
            ms = max(ticks_diff(due, ticks_ms()), 1)
            result, ended, n = _enter(at, b"AT+QSSLSEND=%d" % sock.id, data, ms)
            if n is not None or pause > _PAUSE_MAX_MS or not _stands(sock, due, pause):
                break
            pause *= 2
    finally:
        if events is not None:
            events._busy = held
    if result == _l.SEND_OK:
        return n
    if result == _l.SEND_FAIL:
        raise error("full")
    if result == _l.ERROR:
        sock._shut = sock._more = True  # what has come before can still be read
        sock.fail("reset")
    elif result == _l.MISHEARD:
        sock._modem.misheard(sock.id, -1)  # the prompt may be another connection's
        sock.fail("misheard")
    elif ended:
        sock.fail("unknown")
    sock._check()
    raise error("unasked")


def _enter(at, command, data, timeout_ms):
    # (final result, whether Ctrl-Z was typed, bytes typed; None: ERROR in place of the prompt)
    x = at.post(command, None, timeout_ms, None, _Entry)
    ended = False
    n = 0
    try:
        _until(at, x, lambda: x.asked)
        for piece in data if not x.result else ():
            if isinstance(piece, str):
                piece = piece.encode()
            n += len(piece)
            if n > SEND_MAX or _END in piece or _CANCEL in piece:
                raise _refused("1460 bytes at most, none of them 0x1A or 0x1B")
            if not _type(at, x, piece):
                break
        if not x.result:
            if not n:
                raise _refused("there is nothing to send")
            ended = True
            _type(at, x, _END)
            _until(at, x, lambda: False)
    finally:
        if not x.result:
            _cancel(at, x)
    return x.result, ended, n if x.asked or x.result != _l.ERROR else None


def _stands(sock, due, pause):
    # Refused before the prompt, so nothing was sent: whether the modem says that it is connected,
    # and the pause is over.
    link = sock._link
    sock._claims |= REFUSED
    sock._ask = True
    until = ticks_add(ticks_ms(), pause)
    while sock._claims & REFUSED and not sock.why and link.wait(due):
        pass
    if ticks_diff(due, until) < 0:
        return False
    while not sock.why and link.wait(until):
        pass
    return not sock.why and not sock._claims & REFUSED


def _refused(hint):
    return Refused(errno.EINVAL, "send", hint)


def _until(at, x, done):
    # Waits for done(), or for the end of x.
    link = at._link
    link.pump()
    while not done() and not at.over(x):
        link.wait(x.due)
        link.pump()


def _type(at, x, data):
    # False: the exchange has ended meanwhile.
    link = at._link
    link.type(data, len(data))
    _until(at, x, lambda: link.out is None)
    return not x.result


def _cancel(at, x):
    if x.asked:
        x.due = ticks_add(ticks_ms(), _CANCEL_MS)
        at._link.extend(_CANCEL_MS)
        if _type(at, x, _CANCEL):
            _until(at, x, lambda: False)
    x.due = ticks_ms()
    at.over(x)
