# qpackage.shorten - gives the driver's private names short ones, before it is compiled.
# SPDX-License-Identifier: MIT
#
# MicroPython keeps every name of a .mpy file in the heap, once, for ever. So what only the driver
# itself calls by name, gets one of a few names that are used again and again: two attributes may
# share one if no object has both, two functions if no module has both. What is only an attribute,
# and parameters that nobody names, get words that every MicroPython has in its flash; functions
# and classes get names that attributes of what is always loaded have anyhow.
#
# Methods of Modem that begin by loading another module go to qssl.rare, which the first of them
# that is called loads.
#
# A name stays as it is if it is public (see qapi.public: it has a docstring), if anything outside
# of lib/qssl names it (programs, tests, tools, documents), if a text in the driver may mean it
# (getattr), or if an object of MicroPython has one like it. Numbers that other modules import are
# put in where they are used. Dicts of constants are made of tuples where a module is let go: a
# word in a tuple goes with it, one in a dict is a name, and stays. For the same reason short texts
# are put into tuples there.

import ast
import builtins
import io
import keyword
import re

from qpackage.join import join, source

_WORD = re.compile(r"[A-Za-z_]\w*")
# A text that may name attributes: one, or several with blanks between.
_NAMING = re.compile(r"[A-Za-z_][\w .]{0,120}\Z")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_KEYWORD = re.compile(r"(\w+)=(?!=)")
# In a text, which may be a program: what follows a dot or begins with _.
_IMPORTED = re.compile(r"import ([\w, ]+)")
_DOTTED = re.compile(r"(?<=\.)[A-Za-z_]\w*|\b_\w+")
# What uses the driver as it goes onto a board: programs, the cases, what documents show.
_OUTSIDE = (
    "boards/*.py",
    "docs/*.md",
    "examples/*.py",
    "tests/device/*.py",
    "tests/host/cases/*.py",
    "tests/host/support/*.py",
    "tests/host/clients/*.py",
    "tools/q*/scripts/*.py",
    "README.md",
)
# These hold programs for a board as texts.
_HOLD = ("tools/q*/*.py", "tests/host/*.py")
# Modules that look like others to clients: all of their names are kept.
_ALIKE = ("aio", "compat")
# What is let go as soon as it has been used, and the longest text that would be a name.
_LET_GO = (
    *("start", "connect", "family", "ask", "files", "clock", "timesources", "rare"),
    "wire.command",
)
_TEXT = 10
# These look a name up by a text.
_LOOKS = ("getattr", "setattr", "hasattr", "__import__", "const")
_ALWAYS = ("modem", "socket")
# Words that the format of .mpy files promises to be in each MicroPython (py/makeqstrdata.py,
# static_qstr_list), that are nothing built in: free for parameters.
_FREE = """
append args clear close copy count end endswith extend find format get index insert items join key
keys lower lstrip pop popitem remove replace rfind rindex rsplit rstrip send sep setdefault sort
split start startswith step stop strip throw update upper value values
""".split()
# More of them, for attributes: of what asks an object for one by such a name, nothing here is (the
# protocols of streams, generators and exceptions).
_WORDS = """
abs all bool bytearray bytecode bytes callable chr classmethod dict dir divmod eval exec from_bytes
getattr globals hasattr hash id int isalpha isdigit isinstance islower isspace issubclass isupper
iter len list little locals map max min object oct ord pow print range repr reverse round self set
setattr sorted staticmethod str sum super to_bytes tuple type zip append clear copy count end
endswith extend find format index insert items join key keys lower lstrip main pop popitem remove
replace rfind rindex rsplit rstrip sep setdefault sort split start startswith step stop strip
update upper values
""".split()
# Methods of what MicroPython has and CPython has not.
_FOREIGN = """
any deinit flush init ioctl ipoll irq modify poll qstr_info readinto register sendbreak txdone
unregister
""".split()


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


# What the compiler puts into each class, and nobody asks for: their places go to the next names.
_UNUSED = "del __module__, __qualname__"
# Names that a module of the interpreter or of the driver has.
_FIXED = {*dir(builtins), *keyword.kwlist, "const", "micropython"}


def _foreign():
    kinds = (str, bytes, bytearray, memoryview, list, dict, tuple, set, int, float, OSError)
    found = set(_FOREIGN) | set(dir(builtins)) | set(keyword.kwlist)
    kinds += (property, io.IOBase, io.BytesIO, type(x for x in ()), type(_foreign), type(io))
    for kind in kinds:
        found.update(dir(kind))
    return found


