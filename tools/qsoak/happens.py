# qsoak.happens - what goes wrong by chance, and is over after a while.
# SPDX-License-Identifier: MIT


class Happens:
    # Of a long life on the virtual clock; it has .rig and .rng, and moment() is what it counts in.
    def __init__(self):
        self.happened = {}  # what: how often
        self._ends = []  # (when, what is done then)

    def moment(self):
        return self.rig.now

    def chance(self, one_in):
        return self.rng.below(one_in) == 0

    def note(self, what):
        self.happened[what] = self.happened.get(what, 0) + 1

    def later(self, time, function):
        self._ends.append((self.moment() + time, function))

    def over(self, all=False):
        # Ends what is due, or all of it.
        for end in [e for e in self._ends if all or e[0] <= self.moment()]:
            self._ends.remove(end)
            end[1]()

    def maybe(self, one_in, what, command):
        if self.chance(one_in):
            self.note(what)
            self.rig.model.command(command)

    def maybe_quiet(self, one_in, what, command):
        # Every other time the modem says nothing of it.
        if self.chance(one_in):
            self.note(what)
            self.rig.model.command(command + (" quiet" if self.chance(2) else ""))
            return True
        return False

    def maybe_no_coverage(self, one_in, what, draw):
        # draw(): for how long.
        if self.maybe_quiet(one_in, what, "coverage off"):
            self.later(draw(), lambda: self.rig.model.command("coverage on"))
