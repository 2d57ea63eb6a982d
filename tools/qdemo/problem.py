# qdemo.problem - why the demo cannot run, as one sentence for the person.
# SPDX-License-Identifier: MIT


class Problem(Exception):
    # The text names what is wrong and the next step.
    pass
