# qdemo.certificates - a certificate authority and a server certificate, made for one run.
# SPDX-License-Identifier: MIT

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_BITS = 2048  # RSA: a UGxx knows no other key exchange
_VALID = datetime.timedelta(days=1)
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


class Certificates:
    # Files in `folder`: .ca (what the modem trusts), .cert and .key (the server's, for localhost
    # and 127.0.0.1). They are good from an hour ago, for a day.
    def __init__(self, folder):
        self.ca = folder / "ca.pem"
        self.cert = folder / "server.pem"
        self.key = folder / "server.key"
        ca_key = _new_key()
        ca_name = _name("qssl demo CA")
        ca = _sign(ca_name, ca_name, ca_key, ca_key, ("key_cert_sign", "crl_sign"), True)
        key = _new_key()
        cert = _sign(_name("localhost"), ca_name, key, ca_key, ("key_encipherment",), False)
        self.ca.write_bytes(_pem(ca))
        self.cert.write_bytes(_pem(cert))
        self.key.touch(0o600)
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=_BITS)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sign(subject, issuer, key, issuer_key, usage, is_ca):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), True)
        .add_extension(x509.KeyUsage(**{name: name in usage for name in _USAGE}), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    if not is_ca:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM)
