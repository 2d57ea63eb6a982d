# test_check_server - tools/check_server.py against real servers: what it says of them is true, and
# the line that it prints works.
# SPDX-License-Identifier: MIT

import ast
import datetime
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

import servers
import setup
import tls_peer
import tool
from certificates import Identity
from check_server_kit import SNI_ONLY, Conf, check, found, hard, soft, taken
from qcheck.models import MODELS
from ugsim.model import family
from ugsim.net.hello import SUITE_NAMES, VERSIONS, suite_name

_KEY = trustme.KeyType.RSA


class Raw:
    # A TCP server; serve(sock) for each connection.
    def __init__(self, serve):
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            self.serve(sock)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.listener.close()
        for sock in self.sockets:
            sock.close()


class Openssl(servers.Process):
    # openssl s_server with `options`.
    def __init__(self, identity, *options):
        super().__init__("openssl")
        if shutil.which("openssl") is None:
            pytest.skip("no openssl here")
        self.identity = identity
        self.options = options

    def prepare(self):
        self.port = servers.free_port()
        self.ports = (self.port,)
        argv = ["openssl", "s_server", "-accept", self.port, "-quiet", "-www"]
        return [*argv, "-cert", self.identity.cert, "-key", self.identity.key, *self.options]


def test_the_table_is_what_modem_and_driver_have():
    code = "import upy; upy.install(); from qssl.connect.sslcheck import SUITES, VERSIONS\n"
    code += "print(repr((SUITES, VERSIONS)))"
    path = os.pathsep.join(str(setup.ROOT / name) for name in ("lib", "tests/host/cpython"))
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    SUITES, NAMES = ast.literal_eval(done.stdout)
    model = MODELS["UGxx"]
    assert sorted(model.offer) == sorted(SUITE_NAMES)
    assert list(model.offer) == list(SUITE_NAMES)
    for suite in model.suites:
        assert SUITES[suite.name] == ("0X%04X" % suite.number, suite.weak)
    for name, wire, weak in model.versions:
        number, is_weak = NAMES[name]
        assert VERSIONS[number] == (wire, wire) and is_weak == weak
    assert len(model.versions) == len(NAMES) - 1 and len(model.suites) == len(SUITES) - 1


LTE = ("ec25", "bg96", "bg95", "bg770a", "ec200u", "eg800k")


def test_what_lte_models_offer():
    for name in family.MODELS:
        table, model = family.load(name), MODELS[name]
        if not table.lte:
            assert model is MODELS["UGxx"]
            continue
        assert ["0X%04X" % number for number in model.offer] == list(table.suites)
        assert model.usual == "ECDHE-RSA-AES128-GCM-SHA256"
        assert model.modern and model.sni
        numbers = [suite.number for suite in model.suites]
        assert set(numbers) <= set(model.offer) and len(set(numbers)) == len(numbers)
        # What is left out no program should want.
        for number in set(model.offer) - set(numbers):
            text = suite_name(number)
            assert re.search("ECDH_|PSK|CCM|NULL|0x", text), text
    hosts = [name for name in LTE if MODELS[name].host]
    assert hosts == ["bg96", "bg95", "bg770a", "eg800k"]


