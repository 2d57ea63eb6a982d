# qpackage.bindings - what a piece of Python binds: the names of a body, the attributes of a class.
# SPDX-License-Identifier: MIT

import ast


def bound(body, asked=True):
    # Names that the statements of a module or class bind, those in nested functions not. asked:
    # with those that an import takes and binds under another name.
    found = set()

    def visit(node):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
            return
        if isinstance(node, ast.Lambda):
            return
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                found.add((alias.asname or alias.name).split(".")[0])
                if isinstance(node, ast.ImportFrom) and asked:
                    found.add(alias.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        for child in ast.iter_child_nodes(node):
            visit(child)

    for statement in body:
        visit(statement)
    return found


def attributes(functions):
    # What methods set on their own object, in the order in which they do; one may come twice.
    for function in functions:
        if isinstance(function, ast.FunctionDef) and function.args.args:
            me = function.args.args[0].arg
            for n in ast.walk(function):
                if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load):
                    if isinstance(n.value, ast.Name) and n.value.id == me:
                        yield n.attr


def parameters(function):
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return [a.arg for a in every if a]


def is_const(node):
    # Whether it is NAME = const(...).
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "const"
    )


def hidden(tree):
    # Names that the compiler itself replaces by their values: _NAME = const(...).
    names = {node.targets[0].id for node in tree.body if is_const(node)}
    return {name for name in names if name.startswith("_")}


def public(node):
    # Whether it is for programs, see qapi.public.
    return isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node)
