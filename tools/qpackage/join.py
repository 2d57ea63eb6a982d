# qpackage.join - makes one module of several that are always loaded together, before compiling.
# SPDX-License-Identifier: MIT
#
# A module costs a board its names, its tables and its dict, about 200 bytes. The text of a part
# goes before that of the module it goes to. Who imports from the part, imports from there. What is
# left of the part is a module with the same names, for programs and tests that ask for it.

import ast
import copy

from qpackage.bindings import is_const

# {module: its parts, in the order in which they need each other}. errors stays by itself: a board
# file (qssl.site) needs it, before a program has asked for the driver.
JOINED = {
    "modem": (
        "wire.ascii",
        "wire.parser",
        "wire.resync",
        "wire.exchange",
        "wire.quarantine",
        "wire.lines",
        "wire.turns",
        "wire.pump",
        "wire.link",
        "wire.at",
        "wire.witness",
        "wire.urc",
        "tls",
    ),
    "socket": (
        "wire.connection",
        "wire.lifecycle",
        "wire.sending",
        "wire.receiving",
        "wire.channel",
    ),
    "connect.pem": ("connect.source",),
    "start.tidy": ("start.echo",),
    "start.context": ("start.network",),
}
# {class: those that go into it, each the base of the one before}: all are in the same module then,
# and only the first has objects. A class costs its type and a table, and each look into it one
# into the other.
_ONE = {
    "Socket": ("Channel", "Receiving", "Sending", "Lifecycle", "Connection"),
    "Link": ("Pump", "Turns", "Listening", "Quarantine", "Exchanges"),
    "Modem": ("Urcs",),
}
# Methods of these that stand in the place of their only call, `return self.name(...)`: a function
# costs 40 bytes, and its call as much time as some lines. No others: a function whose variables
# and stack take more than 11 words gets them from the heap.
_INSIDE = (
    *("_begin_recv", "_begin_send", "_begin_life", "_line_state", "_line_recv", "_text_state"),
    *("_text_send", "_unsure_recv", "_unsure_send", "_done_close", "_done_open"),
    *("_told_data", "_claim", "_on_result", "_on_unknown"),
)


def source(module, node):
    # The module that a relative import names, "" for the package itself.
    parts = module.split(".")
    parts = parts[: len(parts) - node.level]
    return ".".join(parts + (node.module.split(".") if node.module else []))


def join(trees, joined=None):
    # trees: {module: ast.Module}, which are changed.
    home = {}
    joined = JOINED if joined is None else joined
    for module, tree in trees.items():
        _name_all(tree, module, trees, {*joined, *(p for parts in joined.values() for p in parts)})
    for target, parts in joined.items():
        if target not in trees or not all(part in trees for part in parts):
            continue
        body, taken = [], _own(trees[target]) | _imported(trees[target], target, parts)
        asked = _asked(trees)
        for part in parts:
            home[part] = target
            tree = trees[part]
            left = _left(copy.deepcopy(tree), part, target)
            own = _own(tree)
            new = {n: n for n in own}
            for name in own & _numbers(tree) - asked:
                new[name] = "_" + name
                while new[name] in taken | own:
                    new[name] += "_"
            for name in own:
                if name.startswith("_"):
                    while new[name] in taken:
                        new[name] += "_"
                elif name in taken:
                    raise ValueError("%s and %s both have %s" % (target, part, name))
            _Rename(new).visit(tree)
            _Rebase(part, target).visit(tree)
            taken |= set(new.values())
            body += tree.body
            trees[part] = left
        trees[target].body[:0] = body
    for module, tree in trees.items():
        if module not in home:
            _Redirect(module, home).visit(tree)
    for target in set(home.values()):
        _tidy(trees[target])
        _unite(trees, target, home)


