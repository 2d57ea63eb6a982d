# qssl.family.wanted - what modem.tls() is asked for beyond what a UGxx has.
# SPDX-License-Identifier: MIT
#
# Loaded by qssl.connect.sslcheck for a modem, or a setting, of LTE.

import errno

from ..connect.sslcheck import SUITES
from ..errors import Refused, error
from . import table
from .suites import SUITES as MORE


def wanted(modem, suite, value, where, sni, check_host):
    # (value, weak) of the suite. What can't be is refused, once the modem is known; before that
    # everything that some modem has is taken, and qssl.family.keys looks again.
    for flag in (sni, check_host):
        if flag not in (None, False, True):
            _refuse("sni and check_host must be True, False or None")
    lte = modem.link.lte
    known = lte or modem.model or modem.forced
    if value is None and suite is not None:
        value = SUITES.get(suite) or MORE.get(suite)
        if value is None or (known and not lte and suite in MORE):
            names = list(SUITES) + (list(MORE) if lte or not known else [])
            _refuse("suite must be one of " + ", ".join(sorted(names)))
    if lte:
        fit(modem, table(modem), suite and value[0], where)
    elif known and (sni or check_host):
        raise error("no sni" if sni else "no check")
    return value


def fit(modem, family, value, where):
    # Refuses what no firmware of the family has. value: of a suite, such as "0XC02F".
    have = family.suites.split()
    if value and value[2:] not in have:
        names = [n for t in (SUITES, MORE) for n in t if t[n][0][2:] in have]
        _refuse("suite must be one of %s, of a %s" % (", ".join(sorted(names)), _name(modem)))
    if where and where not in family.stores:
        stores = " or ".join(['"%s"' % s for s in family.stores])
        _refuse("where must be %s, of a %s" % (stores, _name(modem)))


def _name(modem):
    return modem.model or modem.dialect


def _refuse(hint):
    raise Refused(errno.EINVAL, "tls", hint)
