# qshared.problem - why a tool can't run, as one sentence for the person.
# SPDX-License-Identifier: MIT


class Problem(Exception):
    # The text names what is wrong and the next step.
    pass


def port_problem(port, error):
    # For the OSError that a server got.
    reason = error.strerror.partition(" (while")[0]  # some Pythons repeat the address
    return Problem("Port %d can't be used (%s): choose another with --port." % (port, reason))
