# qtap.mask - lines as they may be shown and kept: PINs, passwords, keys and long numbers are not.
# SPDX-License-Identifier: MIT
#
# The same as qssl.ask.trace does on a board; a test compares the two.

import re

# What a command or an answer may show: (its name, how many of its texts in quotes). Of others
# nothing behind "=" is shown, and no text in quotes: it may be a PIN or a password.
SHOWN = (
    ('+QSSLCFG="psk', 1),
    ('+QSSLCFG: "psk', 1),
    ("+QSSLCFG", 2),
    ("+QSSL", 9),
    ("+QICSGP", 1),
    ("+QIACT", 9),
    ("+QIDEACT", 0),
    ("+QIURC", 2),
    ("+QIDNS", 2),
    ("+QISTATE", 9),
    ("+QIGETERROR", 0),
    ("+QISDE", 0),
    ("+QISWTMD", 0),
    ("+QF", 1),
    ("+QCFG", 9),
    ("+QURCCFG", 9),
    ("+QINDCFG", 9),
    ("+QIND", 9),
    ("+QPOWD", 0),
    ("+CREG", 9),
    ("+CGREG", 9),
    ("+CEREG", 9),
    ("+COPS", 9),
    ("+CGATT", 0),
    ("+CCLK", 1),
    ("+CTZU", 0),
    ("+CSCS", 1),
    ("+QLTS", 1),
    ("+CMEE", 0),
    ("+CFUN", 0),
    ("+IPR", 0),
    ("+IFC", 0),
)
_ALL = 9
_STARS = "***"
_LONG = re.compile(r"\d{9,}")


def line(text, command=False):
    # (what may be shown, whether something was masked)
    name = text[2:] if command else text
    shown = next((n for start, n in SHOWN if name.startswith(start)), -1)
    if shown == _ALL:
        return text, False
    out = ""
    masked = False
    quotes = 0
    for i, part in enumerate(text.split('"')):
        if i % 2:  # between quotes
            quotes += 1
            if quotes > max(shown, 0):
                out += '"***'
                masked = True
            else:
                out += '"' + _numbers(part)
            continue
        if i:
            out += '"'
        # Of what is not known nothing behind "=" is shown, of no second command anything.
        stop = re.search("[;]" if command and shown >= 0 else "[=;]", part)
        if stop:
            return out + _numbers(part[: stop.end()]) + _STARS, True
        out += _numbers(part)
    return out, masked or _LONG.search(text) is not None


def _numbers(text):
    return _LONG.sub(_STARS, text)
