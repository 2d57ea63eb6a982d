# qdevice.host - what a script on a board needs of the PC: the modem, servers, mpremote.
# SPDX-License-Identifier: MIT
"""
with Host(emulated=True) as host:             # firmware, emulator, ugsim, TLS server
    result = host.run("tests/device/smoke.py")
    result.passed, result.output
    host.mpremote("fs", "ls", ":/")
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import setup
from emuboard import Board, firmware
from qdemo.certificates import Certificates
from qdevice.cable import Cable
from qdevice.peer import Peer
from qpackage.mpy import compile_driver, compile_mpy
from qshared import process
from qshared.problem import Problem
from ugsim.control import Control

SCRIPTS = setup.ROOT / "tests" / "device"
_KIT = SCRIPTS / "kit.py"
_FOLDERS = """
import os
for p in %r:
    try:
        os.mkdir(p)
    except OSError as e:
        if e.errno != 17:
            raise
"""
_LIMIT_S = 300  # for one script
# mpremote says so when the board's REPL has not answered within 10 s: then nothing has run yet.
_DEAF = "could not enter raw repl"
_TRIES = 3


class Result:
    def __init__(self, name, status, output):
        self.name = name
        self.output = output
        lines = output.strip().splitlines() or ["it printed nothing"]
        self.last = lines[-1]
        self.passed = status == 0 and self.last == "PASS"
        self.note = "" if self.passed else self.last


def _mounted(folder, board_file=None):
    # A folder to mount or to copy to :lib. With a file of boards/: the driver, and it as board.py.
    folder.mkdir(parents=True)
    if board_file:
        compile_driver(folder)
        shutil.copy(board_file, folder / "board.py")
    return folder


class Host:
    # emulated: a board in QEMU, with the driver frozen in it if `frozen`. Else `repl` is its
    # serial port and `modem` the one of this PC that is wired to the board's UART; `board_file` is
    # the file of boards/ for it (None: the board has driver and board.py already).
    def __init__(self, emulated=True, frozen=True, repl=None, modem=None, board_file=None, **more):
        self.emulated = emulated
        self._frozen = frozen
        self.repl = repl
        self._modem = modem
        self._board_file = None if more.get("installed") else board_file
        self._baud = more.get("baud", 115200)
        self._wired = more.get("wired", "none")
        self._view = more.get("view", False)
        self._count = more.get("count", False)  # the board's time counts its instructions
        self._certs = more.get("certs")  # the server's, or some are made
        self._stack = contextlib.ExitStack()
        self._mounted = None
        self.settings = {}

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _start(self):
        enter = self._stack.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="qssl-device-")))
        elf = firmware(frozen=self._frozen) if self.emulated else None
        certs = self._certs or Certificates(folder)
        peer = Peer(certs)
        self._stack.callback(peer.close)
        self._start_modem()
        if self.emulated:
            self.board = enter(Board(elf, self._at, count=self._count))
            self.repl = self.board.repl
            self._install_kit(folder)
        else:
            self._mounted = _mounted(folder / "mounted", self._board_file)
            compile_mpy(_KIT, "kit.py", self._mounted / "kit.mpy")
        self.settings = {
            "host": peer.host,
            "port": peer.port,
            "ca": certs.ca.read_text(),
            "emulated": self.emulated,
            "baud": self._baud,
        }

    def _install_kit(self, folder):
        compile_mpy(_KIT, "kit.py", folder / "kit.mpy")
        words = ["fs", "mkdir", ":/lib", "+", "cp", folder / "kit.mpy", ":/lib/"]
        self.must("The emulated board does not take a file", *words)

    def _start_modem(self):
        argv = [sys.executable, setup.ROOT / "tools/ugsim", "--ready-json", "--control"]
        argv += ["--baud", str(self._baud), "--view" if self._view else "--quiet"]
        if self.emulated:
            argv += ["--tcp", "127.0.0.1:0"]
        else:
            argv += ["--serial", self._modem, "--wired", self._wired]
        errors = None if self._view else subprocess.PIPE
        ugsim = process.start(argv, stdout=subprocess.PIPE, stderr=errors)
        self._stack.callback(process.stop, ugsim)
        line = ugsim.stdout.readline()
        if not line:
            words = ugsim.stderr.read().decode().strip() if ugsim.stderr else "see above"
            raise Problem("The simulated modem does not start: %s" % words)
        ready = json.loads(line)
        self._at = ready["at"]
        self._control = Control(ready["control"])
        self._stack.callback(self._control.close)

    def control(self, text):
        # A command for the simulated modem's control channel.
        return self._control.command(text)

    def stats(self):
        return self._control.stats()

    # --- the board ---

    def mpremote(self, *words, **options):
        # Runs mpremote; a subprocess.CompletedProcess with output and errors as one text.
        options.setdefault("timeout", _LIMIT_S)
        options.setdefault("stdout", subprocess.PIPE)
        port = options.pop("port", self.repl)
        argv = [Path(sys.executable).parent / "mpremote", "connect", port, *words]
        options.setdefault("stdin", subprocess.DEVNULL)
        options["stderr"] = subprocess.STDOUT if options["stdout"] else None
        options["env"] = dict(
            os.environ, PYTHONUNBUFFERED="1"
        )  # what it prints comes in its order
        try:
            for _ in range(_TRIES):
                done = subprocess.run(
                    [str(a) for a in argv], text=True, errors="replace", **options
                )
                if not done.returncode or _DEAF not in (done.stdout or "")[-100:]:
                    break
            return done
        except subprocess.TimeoutExpired as e:
            said = (e.stdout or b"").decode(errors="replace").strip().splitlines()
            raise Problem(
                "mpremote did not end within %d s; the last the board said: %s"
                % (options["timeout"], said[-1] if said else "nothing")
            ) from None

    def must(self, what, *words):
        # Runs mpremote. what: to say if that fails.
        done = self.mpremote(*words)
        if done.returncode:
            said = (done.stdout.strip().splitlines() or ["it printed nothing"])[-1]
            if _DEAF in said:
                said = "its REPL does not answer; does a program run on it, is this PC very busy?"
            raise Problem("%s: %s" % (what, said))

    def run(self, path, settings=None, timeout=_LIMIT_S):
        # Runs a script of tests/device from the board's RAM. settings: more for kit.SET.
        path = Path(path)
        utc = time.gmtime()[:6]
        chosen = dict(self.settings, utc=utc, **(settings or {}))
        text = "import kit\nkit.SET.update(%r)\ndel kit\n%s" % (chosen, path.read_text())
        return self.execute(text, path.stem, timeout)

    def execute(self, text, name="script", timeout=_LIMIT_S):
        with tempfile.NamedTemporaryFile("w", prefix="qssl-", suffix=".py") as f:
            f.write(text)
            f.flush()
            done = self.mpremote(*self._mount(), "run", f.name, timeout=timeout)
        return Result(name, done.returncode, done.stdout)

    def _mount(self):
        return ["mount", self._mounted] if self._mounted else []

    def write(self, files):
        # {path on the board: text}
        with tempfile.TemporaryDirectory(prefix="qssl-device-") as folder:
            folders = sorted({name.rpartition("/")[0] for name in files} - {""})
            words = ["exec", _FOLDERS % (folders,), "+"]
            for i, (name, text) in enumerate(files.items()):
                path = Path(folder) / str(i)
                path.write_text(text)
                words += ["cp", path, ":" + name, "+"]
            self.must("The board does not take a file", *words[:-1])

    def show(self, text, settings, pems):
        # Runs a script with its output on this terminal; the exit status. settings: for
        # board.setting(); pems: texts of "ca", "cert", "key". A real board keeps its own files.
        folder = "/" if self.emulated else "/remote/"
        named = {name: folder + name + ".pem" for name in pems}
        files = {name + ".pem": text for name, text in pems.items()}
        files["settings.json"] = json.dumps(dict(settings, **named))
        if self.emulated:
            self.write({folder + name: content for name, content in files.items()})
        else:
            for name, content in files.items():
                (self._mounted / name).write_text(content)
        where = "import qssl.site; qssl.site._FILE = '%ssettings.json'; " % folder
        with tempfile.NamedTemporaryFile("w", prefix="qssl-", suffix=".py") as f:
            f.write(where + "del qssl\n" + text)
            f.flush()
            words = [*self._mount(), "run", f.name]
            return self.mpremote(*words, stdout=None, timeout=None).returncode

    def interact(self):
        # The board's REPL on this terminal; Ctrl-] ends it. mpremote wants a serial port for that.
        with contextlib.ExitStack() as stack:
            port = stack.enter_context(Cable(self.repl)) if self.emulated else self.repl
            # What ran before has left the board in the REPL of programs.
            words = ["soft-reset"] if self.emulated else self._mount()
            options = {"stdin": None, "stdout": None, "timeout": None, "port": port}
            return self.mpremote(*words, "repl", **options).returncode
