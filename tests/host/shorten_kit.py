# shorten_kit - a small package to shorten, and the driver's names, for the tests of qpackage.
# SPDX-License-Identifier: MIT

import functools
import sys
import types

import setup
from qpackage.mpy import modules
from qpackage.names import Names
from qpackage.outside import outside, taken
from qpackage.shorten import arranged, text_of

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


def same(value):
    return value


def run(texts, package):
    # What work(diesel(100)) gives, and the engine's module.
    sys.modules["micropython"] = types.SimpleNamespace(const=same)
    try:
        for name in sorted(texts, key=lambda n: (not n.endswith("__init__"), n != "numbers")):
            full = (package + "." + name).replace(".__init__", "")
            module = types.ModuleType(full)
            module.__package__ = full if name.endswith("__init__") else full.rpartition(".")[0]
            module.__path__ = []
            module.const = same  # MicroPython's compiler knows it
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


def names_of(sources, used=(), named=()):
    return Names(arranged(sources), set(used), set(named))


def shortened(used=(), named=()):
    names = names_of(PACKAGE, used, named)
    return names.short, {name: text_of(names, name) for name in PACKAGE}


def sources():
    # {module: its text} of the driver.
    return {name: path.read_text() for name, path in modules().items()}


@functools.cache
def of_the_driver():
    return Names(arranged(sources()), *outside(setup.ROOT), taken(setup.ROOT))