def looked_at(root):
    # The files outside of the driver that decide which of its names stay.
    return sorted({p for pattern in (*_OUTSIDE, *_HOLD) for p in root.glob(pattern)})


def outside(root):
    # (attributes, names of keyword arguments) that are used by what is not the driver.
    words, named = set(), set()
    for name in _OUTSIDE:
        for path in sorted(root.glob(name)):
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".py":
                for node in ast.walk(ast.parse(text)):
                    words.update(_words(node))
                    if isinstance(node, ast.keyword) and node.arg:
                        named.add(node.arg)
            else:
                text = "\n".join(_CODE.findall(text))
                words.update(_names(text))
                named.update(_KEYWORD.findall(text))
    for path in sorted(p for pattern in _HOLD for p in root.glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = getattr(node, "value", None)
            if isinstance(node, ast.Constant) and isinstance(text, str) and _is_program(text):
                words.update(_names(text))
                named.update(_KEYWORD.findall(text))
    return words, named


def taken(root):
    # Names that what is outside takes from the driver's modules, or looks up in an object.
    found = set()
    for path in sorted(p for name in _OUTSIDE for p in root.glob(name) if p.suffix == ".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qssl"):
                found.update(alias.name for alias in node.names)
    return found


def _is_program(text):
    return "import " in text or "\n" in text or "modem." in text


def _names(text):
    # Of a program that can't be parsed.
    return [w for line in _IMPORTED.findall(text) for w in _WORD.findall(line)] + (
        _DOTTED.findall(text)
    )


def _words(node):
    # Attributes that a node of a program uses or defines; of a text what may be one.
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _NAMING.match(node.value):
            return _WORD.findall(node.value)
        return _DOTTED.findall(node.value)
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.ImportFrom):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ClassDef):
        return _bound(node.body)
    return []