def test_the_driver_names_suites_so():
    code = "import upy; upy.install(); from qssl.family.suites import SUITES\n"
    path = os.pathsep.join(str(setup.ROOT / name) for name in ("lib", "tests/host/cpython"))
    done = subprocess.run(
        [sys.executable, "-c", code + "print(repr(SUITES))"],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    suites = ast.literal_eval(done.stdout)
    listed = {s.name: ("0X%04X" % s.number, s.weak) for m in LTE for s in MODELS[m].suites}
    old = {s.name for s in MODELS["UGxx"].suites}
    assert {name: listed[name] for name in listed if name not in old} == suites


def test_names_of_suites_are_openssl_s():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    known = {c["name"]: int(c["id"]) & 0xFFFF for c in context.get_ciphers()}
    seen = 0
    for name in LTE:
        for suite in MODELS[name].suites:
            if suite.openssl in known:
                assert known[suite.openssl] == suite.number, suite.openssl
                seen += 1
            else:
                assert suite.weak, suite.openssl
    assert seen > 60


SHARED = """
server {
    listen 127.0.0.1:{port} ssl;
    server_name other.example;
    ssl_certificate {other}; ssl_certificate_key {otherkey};
    ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384;
    root {folder}/www;
}
server {
    listen 127.0.0.1:{port} ssl;
    server_name localhost;
    ssl_certificate {cert}; ssl_certificate_key {key};
    ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384;
    root {folder}/www;
}
"""


def test_a_server_of_today(certs, start):
    # Two names on one address, ECDHE and GCM alone: what a UGxx can't, the others do.
    other = certs.issue("other", "other.example")
    blocks = SHARED.replace("{otherkey}", str(other.key)).replace("{other}", str(other.cert))
    server = start(Conf(certs, blocks))
    data = found(server.port, "--ca", certs.ca, status=1)
    assert "suites" in hard(data) and data["lines"]
    for name in LTE:
        data = found(server.port, "--ca", certs.ca, "--model", name)
        assert data["works"] and data["line"] == 'ctx = modem.tls(ca="ca.pem")', data
        wanted = {("TLS1.2", "ECDHE-RSA-AES128-GCM-SHA256")}
        if 0xC030 in MODELS[name].offer:
            wanted.add(("TLS1.2", "ECDHE-RSA-AES256-GCM-SHA384"))
        assert taken(data) == wanted, name
    # Under a name that is not in its certificate.
    for name in ("eg800k", "ec25"):
        words = ("--ca", certs.ca, "--model", name, "--name", "third.example")
        data = found(server.port, *words, status=1 if name == "eg800k" else 0)
        assert ("name" in hard(data)) == (name == "eg800k")
        assert ("name" in soft(data)) == (name == "ec25")


def test_a_key_of_ecdsa(certs, start, tmp_path):
    leaf = certs._ca.issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
    server = start(
        Conf(
            certs,
            SNI_ONLY.replace("AES256-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
            Identity(tmp_path, "ecdsa", leaf),
        )
    )
    for name, status in (("UGxx", 1), ("bg95", 0), ("ec25", 1)):
        data = found(server.port, "--ca", certs.ca, "--model", name, status=status)
        if name == "bg95":
            suite = 'suite="ECDHE-ECDSA-AES128-GCM-SHA256"'
            assert data["line"] == 'ctx = modem.tls(ca="ca.pem", %s)' % suite
        elif name == "ec25":
            assert "suites" in hard(data) and "key" not in hard(data)
            assert "ECDHE-ECDSA-AES128-SHA256" in str(data["lines"])


def test_a_server_that_fits(certs, start, tmp_path):
    nginx = start(servers.Nginx(certs, {"big": bytes(60000)}))
    saved = tmp_path / "board.pem"
    data = found(nginx.port, "--ca", certs.ca, "--get", "/big", "--save", saved, idle="1")
    assert data["works"] and hard(data) == set()
    assert taken(data) == {("TLS1.2", s) for s in ("AES256-SHA256", "AES256-SHA", "AES128-SHA")}
    assert data["line"] == 'ctx = modem.tls(ca="board.pem")'
    assert data["together"] == "TLS1.2 AES256-SHA"  # the modem's first
    assert data["server_name"] == "open" and data["client_certificate"] == "no"
    assert data["protocol"] == "http" and data["software"].startswith("nginx")
    assert data["longest_record"] > 16384 and "record" in soft(data)
    assert data["idle_closed_after_s"] is None and 0.9 < data["idle_waited_s"] < 60
    (cert,) = data["chain"]
    assert (cert["key"], cert["hash"]) == ("RSA 2048", "SHA-256")
    assert cert["names"] == ["localhost", "127.0.0.1"]
    assert data["ca"]["source"] == "file"
    assert saved.read_bytes() == certs.ca.read_bytes()
    # Once more: the same stays; another is not overwritten.
    words = ("localhost:%d" % nginx.port, "--idle", 0, "--no-ask", "--save", saved)
    out, _ = check(*words, "--ca", certs.ca)
    assert "It works, with\n\n    ctx = modem.tls" in out and "written to" in out
    _, err = check(*words, "--ca", certs.other_ca, status=2)
    assert (
        err
        == "check_server.py: %s is there already and is another one: it stays as it is.\n"
        % (saved)
    )
    assert saved.read_bytes() == certs.ca.read_bytes()


def test_the_printed_line_works_in_a_program(certs, start, tmp_path):
    nginx = start(servers.Nginx(certs, {"x": b"here"}))
    out, _ = check("localhost:%d" % nginx.port, "--idle", 0, "--ca", certs.ca)
    lines = re.findall(r"^ {4}(.*)$", out.partition("It works, with")[2], re.M)
    assert len(lines) == 2
    script = tmp_path / "script.py"
    script.write_text(
        "import board\n"
        "modem = board.modem()\n"
        "modem.start(apn='internet')\n"
        "modem.clock(board.utc())\n"
        "%s\n%s\n"
        "sock.write(b'GET /x HTTP/1.0\\r\\n\\r\\n')\n"
        "print(sock.read()[-4:])\n" % (lines[0].replace("ca.pem", str(certs.ca)), lines[1])
    )
    temp = tmp_path / "tmp"
    temp.mkdir()
    status, out, err = tool.run(temp, "run.py", "--baud", "0", script)
    assert (status, out) == (0, "b'here'\n"), err


@pytest.mark.parametrize("suite", sorted(tls_peer.SUITES))
@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_each_version_and_suite_alone(certs, version, suite):
    if suite == 0x003D and version < 3:
        return  # there is no such thing
    with tls_peer.TlsPeer(certs.server, version=version, suites=(suite,), tls="tlslite") as peer:
        data = found(peer.port, "--ca", certs.ca, "--no-ask", host="127.0.0.1")
    name = next(s.name for s in MODELS["UGxx"].suites if s.number == suite)
    version_name = ("SSL3.0", "TLS1.0", "TLS1.1", "TLS1.2")[version]
    assert taken(data) == {(version_name, name)}
    weak = version < 3 or suite in (0x0004, 0x0005, 0x000A)
    assert data["works"] and ("weak" in soft(data)) == weak
    assert ("allow_weak=True" in data["line"]) == weak
    assert (data["version"], data["suite"]) == (version_name, name)
    assert data["together"] == "%s %s" % (version_name, name)


def test_a_chain_and_its_root(certs, start, tmp_path, monkeypatch):
    # The root is shown, found in the PC's store, given, or unknown.
    chained = certs.chained
    nginx = start(servers.Nginx(certs, identity=chained))
    data = found(nginx.port, status=1)
    assert hard(data) == {"chain"} and "does not show the certificate of" in str(data["findings"])
    assert data["ca"] is None and data["lines"] == {}
    data = found(nginx.port, "--ca", certs.ca)
    assert [c["self_signed"] for c in data["chain"]] == [False, False]
    data = found(nginx.port, "--ca", certs.other_ca, status=1)
    assert hard(data) == {"chain"} and not data["ca"]["fits"]
    monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca))
    data = found(nginx.port, "--save", tmp_path / "ca.pem")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert data["ca"]["source"] == "store" and "public" in soft(data)
    assert (tmp_path / "ca.pem").read_bytes() == certs.ca.read_bytes()

    whole = Identity.__new__(Identity)
    whole.key, whole.cert = chained.key, tmp_path / "whole.pem"
    whole.cert.write_bytes(chained.cert_pem + certs.ca.read_bytes())
    nginx = start(servers.Nginx(certs, identity=whole))
    data = found(nginx.port)
    assert data["ca"]["source"] == "server" and len(data["chain"]) == 3
    leaf = x509.load_pem_x509_certificates(chained.cert_pem)[0]
    whole.cert.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    nginx = start(servers.Nginx(certs, identity=whole))
    data = found(nginx.port, "--ca", certs.ca, status=1)  # what is between is missing
    assert hard(data) == {"chain"} and "no certificate of the CA file has issued" in str(data)
    assert any("intermediate.pem > chain.pem" in step for step in data["steps"])


