# qssl.connect.sslcfg - the settings of SSL contexts, fail-closed: what can't be read back as set
# refuses the connection. AT+QSSLCFG (manual 2.2.1), loaded while a connection is made.
# SPDX-License-Identifier: MIT

from binascii import crc32
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from .. import unload
from ..errors import error

_CLOSING_MS = const(15000)  # AT+QSSLCLOSE takes 12 s at most
_SLOW_MS = const(2000)  # for two answers: then several settings go into one line
_PIECE = const(128)  # bytes of a file that are read at a time
_KEYS = const((b"sslversion", b"ciphersuite", b"seclevel", b"ignorelocaltime", b"negotiatetime"))
_REFUSED = const(
    "the modem refused %s; no connection is made, restart it; modem.probe() tells what it has"
)
_FILES = const((b"cacert", b"clientcert", b"clientkey"))


def _changed(ctx):
    # Whether a file of the context is no longer what it was. One that is just being replaced, so
    # that it is not there, has not changed yet.
    for file in ctx._pems:
        if file is not None and isinstance(file[0], str):
            now = _stamp(file[0])
            if now is not None and now != file[1:3]:
                return True
    return False


def _stamp(what):
    # (size, CRC-32) of a file on the board as it is now; None if it can't be read.
    try:
        f = open(what, "rb")
    except OSError:
        return None
    buf = bytearray(_PIECE)
    size = crc = 0
    try:
        while True:
            n = f.readinto(buf)
            if not n:
                return size, crc
            crc = crc32(memoryview(buf)[:n], crc)
            size += n
    except OSError:
        return None
    finally:
        f.close()


def applying(ctx, modem, host=b"", now=False):
    # Generator for Link.drive, see tls.Context.apply. host: which it is for, bytes; b"": any. now:
    # what has to wait until an older connection is closed, or let go, fails instead.
    # A restart may have gone unseen in what the quarantine passed over.
    epoch = modem.epoch + modem.stats.resyncs
    id = ctx.id
    settings = [(key, str(val).encode()) for key, val in zip(_KEYS, ctx._settings)]
    level = ctx._seclevel
    begin = where = ctx._where or "RAM:"
    family = None
    # A suite with a C in its number is one of LTE modems alone.
    if modem.link.lte or True in ctx._settings[6:] or "C" in ctx._settings[1]:
        from ..family import keys as family

        where, begin = family.fit(modem, ctx, settings)
    if _changed(ctx):
        from .pemcheck import load

        ctx._pems = load(*[file and file[0] for file in ctx._pems])
        ctx._epoch = -1
    # The modem releases a context with its last connection (manual 2.2.5): what closes just now
    # would take the settings along, behind the look or while they are made.
    due = modem.at.until
    if due is None:
        due = ticks_add(ticks_ms(), _CLOSING_MS)
    while True:
        states = _states(modem, id)
        if 1 in states or 2 not in states:
            break
        if now or not (yield due):
            raise error("closing" if now else "unreleased")
    if ctx._epoch == epoch and modem.contexts[id] is ctx:
        if 1 in states:
            return
        # Should it have forgotten them, the one that protects most shows it. After a connection
        # that failed, all is set again, unless another one opens just now: not all that is wrong
        # can be read back.
        sure = not ctx._failed or 0 in states
        if sure and (yield from _holds(modem, id, *settings[2 if level else 1])):
            if family is None or (yield from family.same(modem, ctx, host)):
                then = _states(modem, id)
                if modem.contexts[id] is ctx and (1 in then or then == states):
                    return
    if modem.caps is not None:
        from ..ask.probe import check

        check(modem.caps, id, settings)
    # A connection that is still opening may go by the settings of this moment.
    if 0 in _states(modem, id):
        while 0 in _states(modem, id):
            if now or modem.contexts[id] is not ctx or not (yield due):
                raise error("ctx busy")
        return (yield from applying(ctx, modem, host, now))
    mine = modem.contexts[id] = [ctx]
    if level and not ctx._settings[3]:
        yield from _timed(modem)
        unload("clock", True)
    if family is not None:
        yield from family.more(modem, ctx, host, settings, now)
    names = yield from _uploads(ctx, modem, where, begin)
    pairs = settings + [(key, b'"%s"' % name) for key, name in zip(_FILES, names) if name]
    lost = yield from _set(modem, id, pairs)
    if lost and modem.link.lte:  # it forgot them in the middle, see qssl.family.stands
        lost = yield from _set(modem, id, pairs)
    if lost:
        raise error("not kept", 0, lost + ": ")
    # Another connection of it may have been closed meanwhile: then what was set first is lost.
    if 1 in states:
        if not (yield from _holds(modem, id, *settings[0])) or 1 not in _states(modem, id):
            raise error("ctx lost")
    # While this waited, a callback or another task may have set up the same context.
    if modem.contexts[id] is not mine:
        modem.contexts[id] = None
        raise error("ctx busy")
    modem.contexts[id] = ctx
    ctx._epoch = epoch
    ctx._failed = False


def _set(modem, id, pairs):
    # Generator: sets each (key, value) and reads it back. Returns the first that the modem has not
    # kept, as words, or None.
    begun = ticks_ms()
    slow = n = 0
    for at, (key, val) in enumerate(pairs):
        if slow and at >= n:  # what does not come so is set alone, from then on
            from .together import together

            n = yield from together(modem, id, pairs, at)
            slow = n > at
        if at < n:
            continue
        line = b'AT+QSSLCFG="%s",%d,%s' % (key, id, val)
        what = "%s=%s" % (key.decode(), val.decode())
        yield from modem.at.want(line, "tls", _REFUSED % what, tries=3)
        if not (yield from _holds(modem, id, key, val)):
            return what
        slow = not at and ticks_diff(ticks_ms(), begun) > _SLOW_MS


def _states(modem, id):
    # Of the connections of a context.
    return [s.state() for s in modem.sockets if s is not None and s.ctx.id == id]


def _timed(modem):
    # In a frame of its own: a name in that of applying() would hold the module.
    from ..clock import known

    return known(modem)


def _uploads(ctx, modem, where, begin):
    # Generator: the files' names on the modem, where they are now; None for what is not used.
    from ..files import _delete, ensuring, named
    from .pem import Clean

    names = [file and named(begin, file[3], file[5]) for file in ctx._pems]
    # What was replaced goes first, as there may be no room for both; keys should not stay.
    others = [c[0] if isinstance(c, list) else c for c in modem.contexts if c is not None]
    others = [c._names for c in others if c is not ctx]
    for name in ctx._names:
        if name and name not in names and not [1 for those in others if name in those]:
            yield from _delete(modem, name, True)
    ctx._names = names
    for file, phase, name in zip(ctx._pems, ("ca", "cert", "key"), names):
        if file is not None:
            yield from ensuring(modem, Clean(file[0], phase, file[3:]), "tls", where, name)
    return names


def _holds(modem, id, key, val):
    # Whether the modem has this value. Of one answer, a byte may be damaged.
    line = b'AT+QSSLCFG="%s",%d' % (key, id)
    how = "the modem shows no settings; no connection is made, restart it"
    for _ in range(2):
        lines = yield from modem.at.want(line, "tls", how, b"+QSSLCFG:")
        if len(lines) == 1 and _bare(lines[0]) == _bare(b'"%s",%d,%s' % (key, id, val)):
            return True
    return False


def _bare(line):
    # A setting without what firmwares write differently: quotes, blanks beside commas, upper or
    # lower case.
    return [part.strip().replace(b'"', b"").upper() for part in line.split(b",")]
