# qapi - the parts of tools/api.py: what is public, what lacks in its docstrings, the page.
# SPDX-License-Identifier: MIT
