# qcheck.models - what each family of modems offers in a handshake, as data.
# SPDX-License-Identifier: MIT


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
    # sni: the modem names the host. record: bytes of a TLS record that it surely takes; no manual
    # says, so this is what it buffers for a connection. depth: certificates up to a root.
    def __init__(self, about, versions, suites, offer, sni=False, record=10240, depth=9):
        self.about = about
        self.versions = versions
        self.suites = suites
        self.offer = offer
        self.sni = sni
        self.record = record
        self.depth = depth

    def strong(self):
        return [suite for suite in self.suites if not suite.weak]


_TLS12 = (3, 3)

MODELS = {
    "UGxx": Model(
        about="UG95, UG96 (SSL manual V1.2, tables 1 and 2)",
        versions=(
            ("TLS1.2", (3, 3), False),
            ("TLS1.1", (3, 2), True),
            ("TLS1.0", (3, 1), True),
            ("SSL3.0", (3, 0), True),
        ),
        suites=(
            Suite(0x003D, "AES256-SHA256", "AES256-SHA256", False, _TLS12),
            Suite(0x0035, "AES256-SHA", "AES256-SHA", False),
            Suite(0x002F, "AES128-SHA", "AES128-SHA", False),
            Suite(0x000A, "3DES-SHA", "DES-CBC3-SHA", True),
            Suite(0x0005, "RC4-SHA", "RC4-SHA", True),
            Suite(0x0004, "RC4-MD5", "RC4-MD5", True),
        ),
        offer=(0x0035, 0x002F, 0x0005, 0x0004, 0x000A, 0x003D),
    ),
}
DEFAULT = "UGxx"
