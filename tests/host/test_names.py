# test_names - which names of the driver are shortened, which never, and what each becomes.
# SPDX-License-Identifier: MIT

import re

import pytest

import setup
from qpackage.names import _ODD, WORDS
from qpackage.shorten import text_of
from shorten_kit import names_of, of_the_driver, shortened


def test_no_object_has_two_attributes_of_one_name():
    short, _ = shortened()
    engine = [short[n] for n in ("_burn", "_remains", "_soot", "_reserve", "_slip")]
    assert len(set(engine)) == 5, short
    # Another class uses the same ones again.
    assert {short["_groove"], short["_worn"]} < {*short.values()}
    assert len(set(short.values())) < len(short), short


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("_fuel", "getattr() names it"),
        ("run", "it has a docstring"),
        ("__init__", "it is Python's"),
        ("wheels", "it is a module"),
        ("_IN", "the compiler replaces it"),
    ],
)
def test_what_stays(name, why):
    short, _ = shortened()
    assert name not in short, why
    assert "named" in short  # public by its looks only


def test_few_names_are_new():
    # Most of what they become there is anyhow.
    names = of_the_driver()
    new = set(names.short.values()) - set(WORDS) - names._always
    assert len(new) * 10 < len(names.short), new


# Words of MicroPython's own that nothing the driver meets has as an attribute.
_OURS = set("OPEN buf busy end fill flow line listen load mode network pin pins self zero".split())


def test_no_attribute_of_micropython_is_renamed():
    # Each name that its C code knows may be one of an object that the driver is given.
    top = setup.find_micropython_source()
    if top is None:
        pytest.skip("no source of MicroPython here: run `python3 tools/test.py` once")
    words = set()
    for folder in ("py", "extmod", "shared", "ports/rp2", "ports/esp32"):
        for path in sorted((top / folder).rglob("*.[ch]")):
            words.update(re.findall(r"MP_QSTR_(\w+)", path.read_text(encoding="utf-8")))
    assert {"peek", "ph_key", "value", "readinto"} < words
    names = of_the_driver()
    assert set(names.short) & words <= _OURS, set(names.short) & words - _OURS


def test_a_class_that_a_program_derives_from_leaves_it_the_words_that_it_may_want():
    names = of_the_driver()
    given = {n: names.short[n] for n in names._open if n in names.short}
    assert len(given) > 200 and given["_epoch"]  # of Modem, Uplink and the others
    wanted = set("clear copy count find id index items key len list main start stop type".split())
    assert not wanted & {*given.values()}, given
    assert all(n[:1] == "_" or n in _ODD for n in given.values())
    assert wanted & {*names.short.values()}  # what the driver alone makes has them


SET_FROM_OUTSIDE = {
    "__init__": "",
    "plug": """
_LONG = 5


class Link:
    def __init__(self, rate):
        self._rate = rate
        self._mirrors = 1

    def _longer(self, rate, like=None):
        self._kept = rate + _LONG
        return self._kept


class Other:
    def __init__(self):
        self._doubts = 0


def late(link, thing, other):
    link._doubts = 1
    thing._word = 2
    if hasattr(other, "_mirrors"):
        other._mirrors = 3
""",
}


def test_attributes_that_are_set_from_outside():
    names = names_of(SET_FROM_OUTSIDE)
    short = names.short
    link = [short[n] for n in ("_rate", "_kept", "_longer", "_doubts", "_word")]
    assert len(set(link)) == len(link), short  # it may have them all
    assert short["_word"] != short["_doubts"]  # anybody may be `thing`
    assert "_mirrors" not in short and short["Link"] not in link  # hasattr() asks for it


def test_a_parameter_hides_nothing_of_the_module():
    text = text_of(names_of(SET_FROM_OUTSIDE), "plug")
    found = {}
    exec(text, found)
    names = [n for n in vars(found[text.split("class ")[1].split(":")[0]]) if n[:2] != "__"]
    assert any(getattr(found[text.split("class ")[1].split(":")[0]](2), n)(2) == 7 for n in names)
