# qssl.family.lacks - what the firmware of an LTE modem lacks: settings, and values of them.
# SPDX-License-Identifier: MIT
#
# Loaded with qssl.family.keys.

from micropython import const

from ..wire import link as _l

STRONG = b"0X003D"  # the suite of a UGxx
_TRIES = const(3)  # refusals of what a firmware lacks
_GUARDS = const((b"sni", b"checkhost"))
LIST = b"?"  # in Marked.lacks: names of the keys that the firmware lists, b"": it does not tell
_LIST_MS = const(15000)  # more than 1000 bytes, at 1200 baud


def value(modem, id, key):
    # Generator: the value of a key, as bytes without quotes; None: the firmware lacks it.
    line, known = [b'AT+QSSLCFG="%s",%d' % (k, id) for k in (key, b"seclevel")]
    now = b""
    for _ in range(2):  # of one answer, a byte may be lost
        if not (yield from takes(modem, key, line, known, b"+QSSLCFG:")):
            return None
        lines = modem.at.lines
        now = (lines[0] + b",,").split(b",", 2)[2].strip(b', "') if lines else b""
        if now:
            break
    return now


def suite(modem, id, best):
    # Generator: whether the firmware has the suite; the context has it then.
    line = b'AT+QSSLCFG="ciphersuite",%d,' % id
    return (yield from takes(modem, best, line + best, line + STRONG))


def takes(modem, what, line, known, prefix=None):
    # Generator: whether the firmware has what the line names. It lacks that only if it refuses the
    # line time and again and in between takes `known`, a line of that kind which every firmware
    # takes: errors come in bursts, too; nor if it is a key that protects, and the firmware lists
    # it. Another key that it does not list, it need refuse only once. What it lacked before is
    # asked once each time: it may have been ill.
    lacks = modem.link.witness.lacks
    how = "the modem refuses each setting; no connection is made, restart it"
    refused = before = lacks.pop(what, 0)
    guard = what in _GUARDS
    for _ in range(2 * _TRIES):
        result = yield from modem.at.ask(line, prefix, tries=_TRIES)
        if result == _l.OK:
            return True
        if result != _l.ERROR:
            break
        refused += 1
        if refused == 1 and prefix and not guard and (yield from _lists(modem, what)) is False:
            refused = _TRIES
        if refused == _TRIES:
            if guard and not before and (yield from _lists(modem, what)):
                how = "the modem refuses %s, which it has; no connection is made, restart it"
                how = how % what.decode()
                break
            lacks[what] = _TRIES - 1
            return False
        if (yield from modem.at.ask(known, prefix)) != _l.OK:
            refused = 0
    modem.at.fail(result, "tls", how)


def _lists(modem, key):
    # Generator: whether the test command names the key; None: it does not tell. Raises if it
    # should for a key that protects, and no answer comes.
    lacks = modem.link.witness.lacks
    names = lacks.get(LIST)
    if names is None:
        names = b""
        result = yield from modem.at.ask(b"AT+QSSLCFG=?", b"+QSSLCFG:", _LIST_MS)
        if result == _l.OK:
            for line in modem.at.lines:
                names += line.split(b",", 1)[0].strip()
        elif result != _l.ERROR and key in _GUARDS:
            modem.at.fail(result, "tls", "")
        lacks[LIST] = names
    return b'"%s"' % key in names if b'"seclevel"' in names else None


def mended(modem, id, best):
    # Generator: whether it has what protects most, though it was thought to lack it.
    lacks = modem.link.witness.lacks
    if best in lacks and (yield from suite(modem, id, best)):
        return True
    for key in _GUARDS:
        if key in lacks and (yield from value(modem, id, key)) is not None:
            return True
    return False
