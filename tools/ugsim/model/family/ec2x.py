# ugsim.model.family.ec2x - EC20, EC21, EC25, EG21-G, EG25-G, EG91, EG95, EM05.
# SPDX-License-Identifier: MIT
#
# The keys, ranges and the list of cipher suites are what an EG25-G of older firmware answers; the
# newer one has five suites less and ignorecertitem more. Defaults are guesses, but for sni.

from ugsim.model.family import lte


class Family(lte.Family):
    defaults = lte.Family.defaults + (
        ("urc_port", "elsewhere"),
        ("file_prefix", "none"),
        ("atd_default", "2"),
        ("ufs_total", "16777216"),
        ("boot_ms", "5000"),
        ("baud_wait_ms", "500"),
    )

    keys = lte.Family.keys + ("sni", "ignoremulticertchainverify", "ignoreinvalidcertsign")
    keys += ("ignorecertitem",)
    keys += lte.EC_KEYS
    ranges = lte.EC_RANGES
    suites = lte.suites(
        "0035 002F 0005 000A 003D C003 C004 C005 C008 C009 C00A C012 C013 C014 C00D C00E C00F "
        "C023 C024 C025 C026 C027 C028 C029 C02A C02F C030"
    )

    # Firmware of before: switch firmware=old
    old_without = ("ignorecertitem",)
    old_suites = lte.suites(
        "0035 002F 0005 0004 000A 003D C002 C003 C004 C005 C007 C008 C009 C00A C011 C012 C013 "
        "C014 C00C C00D C00E C00F C023 C024 C025 C026 C027 C028 C029 C02A C02F C030"
    )
    suites_gap = "0XC007"

    on_ms = 500
    stores = ("UFS", "RAM")

    qicfg = lte.Family.qicfg + (
        "tcp/retranscfg",
        "dns/cache",
        "qisend/timeout",
        "passiveclosed",
        "udp/readmode",
        "udp/sendmode",
        "tcp/accept",
        "recvind",
        "tcp/keepalive",
        "recv/buffersize",
        "window/scale",
    )
    prompt_most_s = 3600
    qcfg = ("urc/cache", "urc/delay", "tcp/sendmode", "nwscanmode")
