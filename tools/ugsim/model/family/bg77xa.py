# ugsim.model.family.bg77xa - BG770A-GL, BG95xA-GL: what one unit has answered.
# SPDX-License-Identifier: MIT

from ugsim.model.family import bg95, lte


class Family(bg95.Family):
    defaults = lte.Family.defaults + (
        ("host_check", "key"),
        ("at_port", "main"),
        ("atd_default", "2"),
        ("close_timeout", "error"),
        ("qidnscfg_inactive", "error"),
        ("ufs_total", "3776512"),
        ("boot_ms", "3000"),
    )
    ranges = (("seclevel", 0, 3, "(0-3)"), ("dtls", 0, 1, "(0-1)"))
    suites = lte.suites(
        "0035 002F 0004 0005 000A 003D C002 C003 C004 C005 C007 C008 C009 C00A C011 C012 C013 "
        "C014 C00C C00D C00E C00F C023 C024 C025 C026 C027 C028 C029 C02A C02B C02F C0A8 00AE"
    )
    open_test = "+QSSLOPEN: (1-5),(0-5),(0-11),<serveraddr>,<server_port>,(0-2)"
    close_test = "+QSSLCLOSE: (0-11)"

    contexts = 5
    auth_most = 2
    ports = ("main", "aux", "emux")
    autobaud = True
    sleep_most = 2
    power_pin = True

    folders = ("security",)