class Shortener:
    # sources: {"wire.link": its text}. words, named: see outside(). taken: see taken(); None:
    # words.
    def __init__(self, sources, words, named, taken=None):
        self.trees = {name: ast.parse(text, name) for name, text in sources.items()}
        if _TO[0] in self.trees:
            _set_aside(self.trees[_FROM[0]], self.trees[_TO[0]])
        join(self.trees)
        self._keep = words | _foreign()
        self.named = set(named)
        self._scopes = []  # sets of names that may not share one
        self._loose = set()  # attributes given to an object from outside
        self._globals = set()  # names of modules' own
        self._always = set()  # attributes of what is always loaded
        self.consts = {}  # module: {name: number}
        self.short = {}  # name: its short one
        self.words = set(_WORDS) | set(_FREE)  # names that there are anyhow
        for node in (n for tree in self.trees.values() for n in ast.walk(tree)):
            for field in ("id", "attr", "arg", "name"):
                self.words.add(getattr(node, field, None))
        self._collect()
        # A number that only the driver asks for by name gets one that the compiler drops.
        self._numbers = {n for found in self.consts.values() for n in found}
        self._numbers -= words if taken is None else taken
        self._keep -= self._numbers
        self._choose()

    # --- what there is -----------------------------------------------------------------------

    def _collect(self):
        families = {}  # class: the set that it shares with its bases
        for module, tree in self.trees.items():
            for part in module.split("."):
                self._keep.add(part)
            self._texts(tree)
            names = _bound(tree.body) - _hidden(tree)
            self._keep |= _hidden(tree)
            self.consts[module] = _consts(tree)
            self._scopes.append(names)
            self._globals |= names
            for node in ast.walk(tree):
                if isinstance(node, (ast.Global, ast.Nonlocal)):
                    self._keep.update(node.names)
                elif isinstance(node, ast.keyword) and node.arg:
                    self.named.add(node.arg)
                elif isinstance(node, ast.Import):
                    for alias in node.names:
                        self._keep.update(alias.name.split("."))
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    self._keep.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ClassDef):
                    own = self._class(node, families)
                    if module in _ALWAYS:
                        self._always |= own
                    if ast.get_docstring(node) or module in _ALIKE:
                        self._keep.update(n for n in own if not n.startswith("_"))
            if module in _ALIKE:
                self._keep.update(n for n in names if not n.startswith("_"))
        self._scopes += {id(s): s for s in families.values()}.values()

    def _texts(self, tree):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if _NAMING.match(node.value):
                    self._keep.update(_WORD.findall(node.value))
            if _public(node):
                self._keep.add(node.name)

    def _class(self, node, families):
        # The names that it gives to its objects.
        family = families.setdefault(node.name, set())
        for base in [*node.bases, *_delegates(node)]:
            name = base.attr if isinstance(base, ast.Attribute) else base.id
            other = families.setdefault(name, set())
            if other is not family:
                family |= other
                for key, value in list(families.items()):
                    if value is other:
                        families[key] = family
        own = _bound(node.body)
        for function in node.body:
            if isinstance(function, ast.FunctionDef) and function.args.args:
                me = function.args.args[0].arg
                for n in ast.walk(function):
                    if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load):
                        if isinstance(n.value, ast.Name) and n.value.id == me:
                            own.add(n.attr)
        family |= own
        # What the class's own statements read, they would find in the class.
        self._scopes.append(own | _read(node.body))
        return own

    # --- which name gets which ---------------------------------------------------------------

    def _choose(self):
        there = set().union(*self._scopes)
        used = set()
        for tree in self.trees.values():
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute):
                    used.add(node.attr)
                    if not isinstance(node.ctx, ast.Load) and node.attr not in there:
                        self._loose.add(node.attr)
        # An attribute of no class of ours: anybody may have it.
        for scope in self._scopes:
            scope |= self._loose
        names = [n for n in there | self._loose if n not in self._keep and not n.startswith("__")]
        clash = {n: set() for n in names}
        for scope in self._scopes:
            for n in scope:
                if n in clash:
                    clash[n] |= scope
        taken = {n for s in self._scopes for n in s} - set(names)
        here = set(_locals(self.trees.values()))
        taken |= {n for n in here if n.startswith("_")}
        there = self._always - set(names) - self._globals - _FIXED - here
        there = sorted((n for n in there if not n.startswith("__")), key=lambda n: (len(n), n))
        for n in sorted(names, key=lambda n: (-len(clash[n]), n)):
            have = {self.short.get(other) for other in clash[n]}
            if n in self._numbers:
                free = []
            elif n in self._globals:
                free = [w for w in there if w not in have | clash[n]]
            else:
                free = [w for w in _WORDS if w not in have | taken]
            free = free or (s for s in _shorts() if s not in have | taken | self._keep)
            self.short[n] = next(iter(free))

    # --- the new text ------------------------------------------------------------------------

    def text(self, module):
        tree = self.trees[module]
        _Rename(self, module).visit(tree)
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _shorts():
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for a in letters:
        yield "_" + a
    for a in letters:
        for b in letters:
            yield "_" + a + b


def _public(node):
    return isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node)


def _bound(body):
    # Names that the statements of a module or class bind, those in nested functions not.
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
                if isinstance(node, ast.ImportFrom):
                    found.add(alias.name)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        for child in ast.iter_child_nodes(node):
            visit(child)

    for statement in body:
        visit(statement)
    return found


def _fixed(node):
    # Whether the compiler makes one object of it.
    if isinstance(node, ast.Tuple):
        return all(_fixed(n) for n in node.elts)
    return isinstance(node, ast.Constant)


def _delegates(node):
    # The classes whose attributes a class's __getattr__ gives: as if it had them.
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__getattr__":
            for n in ast.walk(function):
                if isinstance(n, ast.ImportFrom):
                    yield from (ast.Name(a.name) for a in n.names if a.name[:1].isupper())


def _class_of(tree, name):
    return next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)


