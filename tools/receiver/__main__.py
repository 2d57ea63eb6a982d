# receiver - `python3 tools/receiver`, from any Python. Standard library only.
# SPDX-License-Identifier: MIT

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _start(args):
    from receiver import options

    options.parse(args)
    python = setup.ensure_venv("receiver")
    setup.enter(python, "receiver.main", args)


if __name__ == "__main__":
    if not __package__:
        # Run as a folder: its modules belong to the package and must not hide others.
        sys.path = [os.path.dirname(_HERE)] + [p for p in sys.path if os.path.abspath(p) != _HERE]
    import setup

    sys.exit(setup.main(_start))
