# test_ugsim_lte - TLS as the LTE models have it: suites, server names, whose host is checked.
# SPDX-License-Identifier: MIT

import re
import ssl
import time

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import setup
from certificates import Identity
from memory_net import MemoryNet
from terminal import ERROR, OK, Terminal
from ugsim.model.family import MODELS, load
from ugsim.net.hello import suite_name

LTE = [name for name in MODELS if load(name).lte]
# One of each family.
FAMILIES = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")
GCM = "0XC02F"


def context(identity, ciphers=None):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.load_cert_chain(identity.cert, identity.key)
    if ciphers:
        server.set_ciphers(ciphers)
    return server


class Modem(Terminal):
    # A model that has the CA and is set to check, its URCs where they can be read.
    def __init__(self, model, ca, net=None, **switches):
        Terminal.__init__(self, net or MemoryNet(), model=model, **switches)
        self.at('AT+QURCCFG="urcport","%s"' % self.model.sw["at_port"])
        if ca:
            self.model.files.ufs.put("ca.pem", ca.read_bytes())
        self.set(ciphersuite=GCM, sslversion=3, seclevel=1, cacert='"ca.pem"')

    def set(self, **values):
        for key, value in values.items():
            assert self.at('AT+QSSLCFG="%s",0,%s' % (key, value)) == OK, (key, value)

    def dial(self, host="a.example", number=0):
        # The code of +QSSLOPEN.
        said = self.at('AT+QSSLOPEN=1,0,%d,"%s",443' % (number, host)) + self.wait(20)
        assert said.startswith(OK), said
        assert self.error() == 0
        said = said[len(OK) :]
        self.at("AT+QSSLCLOSE=%d" % number)
        self.why = self.net.settings[-1].conn.why if self.net.settings else ""
        begin = b"\r\n+QSSLOPEN: %d," % number
        assert said.startswith(begin), said
        return int(said[len(begin) :])


@pytest.fixture(scope="module")
def names(certs):
    # Two names on one address, as shared servers have it: (context, CA, {name: identity}).
    both = {}
    for name in ("a.example", "b.example"):
        both[name] = certs.issue(name.replace(".", "-"), name)
    contexts = {name: context(both[name]) for name in both}

    class Shared(ssl.SSLContext):
        def pick(self, sock, name):
            if name is None:
                return None
            if name not in contexts:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            sock.context = contexts[name]
            return None

    shared = Shared(ssl.PROTOCOL_TLS_SERVER)
    shared.maximum_version = ssl.TLSVersion.TLSv1_2
    shared.load_cert_chain(certs.server.cert, certs.server.key)
    return shared


@pytest.fixture(scope="module")
def several(certs):
    # A server whose certificate is for these.
    return context(certs.issue("several", "a.example", "*.w.example"))


@pytest.fixture
def net(names):
    net = MemoryNet()
    for host in ("a.example", "b.example", "c.example", "192.0.2.1"):
        net.serve(host, names)
    return net


@pytest.mark.parametrize("model", LTE)
def test_what_is_usual_today(certs, net, model):
    modem = Modem(model, certs.ca, net)
    modem.set(sni=1)
    for host in ("a.example", "b.example"):
        assert modem.dial(host) == 0, modem.why
        seen = net.seen[-1]
        assert (seen.name, seen.version) == (host, "TLSv1.2")
        assert seen.suite == "ECDHE-RSA-AES128-GCM-SHA256"
        assert net.settings[-1].conn.suite == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    # Without sni the server does not know which of them is meant, and shows its first.
    modem.set(sni=0)
    checked = modem.model.sw["host_check"] == "level"
    assert modem.dial("a.example") == (566 if checked else 0)
    assert net.seen[-1].name is None
    modem.set(sni=1)
    assert modem.dial("c.example") == 566 and "unrecognized_name" in modem.why
    # The factory's suite is all of them.
    modem.set(ciphersuite="0XFFFF", sslversion=4)
    assert modem.dial() == 0 and "GCM" in net.seen[-1].suite


def test_data_go_both_ways(certs, net):
    modem = Modem("ec25", certs.ca, net)
    modem.set(sni=1)
    assert modem.at('AT+QSSLOPEN=1,0,3,"b.example",443') + modem.wait(20) == (
        OK + b"\r\n+QSSLOPEN: 3,0\r\n"
    )
    data = bytes(range(256)) * 5
    for _ in range(3):
        said = modem.send(3, data) + modem.wait(20)
        assert said == b'\r\nSEND OK\r\n\r\n+QSSLURC: "recv",3\r\n'
        assert modem.at("AT+QSSLRECV=3,1500") == (
            b"\r\n+QSSLRECV: 1280\r\n" + data + b"\r\n\r\nOK\r\n"
        )
    assert net.seen[0].got == data * 3


@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("switches", [{}, {"sni_address": "send"}])
def test_an_address_as_host(certs, net, model, switches):
    modem = Modem(model, certs.ca, net, **switches)
    modem.set(sni=1, seclevel=0)
    assert modem.dial("192.0.2.1") == (566 if switches else 0)
    assert net.seen[0].name == ("192.0.2.1" if switches else None), (net.seen[0].error, modem.why)


