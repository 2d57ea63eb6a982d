# test_testwords - tools/test.py with words that can't be: one sentence, before anything runs.
# SPDX-License-Identifier: MIT

import subprocess
import sys

import pytest

import setup
from qshared import testwords

HERE = "tests/host/cases/test_queue.py"


def test_words_that_can_be():
    shown = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"],
        cwd=setup.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    for line in (
        "",
        HERE,
        HERE + "::test_full_refuses",
        HERE + "::test_full_refuses[cpython]",
        "-k parser --everywhere --long " + HERE,
        "-x -q -vv --lf tests/host --durations 5 --tb=short -p no:cacheprovider",
        "--family ec25 tests/host/cases",
        "--family=all -rA -kparser --maxfail 2 -o timeout=3 --co",
        "--collect-only --pdb --ignore tests/nowhere --timeout=5",
    ):
        words = line.split()
        assert testwords.files(words, setup.ROOT) is None, line
        assert testwords.options(words, shown) is None, line
    assert "nearest is --everywhere" in testwords.options(["--evrywhere"], shown)
    assert testwords.options(["-Z"], shown) == "there is no option -Z"
    assert testwords.options(["--color=x", "--colour"], shown).endswith("nearest is --color")


@pytest.mark.parametrize(
    "line, said",
    [
        ("tests/host/cases/test_quue.py", "the nearest is " + HERE),
        ("test_queue", "the nearest is " + HERE),
        ("-x queue", "the nearest is " + HERE),
        (HERE + "::test_full_refuse", "the nearest is test_full_refuses"),
        ("--family ec52", "There is no model ec52; the nearest is ec25"),
        ("--family", "--family wants a MODEL"),
        ("--profile nowhere", "There is no file nowhere"),
        ("--evrywhere", "the nearest is --everywhere"),
        ("-k", "-k wants a word"),
    ],
)
def test_words_that_can_not_be(line, said):
    done = subprocess.run(
        [sys.executable, str(setup.ROOT / "tools/test.py"), *line.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1, done
    assert said in done.stderr and done.stderr.endswith("See --help.\n"), done.stderr
