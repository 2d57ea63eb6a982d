# qbench.chip - the bench on an emulated RP2040, with a firmware image that the person names.
# SPDX-License-Identifier: MIT
