# qsearch.worker - plays the schedules of many seeds in one process; prints what it finds.
# SPDX-License-Identifier: MIT
#
#     worker.py FIRST COUNT FORMS WHICH MODEL   seeds FIRST .. FIRST + COUNT - 1, of these forms
#                                       (commas; all: as a search that says nothing else)
#     worker.py replay FILE               one schedule, as JSON
#
# WHICH of them are played: all, aio (those on asyncio) or others.
#
# Lines: "@@ at N" now and then, "@@ fail JSON", and at the end "@@ done JSON".

import json
import sys

if sys.implementation.name != "micropython":
    import upy

    upy.install()
else:
    import loop  # noqa: F401  asyncio on the virtual clock: before qssl

import gc

from qsearch import plan as _plan
from qsearch.player import play
from qsearch.shrink import shrink
from qssl.wire import link  # noqa: F401  loaded before memory is looked at

EVERY = 50


def say(kind, what):
    print("@@", kind, json.dumps(what))
    if sys.implementation.name != "micropython":
        sys.stdout.flush()


def attempt(plan):
    # (player, None) or (None, what was violated).
    try:
        return play(plan), None
    except Exception as e:  # whatever it is, the driver let it escape
        return None, "%s: %s" % (type(e).__name__, e)


def main(args):
    if args[0] == "replay":
        with open(args[1]) as f:
            plan = json.load(f)
        if sys.implementation.name == "micropython":
            try:
                play(plan)
            except Exception as e:
                sys.print_exception(e)
                return 1
        else:
            play(plan)
        print("holds")
        return 0
    first, count = int(args[0]), int(args[1])
    forms = _plan.FORMS if args[2] == "all" else args[2].split(",")
    worst = [-1 << 30, "", 0]
    total = {"schedules": 0, "calls": 0, "errors": 0, "idle": 0, "longest": 0, "most": 0}
    models = total["models"] = {}
    for seed in range(first, first + count):
        if args[3] != "all" and (forms[seed % len(forms)] == "aio") != (args[3] == "aio"):
            continue
        plan = _plan.generate(seed, forms, args[4])
        player, why = attempt(plan)
        total["schedules"] += 1
        model = plan["rig"].get("model", "ug96")
        models[model] = models.get(model, 0) + 1
        if why is not None:
            small = shrink(plan, why, attempt)
            say("fail", {"seed": seed, "why": attempt(small)[1], "plan": small})
            continue
        total["calls"] += player.calls
        total["errors"] += player.errors
        total["idle"] = max(total["idle"], player.idle)
        total["longest"] = max(total["longest"], player.longest)
        if player.worst[0] > worst[0]:
            worst = [player.worst[0], player.worst[1], seed]
        player = None
        if total["schedules"] % EVERY == 0:
            gc.collect()
            total["most"] = max(total["most"], gc.mem_alloc())
            say("at", total["schedules"])
    total["worst"] = worst
    say("done", total)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
