# test_chains - certificate chains as servers send them: in odd orders, with others in between, by
# more than one root; and what OpenSSL and Mbed TLS make of them.
# SPDX-License-Identifier: MIT

import contextlib
import datetime
import itertools
import ssl
import time
import types

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose
from cryptography.x509.oid import NameOID

import pem_kit
import servers
from tls_peer import TlsPeer
from ugsim.net import chain
from ugsim.net.credentials import Refusal

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM
CLIENT = [Purpose.CLIENT_AUTH]
OLD = {"days": (-100, -1)}
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
POLICY = x509.CertificatePolicies(
    [x509.PolicyInformation(x509.ObjectIdentifier("1.2.3.4"), None)],
)


def limited(permitted=None, excluded=None):
    return x509.NameConstraints(
        permitted and [x509.DNSName(permitted)], excluded and [x509.DNSName(excluded)]
    )


class Maker:
    # Certificates by name, each made when first asked for: "I" is that of MADE["I"].
    def __init__(self):
        self._keys = {}
        self._made = {}
        self._serial = itertools.count(1000)

    def key(self, name):
        if name not in self._keys:
            self._keys[name] = rsa.generate_private_key(65537, 2048)
        return self._keys[name]

    def __getitem__(self, name):
        if name not in self._made:
            self._made[name] = self._make(**MADE[name])
        return self._made[name]

    def key_pem(self, name):
        form = serialization.PrivateFormat.TraditionalOpenSSL
        key = self.key(MADE[name].get("key", MADE[name]["name"]))
        return key.private_bytes(PEM, form, serialization.NoEncryption())

    def pem(self, names):
        return b"".join(self[name].public_bytes(PEM) for name in names.split())

    def _make(
        self,
        name,
        by,
        key=None,
        signs=None,
        ca=True,
        constraints=True,
        path_length=None,
        days=(-10, 300),
        usage="sign",
        purposes=None,
        key_id=True,
        other=None,
        critical=False,
    ):
        # key, signs: names of its key and of the issuer's, if not theirs. usage: "sign", "server",
        # "" none, "digital".
        own, issuer = self.key(key or name), self.key(signs or by)
        cert = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
            .public_key(own.public_key())
            .serial_number(next(self._serial))
            .not_valid_before(NOW + days[0] * DAY)
            .not_valid_after(NOW + days[1] * DAY)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False)
        )
        if constraints:
            cert = cert.add_extension(x509.BasicConstraints(ca, path_length), True)
        if usage:
            sign, server = usage == "sign", usage == "server"
            bits = (server or usage == "digital", False, server, False, False, sign, sign)
            cert = cert.add_extension(x509.KeyUsage(*bits, False, False), True)
        if purposes:
            cert = cert.add_extension(x509.ExtendedKeyUsage(purposes), False)
        if key_id:
            signer = self.key(key_id).public_key() if key_id is not True else issuer.public_key()
            found = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer)
            cert = cert.add_extension(found, False)
        if not ca:
            cert = cert.add_extension(
                x509.SubjectAlternativeName([x509.DNSName("localhost")]), False
            )
        if other:
            cert = cert.add_extension(other, critical)
        return cert.sign(issuer, hashes.SHA256())


def ca(name, by, **more):
    return dict(more, name=name, by=by)


def leaf(by, **more):
    return dict({"usage": "server"}, **more, name="L", by=by, ca=False, key="L")


