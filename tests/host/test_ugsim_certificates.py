# test_ugsim_certificates - ugsim checks chains, dates and certificate files as a modem does.
# SPDX-License-Identifier: MIT

import datetime
import ssl
import time
import types

import pytest

from tls_peer import TlsPeer
from ugsim.net import Net
from ugsim_net_kit import connect, drain, linger, make


@pytest.fixture
def net():
    net = Net()
    yield net
    net.close()


def self_signed(folder):
    # A server's certificate that it has issued itself, no CA.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "self")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    identity = types.SimpleNamespace(cert=folder / "self.pem", key=folder / "self.key")
    identity.cert.write_bytes(cert.public_bytes(pem))
    identity.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return identity


def test_wrong_ca(net, certs):
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs, ca=certs.other_ca.read_bytes()), peer.port)
        assert conn.error == 566
        assert "no certificate of the CA file has issued" in conn.why
        linger(net, peer.arrived(1))
        assert "unknown ca" in str(peer.links[0].error)  # the server is told


def test_chain_through_an_intermediate(net, certs):
    with TlsPeer(certs.chained) as peer:
        assert connect(net, make(certs), peer.port).state == "open"


def test_intermediate_that_is_not_sent(net, certs):
    leaf = certs.chained.cert_pem.split(b"-----END CERTIFICATE-----\n")[0]
    alone = certs.issue("alone")
    alone.key.write_bytes(certs.chained.key_pem)
    alone.cert.write_bytes(leaf + b"-----END CERTIFICATE-----\n")
    with TlsPeer(alone) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "its issuer is" in conn.why


def test_the_uploaded_certificate_may_be_the_servers_own(net, certs):
    # Or an intermediate: firmware that is like Mbed TLS takes them, such that is like OpenSSL
    # wants a root.
    for identity in (certs.untrusted, certs.chained):
        with TlsPeer(identity) as peer:
            last = identity.cert_pem.rindex(b"-----BEGIN")
            for ca in (identity.cert_pem, identity.cert_pem[last:]):
                assert connect(net, make(certs, ca=ca, anchor="any"), peer.port).state == "open"
                conn = connect(net, make(certs, ca=ca), peer.port)
                assert conn.error == 566 and "wants the root" in conn.why
    with TlsPeer(certs.chained) as peer:
        both = certs.chained.cert_pem + certs.ca.read_bytes()
        assert connect(net, make(certs, ca=both), peer.port).state == "open"


def test_an_intermediate_in_the_ca_file_need_not_be_sent(net, certs):
    first, _, rest = certs.chained.cert_pem.partition(b"-----END CERTIFICATE-----\n")
    alone = certs.issue("alone-2")
    alone.key.write_bytes(certs.chained.key_pem)
    alone.cert.write_bytes(first + b"-----END CERTIFICATE-----\n")
    with TlsPeer(alone) as peer:
        for anchor in ("root", "any"):
            ca = rest + certs.ca.read_bytes()
            conn = connect(net, make(certs, ca=ca, anchor=anchor), peer.port)
            assert conn.state == "open", conn.why


def test_a_self_signed_server_is_its_own_root(net, tmp_path):
    identity = self_signed(tmp_path)
    with TlsPeer(identity) as peer:
        for anchor in ("root", "any"):
            settings = make(ca=identity.cert.read_bytes(), seclevel=1, anchor=anchor)
            assert connect(net, settings, peer.port).state == "open"


def test_a_leaf_cannot_issue(net, certs):
    # A server's certificate in the place of a CA.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    issuer = x509.load_pem_x509_certificate(certs.server.cert_pem)
    issuer_key = serialization.load_pem_private_key(certs.server.key_pem, None)
    key = serialization.load_pem_private_key(certs.expired.key_pem, None)
    now = datetime.datetime.now(datetime.timezone.utc)
    forged = (
        x509.CertificateBuilder()
        .subject_name(issuer.subject)
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(issuer_key, hashes.SHA256())
    )
    false = certs.issue("false")
    false.cert.write_bytes(forged.public_bytes(serialization.Encoding.PEM) + certs.server.cert_pem)
    false.key.write_bytes(certs.expired.key_pem)
    with TlsPeer(false) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "is not a CA certificate" in conn.why


def test_the_dates_are_checked_against_the_modems_clock(net, certs):
    # Manual 1.4
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs, clock=0), peer.port)
        assert conn.error == 566 and "is not valid before" in conn.why
        conn = connect(net, make(certs, clock=64060588800), peer.port)
        assert conn.error == 566 and "has expired on" in conn.why
        conn = connect(net, make(certs, clock=0, ignore_time=True), peer.port)
        assert conn.state == "open"


def test_expired_and_not_yet_valid(net, certs):
    with TlsPeer(certs.expired) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "has expired on" in conn.why
        assert connect(net, make(certs, clock=time.time() - 2 * 86400), peer.port).state == "open"
    with TlsPeer(certs.not_yet_valid) as peer:
        conn = connect(net, make(certs), peer.port)
        assert conn.error == 566 and "is not valid before" in conn.why


def test_seclevel_0_looks_at_nothing(net, certs):
    with TlsPeer(certs.expired) as peer:
        assert connect(net, make(ca=None, seclevel=0), peer.port).state == "open"


