# qssl.family.lte - what the LTE modems have in common. The other modules of this room say what is
# different; docs/families.md says how sure all of it is.
# SPDX-License-Identifier: MIT

# Suites of the SSL contexts, see qssl.family.suites.
RSA = "0035 002F 0005 0004 000A 003D FFFF"
BG96_SUITES = RSA + " C011 C012 C013 C014 C027 C028 C02F"
MOST = BG96_SUITES + " C007 C008 C009 C00A C023 C024"


class Lte:
    lte = 1  # Link.lte
    pdps = 16
    suite = "0XC02F"
    where = "UFS:"
    flash = "UFS:"
    stores = ("UFS:",)
    suites = MOST
    port = b"uart1"  # the UART's name in AT+QURCCFG
    # Settings of AT+QICFG that change what comes: put back. Some firmware applies those of TCP to
    # TLS as well.
    tcp = b'"viewmode",0|"dataformat",0,0|"recvind",0'
    # Keys of AT+QSSLCFG that would make the check of certificates milder (or leave it out, as with
    # a session that is resumed, or a PSK), let the server show another one later (renegotiation),
    # or change the protocol (also that of the program, by ALPN): 0, where the firmware has them; a
    # path or text: none.
    zero = b"ignorecertchain dtls"
    cache = False  # firmware may have AT+QCFG="urc/cache"
    psm = False  # it may have power saving (AT+CPSMS)
    host = False  # firmware may have the key "checkhost"
    hosts = ""  # models that check the host's name without it
