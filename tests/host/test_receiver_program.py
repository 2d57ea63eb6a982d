# test_receiver_program - tools/receiver as a program: its commands, what they make and refuse.
# SPDX-License-Identifier: MIT

import hmac
import io
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import setup
from patience import LIMIT_S, until
from qshared.problem import Problem
from receiver import keys, main, messages, options, serve
from receiver import store as db
from receiver_kit import Receiver, batch


@pytest.fixture
def signals():
    # As they were.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


def test_what_cannot_be_is_one_sentence(receiver, tmp_path, certs, capsys, monkeypatch, signals):
    monkeypatch.setattr(serve, "_logging", lambda: None)

    def run(*words):
        argv = [str(w) for w in words] + ["--folder", str(tmp_path / "data")]
        try:
            status = main.main(argv)
        except SystemExit as e:
            status = e.code
        out, err = capsys.readouterr()
        assert (status, out) == (2, "") and err.count("\n") == 1, out + err
        assert err.startswith("receiver"), err
        return err

    (tmp_path / "bad").write_text("no certificate")
    cert = ["--cert", certs.server.cert, "--key", certs.server.key]
    here = ["--page", "127.0.0.1:0"]
    taken = "127.0.0.1:%d" % receiver.port
    assert "--listen %s can't be used" % taken in run("--listen", taken, *here, *cert)
    for words, text in (
        (["--cert", tmp_path / "none", "--key", certs.server.key], "there is no such file"),
        (["--cert", tmp_path / "bad", "--key", certs.server.key], "can't be used"),
        (["--cert", certs.server.cert, "--key", certs.client.key], "can't be used"),
        (["--cert", certs.server.cert], "go together"),
        (["--database", "mysql://x/y"], "neither sqlite"),
        (["--database", "nothing"], "neither sqlite"),
        (["--database", "sqlite:////no/such/folder/x.db"], "can't be made"),
        (["--database", "postgresql://u:secret@127.0.0.1:9/x"], "can't be used"),
        (["--listen", "8443"], "not HOST:PORT"),
        (
            ["--mqtt", "http://x", "--listen", "127.0.0.1:0", *here, *cert],
            "--mqtt: it has to be like mqtts://",
        ),
        (["--max-body", "-1"], "no number"),
        (["--max-body", "0"], "no number from 4096"),
        (["--keep-days", "99999"], "no number from 0 to 36525"),
        (["device", "add", "north."], "first and last is a letter or digit"),
        (["nothing"], "invalid choice"),
        (["--listen", "127.0.0.1:0", "nothing"], "invalid choice"),
        (["device"], "are required: add|list|token|remove."),
    ):
        last = run(*words)
        assert text in last and "secret" not in last, last
    (tmp_path / "data/receiver.db").write_bytes(b"this is no database" * 100)
    assert "not a database" in run()
    for text, wanted in (
        ("pge = 1", "is it page"),
        ("page =", "no TOML"),
        ("page = 1", "HOST:PORT"),
    ):
        (tmp_path / "data/receiver.toml").write_text(text)
        assert wanted in run()


def test_settings_from_file_and_environment(tmp_path, monkeypatch):
    (tmp_path / "receiver.toml").write_text(
        'max-body = 7777\nlisten = "127.0.0.1:1"\nmqtt = "mqtt://a"'
    )
    monkeypatch.setenv("QSSL_RECEIVER_LISTEN", "[::1]:2")
    monkeypatch.setenv("QSSL_RECEIVER_MQTT", "mqtt://b")
    chosen = options.parse(["--folder", str(tmp_path), "--mqtt", "mqtt://c"])
    assert chosen.command == "serve" and chosen.max_body == 7777
    assert (chosen.listen, chosen.mqtt, chosen.page) == (
        ("::1", 2),
        "mqtt://c",
        ("127.0.0.1", 8080),
    )


