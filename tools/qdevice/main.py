# qdevice.main - tools/device.py in the virtual environment: starts all, runs scripts, tells.
# SPDX-License-Identifier: MIT

import sys
import tempfile
import time
from pathlib import Path

import setup
from qdemo import run_options, servers
from qdevice import options
from qdevice.host import Host
from qshared import ending
from qshared.problem import Problem
from ugsim.port import owner


def _example(host, path, chosen, stack):
    # A script that is no test: it gets a server as tools/run.py starts it and its settings, and
    # its output goes to this terminal.
    text = path.read_text(encoding="utf-8")
    settings = dict(chosen.settings)  # as text: a PIN of digits is no number
    if settings.get("port", "").isdecimal():
        settings["port"] = int(settings["port"])
    files = {}
    for name in options.FILES:
        given = Path(settings.get(name, ""))
        if given.is_file():  # of this PC: it goes along
            files[name] = given.read_text()
    if "host" not in settings:
        which = run_options.server(text)
        if which == "mqtt":
            setup.server("mosquitto")
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-server-")))
        of_server = servers.start(which, folder, stack)
        ca = of_server.pop("ca").read_text()
        files.setdefault("ca", ca)
        settings = dict(of_server, **settings)
    clients = run_options.clients(text)
    if clients and host.emulated:
        folder = getattr(setup, clients)()
        modules = [m.relative_to(folder) for m in sorted(folder.rglob("*.py"))]
        host.write({"/lib/%s" % m.as_posix(): (folder / m).read_text() for m in modules})
    return host.show(text, settings, files)


def _test(host, path, chosen):
    start = time.monotonic()
    numbers = {n: int(v) if v.isdecimal() else v for n, v in chosen.settings.items()}
    result = host.run(path, numbers)
    for line in result.output.splitlines()[:-1]:
        print("    " + line)
    word = "passed" if result.passed else "FAILED"
    print("%-10s %-7s %.1f s  %s" % (result.name, word, time.monotonic() - start, result.note))
    sys.stdout.flush()
    return 0 if result.passed else 1


def _run(chosen, stack):
    for port in filter(None, (chosen.port, chosen.modem)):
        taken = owner.taken(port)
        if taken:
            raise Problem(taken + ".")
    host = stack.enter_context(
        Host(
            emulated=not chosen.port,
            repl=chosen.port,
            modem=chosen.modem,
            board_file=chosen.board,
            installed=chosen.installed,
            baud=chosen.baud,
            wired=chosen.wired,
            view=chosen.at,
        )
    )
    if chosen.repl:
        if not sys.stdin.isatty():
            raise Problem("--repl wants a terminal to type at.")
        print(
            "The simulated modem is on the board's UART: import board; m = board.modem()",
            flush=True,
        )
        return host.interact()
    scripts = chosen.scripts or [options.SCRIPTS / (name + ".py") for name in options.names()]
    status = 0
    for path in scripts:
        if path.resolve().parent == options.SCRIPTS:
            status |= _test(host, path, chosen)
        else:
            status |= _example(host, path, chosen, stack)
    return status


def main(args):
    chosen = options.parse(args)
    return ending.run("device.py", lambda stack: _run(chosen, stack))


if __name__ == "__main__":
    sys.exit(setup.main(main))