def _name_all(tree, module, trees, whole):
    # `from .wire import link as _l` and _l.OK as `from .wire.link import OK` and OK, where the
    # module is one of `whole`.
    body = []
    for node in tree.body:
        if not isinstance(node, ast.ImportFrom) or not node.level:
            body.append(node)
            continue
        package = source(module, node)
        for alias in list(node.names):
            full = (package + "." + alias.name).lstrip(".")
            if full not in whole or full not in trees:
                continue
            found = _Attributes(alias.asname or alias.name)
            found.visit(tree)
            node.names.remove(alias)
            if found.odd or found.names & _bound_anywhere(tree):
                raise ValueError("%s imports a part: %s" % (module, alias.name))
            if found.names:
                inner = ((node.module + ".") if node.module else "") + alias.name
                names = [ast.alias(n) for n in sorted(found.names)]
                body.append(ast.ImportFrom(inner, names, node.level))
        if node.names:
            body.append(node)
    tree.body = body


class _Attributes(ast.NodeTransformer):
    # Makes module.name a name; odd: the module is used otherwise.
    def __init__(self, module):
        self._module = module
        self.names = set()
        self.odd = False

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and node.value.id == self._module:
            self.names.add(node.attr)
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return self.generic_visit(node)

    def visit_Name(self, node):
        self.odd = self.odd or node.id == self._module
        return node


def _bound_anywhere(tree):
    # All names that a module binds, in whatever function or class.
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
    return found


def _unite(trees, module, home):
    # Puts classes into another one, see _ONE.
    tree = trees[module]
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name, bases in _ONE.items():
        if name not in classes:
            continue
        one = classes[name]
        own = 1 if ast.get_docstring(one) else 0  # what all need comes first
        for base in bases:
            if base not in classes:
                break
            parent = classes[base]
            if [n.id for n in one.bases] != [base] or _own(one) & _own(parent):
                raise ValueError("%s and %s are not one class" % (name, base))
            one.bases = parent.bases
            one.body[own:own] = parent.body
            tree.body.remove(parent)
            for other, its_tree in trees.items():
                if other == module or _takes(its_tree, other, module, base):
                    _Instead(base, None if other in home else name).visit(its_tree)
        _put_inside(one, trees)


def _takes(tree, module, target, name):
    # Whether a module imports a name from `target`; another one may have the same name.
    return any(
        isinstance(node, ast.ImportFrom)
        and node.level
        and source(module, node) == target
        and any(alias.name == name for alias in node.names)
        for node in ast.walk(tree)
    )


def _put_inside(one, trees):
    # Puts methods into the places of their calls, see _INSIDE.
    methods = {node.name: node for node in one.body if isinstance(node, ast.FunctionDef)}
    for name in _INSIDE:
        if name not in methods:
            continue
        nodes = [node for tree in trees.values() for node in ast.walk(tree)]
        if sum(isinstance(n, ast.Attribute) and n.attr == name for n in nodes) != 1:
            raise ValueError("%s is not called just once" % name)
        place = _Place(methods[name])
        for method in one.body:
            if isinstance(method, ast.FunctionDef):
                place.fill(method)
        if not place.found:
            raise ValueError("%s is called otherwise than to return what it does" % name)
        one.body.remove(methods[name])


class _Place(ast.NodeTransformer):
    # Where a method returns self.name(...), with what the method calls its parameters.
    def __init__(self, method):
        self._name = method.name
        self._args = [arg.arg for arg in method.args.args[1:]]
        self._body = list(method.body)
        self.found = False

    def fill(self, method):
        self._last = _lasts(method.body)
        self.visit(method)

    def visit_Return(self, node):
        call = node.value
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "self." + self._name):
            return node
        if call.keywords or [ast.unparse(arg) for arg in call.args] != self._args:
            raise ValueError("%s has other parameters" % self._name)
        self.found = True
        if node not in self._last and not isinstance(self._body[-1], ast.Return):
            return [*self._body, ast.Return(None)]
        return self._body


def _lasts(body):
    # The statements behind which a function ends.
    found = [body[-1]]
    if isinstance(body[-1], ast.If):
        found += _lasts(body[-1].body)
        if body[-1].orelse:
            found += _lasts(body[-1].orelse)
    return found


