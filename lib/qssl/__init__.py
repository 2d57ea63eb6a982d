# qssl - TLS sockets through a Quectel UGxx modem's AT+QSSL commands.
# SPDX-License-Identifier: MIT

__version__ = "0.1.0"

import gc
import sys

if __debug__:  # -O2 of the .mpy files drops this
    if sys.implementation.name == "cpython":
        import time

        if not hasattr(time, "ticks_ms"):  # nor what else the tests bring
            raise ImportError(
                "qssl runs on MicroPython. On a PC, `python3 tools/run.py SCRIPT` of its checkout "
                "runs a script for a board, `python3 tools/api.py help Modem.connect` shows help."
            )


def __getattr__(name):
    # Loads what is asked for when it is asked for (as asyncio does): a name of a module, or a
    # module of the package. MicroPython asks here for `from . import link` too.
    if name.startswith("__"):
        raise AttributeError(name)
    module = {
        "Modem": "modem",
        "Error": "errors",
        "DeliveryUnknown": "errors",
        "Refused": "errors",
    }.get(name, name)
    try:
        value = __import__("qssl." + module, None, None, (name,))
    except ImportError as e:
        if module in str(e):
            raise AttributeError(name)
        raise
    if module != name:
        value = getattr(value, name)
    globals()[name] = value
    return value


def unload(names, often=False):
    # Gives back the memory of modules that were needed for a while; they are loaded again when
    # they are needed again. names: a str, blanks between: "clock", "start.sim", or a whole room,
    # "start". often: each connection needs them. Then they stay where they are source files on the
    # board and memory is plenty: to compile them again takes a second or two. (Frozen, __file__ is
    # "qssl/__init__.py".)
    if often and __file__.startswith("/") and __file__.endswith(".py"):
        gc.collect()
        if gc.mem_free() > 98304:  # to compile the rest of a connection takes up to 90 kB
            return
    for name in names.split():
        full = "qssl." + name
        for key in list(sys.modules):
            if key == full or key.startswith(full + "."):
                del sys.modules[key]
        while "." in full:  # a room goes with the last that was in it
            room, _, name = full.rpartition(".")
            if room in sys.modules:
                sys.modules[room].__dict__.pop(name, None)
            if room == "qssl" or [key for key in sys.modules if key.startswith(room + ".")]:
                break
            sys.modules.pop(room, None)
            full = room
    gc.collect()  # what stays is loaded next: into the gaps, not behind them
