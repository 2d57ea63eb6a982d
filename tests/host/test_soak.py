# test_soak - tools/soak.py: weeks of telemetry, an hour of load, and some seconds in real time.
# SPDX-License-Identifier: MIT

import re
import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("on", ["unix", "board"])
def test_a_broker_that_is_killed_and_a_board_that_stops_in_the_midst(on):
    if setup.find_server("mosquitto") is None or not setup.have_emulator():
        pytest.skip("parts are missing: run `python3 tools/test.py` once")
    status, output = soak("real", "--seconds", "5", "--on", on, "--seed", "5")
    assert status == 0 and "every record arrived, in order" in output
    assert int(re.search(r"broker killed (\d+) times", output)[1]) >= 1


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
