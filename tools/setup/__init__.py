# setup - makes this checkout ready to run: venv, MicroPython, servers. Standard library only.
# SPDX-License-Identifier: MIT
"""Everything lands under .venv and .cache of the checkout; the system is left alone, except that
root on Debian or Ubuntu gets a missing python3-venv installed.

    import setup

    python = setup.ensure_venv("ugsim")            # path of the virtual environment's python
    micropython = setup.micropython()              # path of a MicroPython unix port
    nginx = setup.server("nginx")                  # path of a program: also mosquitto, chromium...
    folder = setup.umqtt()                         # folder for MICROPYPATH with umqtt in it
    folder = setup.clients()                       # the same with simple2 and urequests
"""

from . import interrupt, version  # first of all
from .archives import clients, umqtt
from .common import (
    CACHE,
    ROOT,
    SetupError,
    cached,
    call,
    call_module,
    enter,
    heard,
    main,
    run,
    say,
)
from .debs import ensure_system
from .emulator import arm_tools, find_micropython_source, have_emulator, micropython_source
from .nodejs import (
    WEBASSEMBLY,
    find_node,
    find_rp2040js,
    find_webassembly,
    rp2040js,
    webassembly,
)
from .programs import beside, find_server, server
from .unixport import NEWER, find_micropython, micropython
from .venv import ensure_venv

__all__ = [
    "CACHE",
    "NEWER",
    "ROOT",
    "WEBASSEMBLY",
    "SetupError",
    "arm_tools",
    "beside",
    "cached",
    "call",
    "call_module",
    "clients",
    "ensure_system",
    "ensure_venv",
    "enter",
    "find_micropython",
    "find_micropython_source",
    "find_node",
    "find_rp2040js",
    "find_server",
    "find_webassembly",
    "have_emulator",
    "heard",
    "interrupt",
    "main",
    "micropython",
    "micropython_source",
    "rp2040js",
    "run",
    "say",
    "server",
    "umqtt",
    "version",
    "webassembly",
]
