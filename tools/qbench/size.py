# qbench.size - bytes of each module as .mpy, and which of them a program loads.
# SPDX-License-Identifier: MIT

import ast

from qdevice.stage import LIB, compile_driver


def compiled(folder):
    # {module: bytes}, in the order of their size; folder/qssl/*.mpy stays.
    compile_driver(folder)
    sizes = {p.stem: p.stat().st_size for p in (folder / "qssl").glob("*.mpy")}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def names():
    # The modules, each after those that it imports at its top.
    found = []

    def visit(name):
        path = LIB / (name + ".py")
        if name in found or name == "__init__" or not path.exists():
            return
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                for inner in [node.module] if node.module else [a.name for a in node.names]:
                    visit(inner)
        found.append(name)

    for path in sorted(LIB.glob("*.py")):
        visit(path.stem)
    return found


def loaded(modules):
    # Names as in sys.modules -> names as in compiled().
    return ["__init__" if n == "qssl" else n.rpartition(".")[2] for n in modules]
