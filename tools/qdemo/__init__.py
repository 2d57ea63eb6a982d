# qdemo - the parts of tools/demo.py and tools/run.py: modem, servers, device, display, judgement.
# SPDX-License-Identifier: MIT

from setup import interrupt  # noqa: F401 - first of all
