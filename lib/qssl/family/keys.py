# qssl.family.keys - what an SSL context of an LTE modem has beyond that of a UGxx: SNI, the check
# of the host's name, suites; and what another program may have left in it.
# SPDX-License-Identifier: MIT
#
# Loaded while a connection is made. What the firmware has is asked, key by key: the model's name
# does not tell.

from micropython import const

from ..errors import error
from ..wire import link as _l
from . import table

_STRONG = const(b"0X003D")  # that of a UGxx
_TRIES = const(3)  # refusals of what a firmware lacks


def fit(modem, ctx, settings):
    # Puts the suite into settings as the modem wants it. Gives the storage for files, and how
    # their names begin. What the family has not is refused.
    family = table(modem)
    suite = ctx._settings[5]
    if not family.lte:
        from .wanted import wanted

        wanted(modem, suite, None, None, *ctx._settings[6:])  # raises
    value = ctx._settings[1].strip('"') if suite else family.suite
    if suite or ctx._where:
        from .wanted import fit

        fit(modem, family, suite and value, ctx._where)
    settings[1] = settings[1][0], value.encode()
    where = ctx._where or family.where
    return where, where if where == "RAM:" else family.flash


def same(modem, ctx, host):
    # Generator: whether the context stands as this host wants it.
    now = yield from _value(modem, ctx.id, b"sni")
    return now is None or now == _told(ctx, host)


def _told(ctx, host):
    # Whether the server is told the name. An address is none (RFC 6066 3).
    return b"0" if ctx._settings[6] is False or host.replace(b".", b"").isdigit() else b"1"


def more(modem, ctx, host, settings):
    # Generator: the settings (key, value) of the context for a connection with host.
    family = table(modem)
    id = ctx.id
    _, sni, check = ctx._settings[5:]
    if not ctx._settings[5]:
        settings[1] = settings[1][0], (yield from _suite(modem, id, settings[1][1]))
    if (yield from _has(modem, id, b"sni", sni, "no sni")):
        settings.append((b"sni", _told(ctx, host)))
    if modem.model.split("-")[0] not in family.hosts.split():  # else it always checks
        if (yield from _has(modem, id, b"checkhost", check, "no check")):
            settings.append((b"checkhost", b"%d" % (check is not False)))
    for key in family.zero.split():
        now = yield from _value(modem, id, key)
        # A path is a further CA's, or cacert by another name, which is set behind all of these;
        # EG800K has six of them.
        if now not in (None, b"", b"0"):
            paths = modem.at.lines[0].count(b",") - 1
            settings.append((key, b"0" if now.isdigit() else b",".join([b'""'] * paths)))


def _suite(modem, id, best):
    # The suite of a context that names none: the best, where the firmware has it.
    line = b'AT+QSSLCFG="ciphersuite",%d,%s' % (id, best)
    return best if (yield from _takes(modem, id, best, line)) else _STRONG


def _has(modem, id, key, wanted, reason):
    # Whether the firmware has the key. Raises if it has not, but the program wants it.
    if (yield from _value(modem, id, key)) is not None:
        return True
    if wanted:
        raise error(reason)
    return False


def _value(modem, id, key):
    # The value of a key, as bytes without quotes; None: the firmware lacks it.
    if not (yield from _takes(modem, id, key, b'AT+QSSLCFG="%s",%d' % (key, id), b"+QSSLCFG:")):
        return None
    lines = modem.at.lines
    return (lines[0] + b",,").split(b",", 2)[2].strip(b', "') if lines else b""


def _takes(modem, id, what, line, prefix=None):
    # Whether the firmware has what the line names. It lacks that only if it refuses the line time
    # and again and in between takes what every firmware has: errors come in bursts, too.
    has = modem.witness.has
    if has.get(what) is False:
        return False
    refused = 0
    for _ in range(2 * _TRIES):
        result = yield from modem.at.ask(line, prefix, tries=_TRIES)
        if result == _l.OK:
            has[what] = True
            return True
        if result != _l.ERROR:
            modem.at.fail(result, "tls", "")
        refused += 1
        if refused == _TRIES:
            has[what] = False
            return False
        if (yield from modem.at.ask(b'AT+QSSLCFG="seclevel",%d' % id, b"+QSSLCFG:")) != _l.OK:
            refused = 0
    how = "the modem refuses each setting; no connection is made, restart it"
    modem.at.fail(_l.ERROR, "tls", how)
