# qsearch.shrink - the shortest schedule that still fails in the same way.
# SPDX-License-Identifier: MIT

_TRIES = 300


def shrink(plan, why, attempt):
    # attempt(plan) -> (anything, why or None). Leaves out pieces as long as it still fails.
    kind = why[:14]  # "Violation: G2:"
    tries = [_TRIES]

    def fails(other):
        if tries[0] <= 0:
            return False
        tries[0] -= 1
        found = attempt(other)[1]
        return found is not None and found[:14] == kind

    size = max(len(plan["ops"]) // 2, 1)
    while True:
        at = 0
        while at < len(plan["ops"]):
            other = dict(plan)
            other["ops"] = plan["ops"][:at] + plan["ops"][at + size :]
            if fails(other):
                plan = other
            else:
                at += size
        if size == 1:
            break
        size //= 2
    for part in ("switches", "rig"):
        for name in sorted(plan[part]):
            other = dict(plan)
            other[part] = {key: plan[part][key] for key in plan[part] if key != name}
            if fails(other):
                plan = other
    return plan
