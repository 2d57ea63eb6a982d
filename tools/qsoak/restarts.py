# qsoak.restarts - example programs through restarts of the modem at random places.
# SPDX-License-Identifier: MIT
#
# Runs in the virtual environment: python -m qsoak.restarts PLACES SEED PROGRAM...

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

import setup
from qshared import process
from qsoak.lived import Lived

# For one run: it takes some 10 s, and a minute where a time-out has to pass. What a busy computer
# keeps from it does not count; where one of them spins, the processor time ends it.
_LIMIT_S = 300
_CPU_S = 120
_LOOK_S = 0.5
_EXAMPLES = setup.ROOT / "examples"
# What to run with, and what its output must hold in the end.
PROGRAMS = {
    "mqtt": (_EXAMPLES / "mqtt_robust.py", r"^measurement 6: confirmed$"),
    "async": (_EXAMPLES / "async_two_sockets.py", r"^post 6: 204$(?s:.*)^\d+ heartbeats$"),
    "requests": (setup.ROOT / "tools/qsoak/requests_loop.py", r"^page 6: 200, \d+ bytes$"),
}
_COMMANDS = ("QSSLOPEN", "QSSLSEND", "QSSLRECV", "QSSLSTATE", "QSSLCLOSE", "QSSLCFG")


def fault(rng):
    # A restart somewhere: within what the modem says, or a moment after a command; with RDY and
    # what follows it, or without.
    do = rng.choice(("restart", "restart", "quiet"))
    kind = rng.randrange(4)
    if kind == 0:
        return "cut in=payload at=%d do=%s" % (rng.randint(1, 60), do)
    if kind == 1:
        return "cut in=any at=%d do=%s" % (rng.randint(1, 2500), do)
    if kind == 2:
        place = rng.choice(("info", "trailer", "final", "prompt", "urc"))
        return "cut in=%s at=%d do=%s" % (place, rng.randint(1, 120), do)
    by = rng.choice((0, 5, 100, 1000))
    return "crash cmd=%s by=%d do=%s" % (rng.choice(_COMMANDS), by, do)


def run(name, what):
    # (None or what went wrong, seconds) of a program with a fault.
    script, wanted = PROGRAMS[name]
    settings = ["count=6", "interval_ms=300"]
    if name == "requests":
        settings.append("clients=%s" % (setup.CACHE / "clients-1"))
    argv = [sys.executable, str(setup.ROOT / "tools/run.py"), "--baud", "0", "--fault", what]
    begin = time.monotonic()
    status, output = watched([*argv, str(script), "--", *settings], _LIMIT_S, _CPU_S)
    spent = time.monotonic() - begin
    if status == 0 and re.search(wanted, output, re.M):
        return None, spent
    return "status %s:\n%s" % (status, output[-2000:]), spent


def watched(argv, limit_s, cpu_s):
    # (status or why there is none, output) of a program that has so much time for itself.
    with tempfile.TemporaryFile() as out:
        child = process.start(argv, stdout=out, stderr=subprocess.STDOUT)
        try:
            lived = Lived(child.pid)
            status = None
            while status is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = child.wait(_LOOK_S)
                lived.look()
                if status is None and (lived.seconds > limit_s or lived.cpu > cpu_s):
                    status = "no end in %d s, %d s of the processor" % (lived.seconds, lived.cpu)
        finally:
            process.stop(child)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # what it left
        out.seek(0)
        return status, out.read().decode(errors="replace")


def main(args):
    places, seed, *names = args
    rng = random.Random(int(seed))
    failed = runs = 0
    longest = 0.0
    for _ in range(int(places)):
        for name in names:
            what = fault(rng)
            why, spent = run(name, what)
            runs += 1
            longest = max(longest, spent)
            print(
                "%d of %d: %-8s %-38s %5.1f s%s"
                % (runs, int(places) * len(names), name, what, spent, "  FAILED" if why else ""),
                flush=True,
            )
            if why:
                failed += 1
                print("  " + why.replace("\n", "\n  "), flush=True)
    if failed:
        print("%d of %d runs FAILED" % (failed, runs))
    else:
        print("all %d runs went on by themselves, the longest took %.0f s" % (runs, longest))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(setup.main(main))
