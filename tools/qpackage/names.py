# qpackage.names - chooses a short name for each private one of the driver.
# SPDX-License-Identifier: MIT
#
# MicroPython keeps every name of a .mpy file in the heap, once, for ever. So what only the driver
# itself calls by name, gets one of a few names that are used again and again: two attributes may
# share one if no object has both, two functions if no module has both. What is only an attribute,
# and parameters that nobody names, get words that every MicroPython has in its flash; functions
# and classes get names that attributes of what is always loaded have anyhow.
#
# A name stays as it is if it is public (see qapi.public: it has a docstring, or is an attribute in
# that of its class), if what is outside of lib/qssl needs it (see outside.py), or if an object of
# MicroPython has one like it.

import ast
import builtins
import io
import keyword
import re

from qpackage import places
from qpackage.bindings import attributes, bound, hidden, is_const, parameters, public

_WORD = re.compile(r"[A-Za-z_]\w*")
# Modules that look like others to clients: all of their names are kept.
ALIKE = ("compat",)
# qssl.uplink.health tells every attribute of these by its name, and what qssl.uplink.bill adds.
_TOLD = ("Stats",)
_ADDED = ("air",)
# These look a name up by a text.
LOOKS = ("getattr", "setattr", "hasattr", "__import__")
ALWAYS = ("modem", "socket")
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
FREE = """
append args clear close copy count end endswith extend find format get index insert items join key
keys lower lstrip pop popitem remove replace rfind rindex rsplit rstrip send sep setdefault sort
split start startswith step stop strip throw update upper value values
""".split()
# More of them, for attributes: of what asks an object for one by such a name, nothing here is (the
# protocols of streams, generators and exceptions).
WORDS = """
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
# Names that a module of the interpreter or of the driver has.
_FIXED = {*dir(builtins), *keyword.kwlist, "const", "micropython"}


def _foreign():
    kinds = (str, bytes, bytearray, memoryview, list, dict, tuple, set, int, float, OSError)
    found = set(_FOREIGN) | set(dir(builtins)) | set(keyword.kwlist)
    kinds += (property, io.IOBase, io.BytesIO, type(x for x in ()), type(_foreign), type(io))
    for kind in kinds:
        found.update(dir(kind))
    return found


class Names:
    # trees: {"wire.link": ast.Module}. used, named: see outside(). taken: see taken(); None: used.
    def __init__(self, trees, used, named, taken=None):
        self.trees = trees
        self._keep = used | _foreign() | set(_ADDED)
        self.named = set(named)
        self._scopes = []  # sets of names that may not share one
        self._loose = set()  # attributes given to an object from outside
        self._globals = set()  # names of modules' own
        self._always = set()  # attributes of what is always loaded
        self._open = set()  # attributes of classes that a program may derive from
        self._given = {}  # class: attributes that are set from outside
        self.consts = {}  # module: {name: number}
        self.short = {}  # name: its short one
        self.there = {*WORDS, *_ODD, *FREE}  # names that there are anyhow
        for node in (n for tree in self.trees.values() for n in ast.walk(tree)):
            for field in ("id", "attr", "arg", "name"):
                self.there.add(getattr(node, field, None))
        self._collect()
        # A number that only the driver asks for by name gets one that the compiler drops.
        self._numbers = {n for found in self.consts.values() for n in found}
        self._numbers -= used if taken is None else taken
        self._keep -= self._numbers
        self._choose()

    # --- what there is -----------------------------------------------------------------------

    def _collect(self):
        families = {}  # class: the set that it shares with its bases
        for module, tree in self.trees.items():
            self._texts(module, tree)
            names = bound(tree.body) - hidden(tree)
            self._keep |= hidden(tree)
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
                    if module in ALWAYS:
                        self._always |= own
                    told = own if module in ALIKE or node.name in _TOLD else _told(node)
                    self._keep.update(n for n in own & told if not n.startswith("_"))
            if module in ALIKE:
                self._keep.update(n for n in names if not n.startswith("_"))
        for module, tree in self.trees.items():
            self._set_from_outside(tree, families, module.startswith("connect."))
        self._scopes += {id(s): s for s in families.values()}.values()

    def _texts(self, module, tree):
        # Names that a text means: what the package gives when asked for it, and what looks one up.
        for node in ast.walk(tree):
            if module == "__init__" or getattr(getattr(node, "func", None), "id", "") in LOOKS:
                for n in ast.walk(node):
                    if isinstance(n, ast.Constant) and isinstance(n.value, str):
                        self._keep.update(_WORD.findall(n.value))
            if public(node):
                self._keep.add(node.name)
            for function in _called(node):
                # May come along in a dict: start(**board.access()).
                self.named.update(parameters(function))

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
        own = bound(node.body) | set(attributes(node.body))
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
        there = self._always - set(names) | {w for w in WORDS if w.islower()}
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
        # What an attribute may become.
        return _ODD if name in self._open else [*WORDS, *_ODD]

    def _settle(self, clash):
        # Of the attributes of what is always loaded each gets the word that is found at once.
        trees = [self.trees[m] for m in ALWAYS if m in self.trees]
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

        places.settle(classes, self.short, free, [*WORDS, *_ODD], clash, fits)


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
    return [node] if public(node) else []


def _delegates(node):
    # The classes whose attributes a class's __getattr__ gives: as if it had them.
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__getattr__":
            for n in ast.walk(function):
                if isinstance(n, ast.ImportFrom):
                    yield from (ast.Name(a.name) for a in n.names if a.name[:1].isupper())


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
        if is_const(node):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value.args[0])
            except ValueError:
                pass  # of another constant
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _locals(trees):
    # Every name that a function binds.
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield from bound(node.body)
                yield from parameters(node)