def make(tmp_path, name, **options):
    # An identity whose certificate is not as it should be.
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin, end = options.get("dates", (-1, 30))
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(now + begin * day).not_valid_after(now + end * day)
    for extension in options.get("extensions", ()):
        builder = builder.add_extension(extension, False)
    cert = builder.sign(key, options.get("hash", hashes.SHA256()))
    found = Identity.__new__(Identity)
    found.cert, found.key = tmp_path / (name + ".pem"), tmp_path / (name + ".key")
    found.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return found


def test_a_self_signed_certificate_is_its_own_ca(certs, start, tmp_path):
    own = make(tmp_path, "own")
    nginx = start(servers.Nginx(certs, identity=own))
    data = found(nginx.port, "--save", tmp_path / "ca.pem")
    assert data["works"] and data["ca"]["source"] == "server"
    assert (tmp_path / "ca.pem").read_bytes() == own.cert.read_bytes()
    assert {"name", "dates"} <= soft(data)  # it is for "own", and ends soon


def test_certificates_that_are_not_good(certs, start, tmp_path):
    usage = dict.fromkeys(
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only".split(),
        False,
    )
    signing = x509.KeyUsage(**dict(usage, digital_signature=True))
    for identity, what in (
        (certs.expired, "dates"),
        (certs.not_yet_valid, "dates"),
        (make(tmp_path, "signs", extensions=[signing]), "usage"),
    ):
        nginx = start(servers.Nginx(certs, identity=identity))
        ca = identity.cert if what == "usage" else certs.ca
        data = found(nginx.port, "--ca", ca, status=1)
        assert hard(data) == {what} and data["lines"] == {} and data["steps"], data
    other = make(tmp_path, "sha512", hash=hashes.SHA512())
    nginx = start(servers.Nginx(certs, identity=other))
    data = found(nginx.port)
    assert data["works"] and "hash" in soft(data)


