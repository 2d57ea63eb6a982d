# qpackage.reasons - the reasons of errors get words that every MicroPython has.
# SPDX-License-Identifier: MIT
#
# A reason is a key of the tables in qssl.hints; what keeps one until the error is raised has it as
# a name. One that stands nowhere but where a reason is given may be any word.

import ast
import re

_HINTS = "hints"
# What takes a reason, as its first argument.
_TAKES = ("error", "fail", "why", "_spilt")
# Tuples of reasons, by name.
_TUPLES = ("_GAPS",)
_KEY = re.compile(r"^([^|\n]+)\|", re.MULTILINE)


def shorten(trees, words):
    # trees: {module: ast.Module}, which are changed. words: what there is anyhow.
    if _HINTS not in trees:
        return
    tables = [n for n in ast.walk(trees[_HINTS]) if _is_text(n) and _KEY.search(n.value)]
    keys = {key for table in tables for key in _KEY.findall(table.value)}
    given, elsewhere = set(), set()
    for module, tree in trees.items():
        if module != _HINTS:
            _sort(tree, keys, given, elsewhere)
    free = iter(sorted((w for w in words if w not in keys), key=lambda w: (len(w), w)))
    new = dict(zip(sorted(given - elsewhere), free))
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if module != _HINTS and _is_text(node):
                node.value = new.get(node.value, node.value)
    for table in tables:
        table.value = _KEY.sub(lambda m: new.get(m[1], m[1]) + "|", table.value)


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _sort(tree, keys, given, elsewhere):
    # Which of the keys stand as a reason in a module, and which stand elsewhere.
    reasons = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in _TAKES:
                reasons.update(id(n) for n in _values(node.args[0]))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in _TUPLES:
            reasons.update(id(n) for n in ast.walk(node.value))
    for node in ast.walk(tree):
        if _is_text(node) and node.value in keys:
            (given if id(node) in reasons else elsewhere).add(node.value)


def _values(node):
    # The texts that an argument may be.
    if isinstance(node, ast.IfExp):
        return _values(node.body) + _values(node.orelse)
    if isinstance(node, ast.BoolOp):
        return [n for value in node.values for n in _values(value)]
    if isinstance(node, ast.Call) and node.args:  # why() gives a worse reason, or this one
        return _values(node.args[0])
    return [node]
