# setup.unixport - finds or fetches the MicroPython unix port.
# SPDX-License-Identifier: MIT

import os
import platform
import shutil
import subprocess
from pathlib import Path

from .common import CACHE, SetupError, cached, say
from .debs import architecture, have_apt, mirror, unpack, write_starter

FLOOR = (1, 24)
_SUITE = "trixie"  # has 1.25.0; its packages bring a C library of their own
NEWER = "sid"  # has 1.26 or newer
_HOMEBREW = ("/opt/homebrew/bin", "/usr/local/bin", "/home/linuxbrew/.linuxbrew/bin")

_BITS32 = {"amd64": "i386", "arm64": "armhf"}  # what a 64-bit machine runs, too


def probe(program):
    # (version tuple, bits) of a MicroPython program, None if it does not run as one.
    code = "import sys; i = sys.implementation; print(i[0], i[1][:3], sys.maxsize > 1 << 40)"
    try:
        done = subprocess.run(
            [str(program), "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.decode(errors="replace").replace(",", "").split()
    if done.returncode or len(words) != 5 or words[0] != "micropython":
        return None
    version = tuple(int(w.strip("()")) for w in words[1:4])
    return version, 64 if words[4] == "True" else 32


def find_micropython(bits=64, suite=None):
    # Path of a MicroPython that is here already, None if there is none. Fetches nothing.
    # $MICROPYTHON (bits=32: $MICROPYTHON32) must be right; the others are taken if they are.
    # suite: only that of this Debian suite will do.
    if suite:
        return _cached(bits, suite)
    variable = "MICROPYTHON" if bits == 64 else "MICROPYTHON32"
    named = os.environ.get(variable)
    if named:
        found = probe(named)
        if found is None or found[0] < FLOOR or found[1] != bits:
            raise SetupError(
                "$%s is %s, which is not a MicroPython unix port of version %d.%d or newer with "
                "%d bits: correct the variable or unset it." % (variable, named, *FLOOR, bits)
            )
        return Path(named).absolute()
    path = os.environ.get("PATH", os.defpath)
    for folders in (path, os.pathsep.join(_HOMEBREW)):
        program = shutil.which("micropython", path=folders)
        found = program and probe(program)
        if found and found[0] >= FLOOR and found[1] == bits:
            return Path(program)
    return _cached(bits, _SUITE)


def _cached(bits, suite):
    program = CACHE / _key(bits, suite) / "micropython"
    return program if program.exists() and probe(program) else None


def micropython(bits=64, suite=None):
    # Path of a MicroPython unix port; unpacks Debian's under .cache if none is here.
    program = find_micropython(bits, suite)
    if program:
        return program
    advice = "install MicroPython %d.%d or newer and set $MICROPYTHON%s to its path" % (
        *FLOOR,
        "" if bits == 64 else "32",
    )
    if platform.system() != "Linux" or not have_apt():
        raise SetupError("No MicroPython unix port found: %s." % advice)
    arch = _architecture(bits)
    if arch is None:
        raise SetupError("No %d-bit MicroPython known for this machine: %s." % (bits, advice))
    key = _key(bits, suite or _SUITE)
    folder = CACHE / key
    if folder.exists():
        shutil.rmtree(folder)  # it is there but does not run

    def fill(temp):
        try:
            _unpack(temp, bits, arch, suite)
        except SetupError as e:
            raise SetupError("%s Try again, or %s." % (e, advice))
        found = probe(temp / "micropython")
        if found is None or found[0] < FLOOR:
            raise SetupError("The MicroPython package does not run or is too old: %s." % advice)

    return cached(key, fill) / "micropython"


def _unpack(folder, bits, arch, suite):
    if mirror() or bits == 32 or suite:
        suite = suite or _SUITE
        say("fetching the %d-bit MicroPython unix port (Debian %s, under .cache)" % (bits, suite))
        unpack(folder, ["micropython"], suite, arch)
        write_starter(folder / "micropython", "usr/bin/micropython", arch)
    else:
        # Not Debian, but with packages like it: Ubuntu, whose newer releases have it new enough.
        say("fetching the MicroPython unix port (this system's package, under .cache)")
        unpack(folder, ["micropython"])
        write_starter(folder / "micropython", "usr/bin/micropython")


def _architecture(bits):
    # The Debian architecture to fetch, None if this machine has none.
    native = architecture()
    if native in _BITS32:
        return native if bits == 64 else _BITS32[native]
    return native if bits == 32 and native in _BITS32.values() else None


def _key(bits, suite):
    return "micropython-%s-%d" % (suite, bits)
