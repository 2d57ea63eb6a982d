# qapi.page - reads the public names with griffe, checks their docstrings, renders the page.
# SPDX-License-Identifier: MIT

import re

import griffe

from qapi.public import HIDDEN, INHERITED, INTERNAL, MODULES

_PART = re.compile(r"^(Returns|Raises|Blocks|Allocates|Since): (.*)$")
_OF_CLASS = ("Raises", "Blocks", "Allocates", "Since")
_OF_FUNCTION = ("Returns", *_OF_CLASS)
_HEAD = """\
# The API

Every name that a program uses, out of the docstrings of `lib/qssl`. Made by
`python3 tools/api.py update`; `python3 tools/api.py help Modem.connect` shows one of them. Times
that end in `_ms` are milliseconds, in `_s` seconds; sizes are bytes. What else begins without `_`
in the driver's modules is its own business and may change with any version.
"""


class Doc:
    # A docstring in two: .text, and .parts {"Returns": ...}.
    def __init__(self, value):
        self.parts = {}
        text = []
        part = None
        for line in (value or "").splitlines():
            found = _PART.match(line)
            if found:
                part = found.group(1)
                self.parts[part] = found.group(2)
            elif part and line.startswith("    "):
                self.parts[part] += " " + line.strip()
            else:
                part = None
                text.append(line)
        self.text = "\n".join(text).strip()

    def lacks(self, wanted):
        found = [] if self.text else ["a text"]
        return found + [name for name in wanted if not self.parts.get(name, "").strip()]


def load(lib):
    # The package as griffe sees it; nothing of it is run.
    return griffe.load("qssl", search_paths=[str(lib)], allow_inspection=False)


def names(package, module):
    # [(path such as "Modem.connect", griffe object)] of a module's public names, in their order.
    found = []
    here = package[module]
    for name, member in here.members.items():
        if not _public(member, name) or name in HIDDEN.get(module, "").split():
            continue
        found.append((name, member))
        if member.is_class:
            path = "%s.%s" % (module, name)
            hidden = HIDDEN.get(path, "").split()
            for other, method in member.members.items():
                if _public(method, other) and method.is_function and other not in hidden:
                    found.append(("%s.%s" % (name, other), method))
            for base, other in INHERITED.get(path, ()):
                found.append(("%s.%s" % (name, other), package[base][other]))
    return found


def _public(member, name):
    if member.is_alias or member.is_module:
        return False
    return not name.startswith("_") and not member.is_attribute


def problems(package):
    # Sentences about what is wrong.
    found = []
    there = _modules(package)
    listed = {*MODULES, *INTERNAL} - {"__init__"}
    for name in sorted(there - listed):
        found.append("qssl.%s is in neither table of tools/qapi/public.py." % name)
    for name in sorted(listed - there):
        found.append("tools/qapi/public.py lists qssl.%s, which is not there." % name)
    for path, hidden in HIDDEN.items():
        for name in hidden.split():
            if _find(package, path + "." + name) is None:
                found.append(
                    "tools/qapi/public.py hides %s.%s, which is not there." % (path, name)
                )
    for module in MODULES:
        if module not in there:
            continue
        for path, member in names(package, module):
            doc = Doc(member.docstring.value if member.docstring else "")
            lacks = doc.lacks(_OF_CLASS if member.is_class else _OF_FUNCTION)
            if lacks:
                found.append("qssl.%s.%s lacks %s." % (module, path, ", ".join(lacks)))
    return found


def _modules(package, room=""):
    # Their names, with the folder's before those in one.
    found = set()
    for name, member in package.members.items():
        if not member.is_alias and member.is_module:
            inner = _modules(member, room + name + ".")
            found |= inner
            # A room's own face is a module like others; most have none.
            if not inner or any(_public(m, n) for n, m in member.members.items()):
                found.add(room + name)
    return found


def _find(package, path):
    try:
        return package[path]
    except KeyError:
        return None


def render(package):
    out = [_HEAD.rstrip(), ""]
    out += ["| module | |", "| --- | --- |"]
    for module, text in MODULES.items():
        out.append("| [qssl.%s](#qssl%s) | %s |" % (module, module.replace(".", ""), text))
    for module, text in MODULES.items():
        out += ["", "## qssl.%s" % module, "", text]
        for path, member in names(package, module):
            out += ["", "### `%s`" % signature(path, member), ""]
            doc = Doc(member.docstring.value if member.docstring else "")
            out += [_escaped(doc.text), ""]
            for name in _OF_FUNCTION:
                if name in doc.parts:
                    out.append("* %s: %s" % (name.lower(), _escaped(doc.parts[name])))
    return "\n".join(out) + "\n"


def _escaped(text):
    # As plain text in Markdown, but for what is code.
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([*_<>\[\]|])", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def signature(path, member):
    function = member.members.get("__init__") if member.is_class else member
    if function is None:
        return path  # the errors: nobody makes one
    shown = []
    for p in function.parameters:
        if p.name == "self":
            continue
        text = {"variadic positional": "*", "variadic keyword": "**"}.get(
            p.kind.value, ""
        ) + p.name
        if p.annotation is not None:
            text += ": %s" % p.annotation
        if p.default is not None and not text.startswith("*"):
            text += (" = %s" if p.annotation is not None else "=%s") % _value(
                function, str(p.default)
            )
        shown.append(text)
    gives = "" if member.is_class or member.returns is None else " -> %s" % member.returns
    return "%s(%s)%s" % (path, ", ".join(shown), gives)


def _value(function, text):
    # The number behind the name of a constant.
    if not re.fullmatch(r"_?[A-Z][A-Z_0-9]*", text):
        return text
    member = function.module.members.get(text)
    if member is not None and member.is_alias:
        member = _find(function.package, member.target_path.partition(".")[2])
    number = re.search(r"\d+", str(member.value)) if member is not None else None
    return number.group(0) if number else text
