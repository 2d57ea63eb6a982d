# qshared.interpreters - interpreters with the driver, the simulated modem and the cases' kits.
# SPDX-License-Identifier: MIT

import os
import sys

import setup


def _paths(*more):
    root = setup.ROOT
    return [str(root / p) for p in ("lib", "tools", "tests/host", "tests/host/support", *more)]


def cpython():
    # (name, argv, environment)
    path = os.pathsep.join(_paths("tests/host/cpython"))
    # The driver drops modules and imports them again: compiled once, kept out of the checkout.
    env = dict(os.environ, PYTHONPATH=path, PYTHONPYCACHEPREFIX=str(setup.CACHE / "pycache"))
    return "cpython", [sys.executable, "-u"], env


def micropython():
    path = os.pathsep.join([".frozen", *_paths()])
    argv = [str(setup.micropython()), "-X", "heapsize=64m"]
    return "micropython", argv, dict(os.environ, MICROPYPATH=path)
