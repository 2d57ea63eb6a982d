# case_file - what a file of cases/ says of itself, read without importing it; see conftest.
# SPDX-License-Identifier: MIT

import ast

_SETTINGS = ("ONLY", "WHY", "NEEDS_UGSIM", "TIMEOUT_S", "INSIDE")


class Wrong(Exception):
    # Why its tests can't be told, in one sentence.
    pass


def read(path):
    # ({test name: line number}, {setting: value}). Raises Wrong.
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    except SyntaxError as e:
        raise Wrong("%s:%s: %s" % (path.name, e.lineno, e.msg)) from None
    names = {}
    settings = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            if node.name in names:
                raise Wrong(
                    "%s:%d: a second test has the name %s." % (path.name, node.lineno, node.name)
                )
            names[node.name] = node.lineno
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id in _SETTINGS:
                    settings[target.id] = ast.literal_eval(node.value)
        else:
            # A test inside `if`, `try` or a class would silently never run.
            for inner in ast.walk(node):
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    if inner.name.startswith("test_"):
                        raise Wrong(
                            "%s:%d: %s must be a plain function at the top level."
                            % (path.name, inner.lineno, inner.name)
                        )
    return names, settings
