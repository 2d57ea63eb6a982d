# test_update_docs - the programs of docs/update.md with the receiver itself: an update, one that
# crashes; files down and up, over a killed program and a restart of the modem.
# SPDX-License-Identifier: MIT

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

import setup
import tool
from patience import until

_PAGE = (setup.ROOT / "docs" / "update.md").read_text()
_APP, _FILES = re.findall(r"^```python\n(.*?)^```$", _PAGE, re.S | re.M)
_MAIN = (setup.ROOT / "examples" / "update" / "main.py").read_text()


@pytest.fixture(scope="module")
def receiver(receiver):
    r = receiver
    _, out, _ = r.run("program", "add", "robot")
    r.auth = {"Authorization": "Bearer " + re.search(r"token +(\S+)", out)[1]}
    return r


def api(r, path, data):
    status, _, text = r.get(path, r.auth, "POST", data)
    assert status == 201, text
    return json.loads(text)


def argv(r, device, script, *more, fault=None, baud=0):
    words = ["host=127.0.0.1", "port=%d" % r.port, "ca=%s" % r.certs.ca, *more]
    words += ["token=" + device.token, "key=" + device.key.hex(), "device=" + device.name]
    options = ["--fault", fault] if fault else []
    return [
        sys.executable,
        setup.ROOT / "tools/run.py",
        "--baud",
        str(baud),
        *options,
        script,
        "--",
        *words,
    ]


def run(folder, args):
    # What it prints, until it ends or machine.reset() ends it.
    done = subprocess.run(args, cwd=folder, capture_output=True, text=True, timeout=tool.LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def app(folder):
    # The page's program, in a folder of the test, with an end.
    text = _APP.replace('"/queue"', '"queue"').replace('"/inbox"', '"inbox"')
    text = text.replace("machine.reset, ", 'machine.reset, "%s/app", ' % folder)
    text = text.replace("while True:", "for _ in range(1):")
    return text.replace("up.run(60)", "up.run(30, 1.5)")


def states(r, device):
    return r.rows(
        "SELECT m, state FROM messages m, devices d WHERE d.id = m.device AND d.name = '%s' "
        "ORDER BY m" % device.name
    )


def roll(r, device, version, files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        for name, data in files.items():
            z.writestr(name, data)
    id = api(r, "/api/updates?version=%s&board=pico" % version, packed.getvalue())["id"]
    api(r, "/api/updates/%d/send" % id, json.dumps({"devices": [device.name]}))


def test_an_update_and_one_that_crashes(receiver, tmp_path):
    r = receiver
    device = r.device("n1")
    text = app(tmp_path)
    assert text.count(str(tmp_path)) == 1 and "up.run(30, 1.5)" in text
    (tmp_path / "app/0").mkdir(parents=True)
    (tmp_path / "app/0/app.py").write_text(text)
    main = _MAIN.replace('APP = "/app"', 'APP = "%s/app"' % tmp_path)
    (tmp_path / "main.py").write_text(main)
    start = argv(r, device, tmp_path / "main.py")
    big = os.urandom(30000)
    roll(r, device, "1.1", {"app.py": text, "data/big.bin": big})
    assert run(tmp_path, start) == "version 1.0\n" and states(r, device) == [(1, "ready")]
    assert run(tmp_path, start) == "version 1.1\n"
    assert states(r, device) == [(1, "kept")]
    roll(r, device, "1.2", {"app.py": "import nothing_of_that_name\n", "data/big.bin": big})
    assert run(tmp_path, start) == "version 1.1\n" and states(r, device)[1] == (2, "ready")
    assert "nothing_of_that_name" in run(tmp_path, start)
    assert run(tmp_path, start) == "version 1.1\n"
    assert states(r, device) == [(1, "kept"), (2, "back")]
    assert (tmp_path / "app/1/data/big.bin").read_bytes() == big
    assert sorted(f.name for f in (tmp_path / "app").iterdir()) == [
        "1",
        "1.ok",
        "1.ran",
        "1.try",
        "state",
    ]
    status, _, answer = r.get("/api/devices/n1", r.auth)
    assert status == 200 and json.loads(answer)["version"] == "1.1"


def test_files_down_and_up_over_breaks(receiver, tmp_path):
    r = receiver
    device = r.device("n2")
    data = os.urandom(90000)
    what = api(r, "/api/files", data)
    script = tmp_path / "program.py"
    script.write_text(_FILES)
    settings = ["url=" + what["url"], "sha256=" + what["sha256"]]
    part = tmp_path / ("map.bin.%s.part" % what["sha256"][:8])
    # The program is killed when a third has come, the rest would take 5 s; then the modem restarts
    # in the midst.
    process = subprocess.Popen(argv(r, device, script, *settings, baud=115200), cwd=tmp_path)
    try:
        until(lambda: part.exists() and part.stat().st_size > 30000)
    finally:
        process.kill()
        process.wait()
    # The interpreter that it has started ends when its modem has gone.
    until(lambda: not tool.processes(script))
    assert 30000 < part.stat().st_size < 90000 and not (tmp_path / "map.bin").exists()
    fault = "cut at=40000 in=payload do=restart"
    out = run(tmp_path, argv(r, device, script, *settings, fault=fault))
    assert out == "90000 bytes here\n90000 bytes there\n"
    assert (tmp_path / "map.bin").read_bytes() == data and not part.exists()
    path = "/api/devices/n2/files/" + hashlib.sha256(data).hexdigest()
    status, headers, _ = r.get(path, {**r.auth, "Accept": "*/*"}, "HEAD")
    assert status == 200 and headers["Content-Length"] == "90000"
