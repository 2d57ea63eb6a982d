# qca - the parts of tools/ca.py, and what makes the certificates of demo and tests.
# SPDX-License-Identifier: MIT
