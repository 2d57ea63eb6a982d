# qssl.connect.sslcheck - whether an SSL context may be set to what was asked for (manual 2.2.1);
# before all else.
# SPDX-License-Identifier: MIT
#
# Loaded by Modem.tls(), and let go. qssl.connect.sslcfg makes the settings on the modem.

import errno

from ..errors import Refused
from ..wire.dialect import CTX_MAX

# <sslversion> and <cipher_suites> by name: (value, weak). 2.2.1 and tables 1 and 2.
VERSIONS = {
    "SSL3.0": (0, True),
    "TLS1.0": (1, True),
    "TLS1.1": (2, True),
    "TLS1.2": (3, False),
    "all": (4, True),
}
SUITES = {
    "AES256-SHA256": ("0X003D", False),
    "AES256-SHA": ("0X0035", False),
    "AES128-SHA": ("0X002F", False),
    "3DES-SHA": ("0X000A", True),
    "RC4-SHA": ("0X0005", True),
    "RC4-MD5": ("0X0004", True),
    "all": ("0XFFFF", True),
}


def check(
    modem,
    ctx: int,
    ca: str | bytes | None = None,
    cert: str | bytes | None = None,
    key: str | bytes | None = None,
    version: str = "TLS1.2",
    suite: str | None = None,
    auth: bool = True,
    check_time: bool = True,
    negotiate_s: int = 60,
    where: str | None = None,
    allow_weak: bool = False,
    sni: bool | None = None,
    check_host: bool | None = None,
) -> tuple:
    # ctx: 0..5. ca, cert, key: PEM, as bytes or as the path of a file on the board. version,
    # suite: names of the tables above. auth=False: the server is not authenticated at all.
    # check_time=False: certificates don't expire (no clock needed). negotiate_s: limit of the
    # handshake, 10 to 300 s. where: "RAM:" or "UFS:" (the modem's flash). allow_weak: needed
    # for SSL3.0, TLS1.0, TLS1.1, RC4, 3DES, "all", and auth=False. sni, check_host: True: it must
    # be so, False: not so, None: as far as the modem has it. suite, where: None: what is best.
    # Returns what a Context keeps of them: seclevel; values of sslcfg._KEYS, then suite, sni,
    # check_host as they were given; files; where. Before start() nobody knows what the modem has.
    if not isinstance(ctx, int) or not 0 <= ctx <= CTX_MAX:
        _refuse("ctx must be 0 to %d" % CTX_MAX)
    if version not in VERSIONS:
        _refuse("version must be one of " + _names(VERSIONS))
    value = SUITES.get("AES256-SHA256" if suite is None else suite)
    if value is None or sni is not None or check_host is not None or modem.link.lte:
        from ..family.wanted import wanted

        value = wanted(modem, suite, value, where, sni, check_host)
    if not isinstance(negotiate_s, int) or not 10 <= negotiate_s <= 300:
        _refuse("negotiate_s must be 10 to 300")
    if where not in (None, "RAM:", "UFS:"):
        _refuse('where must be "RAM:" or "UFS:"')
    if not allow_weak:
        if VERSIONS[version][1]:
            _weak(version + " is weak")
        if value[1]:
            _weak(suite + " is weak")
        if not auth:
            _weak("auth=False trusts anybody")
    if auth and ca is None:
        _refuse("ca is missing: the PEM of your server's CA")
    if (cert is None) != (key is None):
        _refuse("cert and key go together")
    from .pemcheck import load

    level = 0 if not auth else 2 if cert is not None else 1
    own = (VERSIONS[version][0], '"%s"' % value[0], level, int(not check_time), negotiate_s)
    return level, own + (suite, sni, check_host), load(ca, cert, key), where


def _names(table):
    return ", ".join(sorted(table))


def _weak(hint):
    _refuse(hint + "; allow_weak=True to use it", errno.EACCES)


def _refuse(hint, number=errno.EINVAL):
    raise Refused(number, "tls", hint)
