# qdemo.bootstrap - from any Python to the project's virtual environment. Standard library only.
# SPDX-License-Identifier: MIT

import os

import setup


def enter(module, args, mqtt):
    # Sets up what is missing, then goes on as `python -m MODULE` in the virtual environment; does
    # not return. mqtt: a broker and umqtt are wanted as well.
    python = setup.ensure_venv("ugsim")
    setup.micropython()
    if mqtt:
        setup.server("mosquitto")
        setup.umqtt()
    path = [str(setup.ROOT / "tools"), os.environ.get("PYTHONPATH", "")]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in path if p))
    os.execve(python, [str(python), "-m", module, *args], env)
