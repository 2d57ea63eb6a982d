# test_soak - tools/soak.py: weeks of telemetry, an hour of load, and some seconds in real time.
# SPDX-License-Identifier: MIT

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import setup
from qsearch.lived import Lived
from qsearch.restarts import watched

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


@pytest.mark.parametrize("on", ["unix", "board"])
def test_a_broker_that_is_killed_and_a_board_that_stops_in_the_midst(on):
    if setup.find_server("mosquitto") is None or not setup.have_emulator():
        pytest.skip("parts are missing: run `python3 tools/test.py` once")
    status, output = soak("real", "--seconds", "5", "--on", on, "--seed", "5")
    assert status == 0 and "every record arrived, in order" in output
    assert int(re.search(r"broker killed (\d+) times", output)[1]) >= 1


def test_time_that_a_busy_computer_keeps_does_not_count():
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this system does not tell how long a program waits")
    one = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    spin = [sys.executable, "-c", one + "\nprint(flush=True)\nwhile True: pass"]
    started = [subprocess.Popen(spin, stdout=subprocess.PIPE) for _ in range(4)]
    try:
        for child in started:
            child.stdout.readline()
        lived = Lived(os.getpid())
        alone = Lived(started[0].pid)
        lived.look()
        alone.look()
        before = alone.seconds, alone.cpu
        begin = time.monotonic()
        while time.monotonic() < begin + 1:
            time.sleep(0.05)
            alone.look()
        lived.look()
        passed = time.monotonic() - begin
    finally:
        for child in started:
            child.kill()
            child.wait()
            child.stdout.close()
    # Each has a quarter of the processor, at most.
    assert 0 < alone.cpu - before[1] < alone.seconds - before[0] + 0.1 < passed * 0.6
    assert lived.cpu > alone.cpu


def test_what_never_ends_is_ended():
    status, output = watched(["sh", "-c", "echo begun; sleep 60"], 0.1, 100)
    assert "no end in 0 s" in status and output == "begun\n"
    spin = ["sh", "-c", "echo begun; sh -c 'while :; do :; done'"]
    status, output = watched(spin, 1000, 0.2)
    assert "s of the processor" in status and output == "begun\n"
    assert watched(["sh", "-c", "echo over; exit 3"], 100, 100) == (3, "over\n")


def test_examples_go_on_after_restarts():
    if setup.find_server("mosquitto") is None or setup.find_micropython() is None:
        pytest.skip("parts are missing: run `python3 tools/test.py` once")
    status, output = soak("restarts", "--places", "1", "--seed", "2")
    assert status == 0 and "all 3 runs went on by themselves" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["restarts", "--program", "none"], "Argument --program: invalid choice: 'none'"),
        (["decade"], "Argument what: invalid choice: 'decade'"),
        (["--records", "many"], "Argument --records: many is not a number"),
        (["load", "--on", "board"], "--on goes with real"),
        (["--seconds", "5"], "--seconds goes with real"),
        (["real", "--seconds", "1"], "Argument --seconds: 1 is not a number from 2 to"),
    ],
)
def test_wrong_use_is_one_sentence(words, said):
    status, output = soak(*words)
    assert status == 2 and said in output and output.count("\n") == 1
