# test_ca - tools/ca.py and the openssl commands of docs/certificates.md: what they make is right.
# SPDX-License-Identifier: MIT

import datetime
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

import setup
import tool
from qca import make

PAGE = (setup.ROOT / "docs/certificates.md").read_text()
NOW = datetime.datetime.now(datetime.timezone.utc)


def run(folder, *words, status=0, before=()):
    # before: words of a program that becomes this one.
    argv = [*before, sys.executable, setup.ROOT / "tools/ca.py", *words]
    argv = [str(word) for word in argv]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    if status == 2:
        assert done.stderr.startswith("ca.py: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stdout + done.stderr


def cert(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def days(path):
    return round((cert(path).not_valid_after_utc - NOW).total_seconds() / 86400)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    # By the commands of the page; the folder with the files.
    folder = tmp_path_factory.mktemp("ca")
    part = PAGE.partition("## By one command each")[2].partition("## The same")[0]
    commands = re.findall(r"^ {4}python3 tools/ca.py (.*)$", part, re.M)
    assert len(commands) == 4
    for command in commands:
        run(folder, *command.split())
    return folder / "tls"


@pytest.fixture(scope="module")
def by_openssl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openssl")
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S):
        done = subprocess.run(
            ["sh", "-euc", block], cwd=folder, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, block + done.stderr
    return folder


def check(ca, server, client):
    for path, issuer in ((ca, ca), (server, ca), (client, ca)):
        found = cert(path)
        assert isinstance(found.public_key(), rsa.RSAPublicKey)
        assert found.public_key().key_size == 2048
        assert isinstance(found.signature_hash_algorithm, hashes.SHA256)
        found.verify_directly_issued_by(cert(issuer))
        assert found.not_valid_after_utc.year < 2050
    purposes = [
        list(cert(path).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        for path in (server, client)
    ]
    assert purposes == [[ExtendedKeyUsageOID.SERVER_AUTH], [ExtendedKeyUsageOID.CLIENT_AUTH]]
    usage = cert(server).extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_encipherment and usage.digital_signature
    names = cert(server).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "server.example" in names.get_values_for_type(x509.DNSName)


def test_what_the_tool_makes_is_as_it_has_to_be(made):
    check(made / "ca.pem", made / "server.example.pem", made / "device-17.pem")
    basic = cert(made / "ca.pem").extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.value.ca and basic.critical
    assert cert(made / "ca.pem").not_valid_before_utc < NOW
    assert (days(made / "server.example.pem"), days(made / "device-17.pem")) == (825, 3650)


def test_what_openssl_makes_is_as_it_has_to_be(by_openssl):
    client = by_openssl / "client.pem"
    text = subprocess.run(
        ["openssl", "verify", "-CAfile", "ca.pem", "server.pem", "client.pem"],
        cwd=by_openssl,
        capture_output=True,
        text=True,
    )
    assert text.stdout == "server.pem: OK\nclient.pem: OK\n", text.stderr
    for path, purpose in ((by_openssl / "server.pem", 0), (client, 1)):
        found = cert(path).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        wanted = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)[purpose]
        assert list(found) == [wanted]
        assert isinstance(cert(path).signature_hash_algorithm, hashes.SHA256)
    ca = cert(by_openssl / "ca.pem")
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert days(by_openssl / "ca.pem") == 7300


@pytest.mark.parametrize("which", ["made", "by_openssl"])
def test_a_device_connects_with_them(which, request, tmp_path):
    # The driver, through the simulated modem, to a server that asks for the device's certificate.
    folder = request.getfixturevalue(which)
    server, client = ("server.example", "device-17") if which == "made" else ("server", "client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA256")
    context.load_cert_chain(folder / (server + ".pem"), folder / (server + ".key"))
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    told = []

    def serve():
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as sock:
            told.append(dict(pair[0] for pair in sock.getpeercert()["subject"])["commonName"])
            sock.recv(100)
            sock.sendall(b"hello, device")

    script = tmp_path / "script.py"
    script.write_text(
        "import board\n"
        "modem = board.modem()\n"
        "modem.start(apn='internet')\n"
        "modem.clock(board.utc())\n"
        "names = [board.setting(name) for name in ('ca', 'cert', 'key')]\n"
        "ctx = modem.tls(ca=names[0], cert=names[1], key=names[2])\n"
        "sock = modem.connect(board.setting('host'), board.setting('port', 1), ctx)\n"
        "sock.write(b'?')\n"
        "print(sock.read())\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        settings = ["host=127.0.0.1", "port=%d" % listener.getsockname()[1]]
        for name, file in (("ca", "ca.pem"), ("cert", client + ".pem"), ("key", client + ".key")):
            settings.append("%s=%s" % (name, folder / file))
        temp = tmp_path / "tmp"
        temp.mkdir()
        status, out, err = tool.run(temp, "run.py", "--baud", "0", script, "--", *settings)
        thread.join(10)
    assert (status, out) == (0, "b'hello, device'\n"), err
    assert told == ["device-17"]


def test_files_are_for_the_owner_alone(made):
    assert made.stat().st_mode & 0o777 == 0o700
    for path in made.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_a_renewal_keeps_key_and_name(tmp_path):
    run(tmp_path, "init", "--days", "400", "--name", "Greenhouse")
    run(tmp_path, "server", "a.example", "192.0.2.7", "--days", "5")
    folder = tmp_path / "tls"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    old, old_ca = cert(folder / "a.example.pem"), cert(folder / "ca.pem")
    said = run(tmp_path, "list", status=1)
    assert re.search(r"a\.example +server  until .* : ca.py renew a.example\n", said)
    said = run(tmp_path, "renew", "a.example")
    assert "note: good until" in said  # no longer than the CA
    run(tmp_path, "renew", "ca", "--days", "800")
    new, new_ca = cert(folder / "a.example.pem"), cert(folder / "ca.pem")
    assert days(folder / "a.example.pem") == 400 and days(folder / "ca.pem") == 800
    assert new.subject == old.subject and new.public_key() == old.public_key()
    assert new.serial_number != old.serial_number
    names = [
        found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for found in (old, new)
    ]
    assert names[0] == names[1]
    new.verify_directly_issued_by(new_ca)
    old.verify_directly_issued_by(new_ca)  # what is out there stays good
    assert new_ca.subject == old_ca.subject
    for name in ("ca.key", "a.example.key"):
        assert (folder / name).read_bytes() == before[name]
    assert sorted(before) == sorted(path.name for path in folder.iterdir())
    assert "renew" not in run(tmp_path, "list")


def test_a_ca_with_an_identifier_of_its_own(tmp_path):
    # That of another program, or of tools/receiver: what names the CA's key is what its
    # certificate says, and stays so when that is renewed.
    folder = tmp_path / "tls"
    folder.mkdir()
    key, name = make.key(), make.name("theirs")
    of_ca = (name, name, key.public_key(), key, make.CA, NOW, make.LAST)
    ca = make.sign(*of_ca, small=True)
    (folder / "ca.pem").write_bytes(make.pem(ca))
    (folder / "ca.key").write_bytes(make.key_pem(key))
    run(tmp_path, "server", "a.example")
    run(tmp_path, "renew", "ca")
    run(tmp_path, "server", "b.example")
    run(tmp_path, "renew", "a.example")
    (tmp_path / "old.pem").write_bytes(make.pem(ca))
    for by in (tmp_path / "old.pem", folder / "ca.pem"):
        for of in ("a.example.pem", "b.example.pem"):
            subprocess.run(["openssl", "verify", "-CAfile", by, folder / of], check=True)


def test_nothing_is_overwritten(made):
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    for words in (["init"], ["server", "server.example"], ["client", "device-17"]):
        said = run(made.parent, *words, status=2)
        assert "is there already and stays as it is" in said
    (made / "ca.key").rename(made / "x")
    said = run(made.parent, "init", status=2)
    assert "tls/ca.pem is there already" in said
    (made / "x").rename(made / "ca.key")
    assert before == {path.name: path.read_bytes() for path in made.iterdir()}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "The following arguments are required: COMMAND"),
        (["make"], "invalid choice: 'make'"),
        (["server"], "The command server wants the server's name or address"),
        (["client"], "The command client wants the device's name"),
        (["client", "a", "b"], "The command client takes no b"),
        (["server", "a.example"], "There is no CA in tls: make one with `ca.py init`"),
        (["server", "https://a.example"], "https://a.example is no host name and no address"),
        (["server", "a.example", "b c"], "b c is no host name"),
        (
            ["server", "a.example:8883"],
            "a.example:8883 is no host name and no address; give it as",
        ),
        (["server", "192.0.2.300"], "192.0.2.300 is no host name"),
        (["server", "a..example"], "a..example is no host name"),
        (["server", ".example"], ".example is no host name"),
        (["server", "a-.example"], "a-.example is no host name"),
        (["server", "a.example", "b.*.example"], "b.*.example is no host name"),
        (["server", "a" * 64 + ".example"], ".example is no host name"),
        (["server", "gr\u00fcn.example"], "is no host name"),
        (["client", "../../x"], "../../x can't be a name"),
        (["client", "a" * 65], "can't be a name: at most 64"),
        (["client", "ca"], "The name ca is the CA's"),
        (["renew", "x"], "There is no CA in tls"),
        ([], "The following arguments are required: COMMAND. See"),
        (["list"], "There is nothing in tls: `ca.py init`"),
        (["init", "--days", "0"], "0 is not a number from 1"),
        (["init", "--days", "x"], "x is not a number from 1"),
        (["init", "--name", "x" * 65], "The CA's name has to be of 1 to 64"),
        (["client", "a", "--name", "x"], "--name goes with init"),
        (["list", "--days", "3"], "--days goes with what makes a certificate"),
        (["init", "--folder", "/proc/nothing"], "Can't use /proc/nothing: "),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, words, said):
    assert said.lower() in run(tmp_path, *words, status=2).lower()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


WRITES = """
import sys
sys.path[:0] = [%r]
from pathlib import Path
from qca import main
from qshared.problem import Problem
from receiver import keys
for write in (
    lambda: main._write((Path("small"), b"x"), (Path("large"), b"x" * 2000)),
    lambda: keys.write(Path("large"), b"x" * 2000),
):
    try:
        write()
    except Problem as e:
        print(e)
"""


# Never a limit of this process itself: others start from it at any time.
SMALL_FILES = ("prlimit", "--fsize=1000")


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    # What is written in part would be taken for all, and be in the way.
    folder = tmp_path / "tls"
    folder.mkdir()
    run(folder, "init")
    there = sorted(folder.rglob("*"))
    said = run(folder, "server", "x.example", status=2, before=SMALL_FILES)
    assert "Can't write" in said and "x.example.key: File too large" in said
    run(folder, "renew", "ca", status=2, before=SMALL_FILES)
    argv = [*SMALL_FILES, sys.executable, "-B", "-c", WRITES % str(setup.ROOT / "tools")]
    said = subprocess.check_output(argv, cwd=tmp_path, text=True)
    assert said.count("Can't write") == 2, said
    assert sorted(folder.rglob("*")) == there and list(tmp_path.iterdir()) == [folder]
    run(folder, "server", "x.example")


def test_dates_end_in_2049(tmp_path):
    said = run(tmp_path, "init", "--days", "20000")
    assert "note: good until 2049-12-31 only" in said
    assert cert(tmp_path / "tls/ca.pem").not_valid_after_utc.year == 2049


def test_files_that_are_no_good_are_told(tmp_path):
    run(tmp_path, "init")
    folder = tmp_path / "tls"
    run(tmp_path, "init", "--folder", "other")
    key = (folder / "ca.key").read_bytes()
    shutil.copy(tmp_path / "other/ca.key", folder / "ca.key")
    assert "don't belong together" in run(tmp_path, "client", "a", status=2)
    (folder / "ca.key").write_bytes(b"x")
    assert "is no private key in PEM" in run(tmp_path, "client", "a", status=2)
    (folder / "ca.key").write_bytes(key)
    (folder / "ca.pem").write_bytes(b"x")
    assert "is no certificate in PEM" in run(tmp_path, "client", "a", status=2)
