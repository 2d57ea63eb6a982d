# qbench.size - bytes of each module as .mpy, and which of them a program loads.
# SPDX-License-Identifier: MIT

import ast

from qpackage.mpy import compile_driver, modules


def compiled(folder):
    # {module: bytes}, in the order of their size; folder/qssl/*.mpy stays.
    compile_driver(folder)
    top = folder / "qssl"
    sizes = {
        ".".join(p.relative_to(top).with_suffix("").parts): p.stat().st_size
        for p in top.rglob("*.mpy")
    }
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def names():
    # The modules, each after those that it imports at its top.
    found = []
    there = modules()

    def visit(name):
        if name in found or name.endswith("__init__") or name not in there:
            return
        for node in ast.parse(there[name].read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                inside = name.split(".")[: -node.level] + ([node.module] if node.module else [])
                for inner in [[]] if node.module else [[a.name] for a in node.names]:
                    visit(".".join(inside + inner))
        found.append(name)

    for name in there:
        visit(name)
    return found


def loaded(imported):
    # Names as in sys.modules -> names as in compiled().
    there = modules()
    names = [n.partition(".")[2] for n in imported]
    return [n if n in there else (n + ".__init__").lstrip(".") for n in names]
