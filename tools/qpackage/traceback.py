# qpackage.traceback - says in the words of the sources what a build's traceback says in its own.
# SPDX-License-Identifier: MIT
#
# A build has no line numbers, short names, and several files of the driver in one module. So each
# line of the driver's is followed by where in the sources that function begins; by all of them,
# where several have the name.

import ast
import functools
import re

from qpackage.freeze import modules
from qpackage.join import JOINED

# As .mpy files, as frozen; not "/lib/qssl/modem.py", which is the source itself.
_LINE = re.compile(r'File "(qssl(?:[./]\w+)*?)(?:\.py)?"(?:, line \d+)?(?:, in (\S+))?')


def read(text):
    # The text of a names.txt, as {(module, short name): names}; ValueError if it is none.
    names = {}
    for line in text.splitlines():
        found = re.fullmatch(r"([\w.]+) (\S+): (\S+)", line)
        if not found:
            raise ValueError(line)
        names.setdefault(found.groups()[:2], []).append(found.group(3))
    return names


def told(line, names, root):
    # Which functions a line of a traceback may mean: [(path, line number, function)]; [] if it is
    # not the driver's.
    found = _LINE.search(line)
    if not found:
        return []
    files = modules()
    module = found.group(1).replace("/", ".").removeprefix("qssl").lstrip(".")
    module = module if module in files else (module + ".__init__").lstrip(".")
    if module not in files:
        return []
    wanted = [found.group(2), *names.get((module, found.group(2)), ())]
    places = []
    for part in (module, *JOINED.get(module, ())):
        path = files[part]
        for name, function, number in _all(path):
            if name in wanted:
                places.append((path.relative_to(root).as_posix(), number, function))
    return places


@functools.cache
def _all(path):
    return list(_functions(ast.parse(path.read_text(encoding="utf-8"))))


def _functions(tree, within=""):
    # (name, with that of its class or function before it, number of the line where it begins)
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if not isinstance(node, ast.ClassDef):
                yield node.name, within + node.name, node.lineno
            yield from _functions(node, within + node.name + ".")
        else:
            yield from _functions(node, within)


def translated(text, names, root):
    # The whole text, and how many of its lines were the driver's.
    lines = []
    count = 0
    for line in text.splitlines():
        lines.append(line.rstrip())
        places = told(line, names, root)
        count += bool(places)
        lines += ["      %s:%d %s" % place for place in places]
    return "\n".join(lines) + "\n", count
