# test_cover - tools/cover.py: what can't be is said at once.
# SPDX-License-Identifier: MIT

import pytest

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
