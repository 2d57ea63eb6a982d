# qssl.family.ec200u - EC200U, EG912U, EG915U, EG800G, EG915G.
# SPDX-License-Identifier: MIT

from .lte import Lte


class Family(Lte):
    lte = 13  # its prompt gives up, PWRKEY wants 2 s
    pdps = 7
    flash = ""  # names are bare
    tcp = Lte.tcp + (
        b'|"sendinfo",0|"close/mode",0|"formatcfg",0|"passiveclosed",0|"qisend/timeout",120'
    )
    zero = (
        b"ignoremulticertchainverify ignoreinvalidcertsign ignorecertitem dtls closetimemode "
        b"cacertex session_cache renegotiation alpn psk"
    )
    suites = Lte.suites + " C030 009C"
    cache = True
