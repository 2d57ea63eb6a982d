# test_receiver_docs - docs/receiver.md and docs/protocol.md against tools/receiver.
# SPDX-License-Identifier: MIT

import io
import json
import re
from pathlib import Path

import setup
import tool
from receiver import forms, main, messages, options

_PAGE = (setup.ROOT / "docs/receiver.md").read_text()
_PROTOCOL = (setup.ROOT / "docs/protocol.md").read_text()


def blocks(language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, _PAGE, re.M | re.S)


def test_the_script_of_the_page(tmp_path, tmp_path_factory, receiver):
    (text,) = blocks("python")
    device = receiver.device("n1")
    queue = tmp_path_factory.mktemp("queue") / "q"
    assert text.count('FileQueue("queue")') == 1
    script = tmp_path_factory.mktemp("script") / "script.py"
    script.write_text(text.replace('"queue"', repr(str(queue)), 1))
    settings = ["host=127.0.0.1", "port=%d" % receiver.port, "ca=%s" % receiver.certs.ca]
    settings.append("token=" + device.token)
    status, out, err = tool.run(tmp_path, "run.py", "--baud", "0", script, "--", *settings)
    assert (status, out) == (0, ""), out + err
    first, second = [json.loads(text) for text in receiver.kept(device, "record")]
    assert first.pop("at") > 1.7e9 and first == {"temperature": 21.5}
    assert (second["qssl"], second["battery"]) == ("health", 3.71)


def test_the_commands_and_settings_of_the_page(tmp_path, monkeypatch, capsys, certs):
    monkeypatch.setenv("QSSL_RECEIVER_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("QSSL_RECEIVER_CERT", str(certs.server.cert))
    monkeypatch.setenv("QSSL_RECEIVER_KEY", str(certs.server.key))
    lines = [
        line.partition("#")[0].split() for block in blocks("sh") for line in block.splitlines()
    ]
    seen = set()
    for words in lines:
        if words[:2] == ["python3", "tools/receiver"]:
            monkeypatch.setattr("sys.stdin", io.StringIO("a good long password\n"))
            if options.parse(words[2:]).command != "serve":
                assert main.main(words[2:]) == 0, capsys.readouterr().err
            seen.add(tuple(words[2:3]))
        else:
            assert words[:2] == ["mosquitto", "-c"]
            path = words[2].replace("receiver-data", str(tmp_path / "data"), 1)
            assert "acl_file" in Path(path).read_text()
    assert seen == {("device",), ("user",), (), ("broker",), ("--mqtt",)}
    (text,) = blocks("toml")
    (tmp_path / "data/receiver.toml").write_text(text)
    chosen = options.parse([])
    assert chosen.keep_days == 400 and chosen.database.startswith("postgresql://")
    for name in options.SETTINGS:
        assert name in _PAGE, name


def test_the_protocol_as_its_page_has_it():
    # Each delivery of the table is one; each word of a refusal is there.
    table = _PROTOCOL.partition("| delivery |")[2].partition("\n\n")[0]
    shown = re.findall(r"^\| `(\{.*?\})`", table, re.M)
    assert len(shown) == 3
    for text in shown:
        text = text.replace("[R, ...]", '[{"t":1}]').replace("Q", '"q"').replace(" R}", " 7}")
        delivery = forms.read(re.sub(r"\b[NM]\b", "5", text).encode())
        assert delivery.queue == "q" or delivery.ack == 5
    words = set()
    for path in (setup.ROOT / "tools/receiver").glob("*.py"):
        if path.name not in ("mqtt.py", "page.py"):
            words |= set(
                re.findall(r'(?:Bad|_error|_refuse)\(\s*(?:\d+, )?"(\w+)"', path.read_text())
            )
    answers = _PROTOCOL.partition("| answer |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(\w+)`", answers)) - {"application"}
    assert told == words - {"device"}  # that one by MQTT alone
    (message,) = re.findall(r'^    (\{"m":.*\})$', _PROTOCOL, re.M)
    message = json.loads(message)
    assert json.loads(message["body"]) == {"interval_s": 300}
    assert set(messages.KINDS) == set(
        re.findall(r"^\| `(\w+)` \|", _PROTOCOL.partition("### Kinds")[2], re.M)
    )
    (told,) = re.findall(r'^    (\{"qssl": "settings".*\})$', _PROTOCOL, re.M)
    assert forms.Entry(1, json.loads(told), 0).told[0] == "settings"
