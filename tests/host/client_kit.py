# client_kit - scripts on MicroPython's unix port whose modem is a ugsim process.
# SPDX-License-Identifier: MIT
"""
with modem() as sim:
    with Script(sim, certs, "say(hear())") as script:
        script.say("hello")
        assert script.line() == "hello"
        script.end()
"""

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import setup
from patience import LIMIT_S, until
from servers import MissingServer
from ugsim_client import Ugsim

# A modem that needs no seconds to boot and to find its network.
_QUICK = ("boot_ms=200", "register_ms=100", "act_ms=20")


def modem():
    switches = [option for switch in _QUICK for option in ("--switch", switch)]
    return Ugsim("--tcp", "127.0.0.1:0", "--control", "--baud", "0", *switches)


@contextlib.contextmanager
def running(server):
    # For a server that the tests of a file share.
    try:
        with server:
            yield server
    except MissingServer as e:
        pytest.skip(str(e))


# What every script begins with: a started modem, its sockets in place of the built-in ones.
START = """\
import sys, time
import board
from qssl import compat
CA = board.setting("ca")
modem = board.modem(sockets=2)
modem.start(apn="internet")
modem.clock(board.utc())
ctx = modem.tls(0, ca=CA)
compat.install(modem, ctx)
def say(*words):
    print(*words)
def hear():
    return sys.stdin.readline().rstrip()
"""


class Script:
    # text: the script; settings: {name: value} for board.setting(). plain: without START. newest:
    # with the doubles of tests/host/clients, in which umqtt.robust is the real one.
    def __init__(self, sim, certs, text, plain=False, heap="1m", newest=False, **settings):
        micropython = setup.find_micropython()
        clients = setup.CACHE / "clients-1"
        if micropython is None or not clients.is_dir():
            pytest.skip("parts are missing: run `python3 tools/test.py` once")
        self._folder = Path(tempfile.mkdtemp(prefix="qssl-script-"))
        if newest:
            shutil.copytree(setup.ROOT / "tests/host/clients", self._folder / "clients")
            robust = clients / "umqtt/robust.py"
            clients = self._folder / "clients"
            shutil.copy(robust, clients / "umqtt")
        (self._folder / "board.py").symlink_to(setup.ROOT / "boards" / "unix.py")
        path = self._folder / "script.py"
        path.write_text(text if plain else START + text)
        lib = setup.ROOT / "lib"
        env = dict(os.environ, MICROPYPATH="%s:.frozen:%s:%s" % (self._folder, lib, clients))
        settings = dict(settings, modem=_address(sim.at), ca=certs.ca)
        for name, value in settings.items():
            env["QSSL_" + name.upper()] = str(value)
        self.process = subprocess.Popen(
            [str(micropython), "-X", "heapsize=" + heap, str(path)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._rest = b""
        self._seen = []

    def say(self, text=""):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def line(self, timeout_s=LIMIT_S):
        # The next line that the script prints. If it ends before that, its traceback is shown.
        end = time.monotonic() + timeout_s
        while b"\n" not in self._rest:
            left = max(0, end - time.monotonic())
            ready, _, _ = select.select([self.process.stdout], [], [], left)
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not data:
                how = "ended" if ready else "said nothing for %d s" % timeout_s
                text = "\n".join(self._seen) + "\n" + self._rest.decode(errors="replace")
                raise AssertionError("the script %s:\n%s" % (how, text.strip()))
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        self._seen.append(line.decode(errors="replace"))
        return self._seen[-1]

    def end(self, timeout_s=LIMIT_S):
        # Waits until it has ended well; returns the lines that were not read yet.
        out, _ = self.process.communicate(timeout=timeout_s)
        text = (self._rest + out).decode(errors="replace")
        assert self.process.returncode == 0, "\n".join(self._seen) + "\n" + text
        return text.splitlines()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _address(at):
    return at if at.startswith("/") or at.startswith("tcp:") else "tcp:" + at


def without_connections(sim):
    # Returns when the modem has no open connection, and has said so on its line.
    control = sim.control()
    until(lambda: " connected, " not in control.command("state"))
    control.command("state")  # what it says goes out in the turn before


class Counter:
    # How many commands of each name the modem got since the last look.
    def __init__(self, sim):
        self._control = sim.control()
        self._last = {}
        self.look()

    def look(self):
        now = self._control.stats()["commands"]
        new = {name: n - self._last.get(name, 0) for name, n in now.items()}
        self._last = now
        return {name: n for name, n in new.items() if n}
