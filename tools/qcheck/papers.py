# qcheck.papers - the server's certificates: what they are, and which one belongs on the board.
# SPDX-License-Identifier: MIT

import datetime
import ipaddress
import ssl
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import NameOID

from qshared.problem import Problem
from ugsim.net import chain, credentials
from ugsim.net.credentials import Refusal

_SOON = datetime.timedelta(days=30)
_LARGE = 8192  # bytes of all certificates together; more is rare, and a modem's memory is small
_LAST = 2050  # from then on a certificate writes dates in another form


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def parse(ders):
    # The certificates, None for one that can't be read.
    found = []
    for der in ders:
        try:
            found.append(x509.load_der_x509_certificate(der))
        except ValueError:
            found.append(None)
    return found


def describe(cert):
    # One certificate as plain data.
    if cert is None:
        return {"subject": "one that can't be read"}
    return {
        "subject": words(cert.subject),
        "issuer": words(cert.issuer),
        "names": names(cert),
        "key": key_words(cert),
        "hash": hash_words(cert),
        "from": cert.not_valid_before_utc.strftime("%Y-%m-%d"),
        "until": cert.not_valid_after_utc.strftime("%Y-%m-%d"),
        "bytes": len(cert.public_bytes(serialization.Encoding.DER)),
        "sha256": cert.fingerprint(hashes.SHA256()).hex(),
        "self_signed": cert.issuer == cert.subject,
    }


def words(name):
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME):
        found = name.get_attributes_for_oid(kind)
        if found:
            return printable(str(found[0].value))
    return printable(name.rfc4514_string()) or "no name"


def printable(text):
    # A server chooses its names; a terminal shall not obey them.
    return "".join(c if c.isprintable() else "?" for c in text)[:200]


def names(cert):
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    shown = found.get_values_for_type(x509.DNSName)
    shown += [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [printable(name) for name in shown]


def key_words(cert):
    try:
        key = cert.public_key()
    except Exception:  # of a kind that nobody knows
        return "unknown"
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA %d" % key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ECDSA %s" % key.curve.name
    return type(key).__name__.lstrip("_").replace("PublicKey", "")


def hash_words(cert):
    try:
        found = cert.signature_hash_algorithm
        text = found.name.upper().replace("SHA", "SHA-").replace("--", "-") if found else "own"
        if isinstance(cert.signature_algorithm_parameters, padding.PSS):
            text += " PSS"
        return text
    except Exception:
        return "unknown"


def matches(cert, host):
    # Whether the certificate is for this host, as other clients see it. The modem does not look.
    shown = names(cert) or [words(cert.subject)]
    try:
        return str(ipaddress.ip_address(host)) in shown
    except ValueError:
        pass
    host = host.lower().rstrip(".")
    for name in shown:
        name = name.lower()
        if name == host or (name[:2] == "*." and host.partition(".")[2] == name[2:]):
            return True
    return False


def remarks(certs, host, model):
    # What is wrong with the certificates, or may be: [(key, hard, text)] as in qcheck.verdict.
    found = []

    def say(key, hard, text):
        found.append((key, hard, text))

    if None in certs:
        say("unreadable", True, "it shows a certificate that can't be read")
    certs = [cert for cert in certs if cert is not None]
    for depth, cert in enumerate(certs):
        who = "its certificate" if not depth else "the certificate of %s" % words(cert.subject)
        at = now()
        root = cert.issuer == cert.subject
        if at > cert.not_valid_after_utc:
            say("dates", True, "%s is over since %s" % (who, _date(cert.not_valid_after_utc)))
        elif at < cert.not_valid_before_utc:
            say(
                "dates", True, "%s is not good before %s" % (who, _date(cert.not_valid_before_utc))
            )
        elif at + _SOON > cert.not_valid_after_utc:
            say("dates", False, "%s ends on %s" % (who, _date(cert.not_valid_after_utc)))
        if cert.not_valid_after_utc.year >= _LAST and "late" not in [f[0] for f in found]:
            say("late", False, "%s is good beyond 2049: old TLS code may not read that" % who)
        kind = key_words(cert)
        if kind.startswith("EC") and model.ecdsa:
            pass
        elif not kind.startswith("RSA"):
            say("key", True, "%s has a key of %s: the modem takes RSA only" % (who, kind))
        elif int(kind.split()[1]) > 4096:
            say(
                "key",
                False,
                "%s has a key of %s: no modem was seen with more than 4096" % (who, kind),
            )
        if "PSS" in hash_words(cert):
            say("hash", True, "%s is signed with RSA-PSS, which is younger than the modem" % who)
        elif hash_words(cert) not in ("SHA-256", "SHA-1") and not (root and depth):
            text = "%s is signed with %s: SHA-256 is what is known to work"
            say("hash", False, text % (who, hash_words(cert)))
    if certs and not matches(certs[0], host):
        if model.host:
            say("name", True, "its certificate is not for %s" % host)
        else:
            text = "its certificate is not for %s: the modem looks at no name, other clients do"
            say("name", False, text % host)
    size = sum(len(cert.public_bytes(serialization.Encoding.DER)) for cert in certs)
    if size > _LARGE:
        text = "its certificates are %d bytes together: more than %d may be too much for a modem"
        say("size", False, text % (size, _LARGE))
    if len(certs) > model.depth:
        say(
            "depth",
            True,
            "it shows %d certificates: a modem follows %d" % (len(certs), model.depth),
        )
    return found


def _date(moment):
    return moment.strftime("%Y-%m-%d")


class Anchor:
    # What belongs on the board.   certs: may be empty.   source: where it comes from: "file",
    # "server", "store", "".   fits: the modem accepts the server's chain with it.   why: if not.
    # strict: None, or why code that trusts self-signed certificates only refuses it.
    def __init__(self, certs, source, sent, enciphers):
        self.certs = certs
        self.source = source
        self.fits = False
        self.why = ""
        self.strict = None
        if not certs:
            self.why = missing(sent)
            return
        clock = now().timestamp()
        try:
            chain.verify(sent, list(certs), clock, False, enciphers)
            self.fits = True
        except Refusal as error:
            self.why = str(error).replace("the modem's clock says", "it is")
            return
        try:
            chain.verify(sent, list(certs), clock, True, enciphers)
        except Refusal as error:
            self.strict = str(error)

    def pem(self):
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in self.certs)


