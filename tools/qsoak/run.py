# qsoak.run - tools/soak.py: starts what was asked for, shows progress and what came of it.
# SPDX-License-Identifier: MIT

import time

import setup
from qshared.interpreters import cpython, micropython
from qsoak import options, power_run, verdicts
from qsoak.told import told


def main(args):
    chosen = options.parse(args)
    if chosen.what == "power":
        return power_run.run(chosen)
    if chosen.what == "real":
        return real(chosen)
    if chosen.what == "restarts":
        return restarts(chosen)
    if chosen.what == "bill":
        found = run("bill.py", chosen.day, chosen, "cpython", False)
    elif chosen.what == "both":
        found = run("both.py", chosen.days, chosen, "cpython", True, "test")
    elif chosen.what == "year":
        found = run("year.py", chosen.records, chosen, chosen.interpreter or "cpython")
    else:
        found = run("load.py", chosen.operations, chosen, chosen.interpreter or "micropython")
    if found is None:
        print("FAILED: it ended with the error above.")
        return 1
    if chosen.what == "bill":
        return verdicts.bill(found, chosen.day)
    return verdicts.OF[chosen.what](found)


def run(script, count, chosen, interpreter, show=True, packages=None):
    # What the script says at its end; None if it did not come to that. packages: the group that it
    # needs.
    _, argv, env = cpython() if interpreter == "cpython" else micropython()
    if packages:
        argv[0] = str(setup.ensure_venv(packages))
    file = str(setup.ROOT / "tools" / "qsoak" / script)
    if show:
        print("seed %d on %s" % (chosen.seed, interpreter), flush=True)
    begin = time.monotonic()
    found = told([*argv, file, str(count), str(chosen.seed)], env, _short)
    if found is not None and show:
        for key in sorted(found):
            print("  %-18s %s" % (key, found[key]))
        print("in %.0f s" % (time.monotonic() - begin))
    return found


def _short(what):
    return ", ".join("%s %s" % (k, v) for k, v in what.items() if isinstance(v, int))


def real(chosen):
    python = setup.ensure_venv("test", "board")
    setup.micropython()
    setup.server("mosquitto")
    names = [chosen.on] if chosen.on else ["unix", "board"]
    if "board" in names:
        setup.arm_tools()
        setup.micropython_source()
    setup.enter(python, "qsoak.real", [chosen.seconds, chosen.seed, *names])


def restarts(chosen):
    python = setup.ensure_venv("test")
    setup.micropython()
    setup.server("mosquitto")
    setup.clients()
    names = [chosen.program] if chosen.program else ["mqtt", "async", "requests"]
    setup.enter(python, "qsoak.restarts", [chosen.places, chosen.seed, *names])
