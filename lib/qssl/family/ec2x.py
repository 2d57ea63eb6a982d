# qssl.family.ec2x - EC20 R2.1, EC21, EC25, EG21-G, EG25-G, EG91, EG95, EM05.
# SPDX-License-Identifier: MIT

from .lte import MOST, Lte


class Family(Lte):
    lte = 5  # its prompt gives up
    where = "RAM:"
    stores = ("RAM:", "UFS:")
    suites = MOST + " C030"
    tcp = Lte.tcp + b'|"passiveclosed",0|"qisend/timeout",120'
    zero = (
        b"ignoremulticertchainverify ignoreinvalidcertsign ignorecertitem dtls closetimemode "
        b"cacertex session_cache renegotiation alpn psk"
    )
    cache = True
