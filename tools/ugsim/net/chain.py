# ugsim.net.chain - the modem's check of a server's certificate chain.
# SPDX-License-Identifier: MIT
#
# `cryptography` has a verifier of its own (cryptography.x509.verification), but that one is a
# browser's: it insists on a host name, on SHA-256 and on RSA of 2048 bits, and the time can't be
# left out. A modem of 2015 looks at none of the names (the manual has no parameter for it; for
# newer ones see ugsim.net.names), takes SHA-1 and short keys, and leaves the time out if
# `ignorelocaltime` says so. So the steps are spelled out here; each signature is checked by
# `cryptography`.
#
# Nobody knows whose TLS code is in a modem. So what OpenSSL 3 or Mbed TLS 2.28 refuses is refused
# here: what works here works with both. tests/host/test_chains.py has what they do.

import datetime

from cryptography import x509

from ugsim.net import paths
from ugsim.net.credentials import Refusal
from ugsim.net.paths import extension, is_valid, name, self_signed

_BOTH = (  # extensions that both know
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
)


def verify(sent, anchors, clock, roots=False, enciphers=True, ignore=()):
    # `sent`: the server's certificates, its own first. `anchors`: what was uploaded as CA file.
    # `clock`: Unix seconds, or None to leave the time out. roots: only self-signed anchors are
    # trusted, others may just be on the way to one, as OpenSSL has it. enciphers: the server's key
    # enciphers, else it signs. ignore: settings of LTE modules that leave a check out: which, no
    # document says, so it is all that the name may mean. Raises Refusal.
    if not sent:
        raise Refusal("the server sent no certificate", "bad_certificate")
    helpers = []
    if roots:
        helpers = [cert for cert in anchors if not self_signed(cert)]
        anchors = [cert for cert in anchors if self_signed(cert)]
        if not anchors:
            raise Refusal(
                "the CA file holds no self-signed certificate (a root), only %s; strict TLS code "
                "wants the root" % name(helpers[-1]),
                "unknown_ca",
            )
    ways = (paths.like_openssl, paths.like_mbedtls)
    if "ignoreinvalidcertsign" in ignore:
        ways = (paths.by_names,)
    if "ignorecertchain" in ignore or "ignoremulticertchainverify" in ignore:
        ways = (paths.none,)
    for find in ways:
        path = find(sent, helpers, anchors, clock)
        for depth, cert in enumerate(path):
            if depth:
                if find is not paths.by_names:
                    paths.check_signature(path[depth - 1], cert)
                paths.check_authority(cert, cert in anchors, depth - 1)
            _check_time(cert, clock)
            _check_purpose(cert)
            _check_names(cert, sent[0])
    for cert in sent:
        _check_critical(cert)
    _check_usage(sent[0], enciphers)


def _check_usage(cert, enciphers):
    # RSA key exchange needs a key that may encipher, ECDHE one that may sign (RFC 5246 7.4.2).
    usage = extension(cert, x509.KeyUsage)
    if usage is not None and not enciphers and not usage.digital_signature:
        raise Refusal(
            "%s may not be used for ECDHE key exchange (key usage)" % name(cert),
            "unsupported_certificate",
        )
    if usage is not None and enciphers and not usage.key_encipherment:
        raise Refusal(
            "%s may not be used for RSA key exchange (key usage)" % name(cert),
            "unsupported_certificate",
        )


def _check_purpose(cert):
    # OpenSSL asks it of each on the way.
    purposes = extension(cert, x509.ExtendedKeyUsage)
    if purposes is not None and x509.oid.ExtendedKeyUsageOID.SERVER_AUTH not in set(purposes):
        raise Refusal("%s is not for servers (extended key usage)" % name(cert), "bad_certificate")


def _check_critical(cert):
    # What is critical and unknown ends it (RFC 5280 4.2); Mbed TLS has it so even of what the
    # server sends in vain, and does not know the constraints that OpenSSL knows.
    for found in cert.extensions:
        if found.critical and not isinstance(found.value, _BOTH):
            raise Refusal(
                "%s has a critical extension that is not known: %s"
                % (name(cert), found.oid.dotted_string),
                "unsupported_certificate",
            )


def _check_names(cert, leaf):
    # Name constraints of an authority, as far as they are about hosts' names; OpenSSL knows them.
    limits = extension(cert, x509.NameConstraints)
    names = extension(leaf, x509.SubjectAlternativeName)
    if limits is None or names is None:
        return
    permitted, excluded = [
        [n.value for n in subtrees or () if isinstance(n, x509.DNSName)]
        for subtrees in (limits.permitted_subtrees, limits.excluded_subtrees)
    ]
    for host in names.get_values_for_type(x509.DNSName):
        if (permitted and not _within(host, permitted)) or _within(host, excluded):
            raise Refusal("%s may not issue for %s" % (name(cert), host), "bad_certificate")


def _within(host, domains):
    return any(("." + host).lower().endswith("." + d.lstrip(".").lower()) for d in domains)


def _check_time(cert, clock):
    # Manual 1.4: "Not before" and "Not after" against the modem's clock.
    if is_valid(cert, clock):
        return
    when, date = "has expired on", cert.not_valid_after_utc
    if clock < cert.not_valid_before_utc.timestamp():
        when, date = "is not valid before", cert.not_valid_before_utc
    raise Refusal(
        "%s %s %s, and the modem's clock says %s"
        % (name(cert), when, _date(date), _date(_utc(clock))),
        "certificate_expired",
    )


def _utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def _date(moment):
    return moment.strftime("%Y-%m-%d %H:%M UTC")
