# qdemo.modem - the simulated modem as a process on a pty.
# SPDX-License-Identifier: MIT

import json
import subprocess
import sys
import threading
import time

from qshared import process
from qshared.problem import Problem
from ugsim.control import Control, ControlError
from ugsim.model.family import DEFAULT

_LOOK_S = 0.02


class Modem:
    # at: path of the AT port. folder: for the trace, whose path is .trace. events: gets ("modem",
    # (kind, text)) for all that happens, as ugsim.trace names it; None: nobody wants it. options:
    # more for ugsim. model: of ugsim.
    def __init__(
        self,
        folder,
        events=None,
        baud=115200,
        options=(),
        stderr=subprocess.PIPE,
        model=DEFAULT,
    ):
        argv = [sys.executable, "-m", "ugsim", "--pty", "--ready-json", "--control"]
        argv += ["--baud", str(baud), "--model", model, *options]
        if events is not None:
            trace = self.trace = folder / "trace"
            trace.touch()
            argv += ["--quiet", "--trace", trace]
        self._process = process.start(argv, stdout=subprocess.PIPE, stderr=stderr)
        try:
            ready = self._process.stdout.readline()
            if not ready:
                raise Problem(self._last_words())
            addresses = json.loads(ready)
            self.at = addresses["at"]
            self._control = Control(addresses["control"])
        except BaseException:
            process.stop(self._process)
            raise
        if events is not None:
            follow = threading.Thread(target=self._follow, args=(trace, events), daemon=True)
            follow.start()

    def command(self, text):
        # A command of the control channel. Its refusal is a Problem.
        try:
            return self._control.command(text)
        except ControlError as e:
            raise Problem("The simulated modem says: %s" % str(e).partition(": ")[2]) from None

    def stats(self):
        try:
            return self._control.stats()
        except ControlError as e:
            raise Problem("The simulated modem is gone: %s" % e) from None

    def alive(self):
        return self._process.poll() is None

    def stop(self):
        self._control.close()
        process.stop(self._process)

    def _last_words(self):
        # Why it did not start.
        if self._process.stderr is None:
            return "The simulated modem did not start."
        text = self._process.stderr.read().decode(errors="replace").strip()
        return text.splitlines()[-1] if text else "The simulated modem did not start."

    def _follow(self, path, events):
        with open(path, encoding="utf-8") as file:
            rest = ""
            while True:
                rest += file.readline()
                if rest.endswith("\n"):
                    e = json.loads(rest)
                    rest = ""
                    events.put("modem", (e["kind"], e["text"]), e["t"])
                elif self._process.poll() is not None:
                    return
                else:
                    time.sleep(_LOOK_S)
