# test_places - where a name lies in MicroPython's tables, and that attributes get good places.
# SPDX-License-Identifier: MIT

import ast
import random
import subprocess

import pytest

import setup
from qpackage import places
from qpackage.names import WORDS
from qpackage.shorten import text_of
from shorten_kit import names_of


@pytest.mark.parametrize("bits", [32, 64])
def test_tables_are_those_of_micropython(bits):
    # A dict tells its keys in the order in which they lie.
    program = setup.find_micropython(bits=bits)
    if program is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    chance = random.Random(3)
    script, wanted = "", []
    for count in (1, 2, 3, 9, 17, 18, 46, 47, 48, 59):
        names = chance.sample([*WORDS, "_a", "readinto", "settimeout"], count)
        script += "d = {}\nfor n in %r:\n    d[n] = 1\nprint(*d)\n" % (names,)
        wanted.append([n for n in places.table(names) if n])
    done = subprocess.run([str(program), "-c", script], capture_output=True, text=True, timeout=60)
    assert [line.split() for line in done.stdout.splitlines()] == wanted, done.stderr


def test_how_far_a_name_is():
    there = places.table(["alpha", "beta", "gamma"])
    assert len(there) == 4
    assert all(1 <= places.looks(there, n) <= 4 for n in ("alpha", "beta", "gamma"))
    assert places.looks(places.table(["a", "b"]), "missing") == 2  # a full table: all of it
    assert places.looks([], "missing") == 0


LINK = {
    "__init__": "",
    "modem": """
class Link:
    def __init__(self):
%s

    def _look(self):
        return %s


def touch(link):
    return link._look()
"""
    % (
        "\n".join("        self._n%d = %d" % (i, i) for i in range(40)),
        " + ".join("self._n%d" % i for i in range(40)),
    ),
}


def test_what_is_always_loaded_gets_good_places():
    names = names_of(LINK)
    node = next(n for n in names.trees["modem"].body if isinstance(n, ast.ClassDef))
    each = places.Class(node, (), places.weights(names.trees.values()))
    words = [w for w in WORDS if w != "self"]
    plain = dict(zip([*each.attributes, "_look"], words))
    assert each.cost(names.short) < each.cost(plain) * 0.9
    new = [names.short[n] for n in [*each.attributes, "_look"]]
    assert len(set(new)) == 41  # each its own
    found = {}
    exec(text_of(names, "modem"), found)
    assert found[names.short["touch"]](found[names.short["Link"]]()) == sum(range(40))
