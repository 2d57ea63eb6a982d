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
    # Of LTE modules; each family has some.
    "sni": ("number", 0, 1, 0, "(0,1)"),
    "checkhost": ("number", 0, 1, 0, "(0,1)"),
    "ignorecertchain": ("number", 0, 1, 0, "(0,1)"),
    "ignoremulticertchainverify": ("number", 0, 1, 0, "(0,1)"),
    "ignoreinvalidcertsign": ("number", 0, 1, 0, "(0,1)"),
    "ignorecertitem": ("number", 0, 1048575, 0, "(0-1048575)"),
    "cacertex": ("paths", 0, _PATH_MAX, (), "<cacertexpath>"),
    "closetimemode": ("number", 0, 1, 0, "(0,1)"),
    "session": ("number", 0, 1, 0, "(0,1)"),
    "session_cache": ("number", 0, 1, 0, "(0,1)"),
    "renegotiation": ("number", 0, 1, 0, "(0,1)"),
    "alpn": ("texts", 1, 255, ("",), "<alpn>"),
    "psk": ("texts", 2, 255, ("", ""), "<identity>,<key>"),
    "dtls": ("number", 0, 1, 0, "(0,1)"),
    "dtlsversion": ("number", 0, 2, 2, "(0-2)"),
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


# Keys that take a check of the certificates away.
_IGNORE = ("ignorecertchain", "ignoremulticertchainverify", "ignoreinvalidcertsign")


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
        # Of LTE modules
        self.modern = False  # it has ECDHE, and what belongs to it in the hello
        self.server_name = ""  # sent as SNI; "": none
        self.check_name = ""  # the certificate must be for it; "": for any
        self.ignore = ()  # which of _IGNORE are on
        self.more_ca = ()  # contents of further CA files
        self.alpn = ""  # the protocol that it wants to speak
        self.psk = ("", "")  # identity, key: offered beside the certificates
        self.renegotiation = False  # the server may show another certificate later
        self.password = ""  # of the key
        self.dtls = False


def keys(m):
    # The keys that this modem has, in the order of =?.
    return ORDER if m.family.keys is None else m.family.keys


def suites(m):
    # Its cipher suites, but for the one that is all.
    return SUITES if m.family.suites is None else m.family.suites


def _spec(m, key):
    # (kind, low, high, as =? shows it)
    kind, low, high, _, shown = KEYS[key]
    for name, a, b, text in m.family.ranges:
        if name == key:
            return kind, a if kind == "number" else low, b if kind == "number" else high, text
    if key == "ciphersuite" and m.family.suites is not None:
        listed = ",".join(m.family.suites + (ALL_SUITES,))
        if m.sw["firmware"] == "old" and m.family.suites_gap:
            listed = listed.replace(m.family.suites_gap, " " + m.family.suites_gap)
        shown = "(%s)" % listed
    return kind, low, high, shown


def fresh(m):
    # One SSL context with the values of power-up.
    switches = m.sw
    values = {}
    for key in keys(m):
        values[key] = KEYS[key][3]
    values["sslversion"] = int(switches["sslversion"])
    values["ignorelocaltime"] = int(switches["ignorelocaltime"])
    if m.family.lte:
        values["seclevel"] = int(switches["seclevel"])
        for key in values:
            if key in ("sni", "checkhost"):
                values[key] = int(switches[key + "_default"])
            elif key in _IGNORE:
                values[key] = int(switches["ignorecert_default"])
    return values


def settings(m, values, host):
    # TlsSettings of an SSL context for a connection to host, by the modem's clock.
    read_file = m.read_file
    tls = TlsSettings()
    tls.pem, tls.anchor = m.sw["pem"], m.sw["anchor"]
    tls.version = values["sslversion"]
    if values["ciphersuite"] == ALL_SUITES:
        tls.suites = tuple([int(s[2:], 16) for s in suites(m)])
    else:
        tls.suites = (int(values["ciphersuite"][2:], 16),)
    if m.family.lte:
        _modern(m, tls, values, host)
    tls.seclevel = values["seclevel"]
    tls.ca = read_file(values["cacert"])
    tls.cert = read_file(values["clientcert"])
    tls.key = read_file(values["clientkey"])
    tls.ignore_time = values["ignorelocaltime"] == 1
    tls.clock = m.clock.unix()
    tls.negotiate_ms = values["negotiatetime"] * 1000
    return tls


