# ugsim.net.names - is a certificate for this host? For the modems that look.
# SPDX-License-Identifier: MIT

import ipaddress

from cryptography import x509
from cryptography.x509.oid import NameOID

from ugsim.net.credentials import Refusal


def check(cert, host):
    # RFC 6125 as small TLS libraries do it: the alternative names, or without any the common name.
    # Raises Refusal.
    shown = _names(cert)
    for name in shown:
        if _fits(name, host):
            return
    text = "the certificate is for %s, not for %s" % (
        ", ".join(map(str, shown)) or "no name",
        host,
    )
    raise Refusal(text, "bad_certificate")


def _names(cert):
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [a.value for a in cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except ValueError:
        raise Refusal("the certificate's names can't be read", "bad_certificate") from None
    addresses = found.get_values_for_type(x509.IPAddress)
    return found.get_values_for_type(x509.DNSName) + [str(address) for address in addresses]


def _fits(name, host):
    name, host = name.lower(), host.lower().rstrip(".")
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(name)
    except ValueError:
        pass
    if name[:2] == "*.":  # one label, and the left one
        label, dot, rest = host.partition(".")
        return bool(label and dot) and rest == name[2:] and not _address(host)
    return name == host


def _address(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
