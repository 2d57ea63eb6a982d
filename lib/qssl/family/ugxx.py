# qssl.family.ugxx - UG95, UG96: the manuals in docs/manual-coverage.md.
# SPDX-License-Identifier: MIT


class Family:
    lte = 0  # Link.lte
