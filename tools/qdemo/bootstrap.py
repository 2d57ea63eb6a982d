# qdemo.bootstrap - from any Python to the project's virtual environment. Standard library only.
# SPDX-License-Identifier: MIT

import os

import setup


def enter(module, args, clients="", broker=False, groups=()):
    # Sets up what is missing, then goes on as `python -m MODULE` in the virtual environment; does
    # not return. clients (a function of setup, "" for none), broker, groups (of pyproject.toml):
    # what is wanted besides MicroPython.
    python = setup.ensure_venv("ugsim", "mqtt", *groups)
    setup.micropython()
    if broker:
        setup.server("mosquitto")
    if clients:
        getattr(setup, clients)()
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    setup.become(python, [python, "-m", module, *args], env)
