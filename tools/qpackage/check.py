# qpackage.check - package.json lists exactly the driver's files, and every version is the same.
# SPDX-License-Identifier: MIT

import json
import re

# What names the version: file, how it is written there.
_VERSIONS = (
    ("lib/qssl/__init__.py", r'^__version__ = "([^"]*)"$'),
    ("package.json", r'^  "version": "([^"]*)"'),
    ("pyproject.toml", r'^version = "([^"]*)"$'),
    ("CHANGELOG.md", r"^## \[(\d[^\]]*)\]"),
    ("tools/ugsim/__init__.py", r'^__version__ = "([^"]*)"$'),
)


def files(root):
    # The driver's modules as paths below its folder, in order.
    folder = root / "lib/qssl"
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.py"))


def version(root):
    found = re.search(_VERSIONS[0][1], (root / _VERSIONS[0][0]).read_text(), re.MULTILINE)
    return found.group(1) if found else ""


def manifest(root, suffix=".py", folder="lib/qssl"):
    # The text of a package.json for mip: where each file goes below the board's /lib, and where it
    # is, seen from the package.json.
    urls = []
    for name in files(root):
        name = name[:-3] + suffix
        urls.append("    " + json.dumps(["qssl/" + name, folder + "/" + name]))
    return '{\n  "urls": [\n%s\n  ],\n  "deps": [],\n  "version": "%s"\n}\n' % (
        ",\n".join(urls),
        version(root),
    )


def problems(root):
    # Sentences about what is wrong; none: all is well.
    found = []
    wanted = version(root)
    for name, pattern in _VERSIONS:
        path = root / name
        text = path.read_text() if path.exists() else ""
        match = re.search(pattern, text, re.MULTILINE)
        if name == "CHANGELOG.md" and not match and "\n## [Unreleased]\n" in text:
            continue  # before the first release
        if not match:
            found.append("%s names no version." % name)
        elif match.group(1) != wanted:
            found.append(
                "%s says version %s, lib/qssl/__init__.py says %s."
                % (name, match.group(1), wanted)
            )
    path = root / "package.json"
    try:
        listed = [entry[0] for entry in json.loads(path.read_text())["urls"]]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return [*found, "package.json can't be read: run `python3 tools/package.py update`."]
    there = ["qssl/" + name for name in files(root)]
    for name in there:
        if name not in listed:
            found.append("package.json lacks %s: run `python3 tools/package.py update`." % name)
    for name in listed:
        if name not in there:
            found.append("package.json lists %s, which is not in lib." % name)
    if not found and path.read_text() != manifest(root):
        found.append("package.json differs: run `python3 tools/package.py update`.")
    return found
