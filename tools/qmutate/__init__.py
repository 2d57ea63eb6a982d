# qmutate - the inside of tools/mutate.py.
# SPDX-License-Identifier: MIT
#
# Own code, as what there is mutates files in place and starts the whole test command for each
# change (cosmic-ray), or runs pytest in its own process (mutmut). The cases here run outside
# pytest, on a virtual clock, import parts of the driver again and again, and start slowly:
# hence a fork for each change, of a process that has imported the rest.
