# qssl.connect.clienttls - TLS settings that a client of qssl.compat brings, as a context of the
# modem.
# SPDX-License-Identifier: MIT
#
# Loaded when a client loads a CA or a certificate, or names ciphers. Such a context has the
# version, the check of dates and the place of files of the one that socket_for() was given; it
# always authenticates the server. Equal settings share one; there are six in all.

import errno
from binascii import b2a_base64

from micropython import const

from ..errors import Refused, error
from .sslcheck import VERSIONS

_NAMES = ("AES256-SHA256", "AES256-SHA", "AES128-SHA")  # OpenSSL's, too, the strongest first
_DER = const(0x30)  # a sequence


def loaded(what, phase):
    # A path or PEM bytes, out of what clients load: a path, PEM, or DER.
    if isinstance(what, str) and "-----" not in what:
        try:
            f = open(what, "rb")
        except OSError as e:
            hint = "can't open the file %s; was it copied here?" % what
            raise Refused(e.errno or errno.ENOENT, phase, hint)
        with f:
            data = f.read(1)
            if data != b"\x30":
                return what
            data += f.read()
    else:
        data = what.encode() if isinstance(what, str) else bytes(what)
    return _pem(data, phase) if data and data[0] == _DER else data


def _pem(der, phase):
    label = b"CERTIFICATE"
    if phase == "key":
        # After the version, PKCS #8 has a sequence, PKCS #1 an integer. SEC 1 begins with 1.
        at = 2 + (der[1] & 15 if der[1] & 128 else 0)
        head = der[at : at + 4]
        label = b"RSA PRIVATE KEY"
        if head[3:] == b"\x30":
            label = b"PRIVATE KEY"
        elif head[2:3] == b"\1":
            label = b"EC PRIVATE KEY"
    rows = [b"-----BEGIN %s-----\n" % label]
    for at in range(0, len(der), 48):
        rows.append(b2a_base64(der[at : at + 48]))
    rows.append(b"-----END %s-----\n" % label)
    return b"".join(rows)


def _names(modem):
    # The modem's suites, those that are not weak, the strongest first.
    if not modem.link.lte:
        return _NAMES
    from ..family import table
    from ..family.suites import SUITES

    have = table(modem).suites.split()
    return [n for n, (value, weak) in SUITES.items() if value[2:] in have and not weak] + list(
        _NAMES
    )


def _long(name):
    # As MicroPython and IANA write it: TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256.
    kind, _, rest = name.partition("AES")
    block = "" if "GCM" in rest else "-CBC"
    return "TLS-%sWITH-AES-%s%s%s" % (kind or "RSA-", rest[:3], block, rest[3:])


def suites(modem):
    # Those that it has.
    return [_long(name) for name in _names(modem)]


def suite(modem, ciphers):
    # The modem takes one suite: the strongest of those named, by MicroPython, OpenSSL or IANA.
    if isinstance(ciphers, str):
        ciphers = ciphers.split(":")
    named = [c.upper().replace("_", "-") for c in ciphers]
    names = _names(modem)
    for name in names:
        if name in named or _long(name) in named:
            return name
    hint = "the modem has none of these ciphers; name %s, or leave it to modem.tls()"
    raise Refused(errno.EOPNOTSUPP, "tls", hint % " or ".join(names))


def checks(modem):
    # Whether a modem of this family may be able to check the name in the server's certificate.
    if not modem.link.lte:
        return False
    from ..family import table

    family = table(modem)
    return family.host or modem.model.split("-")[0] in family.hosts.split()


def context(shim, ca, cert, key, suite, check):
    # The modem's context with these settings; what is None is that of the shim's. (The client's
    # certificate is not: a client that loads none, shows none.)
    modem = shim.modem
    base = shim.ctx
    if ca is None and base._seclevel:
        ca = base._pems[0][0]
    wanted = (ca, cert, key, suite, check, base._settings, base._where)
    mine = getattr(modem, "clients", None)  # [wanted, Context], the last used is the last
    if mine is None:
        mine = modem.clients = []
    for entry in mine:
        if entry[0] == wanted:
            mine.remove(entry)
            mine.append(entry)
            return entry[1]
    version, _, _, ignore, seconds, named, sni, host = base._settings
    ctx = modem.tls(
        _free(modem, mine),
        ca=ca,
        cert=cert,
        key=key,
        version=_name(VERSIONS, version),
        suite=suite or named,
        check_time=not ignore,
        negotiate_s=seconds,
        where=base._where,
        sni=sni,
        check_host=check or host,
        allow_weak=True,  # version and suite, if that was said for the shim's
    )
    mine.append([wanted, ctx])
    return ctx


def _name(table, value):
    for name in table:
        if table[name][0] == value:
            return name


def _free(modem, mine):
    for id in range(len(modem.contexts) - 1, -1, -1):
        if modem.contexts[id] is None:
            return id
    used = [s.ctx for s in modem.sockets if s is not None]
    for entry in mine:
        if entry[1] not in used:
            mine.remove(entry)
            return entry[1].id
    raise error("no ctx")
