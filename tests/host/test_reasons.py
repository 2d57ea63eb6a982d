# test_reasons - reasons of errors become words that every MicroPython has.
# SPDX-License-Identifier: MIT

import ast

from qpackage import reasons

REASONS = {
    "hints": 'TABLE = """\nhalf|EIO|send|not all\nlate||wait|too late\nkind|!EINVAL|a|b\n"""\n',
    "user": """
_GAPS = ("half", "kind")


def use(sock, error, told):
    sock.fail("half" if sock else "late")
    if told == "late":
        raise error(sock.why or "kind")
""",
}


def test_reasons_become_words_that_are_there():
    trees = {name: ast.parse(text) for name, text in REASONS.items()}
    reasons.shorten(trees, ["pow", "abs", "set", "half"])
    assert ast.unparse(trees["user"]).splitlines() == [
        "_GAPS = ('abs', 'pow')",
        "",
        "def use(sock, error, told):",
        "    sock.fail('abs' if sock else 'late')",
        "    if told == 'late':",
        "        raise error(sock.why or 'pow')",
    ]
    assert trees["hints"].body[0].value.value == (
        "\nabs|EIO|send|not all\nlate||wait|too late\npow|!EINVAL|a|b\n"
    )
