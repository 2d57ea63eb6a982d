# test_types - the driver's types agree with the boards' stubs; annotations cost nothing.
# SPDX-License-Identifier: MIT

import ast
import shutil

import pytest

import setup
import typecheck
from qpackage.mpy import compile_mpy


def ready():
    # The stubs are fetched by tools/typecheck.py, or at the first run of tools/test.py.
    if not list(setup.CACHE.glob("stubs-*")):
        pytest.skip("no type stubs here: run `python3 tools/test.py` once")


@pytest.mark.parametrize("port", typecheck.PORTS)
def test_types(port):
    ready()
    assert typecheck.check(port) == []


def test_a_mistake_is_found(tmp_path):
    ready()
    for name in ("lib", "boards"):
        shutil.copytree(setup.ROOT / name, tmp_path / name)
    path = tmp_path / "lib/qssl/clock.py"
    text = path.read_text()
    text += "\n\ndef spoilt() -> int:\n    import time\n\n    return time.no_such(1)\n"
    path.write_text(text + "\n\ndef worse() -> int:\n    return 'a'\n")
    found = typecheck.check("rp2", tmp_path)
    assert len(found) == 2
    assert "no_such" in found[0] and 'expected "int"' in found[1]


def test_annotations_cost_no_bytecode(tmp_path):
    path = setup.ROOT / "lib/qssl/modem.py"
    tree = ast.parse(path.read_text())
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            count += node.returns is not None
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
    assert count > 10
    bare = tmp_path / "bare.py"
    bare.write_text(ast.unparse(tree))
    same = tmp_path / "same.py"
    same.write_text(ast.unparse(ast.parse(path.read_text())))  # for lines of the same numbers
    sizes = []
    for source in (bare, same):
        compile_mpy(source, "qssl/modem.py", source.with_suffix(".mpy"))
        sizes.append(source.with_suffix(".mpy").stat().st_size)
    assert sizes[0] == sizes[1]


def test_nothing_imports_typing():
    # It is not there on a board.
    for path in (setup.ROOT / "lib/qssl").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module]
            assert "typing" not in names, path.name
