# qcover.probes - which lines MicroPython runs: a copy of the driver that notes each statement.
# SPDX-License-Identifier: MIT
#
# coverage.py knows CPython only, and MicroPython's releases have no settrace. So each statement of
# the copy has one before it that sets the byte of its line; setting a byte allocates nothing.

import ast

_MODULE = """\
import os
import sys

_bytes = {}


def lines(name, n):
    # A module that is loaded twice goes on with the same.
    if name not in _bytes:
        _bytes[name] = bytearray(n)
    return _bytes[name]


def _save():
    with open(os.getenv("QSSL_PROBES"), "w") as f:
        for name in _bytes:
            for n, hit in enumerate(_bytes[name]):
                if hit:
                    f.write("%s %d\\n" % (name, n))


sys.atexit(_save)
"""


def write(source, target):
    # The driver's package with probes, below the folder target.
    (target / "_probes.py").write_text(_MODULE)
    package = target / source.name
    for path in sorted(source.rglob("*.py")):
        inner = path.relative_to(source)
        (package / inner).parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        tree = ast.parse(text)
        _Probes().visit(tree)
        head = "from _probes import lines\n_probed_lines = lines(%r, %d)\n" % (
            inner.as_posix(),
            len(text.splitlines()) + 1,
        )
        (package / inner).write_text(head + ast.unparse(ast.fix_missing_locations(tree)))


def read(path, source):
    # {file of the driver: [line]} out of what a run has left.
    found = {}
    for line in path.read_text().splitlines():
        name, n = line.split(" ")
        found.setdefault(str(source / name), []).append(int(n))
    return found


class _Probes(ast.NodeTransformer):
    def generic_visit(self, node):
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, [x for s in block for x in (_probe(s.lineno), s)])
        if isinstance(node, ast.ExceptHandler):
            node.body.insert(0, _probe(node.lineno))
        return node


def _probe(line):
    return ast.parse("_probed_lines[%d] = 1" % line).body[0]
