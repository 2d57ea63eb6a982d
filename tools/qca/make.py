# qca.make - keys and certificates as a UGxx takes them: RSA 2048, SHA-256, dates before 2050.
# SPDX-License-Identifier: MIT

import datetime
import ipaddress
import re
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_BITS = 2048  # RSA: a UGxx knows no other key exchange
# A host's name; what ends in a number would be a mistyped address.
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(r"(\*\.)?(%s\.)*(?![0-9]+$)%s" % (_LABEL, _LABEL))
# A certificate writes dates from 2050 on in another form, which old TLS code does not read.
LAST = datetime.datetime(2049, 12, 31, 23, 59, 59, tzinfo=datetime.timezone.utc)
_USAGE = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
CA = ("key_cert_sign", "crl_sign")
SERVER = ("digital_signature", "key_encipherment")
CLIENT = ("digital_signature",)
_PURPOSE = {SERVER: ExtendedKeyUsageOID.SERVER_AUTH, CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=_BITS)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def alternative(text):
    # A host's name or address as it stands in a certificate. ValueError: it is neither.
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if not _HOST.fullmatch(text):
            raise
        return x509.DNSName(text)


def sign(subject, issuer, public, issuer_key, usage, begin, end, hosts=(), below=0, small=False):
    # A certificate. subject: of name(). issuer: the CA's certificate, or the name of one that has
    # none yet, or no other identifier than sign() makes. usage: CA, SERVER or CLIENT. hosts: of
    # alternative(). below: how many CAs a CA may have below it. small: each connection carries
    # it, so it is without what a server's or client's may lack (RFC 5280, 4.2.1), and a CA has a
    # short identifier.
    is_ca = usage is CA
    by = _identifier(issuer, issuer_key.public_key(), small)
    name = issuer if isinstance(issuer, x509.Name) else issuer.subject
    serial = secrets.randbits(30) | 1 << 30 if small else x509.random_serial_number()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(name)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if is_ca or not small:
        length = below if is_ca else None
        own = _identifier(public, public, small)
        if is_ca and public == issuer_key.public_key():
            own = by  # it goes on with another end: what it has signed names it so
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=length), True)
            .add_extension(x509.KeyUsage(**{word: word in usage for word in _USAGE}), True)
            .add_extension(own, False)
        )
    by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(by)
    builder = builder.add_extension(by, False)
    if not is_ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([_PURPOSE[usage]]), False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), False)
    return builder.sign(issuer_key, hashes.SHA256())


def _identifier(cert, public, small):
    # What names a key: as its certificate has it, else its hash, or the end of that (RFC 5280,
    # 4.2.1.2).
    if isinstance(cert, x509.Certificate):
        try:
            return cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        except x509.ExtensionNotFound:
            small = False
    digest = x509.SubjectKeyIdentifier.from_public_key(public).digest
    if small:
        digest = bytes([0x40 | digest[-8] & 15]) + digest[-7:]
    return x509.SubjectKeyIdentifier(digest)


def pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    # In the older of the two forms (BEGIN RSA PRIVATE KEY): everything reads it.
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
