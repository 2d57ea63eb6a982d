# ugsim.model.family.lte - what all the LTE families have in common.
# SPDX-License-Identifier: MIT

from ugsim.model.commands import sslcfg
from ugsim.model.family import ugxx

# Keys of AT+QSSLCFG that the EC families have last, in this order.
EC_KEYS = ("cacertex", "closetimemode", "session_cache", "renegotiation", "alpn", "psk")
EC_KEYS += ("dtls", "dtlsversion")
EC_RANGES = (
    ("clientkey", 0, 0, "<client_key_path>[,<client_key_pwd>]"),
    ("dtlsversion", 0, 1, "(0-1)"),
)
# What UGxx has and no LTE module.
_GONE = ("+QILOCIP",)


def suites(numbers):
    # "002F C02F" -> ("0X002F", "0XC02F")
    return tuple(["0X" + number for number in numbers.split()])


class Family(ugxx.Family):
    lte = True
    build = "_01.001.01.001"

    # Those that every LTE family begins with; UGxx's differ.
    defaults = (
        ("auto_pdp", "yes"),
        ("host_check", "none"),
        ("qicfg_ssl", "yes"),
        ("at_port", "uart1"),
        ("geterror_space", "no"),
        ("file_prefix", "none"),
        ("security_urc", "no"),
        ("rtc_digits", "utc"),
        ("qlts_year", "4"),
        ("qntp_year", "4"),
        ("qntp_digits", "utc"),
        ("pwrkey_off", "yes"),
    )

    keys = sslcfg.ORDER
    suite_quoted = False

    state_word = "SSLClient"
    states = (0, 1, 1, 2, 3, 4)
    open_test = "+QSSLOPEN: (1-16),(0-5),(0-11),<serveraddr>,<server_port>[,(0-2)]"

    contexts = 16
    pdp_types = "(1-3)"

    registrations = ("CREG", "CGREG", "CEREG")
    act = 7
    zone_most = 3

    ports = ("usbat", "usbmodem", "uart1")
    off_ms = 650
    autobaud = False
    sleep_most = 1

    stores = ("UFS",)

    qicfg = ("transpktsize", "transwaittm", "dataformat", "viewmode")
    qcfg = ()

    def kept(self, switches):
        port = switches["at_port"]
        if switches["urc_port"] == "elsewhere":
            port = next(name for name in self.ports if name not in (port, "all"))
        return {"urcport": port}

    def commands(self, table):
        from ugsim.model.commands import lte

        found = {}
        for name in table:
            if name not in _GONE:
                found[name] = table[name]
        return lte.add(found, self)