# R is the root that is trusted, O an older one; I an authority by R, J one by I. What stands
# behind the letter: "-O" the same name and key, but by O; "-old", "-new": expired, not yet valid.
MADE = {
    "R": ca("R", "R"),
    "R-old": ca("R", "R", **OLD),
    "R-O": ca("R", "O"),
    "R-other": ca("R", "R", key="R2", signs="R2"),
    "R-client": ca("Rc", "Rc", key="R", signs="R", purposes=CLIENT),
    "R-plain": ca("Rp", "Rp", key="R", signs="R", constraints=False, usage=""),
    "O": ca("O", "O"),
    "O-R": ca("O", "R"),
    "I": ca("I", "R"),
    "I-old": ca("I", "R", **OLD),
    "I-new": ca("I", "R", days=(1, 300)),
    "I-O": ca("I", "O"),
    "I-O-old": ca("I", "O", **OLD),
    "I-other": ca("I", "R", key="I2"),
    "I-self": ca("I", "I"),
    "J": ca("J", "I"),
    "U": ca("U", "U", key="R2", signs="R2"),
    "U-inner": ca("Ui", "U", key="I2", signs="R2"),
    "U-critical": ca("Uc", "U", key="I2", signs="R2", other=UNKNOWN, critical=True),
    "L": leaf("I"),
    "L-J": leaf("J"),
    "L-R": leaf("R"),
    "L-self": leaf("L"),
    "L-old": leaf("R", **OLD),
    "L-no-id": leaf("I", key_id=False),
    "L-other-id": leaf("R", key_id="O"),
    "L-client": leaf("R", purposes=CLIENT),
    "L-server": leaf("R", purposes=[Purpose.SERVER_AUTH]),
    "L-any": leaf("R", purposes=[Purpose.ANY_EXTENDED_KEY_USAGE]),
    "L-digital": leaf("R", usage="digital"),
    "L-free": leaf("R", usage=""),
    "L-critical": leaf("R", other=UNKNOWN, critical=True),
    "L-unknown": leaf("R", other=UNKNOWN),
    "L-policy": leaf("R", other=POLICY),
    "L-policy-critical": leaf("R", other=POLICY, critical=True),
    "L-Rc": leaf("Rc", signs="R"),
    "L-Rp": leaf("Rp", signs="R"),
}
for _name, _more in {
    "no-ca": {"ca": False, "usage": "server"},
    "plain": {"constraints": False, "usage": ""},
    "no-sign": {"usage": "digital"},
    "short": {"path_length": 0},
    "critical": {"other": UNKNOWN, "critical": True},
    "client": {"purposes": CLIENT},
    "server": {"purposes": [Purpose.SERVER_AUTH]},
    "org": {"other": limited("example.org")},
    "local": {"other": limited("localhost")},
    "local-critical": {"other": limited("localhost"), "critical": True},
    "not-local": {"other": limited(None, "localhost")},
}.items():
    MADE["X-" + _name] = ca(_name, "R", key="I", **_more)
    MADE["L-" + _name + "-X"] = leaf(_name, signs="I")
MADE["K"] = ca("K", "short", signs="I", key="J")
MADE["L-K"] = leaf("K", signs="J")

