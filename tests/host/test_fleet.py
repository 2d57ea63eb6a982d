# test_fleet - tools/fleet.py: devices by HTTPS and MQTT at receivers that are killed meanwhile.
# SPDX-License-Identifier: MIT

import os
import re
import subprocess
import sys

import pytest

import setup
import tool
from patience import LIMIT_S
from qfleet.histogram import histogram


def fleet(words):
    return tool.call("fleet.py", *words.split(), timeout=5 * LIMIT_S)


def test_three_receivers_are_killed_in_turn():
    # One PostgreSQL, a half of the devices behind mosquitto and a shared subscription; messages
    # to all of them, from all three.
    if None in (setup.find_server("postgres"), setup.find_server("mosquitto")):
        pytest.skip("no servers here: run `python3 tools/test.py` once")
    words = "12 --kill --by both --posts 4 --records 3 --messages 2 --spread 2 --pause 0.3"
    status, out, err = fleet(words)
    assert status == 0, out + err
    assert int(re.search(r"^kills +(\d+)$", out, re.M)[1]) >= 3
    assert "\nmessages      all 2 once and in order at 12 devices;" in out
    assert out.endswith("\nEach of 144 records is there once.\n")


def test_all_come_back_after_an_outage():
    words = "10 --receivers 1 --database sqlite --posts 2 --records 3 --spread 1 --pause 0.2"
    status, out, err = fleet(words + " --outage 0.1 --stay")
    assert status == 0, out + err
    assert out.endswith("\nEach of 60 records is there once.\n")
    assert "deliveries    20 in" in out and "after outage " in out
    devices = int(re.search(r"first connections of (\d+) devices", out)[1])
    counts = re.findall(r"^ +[\d.]+ - +[\d.]+ +(\d+)", out, re.M)
    assert len(counts) == 10 and sum(map(int, counts)) == devices > 0


def test_whole_drivers_through_two_days():
    words = "4 --drivers --days 2 --every 1800 --batch 4 --database sqlite --start 30"
    status, out, err = fleet(words + " --part 2/2")
    assert status == 0, out + err
    assert out.startswith("devices 3 to 4 of 4, 2 days, a record every 1800 s\n")
    found = dict(re.findall(r"^(\w[\w ,]*\w) +(\d+)$", out, re.M))
    assert int(found["records"]) >= 180 and int(found["messages"]) == 4
    assert int(found["repeats, dropped"]) > 0 and "after the power cut," in out
    last = "Each of %s records is there once, each of 4 messages came once.\n"
    assert out.endswith(last % found["records"])


_ENDED = """
import contextlib, os, signal, sys, time
from pathlib import Path
from qshared import ending
from qfleet.inside import Inside
from receiver import intake

plain = intake.Intake._write
folder = Path(sys.argv[1])


def write(self, jobs):
    # A database that takes its time, and a SIGTERM meanwhile.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.3)
    plain(self, jobs)


def run(stack):
    url = "sqlite:///%s" % (folder / "receiver.db")
    inside = stack.enter_context(contextlib.closing(Inside(folder, url)))
    token, _ = inside.add("n1")
    intake.Intake._write = write
    body = b'{"queue":"q","id":1,"records":[1]}'
    head = "POST /in/%s HTTP/1.1\\r\\nContent-Length: %d" % (token, len(body))
    print(inside.ask(head.encode(), body))


sys.exit(ending.run("program", run))
"""


def test_a_request_that_goes_on_does_not_keep_it_from_ending(tmp_path):
    path = [str(setup.ROOT / p) for p in ("tools", "tests/host")]
    done = subprocess.run(
        [sys.executable, "-c", _ENDED, tmp_path],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(path)),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")


def test_a_histogram():
    assert histogram([]) == ["no first connections"]
    lines = histogram([0, 0.5, 9.5, 10], 10)
    assert lines[0].startswith("first connections of 4 devices")
    assert [int(line.split()[3]) for line in lines[1:]] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert lines[1].endswith("#" * 40) and lines[2].endswith(" 0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("5 --days 3", "--days goes with --drivers"),
        ("5 --drivers --kill", "--kill goes without --drivers"),
        ("5 --kill --outage 3", "--kill or --outage, not both"),
        ("5 --database sqlite", "--database sqlite goes with --receivers 1"),
        ("5 --drivers --part 3/2", "3/2 is not like 2/5"),
    ],
)
def test_wrong_use_is_one_sentence(words, said):
    status, out, err = fleet(words)
    assert (status, out) == (2, "") and said in err and err.count("\n") == 1
