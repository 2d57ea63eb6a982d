# qreplay.forms - the form of an answer: what stays when all that is this modem's own is taken out.
# SPDX-License-Identifier: MIT

import re

# The first text in quotes of these is a word of the modem's, not a value.
_WORDS = ("+QSSLCFG", "+QCFG", "+QIURC", "+QSSLURC", "+QINDCFG", "+QURCCFG", "+QICFG")
_TOKEN = re.compile(r'"[^"]*"|[^,]+|(?<=,)(?=,|$)')
_HOSTS = ("+QSSLSTATE", "+QISTATE")
_SUMS = ("+QFUPL", "+QFDWL")


def of(line):
    # '+CSQ: 14,2' -> '+CSQ: N,N'
    prefix, colon, rest = line.partition(": ")
    if not colon or not prefix.startswith("+"):
        if re.match(r"[\dA-F]{14,22}$", line):
            return "(number)"
        return re.sub(r"\b[A-Z]*\d[\w.]*", "T", line)
    tokens = []
    for i, token in enumerate(_TOKEN.findall(rest)):
        if token.startswith('"'):
            word = prefix in _WORDS and i == 0
            # A name stands where an address will, once it is resolved.
            tokens.append(token if word else '"T"' if prefix in _HOSTS else _quoted(token))
        elif prefix == "+CPIN":
            tokens.append("T")
        elif prefix in _SUMS and i == 1:
            tokens.append("H")
        elif re.match(r" *-?\d+$", token):
            tokens.append("N")
        elif re.match(r" *0[xX][0-9a-fA-F]+$", token):
            tokens.append("X")
        else:
            blank = " " if token.startswith(" ") else ""
            tokens.append(blank + ("T" if token.strip().islower() else token.strip()))
    return prefix + ": " + ",".join(tokens)


def _quoted(token):
    if re.match(r'"\d+\.\d+\.\d+\.\d+"$', token):
        return '"IP"'
    if re.match(r'"\d{2,4}/\d\d/\d\d,', token):
        return '"%s/.."' % ("y" * (token.find("/") - 1))
    if re.match(r'"(RAM|UFS|SD):', token):
        return '"%s:T"' % token[1:].partition(":")[0]
    return '"T"'


def list_of(lines, test):
    # Of an answer; lines of one form after each other are one. test: what the modem says to "=?"
    # is its own vocabulary, and stays as it is.
    found = []
    for line in lines:
        form = line if test else of(line)
        if not found or found[-1] != form:
            found.append(form)
    return found


def alike(recorded, said):
    # Whether two lists are the same; what a recording has masked (***) may have been anything.
    return len(recorded) == len(said) and all(
        one == other or ("***" in one and re.fullmatch(_masked(one), other))
        for one, other in zip(recorded, said)
    )


def _masked(form):
    return re.escape(form).replace(re.escape("***"), ".*")


def final_of(text):
    if text.startswith("+CME ERROR") or text.startswith("+CMS ERROR"):
        return "ERROR"
    return text