class _Instead(ast.NodeTransformer):
    # One name in the place of another one; None: what is left of a part has it no more.
    def __init__(self, old, new):
        self._old = old
        self._new = new

    def visit_Name(self, node):
        node.id = self._new if node.id == self._old else node.id
        return node

    def visit_ImportFrom(self, node):
        if self._new is None:
            node.names = [alias for alias in node.names if alias.name != self._old]
        for alias in node.names:
            if alias.name == self._old and alias.asname is None:
                alias.name = self._new
        return node if node.names else None


def _own(tree):
    # Names that a module defines.
    found = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(t.id for t in node.targets if isinstance(t, ast.Name))
    return found


def _numbers(tree):
    # The numbers that a module names for others.
    found = {node.targets[0].id for node in tree.body if is_const(node)}
    return {name for name in found if not name.startswith("_")}


def _asked(trees):
    # Names that any module takes from another one.
    found = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
    return found


def _imported(tree, module, parts):
    # Names that it imports, but for those of its parts.
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        and not (getattr(node, "level", 0) and source(module, node) in parts)
        for alias in node.names
    }


def _left(tree, part, target):
    # What stays of the part: its public names, constants as numbers.
    names, body = [], []
    for node in tree.body:
        if is_const(node):
            if not node.targets[0].id.startswith("_"):
                body.append(node)
        else:
            names += [n for n in _own(ast.Module([node], [])) if not n.startswith("_")]
    made = ast.ImportFrom(target, [ast.alias(n) for n in sorted(names)], part.count(".") + 1)
    const = ast.ImportFrom("micropython", [ast.alias("const")], 0)
    return ast.fix_missing_locations(ast.Module([const, made, *body], []))


def _tidy(tree):
    # Each thing is imported once; nothing from the module itself.
    seen, body = set(), []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            place = (getattr(node, "module", None), getattr(node, "level", 0))
            node.names = [a for a in node.names if (place, a.name, a.asname) not in seen]
            seen.update((place, a.name, a.asname) for a in node.names)
            if not node.names:
                continue
        body.append(node)
    first = [n for n in body if isinstance(n, (ast.Import, ast.ImportFrom))]
    tree.body = first + [n for n in body if n not in first]


class _Rename(ast.NodeTransformer):
    def __init__(self, new):
        self._new = new

    def visit_Name(self, node):
        node.id = self._new.get(node.id, node.id)
        return node

    def visit_Module(self, node):
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                statement.name = self._new[statement.name]
        self.generic_visit(node)
        return node


class _Rebase(ast.NodeTransformer):
    # Relative imports of a text that goes to another module.
    def __init__(self, part, target):
        self._part = part
        self._level = target.count(".") + 1
        self._package = target.rpartition(".")[0]

    def visit_ImportFrom(self, node):
        if node.level:
            name = source(self._part, node)
            node.level = self._level
            package = self._package
            if package and (name == package or name.startswith(package + ".")):
                node.level -= package.count(".") + 1
                name = name[len(package) + 1 :]
            node.module = name or None
        return node


class _Redirect(ast.NodeTransformer):
    # Imports from a part become imports from where it went.
    def __init__(self, module, home):
        self._module = module
        self._home = home

    def visit_Dict(self, node):
        # A table of the package says which module has a name.
        if self._module == "__init__":
            for value in node.values:
                value.value = self._home.get(value.value, value.value)
        return node

    def visit_ImportFrom(self, node):
        if not node.level:
            return node
        name = source(self._module, node)
        target = self._home.get(name)
        if target == self._module:
            return None
        if target:
            node.level = self._module.count(".") + 1
            node.module = target
            _Rebase(self._module, self._module).visit(node)
        for alias in node.names:
            if (name + "." + alias.name).lstrip(".") in self._home:
                raise ValueError("%s imports a part: %s" % (self._module, alias.name))
        return node
