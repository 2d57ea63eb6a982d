# test_shorten - short private names: which are changed, which never, and that programs stay right.
# SPDX-License-Identifier: MIT

import ast
import builtins
import functools
import importlib
import os
import re
import sys
import types
from pathlib import Path

import pytest

import setup
from qdevice.stage import modules
from qpackage import freeze, reasons, shorten
from qpackage.join import source
from qpackage.outside import bound, outside, taken

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


def _asked(module, tree):
    # (module, name) of what a module takes from others of the driver.
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from ((source(module, node), a.name) for a in node.names)
        body = getattr(node, "body", None)
        for i, first in enumerate(body if isinstance(body, list) else ()):
            found = isinstance(first, ast.Assign) and _LOADED.fullmatch(ast.unparse(first))
            if found:
                node = ast.ImportFrom(found[1], [], int(found[2]))
                origin = source(module, node)
                for line in body[i + 1 :]:
                    taken = _TAKEN.fullmatch(ast.unparse(line))
                    if not taken:
                        break
                    yield origin, taken[1]


_LOADED = re.compile(r"_module = __import__\(\('([\w.]+)',\)\[0\], None, None, 1, (\d)\)")
_TAKEN = re.compile(r"\w+ = _module\.(\w+)")


def _asked_in_vain(trees):
    # What a module takes from another that does not keep it: the compiler drops _NAME = const().
    found = []
    for module, tree in trees.items():
        for origin, name in _asked(module, tree):
            package = (origin + ".__init__").lstrip(".")
            other = trees.get(package, trees.get(origin))
            inner = {n.rpartition(".")[2] for n in trees if n.startswith(origin)}
            if name not in bound(other.body) - shorten._hidden(other) | inner:
                found.append((module, name))
    return found


@functools.cache
def _of_the_driver():
    sources = {name: path.read_text() for name, path in modules().items()}
    return shorten.Shortener(sources, *outside(setup.ROOT), taken(setup.ROOT))


def test_of_the_driver():
    sources = {name: path.read_text() for name, path in modules().items()}
    texts, functions = shorten.shorten(setup.ROOT, sources)
    assert sorted(texts) == sorted(sources)
    for name, text in texts.items():
        ast.parse(text)
        assert all(re.fullmatch(r"_?[A-Za-z]\w*", short) for short, _ in functions[name])
    # Numbers are no names of the module, unless a program asks for them.
    assert re.findall(r"^(\w+) = const\(512\)", texts["wire.exchange"], re.MULTILINE)[0][0] == "_"
    assert "\nOK = " not in texts["wire.exchange"] and "\nSEND_MAX = " in texts["wire.dialect"]
    assert _asked_in_vain({name: ast.parse(text) for name, text in texts.items()}) == []
    words, _ = outside(setup.ROOT)
    renamed = {name for found in functions.values() for _, name in found}
    assert renamed and not renamed & words
    # Few of what they stand for are names that nothing else has.
    owner = _of_the_driver()
    new = set(owner.short.values()) - set(shorten._WORDS) - owner._always
    assert len(new) * 10 < len(owner.short), new


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
    owner = _of_the_driver()
    assert set(owner.short) & words <= _OURS, set(owner.short) & words - _OURS


def test_a_class_that_a_program_derives_from_leaves_it_the_words_that_it_may_want():
    owner = _of_the_driver()
    given = {n: owner.short[n] for n in owner._open if n in owner.short}
    assert len(given) > 200 and given["_epoch"]  # of Modem, Uplink and the others
    wanted = set("clear copy count find id index items key len list main start stop type".split())
    assert not wanted & {*given.values()}, given
    assert all(n[:1] == "_" or n in shorten._ODD for n in given.values())
    assert wanted & {*owner.short.values()}  # what the driver alone makes has them


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
    owner = shorten.Shortener(SET_FROM_OUTSIDE, set(), set())
    short = owner.short
    link = [short[n] for n in ("_rate", "_kept", "_longer", "_doubts", "_word")]
    assert len(set(link)) == len(link), short  # it may have them all
    assert short["_word"] != short["_doubts"]  # anybody may be `thing`
    assert "_mirrors" not in short and short["Link"] not in link  # hasattr() asks for it


def test_a_parameter_hides_nothing_of_the_module():
    text = shorten.Shortener(SET_FROM_OUTSIDE, set(), set()).text("plug")
    found = {}
    exec(text, found)
    names = [n for n in vars(found[text.split("class ")[1].split(":")[0]]) if n[:2] != "__"]
    assert any(getattr(found[text.split("class ")[1].split(":")[0]](2), n)(2) == 7 for n in names)


BY_DICT = {
    "__init__": "",
    "start": '''
def start(apn, user=""):
    """Starts.

    Returns: str.
    """
    return _begin(**{"apn": apn, "user": user}, most=1)


def _begin(apn, user, most, other=2):
    return "%s %s %d %d" % (apn, user, most, other)
''',
}


def test_a_parameter_that_may_come_in_a_dict_keeps_its_name():
    # As in start(**board.access()), which hands them on.
    owner = shorten.Shortener(BY_DICT, set(), set())
    text, found = owner.text("start"), {}
    exec(text, found)
    assert found["start"](user="u", apn="a") == "a u 1 2"
    assert "other" not in text


CLOSURE = {
    "__init__": "",
    "take": """
def _taken(files, end):
    def take(part):
        return len(part) > end, files

    return take
""",
}


