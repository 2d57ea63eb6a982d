# test_bench - the driver is not larger or hungrier than it was; and tools/bench.py itself.
# SPDX-License-Identifier: MIT

import json
import subprocess
import sys
import xml.dom.minidom

import pytest

import setup
from qbench import main, measure, need, plot, report
from qbench.rows import Row, show
from qpackage.mpy import modules
from qshared.problem import Problem

TOOL = [sys.executable, str(setup.ROOT / "tools/bench.py")]


def test_what_is_exact_is_within_its_limits():
    if not setup.have_emulator() or setup.find_micropython(32) is None:
        pytest.skip("no emulator or no 32-bit MicroPython: run `python3 tools/test.py` once")
    done = subprocess.run([*TOOL, "--check"], capture_output=True, text=True, cwd=setup.ROOT)
    assert done.returncode == 0, done.stderr
    assert "numbers are within their limits." in done.stdout


def rows():
    return [
        Row("a", "size", 100, "B", aim=120),
        Row("b", "share", 0.97, "%", aim=0.96, less=False),
        Row("c", "speed", 0.5, "%", aim=0.98, less=False, exact=False),
        Row("d", "heap", 5000, "B", aim=4096),
    ]


def test_what_is_worse_than_it_was_is_said():
    limits = {"a": 100, "b": 0.97, "d": 5000, "met": ["a", "b"]}
    assert main.problems({"x": rows()}, limits) == []
    worse = rows()
    worse[0].value = 101
    worse[1].value = 0.955
    worse[2].value = 0.1  # what is timed never fails
    worse[3].value = 5001
    assert main.problems({"x": worse}, limits) == [
        "size: 101 B is more than its limit of 100 B.",
        "share: 95.5 % is less than its limit of 97.0 %.",
        "heap: 5 001 B is more than its limit of 5 000 B.",
        "share: 95.5 % misses the aim >= 96.0 %.",
    ]
    del limits["d"]
    assert main.problems({"x": rows()}, limits) == [
        "d has no limit: run `python3 tools/bench.py --limits`."
    ]


def test_an_aim_is_met_or_missed():
    assert [row.met() for row in rows()] == [True, True, False, False]
    assert Row("e", "no aim", 1, "B").met() is None
    assert [show(81210, "B"), show(0.976, "%"), show(1.0, ""), show(2.44, "ms")] == [
        "81 210 B",
        "97.6 %",
        "1.0",
        "2.4 ms",
    ]


def test_the_least_that_passes_is_found():
    asked = []

    def passes(n):
        asked.append(n)
        return n >= 50000

    found = need.search(passes)
    assert 50000 <= found < 50000 + 512 and len(asked) < 12
    with pytest.raises(Problem):
        need.search(lambda n: False)


def test_other_drivers_stand_beside():
    lines = report._peers({"import": 24000, "modem": 27000, "socket": 45000})
    assert lines[4] == "| qssl | 24 000 | 27 000 | 45 000 | 0 | 0 |"
    assert len(lines) == 10 and lines[-2].endswith("| 54 832 | 2 528 |  |")


def test_the_modules_of_each_job_are_there():
    names = " ".join(names for _, names in report._JOBS).split()
    assert sorted(names) == sorted(modules())


def test_the_plot_is_an_svg():
    points = [("unix port", "receive", 921600, 87000, 89417), ("x", "send", 115200, 9000, 11250)]
    text = plot.svg(points)
    document = xml.dom.minidom.parseString(text)
    titles = [node.firstChild.data for node in document.getElementsByTagName("title")]
    assert titles == ["receive, unix port: 87000 of 89417 B/s", "send, x: 9000 of 11250 B/s"]


def test_the_heaps_are_bars_to_scale():
    found = dict.fromkeys(("heap frozen socket", "need frozen 1", "heap rom socket"), 20000)
    found.update({"heap mpy socket": 40000, "need mpy 1": 50000})
    rows = report.heaps(found)
    assert [row[:3] for row in rows[2:4]] == [
        ("qssl, from .mpy", 40000, 50000),
        ("walter-micropython, from .mpy", 58192, None),
    ]
    document = xml.dom.minidom.parseString(plot.bars("Heap", rows))
    titles = [node.firstChild.data for node in document.getElementsByTagName("title")]
    assert titles[2] == "qssl, from .mpy: 40000 bytes in use, 50000 must be free at first"
    bars = [n for n in document.getElementsByTagName("rect") if n.getAttribute("height") == "26"]
    wide = [float(bar.getAttribute("width")) for bar in bars]
    assert len(wide) == len(rows) and abs(wide[2] - 2 * wide[0]) < 1 and max(wide) == wide[5]


def test_a_need_is_searched_or_its_limit_tried():
    tried = []

    class Place:
        def passes(self, n, sockets=1):
            tried.append(n)
            return n >= 30000

        def telemetry(self, n=0):
            return {"heap": 20000, "passed": n >= 60000}

    def measured(limits):
        made = measure.Measure.__new__(measure.Measure)
        made.unix = made._frozen = Place()
        made._limits, made._say = limits, lambda text: None
        return {row.key: row.value for row in made.need_rows()}

    found = measured(None)
    assert 30000 <= found["need mpy 1"] < 30512 and 60000 <= found["telemetry frozen need"] < 60512
    assert found["telemetry mpy heap"] == 20000
    tried.clear()
    limits = dict(found, **{"need frozen 1": 29000})
    assert measured(limits) == dict(limits, **{"need frozen 1": 29001})
    assert len(tried) == 3 + measure._TRIES  # the one that failed, as often as it may


def test_the_readme_shows_some():
    keys = report._CHOSEN
    parts = {"heap": [Row(key, key, 1, "B") for key in keys]}
    text = report.readme((setup.ROOT / "README.md").read_text(), parts)
    assert all("| %s | 1 B |" % shown in text for shown in keys.values())
    assert text.count("an RP2040, computed |") == len([k for k in keys if k.startswith("turns ")])
    assert report.readme(text, parts) == text
    with pytest.raises(Problem):
        report.readme("# qssl\n", parts)


def test_the_limits_name_every_module():
    limits = json.loads(main.LIMITS.read_text())
    there = {"mpy:" + name for name in modules()}
    assert there == {key for key in limits if key.startswith("mpy:")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "There is no part nothing; the parts are sizes, "),
        (["sizes", "--write"], "--write and --limits need all parts"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(words, said):
    done = subprocess.run([*TOOL, *words], capture_output=True, text=True, cwd=setup.ROOT)
    assert done.returncode == 2 and done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1