def _set_aside(origin, other):
    # Moves the public methods that begin by loading another module, with the imports and constants
    # of the module that they use.
    source, target = _class_of(origin, _FROM[1]), _class_of(other, _TO[1])
    moved = [
        n
        for n in source.body
        if _public(n) and isinstance(n, ast.FunctionDef) and n.name not in _STAY
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


def _read(body):
    # Names that the statements of a class read, those in its functions not.
    found = set()
    for statement in body:
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            found.update(n.id for n in ast.walk(statement) if isinstance(n, ast.Name))
    return found


def _consts(tree):
    # {NAME: value} of what a module's const() names for others too.
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "const":
                try:
                    found[node.targets[0].id] = ast.literal_eval(value.args[0])
                except ValueError:
                    pass  # of another constant
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _hidden(tree):
    # Names that the compiler itself replaces by their values: _NAME = const(...).
    return {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "const"
        and node.targets[0].id.startswith("_")
    }


def _locals(trees):
    # Every name that a function binds.
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield from _bound(node.body)
                yield from _parameters(node)


def _parameters(function):
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return [a.arg for a in every if a]


class _Rename(ast.NodeTransformer):
    # One module, with the new names.
    def __init__(self, owner, module):
        self._short = owner.short
        self._named = owner.named
        self._module = module
        self._consts = owner.consts
        self._owner = owner
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
            if self._bound:
                alias.asname = self._bound[-1].get(here, here)
                alias.name = self._name(alias.name)
            else:
                alias.asname = self._name(alias.asname) if alias.asname else None
                alias.name = self._name(alias.name)
            if alias.asname == alias.name:
                alias.asname = None
            kept.append(alias)
        node.names = kept
        if self._bound and "." in (node.module or ""):
            return self._plain(node)
        return node if kept else None

    def _plain(self, node):
        # `from .a.b import c` as `from .a import b` and b.c: "a.b" is a name more.
        node.module, _, inner = node.module.rpartition(".")
        found = [node]
        for alias in node.names:
            value = ast.Attribute(ast.Name("_module", ast.Load()), alias.name, ast.Load())
            target = ast.Name(alias.asname or alias.name, ast.Store())
            found.append(ast.Assign([target], value))
        node.names = [ast.alias(inner, "_module")]
        return [ast.copy_location(n, node) for n in found]

    def visit_Constant(self, node):
        text = node.value
        if not self._let_go or not self._bound or not isinstance(text, str):
            return node
        if not 0 < len(text) <= _TEXT or text in self._owner.words:
            return node
        made = ast.Subscript(ast.Tuple([node], ast.Load()), ast.Constant(0), ast.Load())
        return ast.copy_location(made, node)

    def visit_Tuple(self, node):
        return node if _fixed(node) else self.generic_visit(node)

    def visit_Expr(self, node):
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Call(self, node):
        if getattr(node.func, "id", "") not in _LOOKS:
            return self.generic_visit(node)
        args = [a if isinstance(a, ast.Constant) else self.visit(a) for a in node.args]
        node.func = self.visit(node.func)
        node.args = args
        return node

    def visit_Dict(self, node):
        self.generic_visit(node)
        stays = self._bound or self._module in ("__init__", *_ALWAYS)
        if stays or not all(k and _fixed(k) for k in node.keys + node.values):
            return node
        pairs = [ast.Tuple([k, v], ast.Load()) for k, v in zip(node.keys, node.values)]
        made = ast.Call(ast.Name("dict", ast.Load()), [ast.Tuple(pairs, ast.Load())], [])
        return ast.copy_location(made, node)

    def visit_Global(self, node):
        return node  # names that are not renamed, see _collect

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
        names = {n: n for n in _bound(node.body)}
        for n in _globals(node):
            names.pop(n, None)
        parameters = _parameters(node)
        names.update((n, n) for n in parameters)
        public = _public(node) or (self._public and node.name.startswith("__"))
        if not public and (self._module not in _ALIKE or node.name.startswith("_")):
            taken = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            taken |= {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)} | set(names)
            free = [w for w in _FREE if w not in taken]
            for n in parameters:
                if n != "self" and n not in self._named and free:
                    names[n] = free.pop(0)
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

    def _visit_all(self, body):
        found = []
        for statement in body:
            new = self.visit(statement)
            found += new if isinstance(new, list) else [new] if new is not None else []
        return found

    def visit_Lambda(self, node):
        names = {n: n for n in _parameters(node)}
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        self._bound.append(names)
        node.body = self.visit(node.body)
        self._bound.pop()
        return node

    def visit_ExceptHandler(self, node):
        self.generic_visit(node)
        return node


def _globals(function):
    return [n for node in ast.walk(function) if isinstance(node, ast.Global) for n in node.names]


def shorten(root, sources):
    # {module: its text} -> {module: its text with short names}, and {module: [(short, function)]}
    # for the reader of a traceback.
    owner = Shortener(sources, *outside(root), taken(root))
    functions = {
        module: sorted(
            (owner.short[node.name], node.name)
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in owner.short
        )
        for module, tree in owner.trees.items()
    }
    return {module: owner.text(module) for module in sources}, functions


def listed(functions):
    # The text of names.txt: "wire.link _ab: on_line", for each of shorten()'s functions.
    lines = ["%s %s: %s" % (m, *names) for m, found in functions.items() for names in found]
    return "\n".join(lines) + "\n"