def test_a_huge_chain(tmp_path):
    ca = trustme.CA(key_type=_KEY)
    issued = Identity(
        tmp_path,
        "huge",
        ca.issue_cert(*["host%04d.example" % i for i in range(3000)], key_type=_KEY),
    )
    root = tmp_path / "root.pem"
    ca.cert_pem.write_to_path(str(root))
    with tls_peer.TlsPeer(issued) as peer:
        data = found(peer.port, "--ca", root, "--no-ask")
        out, _ = check("localhost:%d" % peer.port, "--ca", root, "--no-ask", "--idle", 0)
    assert data["works"] and data["chain"][0]["bytes"] > 50000 and "size" in soft(data)
    assert max(len(line) for line in out.splitlines()) < 300


def test_a_client_certificate(certs, start):
    for server in (
        servers.Nginx(certs, {"index.html": b"x"}, client_ca=certs.ca),
        servers.Mosquitto(certs, client_ca=certs.ca),
    ):
        port = start(server).port
        ca = ("--ca", certs.ca)
        data = found(port, *ca, status=1)
        assert hard(data) == {"client"} and data["client_certificate"] == "required"
        assert 'cert="client.pem", key="client.key"' in data["line"] and data["lines"] == {}
        good = ("--cert", certs.client.cert, "--key", certs.client.key)
        data = found(port, *ca, *good)
        assert data["works"] and data["client_certificate_taken"] is True
        bad = ("--cert", certs.untrusted_client.cert, "--key", certs.untrusted_client.key)
        data = found(port, *ca, *bad, status=1)
        assert "client" in hard(data) and not data["works"], data
    with Openssl(
        certs.server, "-verify", "1", "-CAfile", certs.ca, "-tls1_2", "-cipher", "AES256-SHA"
    ) as s:
        data = found(s.port, "--ca", certs.ca)
    assert data["works"] and data["client_certificate"] == "optional"
    assert data["line"] == 'ctx = modem.tls(ca="ca.pem", suite="AES256-SHA")'


def test_mqtt_is_recognized(certs, start):
    data = found(start(servers.Mosquitto(certs)).port, "--ca", certs.ca)
    assert data["protocol"] == "mqtt" and data["works"]
    locked = start(servers.Mosquitto(certs, passwords={"a": "b"}))
    assert found(locked.port, "--ca", certs.ca)["protocol"] == "mqtt"


def test_how_long_it_keeps_an_idle_connection(certs):
    def serve(link):
        time.sleep(1)

    with tls_peer.TlsPeer(certs.server, serve=serve) as peer:
        data = found(peer.port, "--ca", certs.ca, "--no-ask", idle="30")
    assert 0.5 < data["idle_closed_after_s"] < 20
    assert ("idle" in soft(data)) == (data["idle_closed_after_s"] < 5)


def test_another_certificate_without_a_name(certs, start):
    both = SNI_ONLY.replace(
        "ssl_reject_handshake on;", "ssl_certificate %s; ssl_certificate_key %s;"
    )
    nginx = start(Conf(certs, both % (certs.chained.cert, certs.chained.key)))
    data = found(nginx.port, "--ca", certs.ca)
    assert data["works"] and "sni" in soft(data)


def test_openssl_as_it_comes(certs):
    # A server of TLS 1.2 and 1.3 with all that OpenSSL has by itself.
    with Openssl(certs.server) as server:
        data = found(server.port, "--ca", certs.ca)
    assert data["works"] and data["today"]["name"]["version"] == "TLS1.3"
    with Openssl(certs.server, "-cipher", "ECDHE") as server:
        data = found(server.port, "--ca", certs.ca, status=1)
    assert hard(data) == {"suites"} and "ECDHE" in str(data["findings"])


