# ugsim.net.credentials - certificates and keys as they were uploaded to the modem.
# SPDX-License-Identifier: MIT

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from tlslite.api import X509, X509CertChain, parsePEMKey

from ugsim.net import pemfile

_DER = serialization.Encoding.DER
_PEM = serialization.Encoding.PEM
_KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")


class Refusal(Exception):
    # Why the modem does not go on with a handshake.
    # `str()` is the reason in words; `alert` is the name of the TLS alert to send for it.
    def __init__(self, text, alert="internal_error"):
        Exception.__init__(self, text)
        self.alert = alert


def load_certificates(data, what, lenient=False):
    # The certificates in a PEM file, in order; lenient: in a DER file, too. `what` names the file
    # in the error.
    data = bytes(data or b"")
    ders = [der for label, der in _blocks(data, what, lenient) if label in _certificates(lenient)]
    if not ders and lenient and data:
        ders = [data]
    if not ders:
        raise Refusal("the %s holds no certificate (PEM)" % what)
    return [load_certificate(der, what) for der in ders]


def load_certificate(der, what):
    # A certificate in DER.
    try:
        return x509.load_der_x509_certificate(bytes(der))
    except ValueError:
        raise Refusal("the %s holds a certificate that can't be read" % what) from None


def _certificates(lenient):
    return ("CERTIFICATE", "X509 CERTIFICATE") if lenient else ("CERTIFICATE",)


def _blocks(data, what, lenient):
    if not data:
        raise Refusal("the %s is empty" % what)
    try:
        return pemfile.blocks(data, lenient)
    except pemfile.Malformed as error:
        raise Refusal("the %s is no PEM as strict TLS code wants it: %s" % (what, error)) from None


def load_key(data, lenient=False, password=""):
    # The private key in a PEM file; lenient: in a DER file, too. password: as LTE modules take it.
    what = "client key"
    data = bytes(data or b"")
    found = [(label, der) for label, der in _blocks(data, what, lenient) if label in _KEYS]
    if lenient and not found:
        found = [("PRIVATE KEY", data)]
    if not found:
        raise Refusal("the client key is no private key (PEM)")
    label, der = found[0]
    if password and (label == "ENCRYPTED PRIVATE KEY" or der is None):
        try:
            return serialization.load_pem_private_key(data, password.encode())
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise Refusal("the password does not open the client key") from None
    if label == "ENCRYPTED PRIVATE KEY" or der is None:
        raise Refusal("the client key is protected by a password")
    try:
        return serialization.load_der_private_key(der, None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise Refusal("the client key is not a readable private key") from None


def client_pair(cert_data, key_data, lenient=False, password=""):
    # The client's certificate chain and private key as tlslite-ng wants them.
    if not cert_data or not key_data:
        missing = "key" if cert_data else "certificate"
        raise Refusal("the client %s is missing" % missing)
    certs = load_certificates(cert_data, "client certificate", lenient)
    key = load_key(key_data, lenient, password)
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
