# qpackage.places - attributes get those of the short names that MicroPython finds at once.
# SPDX-License-Identifier: MIT
#
# MicroPython keeps the attributes of an object, and those of a class, in tables. A name's hash
# says where it lies; if another one is there, the next place is looked at. A method is looked for
# among the attributes first, up to the first empty place. So of the words that there are those are
# taken that meet nobody: on a board it costs nothing, and is worth some per cent.

import ast
import functools
import random

from qpackage.bindings import attributes

# py/map.c: hash_allocation_sizes
_SIZES = (0, 1, 2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167, 223, 293, 389, 521)
_TRIES = 3000  # for a class


@functools.cache
def _hash(name):
    # py/qstr.c: qstr_compute_hash, of two bytes
    found = 5381
    for c in name.encode():
        found = (found * 33 ^ c) & 0xFFFFFFFF
    return found & 0xFFFF or 1


def _size(count):
    return next(size for size in _SIZES if size >= count)


def table(names):
    # As it lies when these have been put into it, one after the other.
    places = []
    for n, name in enumerate(names):
        if n == len(places):
            old, places = places, [None] * _size(n + 1)
            for other in old:
                _put(places, other)
        _put(places, name)
    return places


def _put(places, name):
    at = _hash(name) % len(places)
    while places[at] is not None:
        at = (at + 1) % len(places)
    places[at] = name


def looks(places, name):
    # How many places are looked at until the name is found, or is known not to be there.
    size = len(places)
    at = _hash(name) % size if size else 0
    for n in range(size):
        if places[at] in (None, name):
            return n + 1
        at = (at + 1) % size
    return size


class Class:
    # Of a class its names in their order. more: attributes that it is given from outside.
    # weights: {name: how often it is looked up}.
    def __init__(self, node, more, weights):
        self.methods = [n for n in _in_order(node.body) if n[:2] != "__" or n == "__init__"]
        init = [n for n in node.body if getattr(n, "name", "") == "__init__"]
        there = dict.fromkeys([*attributes(init), *sorted(more)])
        self.attributes = [n for n in there if n not in self.methods]
        self._weights = weights

    def cost(self, short):
        methods = [short.get(n, n) for n in self.methods]
        own = [short.get(n, n) for n in self.attributes]
        there, here = table(methods), table(own)
        total = 0
        for name, new in zip(self.methods, methods):
            total += self._weights.get(name, 0) * (looks(here, new) + looks(there, new))
        for name, new in zip(self.attributes, own):
            total += self._weights.get(name, 0) * looks(here, new)
        return total


def _in_order(body):
    for n in body:
        if isinstance(n, ast.FunctionDef):
            yield n.name
        elif isinstance(n, ast.Assign):
            yield from (t.id for t in n.targets if isinstance(t, ast.Name))


def weights(trees):
    found = {}
    for tree in trees:
        for n in ast.walk(tree):
            if isinstance(n, ast.Attribute):
                found[n.attr] = found.get(n.attr, 0) + 1
    return found


def settle(classes, short, free, words, clash, fits):
    # Changes short, {name: its new one}, class by class. free: names that may change; words: what
    # they may become, besides what they are; clash: {name: those that may not have the same};
    # fits(name, word): whether it may be that one at all.
    chance = random.Random(1)
    holders = {}
    for name, word in short.items():
        holders.setdefault(word, set()).add(name)

    def put(name, word):
        holders[short[name]].discard(name)
        short[name] = word
        holders.setdefault(word, set()).add(name)

    def right(name):
        word = short[name]
        if word in clash[name] or not fits(name, word):
            return False
        return len(holders[word] & clash[name]) == (name in clash[name])

    for each in classes:
        names = [n for n in dict.fromkeys([*each.methods, *each.attributes]) if n in free]
        if len(names) < 2:
            continue
        there = sorted({*words, *(short[n] for n in names)})
        best = each.cost(short)
        for _ in range(_TRIES):
            name, word = chance.choice(names), chance.choice(there)
            old = short[name]
            other = next((n for n in names if short[n] == word), None)
            if other == name:
                continue
            put(name, word)
            if other is not None:
                put(other, old)
            if right(name) and (other is None or right(other)):
                cost = each.cost(short)
                if cost <= best:
                    best = cost
                    continue
            put(name, old)
            if other is not None:
                put(other, word)