@pytest.mark.parametrize("model", FAMILIES)
def test_whose_certificate_it_is(certs, several, model):
    # The right one, another name's, and what the key for it says.
    net = MemoryNet()
    for name in ("a.example", "x.w.example", "b.example", "w.example", "y.x.w.example"):
        net.serve(name, several)
    modem = Modem(model, certs.ca, net)
    keyed = "checkhost" in modem.model.family.keys
    if keyed:
        modem.set(checkhost=1)
    else:
        assert modem.at('AT+QSSLCFG="checkhost",0,1') == ERROR
        assert modem.at('AT+QSSLCFG="checkhost",0') == ERROR
    checks = keyed or model == "eg800k"
    for host, fits in (
        ("a.example", True),
        ("x.w.example", True),
        ("b.example", False),
        ("w.example", False),
        ("y.x.w.example", False),
    ):
        assert modem.dial(host) == (0 if fits or not checks else 566), (host, modem.why)
    if keyed:
        modem.set(checkhost=0)
        assert modem.dial("b.example") == 0
    modem.set(seclevel=0)
    assert modem.dial("b.example") == 0


@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("how", ["none", "level"])
def test_who_checks_is_a_switch(certs, net, model, how):
    modem = Modem(model, certs.ca, net, host_check=how)
    modem.set(sni=0)
    assert modem.dial("a.example") == (566 if how == "level" else 0)


def test_old_bg96_knows_no_host(certs, net):
    modem = Modem("bg96", certs.ca, net, firmware="old")
    for key in ("sni", "checkhost", "ignorecertchain"):
        for text in ('AT+QSSLCFG="%s",0,1', 'AT+QSSLCFG="%s",0'):
            assert modem.at(text % key) == ERROR
    assert modem.dial("a.example") == 0 and net.seen[0].name is None
    assert b"BG96MAR01A01M1G" in modem.at("ATI")


@pytest.mark.parametrize("model", FAMILIES)
def test_566_and_no_reason(certs, model):
    # Each failure of TLS is told by the same number.
    net = MemoryNet()
    for name, identity in (
        ("untrusted.example", certs.untrusted),
        ("expired.example", certs.expired),
        ("plain-rsa.example", certs.server),
    ):
        net.serve(name, context(identity))
    net.serve("plain-rsa.example", context(certs.server, "AES256-SHA256"))
    modem = Modem(model, certs.ca, net, host_check="none")
    modem.model.network.set_time(int(time.time()), 0)
    modem.at("AT+CTZU=1")
    modem.model.clock.registered()
    assert modem.dial("untrusted.example") == 566 and "issued" in modem.why
    assert modem.dial("expired.example") == 0
    modem.set(ignorelocaltime=0)
    assert modem.dial("expired.example") == 566 and "expired" in modem.why
    assert modem.dial("plain-rsa.example") == 566 and "handshake_failure" in modem.why
    modem.set(ciphersuite="0X003D")
    assert modem.dial("plain-rsa.example") == 0
    modem.set(cacert='"other.pem"')
    assert modem.dial("plain-rsa.example") == 566


def test_each_suite_that_a_server_of_today_still_has(certs, tmp_path):
    # What is set is what is negotiated, and nothing else.
    leaf = certs._ca.issue_cert("a.example", key_type=trustme.KeyType.ECDSA)
    ecdsa = Identity(tmp_path, "ecdsa", leaf)
    server = context(certs.issue("suites", "a.example"), "ALL:@SECLEVEL=0")
    server.load_cert_chain(ecdsa.cert, ecdsa.key)
    has = {int(c["id"]) & 0xFFFF for c in server.get_ciphers()}
    net = MemoryNet()
    net.serve("a.example", server)
    done = set()
    for model in FAMILIES:
        modem = Modem(model, certs.ca, net)
        for text in modem.model.family.suites:
            number = int(text[2:], 16)
            if number in done:
                continue
            modem.set(ciphersuite=text)
            code = modem.dial()
            name = suite_name(number)
            if number in has and number not in (0x00AE, 0xC0A8):  # with a shared key
                assert code == 0, (text, modem.why)
                assert net.settings[-1].conn.suite == name
                done.add(number)
            else:
                assert code == 566, text
    assert len(done) >= 16, sorted(map(hex, done))
    assert {0xC02F, 0xC030, 0xC02B, 0x009C, 0xC013, 0xC027, 0xC00A, 0x003D} <= done


def test_a_suite_that_another_family_has(certs, net):
    for model, text in (("bg96", "0XC030"), ("ec25", "0XC02B"), ("ec25", "0X009C")):
        modem = Modem(model, certs.ca, net)
        assert modem.at('AT+QSSLCFG="ciphersuite",0,%s' % text) == ERROR
        assert modem.at('AT+QSSLCFG="ciphersuite",0') == (
            b'\r\n+QSSLCFG: "ciphersuite",0,0XC02F\r\n' + OK
        )


