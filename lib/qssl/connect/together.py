# qssl.connect.together - several settings of an SSL context in one line, for a modem that is slow.
# SPDX-License-Identifier: MIT

from micropython import const

from ..wire import link as _l
from .sslcfg import _bare

_LINE_MAX = const(160)  # bytes of a line


def together(modem, id, pairs, at):
    # Generator: sets pairs[at:n] in one line, which reads them back, too. n; at: that failed.
    line = b"AT"
    n = at
    for key, val in pairs[at:]:
        part = b'+QSSLCFG="%s",%d,%s;+QSSLCFG="%s",%d;' % (key, id, val, key, id)
        if n > at and len(line) + len(part) > _LINE_MAX:
            break
        line += part
        n += 1
    result = yield from modem.at.ask(line[:-1], b"+QSSLCFG:")
    wanted = [_bare(b'"%s",%d,%s' % (key, id, val)) for key, val in pairs[at:n]]
    return n if result == _l.OK and [_bare(x) for x in modem.at.lines] == wanted else at
