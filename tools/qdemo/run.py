# qdemo.run - one run of a script: starts what it needs, waits for its end, ends everything.
# SPDX-License-Identifier: MIT

import os
import sys
import tempfile
from pathlib import Path

import setup
from qdemo import run_options, servers
from qdemo.board import Board
from qdemo.modem import Modem
from qdemo.trouble import check
from qshared import ending
from qshared.problem import Problem
from ugsim.model.family import load
from ugsim.port import owner


def _modem(chosen, folder, stack):
    # Starts the simulated modem; its settings.
    if chosen.modem:
        if not chosen.modem.startswith("tcp:"):
            _hold(chosen.modem, stack)
        return {"modem": chosen.modem, "baud": chosen.baud or 0}
    options = ["--view" if chosen.at else "--quiet"]
    for fault in chosen.fault:
        options += ["--fault", fault]
    for switch in chosen.switch:
        options += ["--switch", switch]
    baud = 115200 if chosen.baud is None else chosen.baud
    # Its view goes to this terminal.
    stderr = {"stderr": None} if chosen.at else {}
    modem = Modem(folder, None, baud, options, model=chosen.model, **stderr)
    stack.callback(modem.stop)
    return {"modem": modem.at}


def _hold(port, stack):
    # The script has the port for itself.
    taken = owner.taken(port)
    try:
        stack.enter_context(owner.held(port))
    except BlockingIOError:
        taken = taken or "%s is in use by another program: end that first" % port
    if taken:
        raise Problem(taken + ".")


def _run(chosen, stack):
    for fault in chosen.fault:
        check("fault " + fault, chosen.model)
    for switch in chosen.switch:
        check("switch " + switch.replace("=", " ", 1), chosen.model)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-run-")))
    settings = {}
    if chosen.server != "none":
        settings = servers.start(chosen.server, folder, stack, load(chosen.model).lte)
    settings.update(_modem(chosen, folder, stack))
    settings.update(chosen.settings)
    if "ca" in settings and not os.path.exists(settings["ca"]):
        raise Problem("There is no file %s, which ca= names." % settings["ca"])
    clients = [getattr(setup, chosen.clients)()] if chosen.clients else []
    board = Board(Path(chosen.script).absolute(), folder, settings, clients)
    stack.callback(board.stop)
    status = board.wait()
    return status if status >= 0 else 128 - status  # ended by a signal: as shells say it


def main(args):
    chosen = run_options.parse(args)
    return ending.run("run.py", lambda stack: _run(chosen, stack))


if __name__ == "__main__":
    sys.exit(setup.main(main))
