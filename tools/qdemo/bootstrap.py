# qdemo.bootstrap - from any Python to the project's virtual environment. Standard library only.
# SPDX-License-Identifier: MIT

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
    setup.enter(python, module, args)
