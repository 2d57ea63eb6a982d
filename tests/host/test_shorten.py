# test_shorten - the driver's modules with short names do what they did.
# SPDX-License-Identifier: MIT

import ast
import re
import types

import setup
from qpackage.bindings import bound, hidden
from qpackage.join import source
from qpackage.outside import outside
from qpackage.shorten import shorten, text_of
from shorten_kit import PACKAGE, names_of, run, shortened, sources


def test_the_program_does_thesame():
    short, texts = shortened()
    assert run(texts, "brief")[0] == run(PACKAGE, "long")[0]
    for name in ("_burn", "_remains", "_soot", "_reserve", "_slip", "_roll", "_twice", "_Diesel"):
        assert short[name] != name, short


def test_what_programs_name_stays():
    short, texts = shortened(used=["_burn", "_roll"])
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


_LOADED = re.compile(r"_module = __import__\(\('([\w.]+)',\)\[0\], None, None, 1, (\d)\)")
_TAKEN = re.compile(r"\w+ = _module\.(\w+)")


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


def _asked_in_vain(trees):
    # What a module takes from another that does not keep it: the compiler drops _NAME = const().
    found = []
    for module, tree in trees.items():
        for origin, name in _asked(module, tree):
            package = (origin + ".__init__").lstrip(".")
            other = trees.get(package, trees.get(origin))
            inner = {n.rpartition(".")[2] for n in trees if n.startswith(origin)}
            if name not in bound(other.body) - hidden(other) | inner:
                found.append((module, name))
    return found


def test_of_the_driver():
    texts, functions = shorten(setup.ROOT, sources())
    assert sorted(texts) == sorted(sources())
    for name, text in texts.items():
        ast.parse(text)
        assert all(re.fullmatch(r"_?[A-Za-z]\w*", short) for short, _ in functions[name])
    # Numbers are no names of the module, unless a program asks for them.
    assert re.findall(r"^(\w+) = const\(512\)", texts["wire.exchange"], re.MULTILINE)[0][0] == "_"
    assert "\nOK = " not in texts["wire.exchange"] and "\nSEND_MAX = " in texts["wire.dialect"]
    assert _asked_in_vain({name: ast.parse(text) for name, text in texts.items()}) == []
    used, _ = outside(setup.ROOT)
    renamed = {name for found in functions.values() for _, name in found}
    assert renamed and not renamed & used


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
    names = names_of(BY_DICT)
    text, found = text_of(names, "start"), {}
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
    names = names_of(CLOSURE)
    found = {}
    exec(text_of(names, "take"), found)
    assert found[names.short["_taken"]]("f", 2)("abc") == (True, "f")


def test_dicts_of_constants():
    text = '_NAMES = {"a": (1, 2), "b": "c"}\n'
    names = names_of({"modem": text, "other": text})
    changed = "dict((('a', (1, 2)), ('b', 'c')))"
    assert changed not in text_of(names, "modem")  # it stays, so do its names
    assert changed in text_of(names, "other")


def test_a_class_has_no_names_of_the_compiler():
    there = {"engine": "class Engine:\n    def run(self):\n        return 1\n"}
    text = text_of(names_of(there, ["Engine", "run"]), "engine")
    found = {"__name__": "engine"}
    exec(text, found)
    assert "__qualname__" not in found["Engine"].__dict__ and found["Engine"]().run() == 1


def test_short_texts_are_no_names_where_they_are_let_go():
    text = """
def say(link):
    if getattr(link, "hub", None) in ("a b", "c d"):
        return "%s-%s" % (link.late, "too late")
    return "late" + "longer than ten"
"""
    names = names_of({"start.way": text, "queue": text})
    stays, goes = text_of(names, "queue"), text_of(names, "start.way")
    assert "[0]" not in stays
    # A name of an attribute is there anyhow; a long text is none; getattr() needs one.
    assert "('%s-%s',)[0] % (" in goes and ", ('too late',)[0])" in goes
    assert "'hub'" in goes and "('hub',)" not in goes and "('a b', 'c d'):" in goes
    assert "return 'late' + 'longer than ten'" in goes
    found = {}
    exec(goes, found)
    assert found[names.short["say"]](types.SimpleNamespace(late=1, hub="c d")) == "1-too late"
