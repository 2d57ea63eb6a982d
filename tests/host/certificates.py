# certificates - a certificate authority and what it issues, made at run time in a folder.
# SPDX-License-Identifier: MIT

import datetime
from functools import cached_property

import trustme

_RSA = trustme.KeyType.RSA  # 2048 bits; a UGxx knows no other key exchange
_DAY = datetime.timedelta(days=1)
_HOSTS = ("localhost", "127.0.0.1")


class Identity:
    # A certificate with its key. Paths: .cert (with the chain up to the CA) and .key; bytes:
    # .cert_pem and .key_pem.
    def __init__(self, folder, name, leaf):
        self.cert_pem = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        self.key_pem = leaf.private_key_pem.bytes()
        self.cert = folder / (name + ".pem")
        self.key = folder / (name + ".key")
        self.cert.write_bytes(self.cert_pem)
        self.key.write_bytes(self.key_pem)
        self.key.chmod(0o600)


class Certificates:
    # folder: where the files go. Each is made when first asked for, as RSA keys take time.
    def __init__(self, folder):
        self.folder = folder

    def issue(self, name, *hosts, authority=None, **options):
        # options: not_before, not_after, common_name as of trustme's issue_cert().
        leaf = (authority or self._ca).issue_cert(*(hosts or _HOSTS), key_type=_RSA, **options)
        return Identity(self.folder, name, leaf)

    @cached_property
    def _ca(self):
        return trustme.CA(organization_name="qssl test CA", key_type=_RSA)

    @cached_property
    def _other(self):
        return trustme.CA(organization_name="another test CA", key_type=_RSA)

    @cached_property
    def ca(self):
        # Path of the certificate that clients trust.
        return self._write("ca.pem", self._ca.cert_pem.bytes())

    @cached_property
    def other_ca(self):
        # Path of a CA certificate that issued none of the others.
        return self._write("other-ca.pem", self._other.cert_pem.bytes())

    @cached_property
    def server(self):
        # For localhost and 127.0.0.1.
        return self.issue("server")

    @cached_property
    def chained(self):
        # The same through an intermediate CA, which the server has to send.
        child = self._ca.create_child_ca(key_type=_RSA)
        return self.issue("chained", authority=child)

    @cached_property
    def untrusted(self):
        # Issued by the other CA.
        return self.issue("untrusted", authority=self._other)

    @cached_property
    def expired(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        return self.issue("expired", not_before=now - 30 * _DAY, not_after=now - _DAY)

    @cached_property
    def not_yet_valid(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        return self.issue("not-yet-valid", not_before=now + _DAY, not_after=now + 30 * _DAY)

    @cached_property
    def client(self):
        return self.issue("client", "device-1.example", common_name="device-1")

    @cached_property
    def untrusted_client(self):
        # Issued by the other CA.
        return self.issue(
            "untrusted-client", "device-2.example", common_name="device-2", authority=self._other
        )

    def _write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path
