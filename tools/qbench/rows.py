# qbench.rows - one measured number, its aim, and what has been reached.
# SPDX-License-Identifier: MIT


class Row:
    # key: name in limits.json. value, aim: numbers in `unit`; aim None: there is none.
    # less: smaller is better. exact: the same at every run.
    def __init__(self, key, text, value, unit, aim=None, less=True, exact=True, place=""):
        self.key = key
        self.text = text
        self.value = value
        self.unit = unit
        self.aim = aim
        self.less = less
        self.exact = exact
        self.place = place  # where it was measured

    def met(self):
        # Whether the aim is met; None if there is none.
        if self.aim is None:
            return None
        return self.value <= self.aim if self.less else self.value >= self.aim

    def problem(self, limits):
        # A sentence, if it is worse than it may be.
        if not self.exact:
            return None
        limit = limits.get(self.key)
        if limit is None:
            return "%s has no limit: run `python3 tools/bench.py --limits`." % self.key
        worse = self.value > limit if self.less else self.value < limit
        if worse:
            return "%s: %s is %s than its limit of %s." % (
                self.text,
                self.shown(),
                "more" if self.less else "less",
                show(limit, self.unit),
            )
        return None

    def shown(self):
        return show(self.value, self.unit)

    def wanted(self):
        if self.aim is None:
            return ""
        return ("<= " if self.less else ">= ") + show(self.aim, self.unit)

    def as_dict(self):
        names = ("key", "text", "value", "unit", "aim", "exact", "place")
        return dict({n: getattr(self, n) for n in names}, met=self.met())


def show(value, unit):
    if unit == "%":
        return "%.1f %%" % (100 * value)
    if isinstance(value, float):
        value = round(value, 1)
    text = "{:,}".format(value).replace(",", " ") if isinstance(value, int) else str(value)
    return (text + " " + unit).strip()
