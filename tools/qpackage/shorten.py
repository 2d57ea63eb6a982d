# qpackage.shorten - writes the driver's modules with short names, before they are compiled.
# SPDX-License-Identifier: MIT
#
# Which name becomes which: see names.py. Numbers that other modules import are put in where they
# are used. Dicts of constants are made of tuples where a module is let go: a word in a tuple goes
# with it, one in a dict is a name, and stays. For the same reason short texts are put into tuples
# there.

import ast

from qpackage import reasons
from qpackage.aside import set_aside
from qpackage.bindings import bound, parameters, public
from qpackage.join import join, source
from qpackage.names import ALIKE, ALWAYS, FREE, LOOKS, WORDS, Names
from qpackage.outside import outside, taken

# What is let go as soon as it has been used, and the longest text that would be a name.
_LET_GO = (
    *("start", "connect", "family", "ask", "files", "clock", "timesources", "rare"),
    "wire.command",
)
_TEXT = 10
# What the compiler puts into each class, and nobody asks for: their places go to the next names.
_UNUSED = "del __module__, __qualname__"


def _fixed(node):
    # Whether the compiler makes one object of it.
    if isinstance(node, ast.Tuple):
        return all(_fixed(n) for n in node.elts)
    return isinstance(node, ast.Constant)


