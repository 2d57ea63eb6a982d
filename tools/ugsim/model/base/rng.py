# ugsim.model.base.rng - small seeded generator, equal on both interpreters.
# SPDX-License-Identifier: MIT


class Rng:
    # xorshift32: no module state, small integers only.

    def __init__(self, seed):
        self._x = (seed * 2654435761 + 1) & 0xFFFFFFFF or 1

    def below(self, limit):
        # A number from 0 to limit - 1.
        x = self._x
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self._x = x
        return x % limit
