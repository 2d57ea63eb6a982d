# qpackage.outside - which names of the driver are used by what is not the driver.
# SPDX-License-Identifier: MIT
#
# Programs, and what shows how to write them, may use any name: what looks like one stays. Cases,
# and what measures, have hundreds of names of their own, so of attributes only those in PROBED
# stay for them. A case that needs another one fails with the compiled driver (micropython32), and
# says INSIDE then, see tests/host/conftest.py.

import ast
import re

from qpackage.bindings import attributes, bound

_WORD = re.compile(r"[A-Za-z_]\w*")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_KEYWORD = re.compile(r"(\w+)=(?!=)")
# In a text, which may be a program: what follows a dot or begins with _.
_IMPORTED = re.compile(r"import ([\w, ]+)")
_DOTTED = re.compile(r"(?<=\.)[A-Za-z_]\w*|\b_\w+")
# Programs for a board, and the documents that show some.
_PROGRAMS = (
    "boards/*.py",
    "docs/*.md",
    "examples/*.py",
    "tests/device/*.py",
    "tests/host/clients/*.py",
    "README.md",
)
# These are about the driver itself.
_INSIDE = ("architecture.md", "guarantees.md", "manual-coverage.md", "numbers.md")
# These hold programs for a board as texts.
_HOLD = ("tools/q[!p]*/*.py",)
_CASES = ("tests/host/cases/*.py", "tests/host/support/*_kit.py", "tools/q*/scripts/*.py")
# What cases look at, set or call in objects of the driver, and no program does.
PROBED = "_busy _modem _poll _want applying echo flow handlers job link pdp rate".split()
# Classes of cases that stand in the place of the driver's own.
_DOUBLES = ("Plain", "_At", "_Stats", "Part")


def looked_at(root):
    # The files outside of the driver that decide which of its names stay.
    patterns = (*_PROGRAMS, *_HOLD, *_CASES)
    return sorted({p for pattern in patterns for p in root.glob(pattern)})


def _trees(root, patterns):
    for path in sorted(p for pattern in patterns for p in root.glob(pattern)):
        if path.suffix == ".py":
            yield ast.parse(path.read_text(encoding="utf-8"))


def outside(root):
    # (attributes, names of keyword arguments) that are used by what is not the driver.
    words, named = set(PROBED), set()
    for tree in _trees(root, _PROGRAMS):
        for node in ast.walk(tree):
            words.update(_words(node))
            if isinstance(node, ast.keyword) and node.arg:
                named.add(node.arg)
    for path in sorted(p for pattern in _PROGRAMS for p in root.glob(pattern)):
        if path.suffix != ".py" and path.name not in _INSIDE:
            text = "\n".join(_CODE.findall(path.read_text(encoding="utf-8")))
            words.update(_names(text))
            named.update(_KEYWORD.findall(text))
    for tree in _trees(root, _HOLD):
        for node in ast.walk(tree):
            text = getattr(node, "value", None)
            if isinstance(node, ast.Constant) and isinstance(text, str) and _is_program(text):
                words.update(_names(text))
                named.update(_KEYWORD.findall(text))
    files = {".".join(p.relative_to(root / "lib").with_suffix("").parts) for p in _files(root)}
    for tree in _trees(root, _CASES):
        words |= _of_cases(_outside_in(tree), files)
    return words, named


def taken(root):
    # Names that what is outside takes from the driver's modules, or looks up in an object.
    found = set()
    for tree in _trees(root, (*_PROGRAMS, *_CASES)):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qssl"):
                found.update(alias.name for alias in node.names)
    return found


def _files(root):
    return sorted((root / "lib").rglob("*.py"))


def _outside_in(tree):
    # Without the tests that INSIDE names, and what is for CPython.
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "ONLY":
            if ast.literal_eval(node.value) == "cpython":
                return ast.Module([], [])
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "INSIDE":
            inside = ast.literal_eval(node.value)
            body = [
                n for n in tree.body if inside is not True and getattr(n, "name", "") not in inside
            ]
            return ast.Module(body, [])
    return tree


def _of_cases(tree, files):
    # What cases take from modules of the driver, by an import or as an attribute of one, and what
    # they have in the place of its own. files: of its modules, as "qssl.start.sim".
    found, modules = set(), {"qssl"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "qssl":
            names = [a.name for a in node.names if node.module + "." + a.name not in files]
            found.update(names)
            modules.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            modules.update(a.asname for a in node.names if a.asname and a.name.startswith("qssl"))
        elif isinstance(node, ast.ClassDef) and node.name in _DOUBLES:
            found.update(bound(node.body), attributes(node.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            origin = node.value
            while isinstance(origin, ast.Attribute):
                origin = origin.value
            if isinstance(origin, ast.Name) and origin.id in modules:
                found.add(node.attr)
    return found


def _is_program(text):
    return "import " in text or "modem." in text


def _names(text):
    # Of a program that can't be parsed.
    return [w for line in _IMPORTED.findall(text) for w in _WORD.findall(line)] + (
        _DOTTED.findall(text)
    )


def _words(node):
    # Attributes that a node of a program uses or defines; of a text, which may be a program, too.
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _DOTTED.findall(node.value)
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ClassDef):
        return bound(node.body)
    return []
