# qssl.family.stands - whether the SSL context of an LTE modem stood as it was set when it opened a
# connection: one that ended late may have taken the settings with it (manual 2.2.5).
# SPDX-License-Identifier: MIT
#
# While the new one is open nothing does: what is in force now has been since it opened. What is
# set first, the version, shows that nothing was forgotten since; the check of certificates, that
# nothing was at the end.

from ..errors import error
from ..wire.ascii import value

_LINE = b'AT+QSSLCFG="%s",%d'


def proofs(ctx):
    # (question, the number that it must show), twice.
    return (
        (_LINE % (b"sslversion", ctx.id), int(ctx._settings[0])),
        (_LINE % (b"seclevel", ctx.id), ctx._seclevel),
    )


def stands(modem, ctx):
    # Generator: raises if it did not.
    how = "the modem shows no settings; no connection is made, restart it"
    for question, wanted in proofs(ctx):
        for _ in range(2):  # of one answer, a byte may be damaged
            lines = yield from modem.at.want(question, "tls", how, b"+QSSLCFG:")
            if len(lines) == 1 and value(lines[0], 0, len(lines[0]), 2) == wanted:
                break
        else:
            raise error("ctx lost")
