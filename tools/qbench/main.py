# qbench.main - tools/bench.py in the virtual environment.
# SPDX-License-Identifier: MIT

import json
import sys
import tempfile
from pathlib import Path

import setup
from qbench import options, report
from qbench.chip.measure import measure as measure_chip
from qbench.measure import Measure
from qshared import ending

LIMITS = Path(__file__).with_name("limits.json")


def _limit(row):
    # What is counted may not change at all; bytes have a little room for the next correction.
    if row.key.startswith("need ") or row.key.endswith(" need"):
        # Found in steps, and time has a part in it: much of one on the emulated board, to which a
        # busy computer makes the modem slow.
        return row.value + row.value // (8 if "frozen" in row.key else 25)
    if row.unit == "B" and not row.key.startswith("net "):
        return row.value + max(row.value // 50, 32)
    if row.key.startswith("turns "):
        # Where names lie in the tables of objects decides some of it; of a slow modem, where in a
        # sleep its bytes come.
        if not row.less:
            return round(row.value * (0.985 if "write" in row.key else 0.995), 4)
        few = "slow" in row.key or "instructions" in row.key  # these are counted in steps of 62
        return round(row.value * (1.15 if few else 1.08), 4)
    return row.value if row.less else round(row.value - 0.001, 4)


def _surely(row):
    # Whether its limit meets the aim, too.
    limit = _limit(row)
    if not row.key.startswith("turns ") or row.unit == "":
        return True
    return limit <= row.aim if row.less else limit >= row.aim


def problems(parts, limits):
    # Sentences about what is worse than it may be.
    rows = [row for rows in parts.values() for row in rows]
    found = [row.problem(limits) for row in rows]
    for row in rows:
        if row.exact and row.key in limits.get("met", []) and not row.met():
            found.append("%s: %s misses the aim %s." % (row.text, row.shown(), row.wanted()))
    return [sentence for sentence in found if sentence]


def _write_limits(parts):
    rows = [row for rows in parts.values() for row in rows if row.exact]
    limits = {row.key: _limit(row) for row in rows}
    limits["met"] = [row.key for row in rows if row.met() and _surely(row)]
    LIMITS.write_text(json.dumps(limits, indent=1) + "\n")


def _run(chosen, stack):
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qssl-bench-")))

    def say(text):
        setup.say(text, "bench")

    if chosen.rp2040:
        parts = {"rp2040": measure_chip(stack, Path(chosen.rp2040), folder, say)}
        if chosen.json:
            print(report.as_json(parts))
        else:
            report.table(parts)
        return 0
    limits = json.loads(LIMITS.read_text()) if chosen.check else None
    measure = Measure(stack, folder, say, limits)
    parts = {}
    for name in chosen.parts:
        say("measuring " + name)
        parts[name] = getattr(measure, name + "_rows")()
    if chosen.json:
        print(report.as_json(parts))
    elif not chosen.check:
        report.table(parts)
    if chosen.write:
        report.write(setup.ROOT, parts, measure)
    if chosen.limits:
        _write_limits(parts)
    if not chosen.check:
        return 0
    found = problems(parts, limits)
    for sentence in found:
        print("bench.py: " + sentence, file=sys.stderr)
    if found:
        print("bench.py: what is worth its price: run `bench.py --limits`.", file=sys.stderr)
    else:
        print("All %d numbers are within their limits." % sum(len(r) for r in parts.values()))
    return 1 if found else 0


def main(args):
    chosen = options.parse(args)
    return ending.run("bench.py", lambda stack: _run(chosen, stack))


if __name__ == "__main__":
    sys.exit(setup.main(main))
