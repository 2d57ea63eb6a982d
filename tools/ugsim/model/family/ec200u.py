# ugsim.model.family.ec200u - EC200U, EC912U, EG915U, EG800G: the notes and two logs of an EC200U.
# SPDX-License-Identifier: MIT
#
# Its AT+QSSLCFG=? was never seen: keys and suites are those that drivers set.

from ugsim.model.family import ec2x, lte


class Family(lte.Family):
    defaults = lte.Family.defaults + (
        ("atd_default", "2"),
        ("addresses", "46"),
        ("dns_addresses", "46"),
        ("prompt_timeout_ms", "5000"),
        ("qfupl_short", "421"),
        ("escape_answer", "no carrier"),
        ("ntp_ms", "6000"),
        ("boot_ms", "4000"),
    )
    keys = lte.Family.keys + (
        "sni",
        "ignoremulticertchainverify",
        "ignoreinvalidcertsign",
        "closetimemode",
        "session_cache",
    )
    suites = ec2x.Family.suites + lte.suites("009C")
    open_test = "+QSSLOPEN: (1-7),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]"

    contexts = 7
    most_active = 7
    auth_most = 2
    ports = ("usbat", "usbmodem", "uart1", "uart2", "uart3", "usbnmea", "all")
    start = ("RDY",)
    sim = ()
    on_ms = 2000
    off_ms = 2000

    qicfg = lte.Family.qicfg + (
        "recvind",
        "sendinfo",
        "close/mode",
        "formatcfg",
        "passiveclosed",
        "qisend/timeout",
        "tcp/retranscfg",
        "tcp/keepalive",
    )
    qcfg = ("nwscanmode",)
