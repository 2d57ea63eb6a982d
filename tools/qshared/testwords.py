# qshared.testwords - the command line of tools/test.py, looked at before pytest does: that shows
# its usage first. Standard library only: it runs first.
# SPDX-License-Identifier: MIT

import difflib
import re

from ugsim.model.family import MODELS

# Options of pytest whose value is the next word, and those that have none.
_VALUE = ("-k", "-m", "-p", "-c", "-o", "-W", "-r", "--deselect", "--ignore")
_ALONE = (
    "--everywhere",
    "--long",
    "--lf",
    "--ff",
    "--nf",
    "--sw",
    "--co",
    "--pdb",
    "-h",
    "--help",
)
_OPTION = re.compile(r"^  (?:(-\w)(?: \w+)?, )?(-[\w-]+)(?:[ =,]|$)|(?<=, )(--[\w-]+)", re.M)


def files(args, root):
    # Why a word is no file with tests; None: all can be.
    before = ""
    if args and args[-1] in _VALUE:
        return "%s wants a word behind it" % args[-1]
    for word in args:
        value = before in _VALUE or (before.startswith("--") and "=" not in before)
        if before == "--family" and word != "all" and word not in MODELS:
            return "there is no model %s; %s" % (word, _near(word, ("all", *MODELS)))
        if not word.startswith("-") and (not value or before in _ALONE):
            why = _file(word, root)
            if why:
                return why
        before = word
    return None


def _file(word, root):
    path, _, name = word.partition("::")
    there = root / path
    if not there.exists():
        known = {p.stem: p for p in sorted((root / "tests/host").rglob("test_*.py"))}
        near = difflib.get_close_matches(there.stem.replace("test_", ""), _stems(known), 1, 0.7)
        text = "there is no file %s" % path
        if near:
            text += "; the nearest is %s" % known["test_" + near[0]].relative_to(root)
        return text + "; -k chooses tests by their name"
    name = name.partition("[")[0].rpartition("::")[2]
    if name and there.is_file():
        found = re.findall(r"^ *(?:async )?def (test_\w+)", there.read_text("utf-8"), re.M)
        if name not in found:
            return "there is no test %s in %s; %s" % (name, path, _near(name, found))
    return None


def _stems(known):
    return [stem[len("test_") :] for stem in known]


def _near(word, known):
    near = difflib.get_close_matches(word, known, 1, 0.4)
    return "the nearest is %s" % near[0] if near else "known are %s" % ", ".join(known)


def options(args, text):
    # Why a word is no option, by the text of `pytest --help`; None: all can be.
    known = {name for row in _OPTION.findall(text) for name in row if name}
    short = {name[1] for name in known if len(name) == 2}
    for word in args:
        name = word.partition("=")[0]
        if word.startswith("--") and len(word) > 2:
            # As argparse does, a beginning that only one has is taken.
            if name not in known and len([k for k in known if k.startswith(name)]) != 1:
                near = difflib.get_close_matches(name, sorted(known), 1)
                return "there is no option %s%s" % (
                    name,
                    "; the nearest is %s" % near[0] if near else "",
                )
        elif word.startswith("-") and len(word) > 1 and word[1] not in short:
            return "there is no option %s" % word[:2]
    return None
