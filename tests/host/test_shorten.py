# test_shorten - short private names: which are changed, which never, and that programs stay right.
# SPDX-License-Identifier: MIT

import ast
import re
import sys
import types

import pytest

import setup
from qdevice.stage import modules
from qpackage import shorten

PACKAGE = {
    "__init__": "",
    "numbers": "MOST = const(7)\nPAIR = const((1, 2))\n_IN = const(3)\n",
    "engine": '''
from micropython import const

from .numbers import MOST, PAIR
from . import numbers as _n

_OWN = const(4)


class Engine:
    kind = 1

    def __init__(self, fuel, spare=MOST):
        self._fuel = fuel
        self._reserve = spare + _OWN
        self.named = 0

    def _burn(self, amount, *, rate=1):
        self._fuel -= amount * rate
        return self._remains()

    def _remains(self):
        return self._fuel + self._reserve

    def run(self, amount):
        """Runs.

        Returns: int.
        """
        return self._burn(amount, rate=2) + sum(_twice(n) for n in PAIR) + _n.MOST

    def __getattr__(self, name):
        if name == "_missing":
            return "gone"
        raise AttributeError(name)


class _Diesel(Engine):
    def _burn(self, amount, *, rate=1):
        self._soot = amount
        return Engine._burn(self, amount, rate=rate) - self._soot


def _twice(number):
    def inner(number, much):
        return number * much

    return inner(number, 2)


def work(engine):
    """Works.

    Returns: tuple.
    """
    engine._slip = "n"
    from .wheels.tread import _roll

    found = [engine.run(1), _roll(engine), getattr(engine, "_fuel"), hasattr(engine, "_missing")]
    return found, engine._slip


def diesel(fuel):
    """Another."""
    return _Diesel(fuel=fuel)
''',
    "wheels.__init__": "",
    "wheels.tread": """
class Tread:
    def __init__(self):
        self._groove = 3
        self._worn = 1


def _roll(engine):
    tread = Tread()
    return engine._remains() * tread._groove - tread._worn
""",
}


def _same(value):
    return value


def run(texts, package):
    # What work(diesel(100)) gives, and the engine's module.
    sys.modules["micropython"] = types.SimpleNamespace(const=_same)
    try:
        for name in sorted(texts, key=lambda n: (not n.endswith("__init__"), n != "numbers")):
            full = (package + "." + name).replace(".__init__", "")
            module = types.ModuleType(full)
            module.__package__ = full if name.endswith("__init__") else full.rpartition(".")[0]
            module.__path__ = []
            module.const = _same  # MicroPython's compiler knows it
            sys.modules[full] = module
        for name in ("numbers", "wheels.tread", "engine"):
            module = sys.modules[package + "." + name]
            parent, _, last = (package + "." + name).rpartition(".")
            setattr(sys.modules[parent], last, module)
            exec(compile(texts[name], name, "exec"), module.__dict__)
        engine = sys.modules[package + ".engine"]
        return engine.work(engine.diesel(100)), engine
    finally:
        for name in [n for n in sys.modules if n.split(".")[0] in (package, "micropython")]:
            del sys.modules[name]


def shortened(words=(), named=()):
    owner = shorten.Shortener(PACKAGE, set(words), set(named))
    return owner.short, {name: owner.text(name) for name in PACKAGE}


def test_the_program_does_the_same():
    short, texts = shortened()
    assert run(texts, "brief")[0] == run(PACKAGE, "long")[0]
    for name in ("_burn", "_remains", "_soot", "_reserve", "_slip", "_roll", "_twice", "_Diesel"):
        assert short[name] != name, short


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


def test_what_programs_name_stays():
    short, texts = shortened(words=["_burn", "_roll"])
    assert "_burn" not in short and "_roll" not in short
    assert run(texts, "brief")[0] == run(PACKAGE, "long")[0]


def test_parameters():
    _, texts = shortened(named=["spare"])
    engine = {
        n.name: n
        for n in ast.walk(ast.parse(texts["engine"]))
        if hasattr(n, "args") and hasattr(n, "name")
    }
    assert [a.arg for a in engine["run"].args.args] == ["self", "amount"]  # public
    assert [a.arg for a in engine["work"].args.args] == ["engine"]
    first = engine["__init__"].args.args
    # fuel and rate are given by name; so, outside, is spare.
    assert [a.arg for a in first] == ["self", "fuel", "spare"]
    assert "rate" in texts["engine"] and "much" not in texts["engine"]


def test_constants_of_other_modules_are_put_in():
    _, texts = shortened()
    assert "MOST" not in texts["engine"] and "numbers" not in texts["engine"].replace(
        "import numbers", ""
    )
    assert "import const" not in texts["engine"]


def test_of_the_driver():
    sources = {name: path.read_text() for name, path in modules().items()}
    texts, functions = shorten.shorten(setup.ROOT, sources)
    assert sorted(texts) == sorted(sources)
    for name, text in texts.items():
        ast.parse(text)
        assert all(re.fullmatch(r"_[A-Za-z]{1,2}", short) for short, _ in functions[name])
    words, _ = shorten.outside(setup.ROOT)
    renamed = {name for found in functions.values() for _, name in found}
    assert renamed and not renamed & words
    # Fewer than a third of what they stand for.
    owner = shorten.Shortener(sources, *shorten.outside(setup.ROOT))
    assert len(set(owner.short.values())) * 3 < len(owner.short)