@pytest.mark.parametrize("ca", [None, b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_unreadable_ca(net, certs, ca):
    with TlsPeer(certs.server) as peer:
        conn = connect(net, make(certs, ca=ca), peer.port)
        assert conn.error == 566 and "CA" in conn.why


def test_ca_as_der(net, certs):
    der = ssl.PEM_cert_to_DER_cert(certs.ca.read_text())
    with TlsPeer(certs.server) as peer:
        assert connect(net, make(certs, ca=der, pem="lenient"), peer.port).state == "open"
        assert connect(net, make(certs, ca=der), peer.port).error == 566


# name: (change of a right file, whether strict and lenient firmware take it). The file has 64
# characters a row, LF.
FORMS = {
    "as it is": (lambda p: p, True, True),
    "CR LF": (lambda p: p.replace(b"\n", b"\r\n"), True, True),
    "CR": (lambda p: p.replace(b"\n", b"\r"), False, True),
    "byte order mark": (lambda p: b"\xef\xbb\xbf" + p, False, True),
    "text before": (lambda p: b"subject=CN = x\n\n" + p, True, True),
    "text behind": (lambda p: p + b"exported by the portal\n" * 20, True, True),
    "text on the marker's line": (lambda p: b"ca: " + p, False, True),
    "no line end behind": (lambda p: p[:-1], True, True),
    "blanks behind a row": (lambda p: p[:92] + b"  " + p[92:], True, True),
    "tab behind a row": (lambda p: p[:92] + b"\t" + p[92:], False, True),
    "blank in a row": (lambda p: p[:50] + b" " + p[50:], False, True),
    "rows set in": (lambda p: p.replace(b"\n", b"\n  "), False, True),
    "an empty line": (lambda p: p[:93] + b"\n" + p[93:], False, True),
    "an empty line first": (lambda p: p[:28] + b"\n" + p[28:], False, True),
    "rows of 76": (lambda p: rows(p, 76), True, True),
    "rows of 77": (lambda p: rows(p, 77), False, True),
    "one row": (lambda p: rows(p, 9999), False, True),
    "a row missing": (lambda p: p[:93] + p[158:], False, False),
    "a row twice": (lambda p: p[:158] + p[93:], False, False),
    "no END": (lambda p: p[: p.index(b"-----END")], False, False),
    "another END": (lambda p: p.replace(b"END CERT", b"END X509 CERT"), False, False),
    "no base64": (lambda p: p[:60] + b"!" + p[61:], False, False),
    "nothing in it": (lambda p: p[:28] + p[p.index(b"-----END") :], False, False),
    "X509 CERTIFICATE": (lambda p: p.replace(b" CERT", b" X509 CERT"), False, True),
    "four hyphens": (lambda p: p[1:], False, False),
    "UTF-16": (lambda p: p.decode().encode("utf-16"), False, False),
    "a second one damaged": (lambda p: p + p[:200] + p[p.index(b"-----END") :], False, False),
}


def rows(pem, width):
    # The same with rows of `width` characters.
    first, *body, last, _ = pem.split(b"\n")
    text = b"".join(body)
    cut = [text[i : i + width] for i in range(0, len(text), width)]
    return b"\n".join([first, *cut, last, b""])


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_pem(net, certs, form):
    change, strict, lenient = FORMS[form]
    ca = change(certs.ca.read_bytes())
    with TlsPeer(certs.server) as peer:
        for pem, taken in (("strict", strict), ("lenient", lenient)):
            conn = connect(net, make(certs, ca=ca, pem=pem), peer.port)
            assert (conn.state == "open") == taken, (pem, conn.why)
            assert taken or (conn.error == 566 and "CA" in conn.why)


@pytest.mark.parametrize("form", FORMS)
def test_strict_takes_nothing_that_openssl_refuses(certs, form, tmp_path):
    from ugsim.net import pemfile

    ca = FORMS[form][0](certs.ca.read_bytes())
    (tmp_path / "ca.pem").write_bytes(ca)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(tmp_path / "ca.pem")
    except ssl.SSLError:
        assert not FORMS[form][1]
        return
    assert context.get_ca_certs()
    if FORMS[form][1]:
        pemfile.blocks(ca)


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_mutual_authentication(net, certs, version):
    with TlsPeer(certs.server, client_ca=certs.ca, version=version) as peer:
        pair = {"cert": certs.client.cert_pem, "key": certs.client.key_pem}
        settings = make(certs, version=version, seclevel=2, **pair)
        conn = connect(net, settings, peer.port)
        conn.send(b"hello")
        conn.close()
        linger(net, peer.arrived(1))
        link = peer.links[0]
        assert link.error is None and bytes(link.received) == b"hello" and link.client_cert


def test_client_certificate_is_used_at_seclevel_2_only(net, certs):
    with TlsPeer(certs.server, client_ca=certs.ca) as peer:
        pair = {"cert": certs.client.cert_pem, "key": certs.client.key_pem}
        conn = connect(net, make(certs, seclevel=1, **pair), peer.port)
        drain(conn)
        assert conn.error == 566 and "certificate" in conn.why


def test_client_certificate_of_another_ca(net, certs):
    with TlsPeer(certs.server, client_ca=certs.ca) as peer:
        pair = {"cert": certs.untrusted_client.cert_pem, "key": certs.untrusted_client.key_pem}
        conn = connect(net, make(certs, seclevel=2, **pair), peer.port)
        drain(conn)
        assert conn.state == "closed" and "alert" in conn.why


def test_client_pair_that_does_not_fit(net, certs):
    with TlsPeer(certs.server) as peer:
        pair = {"cert": certs.client.cert_pem, "key": certs.server.key_pem}
        conn = connect(net, make(certs, seclevel=2, **pair), peer.port)
        assert conn.error == 566 and "does not belong" in conn.why
        conn = connect(net, make(certs, seclevel=2, cert=certs.client.cert_pem), peer.port)
        assert conn.error == 566 and "key is missing" in conn.why
