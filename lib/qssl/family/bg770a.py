# qssl.family.bg770a - BG770A-GL, BG773A, BG950A, BG951A, BG953A, BG955A.
# SPDX-License-Identifier: MIT

from .lte import MOST, Lte


class Family(Lte):
    lte = 3  # AT+QSSLCLOSE takes no time-out
    pdps = 5
    suites = MOST + " C02B"
    flash = ""  # names are bare
    zero = Lte.zero + b" session renegotiation"
    port = b"main"
    host = True
    psm = True
