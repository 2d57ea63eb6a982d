# qpackage.aside - methods of Modem that are rarely called go to a module of their own.
# SPDX-License-Identifier: MIT
#
# Those that begin by loading another module go to qssl.rare, which the first of them that is
# called loads.

import ast

from qpackage.bindings import public

# The class some of whose methods go elsewhere, where to; and which stay, as many programs call
# them.
_FROM = ("modem", "Modem")
_TO = ("rare", "Rare")
_STAY = ("clock", "tls")
_LOOK = """
def __getattr__(self, name):
    if name[:2] == "__":
        raise AttributeError(name)
    from .rare import Rare
    method = getattr(Rare, name)
    return lambda *args, **named: method(self, *args, **named)
"""
_DERIVED = """
if type(self) is not Modem:
    from .rare import Rare
    for name, method in Rare.__dict__.items():
        if name[:2] != "__":
            setattr(Modem, name, method)
"""


def set_aside(trees):
    # trees: {module: ast.Module}, which are changed.
    if _TO[0] in trees:
        _move(trees[_FROM[0]], trees[_TO[0]])


def _class_of(tree, name):
    return next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)


def _move(origin, other):
    # Moves the public methods that begin by loading another module, with the imports and constants
    # of the module that they use.
    source, target = _class_of(origin, _FROM[1]), _class_of(other, _TO[1])
    moved = [
        n
        for n in source.body
        if public(n) and isinstance(n, ast.FunctionDef) and n.name not in _STAY
        if isinstance(n.body[1], ast.ImportFrom) and n.body[1].module
    ]
    source.body = [n for n in source.body if n not in moved] + ast.parse(_LOOK).body
    target.body = moved
    used = {n.id for method in moved for n in ast.walk(method) if isinstance(n, ast.Name)}
    first = []
    for node in origin.body:
        if isinstance(node, ast.ImportFrom):
            names = [a for a in node.names if a.name in used and not a.asname]
            if names:
                first.append(ast.ImportFrom(node.module, names, node.level))
        elif isinstance(node, ast.Assign) and node.targets[0].id in used:
            first.append(node)
    other.body[:0] = first
    for n in source.body:
        if isinstance(n, ast.FunctionDef) and n.name == "__init__":
            n.body += ast.parse(_DERIVED).body
