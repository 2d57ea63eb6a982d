# qdemo.trouble - what goes wrong on purpose, and when.
# SPDX-License-Identifier: MIT

from qshared.problem import Problem
from ugsim.model import UGxx


class Trouble:
    # chosen: options of the demo. The trouble begins when half of the records have arrived.
    def __init__(self, chosen):
        self._half = max(1, chosen.records // 2)
        self._commands = ["fault " + fault for fault in chosen.fault]
        if chosen.restart:
            self._commands.append("restart")
        if chosen.coverage_hole:
            self._commands.append("coverage off")
        self._hole_s = chosen.coverage_hole
        self._later = []  # (time, command)
        for command in self._commands:
            check(command, chosen.model)

    def on_record(self, n, now):
        # The record n has arrived.
        if n != self._half:
            return
        self._later = [(now, command) for command in self._commands]
        if self._hole_s:
            self._later.append((now + self._hole_s, "coverage on"))

    def due(self, now):
        # Commands for the simulated modem that are due now.
        found = [command for at, command in self._later if at <= now]
        self._later = [(at, command) for at, command in self._later if at > now]
        return found


def check(command, model=None):
    # Raises Problem if the simulated modem would not take the command: that is better known before
    # everything starts.
    answer = UGxx(None, model=model).command(command)
    if answer.startswith("error: "):
        reason = answer[7:].partition("; '")[0].partition("? '")[0].rstrip(".")
        what = "switch" if command.startswith("switch ") else "fault"
        raise Problem(
            "--%s: %s. `python3 tools/ugsim --help` lists the %s."
            % (what, reason, "switches" if what == "switch" else "faults")
        )
