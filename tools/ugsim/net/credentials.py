# ugsim.net.credentials - certificates and keys as they were uploaded to the modem.
# SPDX-License-Identifier: MIT

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from tlslite.api import X509, X509CertChain, parsePEMKey

_DER = serialization.Encoding.DER
_PEM = serialization.Encoding.PEM


class Refusal(Exception):
    # Why the modem does not go on with a handshake.
    # `str()` is the reason in words; `alert` is the name of the TLS alert to send for it.
    def __init__(self, text, alert="internal_error"):
        Exception.__init__(self, text)
        self.alert = alert


def load_certificates(data, what):
    # The certificates in a PEM or DER file, in order. `what` names the file in the error.
    if not data:
        raise Refusal("the %s is empty" % what)
    data = bytes(data)
    try:
        if b"-----BEGIN" in data:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except ValueError:
        raise Refusal("the %s holds no readable certificate" % what) from None


def load_key(data):
    # The private key in a PEM or DER file.
    if not data:
        raise Refusal("the client key is empty")
    data = bytes(data)
    try:
        if b"-----BEGIN" in data:
            return serialization.load_pem_private_key(data, None)
        return serialization.load_der_private_key(data, None)
    except TypeError:
        raise Refusal("the client key is protected by a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal("the client key is not a readable private key") from None


def client_pair(cert_data, key_data):
    # The client's certificate chain and private key as tlslite-ng wants them.
    if not cert_data or not key_data:
        missing = "key" if cert_data else "certificate"
        raise Refusal("the client %s is missing" % missing)
    certs = load_certificates(cert_data, "client certificate")
    key = load_key(key_data)
    if _public(key.public_key()) != _public(certs[0].public_key()):
        raise Refusal("the client key does not belong to the client certificate")
    parsed = []
    for cert in certs:
        parsed.append(X509())
        parsed[-1].parseBinary(bytearray(cert.public_bytes(_DER)))
    pkcs8 = key.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return X509CertChain(parsed), parsePEMKey(
        pkcs8.decode(), private=True, implementations=["python"]
    )


def _public(key):
    return key.public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)
