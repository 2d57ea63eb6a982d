# qssl.family.bg96 - BG96.
# SPDX-License-Identifier: MIT

from .lte import BG96_SUITES, Lte


class Family(Lte):
    suites = BG96_SUITES
    flash = ""  # names are bare
    tcp = b'"viewmode",0|"dataformat",0,0'
    host = True
    psm = True
