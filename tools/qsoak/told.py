# qsoak.told - runs a script that tells how far it is, and what came of it.
# SPDX-License-Identifier: MIT

import json
import subprocess


def told(argv, env, short):
    # What the script says at its end ("@@ done JSON"), None if it did not come to that. Under way
    # it says "@@ at JSON", which is shown as short() has it; all else that it prints is shown.
    found = None
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout:
            if line.startswith("@@ at "):
                print(short(json.loads(line[6:])), flush=True)
            elif line.startswith("@@ done "):
                found = json.loads(line[8:])
            else:
                print(line, end="", flush=True)
    return found
