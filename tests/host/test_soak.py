# test_soak - tools/soak.py: weeks of telemetry and an hour of load in short.
# SPDX-License-Identifier: MIT

import re
import subprocess
import sys

import setup

TOOL = str(setup.ROOT / "tools" / "soak.py")


def soak(*args):
    done = subprocess.run(
        [sys.executable, TOOL, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    print(done.stdout[-3000:])
    return done.returncode, done.stdout


def test_some_weeks_of_a_year():
    for interpreter in ("cpython", "micropython"):
        status, output = soak("--records", "1500", "--seed", "3", "--interpreter", interpreter)
        assert status == 0 and "every record arrived" in output
        assert "board power cut" in output
        assert int(re.search(r"longest_step_ms +(\d+)", output)[1]) <= 1


def test_load_leaves_memory_flat():
    status, output = soak("load", "--operations", "2000")
    assert status == 0 and "memory is flat" in output
    assert re.search(r"wrong +0\n", output)


def test_wrong_use_is_one_sentence():
    for args in (["decade"], ["--records", "many"]):
        status, output = soak(*args)
        assert status == 2 and "Traceback" not in output