def test_the_first_start_makes_what_it_needs(tmp_path):
    # By the program itself, with its own certificate; Ctrl-C and SIGTERM end it.
    folder = tmp_path / "data"
    tool_argv = [sys.executable, setup.ROOT / "tools/receiver", "--folder", folder]
    words = ["--listen", "127.0.0.1:0", "--page", "127.0.0.1:0"]
    for number in (signal.SIGINT, signal.SIGTERM):
        with open(tmp_path / "log", "w") as log:
            process = subprocess.Popen([*tool_argv, *words], stdout=log, stderr=log)
        try:
            until(lambda: "ready" in (tmp_path / "log").read_text())
            port = re.search(r"https://127.0.0.1:(\d+)/in", (tmp_path / "log").read_text())[1]
            ctx = ssl.create_default_context(cafile=folder / "ca.pem")
            ctx.maximum_version = ssl.TLSVersion.TLSv1_2
            ctx.set_ciphers("AES128-SHA")
            with socket.create_connection(("127.0.0.1", int(port)), LIMIT_S) as plain:
                with ctx.wrap_socket(plain, server_hostname="localhost"):
                    process.send_signal(number)  # while somebody is connected
                    assert process.wait(LIMIT_S) == 0
        finally:
            process.kill()
        lines = (tmp_path / "log").read_text().splitlines()
        assert "nobody can log in yet" in "".join(lines) and lines[-1].endswith("stopped")
        others = [s for s in lines if not re.match(r"\d{4}-\d\d-\d\d [\d:,]+ INFO ", s)]
        assert others == []
    for name in ("ca.key", "server.key", "master.key", "receiver.db"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name


def test_commands(receiver, capsys):
    def run(*words):
        status = main.main([*words, "--folder", str(receiver.folder), "--database", receiver.url])
        return status, *capsys.readouterr()

    status, out, err = receiver.run("device", "add", "cmd-1")
    token, key = re.findall(r"^(?:token|key) +(\S+)$", out, re.M)
    assert (status, err) == (0, "") and len(key) == 64
    assert receiver.post(None, batch(1, 2), path="/in/" + token) == (204, None)
    said = "receiver: There is a device cmd-1 already.\n"
    assert run("device", "add", "cmd-1") == (2, "", said)
    assert run("device", "add", "<b>")[0] == 2
    assert re.search(r"^cmd-1 +20\d\d-", run("device", "list")[1], re.M)
    assert run("send", "cmd-1", "hello")[1] == "message 1 waits for cmd-1\n"
    assert run("send", "cmd-1", "[", "--kind", "settings")[0] == 2
    assert run("send", "none", "hello")[0] == 2
    (message,) = receiver.post(None, {"ack": 0}, path="/in/" + token)[1]["messages"]
    text = "qssl1\ncmd-1\n1\nmessage\n%d\nhello" % message["until"]
    assert message["mac"] == hmac.new(bytes.fromhex(key), text.encode(), "sha256").hexdigest()
    # A new token, and the old one is worth nothing; deleted records stay known.
    token = re.search(r"^token +(\S+)$", run("device", "token", "cmd-1")[1], re.M)[1]
    assert run("prune", "all")[1].endswith(" records deleted\n")
    assert receiver.post(None, batch(1, 3), path="/in/" + token) == (204, None)
    assert receiver.ids() == [3]
    assert run("device", "remove", "cmd-1")[0] == 0 and receiver.ids() == []
    assert run("device", "remove", "cmd-1")[0] == 2


def test_settings_may_stand_before_the_command():
    for words in (["--folder", "x", "device", "add", "n1"], ["--folder=x", "device", "add", "n1"]):
        chosen = options.parse([*words, "--mqtt-prefix", "p"])
        assert (chosen.command, chosen.verb, chosen.who) == ("device", "add", ["n1"])
        assert (str(chosen.folder), chosen.mqtt_prefix) == ("x", "p")
    assert options.parse(["--folder", "device"]).command == "serve"


def test_keys_are_on_the_disk_before_they_are_used(tmp_path, monkeypatch):
    # A power cut after the first start must not leave an empty master.key.
    synced = []

    def fsync(fd):
        path = Path(os.readlink("/proc/self/fd/%d" % fd))
        synced.append((path.name, path.stat().st_size if path.is_file() else None))

    monkeypatch.setattr(os, "fsync", fsync)
    keys.master(tmp_path)
    assert synced == [("master.key", 65), (tmp_path.name, None)]
    synced.clear()
    keys.replace(tmp_path / "x", b"abc")
    assert synced == [("x.new", 3), (tmp_path.name, None), (tmp_path.name, None)]


def test_a_disk_that_is_full_says_what_to_do(tmp_path, capsys, monkeypatch):
    def full(*_):
        raise db.Gone("database or disk is full")

    assert main.main(["device", "add", "n1", "--folder", str(tmp_path)]) == 0
    monkeypatch.setattr(db, "prune", full)
    assert main.main(["prune", "30", "--folder", str(tmp_path)]) == 2
    assert "disk is full. Make some room on its disk first" in capsys.readouterr().err


def test_what_is_refused_makes_nothing(tmp_path, capsys, monkeypatch, signals):
    # No folder, no database, no keys: they would be those of a receiver that nobody wanted.
    monkeypatch.setattr(serve, "_logging", lambda: None)
    data = tmp_path / "data"
    (tmp_path / "bad").write_text("no certificate")
    files = ["--files", tmp_path / "files", "--address", "r.example"]
    lone = ["send", "n1", "hi"], ["device", "list"], ["device", "token", "n1"], ["prune", "3"]
    lone += ["device", "remove", "n1"], ["user", "list"], ["program", "remove", "p"]
    lone += (["retire", "--mqtt", "mqtt://127.0.0.1:1"],)
    for words, text in (
        *[(words, "There is no %s: say --folder" % (data / "receiver.db")) for words in lone],
        (["device", "add", "../x"], "A name has 1 to 64"),
        (["device", "add", "n1", *files, "--like", tmp_path / "none"], "Can't read"),
        (["device", "add", "n1", *files, "--like", tmp_path / "bad"], "no JSON object"),
        (["user", "add", "anna"], "10 characters"),
        (["serve", "--cert", tmp_path / "bad", "--key", tmp_path / "bad"], "can't be used"),
        (["send", "n1", "{", "--kind", "settings"], "."),
        (["broker", "--cert", "x"], "--cert and --key go together"),
        (["serve", "--database", "mysql://x"], "neither sqlite"),
        (["user", "list", "--database", "mysql://x"], "neither sqlite"),
        (
            ["program", "add", "p", "--database", "sqlite:///%s" % (tmp_path / "bad")],
            "can't be used",
        ),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
        try:
            status = main.main([str(word) for word in words] + ["--folder", str(data)])
        except SystemExit as e:
            status = e.code
        out, err = capsys.readouterr()
        assert (status, out) == (2, "") and err.count("\n") == 1 and text in err, (words, err)
        assert not data.exists() and not (tmp_path / "files").exists(), words
    # Nor a key for a device that nobody knows.
    assert main.main(["program", "add", "p", "--folder", str(data)]) == 0
    before = sorted(data.iterdir())
    for words in (["send", "n1", "hi"], ["device", "token", "n1"], ["device", "remove", "n1"]):
        assert main.main([*words, "--folder", str(data)]) == 2
        assert "There is no device n1." in capsys.readouterr().err
        assert sorted(data.iterdir()) == before and not (data / "master.key").exists(), words


def test_accounts_and_what_is_refused(tmp_path, capsys, monkeypatch):
    def run(*words, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            status = main.main([*words, "--folder", str(tmp_path)])
        except SystemExit as e:
            status = e.code
        return status, *capsys.readouterr()

    def refused(text, *words):
        status, out, err = run(*words)
        assert (status, out) == (2, "") and err.count("\n") == 1 and text in err, (out, err)

    password = "a long password\n"
    assert run("user", "add", "anna", stdin=password)[1] == "anna may log in to the page.\n"
    assert run("user", "add", "anna", stdin=password)[1] == "anna has a new password.\n"
    # A program of that name must not take the place of a person, nor the other way round.
    refused("anna is the name of a user already", "program", "add", "anna")
    refused("There is no program anna", "program", "remove", "anna")
    assert run("program", "add", "robot")[1].count("\n") == 1
    assert "is of no use any more" in run("program", "add", "robot")[1]
    refused("There is no user robot", "user", "remove", "robot")
    assert run("user", "list")[1] == "anna\n" and run("program", "list")[1] == "robot\n"
    assert run("program", "remove", "robot")[:2] == (0, "robot is gone.\n")
    assert run("device", "add", "n1")[0] == 0
    for hours in ("0", "-5", "8785", "99999999999999999999", "x", "\u00b2"):
        refused("no number", "send", "n1", "hi", "--hours=" + hours)
    for days in ("x", "0", "36526", "9" * 30):
        refused("no number", "prune", days)
    refused("no number", "prune", "--", "-5")
    refused("JSON object", "send", "n1", "[1]", "--kind", "settings")
    for number in ("NaN", "-Infinity", "1e999"):
        refused("number that JSON", "send", "n1", '{"a": %s}' % number, "--kind", "settings")
    refused("is no number", "send", "n1", '{"a": [1]}', "--kind", "settings")
    assert messages.checked("settings", {"a": None, "b": 1.5}) == '{"a":null,"b":1.5}'
    refused("is not HOST:PORT", "serve", "--listen", "h:\u00b2")
    assert run("send", "n1", "hi", "--hours", "8784")[1] == "message 1 waits for n1\n"


def test_the_certificate_that_it_makes(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    said = []

    def certificate(*words):
        chosen = options.parse([*words, "--folder", str(folder)])
        cert, _ = keys.certificate(chosen, said.append)
        loaded = x509.load_pem_x509_certificate(cert.read_bytes())
        hosts = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return loaded, [str(one.value) for one in hosts]

    where = ["device", "add", "n1", "--files", "f", "--address", "r.example"]
    # docs/bill.md says what it costs: each connection carries it.
    whose, _ = certificate("--names", "server.example,localhost,127.0.0.1")
    size = len(whose.public_bytes(Encoding.DER))
    page = (setup.ROOT / "docs/bill.md").read_text()
    kit = (setup.ROOT / "tools/qsoak/bill.py").read_text()
    assert "`server.example`, %d bytes," % size in page and "chain=%d," % size in page
    assert "_CHAIN = %d " % size in kit
    strictly = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"]
    subprocess.run([*strictly, folder / "ca.pem", folder / "server.pem"], check=True)
    for file in list(folder.iterdir()):
        file.unlink()
    said.clear()
    first, hosts = certificate(*where)
    assert hosts == ["r.example", "localhost", "127.0.0.1"] and "made a CA" in said.pop()
    # Boards have this CA from now on: another name makes no other one.
    ca = (folder / "ca.pem").read_bytes()
    assert certificate("--names", "R.example,127.0.0.1")[0] == first and not said
    assert certificate(*where)[0] == certificate("serve")[0] == first and not said
    certificate(*where[:-1], "t.example")
    assert "server.pem is not for t.example: move it away" in said.pop()
    assert certificate("--names", "s.example,127.0.0.1")[0] == first
    (text,) = said
    assert "server.pem is not for s.example: move it away" in text
    (folder / "server.pem").rename(folder / "old.pem")
    again, hosts = certificate("--names", "s.example,127.0.0.1")
    assert hosts == ["s.example", "127.0.0.1"] and len(said) == 1
    assert (folder / "ca.pem").read_bytes() == ca
    again.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))
    # Without the CA's key there is none, and nothing changes.
    (folder / "server.pem").unlink()
    (folder / "ca.key").rename(folder / "away.key")
    before = sorted(p.name for p in folder.iterdir())
    with pytest.raises(Problem, match=r"ca\.key is not here"):
        certificate("serve")
    shutil.copy(folder / "server.key", folder / "ca.key")
    with pytest.raises(Problem, match=r"ca\.key is not the key of .*ca\.pem"):
        certificate("serve")
    (folder / "ca.key").write_text("")
    with pytest.raises(Problem, match=r"ca\.key is no key in PEM"):
        certificate("serve")
    (folder / "ca.key").unlink()
    assert sorted(p.name for p in folder.iterdir()) == before


def test_what_boards_need(tmp_path, certs):
    like = tmp_path / "like.json"
    like.write_text('{"apn": "iot", "host": "old"}')
    files = tmp_path / "files"
    words = ["--files", files, "--address", "r.example", "--like", like]
    r = Receiver(certs)
    try:
        # The files are whole, or there is no such device.
        (files / "b").mkdir(parents=True)
        (files / "b/settings.json").write_text("{}")
        status, _, err = r.run("device", "add", "a", "b", *words)
        assert status == 2 and "is there already" in err
        assert r.run("device", "list")[1] == "" and (files / "b/settings.json").read_text() == "{}"
        assert not (files / "a/settings.json").exists()
        shutil.rmtree(files)
        status, out, _ = r.run("device", "add", "a", "b", *words)
        assert status == 0 and out == "%s\n%s\n" % (files / "a", files / "b")
        made = [json.loads((files / name / "settings.json").read_text()) for name in "ab"]
        key = messages.device_key(keys.master(r.folder), "b").hex()
        want = {"apn": "iot", "host": "r.example", "port": 8443, "ca": "ca.pem", "device": "b"}
        assert made[1] == dict(want, key=key, token=made[1]["token"])
        assert made[0]["token"] != made[1]["token"]
        assert (files / "a/ca.pem").read_bytes() == (r.folder / "ca.pem").read_bytes()
        assert (files / "a/settings.json").stat().st_mode & 0o077 == 0
        # A lost one gets a new token, and the former counts no longer.
        assert r.run("device", "token", "b", *words)[0] == 0
        assert json.loads((files / "b/settings.json").read_text())["token"] != made[1]["token"]
        for bad, said in (
            (["add", "x", "y"], "more than one device goes with --files"),
            (["add", "x", "--files", files], "--files and --address go together"),
            (["add", "../x", *words], "A name has 1 to 64"),
            (["add", "x", *words[:3], "h:x"], "--address: h:x is not HOST:PORT"),
            (["list", *words], "--files goes with add and token"),
            (["add", "x", *words[:3], "h.example:0"], "no port that a board can come to"),
            (["add", "x", *words[:3], "https://h"], "https://h is not HOST:PORT"),
            (["add", "x", *words[:3], "r example"], "r example:8443 is not HOST:PORT"),
            (["add", "x", *words[:4], "--like", "/nowhere"], "Can't read /nowhere"),
        ):
            status, _, err = r.run("device", *bad)
            assert status == 2 and said.lower() in err.lower(), err
    finally:
        r.stop()
