# qapi.main - tools/api.py in the virtual environment.
# SPDX-License-Identifier: MIT

import difflib
import sys

import setup
from qapi import page

PAGE = setup.ROOT / "docs" / "api.md"


def _help(package, wanted):
    # Shows what has this name, or ends with it; of a module, its names. As it stands in a program,
    # too: `sock.recv(100)`, `modem.connect`, `board.setting`.
    name = wanted.partition("(")[0].strip()
    found = {}
    for module in page.MODULES:
        for path, member in page.names(package, module):
            found["qssl.%s.%s" % (module, path)] = (path, member)
    for module, text in page.MODULES.items():
        if name in (module, "qssl." + module, "qssl"):
            print("qssl.%s - %s" % (module, text))
            if name != "qssl":
                print("\n".join("  " + path for path, _ in page.names(package, module)))
                return 0
    if name == "qssl":
        return 0
    shown = _ending(found, name) or _ending(found, name.rpartition(".")[2])
    if not shown:
        paths = [path for path, _ in found.values()]
        near = difflib.get_close_matches(name, paths, 3, 0.4) or ["docs/api.md has all names"]
        print("api.py: There is no %s; %s?" % (wanted, ", ".join(near)), file=sys.stderr)
        return 2
    print("\n\n".join(shown))
    return 0


def _ending(found, name):
    # The texts of what ends with this name; capitals don't matter if nothing else fits.
    for fold in (str, str.lower):
        shown = []
        for whole, (path, member) in found.items():
            short = "qssl." + path  # as programs import it
            if any(("." + fold(w)).endswith("." + fold(name)) for w in (whole, short)):
                shown.append("%s\n\n%s" % (page.signature(path, member), member.docstring.value))
        if shown:
            return shown
    return []


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
