# qssl.family.contexts - which PDP contexts a modem has.
# SPDX-License-Identifier: MIT

from ..errors import error
from ..wire.dialect import PDP_MAX
from . import table


def within(modem, pdp):
    # Refuses what is no PDP context of the modem.
    if not isinstance(pdp, int) or not 1 <= pdp <= PDP_MAX:
        raise error("pdp")
    if modem.link.lte and pdp > table(modem).pdps:
        raise error("no pdp", 0, "1 to %d:" % table(modem).pdps)
