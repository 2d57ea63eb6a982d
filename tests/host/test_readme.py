# test_readme - what README.md shows must work: its script, its links, its commands.
# SPDX-License-Identifier: MIT

import os
import re
import subprocess
from pathlib import Path

import pytest

import servers
import setup

ROOT = setup.ROOT
README = (ROOT / "README.md").read_text()
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCS = [*sorted((ROOT / "docs").glob("*.md")), CONTRIBUTING]

# The board of the script: its UART is the simulated modem's.
MACHINE = """\
import os, sys
import unix

class machine:
    @staticmethod
    def UART(id, baudrate, tx, rx, rxbuf, txbuf, timeout):
        assert rxbuf >= 2048 and txbuf >= 2048 and timeout == 0
        return unix.UART(os.getenv("QSSL_MODEM"))

sys.modules["machine"] = machine
"""


def blocks(text, language):
    return re.findall(r"^```%s\n(.*?)^```$" % language, text, re.M | re.S)


def test_first_script(tmp_path, certs):
    (script,) = blocks(README, "python")
    assert len(script.splitlines()) <= 14
    with servers.ugsim_for_case() as env, servers.Nginx(
        certs, {"index.html": b"hello, modem"}
    ) as web:
        for name, there in (
            ('"server.example", 443', '"127.0.0.1", %d' % web.port),
            ('"ca.pem"', repr(str(certs.ca))),
        ):
            assert name in script
            script = script.replace(name, there)
        path = tmp_path / "script.py"
        path.write_text(MACHINE + script)
        done = subprocess.run(
            [setup.micropython(), path],
            env={**os.environ, **env, "MICROPYPATH": ".frozen:%s/lib:%s/boards" % (ROOT, ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 OK" in done.stdout and "hello, modem" in done.stdout


@pytest.mark.parametrize("path", [ROOT / "README.md", *DOCS], ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    text = path.read_text()
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link:
            assert (path.parent / link).exists(), "%s links to %s" % (path.name, link)


def test_commands_exist():
    commands = re.findall(r"python3 (tools/[\w.]+)", README + CONTRIBUTING.read_text())
    assert {"tools/demo.py", "tools/test.py", "tools/run.py"} <= set(commands)
    for command in commands:
        assert (ROOT / command).is_file(), command


def test_files_named_in_code_spans_exist():
    for path in [ROOT / "README.md", *DOCS]:
        for name in re.findall(
            r"`((?:lib|tools|tests|boards|examples|docs)/[\w./-]+)`", path.read_text()
        ):
            assert Path(ROOT, name).exists(), "%s names %s" % (path.name, name)
