# qdevice.main - tools/device.py in the virtual environment: starts all, runs scripts, tells.
# SPDX-License-Identifier: MIT

import json
import sys
import time

import setup
from qdemo import ending
from qdevice import options
from qdevice.host import Host


def _settings(host, chosen):
    # What board.setting() gives an example.
    ca = "/ca.pem"
    return {ca: host.settings["ca"]}, dict(
        {"host": host.settings["host"], "port": host.settings["port"], "ca": ca},
        **chosen.settings,
    )


def _example(host, path, chosen):
    # A script that is no test: its settings go to the board, its output to this terminal.
    files, settings = _settings(host, chosen)
    files["/settings.json"] = json.dumps(settings)
    host.write(files)
    return host.show(path)


def _test(host, path, chosen):
    start = time.monotonic()
    result = host.run(path, chosen.settings)
    for line in result.output.splitlines()[:-1]:
        print("    " + line)
    word = "passed" if result.passed else "skipped" if result.skipped else "FAILED"
    print("%-10s %-7s %.1f s  %s" % (result.name, word, time.monotonic() - start, result.note))
    sys.stdout.flush()
    return 0 if result.passed or result.skipped else 1


def _run(chosen, stack):
    host = stack.enter_context(
        Host(
            emulated=not chosen.port,
            repl=chosen.port,
            modem=chosen.modem,
            board_file=chosen.board,
            installed=chosen.installed,
            baud=chosen.baud,
            wired="rts" if "rts" in chosen.wired else "none",
            view=chosen.at,
        )
    )
    if chosen.repl:
        print("The simulated modem is on the board's UART: import board; m = board.modem()")
        return host.interact()
    scripts = chosen.scripts or [options.SCRIPTS / (name + ".py") for name in options.names()]
    status = 0
    for path in scripts:
        if path.resolve().parent == options.SCRIPTS:
            status |= _test(host, path, chosen)
        else:
            status |= _example(host, path, chosen)
    return status


def main(args):
    chosen = options.parse(args)
    return ending.run("device.py", lambda stack: _run(chosen, stack))


if __name__ == "__main__":
    sys.exit(setup.main(main))
