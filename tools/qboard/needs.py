# qboard.needs - what the board's settings name and the board does not have.
# SPDX-License-Identifier: MIT

import json

from qboard import files
from qboard.options import BOARDS
from qshared.problem import Problem

_READ = """
try:
    with open('/settings.json', 'rb') as f:
        print(repr(f.read()))
except OSError:
    print(repr(None))
"""
_THERE = """
import os
r = []
for p in %r:
    try:
        if os.stat(p)[0] & 0x4000 == 0:
            r.append(p)
    except OSError:
        pass
print(repr(r))
"""
_DEFAULTS = {
    "ca": "ca.pem",
    "cert": None,
    "key": None,
}  # the examples take ca.pem without a setting


def settings(board):
    # The settings on the board, bytes; None: it has none.
    return board.run(_READ)


def sentences(board, data, coming=()):
    # What lacks for settings of these bytes. coming: files that are on the way.
    try:
        value = files.read(data, "/settings.json")
    except Problem as e:
        return [str(e)]
    found = files.misspelt(value)
    wanted = {name: value.get(name, path) for name, path in _DEFAULTS.items()}
    paths = {
        name: "/" + path.lstrip("/")
        for name, path in wanted.items()
        if isinstance(path, str) and path and "-----" not in path
    }
    there = {*board.run(_THERE % (sorted(paths.values()),)), *coming}
    for name, path in paths.items():
        if path in there:
            continue
        what = "the setting %s names %s, which is not on the board: " % (name, wanted[name])
        if name == "ca" and path == "/ca.pem":
            if name not in value:
                what = "the CA's certificate, /ca.pem, is not on the board: "
            what += "`board.py install --ca FILE` copies it"
        else:
            what += "`mpremote cp FILE :%s` copies it" % path
        found.append(what)
    example = json.loads((BOARDS / "settings.json").read_text())
    if value.get("host") == example["host"]:
        found.append("the setting host is still that of the example")
    return found
