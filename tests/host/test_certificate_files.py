# test_certificate_files - certificate and key files of all kinds, by openssl, through driver and
# simulated modem: each connects, or is refused by name before anything is sent.
# SPDX-License-Identifier: MIT

import contextlib
import os
import re
import shutil
import subprocess
import types

import pytest

import pem_kit
import pem_made
import servers
from interpreters import HERE, INTERPRETERS, ON_SOURCES, SOURCES
from pem_ca_files import BAD_CA, GOOD_CA
from pem_made import Kinds
from pem_pair_files import BAD_PAIR, GOOD_PAIR
from tls_peer import TlsPeer
from ugsim.net import pemfile

MODES = ("pem=strict", "pem=lenient")
# What must stand in no error: words of the file, or of what it is not.
NEVER = ("MII", "BAD", "Traceback", "|", "  ")
ROWS = [
    *[("good-ca", name) for name in GOOD_CA],
    *[("bad-ca", name) for name in BAD_CA],
    *[("good-pair", name) for name in GOOD_PAIR],
    *[("bad-pair", name) for name in BAD_PAIR],
]


@pytest.fixture(scope="session")
def kinds(tmp_path_factory):
    return Kinds(tmp_path_factory.mktemp("pem"))


@pytest.fixture(scope="session")
def peers(kinds):
    # Servers: one that anybody may use, one that wants a client of the CA.
    def identity(name):
        return types.SimpleNamespace(cert=kinds.path(name + ".pem"), key=kinds.path(name + ".key"))

    with contextlib.ExitStack() as stack:
        yield {
            "plain": stack.enter_context(TlsPeer(identity("server"))),
            "pair": stack.enter_context(
                TlsPeer(identity("server"), client_ca=kinds.path("ca.pem"))
            ),
            "far": stack.enter_context(TlsPeer(identity("far"))),
        }


@pytest.fixture(scope="session")
def attempt(peers, tmp_path_factory):
    # attempt(interpreter, {name: row}, modes) -> {mode: {name: result}}, see pem_client.
    def attempt(interpreter, rows, modes=MODES, plain="plain"):
        folder = tmp_path_factory.mktemp("rows")
        ports = {"plain": peers[plain].port, "pair": peers["pair"].port}
        table = {"modes": modes, "ports": ports, "rows": rows}
        return pem_kit.results(interpreter, folder, table)

    return attempt


@pytest.fixture(scope="session")
def rows(kinds):
    # {group-name: row} of all the files.
    ca = str(kinds.path("ca.pem"))
    found = {}
    for name, make in GOOD_CA.items():
        path = pem_made.write(kinds.folder, make(kinds))
        found["good-ca", name] = {"files": {"ca": str(path)}}
    for name, (make, _) in BAD_CA.items():
        path = pem_made.write(kinds.folder, make(kinds))
        found["bad-ca", name] = {"files": {"ca": str(path)}}
    pairs = {name: ("good-pair", make) for name, make in GOOD_PAIR.items()}
    pairs.update({name: ("bad-pair", row[0]) for name, row in BAD_PAIR.items()})
    for name, (group, make) in pairs.items():
        cert, key = make(kinds)
        cert = pem_made.write(kinds.folder, cert)
        key = pem_made.write(kinds.folder, key)
        found[group, name] = {"files": {"ca": ca, "cert": str(cert), "key": str(key)}}
    return found


@pytest.fixture(scope="session", params=list(INTERPRETERS))
def results(request, attempt, rows):
    named = {"%s/%s" % key: row for key, row in rows.items()}
    return attempt(request.param, named)


def test_there_are_many():
    assert len(ROWS) == len(set(ROWS)) > 100


@pytest.mark.parametrize(("group", "name"), ROWS)
def test_a_file(results, rows, kinds, group, name):
    for mode in MODES:
        result = results[mode]["%s/%s" % (group, name)]
        files = rows[group, name]["files"]
        if group.startswith("good"):
            assert result["error"] == "", mode
            good(result["files"], files, kinds)
        elif group == "bad-ca":
            refused(result, "ca", files["ca"], BAD_CA[name][1])
        else:
            _, which, words = BAD_PAIR[name]
            refused(result, which, files[which], words)


def good(uploaded, files, kinds):
    # What went up is what strict code takes, and the same certificates and key.
    for text in uploaded:
        for label, der in pemfile.blocks(text.encode()):
            assert label in ("CERTIFICATE", "PRIVATE KEY", "RSA PRIVATE KEY")
            head, *body, tail, end = text.split("\n")[: text.count("\n") + 1]
            assert head.startswith("-----BEGIN ") and tail.startswith("-----END ") and not end
            assert max(len(row) for row in body) == 64
            kind = "x509" if label == "CERTIFICATE" else "pkey"
            pem_made.openssl(kind, "-inform", "DER", "-noout", data=der)
    wanted = ["CERTIFICATE"] + ["CERTIFICATE", "KEY"] * ("key" in files)
    labels = [re.search(r"BEGIN .*?(\w+)-----", text)[1] for text in uploaded]
    assert sorted(labels) == sorted(wanted)
    ders = [der for text in uploaded for _, der in pemfile.blocks(text.encode())]
    ours = kinds.ca if "key" not in files else kinds.path("ca.pem").read_bytes()
    assert pemfile.blocks(ours)[0][1] in ders


