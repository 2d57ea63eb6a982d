# test_mutate - tools/mutate.py: what is noticed, what is not, and which changes it makes.
# SPDX-License-Identifier: MIT

import re

import pytest

import setup
import tool
from qmutate.mutants import mutants


def mutate(*args):
    status, out, err = tool.call("mutate.py", *args, timeout=500)
    print(out + err)
    return status, out + err


def line_of(name, text):
    lines = (setup.ROOT / "lib/qssl" / (name + ".py")).read_text().splitlines()
    return 1 + next(i for i, line in enumerate(lines) if text in line)


def test_what_is_noticed_and_what_is_not():
    words = ["--cases", "test_driver_units", "--jobs", "1", "--minutes", "4"]
    # Lines that the cases of this file hold; some changes make an endless loop of them.
    first = line_of("wire/ascii", "while v // d > 9:")
    status, output = mutate("--file", "wire/ascii:%d-%d" % (first, first + 2), *words)
    assert status == 0 and " 0 not noticed (0.0 %)" in output
    # And some that they don't pass.
    line = line_of("connect/arguments", "if not text:")
    status, output = mutate(
        "--file", "lib/qssl/download.py", "--file", "arguments:%d" % line, *words
    )
    assert status == 1
    assert "\nconnect/arguments      2 of    2 changes tried,   0 not noticed (0.0 %)\n" in output
    found = re.search(r"^download +(\d+) of +(\d+) changes tried, +(\d+) not", output, re.M)
    assert int(found[1]) == int(found[2]) == int(found[3]) > 10
    assert output.count("no case passes here\n  - ") == int(found[3])


def after(source):
    return {m.after for m in mutants(source)}


def test_the_changes():
    assert after("a < b\n") == {"(a <= b)", "(a >= b)", "pass"}
    assert after("x = a and b\n") == {"(a or b)", "a", "b"}
    assert after("x = not a\n") == {"a"}
    assert after("x = 1\n") == {"2", "0"}
    assert after("x = 5000\n") == {"2500", "10000"}
    assert after("x = b'ab'\n") == {"b'ac'"}
    assert after("x = a + b\n") == {"(a - b)"}
    assert after("def f():\n    x.y = z\n    return z\n") == {"pass", "return"}
    assert after("if a:\n    b += c\n") == {"(not a)", "pass", "b -= c"}
    assert after('"""Text."""\nx = "text"\n') == set()


def test_a_change_touches_nothing_else():
    source = "# ä comment\nx = 'ä' if a  else b  # why\ny = 1\n"
    for m in mutants(source):
        assert m.source != source and len(m.diff(source)) == 2
        assert m.source.startswith("# ä comment\n") and m.source.endswith("\n")
    assert mutants(source)[-1].diff(source) == ["- y = 1", "+ y = 2"]
    inside = {m.line: m.inside for m in mutants("X = 1\ndef f(a=2):\n    return a + 3\n")}
    assert inside == {1: False, 2: False, 3: True}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--file", "nothing"], "nothing is no file of lib/qssl"),
        (["--minutes", "0"], "0 is not a number from 1 to"),
        (["--cases", "test_nothing"], "There is no case file test_nothing"),
        (["--file", "dialect:1"], "There is nothing to change in these lines."),
    ],
)
def test_wrong_use_is_one_sentence(words, said):
    status, output = mutate(*words)
    assert status == 2 and said in output and output.count("\n") == 1
