# qlearn.private - what tells who and where somebody is, replaced before anything is written.
# SPDX-License-Identifier: MIT

import re

_RULES = (
    # (pattern, which group, what takes its place)
    (re.compile(r"(?<![\w.])(89[0-9A-Fa-f]{16,20})(?!\w)"), "ICCID"),
    (re.compile(r"(?<![\w.])(\d{14,16})(?!\w)"), "ID"),
    (re.compile(r'"(\+\d{5,15})"'), "NUMBER"),
    (re.compile(r'(?:\+COPS: ?[^\r\n]*?)"([^"]+)"'), "OPERATOR"),
    (re.compile(r'\+C[GE]*REG: ?[^\r\n"]*"([^"]+)","[^"]+"'), "AREA"),
    (re.compile(r'\+C[GE]*REG: ?[^\r\n"]*"[^"]+","([^"]+)"'), "CELL"),
    (re.compile(r"\+C[GE]*REG: ?(?:\d,)?\d,([0-9A-Fa-f]{3,8}),[0-9A-Fa-f]"), "AREA"),
    (re.compile(r"\+C[GE]*REG: ?(?:\d,)?\d,[^,\r\n]+,([0-9A-Fa-f]{3,8})(?!\w)"), "CELL"),
    (re.compile(r'\+(?:CLIP|CCWA|CMT|CDS|CNUM): ?[^\r\n]*?"(\+?\d{3,20})"'), "NUMBER"),
    (re.compile(r'\+CUSD: ?\d,"([^"]+)"'), "TEXT"),
    (re.compile(r'\+QICSGP(?:: ?\d+|=\d+,\d+),"([^"]+)"'), "APN"),
    (re.compile(r'\+QICSGP(?:: ?\d+|=\d+,\d+),"[^"]*","([^"]+)"'), "USER"),
    (re.compile(r'\+QICSGP(?:: ?\d+|=\d+,\d+),"[^"]*","[^"]*","([^"]+)"'), "PASSWORD"),
    (re.compile(r'\+CPIN="?([0-9]{4,8})"?'), "PIN"),
    (re.compile(r"(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\d.])"), "IP"),
    (re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){15})(?![\d.])"), "IP"),  # of version 6
    (re.compile(r"(?<![\w:])([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7})(?![\w:])"), "IP"),
)
_KEPT = ("0.0.0.0", "255.255.255.255")


class Mask:
    # known {text: what it is}: what is surely private. The same text gets the same replacement.
    def __init__(self, known=None):
        self._names = {}
        self._counts = {}
        for text, what in (known or {}).items():
            if text:
                self._name(text, what)

    def __call__(self, text):
        for pattern, what in _RULES:
            for found in list(pattern.finditer(text)):
                if found[1] not in _KEPT and not self._is_name(found[1]):
                    self._name(found[1], what)
        # The longest first, so that no part of one is replaced before it.
        for secret in sorted(self._names, key=len, reverse=True):
            text = re.sub(r"(?<![\w])%s(?![\w])" % re.escape(secret), self._names[secret], text)
        return text

    def _is_name(self, text):
        return text in self._names.values()

    def _name(self, text, what):
        if text not in self._names:
            self._counts[what] = self._counts.get(what, 0) + 1
            self._names[text] = "<%s-%d>" % (what, self._counts[what])
