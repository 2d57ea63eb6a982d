# ugsim.model.commands.sslcfg - SSL contexts and AT+QSSLCFG (manual 2.2.1).
# SPDX-License-Identifier: MIT

from ugsim.model.errors import OK, Refused

COUNT = 6  # manual 2.2.1: <sslctxID> 0-5

# Table 2 of the manual, in its order.
SUITES = ("0X0035", "0X002F", "0X0005", "0X0004", "0X000A", "0X003D")
ALL_SUITES = "0XFFFF"

_PATH_MAX = 84  # "RAM:" and a file name of 80 bytes

# key -> (kind, low, high or longest, value at power-up, range as the test command prints it)
KEYS = {
    "sslversion": ("number", 0, 4, 4, "(0-4)"),
    "ciphersuite": (
        "suite",
        0,
        0,
        ALL_SUITES,
        '("0X0035","0X002F","0X0005","0X0004","0X000A","0X003D","0XFFFF")',
    ),
    "cacert": ("path", 0, _PATH_MAX, "", "<cacert_path>"),
    "clientcert": ("path", 0, _PATH_MAX, "", "<client_cert_path>"),
    "clientkey": ("path", 0, _PATH_MAX, "", "<client_key_path>"),
    "seclevel": ("number", 0, 2, 0, "(0-2)"),
    "ignorelocaltime": ("number", 0, 1, 1, "(0,1)"),
    "negotiatetime": ("number", 10, 300, 300, "(10-300)"),
}
ORDER = (
    "sslversion",
    "ciphersuite",
    "cacert",
    "clientcert",
    "clientkey",
    "seclevel",
    "ignorelocaltime",
    "negotiatetime",
)


class TlsSettings:
    # What a new connection takes from its SSL context, with the files' contents.

    def __init__(self):
        self.version = 4  # 0 SSL 3.0, 1 TLS 1.0, 2 TLS 1.1, 3 TLS 1.2, 4 all of them
        self.suites = ()  # numbers of table 2
        self.seclevel = 0  # 0 none, 1 server, 2 server, and client if it asks
        self.ca = None  # bytes, or None
        self.cert = None
        self.key = None
        self.ignore_time = True
        self.clock = 0  # Unix seconds, by the modem's clock, at the open
        self.negotiate_ms = 300000
        self.pem = "strict"  # how files are read, and what is trusted: the switches of these names
        self.anchor = "root"


def fresh(switches):
    # One SSL context with the values of power-up.
    values = {}
    for key in KEYS:
        values[key] = KEYS[key][3]
    values["sslversion"] = int(switches["sslversion"])
    values["ignorelocaltime"] = int(switches["ignorelocaltime"])
    return values


def settings(values, read_file, clock):
    # TlsSettings of an SSL context. read_file(path) -> bytes or None.
    tls = TlsSettings()
    tls.version = values["sslversion"]
    if values["ciphersuite"] == ALL_SUITES:
        tls.suites = tuple([int(s[2:], 16) for s in SUITES])
    else:
        tls.suites = (int(values["ciphersuite"][2:], 16),)
    tls.seclevel = values["seclevel"]
    tls.ca = read_file(values["cacert"])
    tls.cert = read_file(values["clientcert"])
    tls.key = read_file(values["clientkey"])
    tls.ignore_time = values["ignorelocaltime"] == 1
    tls.clock = clock
    tls.negotiate_ms = values["negotiatetime"] * 1000
    return tls


def _shown(m, key, value):
    if KEYS[key][0] == "number":
        return str(value)
    return '"%s"' % value if m.sw["cfg_quoted"] == "yes" else value


def _suite(m, args):
    # The value is a quoted string on UGxx; small letters are accepted.
    if args.is_string(2):
        text = args.string(2).upper()
    elif m.sw["cfg_unquoted_set"] == "ok" and args.given(2):
        text = args.items[2].upper()
    else:
        raise Refused
    if text != ALL_SUITES and text not in SUITES:
        raise Refused
    return text


def qsslcfg(m, form, args):
    if form == "test":
        for key in ORDER:
            m.out.info('+QSSLCFG: "%s",(0-5),%s' % (key, KEYS[key][4]))
        return OK
    if form != "write":
        raise Refused
    args.count(2, 3)
    key = args.string(0).lower()
    if key not in KEYS:
        raise Refused
    number = args.number(1, 0, COUNT - 1)
    values = m.sslctx[number]
    kind, low, high = KEYS[key][:3]
    if len(args) == 2:
        fault = m.faults.hit("cfg_lies", key=key)
        value = values[key] if fault is None else fault.text("value")
        m.out.info('+QSSLCFG: "%s",%d,%s' % (key, number, _shown(m, key, value)))
        return OK
    if kind == "number":
        value = args.number(2, low, high)
    elif kind == "suite":
        value = _suite(m, args)
    else:
        value = args.string(2, longest=high)
        if value and m.sw["cacert_unchecked"] == "no" and m.read_file(value) is None:
            raise Refused
    if m.faults.hit("cfg_error", key=key) is not None:
        raise Refused
    values[key] = value
    return OK


COMMANDS = {"+QSSLCFG": qsslcfg}
