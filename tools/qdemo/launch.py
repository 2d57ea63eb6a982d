# qdemo.launch - runs a script on MicroPython's unix port: launch.py SCRIPT [REPORT].
# SPDX-License-Identifier: MIT
#
# An error of the driver is one sentence and not a traceback. If the script runs to its end, the
# file REPORT says how much memory it holds then.

import gc
import json
import sys

script = sys.argv[1]
report = sys.argv[2] if len(sys.argv) > 2 else None
with open(script) as file:
    machine = "machine" in file.read()
names = {"__name__": "__main__", "__file__": script}
sys.argv[:] = [script]
here = sys.path[0]
sys.path[0] = script.rpartition("/")[0]  # as if it had been started itself
if machine:
    # The unix port has a `machine`, but no UART in it.
    sys.path.insert(0, here)
    import machine_pc

    sys.modules["machine"] = machine_pc
    sys.path.pop(0)
try:
    execfile(script, names)  # noqa: F821 - MicroPython has it
except OSError as e:
    if not hasattr(e, "hint"):
        sys.print_exception(e, sys.stderr)
    else:
        print("The script ends with an error: %s" % e.args[1], file=sys.stderr)
    sys.exit(1)
except KeyboardInterrupt:
    sys.exit(130)
if report:
    gc.collect()
    facts = {"heap": gc.mem_alloc(), "bits": 64 if sys.maxsize > 1 << 32 else 32}
    with open(report, "w") as file:
        json.dump(facts, file)
