# qapi.main - tools/api.py in the virtual environment.
# SPDX-License-Identifier: MIT

import difflib
import sys

import setup
from qapi import page

PAGE = setup.ROOT / "docs" / "api.md"


def _help(package, wanted):
    # Shows what has this name, or ends with it.
    shown = []
    all_names = []
    for module in page.MODULES:
        for path, member in page.names(package, module):
            whole = "qssl.%s.%s" % (module, path)
            all_names.append(path)
            if ("." + whole).endswith("." + wanted):
                shown.append("%s\n\n%s" % (page.signature(path, member), member.docstring.value))
    if not shown:
        near = difflib.get_close_matches(wanted, all_names, 3, 0.4) or [
            "docs/api.md has all names"
        ]
        print("api.py: There is no %s; %s?" % (wanted, ", ".join(near)), file=sys.stderr)
        return 2
    print("\n\n".join(shown))
    return 0


def main(args):
    package = page.load(setup.ROOT / "lib")
    if args[:1] == ["help"]:
        return _help(package, args[1])
    text = page.render(package)
    if args[:1] == ["update"]:
        PAGE.write_text(text)
    found = page.problems(package)
    if not PAGE.exists() or PAGE.read_text() != text:
        found.append("docs/api.md is out of date: run `python3 tools/api.py update`.")
    for sentence in found:
        print("api.py: " + sentence, file=sys.stderr)
    if any(" lacks " in sentence for sentence in found):
        print("A name that is not for programs goes into HIDDEN of tools/qapi/public.py.")
    if not found:
        count = sum(len(page.names(package, module)) for module in page.MODULES)
        print("%d public names, each with its docstring; docs/api.md is up to date." % count)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(setup.main(main))
