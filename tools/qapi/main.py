# qapi.main - tools/api.py in the virtual environment.
# SPDX-License-Identifier: MIT

import sys

import setup
from qapi import page

PAGE = setup.ROOT / "docs" / "api.md"


def main(args):
    package = page.load(setup.ROOT / "lib")
    text = page.render(package)
    if args[:1] == ["update"]:
        PAGE.write_text(text)
    found = page.problems(package)
    if not PAGE.exists() or PAGE.read_text() != text:
        found.append("docs/api.md is out of date: run `python3 tools/api.py update`.")
    for sentence in found:
        print("api.py: " + sentence, file=sys.stderr)
    if not found:
        count = sum(len(page.names(package, module)) for module in page.MODULES)
        print("%d public names, each with its docstring; docs/api.md is up to date." % count)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(setup.main(main))
