# test_cover - tools/cover.py: lines that MicroPython reaches count; what can't be is said at once.
# SPDX-License-Identifier: MIT

import re

import pytest

import setup
import tool


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--html", "/proc/x", "test_tick"], "Can't make the folder /proc/x: No such file"),
        (["test_nothing"], "There is no case file test_nothing."),
        (["--pages", "x"], "Unrecognized arguments: --pages"),
    ],
)
def test_a_mistake_is_one_sentence(words, said):
    status, out, err = tool.call("cover.py", *words)
    assert (status, out) == (2, "") and err.startswith("cover.py: ") and said in err, err
    assert err.count("\n") == 1


def test_lines_that_a_case_on_micropython_reaches():
    if setup.find_micropython() is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    status, out, err = tool.call("cover.py", "test_compat_memory")
    found = re.search(
        r"^(\d+\.\d) % of the lines of lib/qssl; at least 95 % are wanted", out, re.M
    )
    assert status == 1 and found and float(found[1]) > 30, out + err
