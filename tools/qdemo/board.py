# qdemo.board - the MicroPython unix port as the board that runs a script.
# SPDX-License-Identifier: MIT

import json
import os
import subprocess
import threading
from pathlib import Path

import setup
from qshared import process

_LAUNCH = Path(__file__).with_name("launch.py")
_HEAP = "1m"


class Board:
    # settings: {name: value} for board.setting(). folders: more places to import from.
    # output: None: this terminal; Events: gets ("board", line), and ("end", exit status).
    def __init__(self, script, folder, settings, folders=(), output=None):
        # board.py is what a user copies onto a real board: one file of boards/.
        names = folder / "board"
        names.mkdir()
        for name in ("board.py", "unix.py"):  # the second for qdemo.machine_pc
            (names / name).symlink_to(setup.ROOT / "boards" / "unix.py")
        self._report = folder / "report"
        path = [".frozen", names, setup.ROOT / "lib", *folders]
        env = {k: v for k, v in os.environ.items() if not k.startswith("QSSL_")}
        env["MICROPYPATH"] = os.pathsep.join(str(p) for p in path)
        for name, value in settings.items():
            env["QSSL_" + name.upper()] = str(value)
        argv = [setup.micropython(), "-X", "heapsize=" + _HEAP, _LAUNCH, script, self._report]
        if output is None:
            self._process = process.start(argv, env=env)
            return
        out, err = subprocess.PIPE, subprocess.STDOUT
        self._process = process.start(argv, env=env, stdout=out, stderr=err)
        threading.Thread(target=self._read, args=(output,), daemon=True).start()

    def wait(self):
        return self._process.wait()

    def facts(self):
        # {"heap": bytes in use after the last line, "bits": 32 or 64}; {} if it did not get there.
        try:
            return json.loads(self._report.read_text())
        except (OSError, ValueError):
            return {}

    def stop(self):
        process.stop(self._process)

    def _read(self, events):
        for line in self._process.stdout:
            events.put("board", line.decode(errors="replace").rstrip())
        events.put("end", self._process.wait())