# What the server sends, the CA file, whether OpenSSL 3.0.19 and Mbed TLS 2.28.3 take it ("OM").
# Those of OpenSSL are found again by a test below.
ROWS = {
    "as it should be": ("L I", "R", "OM"),
    "with the root": ("L I R", "R", "OM"),
    "the root before the intermediate": ("L R I", "R", "OM"),
    "without the intermediate": ("L", "R", ""),
    "the server's not first": ("I L", "R", ""),
    "the other way round": ("R I L", "R", ""),
    "two intermediates": ("L-J J I", "R", "OM"),
    "two intermediates, swapped": ("L-J I J", "R", "O"),
    "two intermediates, swapped, with the root": ("L-J R I J", "R", "O"),
    "one of two missing": ("L-J J", "R", ""),
    "the intermediate three times": ("L I I I", "R", "OM"),
    "the server's twice": ("L L I", "R", "OM"),
    "a strange root in between": ("L U I", "R", "OM"),
    "a strange intermediate in between": ("L U-inner I", "R", "OM"),
    "a strange root behind": ("L I U", "R", "OM"),
    "a strange one with a critical extension": ("L I U-critical", "R", "O"),
    # More than one certificate of an intermediate.
    "by another root first": ("L I-O I", "R", ""),
    "by another root second": ("L I I-O", "R", "OM"),
    "by another root alone": ("L I-O", "R", ""),
    "by another root, which is sent": ("L I-O O", "R", ""),
    "by another root, which is sent, first": ("L I-O O I", "R", ""),
    "by another root first, no key identifier": ("L-no-id I-O I", "R", ""),
    "by another root first, but expired": ("L I-O-old I", "R", "OM"),
    "by both, both expired": ("L I-O-old I-old", "R", ""),
    "expired first": ("L I-old I", "R", "OM"),
    "expired second": ("L I I-old", "R", "OM"),
    "expired alone": ("L I-old", "R", ""),
    "not yet valid first": ("L I-new I", "R", "OM"),
    "expired, not yet valid, valid": ("L I-old I-new I", "R", "OM"),
    "the same name, another key, first": ("L I-other I", "R", "O"),
    "the same name, another key, first, no identifier": ("L-no-id I-other I", "R", ""),
    "the same name, another key": ("L I-other", "R", ""),
    "signed by itself, first": ("L I-self I", "R", "M"),
    # More than one root.
    "a root by the older one, new trusted": ("L I R-O", "R", "OM"),
    "a root by the older one, old trusted": ("L I R-O", "O", "OM"),
    "a root by the older one, both trusted": ("L I R-O", "O R", "OM"),
    "a root by the older one, which is sent": ("L I R-O O", "R", "OM"),
    "roots in a circle, none trusted": ("L I R-O O-R", "U", ""),
    "an expired root before its renewal": ("L I", "R-old R", "OM"),
    "an expired root behind its renewal": ("L I", "R R-old", "OM"),
    "an expired root": ("L I", "R-old", ""),
    "an expired root sent": ("L I R-old", "R", "OM"),
    "an expired root, its renewal sent": ("L I R", "R-old", ""),
    "an expired root before its renewal, which is by another": ("L I R-O", "R-old R", "OM"),
    "a namesake of the root first": ("L I", "R-other R", "OM"),
    "a namesake of the root": ("L I", "R-other", ""),
    # Intermediates in the CA file.
    "an intermediate in the CA file": ("L", "I R", "OM"),
    "two intermediates in the CA file": ("L-J", "J I R", "OM"),
    "the upper one in the CA file": ("L-J J", "I R", "OM"),
    "the lower one in the CA file": ("L-J I", "J R", "M"),
    "an expired one in the CA file": ("L I", "I-old R", ""),
    "an expired one sent, a good one in the CA file": ("L I-old", "I R", "OM"),
    "another root's in the CA file": ("L I", "I-O R", "M"),
    "an intermediate alone as CA": ("L I", "I", "M"),
    # Servers that sign themselves.
    "self-signed": ("L-self", "R", ""),
    "self-signed and pinned": ("L-self", "L-self", "OM"),
    "the server's own in the CA file": ("L I", "L", ""),
    # Who may issue.
    "no authority": ("L-no-ca-X X-no-ca", "R", ""),
    "no basic constraints": ("L-plain-X X-plain", "R", ""),
    "may not sign": ("L-no-sign-X X-no-sign", "R", ""),
    "as long as it may be": ("L-short-X X-short", "R", "OM"),
    "longer than it may be": ("L-K K X-short", "R", ""),
    "a root without basic constraints": ("L-Rp", "R-plain", ""),
    # Extensions.
    "critical and unknown": ("L-critical", "R", ""),
    "unknown": ("L-unknown", "R", "OM"),
    "critical and unknown in the intermediate": ("L-critical-X X-critical", "R", ""),
    "a policy": ("L-policy", "R", "OM"),
    "a critical policy": ("L-policy-critical", "R", "O"),
    "only for clients": ("L-client", "R", ""),
    "for servers": ("L-server", "R", "OM"),
    "for any purpose": ("L-any", "R", "M"),
    "an intermediate for clients": ("L-client-X X-client", "R", "M"),
    "an intermediate for servers": ("L-server-X X-server", "R", "OM"),
    "a root for clients": ("L-Rc", "R-client", "M"),
    "without key usage": ("L-free", "R", "OM"),
    "no key encipherment": ("L-digital", "R", "O"),
    "another key identifier": ("L-other-id", "R", "M"),
    "for other names": ("L-org-X X-org", "R", "M"),
    "for this name": ("L-local-X X-local", "R", "OM"),
    "for this name, critical": ("L-local-critical-X X-local-critical", "R", "O"),
    "for all but this name": ("L-not-local-X X-not-local", "R", "M"),
    "expired": ("L-old", "R", ""),
}


# With the switch anchor=any.
ANY = (
    "the lower one in the CA file",
    "an intermediate alone as CA",
    "the server's own in the CA file",
    "another root's in the CA file",
)


@pytest.fixture(scope="module")
def make():
    return Maker()


def verdict(make, sent, file, roots=True):
    # "" if the simulated modem takes it, else why not.
    sent, file = [[make[name] for name in names.split()] for names in (sent, file)]
    try:
        chain.verify(sent, file, time.time(), roots)
    except Refusal as e:
        return str(e)
    return ""


def test_it_takes_what_both_take(make):
    wrong = {}
    for name, (sent, file, who) in ROWS.items():
        why = verdict(make, sent, file)
        if (why == "") != (who == "OM"):
            wrong[name] = why, who
        # Where an intermediate is trusted, too, the rest is the same.
        why = verdict(make, sent, file, False)
        if (why == "") != (who == "OM" or name in ANY):
            wrong["any", name] = why, who
    assert wrong == {}