def anchor(sent, ca, enciphers):
    # sent: the server's certificates. ca: path of the user's CA file, or None. enciphers: with the
    # suite at hand the server's key does.
    sent = [cert for cert in sent if cert is not None]
    if ca:
        return Anchor(_read(ca), "file", sent, enciphers)
    if not sent:
        return Anchor([], "", sent, enciphers)
    for cert in sent:
        if cert.issuer == cert.subject:
            return Anchor([cert], "server", sent, enciphers)
    top = _top(sent)
    for cert in _store():
        if cert.subject == top.issuer:
            try:
                top.verify_directly_issued_by(cert)
            except Exception:
                continue
            return Anchor([cert], "store", sent, enciphers)
    return Anchor([], "", sent, enciphers)


def _top(sent):
    # The last certificate on the way up from the server's.
    top = sent[0]
    for _ in sent:
        above = [cert for cert in sent if cert.subject == top.issuer and cert != top]
        if not above:
            break
        top = above[0]
    return top


def missing(sent):
    # Who has to be found, if the server does not show it.
    if not sent:
        return "it shows no certificate"
    top = _top(sent)
    text = "it does not show the certificate of %s, which has signed %s" % (
        words(top.issuer),
        words(top.subject),
    )
    try:
        access = top.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        found = [a.access_location.value for a in access if a.access_method == Access.CA_ISSUERS]
    except (x509.ExtensionNotFound, ValueError):
        found = []
    return text + (" (it is at %s)" % printable(str(found[0])) if found else "")


def _read(path):
    data = Path(path).read_bytes()
    try:
        return credentials.load_certificates(data, str(path))
    except Refusal as error:
        text = str(error)
        raise Problem(
            "%s can't be the CA: %s." % (path, text.replace("the %s" % path, "it"))
        ) from None


def _store():
    # The public CAs that this PC trusts.
    found = []
    for der in ssl.create_default_context().get_ca_certs(True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some of them are not quite as they should be
                found.append(x509.load_der_x509_certificate(der))
        except ValueError:
            pass
    return found


def pair(cert, key):
    # The client's certificate and key for tlslite-ng, and their bytes.
    try:
        data = Path(cert).read_bytes(), Path(key).read_bytes()
        return credentials.client_pair(*data), data
    except Refusal as error:
        raise Problem("%s and %s: %s." % (cert, key, error)) from None
