# qssl.family - what differs from one family of modems to another: one module each, of which only
# the one in use is loaded, and only while it is needed.
# SPDX-License-Identifier: MIT

from ..errors import error
from ..wire.dialect import PDP_MAX


def table(modem):
    # The rows of the modem's family. Before start() has found out which that is: UGxx.
    return __import__("qssl.family." + modem.dialect, None, None, ("Family",)).Family


def within(modem, pdp):
    # Refuses what is no PDP context of the modem.
    if not isinstance(pdp, int) or not 1 <= pdp <= PDP_MAX:
        raise error("pdp")
    if modem.link.lte and pdp > table(modem).pdps:
        raise error("no pdp", 0, "1 to %d:" % table(modem).pdps)