def _modern(m, tls, values, host):
    tls.modern = True
    address = m.is_address(host)
    if values.get("sni") and (not address or m.sw["sni_address"] == "send"):
        tls.server_name = host
    checks = m.sw["host_check"]
    if (checks == "level" and values["seclevel"]) or (checks == "key" and values.get("checkhost")):
        tls.check_name = host
    tls.ignore = tuple([key for key in _IGNORE if values.get(key)])
    more = [m.read_file(path) for path in values.get("cacertex", ())]
    tls.more_ca = tuple([data for data in more if data])
    tls.alpn = "".join(values.get("alpn", ()))
    tls.psk = values.get("psk", ("", ""))
    tls.renegotiation = values.get("renegotiation", 0) == 1
    tls.password = values.get("clientkey password", "")
    tls.dtls = values.get("dtls", 0) == 1


def _shown(m, key, value):
    kind = KEYS[key][0]
    if kind == "number":
        return str(value)
    if kind == "paths" and m.family.ca_paths == 1:
        value = value[0] if value else ""
    elif kind == "paths":
        value = (value + ("",) * m.family.ca_paths)[: m.family.ca_paths]
    if isinstance(value, tuple):
        return ",".join(['"%s"' % text for text in value])
    if kind == "suite" and not m.family.suite_quoted:
        return value
    return '"%s"' % value if m.sw["cfg_quoted"] == "yes" else value


def _suite(m, args):
    # The value is a quoted string on UGxx, bare on LTE; small letters are accepted.
    if not args.given(2):
        raise Refused
    quoted = args.is_string(2)
    if quoted != m.family.suite_quoted and m.sw["cfg_unquoted_set"] == "error":
        raise Refused
    text = (args.string(2) if quoted else args.items[2]).upper()
    if text != ALL_SUITES and text not in suites(m):
        raise Refused
    return text


def _texts(args, most, longest):
    # Further strings; what is not given is empty.
    args.count(3, 2 + most)
    return tuple([args.string(2 + i, "", longest) for i in range(most)])


def qsslcfg(m, form, args):
    if form == "test":
        for key in keys(m):
            m.out.info('+QSSLCFG: "%s",(0-5),%s' % (key, _spec(m, key)[3]))
        return OK
    if form != "write":
        raise Refused
    args.count(1, 8)
    key = args.string(0).lower()
    if key not in keys(m) or key not in KEYS:
        raise Refused
    if key == "cacertex" and m.sw["cacertex"] == "cacert":
        key = "cacert"  # all the same, but for the name in the answer
        named = "cacertex"
    else:
        named = key
    if len(args) == 1:
        if named != "cacertex":
            raise Refused
        for number in range(COUNT):
            shown = _shown(m, key, m.sslctx[number][key])
            m.out.info('+QSSLCFG: "%s",%d,%s' % (named, number, shown))
        return OK
    number = args.number(1, 0, COUNT - 1)
    values = m.sslctx[number]
    kind, low, high = _spec(m, key)[:3]
    if len(args) > 3 and kind not in ("paths", "texts") and key != "clientkey":
        raise Refused
    if len(args) == 2:
        fault = m.faults.hit("cfg_lies", key=key)
        value = values[key] if fault is None else fault.text("value")
        if kind == "paths" and isinstance(value, str):
            value = (value,)
        m.out.info('+QSSLCFG: "%s",%d,%s' % (named, number, _shown(m, key, value)))
        return OK
    if kind == "number":
        value = args.number(2, low, high)
    elif kind == "suite":
        value = _suite(m, args)
    elif kind == "paths":
        value = _texts(args, m.family.ca_paths, high)
    elif kind == "texts":
        value = _texts(args, low, high)
    else:
        if len(args) > 3:
            if "," not in _spec(m, key)[3]:
                raise Refused
            args.count(3, 4)
            values["clientkey password"] = args.string(3, "")
        value = args.string(2, longest=high)
        if value and m.sw["cacert_unchecked"] == "no" and m.read_file(value) is None:
            raise Refused
    if m.faults.hit("cfg_error", key=key) is not None:
        raise Refused
    if m.faults.hit("cfg_ignored", key=key) is None:
        values[key] = value
    return OK


COMMANDS = {"+QSSLCFG": qsslcfg}
