# test_freeze - what boards/manifest.py freezes.
# SPDX-License-Identifier: MIT

import os
import sys
import types
from pathlib import Path

import setup
from qpackage import freeze


def test_what_is_frozen(tmp_path, monkeypatch):
    # boards/manifest.py freezes the texts with short names; what has not changed keeps its date.
    lib = tmp_path / "lib/qssl/wire"
    lib.mkdir(parents=True)
    (lib / "__init__.py").write_text("")
    (lib / "link.py").write_text("def _another_private_name():\n    pass\n")
    monkeypatch.setattr(freeze, "_ROOT", tmp_path)
    monkeypatch.setattr(freeze, "_LIB", tmp_path / "lib/qssl")
    monkeypatch.chdir(setup.ROOT / "boards")
    monkeypatch.setattr(sys, "path", list(sys.path))
    frozen = []

    def run(folder):
        said = {}
        options = types.SimpleNamespace(
            board=None, folder=folder, defaults=lambda **d: said.update(d)
        )
        names = {"options": options, "package": lambda *a, **k: frozen.append((a, k))}
        exec(compile(Path("manifest.py").read_text(), "manifest.py", "exec"), names)
        return said

    folder = tmp_path / "frozen"
    assert run(str(folder))["folder"] == str(setup.ROOT / "build/frozen")
    assert frozen == [(("qssl",), {"base_path": str(folder), "opt": 3})]
    text = (folder / "qssl/wire/link.py").read_text()
    assert "_another_private_name" not in text
    assert "wire.link" in (folder / "names.txt").read_text()
    stays, changed = (folder / "qssl/wire" / name for name in ("__init__.py", "link.py"))
    for path in (stays, changed):
        os.utime(path, (1, 1))
    (lib / "link.py").write_text("def other():\n    return 1\n")
    (folder / "qssl/wire/gone.py").write_text("")
    run(str(folder))
    assert stays.stat().st_mtime == 1 and changed.stat().st_mtime > 1
    assert sorted(p.name for p in (folder / "qssl/wire").iterdir()) == ["__init__.py", "link.py"]
    assert lib / "link.py" in freeze.inputs()
