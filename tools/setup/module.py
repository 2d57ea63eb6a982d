# setup.module - runs a module as `python -m` does; Ctrl-C while it is imported shows no traceback.
# SPDX-License-Identifier: MIT
#
#     module.py NAME ARGUMENT...      started by setup.call_module(), which holds Ctrl-C back until
#                                     this is ready for it

import sys

import interrupt  # noqa: F401 - first of all; this folder is the first of sys.path

if __name__ == "__main__":
    import os
    import runpy

    sys.path[0] = os.getcwd()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
