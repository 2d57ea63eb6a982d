# qbench.unix - measurements on MicroPython's unix port, with a modem whose peers cost nothing.
# SPDX-License-Identifier: MIT

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import setup
from qbench.modem import TOTAL
from qpackage.mpy import compile_mpy
from qshared import process
from qshared.problem import Problem
from ugsim.control import Control

_HERE = Path(__file__).resolve().parent
SCRIPTS = _HERE / "scripts"
# Of nobody, and small: an RSA key of 128 bits and no signature.
_CA = b"""\
-----BEGIN CERTIFICATE-----
MIHHMIGioAMCAQICEAEBAQEBAQEBAQEBAQEBAQEwDQYJKoZIhvcNAQELBQAwDDEK
MAgGA1UEAwwBeDAeFw0yMDAxMDEwMDAwMDBaFw00OTEyMzEyMzU5NTlaMAwxCjAI
BgNVBAMMAXgwLDANBgkqhkiG9w0BAQEFAAMbADAYAhEAgIeOlZyjqrG4v8bN1Nvi
6QIDAQABoxAwDjAMBgNVHRMEBTADAQH/MA0GCSqGSIb3DQEBCwUAAxEAAAAAAAAA
AAAAAAAAAAAAAA==
-----END CERTIFICATE-----
"""
_LIMIT_S = 120
_SITE = """\
CA = %r
HOST, PORT, BAUD, utc = "echo", 7, 0, (2026, 1, 1, 0, 0, 0)
HTTP = "http", 443
NAMES = %r

def make_uart(board):
    return board.UART(board.setting("modem"))
"""


def compile_example(folder):
    # The main job itself, as a board would have it.
    name = "telemetry_https.py"
    target = (folder / name).with_suffix(".mpy")
    compile_mpy(setup.ROOT / "examples" / name, name, target, "-O3")
    return target


class Unix:
    # mpy: folder with qssl/*.mpy. folder: a temporary one.
    def __init__(self, mpy, folder, names):
        self._mpy = mpy
        self._folder = folder / "unix"
        self._folder.mkdir()
        (self._folder / "board.py").symlink_to(setup.ROOT / "boards" / "unix.py")
        (self._folder / "ca.pem").write_bytes(_CA)
        compile_example(self._folder)
        (self._folder / "bench_site.py").write_text(
            _SITE % (str(self._folder / "ca.pem"), " ".join(names))
        )

    @contextlib.contextmanager
    def modem(self, baud=0):
        # (address of its AT port, its control channel)
        argv = [sys.executable, "-m", "qbench.modem", str(baud)]
        modem = process.start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            line = modem.stdout.readline()
            if not line:
                raise Problem("The modem does not start: %s" % modem.stderr.read().decode())
            addresses = json.loads(line)
            control = Control(addresses["control"])
            yield addresses["at"], control
            control.close()
        finally:
            process.stop(modem)

    def run(self, script, at, bits=64, clients=None, heap="256k", **settings):
        # What the script prints.
        # Paths as short as on a board: each module's is kept in the heap.
        path = [self._folder, self._mpy, *([clients] if clients else [])]
        path = [".frozen", *[os.path.relpath(p, self._folder.parent) for p in path]]
        env = {"MICROPYPATH": ":".join(path)}
        settings = dict({"modem": "tcp:" + at, "ca": self._folder / "ca.pem"}, **settings)
        env.update({"QSSL_" + k.upper(): str(v) for k, v in settings.items()})
        argv = [setup.micropython(bits), "-X", "heapsize=" + heap, SCRIPTS / script]
        done = subprocess.run(
            [str(a) for a in argv],
            env=env,
            cwd=self._folder.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
        )
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["nothing"]
            raise Problem("%s fails on the unix port: %s" % (script, last[0]))
        return done.stdout

    # --- measurements ---

    def speed(self, baud, script="speed.py"):
        # {"receive": {"us", "bytes", "share"}, "send": ...}
        with self.modem(baud) as (at, _):
            return json.loads(self.run(script, at, total=TOTAL))

    def heap(self):
        with self.modem() as (at, _):
            out = self.run("heap.py", at, bits=32)
        names = [int(n) for n in re.findall(r"n_total_bytes=(\d+)", out)]
        return dict(json.loads(out.splitlines()[-1]), names=names[1] - names[0])

    def passes(self, free, sockets):
        # From .mpy, see qbench.need.
        return self._tight("need.py", "FREE, SOCKETS = %d, %d\n" % (free, sockets))["passed"]

    def telemetry(self, free=0):
        # {"passed", "heap"}: the main job from .mpy, with so much free heap; 0: plenty.
        return self._tight("telemetry.py", "FREE = %d\n" % free)

    def _tight(self, name, head):
        path = self._folder / name
        path.write_text(head + (SCRIPTS / name).read_text())
        try:
            with self.modem() as (at, _):
                out = self.run(path, at, bits=32)
        except Problem as e:
            if "MemoryError" in str(e):
                return {"passed": False}  # too little even to say so
            raise
        return json.loads(out.splitlines()[-1])

    def modules(self):
        return dict(json.loads(self.run("modules.py", "", bits=32, heap="1m")))

    def sends(self, scripts, count=3):
        # AT+QSSLSEND commands for one more publish or post, for each script: the difference of two
        # runs.
        clients = setup.clients()
        counts = [0]
        with self.modem() as (at, control):
            for script in scripts:
                for n in (1, 1 + count):
                    self.run(script, at, clients=clients, count=n)
                    counts.append(control.stats()["commands"].get("+QSSLSEND", 0))
        runs = [after - before for before, after in zip(counts, counts[1:])]
        return [(more - less) / count for less, more in zip(runs[::2], runs[1::2])]
