# ugsim.model.family.bg95 - BG95-Mx, BG77, BG600L. The list of suites is one driver's.
# SPDX-License-Identifier: MIT

from ugsim.model.family import bg96, lte


class Family(lte.Family):
    defaults = lte.Family.defaults + (
        ("host_check", "key"),
        ("atd_default", "1"),
        ("apn_kept", "yes"),
        ("file_missing", "405"),
        ("ufs_total", "14483456"),
        ("boot_ms", "3000"),
    )
    keys = lte.Family.keys + (
        "sni",
        "checkhost",
        "session",
        "renegotiation",
        "dtls",
        "dtlsversion",
    )
    suites = bg96.Family.suites + lte.suites(
        "C002 C003 C004 C005 C006 C007 C008 C009 C00A C00B C00C C00D C00E C00F "
        "C023 C024 C025 C026 C029 C02A C02B 00AE C0AE C0A8"
    )

    act = 8
    ports = ("usbmodem", "uart1")
    sim = ("+CPIN: READY",)
    done = (("SMS", 600),)
    app_rdy_ms = 200
    on_ms = 500
    psm = True

    paths = True

    qicfg = lte.Family.qicfg + ("recvind", "tcp/retranscfg", "tcp/keepalive")
    qcfg = ("nwscanmode", "iotopmode")
