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
import tool
from qsoak.lived import Lived
from qsoak.power_run import Wrong, currents
from qsoak.restarts import watched


def soak(*args):
    status, out, err = tool.call("soak.py", *args, timeout=600)
    print(out[-3000:] + err)
    return status, out + err


def test_some_weeks_of_a_year():
    for interpreter in ("cpython", "micropython"):
        status, output = soak("--records", "1500", "--seed", "3", "--interpreter", interpreter)
        assert status == 0 and "every record arrived" in output
        assert "board power cut" in output
        assert int(re.search(r"longest_step_ms +(\d+)", output)[1]) <= 1


def test_some_days_both_ways():
    # Three updates: a good one, one that crashes, one that reaches nobody.
    status, output = soak("both", "--days", "2", "--seed", "2")
    assert status == 0 and "the good ones were kept, the bad ones went back" in output
    assert int(re.search(r"trials +(\d+)", output)[1]) >= 3
    for what in ("power_cuts", "settings", "messages"):
        assert int(re.search(what + r" +(\d+)", output)[1]) > 0


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


def hours(output):
    # {(whose, state): (hours a day, mAh a day)} of the table of soak.py power.
    rows = re.findall(
        r"^  (modem|board) +(.+?) +([\d.]+) +[\d.]+ +([\d.]+) +[\d.]+ %$", output, re.M
    )
    return {row[:2]: (float(row[2]), float(row[3])) for row in rows}


def test_some_days_of_a_battery():
    status, output = soak("power", "--days", "3", "--seed", "1")
    assert status == 0, output
    found = hours(output)
    for whose in ("modem", "board"):
        assert abs(sum(h for (w, _), (h, _) in found.items() if w == whose) - 24) < 0.1
    assert found["modem", "off"][0] > 23.9 and found["board", "light sleep"][0] > 23.8
    total = sum(mah for _, mah in found.values())
    assert abs(float(re.search(r"all +([\d.]+) mAh a day", output)[1]) - total) < 0.1
    windows = int(re.search(r"windows +(\d+),", output)[1])
    assert 16 <= windows <= 20
    assert int(re.search(r"opened (\d+) times", output)[1]) <= windows
    assert re.search(r"8[56]\d measured, \d+ arrived \(0 twice, 0 without", output)


def test_a_modem_that_sleeps_and_currents_of_ones_own(tmp_path):
    table = tmp_path / "mine.json"
    table.write_text('{"modem": {"asleep": 1000, "connected": [0, "none"]}, "battery_mah": 24000}')
    args = ("--between", "sleep", "--every", "7200", "--deep", "--quiet", "22-6", "--no-trouble")
    status, output = soak("power", "--days", "2", "--currents", str(table), *args)
    assert status == 0 and "not from 22 to 6 h" in output and "board in deep sleep" in output
    found = hours(output)
    asleep, mah = found["modem", "asleep"]
    assert asleep > 22 and abs(mah - asleep * 1000) < 1 and found["modem", "connected"][1] == 0
    assert "a battery of 24000 mAh: 0.0 years" in output
    assert "started 1 times" in output and "mine.json" in output


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "can't be read"),
        ("{", "is no JSON"),
        ("[]", "is no table"),
        ('{"modems": {}}', "there is no modems in such a table"),
        ('{"modem": {"offf": 1}}', "modem has no state offf"),
        ('{"modem": {"off": "1"}}', "off must be a number, 0 or more"),
        ('{"tail_s": -1}', "tail_s must be a number, 0 or more"),
    ],
)
def test_a_table_of_currents_that_is_none(tmp_path, table, said):
    path = tmp_path / "t.json"
    if table is not None:
        path.write_text(table)
    with pytest.raises(Wrong) as e:
        currents(str(path))
    assert said in str(e.value) and str(path) in str(e.value)


def test_a_table_that_is_not_there_is_told():
    status, output = soak("power", "--currents", "/nowhere/x.json")
    said = "soak.py: /nowhere/x.json can't be read: No such file or directory.\n"
    assert (status, output) == (2, said)


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
    status, output = watched(["sh", "-c", "echo begun; sleep 60"], 1, 100)
    assert "no end in 1 s" in status and output == "begun\n"
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
        (["--days", "5"], "--days goes with power or both"),
        (["power", "--quiet", "22"], "Argument --quiet: 22 is not like 22-6"),
        (["real", "--seconds", "1"], "Argument --seconds: 1 is not a number from 2 to"),
    ],
)
def test_wrong_use_is_one_sentence(words, said):
    status, output = soak(*words)
    assert status == 2 and said in output and output.count("\n") == 1
