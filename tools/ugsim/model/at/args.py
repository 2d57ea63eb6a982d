# ugsim.model.at.args - parameters of an AT command, checked strictly.
# SPDX-License-Identifier: MIT

from ugsim.model.errors import Refused


def decimal(text):
    # ASCII digits only: str.isdigit() takes superscripts too, on CPython.
    for c in text:
        if c not in "0123456789":
            return False
    return bool(text)


def split(text):
    # "1,\"a,b\", 2" -> ["1", "\"a,b\"", "2"]. Commas in quotes belong to the string; blanks around
    # a parameter are ignored, as UG96 does. An unbalanced quote is refused.
    items = []
    kept = ""
    for part in text.split(","):
        if kept or part.count('"') & 1:
            kept += part
            if kept.count('"') & 1:
                kept += ","
                continue
            part = kept
            kept = ""
        items.append(part.strip())
    if kept:
        raise Refused
    return items


class Args:
    # What stands behind "=" of a write command. All getters raise Refused for a wrong value.

    def __init__(self, text):
        self.items = split(text) if text else []

    def __len__(self):
        return len(self.items)

    def count(self, low, high):
        # The command takes between low and high parameters.
        if not low <= len(self.items) <= high:
            raise Refused

    def given(self, index):
        # True when the parameter is there and not empty.
        return index < len(self.items) and self.items[index] != ""

    def number(self, index, low, high, default=None):
        # Unquoted decimal number in low..high. Without a default it must be there.
        if not self.given(index):
            if default is None:
                raise Refused
            return default
        text = self.items[index]
        if not decimal(text) or len(text) > 10:
            raise Refused
        value = int(text)
        if not low <= value <= high:
            raise Refused
        return value

    def signed(self, index, default=None):
        # Unquoted decimal number with an optional minus sign.
        if not self.given(index):
            if default is None:
                raise Refused
            return default
        text = self.items[index]
        digits = text[1:] if text[0] == "-" else text
        if not decimal(digits) or len(digits) > 10:
            raise Refused
        return -int(digits) if text[0] == "-" else int(digits)

    def string(self, index, default=None, longest=255):
        # Quoted string, returned without its quotes. "" is a value: two quotes were given.
        if not self.given(index):
            if default is None:
                raise Refused
            return default
        text = self.items[index]
        if len(text) < 2 or text[0] != '"' or text[-1] != '"' or '"' in text[1:-1]:
            raise Refused
        if len(text) - 2 > longest:
            raise Refused
        return text[1:-1]

    def is_string(self, index):
        return self.given(index) and self.items[index][0] == '"'
