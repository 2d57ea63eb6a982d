# qshared - what the programs of tools/ have in common: their options, what they start, how they
# end, errors.
# SPDX-License-Identifier: MIT

from setup import interrupt  # noqa: F401 - first of all
