# test - sets up what the tests need, then runs the linter and every test.
# SPDX-License-Identifier: MIT

import setup  # first: from here on Ctrl-C shows no traceback

# isort: split
import functools
import os
import subprocess
import sys
from pathlib import Path

import typecheck
from emuboard import firmware
from qshared import testwords

CASE = "tests/host/cases/test_driver_switches.py"

# What pytest's exit status means beside 0 and 1.
WRONG_USE = {
    4: "These words are not right, see above. See --help.",
    5: "No test has such a name, so none has run. See --help.",
}

HELP = """\
usage: python3 tools/test.py [PYTEST OPTION...] [FILE...]

Runs all checks of the project: ruff (linter and formatter) and every test under tests/host.
What they need is made or fetched first, under .venv and .cache of this checkout: a virtual
environment, MicroPython (the unix ports of Debian, and newer ones for Node.js from npm), nginx,
mosquitto and PostgreSQL, a browser without a window, and an ARM compiler, QEMU and MicroPython's
source for the emulated board. The first run needs the network and takes a few minutes; later ones
need neither.

With --profile FILE first (of tools/learn.py): the driver's whole life on a modem that answers
like that one, with each switch that is not settled both ways.

With --family MODEL (a model of ugsim: `python3 tools/ugsim --help` lists them): the cases of the
driver, on CPython, with that modem; --family all: with one of each family of LTE modems, which
takes an hour. What they skip, and why, is in tests/host/support/family_skips.py. In CI some of
them run; with NEW_SEEDS=1, others for each commit.

Everything else on the command line goes to pytest, for example
  -k parser            only tests with "parser" in their name
  -k "micropython"     only those on MicroPython
  -k "micropython-1.29 and parser"   only on one of: cpython, micropython (1.25), micropython32,
                       micropython-newer (Debian's newest), micropython-1.27, micropython-1.29
  -x                   stop at the first failure
  --everywhere         every case also on the 32-bit and on newer MicroPythons, as in CI
  --long               on micropython-1.27 and -1.29, which are slow, also those cases that take
                       long there (with --everywhere: half an hour)
  tests/host/cases/test_driver_parser.py
`python3 tools/test.py --help pytest` shows all of pytest's options.

Environment:
  MICROPYTHON          the MicroPython unix port to use, version 1.24 or newer
  DEBIAN_MIRROR        address of a Debian mirror, where the system itself names none
  CI=true              a test that skips because a part is missing is a failure; --everywhere;
                       more of the tests that try things at random
  EVERY_SUITE=1        test_families_tls: each cipher suite with each version that has it

Exit status: 0 all passed, 1 something failed, 2 it could not run: the set-up failed, or the words
on the command line are wrong.
"""


def prepare(everything):
    # Returns the path of the virtual environment's python. everything: all tests are to run.
    python = setup.ensure_venv("test", "board")
    setup.micropython()
    for name in ("nginx", "mosquitto", "openssl", "bunzip2", "unxz", "xxd"):
        setup.server(name)
    setup.clients()
    # Not every system has these; tests that lack them are skipped, which in CI is a failure.
    for optional in (
        lambda: setup.micropython(32),
        lambda: setup.micropython(64, setup.NEWER),
        lambda: setup.server("chromium"),
        lambda: setup.server("postgres"),
        *[functools.partial(setup.webassembly, version) for version in setup.WEBASSEMBLY],
        setup.rp2040js,
        setup.arm_tools,
        setup.micropython_source,
        lambda: [typecheck.stubs(port) for port in typecheck.PORTS],
        # Else the first test that needs one waits for it, beside all that runs then.
        lambda: [firmware(frozen) for frozen in (False, True) if everything],
    ):
        try:
            optional()
        except setup.SetupError as e:
            setup.say("some tests will be skipped: %s" % e)
    return python


def main(args):
    if args in (["-h"], ["--help"]):
        print(HELP, end="")
        return 0
    profile = None
    if args[:1] == ["--profile"]:
        if len(args) < 2:
            setup.say("--profile wants the FILE that tools/learn.py has written.", "test.py")
            return 2
        profile = args[1]
        args = args[2:] or [CASE]
    if args[:1] == ["--family"]:
        if len(args) < 2:
            setup.say("--family wants a MODEL, such as eg800k. See --help.", "test.py")
            return 2
        if not [word for word in args if word.partition("::")[0].endswith(".py")]:
            args = [*args, "tests/host/cases"]
    shows = args == ["--help", "pytest"]
    why = None if shows else testwords.files(args, setup.ROOT)
    if profile and not Path(profile).is_file():
        why = "there is no file %s" % profile
    if not why and not shows and [word for word in args if word.startswith("-")]:
        # Before anything else is made: pytest itself knows its options.
        python = setup.ensure_venv("test")
        words = [python, "-m", "pytest", "--help"]
        shown = subprocess.run(words, cwd=setup.ROOT, stdout=subprocess.PIPE, text=True)
        why = testwords.options(args, shown.stdout) if not shown.returncode else None
    if why:
        print("test.py: %s. See --help." % (why[0].upper() + why[1:]), file=sys.stderr)
        return 2
    python = prepare(not args)
    if profile:
        # Read by the environment's Python: it checks what is in it.
        found = subprocess.run(
            [python, "-m", "qlearn.profile", profile],
            env=dict(os.environ, PYTHONPATH=str(setup.ROOT / "tools")),
            stdout=subprocess.PIPE,
            text=True,
        )
        if found.returncode:
            return 2
        os.environ["PROFILE_SWITCHES"] = found.stdout.strip()
    if shows:
        return setup.call_module(python, "pytest", "--help")
    bad = []
    for words in (["ruff", "check"], ["ruff", "format", "--check"]):
        setup.say(" ".join(words), "check")
        if setup.call_module(python, *words, "-q", "."):
            bad.append(" ".join(words[:2]))
    setup.say("pytest", "check")
    status = setup.call_module(python, "pytest", *args)
    if status in WRONG_USE:
        setup.say(WRONG_USE[status], "test.py")
        return 2
    if status:
        bad.append("pytest")
    print("Failed: %s" % ", ".join(bad) if bad else "All checks passed.", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(setup.main(main))
