# tool - runs the project's entry programs in tests, and tells what they leave behind.
# SPDX-License-Identifier: MIT

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import setup
from emuboard import firmware
from qdevice.host import Host

LIMIT_S = 300  # for a whole program


def call(name, *words, timeout=LIMIT_S, traceback=False, **options):
    # (exit status, output, errors) of tools/NAME, which ends by itself. It shows no traceback, or
    # is to show one.
    argv = [sys.executable, setup.ROOT / "tools" / name, *words]
    done = subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        **options,
    )
    assert ("Traceback" in done.stderr) == traceback, done.stderr
    return done.returncode, done.stdout, done.stderr


@contextlib.contextmanager
def emulated(**options):
    # The emulated board; options: of Host.
    if not setup.have_emulator():
        pytest.skip("no emulator here: run `python3 tools/test.py` once")
    with Host(**options) as host:
        yield host


def start(folder, name, *args, **env):
    # tools/NAME as a process, in a session of its own. All that it makes lies under folder.
    if setup.find_micropython() is None:
        pytest.skip("no MicroPython unix port here: run `python3 tools/test.py` once")
    if name == "device.py" and setup.have_emulator():
        firmware(frozen=True)  # a minute or two, of which the program is not to blame
    if name == "demo.py" and "--mqtt" in args and setup.find_server("mosquitto") is None:
        pytest.skip("no mosquitto here: run `python3 tools/test.py` once")
    return subprocess.Popen(
        [sys.executable, setup.ROOT / "tools" / name, *[str(a) for a in args]],
        cwd=setup.ROOT,
        env=dict(os.environ, TMPDIR=str(folder), **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(folder, name, *args, **env):
    # (exit status, output, errors) of tools/NAME. Nothing may be left behind.
    process = start(folder, name, *args, **env)
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, err = process.communicate(timeout=60)
        pytest.fail("%s did not end in %d s:\n%s\n%s" % (name, LIMIT_S, out, err))
    assert "Traceback" not in err, err
    assert "Warning: Comparison between" not in out + err  # of bytes and str, by MicroPython
    assert left(folder) == []
    return process.returncode, out, err


def processes(path):
    # The command lines of processes that have to do with a file or a folder.
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(path) in line:
                found.append(line)
    return found


def left(folder):
    # What is left under folder, and the command lines of processes that have to do with it.
    return [str(path) for path in Path(folder).iterdir()] + processes(folder)
