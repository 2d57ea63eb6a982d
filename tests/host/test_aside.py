# test_aside - methods of Modem that are rarely called are loaded by the first that is called.
# SPDX-License-Identifier: MIT

import builtins
import importlib
import sys

import pytest

from qpackage.shorten import text_of
from shorten_kit import names_of, same

ASIDE = {
    "__init__": "",
    "errors": "MOST = const(7)\n\ndef error():\n    return ValueError\n",
    "modem": '''
from .errors import MOST, error

_LIMIT = const(3)


class Modem:
    """The modem."""

    def __init__(self, size):
        self._size = size

    def seldom(self, n=_LIMIT, most=MOST):
        """Seldom called."""
        from .errors import error

        return self._size + n + most, error()

    def tls(self):
        """Called by every program."""
        from .errors import error

        return error()

    def wake(self, times=1):
        """Seldom called, but by the class, too."""
        from .errors import error

        return error(), times

    def often(self):
        """Loads nothing."""
        return self._size


class At:
    def __init__(self, modem):
        self._first = modem
        self._second = self._third = 2

    def __getattr__(self, name):
        from .rare import Typed

        return getattr(Typed(self), name)
''',
    "rare": """
class Rare:
    pass


class Typed:
    def __init__(self, at):
        self._whole = at

    def _ask(self):
        return 3

    def _want(self):
        return 4
""",
}


_IMPORT = builtins.__import__


def _as_micropython(name, where=None, *rest):
    # MicroPython's takes the globals of the one who asks, and any fromlist.
    if where is None and rest[1:2] == (1,):
        return importlib.import_module(
            "." * rest[2] + name, sys._getframe(1).f_globals["__package__"]
        )
    return _IMPORT(name, where, *rest)


def _aside():
    names = names_of(ASIDE)
    return names.short, {name: text_of(names, name) for name in ASIDE}


def _import(texts, monkeypatch, tmp_path):
    folder = tmp_path / "aside"
    folder.mkdir()
    for name, text in texts.items():
        (folder / (name + ".py")).write_text(text)
    monkeypatch.setattr(builtins, "const", same, raising=False)
    monkeypatch.setattr(builtins, "__import__", _as_micropython)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.partition(".")[0] == "aside"]:
        del sys.modules[name]
    return importlib.import_module("aside.modem")


def test_methods_that_are_rarely_called(monkeypatch, tmp_path):
    short, texts = _aside()
    assert "seldom" not in texts["modem"] and "def seldom" in texts["rare"]
    assert "def tls" in texts["modem"] and "def often" in texts["modem"]
    module = _import(texts, monkeypatch, tmp_path)
    assert module.Modem(4).tls() is ValueError and "aside.rare" not in sys.modules
    assert module.Modem(4).seldom() == (14, ValueError)
    assert module.Modem(4).seldom(most=1, n=2) == (7, ValueError)
    assert module.Modem(4).wake(times=2) == (ValueError, 2)
    with pytest.raises(AttributeError):
        module.Modem(4).nothing


def test_a_class_derived_from_the_modem(monkeypatch, tmp_path):
    module = _import(_aside()[1], monkeypatch, tmp_path)

    class Mine(module.Modem):
        def seldom(self):
            return super().seldom(1, 2)

    assert Mine(4).seldom() == (7, ValueError)


def test_what_getattr_gives_is_as_if_it_were_there(monkeypatch, tmp_path):
    short, texts = _aside()
    names = ("_first", "_second", "_third", "_whole", "_ask", "_want")
    assert len({short[n] for n in names}) == len(names), short
    at = getattr(_import(texts, monkeypatch, tmp_path), short["At"])(1)
    assert getattr(at, short["_ask"])() == 3 and getattr(at, short["_want"])() == 4
