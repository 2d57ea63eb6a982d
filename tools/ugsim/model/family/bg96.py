# ugsim.model.family.bg96 - BG96. Its manual's firmware has no sni; newer ones show it in =?.
# SPDX-License-Identifier: MIT

from ugsim.model.family import lte


class Family(lte.Family):
    defaults = lte.Family.defaults + (
        ("host_check", "key"),
        ("atd_default", "1"),
        ("ufs_total", "14483456"),
        ("boot_ms", "4900"),
    )
    keys = lte.Family.keys + ("sni", "checkhost", "ignorecertchain")
    suites = lte.suites("0035 002F 0005 0004 000A 003D C011 C012 C013 C014 C027 C028 C02F")
    old_without = ("sni", "checkhost", "ignorecertchain")
    old_revision = "BG96MAR01A01M1G"

    act = 8
    sim = ("+CPIN: READY",)
    done = (("SMS", 600),)
    on_ms = 500
    psm = True

    ufs_taken = 14483456 - 12987840

    qicfg = lte.Family.qicfg + ("tcp/retranscfg",)
    qcfg = ("urc/delay", "nwscanmode", "iotopmode")
