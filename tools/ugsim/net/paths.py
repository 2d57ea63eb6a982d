# ugsim.net.paths - from a server's certificate to a trusted one, as two TLS libraries look for it.
# SPDX-License-Identifier: MIT
#
# Both take the first issuer that fits and never come back to another one. OpenSSL 3 goes by names
# and key identifiers, prefers what is valid now, looks into the CA file first, and no more at what
# the server has sent once it has found one there. Mbed TLS tries the signature, looks at what the
# server has sent only behind the certificate in hand, and prefers what is valid now, too.

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from ugsim.net.credentials import Refusal

# Longer chains than this are refused, as small TLS libraries do.
MAX_DEPTH = 9


def like_openssl(sent, helpers, anchors, clock, by_key=True):
    # sent: its own first. helpers: of the CA file, not trusted by themselves. anchors: trusted.
    # The certificates from the server's to an anchor, or Refusal. Signatures are not looked at.
    path = [sent[0]]
    store = anchors + helpers
    spare = sent[1:]
    while path[-1] not in anchors:
        cert = path[-1]
        _not_too_long(path)
        if self_signed(cert):
            raise _why_not(cert, store + sent[1:], path) or _nobody(cert)
        issuer = _by_name(cert, [c for c in store if c not in path], clock, by_key)
        if issuer is not None:
            spare = []
        else:
            issuer = _by_name(cert, [c for c in spare if c not in path], clock, by_key)
        if issuer is None:
            raise _why_not(cert, store + sent[1:], path) or _nobody(cert)
        path.append(issuer)
    return path


def like_mbedtls(sent, helpers, anchors, clock):
    # The same; signatures were looked at.
    path = [sent[0]]
    rest = sent[1:] + helpers
    while path[-1] not in anchors:
        cert = path[-1]
        _not_too_long(path)
        issuer = _by_signature(cert, anchors, clock, path, True)
        if issuer is None:
            issuer = _by_signature(cert, rest, clock, path, False)
            if issuer is None:
                raise _why_not(cert, anchors + sent[1:] + helpers, path) or _nobody(cert)
            rest = rest[rest.index(issuer) + 1 :]
        path.append(issuer)
    return path


def by_names(sent, helpers, anchors, clock):
    # The first whose name it is.
    return like_openssl(sent, helpers, anchors, clock, False)


def none(sent, helpers, anchors, clock):
    # Nothing but the server's own.
    return sent[:1]


def _by_name(cert, candidates, clock, by_key):
    # The first that is valid now, else the one that has expired last.
    best = None
    for candidate in candidates:
        if candidate.subject != cert.issuer or (by_key and _other_key(cert, candidate)):
            continue
        if is_valid(candidate, clock):
            return candidate
        if best is None or candidate.not_valid_after_utc > best.not_valid_after_utc:
            best = candidate
    return best


def _by_signature(cert, candidates, clock, path, trusted):
    # The first that is valid now, else the first. What may not issue is passed over; a wrong
    # signature too, but only in the CA file.
    first = None
    for candidate in candidates:
        if candidate.subject != cert.issuer:
            continue
        try:
            check_authority(candidate, trusted, len(path) - 1)
            if trusted:
                check_signature(cert, candidate)
        except Refusal:
            continue
        if is_valid(candidate, clock):
            return candidate
        first = first or candidate
    return first


def _not_too_long(path):
    if len(path) > MAX_DEPTH:
        raise Refusal("the certificate chain is too long", "unknown_ca")


def _why_not(cert, candidates, path):
    # The Refusal of one that has the issuer's name, if there is one.
    found = None
    for candidate in candidates:
        if candidate.subject == cert.issuer and candidate not in path:
            try:
                check_signature(cert, candidate)
                check_authority(candidate, True, len(path) - 1)
            except Refusal as e:
                found = found or e
                continue
            text = "is there, but not where all TLS code looks: each certificate must be sent "
            text += "before the one that has issued it"
            if _other_key(cert, candidate):
                text = "has another key identifier than it says"
            return Refusal("the issuer of %s %s" % (name(cert), text), "unknown_ca")
    return found


def _nobody(cert):
    if self_signed(cert):
        text = "%s is self-signed and is not in the CA file" % name(cert)
    else:
        text = "no certificate of the CA file has issued %s (its issuer is %s)" % (
            name(cert),
            cert.issuer.rfc4514_string() or "without a name",
        )
    return Refusal(text, "unknown_ca")


def check_signature(cert, issuer):
    # Raises Refusal, unless `issuer` has signed it.
    try:
        cert.verify_directly_issued_by(issuer)
    except InvalidSignature:
        raise Refusal(
            "the signature of %s does not fit the key of %s" % (name(cert), name(issuer)),
            "bad_certificate",
        ) from None
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise Refusal(
            "the signature of %s can't be checked: %s" % (name(cert), error),
            "unsupported_certificate",
        ) from None


def check_authority(cert, is_anchor, below):
    # Raises Refusal, unless this certificate may issue others. `below`: certificates between it
    # and the server's.
    try:
        basic = cert.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        # Roots of X.509 version 1 have no extensions; an uploaded one is trusted nevertheless.
        if is_anchor and cert.version == x509.Version.v1:
            return
        raise Refusal("%s is not a CA certificate" % name(cert), "bad_certificate") from None
    except ValueError:
        raise Refusal("%s is malformed" % name(cert), "bad_certificate") from None
    if not basic.ca:
        raise Refusal("%s is not a CA certificate" % name(cert), "bad_certificate")
    if basic.path_length is not None and below > basic.path_length:
        raise Refusal("the chain below %s is too long" % name(cert), "bad_certificate")
    usage = extension(cert, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise Refusal("%s may not sign certificates" % name(cert), "bad_certificate")


def is_valid(cert, clock):
    # Whether it is valid at `clock`, Unix seconds or None.
    if clock is None:
        return True
    start, end = cert.not_valid_before_utc.timestamp(), cert.not_valid_after_utc.timestamp()
    return start <= clock <= end


def self_signed(cert):
    return cert.issuer == cert.subject


def extension(cert, kind):
    # Its value, None if there is none.
    try:
        return cert.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except ValueError:
        raise Refusal("%s is malformed" % name(cert), "bad_certificate") from None


def _other_key(cert, issuer):
    # Whether by the key identifiers it was another one that has signed.
    says = extension(cert, x509.AuthorityKeyIdentifier)
    own = extension(issuer, x509.SubjectKeyIdentifier)
    return bool(says and own and says.key_identifier and says.key_identifier != own.digest)


def name(cert):
    return "the certificate of %s" % (cert.subject.rfc4514_string() or "a holder without a name")