class _Rename(ast.NodeTransformer):
    # One module, with the new names.
    def __init__(self, names, module):
        self._short = names.short
        self._named = names.named
        self._there = names.there
        self._module = module
        self._consts = names.consts
        self._bound = []  # of the functions around, from outside in: {name: new name}
        self._public = True  # the class around is for programs
        self._modules = {}  # name here: module of the driver, where its constants are looked up
        self._values = {}  # name here: number of another module
        room = module.partition(".")[0]
        self._let_go = module in _LET_GO or room in _LET_GO

    def _name(self, name):
        return self._short.get(name, name)

    def _put(self, value, node):
        return ast.copy_location(ast.parse(repr(value), mode="eval").body, node)

    def visit_Name(self, node):
        for names in reversed(self._bound):
            if node.id in names:
                node.id = names[node.id]
                return node
        if node.id in self._values and isinstance(node.ctx, ast.Load):
            return self._put(self._values[node.id], node)
        node.id = self._name(node.id)
        return node

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and not self._is_local(node.value.id):
            consts = self._consts.get(self._modules.get(node.value.id), {})
            if node.attr in consts:
                return self._put(consts[node.attr], node)
        self.generic_visit(node)
        node.attr = self._name(node.attr)
        return node

    def _is_local(self, name):
        return any(name in names for names in self._bound)

    def visit_ImportFrom(self, node):
        if node.module == "micropython":
            # The compiler knows const() without it.
            node.names = [alias for alias in node.names if alias.name != "const"]
            return node if node.names else None
        if not node.level:
            return node
        origin = source(self._module, node)
        package = (origin + ".__init__").lstrip(".")
        numbers = self._consts.get(package if package in self._consts else origin, {})
        kept = []
        for alias in node.names:
            here = alias.asname or alias.name
            inner = (origin + "." if origin else "") + alias.name
            if not self._bound and inner in self._consts:
                self._modules[here] = inner
            value = numbers.get(alias.name)
            if value is not None and not self._bound and not alias.asname:
                self._values[here] = value
                continue
            new = self._bound[-1].get(here, here) if self._bound else self._name(here)
            if inner not in self._consts and inner + ".__init__" not in self._consts:
                alias.name = self._name(alias.name)  # not the one of a file
            alias.asname = new
            if alias.asname == alias.name:
                alias.asname = None
            kept.append(alias)
        node.names = kept
        if self._bound and node.module and (self._let_go or "." in node.module):
            return self._plain(node)
        return node if kept else None

    def _plain(self, node):
        # `from .a.b import c` as `from .a import b` and b.c: "a.b" is a name more. In what is let
        # go the words stand in tuples, as those of a module that is not needed are names, too.
        found = []
        for alias in node.names:
            target = ast.Name(alias.asname or alias.name, ast.Store())
            inner = "%s.%s" % (node.module, alias.name)
            if self._let_go and self._is_module(inner, node.level):
                found.append(ast.Assign([target], self._loaded(inner, node.level)))
                continue
            value = ast.Attribute(ast.Name("_module", ast.Load()), alias.name, ast.Load())
            found.append(ast.Assign([target], value))
        first = ast.Assign(
            [ast.Name("_module", ast.Store())], self._loaded(node.module, node.level)
        )
        if not self._let_go:
            node.module, _, inner = node.module.rpartition(".")
            node.names = [ast.alias(inner, "_module")]
            first = node
        elif len(found) == 1 and isinstance(found[0].value, ast.Call):
            return ast.copy_location(found[0], node)
        found.insert(0, first)
        return [ast.copy_location(n, node) for n in found]

    def _is_module(self, name, level):
        full = source(self._module, ast.ImportFrom(name, [], level))
        return full in self._consts or full + ".__init__" in self._consts

    def _loaded(self, name, level):
        text = "__import__((%r,)[0], None, None, 1, %d)" % (name, level)
        return ast.parse(text, mode="eval").body

    def visit_Constant(self, node):
        text = node.value
        if not self._let_go or not self._bound or not isinstance(text, str):
            return node
        if not 0 < len(text) <= _TEXT or text in self._there:
            return node
        made = ast.Subscript(ast.Tuple([node], ast.Load()), ast.Constant(0), ast.Load())
        return ast.copy_location(made, node)

    def visit_Tuple(self, node):
        return node if _fixed(node) else self.generic_visit(node)

    def visit_Expr(self, node):
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Call(self, node):
        if getattr(node.func, "id", "") not in (*LOOKS, "const"):
            return self.generic_visit(node)
        args = [a if isinstance(a, ast.Constant) else self.visit(a) for a in node.args]
        node.func = self.visit(node.func)
        node.args = args
        return node

    def visit_Dict(self, node):
        self.generic_visit(node)
        stays = self._bound or self._module in ("__init__", *ALWAYS)
        if stays or not all(k and _fixed(k) for k in node.keys + node.values):
            return node
        pairs = [ast.Tuple([k, v], ast.Load()) for k, v in zip(node.keys, node.values)]
        made = ast.Call(ast.Name("dict", ast.Load()), [ast.Tuple(pairs, ast.Load())], [])
        return ast.copy_location(made, node)

    def visit_Global(self, node):
        return node  # names that are not renamed, see Names._collect

    def visit_ClassDef(self, node):
        outer = self._public
        self._public = bool(ast.get_docstring(node))
        node.name = self._name(node.name)
        self.generic_visit(node)
        self._public = outer
        if not self._bound:
            node.body[:0] = ast.parse(_UNUSED).body
        return node

    def visit_FunctionDef(self, node):
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.args.kw_defaults = [d and self.visit(d) for d in node.args.kw_defaults]
        for arg in ast.walk(node.args):
            if isinstance(arg, ast.arg):
                arg.annotation = None
        node.returns = None
        names = {n: n for n in bound(node.body, asked=False)}
        for n in _globals(node):
            names.pop(n, None)
        names.update((n, n) for n in parameters(node))
        told = public(node) or (self._public and node.name.startswith("__"))
        if not told and (self._module not in ALIKE or node.name.startswith("_")):
            self._shorten_parameters(node, names)
        inside = bool(self._bound)
        node.name = self._bound[-1].get(node.name, node.name) if inside else self._name(node.name)
        self._bound.append(names)
        for arg in ast.walk(node.args):
            if isinstance(arg, ast.arg):
                arg.arg = names[arg.arg]
        node.body = self._visit_all(node.body)
        self._bound.pop()
        if not node.body or (len(node.body) == 1 and ast.get_docstring(node)):
            node.body.append(ast.Pass())
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def _shorten_parameters(self, node, names):
        # names: {name in the function: its new one}, which is changed.
        taken = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        taken |= {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)} | set(names)
        taken |= {self._name(n) for n in taken}
        taken.update(*(around.values() for around in self._bound))
        free = [w for w in FREE if w not in taken]
        for n in parameters(node):
            if n != "self" and n not in self._named and free:
                names[n] = free.pop(0)

    def _visit_all(self, body):
        found = []
        for statement in body:
            new = self.visit(statement)
            found += new if isinstance(new, list) else [new] if new is not None else []
        return found

    def visit_Lambda(self, node):
        names = {n: n for n in parameters(node)}
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        self._bound.append(names)
        node.body = self.visit(node.body)
        self._bound.pop()
        return node


def _globals(function):
    return [n for node in ast.walk(function) if isinstance(node, ast.Global) for n in node.names]


def arranged(sources):
    # {module: its text} -> {module: its tree}, with everything where it is when compiled.
    trees = {name: ast.parse(text, name) for name, text in sources.items()}
    set_aside(trees)
    join(trees)
    reasons.shorten(trees, WORDS)
    return trees


def text_of(names, module):
    # The new text of one of the modules of `names`, whose tree is changed.
    tree = names.trees[module]
    _Rename(names, module).visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def shorten(root, sources):
    # {module: its text} -> {module: its text with short names}, and {module: [(short, function)]}
    # for the reader of a traceback.
    names = Names(arranged(sources), *outside(root), taken(root))
    functions = {
        module: sorted(
            (names.short[node.name], node.name)
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in names.short
        )
        for module, tree in names.trees.items()
    }
    return {module: text_of(names, module) for module in sources}, functions


def listed(functions):
    # The text of names.txt: "wire.link _ab: on_line", for each of shorten()'s functions.
    lines = ["%s %s: %s" % (m, *names) for m, found in functions.items() for names in found]
    return "\n".join(lines) + "\n"
