# qssl.family - what differs from one family of modems to another: one module each, of which only
# the one in use is loaded, and only while it is needed.
# SPDX-License-Identifier: MIT


def table(modem):
    # The rows of the modem's family. Before start() has found out which that is: UGxx.
    return __import__("qssl.family." + modem.dialect, None, None, ("Family",)).Family
