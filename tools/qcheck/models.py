# qcheck.models - what each family of modems offers in a handshake, as data.
# SPDX-License-Identifier: MIT

from ugsim.model import family


class Suite:
    # `name` as in modem.tls(suite=), `openssl` as in a server's list of ciphers.
    def __init__(self, number, name, openssl, weak, oldest=(3, 0)):
        self.number = number
        self.name = name
        self.openssl = openssl
        self.weak = weak
        self.oldest = oldest  # the first version that has it


class Model:
    # versions: (name as in modem.tls(version=), version on the wire, weak), the best first.
    # suites: in the order of preference for a program. offer: numbers in the order of the hello.
    # modern: ECDHE, and the hello that belongs to it. sni: the modem names the host. host: it
    # checks whose the certificate is. usual: the suite of a modem.tls() that names none. record:
    # bytes of a TLS record that it surely takes; no manual says, so this is what it buffers for a
    # connection. depth: certificates up to a root.
    def __init__(self, versions, suites, offer, modern=False, host=False):
        self.versions = versions
        self.suites = suites
        self.offer = offer
        self.sni = self.modern = modern
        self.host = host
        self.usual = suites[0].name
        self.record = 10240
        self.depth = 9
        self.ecdsa = any("ECDSA" in suite.name for suite in suites)

    def strong(self):
        return [suite for suite in self.suites if not suite.weak]

    def offered(self, version):
        # Numbers of the suites that exist in this version, in the order of the hello.
        late = [suite.number for suite in self.suites if suite.oldest > version]
        return [number for number in self.offer if number not in late]


_TLS12 = (3, 3)

_VERSIONS = (
    ("TLS1.2", (3, 3), False),
    ("TLS1.1", (3, 2), True),
    ("TLS1.0", (3, 1), True),
    ("SSL3.0", (3, 0), True),
)
_RSA = (
    Suite(0x003D, "AES256-SHA256", "AES256-SHA256", False, _TLS12),
    Suite(0x0035, "AES256-SHA", "AES256-SHA", False),
    Suite(0x002F, "AES128-SHA", "AES128-SHA", False),
    Suite(0x000A, "3DES-SHA", "DES-CBC3-SHA", True),
    Suite(0x0005, "RC4-SHA", "RC4-SHA", True),
    Suite(0x0004, "RC4-MD5", "RC4-MD5", True),
)


def _since(number, name, openssl="", weak=False):
    return Suite(number, name, openssl or name, weak, _TLS12)


# Those of LTE modems that a program can name, the best first.
_LTE = (
    _since(0xC02F, "ECDHE-RSA-AES128-GCM-SHA256"),
    _since(0xC030, "ECDHE-RSA-AES256-GCM-SHA384"),
    _since(0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    _since(0xC027, "ECDHE-RSA-AES128-SHA256"),
    _since(0xC028, "ECDHE-RSA-AES256-SHA384"),
    _since(0xC023, "ECDHE-ECDSA-AES128-SHA256"),
    _since(0xC024, "ECDHE-ECDSA-AES256-SHA384"),
    Suite(0xC013, "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", False),
    Suite(0xC014, "ECDHE-RSA-AES256-SHA", "ECDHE-RSA-AES256-SHA", False),
    Suite(0xC009, "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA", False),
    Suite(0xC00A, "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA", False),
    _since(0x009C, "AES128-GCM-SHA256"),
    *_RSA[:3],
    Suite(0xC012, "ECDHE-RSA-3DES-SHA", "ECDHE-RSA-DES-CBC3-SHA", True),
    Suite(0xC008, "ECDHE-ECDSA-3DES-SHA", "ECDHE-ECDSA-DES-CBC3-SHA", True),
    Suite(0xC011, "ECDHE-RSA-RC4-SHA", "ECDHE-RSA-RC4-SHA", True),
    Suite(0xC007, "ECDHE-ECDSA-RC4-SHA", "ECDHE-ECDSA-RC4-SHA", True),
    *_RSA[3:],
)


def _lte(name):
    # The simulated modem's table knows what it offers.
    table = family.load(name)
    offer = tuple(int(text[2:], 16) for text in table.suites)
    checks = dict(table.defaults).get("host_check", "none") != "none"
    return Model(
        versions=_VERSIONS,
        suites=tuple(suite for suite in _LTE if suite.number in offer),
        offer=offer,
        modern=True,
        host=checks,
    )


MODELS = {
    "UGxx": Model(  # SSL manual V1.2, tables 1 and 2
        versions=_VERSIONS,
        suites=_RSA,
        offer=(0x0035, 0x002F, 0x0005, 0x0004, 0x000A, 0x003D),
    ),
}
for _name in family.MODELS:
    MODELS[_name] = MODELS["UGxx"] if _name in ("ug95", "ug96") else _lte(_name)
DEFAULT = "UGxx"