def test_settings_that_take_a_check_away(certs):
    net = MemoryNet()
    net.serve("a.example", context(certs.untrusted))
    for model, keys in (
        ("bg96", ("ignorecertchain",)),
        ("ec25", ("ignoremulticertchainverify",)),
        ("eg800k", ("ignoremulticertchainverify",)),
    ):
        modem = Modem(model, certs.ca, net, host_check="none")
        assert modem.dial() == 566
        modem.set(**dict.fromkeys(keys, 1))
        assert modem.dial() == 0
        modem = Modem(model, certs.ca, net, host_check="none", ignorecert_default="1")
        assert modem.dial() == 0


def test_a_wrong_signature_that_is_let_pass(certs, several):
    # A CA of the same name and with another key.
    real = x509.load_pem_x509_certificate(certs.ca.read_bytes())
    key = rsa.generate_private_key(65537, 2048)
    forged = (
        x509.CertificateBuilder(real.issuer, real.subject, key.public_key(), 1)
        .not_valid_before(real.not_valid_before_utc)
        .not_valid_after(real.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    net = MemoryNet()
    net.serve("a.example", several)
    modem = Modem("ec25", certs.ca, net)
    pem = forged.public_bytes(serialization.Encoding.PEM)
    modem.model.files.ufs.put("ca.pem", pem)
    assert modem.dial() == 566 and "signature" in modem.why
    modem.set(ignoreinvalidcertsign=1)
    assert modem.dial() == 0


def test_further_ca_files(certs):
    # cacertex: what was left there widens the trust.
    net = MemoryNet()
    net.serve("a.example", context(certs.untrusted))
    modem = Modem("ec25", certs.ca, net)
    modem.model.files.ufs.put("other.pem", certs.other_ca.read_bytes())
    assert modem.dial() == 566
    assert modem.at('AT+QSSLCFG="cacertex",0') == b'\r\n+QSSLCFG: "cacertex",0,""\r\n' + OK
    modem.set(cacertex='"other.pem"')
    listed = modem.at('AT+QSSLCFG="cacertex"')
    assert listed.startswith(b'\r\n+QSSLCFG: "cacertex",0,"other.pem"\r\n'), listed
    assert listed.count(b"cacertex") == 6 and listed.endswith(b'"cacertex",5,""\r\n' + OK)
    assert modem.dial() == 0
    # Or it is the same setting as cacert.
    modem = Modem("ec25", certs.ca, net)
    modem.model.command("switch cacertex cacert")
    modem.model.files.ufs.put("other.pem", certs.other_ca.read_bytes())
    assert modem.dial() == 566
    modem.set(cacertex='"other.pem"')
    assert b'"cacert",0,"other.pem"' in modem.at('AT+QSSLCFG="cacert",0')
    assert modem.dial() == 0


def test_dtls_is_no_tls(certs, net):
    modem = Modem("ec25", certs.ca, net)
    modem.set(dtls=1)
    assert modem.dial() == 566 and "dtls" in modem.why


def test_the_password_of_a_key(certs):
    client = certs.client
    key = serialization.load_pem_private_key(client.key_pem, None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"geheim"),
    )
    server = context(certs.issue("wants", "a.example"))
    server.load_verify_locations(certs.ca)
    server.verify_mode = ssl.CERT_REQUIRED
    net = MemoryNet()
    net.serve("a.example", server)
    modem = Modem("ec25", certs.ca, net)
    modem.model.files.ufs.put("c.pem", client.cert_pem)
    modem.model.files.ufs.put("k.pem", locked)
    modem.set(seclevel=2, clientcert='"c.pem"', clientkey='"k.pem"')
    assert modem.dial() == 566 and "password" in modem.why
    modem.set(clientkey='"k.pem","falsch"')
    assert modem.dial() == 566 and "password" in modem.why
    modem.set(clientkey='"k.pem","geheim"')
    assert modem.dial() == 0
    assert modem.at('AT+QSSLCFG="clientkey",0') == b'\r\n+QSSLCFG: "clientkey",0,"k.pem"\r\n' + OK
    assert Modem("bg96", certs.ca, net).at('AT+QSSLCFG="clientkey",0,"k","p"') == ERROR


def test_the_page_has_each_model():
    page = (setup.ROOT / "docs" / "ugsim.md").read_text(encoding="utf-8")
    table = page.partition("| `--model` |")[2].partition("\n\n")[0].split("\n")[2:]
    seen = []
    for row in table:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        for name in re.findall("`([^`]+)`", cells[0]):
            family = load(name)
            seen.append(name)
            count = 6 if family.suites is None else len(family.suites)
            assert re.match(r"%d\b" % count, cells[2]), row
            modem = Terminal(model=name).model
            sni = "sni" in (family.keys or ())
            assert cells[3].startswith("yes" if sni else "no"), row
            how = {"key": "with `checkhost`", "level": "with `seclevel`"}
            word = how.get(modem.sw["host_check"], "not known" if family.lte else "no")
            assert cells[4].startswith(word), row
            here = modem.sw["urc_port"] == "here"
            assert cells[5] == ("here" if here else "USB"), row
    assert sorted(seen) == sorted(MODELS)
