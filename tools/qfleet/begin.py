# qfleet.begin - what both forms of tools/fleet.py begin and end with.
# SPDX-License-Identifier: MIT

import servers
from qfleet import options
from qshared import ending
from qshared.problem import Problem


def main(fleet, args):
    # fleet: the class to run. The exit status.
    chosen = options.parse(args)

    def run(stack):
        try:
            return fleet(chosen).run(stack)
        except servers.MissingServer as e:
            raise Problem("%s." % e) from None

    return ending.run("fleet.py", run)
