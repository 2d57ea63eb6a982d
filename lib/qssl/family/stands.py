# qssl.family.stands - whether the SSL context of an LTE modem stood as it was set when it opened a
# connection: one that ended late may have taken the settings with it (manual 2.2.5).
# SPDX-License-Identifier: MIT
#
# While the new one is open nothing does: what is in force now has been since it opened. What is
# set first, the version, shows that nothing was forgotten since; the check of certificates, that
# nothing was at the end.

from micropython import const

from ..errors import error
from ..wire import link as _l
from ..wire.ascii import value

_TRIES = const(3)

_LINE = b'AT+QSSLCFG="%s",%d'


def proofs(ctx):
    # (question, the number that it must show), twice.
    return (
        (_LINE % (b"sslversion", ctx.id), int(ctx._settings[0])),
        (_LINE % (b"seclevel", ctx.id), ctx._seclevel),
    )


def stands(modem, ctx):
    # Generator: raises if it did not, or can't be seen.
    for question, wanted in proofs(ctx):
        for _ in range(_TRIES):  # of one answer, a byte may be damaged
            result = yield from modem.at.ask(question, b"+QSSLCFG:")
            lines = modem.at.lines
            if result == _l.OK and len(lines) == 1:
                if value(lines[0], 0, len(lines[0]), 2) == wanted:
                    break
        else:
            how = "the modem shows no settings; no connection is made, restart it"
            if result != _l.OK:
                modem.at.fail(result, "tls", how)
            raise error("ctx lost")