def test_what_is_no_tls_server(certs, start):
    def ssh(sock):
        sock.sendall(b"SSH-2.0-x\r\n")
        time.sleep(5)

    def stall(sock):
        time.sleep(60)

    def half(sock):
        # The beginning of a ServerHello, then a byte now and then.
        sock.recv(4096)
        sock.sendall(b"\x16\x03\x03\x00\x60\x02")
        while True:
            time.sleep(0.3)
            sock.sendall(b"\x00")

    def garbage(sock):
        sock.recv(4096)
        sock.sendall(b"\x16\x03\x03\x00\x05\x02\x00\x00\x01\xff")
        sock.recv(4096)

    def alert(sock):
        sock.recv(4096)
        sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")

    # Who answers gets the time for it.
    for serve, what in (
        (ssh, "tls"),
        (stall, "silent"),
        (half, "silent"),
        (garbage, "suites"),
        (alert, "suites"),
    ):
        with Raw(serve) as server:
            timeout = "1" if what == "silent" else "20"
            begin = time.monotonic()
            data = found(server.port, "--timeout", timeout, status=1)
            assert hard(data) == {what} and data["line"] == "", data
            assert (what == "suites") == ("clients of today as well" in str(data["findings"]))
            assert time.monotonic() - begin < 60
            out, _ = check("localhost:%d" % server.port, "--timeout", timeout, status=1)
            assert "NO  " in out and "It does not work" in out
    plain = start(servers.Mosquitto(certs)).plain_port
    data = found(plain, status=1)
    assert hard(data) == {"tls"} and data["steps"] and data["lines"] == {}


def test_a_server_that_falls_silent_in_the_middle(certs):
    # After three connections nothing more is answered: the rest is not tried, and it ends.
    count = []
    over = threading.Event()

    def wrap(link):
        count.append(1)
        if len(count) > 3:
            over.wait(60)
        peer._openssl(link)

    with tls_peer.TlsPeer(certs.server) as peer:
        peer._wrap = wrap
        begin = time.monotonic()
        data = found(peer.port, "--ca", certs.ca, "--timeout", "1", status=1)
        assert time.monotonic() - begin < 60
        over.set()
    assert any(t["taken"] == "not tried" for t in data["taken"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "The following arguments are required: HOST[:PORT]"),
        (["https://x.example/y"], "give the host alone, without https://: x.example"),
        (["x.example:0"], "'0' is no port from 1 to 65535"),
        (["x.example:port"], "'port' is no port"),
        (["x.example:99999"], "'99999' is no port"),
        ([":443"], "':443' is not HOST or HOST:PORT"),
        (["a b"], "'a b' is not HOST"),
        (["[::1"], "'[::1' is not HOST"),
        (["x" * 64 + ".example" * 40], "is not HOST or HOST:PORT"),
        (["x.example", "--model", "Z80"], "invalid choice: 'Z80'"),
        (["x.example", "--ca", "/nothing"], "can't read /nothing: No such file"),
        (["x.example", "--ca", "/"], "can't read /: Is a directory"),
        (["x.example", "--cert", __file__], "--cert and --key go together"),
        (["x.example", "--idle", "x"], "x is not a number of seconds"),
        (["x.example", "--timeout", "0"], "0 is not a number of seconds"),
        (["x.example", "--get", "index"], "'index' is no path"),
        (["x.example", "--lines", "iis"], "invalid choice: 'iis'"),
        (["x.example", "--name", "a b"], "'a b' is no host name"),
        (["no-such-host.invalid"], "can't connect to no-such-host.invalid: the name does not"),
        (["127.0.0.1:1", "--ca", __file__], "can't connect to 127.0.0.1 port 1: nothing listens"),
        (["[::1]:1"], "has an IPv6 address only"),
        (["127.0.0.1:1", "--cert", __file__, "--key", __file__], "holds no certificate"),
    ],
)
def test_a_mistake_is_one_sentence(words, said):
    out, err = check(*words, status=2)
    assert out == "" and err.startswith("check_server.py: ") and err.count("\n") == 1, err
    assert said.lower() in err.lower()


def test_files_that_are_no_good(certs, start, tmp_path):
    port = start(servers.Nginx(certs)).port
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    _, err = check("localhost:%d" % port, "--ca", bad, "--idle", 0, status=2)
    assert err == "check_server.py: %s can't be the CA: it holds no certificate (PEM).\n" % bad
    _, err = check(
        "localhost:%d" % port, "--cert", certs.client.cert, "--key", certs.server.key, status=2
    )
    assert "the client key does not belong to the client certificate" in err
    where = tmp_path / "no" / "ca.pem"
    _, err = check("localhost:%d" % port, "--ca", certs.ca, "--save", where, "--idle", 0, status=2)
    assert err == "check_server.py: Can't write %s: No such file or directory.\n" % where
    out, err = check("localhost:%d" % port, "--save", tmp_path / "x", "--idle", 0, status=2)
    assert err.startswith("check_server.py: There is no CA to save") and "NO  " in out