def refused(result, phase, path, words):
    assert result["kind"] == "Refused" and result["errno"] == 22 and result["sent"] == 0, result
    error = result["error"]
    file = path.rpartition("/")[2]
    kind = "key" if phase == "key" else "certificate"
    assert "%s: the %s (%s) " % (phase, kind, file) in error
    for word in words.format(file).split("|"):
        assert word in error, (word, error)
    for word in NEVER:
        assert word not in error, (word, error)


# --- the commands that the errors name ---


def commands():
    # (group, name, which of the files) of the rows whose error has a command that mends it.
    for name, (_, words) in BAD_CA.items():
        if " new.pem" in words:
            yield "bad-ca", name, "ca"
    for name, (_, which, words) in BAD_PAIR.items():
        if " new." in words:
            yield "bad-pair", name, which


@pytest.fixture(scope="session")
def mended(attempt, results, rows, tmp_path_factory):
    # The results after the commands were run as they stand in the errors.
    again = {}
    programs = [servers.program(name) for name in ("openssl", "bunzip2", "unxz", "xxd")]
    path = [os.environ["PATH"], *(str(program.parent) for program in programs)]
    env = dict(os.environ, PATH=os.pathsep.join(path))
    for group, name, which in commands():
        folder = tmp_path_factory.mktemp("mend")
        files = dict(rows[group, name]["files"])
        shutil.copy(files[which], folder)
        command = results[MODES[0]]["%s/%s" % (group, name)]["error"].rpartition(": ")[2]
        new = folder / ("new.key" if which == "key" else "new.pem")
        if command.startswith("openssl pk"):  # what it would ask
            command += " -passin pass:" + pem_made.PASSWORD if "pkcs7" not in command else ""
        subprocess.run(command, shell=True, cwd=folder, env=env, check=True, capture_output=True)
        files[which] = str(new)
        again["%s/%s" % (group, name)] = {"files": files}
    return attempt("cpython", again)


@pytest.mark.parametrize(("group", "name", "which"), list(commands()))
def test_the_command_in_the_error_makes_a_right_file(mended, group, name, which):
    for mode in MODES:
        result = mended[mode]["%s/%s" % (group, name)]
        assert result["error"] == ""


# --- what differs from modem to modem, and dates ---


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_an_intermediate_or_the_server_itself_as_ca(attempt, kinds, interpreter):
    # Strict firmware refuses it, which the driver can't know: diagnose() says it.
    kinds.path("both.pem").write_bytes(kinds.inner + kinds.ca)
    table = {"server": {"files": {"ca": str(kinds.path("server.pem"))}}}
    found = attempt(interpreter, table, ["anchor=root", "anchor=any"])
    assert found["anchor=any"]["server"]["error"] == ""
    result = found["anchor=root"]["server"]
    assert result["errno"] and result["sent"] and "diagnose" in result["error"], result


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_a_client_with_an_ec_key(attempt, kinds, interpreter):
    # The handshake's suites are RSA's, the client's signature might be another: diagnose() tells.
    # The point of its public key may be written in two ways.
    short = pem_made.openssl("ec", "-conv_form", "compressed", "-in", kinds.path("ec.key"))
    kinds.put("ec-short.key", short)
    rows = {}
    for key in ("ec.key", "ec-short.key"):
        files = {"ca": "ca.pem", "cert": "ec.pem", "key": key}
        rows[key] = {"files": {what: str(kinds.path(name)) for what, name in files.items()}}
    for results in attempt(interpreter, rows).values():
        for result in results.values():
            assert result["kind"] != "Refused" and result["sent"], result


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_dates_beyond_2049(attempt, kinds, interpreter):
    # In the other form of RFC 5280 (GeneralizedTime).
    text = pem_made.openssl("x509", "-noout", "-enddate", "-in", kinds.path("far-ca.pem"))
    assert int(text.split()[-2]) > 2100
    row = {"files": {"ca": str(kinds.path("far-ca.pem"))}}
    for result in attempt(interpreter, {"far": row}, plain="far").values():
        assert result["far"]["error"] == ""


# --- memory ---


@pytest.mark.parametrize("form", ["CR LF", "text between", "one row", "no end", "no PEM"])
@pytest.mark.parametrize("interpreter", ["micropython", "micropython32"])
def test_a_file_larger_than_the_heap(kinds, interpreter, form, tmp_path):
    # What it takes does not depend on the size of the file.
    part = kinds.ca
    if form == "CR LF":
        part = part.replace(b"\n", b"\r\n")
    elif form == "text between":
        part = b"# text\n" * 20 + part
    elif form == "one row":
        part = GOOD_CA["one row"](kinds)
    elif form == "no end":
        part = b"-----BEGIN CERTIFICATE-----\n" + b"A" * 220000
    elif form == "no PEM":
        part = b"\n" * 220000
    count = 220000 // len(part) + 1
    (tmp_path / "ca.pem").write_bytes(part * count)
    # It looks inside, so at the sources.
    argv, env = {**INTERPRETERS, **SOURCES}[ON_SOURCES.get(interpreter, interpreter)]()
    env["QSSL_PEM"] = str(tmp_path / "ca.pem")
    done = subprocess.run(
        [argv[0], "-X", "heapsize=200k", str(HERE / "support/pem_heap.py")],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not done.returncode, done.stdout + done.stderr
    size, most = [int(n) for n in done.stdout.split()[-2:]]
    assert size == (len(kinds.ca) * count if "no" not in form.split() else 0)
    assert most < (8192 if interpreter == "micropython" else 4096), most
