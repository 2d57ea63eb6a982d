# interpreters - on what the cases run: command lines and environments, and what can't run there.
# SPDX-License-Identifier: MIT

import atexit
import functools
import os
import sys
import tempfile
from pathlib import Path

import pytest

import setup

HERE = Path(__file__).resolve().parent
_UPPATH = [".frozen", *(str(setup.ROOT / p) for p in ("lib", "tools", "tests/host"))]
_PATH = [*_UPPATH[1:], str(HERE / "support")]


def _cpython():
    path = os.pathsep.join([*_PATH, str(HERE / "cpython")])
    # Compiled once, kept out of the checkout.
    env = dict(os.environ, PYTHONPATH=path, PYTHONUTF8="1")
    env.update(PYTHONPYCACHEPREFIX=str(setup.CACHE / "pycache"), PYTHONDONTWRITEBYTECODE="")
    return [sys.executable, "-u"], env


_find_micropython = functools.cache(setup.find_micropython)


def _micropython(compiled=False, **which):
    program = _find_micropython(**which)
    if program is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    driver = [_compiled()] if compiled else []
    path = os.pathsep.join([".frozen", *driver, *_UPPATH[1:], str(HERE / "support")])
    return [str(program), "-X", "heapsize=64m"], dict(os.environ, MICROPYPATH=path)


@functools.cache
def _compiled():
    # The driver as it goes onto a board: .mpy files, with short private names.
    from qpackage.mpy import compile_driver

    folder = tempfile.TemporaryDirectory(prefix="qssl-mpy-")
    atexit.register(folder.cleanup)
    return str(compile_driver(Path(folder.name)))


def _webassembly(version):
    found = setup.find_webassembly(version)
    source = setup.find_micropython_source()
    if found is None or source is None:
        pytest.skip("no MicroPython %s here: run `python3 tools/test.py` once" % version)
    node, module = found
    env = dict(os.environ, CASE_ASYNCIO=str(source / "extmod/asyncio"))
    return [str(node), str(HERE / "webassembly.mjs"), str(module), str(setup.ROOT)], env


INTERPRETERS = {"cpython": _cpython, "micropython": _micropython}
# Two more for some files, as all of them would take twice the time: 31-bit small integers and the
# object sizes of boards, with the driver compiled as for one; and a newer MicroPython. All files
# run on them with `--everywhere`; in CI too, but on the newer one what can't run on the newest.
MORE = {
    "micropython32": lambda: _micropython(bits=32, compiled=True),
    "micropython-newer": lambda: _micropython(suite=setup.NEWER),
}
# Where a test looks into the driver, whose names are others when it is compiled.
ON_SOURCES = {"micropython32": "micropython32 with the sources"}
SOURCES = {"micropython32 with the sources": lambda: _micropython(bits=32)}
# The newest one, and the oldest that Debian's do not cover, as published for Node.js.
WEBASSEMBLY = {
    "micropython-" + version: functools.partial(_webassembly, version)
    for version in setup.WEBASSEMBLY
}
NEWEST = list(WEBASSEMBLY)[-1]
SLOWER = 6  # than the unix port
# A file, or some of its tests, and why.
NOT_ON_WEBASSEMBLY = {
    "test_families_clients": "files of the checkout",
    "test_compat_tls": {"test_a_ca_that_is_none": "files: ENOENT is 44 there"},
    "test_poll": {"test_beside_a_stream_of_the_system": "a socket of the system"},
    "test_queue_files": {"test_on_a_real_file_system": "files: EEXIST is 20 there"},
    "test_site": dict.fromkeys(
        (
            "test_settings",
            "test_time",
            "test_modem",
            "test_two_wires_and_another_rate",
            "test_wrong_pins",
        ),
        "files: ENOENT is 44 there",
    ),
    "test_shims": {"test_poll_times_out": "the real clock, and slow"},
}
EVERYWHERE = (
    "test_driver_calls",
    "test_driver_memory",  # what allocates depends on the size of integers and on the version
    "test_driver_nonblocking",
    "test_driver_parser",
    "test_driver_sockets",
    "test_driver_units",
    "test_events",
    "test_model_rig",  # the clock that wraps as on boards
    "test_poll",
    "test_probe",
    "test_tick",
    "test_validity",  # dates, as large integers
)
