# ugsim.net.chain - the modem's check of a server's certificate chain.
# SPDX-License-Identifier: MIT
#
# `cryptography` has a verifier of its own (cryptography.x509.verification), but that one is a
# browser's: it insists on a host name, on SHA-256 and on RSA of 2048 bits, and the time cannot be
# left out. A modem of 2015 looks at none of the names (the manual has no parameter for it; for
# newer ones see ugsim.net.names), takes SHA-1 and short keys, and leaves the time out if
# `ignorelocaltime` says so. So the steps of the
# walk are spelled out here; each signature is checked by `cryptography`.

import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from ugsim.net.credentials import Refusal

# Longer chains than this are refused, as small TLS libraries do.
MAX_DEPTH = 9


def verify(sent, anchors, clock, roots=False, enciphers=True, ignore=()):
    # `sent`: the server's certificates, its own first. `anchors`: what was uploaded as CA file.
    # `clock`: Unix seconds, or None to leave the time out. roots: only self-signed anchors are
    # trusted, others may just be on the way to one, as OpenSSL has it. enciphers: the server's key
    # enciphers, else it signs. ignore: settings of LTE modules that leave a check out: which, no
    # document says, so it is all that the name may mean. Raises Refusal.
    if not sent:
        raise Refusal("the server sent no certificate", "bad_certificate")
    if roots:
        sent = sent + [cert for cert in anchors if cert.issuer != cert.subject]
        anchors = [cert for cert in anchors if cert.issuer == cert.subject]
        if not anchors:
            raise Refusal(
                "the CA file holds no self-signed certificate (a root), only %s; strict TLS code "
                "wants the root" % _name(sent[-1]),
                "unknown_ca",
            )
    if "ignorecertchain" in ignore or "ignoremulticertchainverify" in ignore:
        path = sent[:1]
    else:
        path = _path(sent, anchors, "ignoreinvalidcertsign" in ignore)
    for depth, cert in enumerate(path):
        if clock is not None:
            _check_time(cert, clock)
        if depth == 0:
            _check_usage(cert, enciphers)


def _path(sent, anchors, unsigned):
    # Walks from the server's certificate to an anchor; returns the certificates on the way.
    path = [sent[0]]
    spare = list(sent[1:])
    while path[-1] not in anchors:
        cert = path[-1]
        if len(path) > MAX_DEPTH:
            raise Refusal("the certificate chain is too long", "unknown_ca")
        issuer = _issuer(cert, anchors, spare, unsigned)
        if issuer is None:
            if cert.issuer == cert.subject:
                text = "%s is self-signed and is not in the CA file" % _name(cert)
            else:
                text = "no certificate of the CA file has issued %s (its issuer is %s)" % (
                    _name(cert),
                    cert.issuer.rfc4514_string() or "without a name",
                )
            raise Refusal(text, "unknown_ca")
        _check_authority(issuer, issuer in anchors, len(path) - 1)
        path.append(issuer)
        if issuer in spare:
            spare.remove(issuer)
    return path


def _issuer(cert, anchors, spare, unsigned):
    # The anchors come first: a chain that reaches one may stop there. unsigned: a wrong signature
    # will do.
    wrong = None
    for candidate in anchors + spare:
        if candidate.subject != cert.issuer:
            continue
        try:
            cert.verify_directly_issued_by(candidate)
            return candidate
        except InvalidSignature:
            if unsigned:
                return candidate
            wrong = Refusal(
                "the signature of %s does not fit the key of %s" % (_name(cert), _name(candidate)),
                "bad_certificate",
            )
        except (TypeError, ValueError, UnsupportedAlgorithm) as error:
            wrong = Refusal(
                "the signature of %s cannot be checked: %s" % (_name(cert), error),
                "unsupported_certificate",
            )
    if wrong:
        raise wrong
    return None


def _check_authority(cert, is_anchor, below):
    # May this certificate issue others? `below`: certificates between it and the server's.
    try:
        basic = cert.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        # Roots of X.509 version 1 have no extensions; an uploaded one is trusted nevertheless.
        if is_anchor and cert.version == x509.Version.v1:
            return
        raise Refusal("%s is not a CA certificate" % _name(cert), "bad_certificate") from None
    except ValueError:
        raise Refusal("%s is malformed" % _name(cert), "bad_certificate") from None
    if not basic.ca:
        raise Refusal("%s is not a CA certificate" % _name(cert), "bad_certificate")
    if basic.path_length is not None and below > basic.path_length:
        raise Refusal("the chain below %s is too long" % _name(cert), "bad_certificate")
    usage = _extension(cert, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise Refusal("%s may not sign certificates" % _name(cert), "bad_certificate")


def _check_usage(cert, enciphers):
    # RSA key exchange needs a key that may encipher, ECDHE one that may sign (RFC 5246 7.4.2).
    usage = _extension(cert, x509.KeyUsage)
    if usage is not None and not enciphers and not usage.digital_signature:
        raise Refusal(
            "%s may not be used for ECDHE key exchange (key usage)" % _name(cert),
            "unsupported_certificate",
        )
    if usage is not None and enciphers and not usage.key_encipherment:
        raise Refusal(
            "%s may not be used for RSA key exchange (key usage)" % _name(cert),
            "unsupported_certificate",
        )
    purposes = _extension(cert, x509.ExtendedKeyUsage)
    oid = x509.oid.ExtendedKeyUsageOID
    if purposes is not None and not {oid.SERVER_AUTH, oid.ANY_EXTENDED_KEY_USAGE} & set(purposes):
        raise Refusal("%s is not a server's certificate" % _name(cert), "bad_certificate")


def _check_time(cert, clock):
    # Manual 1.4: "Not before" and "Not after" against the modem's clock.
    if clock < cert.not_valid_before_utc.timestamp():
        when, date = "is not valid before", cert.not_valid_before_utc
    elif clock > cert.not_valid_after_utc.timestamp():
        when, date = "has expired on", cert.not_valid_after_utc
    else:
        return
    raise Refusal(
        "%s %s %s, and the modem's clock says %s"
        % (_name(cert), when, _date(date), _date(_utc(clock))),
        "certificate_expired",
    )


def _extension(cert, kind):
    try:
        return cert.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except ValueError:
        raise Refusal("%s is malformed" % _name(cert), "bad_certificate") from None


def _utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def _date(moment):
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _name(cert):
    return "the certificate of %s" % (cert.subject.rfc4514_string() or "a holder without a name")