def test_openssl_is_as_the_table_says(make, tmp_path):
    wrong = {}
    for name, (sent, file, who) in ROWS.items():
        if sent.startswith("L"):
            why = handshake(make, sent, file, tmp_path)
            if (why == "") != ("O" in who):
                wrong[name] = why, who
    assert wrong == {}


def handshake(make, sent, file, folder):
    # Between two of OpenSSL, in memory.
    (folder / "sent.pem").write_bytes(make.pem(sent))
    (folder / "sent.key").write_bytes(make.key_pem(sent.split()[0]))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "sent.pem", folder / "sent.key")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cadata=make.pem(file).decode())
    for end in (server, client):
        end.set_ciphers(servers.CIPHERS)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    for end in ends * 4:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as e:
            return str(e)
    return ""


# What is said of some of them.
WORDS = {
    "without the intermediate": "no certificate of the CA file has issued|(its issuer is CN=I)",
    "two intermediates, swapped": "the issuer of the certificate of CN=J is there, but not where|"
    "sent before the one that has issued it",
    "by another root first": "has issued the certificate of CN=I (its issuer is CN=O)",
    "by another root, which is sent": "CN=O is self-signed and is not in the CA file",
    "expired alone": "the certificate of CN=I has expired on",
    "both, both": "has expired on",
    "the same name, another key": "does not fit the key of the certificate of CN=I",
    "the server's not first": "CN=I may not be used for RSA key exchange",
    "no authority": "CN=no-ca is not a CA certificate",
    "may not sign": "CN=no-sign may not sign",
    "longer than it may be": "the chain below the certificate of CN=short is too long",
    "critical and unknown": "critical extension that is not known: 1.2.3.4.5",
    "a critical policy": "critical extension that is not known: 2.5.29.32",
    "only for clients": "is not for servers",
    "another key identifier": "has another key identifier than it says",
    "for other names": "CN=org may not issue for localhost",
    "an intermediate alone as CA": "no self-signed certificate (a root), only the certificate of",
}


@pytest.mark.parametrize("name", [name for name in WORDS if name in ROWS])
def test_words(make, name):
    why = verdict(make, *ROWS[name][:2])
    for part in WORDS[name].split("|"):
        assert part in why


# Through driver and simulated modem, to real servers.
SERVED = (
    "as it should be",
    "with the root",
    "the root before the intermediate",
    "without the intermediate",
    "two intermediates, swapped",
    "the intermediate three times",
    "a strange intermediate in between",
    "by another root first",
    "expired first",
    "expired alone",
    "an expired root before its renewal",
    "an expired root",
    "a root by the older one, old trusted",
    "the server's not first",
    "the other way round",
)
LEAF_LATER = ("the server's not first", "the other way round")


def test_real_servers(make, tmp_path):
    rows = {}
    with contextlib.ExitStack() as stack:
        for name in SERVED:
            sent, file, _ = ROWS[name]
            # nginx and OpenSSL refuse to start with a key that is not the first one's.
            tls = "tlslite" if name in LEAF_LATER else "openssl"
            identity = types.SimpleNamespace(
                cert=tmp_path / (name + ".pem"), key=tmp_path / "L.key"
            )
            identity.cert_pem, identity.key_pem = make.pem(sent), make.key_pem("L")
            identity.cert.write_bytes(identity.cert_pem)
            identity.key.write_bytes(identity.key_pem)
            peer = stack.enter_context(TlsPeer(identity, tls=tls))
            path = tmp_path / (name + " ca.pem")
            path.write_bytes(make.pem(file))
            rows[name] = {"files": {"ca": str(path)}, "port": peer.port}
        table = {"modes": ["anchor=root"], "ports": {}, "rows": rows}
        results = pem_kit.results("cpython", tmp_path, table)["anchor=root"]
    for name in SERVED:
        result = results[name]
        if ROWS[name][2] == "OM":
            assert result["error"] == "", (name, result)
            continue
        assert "[modem 566]" in result["error"] and "chain" in result["error"], (name, result)
        found = [what for ok, what, _ in result["diagnosis"] if ok is False]
        steps = result["diagnosis"][-1]
        if name == "an expired root":
            assert len(found) == 1 and "expired" in found[0], (name, result)
        else:
            # Not to be seen from the modem: what is wrong there is not asserted to be right.
            assert found == [] and "chain" in steps[2], (name, result)
            assert "can't be seen from here" in steps[2], steps
