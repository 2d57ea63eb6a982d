# qssl.family.keys - what an SSL context of an LTE modem has beyond that of a UGxx: SNI, the check
# of the host's name, suites; and what another program may have left in it.
# SPDX-License-Identifier: MIT
#
# Loaded while a connection is made. What the firmware has is asked, key by key: the model's name
# does not tell.

from time import ticks_add, ticks_diff, ticks_ms

from ..errors import error
from . import table
from .lacks import LIST, STRONG, mended, value
from .lacks import suite as has_suite


def fit(modem, ctx, settings):
    # Puts the suite into settings as the modem wants it. Gives the storage for files, and how
    # their names begin. What the family has not is refused.
    family = table(modem)
    suite = ctx._settings[5]
    if not family.lte:
        from .wanted import wanted

        wanted(modem, suite, None, None, *ctx._settings[6:])  # raises
    best = ctx._settings[1].strip('"') if suite else family.suite
    if suite or ctx._where:
        from .wanted import fit

        fit(modem, family, suite and best, ctx._where)
    settings[1] = settings[1][0], best.encode()
    where = ctx._where or family.where
    return where, where if where == "RAM:" else family.flash


def same(modem, ctx, host):
    # Generator: whether the context stands as this host wants it, and as well as can be.
    lacks = modem.link.witness.lacks
    if modem.link.witness.defers:
        return False  # it may stand only until an earlier connection is let go
    if lacks and (yield from mended(modem, ctx.id, table(modem).suite.encode())):
        return False
    return b"sni" in lacks or (yield from value(modem, ctx.id, b"sni")) == _told(ctx, host)


def _told(ctx, host):
    # Whether the server is told the name. An address is none (RFC 6066 3).
    return b"0" if ctx._settings[6] is False or host.replace(b".", b"").isdigit() else b"1"


def more(modem, ctx, host, settings, now):
    # Generator: the settings (key, value) of the context for a connection with host. now: see
    # qssl.connect.sslcfg.
    family = table(modem)
    id = ctx.id
    # It has forgotten them before: later, or at once (qssl.family.stands).
    witness = modem.link.witness
    strikes = witness.strikes
    took = witness.took
    due = modem.at.until
    wait = took * (strikes - 1 if strikes else witness.defers)
    until = ticks_add(ticks_ms(), wait)
    if due and ticks_diff(due, until) < took:
        until = ticks_add(due, -took)
    if now:
        if witness.free is None and wait:
            witness.free = until
        left = ticks_diff(witness.free, ticks_ms()) if wait else 0
        if left > 0:
            raise error("ctx lost", 0, "open() can go on in %d ms: " % left)
        witness.free = None
    else:
        while (yield until):
            pass
    witness.since = ticks_ms()
    witness.lacks.pop(LIST, None)  # it is asked anew
    suite, sni, check = ctx._settings[5:]
    if not suite and not (yield from has_suite(modem, id, settings[1][1])):
        settings[1] = settings[1][0], STRONG
    if (yield from _has(modem, id, b"sni", sni, "no sni")):
        settings.append((b"sni", _told(ctx, host)))
    if modem.model.split("-")[0] not in family.hosts.split():  # else it always checks
        if (yield from _has(modem, id, b"checkhost", check, "no check")):
            settings.append((b"checkhost", b"%d" % (check is not False)))
    for key in family.zero.split():
        now = yield from value(modem, id, key)
        # A path is a further CA's, or cacert by another name, which is set behind all of these;
        # EG800K has six of them.
        if now not in (None, b"", b"0"):
            paths = modem.at.lines[0].count(b",") - 1
            settings.append((key, b"0" if now.isdigit() else b",".join([b'""'] * paths)))
    witness.lacks.pop(LIST, None)


def _has(modem, id, key, wanted, reason):
    # Whether the firmware has the key. Raises if it has not, but the program wants it.
    lacks = (yield from value(modem, id, key)) is None
    if lacks and wanted:
        raise error(reason)
    return not lacks
