# qmutate.mutants - the changes that can be made to a source text, each in one place.
# SPDX-License-Identifier: MIT

import ast
import difflib

_COMPARE = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATOR = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LEFT_OUT = (ast.AugAssign, ast.Raise, ast.Delete, ast.Break, ast.Continue)
_LONG = 1000  # numbers from here on are times and sizes: off by one tells nothing


class Mutant:
    # line: of the change, from 1. before, after: what stood there and what stands there now.
    # inside: it is in a function, else the import runs it.
    def __init__(self, source, node, after, inside):
        self.inside = inside
        self.line = node.lineno
        self.last = node.end_lineno
        lo = _offset(source, node.lineno, node.col_offset)
        hi = _offset(source, node.end_lineno, node.end_col_offset)
        self.before = source[lo:hi]
        self.after = after
        self.source = source[:lo] + after + source[hi:]

    def diff(self, source):
        # The changed lines, "-" and "+" before them.
        lines = difflib.ndiff(source.splitlines(), self.source.splitlines())
        return [line for line in lines if line[:2] in ("- ", "+ ")]


def mutants(source):
    # In the order of the text; each compiles, and differs from all others.
    tree = ast.parse(source)
    found = []
    seen = {ast.dump(tree)}
    bodies = [
        (f.body[0].lineno, f.end_lineno) for f in ast.walk(tree) if isinstance(f, _FUNCTIONS)
    ]
    for node, after in _changes(tree):
        inside = any(first <= node.lineno <= last for first, last in bodies)
        mutant = Mutant(source, node, after, inside)
        try:
            same = ast.dump(ast.parse(mutant.source))
        except SyntaxError:
            continue
        if same not in seen:
            seen.add(same)
            found.append(mutant)
    found.sort(key=lambda m: (m.line, m.before, m.after))
    return found


def _offset(source, line, column):
    # ast counts columns in bytes.
    start = 0
    for _ in range(line - 1):
        start = source.index("\n", start) + 1
    end = source.find("\n", start)
    text = source[start:] if end < 0 else source[start:end]
    return start + len(text.encode()[:column].decode())


def _changes(tree):
    # (node, text in its place)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, *_FUNCTIONS)):
            # What is left out becomes `pass`; an import would fail at once, a docstring nowhere.
            yield from _left_out(node)
        elif hasattr(node, "body") and isinstance(node.body, list):
            yield from _left_out(node)
        yield from _expression(node)


def _left_out(node):
    for field in ("body", "orelse", "finalbody"):
        for child in getattr(node, field, None) or ():
            if isinstance(child, ast.Expr):
                if not isinstance(child.value, ast.Constant):
                    yield child, "pass"
            elif isinstance(child, ast.Assign):
                inside = isinstance(node, (ast.Module, ast.ClassDef))
                if not inside and not isinstance(child.targets[0], (ast.Name, ast.Tuple)):
                    yield child, "pass"  # a name would be missing: noticed by anything
            elif isinstance(child, _LEFT_OUT):
                yield child, "pass"
            elif isinstance(child, ast.Return) and child.value is not None:
                yield child, "return"


def _expression(node):
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for kind in _COMPARE[type(node.ops[0])]:
            yield node, _bracket(ast.Compare(node.left, [kind()], node.comparators))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, _bracket(ast.BoolOp(other, node.values))
        for i in range(len(node.values)):
            rest = node.values[:i] + node.values[i + 1 :]
            yield node, _bracket(ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0])
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.Not, ast.USub)):
            yield node, _bracket(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATOR:
        if not isinstance(node.left, ast.Constant) or not isinstance(node.left.value, str):
            yield node, _bracket(ast.BinOp(node.left, _OPERATOR[type(node.op)](), node.right))
    elif isinstance(node, ast.AugAssign) and type(node.op) in _OPERATOR:
        other = ast.AugAssign(node.target, _OPERATOR[type(node.op)](), node.value)
        yield node, ast.unparse(other)
    elif isinstance(node, ast.IfExp):
        yield node, _bracket(node.body)
        yield node, _bracket(node.orelse)
    elif isinstance(node, (ast.If, ast.While)):
        yield node.test, "(not %s)" % ast.unparse(node.test)
    elif isinstance(node, ast.Constant):
        yield from _constant(node)


def _constant(node):
    value = node.value
    if value is True or value is False:
        yield node, str(not value)
    elif type(value) is int:
        if value >= _LONG:
            yield node, str(value // 2)
            yield node, str(value * 2)
        else:
            yield node, str(value + 1)
            if value:
                yield node, str(value - 1)
    elif type(value) is bytes and value:
        yield node, repr(value[:-1] + bytes([value[-1] ^ 1]))


def _bracket(node):
    text = ast.unparse(node)
    return text if isinstance(node, (ast.Name, ast.Constant, ast.Call)) else "(%s)" % text