def test_a_parameter_hides_no_variable_of_the_function_around():
    owner = shorten.Shortener(CLOSURE, set(), set())
    found = {}
    exec(owner.text("take"), found)
    assert found[owner.short["_taken"]]("f", 2)("abc") == (True, "f")


REASONS = {
    "hints": 'TABLE = """\nhalf|EIO|send|not all\nlate||wait|too late\nkind|!EINVAL|a|b\n"""\n',
    "user": """
_GAPS = ("half", "kind")


def use(sock, error, told):
    sock.fail("half" if sock else "late")
    if told == "late":
        raise error(sock.why or "kind")
""",
}


def test_reasons_become_words_that_are_there():
    trees = {name: ast.parse(text) for name, text in REASONS.items()}
    reasons.shorten(trees, ["pow", "abs", "set", "half"])
    assert ast.unparse(trees["user"]).splitlines() == [
        "_GAPS = ('abs', 'pow')",
        "",
        "def use(sock, error, told):",
        "    sock.fail('abs' if sock else 'late')",
        "    if told == 'late':",
        "        raise error(sock.why or 'pow')",
    ]
    assert trees["hints"].body[0].value.value == (
        "\nabs|EIO|send|not all\nlate||wait|too late\npow|!EINVAL|a|b\n"
    )


ASIDE = {
    "__init__": "",
    "errors": "MOST = const(7)\n\ndef error():\n    return ValueError\n",
    "modem": '''
from .errors import MOST, error

_LIMIT = const(3)
_NAMES = {"a": (1, 2), "b": "c"}


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
    owner = shorten.Shortener(ASIDE, set(), set())
    return owner.short, {name: owner.text(name) for name in ASIDE}


def _import(texts, monkeypatch, tmp_path):
    folder = tmp_path / "aside"
    folder.mkdir()
    for name, text in texts.items():
        (folder / (name + ".py")).write_text(text)
    monkeypatch.setattr(builtins, "const", _same, raising=False)
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


def test_dicts_of_constants():
    texts = _aside()[1]
    assert "dict((('a', (1, 2)), ('b', 'c')))" not in texts["modem"]  # it stays, so do its names
    owner = shorten.Shortener({"other": ASIDE["modem"]}, set(), set())
    assert "dict((('a', (1, 2)), ('b', 'c')))" in owner.text("other")


def test_what_is_frozen(tmp_path, monkeypatch):
    # boards/manifest.py freezes the texts with short names; what has not changed keeps its date.
    lib = tmp_path / "lib/qssl/wire"
    lib.mkdir(parents=True)
    (lib / "__init__.py").write_text("")
    (lib / "link.py").write_text("def _another_private_name():\n    pass\n")
    monkeypatch.setattr(freeze, "_ROOT", tmp_path)
    monkeypatch.setattr(freeze, "_LIB", tmp_path / "lib/qssl")
    monkeypatch.chdir(setup.ROOT / "boards")
    monkeypatch.setattr(sys, "path", list(sys.path))
    frozen = []

    def run(folder):
        said = {}
        options = types.SimpleNamespace(
            board=None, folder=folder, defaults=lambda **d: said.update(d)
        )
        names = {"options": options, "package": lambda *a, **k: frozen.append((a, k))}
        exec(compile(Path("manifest.py").read_text(), "manifest.py", "exec"), names)
        return said

    folder = tmp_path / "frozen"
    assert run(str(folder))["folder"] == str(setup.ROOT / "build/frozen")
    assert frozen == [(("qssl",), {"base_path": str(folder), "opt": 3})]
    text = (folder / "qssl/wire/link.py").read_text()
    assert "_another_private_name" not in text
    assert "wire.link" in (folder / "names.txt").read_text()
    stays, changed = (folder / "qssl/wire" / name for name in ("__init__.py", "link.py"))
    for path in (stays, changed):
        os.utime(path, (1, 1))
    (lib / "link.py").write_text("def other():\n    return 1\n")
    (folder / "qssl/wire/gone.py").write_text("")
    run(str(folder))
    assert stays.stat().st_mtime == 1 and changed.stat().st_mtime > 1
    assert sorted(p.name for p in (folder / "qssl/wire").iterdir()) == ["__init__.py", "link.py"]
    assert lib / "link.py" in freeze.inputs()


def test_a_class_has_no_names_of_the_compiler():
    sources = {"engine": "class Engine:\n    def run(self):\n        return 1\n"}
    text = shorten.Shortener(sources, {"Engine", "run"}, set()).text("engine")
    names = {"__name__": "engine"}
    exec(text, names)
    assert "__qualname__" not in names["Engine"].__dict__ and names["Engine"]().run() == 1


def test_short_texts_are_no_names_where_they_are_let_go():
    text = """
def say(link):
    if getattr(link, "hub", None) in ("a b", "c d"):
        return "%s-%s" % (link.late, "too late")
    return "late" + "longer than ten"
"""
    owner = shorten.Shortener({"start.way": text, "queue": text}, set(), set())
    stays, goes = owner.text("queue"), owner.text("start.way")
    assert "[0]" not in stays
    # A name of an attribute is there anyhow; a long text is none; getattr() needs one.
    assert "('%s-%s',)[0] % (" in goes and ", ('too late',)[0])" in goes
    assert "'hub'" in goes and "('hub',)" not in goes and "('a b', 'c d'):" in goes
    assert "return 'late' + 'longer than ten'" in goes
    names = {}
    exec(goes, names)
    assert names[owner.short["say"]](types.SimpleNamespace(late=1, hub="c d")) == "1-too late"
