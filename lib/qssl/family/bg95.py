# qssl.family.bg95 - BG95-Mx, BG77, BG600L-M3.
# SPDX-License-Identifier: MIT

from .lte import MOST, Lte


class Family(Lte):
    suites = MOST + " C02B"
    flash = ""  # names are bare
    zero = Lte.zero + b" session renegotiation"
    host = True
    psm = True
