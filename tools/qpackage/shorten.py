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
# A name stays as it is if it is public (see qapi.public: it has a docstring, or is an attribute in
# that of its class), if what is outside of lib/qssl needs it (see outside.py), or if an object of
# MicroPython has one like it. Numbers that other modules import are put in where they are used.
# Dicts of constants are made of tuples where a module is let go: a word in a tuple goes with it,
# one in a dict is a name, and stays. For the same reason short texts are put into tuples there.

import ast
import builtins
import io
import keyword
import re

from qpackage import places
from qpackage.join import join, source
from qpackage.outside import bound, outside, taken
from qpackage.reasons import shorten as shorten_reasons

_WORD = re.compile(r"[A-Za-z_]\w*")
# Modules that look like others to clients: all of their names are kept.
_ALIKE = ("compat",)
# qssl.uplink.health tells every attribute of these by its name, and what qssl.uplink.bill adds.
_TOLD = ("Stats",)
_ADDED = ("air",)
# What is let go as soon as it has been used, and the longest text that would be a name.
_LET_GO = (
    *("start", "connect", "family", "ask", "files", "clock", "timesources", "rare"),
    "wire.command",
)
_TEXT = 10
# These look a name up by a text.
_LOOKS = ("getattr", "setattr", "hasattr", "__import__")
_ALWAYS = ("modem", "socket")
# What a variable holds, by its name: an object of these classes. What is set on others may be
# anybody's.
_HOLDS = {
    "at": "At",
    "carrier": "Https Mqtt",
    "ctx": "Context",
    "events": "Events",
    "inbox": "Inbox",
    "files": "Files",
    "hub": "_Hub",
    "job": "Fetch Send",
    "k": "Timekeeper",
    "link": "Link",
    "modem": "Modem",
    "parser": "Parser",
    "pipe": "Pipe _Sleep",
    "push": "Push",
    "queue": "FileQueue RamQueue",
    "recover": "Recovery",
    "resync": "Resync",
    "sock": "Socket",
    "stats": "Stats",
    "step": "Bringup",
    "tap": "Tap",
    "up": "Uplink",
    "witness": "Witness",
    "words": "Words _Words",
    "x": "Exchange",
}
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
# Those of them, and more, that no program would give to a class that it derives from one of ours.
_ODD = """
bytecode callable chr classmethod divmod endswith eval exec from_bytes getattr globals hasattr
isalpha isdigit isinstance islower isspace issubclass isupper locals lstrip oct ord popitem rfind
rindex rsplit rstrip setattr setdefault startswith staticmethod super to_bytes ArithmeticError
AssertionError AttributeError BaseException EOFError Ellipsis Exception GeneratorExit ImportError
IndentationError IndexError KeyError KeyboardInterrupt LookupError MemoryError NameError NoneType
NotImplementedError OSError OverflowError RuntimeError StopIteration SyntaxError SystemExit
TypeError ValueError ZeroDivisionError
""".split()
# Made by the driver alone.
_MADE = ("Socket", "Pipe")
# Attributes of what MicroPython has and CPython has not: streams, ports, the tasks of asyncio.
_FOREIGN = """
any cancel coro data deinit done flush init ioctl ipoll irq locked map modify peek ph_key poll
poller pop push qstr_info queue_read queue_write readinto register remove sendbreak state txdone
unregister value
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


class Shortener:
    # sources: {"wire.link": its text}. words, named: see outside(). taken: see taken(); None:
    # words.
    def __init__(self, sources, words, named, taken=None):
        self.trees = {name: ast.parse(text, name) for name, text in sources.items()}
        if _TO[0] in self.trees:
            _set_aside(self.trees[_FROM[0]], self.trees[_TO[0]])
        join(self.trees)
        shorten_reasons(self.trees, _WORDS)
        self._keep = words | _foreign() | set(_ADDED)
        self.named = set(named)
        self._scopes = []  # sets of names that may not share one
        self._loose = set()  # attributes given to an object from outside
        self._globals = set()  # names of modules' own
        self._always = set()  # attributes of what is always loaded
        self._open = set()  # attributes of classes that a program may derive from
        self._given = {}  # class: attributes that are set from outside
        self.consts = {}  # module: {name: number}
        self.short = {}  # name: its short one
        self.words = {*_WORDS, *_ODD, *_FREE}  # names that there are anyhow
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
            self._texts(module, tree)
            names = bound(tree.body) - _hidden(tree)
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
                    told = own if module in _ALIKE or node.name in _TOLD else _told(node)
                    self._keep.update(n for n in own & told if not n.startswith("_"))
            if module in _ALIKE:
                self._keep.update(n for n in names if not n.startswith("_"))
        for module, tree in self.trees.items():
            self._set_from_outside(tree, families, module.startswith("connect."))
        self._scopes += {id(s): s for s in families.values()}.values()

    def _texts(self, module, tree):
        # Names that a text means: what the package gives when asked for it, and what looks one up.
        for node in ast.walk(tree):
            if module == "__init__" or getattr(getattr(node, "func", None), "id", "") in _LOOKS:
                for n in ast.walk(node):
                    if isinstance(n, ast.Constant) and isinstance(n.value, str):
                        self._keep.update(_WORD.findall(n.value))
            if _public(node):
                self._keep.add(node.name)
            for function in _called(node):
                # May come along in a dict: start(**board.access()).
                self.named.update(_parameters(function))

    def _set_from_outside(self, tree, families, always):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                holder = getattr(node.value, "attr", getattr(node.value, "id", ""))
                owners = _HOLDS.get(holder.lstrip("_"), "").split()
                if holder != "self" and not any(owner in families for owner in owners):
                    self._loose.add(node.attr)
                for owner in owners:
                    families.get(owner, set()).add(node.attr)
                    if always:  # for each connection
                        self._given.setdefault(owner, set()).add(node.attr)

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
        own = bound(node.body)
        for function in node.body:
            if isinstance(function, ast.FunctionDef) and function.args.args:
                me = function.args.args[0].arg
                for n in ast.walk(function):
                    if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load):
                        if isinstance(n.value, ast.Name) and n.value.id == me:
                            own.add(n.attr)
        family |= own
        if ast.get_docstring(node) and node.name not in _MADE:
            self._open |= own
        # What the class's own statements read, they would find in the class.
        self._scopes.append(own | _read(node.body))
        return own

    # --- which name gets which ---------------------------------------------------------------

    def _choose(self):
        there = set().union(*self._scopes)
        # An attribute of no class of ours: anybody may have it.
        for scope in self._scopes:
            scope |= self._loose
        names = [n for n in there | self._loose if n not in self._keep and not n.startswith("__")]
        clash = {n: set() for n in names}
        for scope in self._scopes:
            for n in scope:
                if n in clash:
                    clash[n] |= scope
        here = set(_locals(self.trees.values()))
        taken = {n for s in self._scopes for n in s} - set(names)
        taken |= {n for n in here if n.startswith("_")}
        there = self._always - set(names) | {w for w in _WORDS if w.islower()}
        there -= self._globals | _FIXED | here
        there = sorted((n for n in there if not n.startswith("__")), key=lambda n: (len(n), n))
        odd = [w for w in _ODD if w not in _FIXED | here]
        # What is always loaded has the first choice.
        for n in sorted(names, key=lambda n: (n not in self._always, -len(clash[n]), n)):
            have = {self.short.get(other) for other in clash[n]} | clash[n]
            if n in self._numbers:
                free = []
            elif n in self._globals:
                free = [w for w in (odd if n in self._open else there) if w not in have]
            else:
                free = [w for w in self._words_for(n) if w not in have]
            free = free or (s for s in _shorts() if s not in have | taken | self._keep)
            self.short[n] = next(iter(free))
        self._settle(clash)

    def _words_for(self, name):
        return _ODD if name in self._open else [*_WORDS, *_ODD]

    def _settle(self, clash):
        # Of the attributes of what is always loaded each gets the word that is found at once.
        trees = [self.trees[m] for m in _ALWAYS if m in self.trees]
        weights = places.weights(trees)
        classes = [
            places.Class(node, self._given.get(node.name, ()), weights)
            for tree in trees
            for node in tree.body
            if isinstance(node, ast.ClassDef)
        ]
        free = {n for n in clash if n not in self._globals and n not in self._numbers}

        def fits(name, word):
            return word[:1] == "_" or word in self._words_for(name)

        places.settle(classes, self.short, free, [*_WORDS, *_ODD], clash, fits)

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


def _told(node):
    # The attributes that a class's docstring names, or may name; methods have one of their own.
    methods = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
    text = ast.get_docstring(node) or ""
    return set(_WORD.findall(text.partition("Attributes: ")[2] or text)) - methods


def _called(node):
    # What a program calls: a function, or what makes the objects of a class.
    if isinstance(node, ast.ClassDef) and ast.get_docstring(node):
        return [n for n in node.body if getattr(n, "name", "") == "__init__"]
    return [node] if _public(node) else []


def _public(node):
    return isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node)


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
                yield from bound(node.body)
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
        if not 0 < len(text) <= _TEXT or text in self._owner.words:
            return node
        made = ast.Subscript(ast.Tuple([node], ast.Load()), ast.Constant(0), ast.Load())
        return ast.copy_location(made, node)

    def visit_Tuple(self, node):
        return node if _fixed(node) else self.generic_visit(node)

    def visit_Expr(self, node):
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Call(self, node):
        if getattr(node.func, "id", "") not in (*_LOOKS, "const"):
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
        names = {n: n for n in bound(node.body, asked=False)}
        for n in _globals(node):
            names.pop(n, None)
        parameters = _parameters(node)
        names.update((n, n) for n in parameters)
        public = _public(node) or (self._public and node.name.startswith("__"))
        if not public and (self._module not in _ALIKE or node.name.startswith("_")):
            taken = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            taken |= {a.arg for a in ast.walk(node) if isinstance(a, ast.arg)} | set(names)
            taken |= {self._name(n) for n in taken}
            taken.update(*(around.values() for around in self._bound))
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
